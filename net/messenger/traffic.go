package messenger

import "time"

// Traffic is bytes received and sent.
type Traffic struct{ In, Out uint64 }

func (t Traffic) since(before Traffic) Traffic { return Traffic{t.In - before.In, t.Out - before.Out} }

const (
	// meterEvery is how often bytes are counted for the last hour, meterTime
	// is that hour.
	meterEvery, meterTime = time.Minute, time.Hour
)

// meter tells how many bytes went in the last hour. The zero meter is ready.
type meter struct {
	samples []sample // oldest first; the newest one of before the hour, and those of it
}

// sample is the bytes since the start at some time.
type sample struct {
	at          time.Time
	links, mail Traffic
}

// take keeps a sample, unless there is one that is hardly older.
func (m *meter) take(now sample) {
	if n := len(m.samples); n > 0 && now.at.Sub(m.samples[n-1].at) < meterEvery {
		return
	}
	m.samples = append(m.samples, now)
	for len(m.samples) > 1 && now.at.Sub(m.samples[1].at) >= meterTime {
		m.samples = m.samples[1:]
	}
}

// last returns what went since an hour ago, or since the first sample, and how
// long that is.
func (m *meter) last(now sample) (links, mail Traffic, d time.Duration) {
	if len(m.samples) == 0 {
		return Traffic{}, Traffic{}, 0
	}
	first := m.samples[0]
	return now.links.since(first.links), now.mail.since(first.mail), now.at.Sub(first.at)
}
