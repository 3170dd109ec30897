package dht

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

const (
	minLook      = 2 * time.Second  // before a newcomer looks itself up again
	lookGrowth   = 3                // and so many times as long before each time after
	refreshPause = 15 * time.Second // between the lookups of idle buckets
	lonely       = 5 * time.Minute  // a node that knows few looks for neighbours so often
	doubtPause   = time.Minute      // before one that has not answered is asked again
	maxDoubts    = 16               // asked again at a time
	outagePause  = 5 * time.Second  // the same while nobody answers,
	outage       = 10 * time.Minute // for so long: perhaps the network is just coming up
	stalePause   = 2 * time.Minute  // between questions to those not heard of for longest
	stalerPause  = 5 * time.Second  // and after one that has not answered
	staleTime    = time.Hour        // so long

	regainPause = 10 * time.Minute // between questions to those that are gone
	regainTime  = 24 * time.Hour   // for so long
	maxLost     = 64               // of as many

	silentTime = 30 * time.Minute // others may name who has not answered, and are not believed
	maxSilent  = 512              // of as many

	// calm is how many times as long the pauses are of a client that has
	// settled: nobody is told of whom it knows, and what it needs it looks up.
	calm = 24

	neighbours    = 24        // how many nearest servers count as such
	departureTime = time.Hour // how long a departure is remembered
	maxDepartures = 4 * neighbours
)

// keepUp refreshes idle buckets, and asks those again who have not answered.
func (r *Router) keepUp(now time.Time, s *scope) (again time.Time) {
	s.left = s.departures(now)
	if s.table.Len() == 0 {
		s.joined, s.settle, s.sweep = false, 0, sweep{} // whoever comes first is asked for all others
		return now.Add(time.Hour)
	}
	if !now.Before(s.again) {
		r.lookSelfUp(now, s)
	}
	switch {
	case now.Before(s.refresh):
	case r.small(s):
		s.refresh = r.sweepOn(now, s)
	default:
		s.refresh = now.Add(doubtPause)
		if target, ok := s.table.Idle(now, s.rest(refreshAfter), r.cfg.Rand); ok {
			r.search(now, s.which, target, LookupConfig{K: Replicas}, func(now time.Time, _ Nearby) {
				s.refresh = now.Add(refreshPause)
			})
		}
	}
	if !now.Before(s.doubt) {
		pause := doubtPause
		if s.table.Sure() == 0 && s.table.silentFor(now).Abs() < outage {
			pause = outagePause
		}
		s.doubt = now.Add(pause)
		for _, c := range s.table.Doubtful(now.Add(-pause), maxDoubts) {
			r.ask(s.which, c, Find{Target: Blind(r.self, r.cfg.Rand), Port: r.port(s)}, ignore)
		}
	}
	if !now.Before(s.stale) {
		s.stale = now.Add(s.rest(stalePause))
		if c := s.table.Stalest(now.Add(-staleTime)); c != nil {
			r.ask(s.which, c, Find{Target: Blind(r.self, r.cfg.Rand), Port: r.port(s)}, func(now time.Time, m Message) {
				if m == nil {
					s.stale = now.Add(stalerPause)
				}
			})
		}
	}
	r.seekLost(now, s)
	return minTime(minTime(minTime(s.refresh, s.again), minTime(s.doubt, s.stale)), s.regain)
}

// rest is a pause of a server; a client takes longer.
func (s *scope) rest(d time.Duration) time.Duration {
	if s.server {
		return d
	}
	return calm * d
}

// serve makes a server of a node: it keeps up with the others from now on.
func (s *scope) serve(now time.Time) {
	s.server = true
	s.again = minTime(s.again, now.Add(refreshAfter))
	s.sweepBy(now.Add(maxSweepPause))
	s.stale = minTime(s.stale, now.Add(stalePause))
}

// lost is a contact that is no longer in the table.
type lost struct {
	*Contact
	at time.Time
}

// lose remembers a contact that has left the table.
func (s *scope) lose(now time.Time, c *Contact) {
	s.lost = slices.DeleteFunc(s.lost, func(l lost) bool { return l.Key == c.Key })
	if len(s.lost) >= maxLost {
		s.lost = slices.Delete(s.lost, 0, 1)
	}
	s.lost = append(s.lost, lost{c, now})
}

// doorstep is where somebody is said to be.
type doorstep struct {
	node Key
	addr netip.AddrPort
}

// hush remembers somebody who has not answered, and where.
func (s *scope) hush(now time.Time, c *Contact) {
	if len(s.hushed) >= maxSilent {
		maps.DeleteFunc(s.hushed, func(_ doorstep, at time.Time) bool { return now.Sub(at) >= silentTime })
	}
	for _, a := range c.Addrs {
		if len(s.hushed) < maxSilent {
			s.hushed[doorstep{c.Key, a}] = now
		}
	}
}

// silent reports whether somebody has not answered of late, anywhere.
func (s *scope) silent(now time.Time, c *Contact) bool {
	return !slices.ContainsFunc(c.Addrs, func(a netip.AddrPort) bool {
		at, ok := s.hushed[doorstep{c.Key, a}]
		return !ok || now.Sub(at) >= silentTime
	})
}

// seekLost asks one of those that are gone. Where a network falls into parts,
// each part forgets the others: when they can reach each other again, this is
// how they find out.
func (r *Router) seekLost(now time.Time, s *scope) {
	if now.Before(s.regain) {
		return
	}
	s.regain = now.Add(regainPause)
	s.lost = slices.DeleteFunc(s.lost, func(l lost) bool {
		return now.Sub(l.at) >= regainTime || s.table.Get(l.Key) != nil
	})
	if len(s.lost) == 0 {
		return
	}
	c := s.lost[r.cfg.Rand.IntN(len(s.lost))].Contact
	if !r.mayDial(now, s, c) {
		return
	}
	r.ask(s.which, c, Find{Target: Blind(r.self, r.cfg.Rand), Port: r.port(s)}, func(now time.Time, m Message) {
		if f, ok := m.(Found); ok {
			r.named(now, s, scoped(s.which, f.Contacts))
		}
	})
}

// departures returns when neighbours have left in the last hour.
func (s *scope) departures(now time.Time) []time.Time {
	for len(s.left) > 0 && (now.Sub(s.left[0]) >= departureTime || len(s.left) >= maxDepartures) {
		s.left = s.left[1:]
	}
	return s.left
}

// Departures tells which part of the neighbours has left in the last hour.
func (r *Router) Departures(s Scope) float64 {
	sc := r.scopes[s]
	return min(1, float64(len(sc.left))/float64(max(1, min(sc.table.Len(), neighbours))))
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
