package dht

import (
	"time"
)

const (
	refreshPause = 10 * time.Second // between the lookups of idle buckets
	doubtPause   = time.Minute      // before one that has not answered is asked again
	maxDoubts    = 3                // asked again at a time

	neighbours     = 24        // how many nearest servers count as such
	departureTime  = time.Hour // how long a departure is remembered
	maxDepartures  = 4 * neighbours
	repairAtATime  = 8               // questions of the keeper at a time
	maxRepairPause = 5 * time.Minute // the keeper is asked at least so often
)

// keepUp refreshes idle buckets, and asks those again who have not answered.
func (r *Router) keepUp(now time.Time, s *scope) (again time.Time) {
	s.left = s.departures(now)
	if s.table.Len() == 0 {
		s.joined = false // whoever comes first is asked for all others
		return now.Add(time.Hour)
	}
	if !now.Before(s.refresh) {
		s.refresh = now.Add(refreshPause)
		if target, ok := s.table.Idle(now, r.cfg.Rand); ok {
			r.Lookup(now, s.which, target, LookupConfig{K: Replicas}, func(now time.Time, _ Nearby) {
				s.refresh = now
			})
		} else {
			s.refresh = now.Add(doubtPause)
		}
	}
	if !now.Before(s.doubt) {
		s.doubt = now.Add(doubtPause)
		for _, c := range s.table.Doubtful(now.Add(-doubtPause), maxDoubts) {
			r.ask(s.which, c, Find{Target: Blind(r.self, r.cfg.Rand), Port: r.port(s)}, ignore)
		}
	}
	if s.refresh.Before(s.doubt) {
		return s.refresh
	}
	return s.doubt
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
	left := len(sc.left)
	if left == 0 {
		return 0
	}
	return float64(left) / float64(min(sc.table.Len(), neighbours)+left)
}

// askRepair asks what the keeper wants asked.
func (r *Router) askRepair(now time.Time) (again time.Time) {
	due, again := r.cfg.Keeper.Repair(now, repairAtATime)
	for _, q := range due {
		r.ask(q.Scope, q.To, q.Ask, func(now time.Time, m Message) {
			r.cfg.Keeper.Repaired(now, q, m)
			r.repair = now // it may have more
		})
	}
	return minTime(again, now.Add(maxRepairPause))
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
