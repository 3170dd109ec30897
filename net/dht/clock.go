package dht

import (
	"slices"
	"time"
)

// This file compares our clock with those of others: mail lies where the day
// says, so a clock that is wrong by hours looks in the wrong place.

const (
	clockPause  = 6 * time.Hour // between comparisons
	clockAsked  = 9             // servers at a time
	clockNeeded = 5             // answers without which nothing is said

	// MaxOffset is how far the clocks of others may say that ours is off.
	MaxOffset = 26 * time.Hour
)

// clocks is how far others are ahead of us, as they said when asked last.
type clocks struct {
	next    time.Time
	offsets []time.Duration
}

// compareClocks asks some servers for the time, now and then.
func (r *Router) compareClocks(now time.Time) (again time.Time) {
	c := &r.clocks
	if now.Before(c.next) {
		return c.next
	}
	var from []Query
	for _, s := range r.scopes {
		for _, to := range s.table.Nearest(mix(Key{}, 0, r.cfg.Rand), clockAsked-len(from), false) {
			from = append(from, Query{Scope: s.which, To: to})
		}
	}
	if len(from) < clockNeeded {
		c.next = now.Add(doubtPause)
		return c.next
	}
	c.next = now.Add(clockPause)
	var heard []time.Duration
	for _, q := range from {
		r.ask(q.Scope, q.To, Ping{Port: r.port(r.scopes[q.Scope])}, func(then time.Time, m Message) {
			if pong, ok := m.(Pong); ok {
				// It was said between now and then.
				heard = append(heard, time.UnixMilli(pong.Clock).Sub(now.Add(then.Sub(now)/2)))
			}
			if len(heard) >= clockNeeded {
				c.offsets = slices.Clone(heard)
			}
		})
	}
	return c.next
}

// Offset tells how far the clocks of others are ahead of ours: the median of
// those that were asked, 0 if they were too few.
func (r *Router) Offset() time.Duration {
	all := slices.Sorted(slices.Values(r.clocks.offsets))
	if len(all) < clockNeeded {
		return 0
	}
	return min(max(all[len(all)/2], -MaxOffset), MaxOffset)
}
