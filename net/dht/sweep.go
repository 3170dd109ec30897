package dht

import (
	"math"
	"time"
)

// This file holds how a node comes to know a small network as a whole. It asks
// for one place after the other, so that each server is named by somebody who
// is near it: a dozen of them with every question. When it has come around and
// nobody new has turned up, its table is the network, and nothing in it has to
// be looked up.

const (
	sweepPause    = 10 * time.Second // from one sweep to the next while newcomers turn up, doubled each time
	maxSweepPause = time.Hour        // and after
	sweepBacklog  = 64               // newcomers that wait to be dialled hold a sweep up
	sweepCounts   = 3 * time.Hour    // how long one counts
	sweepTries    = 3                // questions for one place
	maxSteps      = 400              // places of one sweep
	stepPause     = 200 * time.Millisecond
	judgePause    = time.Second      // while those named in a sweep are dialled
	maxJudge      = 30 * time.Second // before it is judged all the same

	// settled is how long nobody new has been met before a table is taken for
	// the whole network.
	settled = time.Minute

	// smallNetwork is the largest that is swept, as estimated. Tables beyond
	// smallTable are no whole ones, but an estimate is not exact.
	smallNetwork = 2 * smallTable
)

// sweep is how far a sweep has come.
type sweep struct {
	under bool      // it is under way
	waits bool      // for an answer
	at    Key       // distance from the own place; all nearer is done
	tries int       // of this place
	steps int       // places done
	begun time.Time // the last one
	ended time.Time // it has come around, and is to be judged; zero if it is not
	pause time.Duration
	next  time.Time // when the next one begins
	whole time.Time // when one has last come around without newcomers
}

// Whole reports whether the table of a scope is the whole network, in which
// nothing has to be looked up.
func (r *Router) Whole(now time.Time, s Scope) bool {
	sc := r.scopes[s]
	return r.cfg.Table.Small >= 0 && sc.table.Len() < smallTable &&
		!sc.sweep.whole.IsZero() && now.Sub(sc.sweep.whole) < sc.rest(sweepCounts) && now.Sub(sc.strange) >= settled &&
		sc.table.Estimate() <= 2*sc.table.Len() // otherwise it has grown since
}

// small reports whether a scope is to be swept, and not to be looked up place
// by place.
func (r *Router) small(s *scope) bool {
	return r.cfg.Table.Small >= 0 && s.table.Len() < smallTable && s.table.Estimate() < smallNetwork
}

// Estimate tells how many servers there may be, by how near the nearest are.
func (t *Table) Estimate() int {
	const k = 16
	nearest := t.Nearest(t.self, k, false)
	if len(nearest) < k {
		return t.size
	}
	part := float64(near(t.self, nearest[k-1].Key)) / math.MaxUint64
	return max(t.size, int(min(k/part, math.MaxInt32)))
}

// sweepOn asks for the next place, or begins again when it is time to. It
// tells when to call it again.
func (r *Router) sweepOn(now time.Time, s *scope) (again time.Time) {
	w := &s.sweep
	switch {
	case w.waits:
		return now.Add(sweepPause)
	case !w.ended.IsZero():
		return r.judgeSweep(now, s)
	case !w.under && now.Before(w.next):
		return w.next
	case !w.under:
		w.under, w.at, w.tries, w.steps, w.begun = true, Key{}, 0, 0, now
	case len(s.heard) >= sweepBacklog:
		return now.Add(sweepPause)
	}
	target := xor(r.self, w.at)
	nearest := s.table.Nearest(target, MaxContacts, false)
	if len(nearest) == 0 {
		w.under, w.next = false, now.Add(sweepPause)
		return w.next
	}
	w.waits = true
	to := nearest[r.cfg.Rand.IntN(min(2, len(nearest)))] // not always the same, who might lie
	r.ask(s.which, to, Find{Target: Blind(target, r.cfg.Rand), Port: r.port(s)}, func(now time.Time, m Message) {
		s.refresh = now.Add(stepPause)
		w.waits = false
		w.tries++
		f, ok := m.(Found)
		if ok {
			r.named(now, s, scoped(s.which, f.Contacts))
		}
		if done := (ok && len(f.Contacts) >= min(len(nearest)-1, MaxContacts)) || w.tries >= sweepTries; done && w.under {
			w.tries = 0
			r.swept(now, s, covered(target, nearest, f.Contacts))
		}
	})
	return now.Add(sweepPause)
}

// notWhole takes note that there are more servers than are known: they are
// looked for within the hour.
func (s *scope) notWhole(now time.Time) {
	s.sweep.whole = time.Time{}
	s.sweepBy(now.Add(maxSweepPause))
}

// sweepBy has the next sweep begin no later than that.
func (s *scope) sweepBy(at time.Time) {
	s.sweep.next = minTime(s.sweep.next, at)
	s.refresh = minTime(s.refresh, at)
}

// covered returns how many bits those have in common with a target who are
// named by an answer, and none beside them: as many as the answer says, but no
// fewer than we know of ourselves.
func covered(target Key, known, named []*Contact) int {
	most := -1
	for _, contacts := range [][]*Contact{known, named} {
		least := -1
		if len(contacts) >= MaxContacts {
			least = 8 * len(target)
			for _, c := range contacts {
				least = min(least, target.Common(c.Key))
			}
		}
		most = max(most, least)
	}
	return most + 1
}

// swept takes it that all who have so many bits in common with the place where
// the sweep is have been named, and ends it when it has come around.
func (r *Router) swept(now time.Time, s *scope, bits int) {
	w := &s.sweep
	w.steps++
	if w.steps < maxSteps && bits > 0 && w.at.advance(min(bits, 8*len(w.at))) {
		return
	}
	w.under, w.ended = false, now
}

// judgeSweep decides what a sweep has shown, when all it has named have been
// dialled.
func (r *Router) judgeSweep(now time.Time, s *scope) (again time.Time) {
	w := &s.sweep
	if len(s.callers)+len(s.heard)+len(s.trying) > 0 && now.Sub(w.ended) < maxJudge {
		return now.Add(judgePause)
	}
	w.ended = time.Time{}
	if s.strange.Before(w.begun) && w.steps < maxSteps {
		w.whole, w.pause, w.next = now, 0, now.Add(s.rest(maxSweepPause))
	} else {
		w.pause = min(max(2*w.pause, sweepPause), maxSweepPause)
		w.next = now.Add(w.pause)
	}
	return w.next
}

func xor(a, b Key) (k Key) {
	for i := range k {
		k[i] = a[i] ^ b[i]
	}
	return k
}

// advance makes k the next number that is a multiple of 2^(256-bits), and
// reports whether there is one.
func (k *Key) advance(bits int) bool {
	i := (bits - 1) / 8
	carry := uint16(0x80) >> ((bits - 1) % 8)
	k[i] &^= byte(carry - 1)
	clear(k[i+1:])
	for ; i >= 0 && carry > 0; i-- {
		sum := uint16(k[i]) + carry
		k[i], carry = byte(sum), sum>>8
	}
	return carry == 0
}
