package lan

import (
	"math/rand/v2"
	"time"
)

// pauses are those between the queries of a burst, the first of which leaves
// at once: both of two newcomers are likely to be heard within a second, and a
// network that comes up slowly within ten.
var pauses = [...]time.Duration{
	250 * time.Millisecond,
	250 * time.Millisecond,
	500 * time.Millisecond,
	1 * time.Second,
	2 * time.Second,
	4 * time.Second,
}

// steady is the pause after a burst, give or take a fifth, so that hosts that
// started together do not ask together for ever.
const steady = 15 * time.Second

// schedule says when to ask. Its zero value begins a burst.
type schedule struct{ asked int }

// first reports whether the coming query is the first of a burst.
func (s *schedule) first() bool { return s.asked == 0 }

// next counts a query and returns the pause after it.
func (s *schedule) next() time.Duration {
	s.asked++
	if s.asked <= len(pauses) {
		return pauses[s.asked-1]
	}
	s.asked = len(pauses) + 1
	return steady*4/5 + rand.N(steady*2/5)
}

// reset begins a burst.
func (s *schedule) reset() { s.asked = 0 }
