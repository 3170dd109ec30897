package dht

import (
	"slices"
	"time"

	"dione/crypto/parcel"
)

const (
	// Replicas is how many holders one place has in a scope.
	Replicas = 8

	// writePaths is how many disjoint paths lead a writer to them.
	writePaths = 4
)

// ForReading is the lookup of somebody who reads: of the holders, those that
// answer first are enough. More paths are taken where something should lie and
// does not: 4, then 8.
func ForReading(paths int) LookupConfig {
	if paths <= 1 {
		return LookupConfig{K: Replicas}
	}
	return LookupConfig{Paths: paths}
}

// ForWriting is the lookup of somebody who writes: whoever sits near a place
// alone must not lead all of it astray.
func ForWriting() LookupConfig { return LookupConfig{Paths: writePaths} }

// Nearby is what a lookup has found.
type Nearby struct {
	Contacts []*Contact // nearest first
	Messages int        // questions that it took
	Hops     int        // the way to the nearest, in questions
}

// Lookup finds the servers of a scope nearest to a place. They are told to
// done, which may be called at once.
func (r *Router) Lookup(now time.Time, s Scope, target Key, how LookupConfig, done func(now time.Time, found Nearby)) {
	if r.Whole(now, s) {
		done(now, Nearby{Contacts: r.Nearest(s, target, bucketSize)})
		return
	}
	r.search(now, s, target, how, done)
}

// search is Lookup, also where the table is taken for the whole network.
func (r *Router) search(now time.Time, s Scope, target Key, how LookupConfig, done func(now time.Time, found Nearby)) {
	sc := r.scopes[s]
	how.Self, how.Varied = r.self, s == Wide
	l := NewLookup(target, how, sc.table.Nearest(target, bucketSize, true))
	sc.table.LookedUp(now, target)
	blind := Blind(target, r.cfg.Rand)
	open := r.open(s)
	var pump func(now time.Time)
	ended := false
	pump = func(now time.Time) {
		for !ended {
			c := l.Next(open)
			if c == nil {
				break
			}
			if !r.mayDial(now, sc, c) {
				l.Failed(c.Key)
				continue
			}
			r.ask(s, c, Find{Target: blind, Port: r.port(sc)}, func(now time.Time, m Message) {
				if f, ok := m.(Found); ok {
					contacts := scoped(s, f.Contacts)
					contacts = slices.DeleteFunc(contacts, func(c *Contact) bool { return !c.Key.Solves(r.cfg.Zeros) })
					r.named(now, sc, contacts)
					l.Answered(c.Key, contacts)
				} else {
					l.Failed(c.Key)
				}
				pump(now)
			})
		}
		if !ended && l.flight == 0 {
			ended = true
			done(now, Nearby{l.Nearest(bucketSize), l.Messages(), l.Hops()})
		}
	}
	pump(now)
}

// lookSelfUp has the node meet its neighbours: often at first, when others come
// as well and some are too busy to answer.
func (r *Router) lookSelfUp(now time.Time, s *scope) {
	s.settle = min(max(lookGrowth*s.settle, minLook), s.rest(refreshAfter))
	if s.table.Len() < Replicas {
		s.settle = min(s.settle, lonely)
	}
	s.again = now.Add(s.rest(refreshAfter))
	r.search(now, s.which, r.self, LookupConfig{}, func(now time.Time, _ Nearby) {
		s.again = now.Add(s.settle)
		if !r.small(s) { // a sweep goes on as it is
			s.refresh = now.Add(refreshPause)
		}
	})
}

// Answer is what one holder said to one package; Stored is the zero value if
// it said nothing.
type Answer struct {
	Package int // which of those that were put
	Holder  *Contact
	Stored  Stored
}

// Placed is what became of packages that were put at one place in one scope.
type Placed struct {
	Holders []int    // how many hold each package
	Servers int      // how many could: at most as many as a place has
	Answers []Answer // what the holders said, in no order
}

