package lan

import (
	"math/rand/v2"
	"time"
)

const (
	// briefTime is how long the first query of a burst listens: on a wire the
	// answers come within two milliseconds, and the library never returns
	// before its time is over.
	briefTime = 20 * time.Millisecond

	// queryTime is how long the next ones listen.
	queryTime = 120 * time.Millisecond

	// patientTime is how long the later ones listen: a radio that sleeps hears
	// multicast every third beacon, of 102 ms each.
	patientTime = 320 * time.Millisecond

	// steady is the pause after a burst, give or take a fifth, so that hosts
	// that started together do not ask together for ever.
	steady = 15 * time.Second

	// minPause keeps whatever happens on the network from making us ask more
	// often, except by the burst's own first queries.
	minPause = 500 * time.Millisecond

	// hintMin and hintMax are how long a hint waits, by chance: everybody has
	// it at once (RFC 6762, section 5.2).
	hintMin, hintMax = 20 * time.Millisecond, 120 * time.Millisecond
)

// queries of a burst: how long each listens, and how long after its beginning
// the next one comes. Two newcomers are likely to hear each other within a
// second, and a network that comes up slowly is used within ten.
var queries = [...]struct{ listen, pause time.Duration }{
	{briefTime, 250 * time.Millisecond},
	{queryTime, 250 * time.Millisecond},
	{queryTime, 500 * time.Millisecond},
	{patientTime, 1 * time.Second},
	{patientTime, 2 * time.Second},
	{patientTime, 4 * time.Second},
}

// schedule says when to ask, and how long to listen then. It reads no clock.
// Its zero value begins a burst at once.
type schedule struct {
	due    time.Time // of the next query
	asked  int       // queries of this burst so far
	last   time.Time // when the last one left
	hinted bool      // the next one is for somebody who is awake
}

// ask counts a query that leaves now and returns how long it listens.
func (s *schedule) ask(now time.Time) (listen time.Duration) {
	listen, pause := patientTime, steady*4/5+rand.N(steady*2/5)
	if s.asked < len(queries) {
		listen, pause = queries[s.asked].listen, queries[s.asked].pause
		s.asked++
	}
	if s.hinted {
		listen = min(listen, queryTime)
	}
	s.hinted = false
	s.last, s.due = now, now.Add(pause)
	return listen
}

// burst begins a burst.
func (s *schedule) burst(now time.Time) {
	s.asked = 0
	s.advance(now)
}

// hint has a query made soon, which counts as one of the schedule.
func (s *schedule) hint(now time.Time) {
	s.hinted = true
	s.advance(now.Add(hintMin + rand.N(hintMax-hintMin)))
}

// advance makes the next query earlier, but not too soon after the last.
func (s *schedule) advance(to time.Time) {
	if first := s.last.Add(minPause); to.Before(first) {
		to = first
	}
	if to.Before(s.due) {
		s.due = to
	}
}
