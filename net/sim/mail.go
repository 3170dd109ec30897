package sim

import (
	"fmt"
	"slices"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
)

// MailConfig configures a Mail. A zero field means its default.
type MailConfig struct {
	Messages  int
	Parts     int // packages of a message; 1
	Locations int // where each package is put; 3
	Days      float64
	Reputs    bool // the writer comes online once a day, and puts again what is due
}

// Mail is messages that are put and, days later, read. People are clients that
// stay; everything else comes and goes.
type Mail struct {
	churn  *Churn
	cfg    MailConfig
	people []*peer
	read   int
	lost   int
}

// reputs is how many days after the first time a message is put again, by the
// rule of net/messenger.
var reputs = []int{1, 2, 4, 8}

// MaxDays is the life of a package.
const MaxDays = 14

const (
	people   = 16
	settling = 2 * time.Hour // before the first message is put
	writing  = time.Hour     // in which all are
	early    = 2 * time.Hour // before the days are over it is read
)

// MailSummary is what came of the messages.
type MailSummary struct {
	Messages, Lost int
	Traffic
}

// String returns the summary as the simulator prints it.
func (s MailSummary) String() string {
	return fmt.Sprintf("messages=%d lost=%d store_messages=%d repair_bytes=%d", s.Messages, s.Lost, s.Stores, s.RepairBytes)
}

// Run lets a network settle, puts all messages within an hour, lets the days
// pass and reads them.
func (c *Churn) Run(cfg MailConfig) MailSummary {
	if cfg.Parts == 0 {
		cfg.Parts = 1
	}
	if cfg.Locations == 0 {
		cfg.Locations = 3
	}
	m := &Mail{churn: c, cfg: cfg}
	n := c.Network
	n.Run(n.Now().Add(settling / 2))
	for range people {
		p := c.add(0)
		c.begin(p)
		m.people = append(m.people, p)
	}
	n.Run(n.Now().Add(settling / 2))
	wait := max(time.Duration(cfg.Days*float64(24*time.Hour))-early, 0)
	for i := range cfg.Messages {
		n.After(time.Duration(i)*writing/time.Duration(cfg.Messages), func() { m.put(i, wait) })
	}
	for m.read < cfg.Messages && n.Step() {
	}
	return MailSummary{cfg.Messages, m.lost, c.Traffic}
}

// letter is what its receiver knows of a message.
type letter struct {
	seeds     []parcel.Seed // of its packages
	hints     []dht.Hint
	locations []dht.Key // of the last put first
	writer    *peer
	reader    *peer
}

// put puts a message, and has it read after a while.
func (m *Mail) put(i int, wait time.Duration) {
	n := m.churn.Network
	l := &letter{writer: m.people[i%len(m.people)], reader: m.people[(i+1)%len(m.people)]}
	for range m.cfg.Parts {
		seed := parcel.Seed(randomKey(n.Rand))
		l.seeds, l.hints = append(l.seeds, seed), append(l.hints, seed.Address().Hint())
	}
	m.putNow(l)
	for _, days := range reputs {
		const day = 24 * time.Hour
		if !m.cfg.Reputs {
			break
		}
		at := time.Duration(days)*day + time.Duration(n.Rand.Float64()*float64(day)) // when the writer is there
		if at < wait {
			n.After(at, func() { m.putNow(l) })
		}
	}
	n.After(wait, func() { m.fetch(l, slices.Clone(l.hints), 0, 1) })
}

// putNow puts a message at the places of a new day.
func (m *Mail) putNow(l *letter) {
	n := m.churn.Network
	expiry := uint32(n.Now().Unix()/3600) + MaxDays*24 + 1
	var locations []dht.Key
	for range m.cfg.Locations {
		location := randomKey(n.Rand)
		locations = append(locations, location)
		packages := make([][]byte, len(l.seeds))
		for i, seed := range l.seeds {
			core := parcel.Core{}
			copy(core[:], l.hints[i][:])
			whole := parcel.Seal(&core, seed, location, expiry)
			packages[i] = whole[:]
		}
		l.writer.router.Put(n.Now(), dht.Wide, location, packages, func(time.Time, dht.Placed) {})
	}
	l.locations = append(locations, l.locations...)
	m.churn.pump(l.writer)
}

// fetch reads what is missing of a message at one location after the other: by
// one path, and if something is missing then, by 4, and by 8.
func (m *Mail) fetch(l *letter, missing []dht.Hint, at, paths int) {
	switch {
	case len(missing) == 0:
		m.read++
		return
	case at == len(l.locations) && paths == 8:
		m.read++
		m.lost++
		return
	case at == len(l.locations):
		at, paths = 0, max(4, 2*paths)
	}
	n, r := m.churn.Network, l.reader.router
	r.Get(n.Now(), dht.Wide, l.locations[at], dht.ForReading(paths), missing, 20, func(_ time.Time, g dht.Gotten) {
		missing = slices.DeleteFunc(missing, func(h dht.Hint) bool { return g.Packages[h] != nil })
		m.fetch(l, missing, at+1, paths)
	})
	m.churn.pump(l.reader)
}