// Put puts packages and tombstones of one location at the servers of a scope
// nearest to it. Where one of them does not take a package, the next one is
// asked. It is told to done, which may be called at once.
func (r *Router) Put(now time.Time, s Scope, location Key, packages [][]byte, done func(now time.Time, p Placed)) {
	r.Lookup(now, s, location, ForWriting(), func(now time.Time, near Nearby) {
		r.PutAt(now, s, near.Contacts, packages, func(now time.Time, p Placed) {
			if near.Messages > 0 || !slices.ContainsFunc(p.Answers, func(a Answer) bool { return a.Stored.Result == Far }) {
				done(now, p)
				return
			}
			r.search(now, s, location, ForWriting(), func(now time.Time, near Nearby) { r.PutAt(now, s, near.Contacts, packages, done) })
		})
	})
}

// PutAt is Put at servers that are known, the nearest first.
func (r *Router) PutAt(now time.Time, s Scope, holders []*Contact, packages [][]byte, done func(now time.Time, p Placed)) {
	placed := Placed{Holders: make([]int, len(packages)), Servers: min(len(holders), r.cfg.Replicas)}
	left := 0
	next := make([]int, len(packages)) // of holders, to be asked for each package
	var put func(i int)
	put = func(i int) {
		if next[i] >= len(holders) {
			return
		}
		to := holders[next[i]]
		next[i]++
		left++
		r.ask(s, to, putting(packages[i]), func(now time.Time, m Message) {
			left--
			a := Answer{Package: i, Holder: to}
			switch m := m.(type) {
			case Stored:
				a.Stored = m
			case Deleted:
				a.Stored = Stored{Result: m.Result, Until: m.Until}
			}
			placed.Answers = append(placed.Answers, a)
			switch a.Stored.Result {
			case Kept:
				placed.Holders[i]++
			case Gone, Other, Bad: // the next one would say the same, or should be asked by nobody
			case Far:
				r.scopes[s].notWhole(now) // there are more servers than we know
				put(i)
			default:
				put(i)
			}
			if left == 0 {
				done(now, placed)
			}
		})
	}
	for i := range packages {
		for range min(len(holders), r.cfg.Replicas) {
			put(i)
		}
	}
	if left == 0 {
		done(now, placed)
	}
}

func putting(b []byte) Message {
	if len(b) == parcel.TombstoneSize {
		return Delete{Tombstone: b}
	}
	return Store{Package: b}
}

// Gotten is what was found of hints that were looked for at one place.
type Gotten struct {
	Packages map[Hint][]byte // packages and tombstones, whole and well signed
	Holders  []*Contact      // the servers of the place, nearest first
	Asked    int             // how many of them were asked
	Answered int             // and how many answered
}

// Get looks for packages of one location in a scope. It asks one holder after
// the other, up to most of them, until all hints are found. It is told to
// done, which may be called at once.
func (r *Router) Get(now time.Time, s Scope, location Key, how LookupConfig, hints []Hint, most int, done func(now time.Time, g Gotten)) {
	lookup := r.Lookup
	if how.Paths > 1 {
		lookup = r.search // one path has not found what should be there
	}
	lookup(now, s, location, how, func(now time.Time, near Nearby) {
		r.GetFrom(now, s, near.Contacts[:min(len(near.Contacts), r.cfg.Replicas)], hints, most, done)
	})
}

// GetFrom is Get at servers that are known.
func (r *Router) GetFrom(now time.Time, s Scope, holders []*Contact, hints []Hint, most int, done func(now time.Time, g Gotten)) {
	g := Gotten{Packages: make(map[Hint][]byte), Holders: holders}
	missing := slices.Clone(hints)
	var next func(now time.Time)
	next = func(now time.Time) {
		if len(missing) == 0 || g.Asked >= min(most, len(holders)) {
			done(now, g)
			return
		}
		asked := missing[:min(len(missing), MaxHints)]
		to := holders[g.Asked]
		g.Asked++
		r.ask(s, to, GetMany{Hints: asked}, func(now time.Time, m Message) {
			got, ok := m.(Got)
			if ok {
				g.Answered++
			}
			n := len(g.Packages)
			for _, b := range got.Packages {
				if p, err := parcel.Check(b); err == nil && slices.Contains(asked, p.Address.Hint()) {
					g.Packages[p.Address.Hint()] = b
				}
			}
			missing = slices.DeleteFunc(missing, func(h Hint) bool { return g.Packages[h] != nil })
			if len(g.Packages) > n && len(missing) > 0 {
				g.Asked-- // there may be more at the same place
				g.Answered--
			}
			next(now)
		})
	}
	next(now)
}
