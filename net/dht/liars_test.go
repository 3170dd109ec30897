package dht

import (
	"fmt"
	"slices"
	"testing"
)

// TestDisjointPaths: whoever leads one path astray, and names nobody but his
// own, does not touch the others.
func TestDisjointPaths(t *testing.T) {
	for seed := range uint64(20) {
		w := newCrowd(seed, 300)
		l, target := w.begin(LookupConfig{Paths: 4, Alpha: 4})
		liar := l.paths[0].list[0].Contact
		made := 0
		drive(t, w.r, l, func(c *Contact) []*Contact {
			if c.Key != liar.Key && w.tables[c.Key] != nil {
				return w.honest(c, target)
			}
			var own []*Contact
			for range MaxContacts {
				made++
				own = append(own, faraway(w.r, mix(target, 30, w.r)))
			}
			return own
		})
		want := w.nearest(target, 3, func(c *Contact) bool { return c.Key == l.cfg.Self })
		got := slices.DeleteFunc(l.Nearest(1000), func(c *Contact) bool { return w.tables[c.Key] == nil })
		if !slices.Equal(keysOf(got[:len(want)]), keysOf(want)) {
			t.Errorf("seed %d: found %v of the honest, want %v", seed, keysOf(got), keysOf(want))
		}
	}
}

// TestAttackSybils: somebody has forty nodes at just the place that is looked
// for, in three networks, which name nobody but each other. Of the holders that
// a writer finds three are his, one of each network, and all others are the
// nearest honest ones.
func TestAttackSybils(t *testing.T) {
	const networks = 3
	for seed := range uint64(5) {
		w := newCrowd(seed, 200)
		target := anyKey(w.r)
		var sybils []*Contact
		for i := range 40 {
			sybils = append(sybils, contactAt(mix(target, 16, w.r), fmt.Sprintf("99.%d.7.%d", 1+i%networks, 1+i)))
		}
		for _, c := range w.contacts {
			table := NewTable(c.Key, TableConfig{Small: -1, Varied: true})
			all := slices.Concat(w.contacts, sybils)
			for _, i := range w.r.Perm(len(all)) {
				table.Add(epoch, all[i])
			}
			w.tables[c.Key] = table
		}
		from := w.contacts[0]
		cfg := ForWriting()
		cfg.Self, cfg.Varied = from.Key, true
		l := NewLookup(target, cfg, w.tables[from.Key].Nearest(target, bucketSize, true))
		drive(t, w.r, l, func(c *Contact) []*Contact {
			if w.tables[c.Key] == nil {
				return sybils[:MaxContacts]
			}
			return w.honest(c, target)
		})
		isHonest := func(c *Contact) bool { return w.tables[c.Key] != nil }
		holders := l.Nearest(Replicas)
		honest := slices.DeleteFunc(slices.Clone(holders), func(c *Contact) bool { return !isHonest(c) })
		want := keysOf(w.nearest(target, Replicas-networks, func(c *Contact) bool { return c == from }))
		if got := keysOf(honest); len(holders) != Replicas || len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("seed %d: %d holders, of them honest %v, want %v", seed, len(holders), got, want)
		}
	}
}

// TestEverNearer: who names ever nearer nodes, each of which does the same,
// leads a lookup so far and no farther.
func TestEverNearer(t *testing.T) {
	for _, paths := range []int{1, 4, 8} {
		r := chance(3)
		target := anyKey(r)
		made := []*Contact{faraway(r, mix(target, 0, r))}
		l := NewLookup(target, LookupConfig{Paths: paths}, made)
		drive(t, r, l, func(*Contact) (next []*Contact) {
			for range MaxContacts {
				next = append(next, faraway(r, mix(target, min(len(made), 250), r)))
			}
			made = append(made, next...)
			return next
		})
		width := (bucketSize + paths - 1) / paths
		if most := pathBase + pathWidth*width; l.Messages() > most {
			t.Errorf("%d paths: one of them has asked %d, want at most %d", paths, l.Messages(), most)
		}
		// What is remembered is bounded by what was asked.
		if n := len(l.paths[0].list); n > 1+MaxContacts*l.Messages() {
			t.Errorf("%d paths: %d nodes remembered", paths, n)
		}
	}
}

// TestEndlessAnswers: an answer is read once, whatever it repeats.
func TestEndlessAnswers(t *testing.T) {
	r := chance(4)
	target := anyKey(r)
	a, b := faraway(r, anyKey(r)), faraway(r, anyKey(r))
	l := NewLookup(target, LookupConfig{}, []*Contact{a})
	drive(t, r, l, func(c *Contact) []*Contact {
		return slices.Repeat([]*Contact{a, b, c, contactAt(c.Key, "9.1.1.1"), contactAt(c.Key, "9.1.1.2")}, 1000)
	})
	if l.Messages() != 2 || len(l.Nearest(10)) != 2 {
		t.Errorf("%d questions, %d nodes, want 2 and 2", l.Messages(), len(l.Nearest(10)))
	}
	for _, n := range l.nodes {
		if len(n.more) > MaxAddrs {
			t.Errorf("%d more addresses are remembered", len(n.more))
		}
	}
}

// TestWrongAddresses: liars name the nodes that are looked for, at addresses
// where they are not.
func TestWrongAddresses(t *testing.T) {
	found := 0
	const runs = 60
	for seed := range uint64(runs) {
		w := newCrowd(seed, 200)
		liars := make(map[Key]bool)
		for _, c := range w.contacts {
			liars[c.Key] = w.r.IntN(10) < 3
		}
		l, target := w.begin(LookupConfig{Paths: []int{1, 4}[seed%2]})
		self := func(c *Contact) bool { return c.Key == l.cfg.Self }
		true1 := w.nearest(target, 1, func(c *Contact) bool { return self(c) || liars[c.Key] })[0]
		drive(t, w.r, l, func(c *Contact) []*Contact {
			switch {
			case c.Addrs[0].Addr().As4()[0] == 5:
				return nil
			case !liars[c.Key]:
				return w.honest(c, target)
			}
			var wrong []*Contact
			for i, o := range w.nearest(target, MaxContacts, self) {
				wrong = append(wrong, contactAt(o.Key, fmt.Sprintf("5.%d.%d.%d", w.r.IntN(200), w.r.IntN(200), i)))
			}
			return wrong
		})
		if got := l.Nearest(1000); slices.Contains(keysOf(got), true1.Key) {
			found++
		}
	}
	if found < runs*95/100 {
		t.Errorf("with 30 %% of liars the nearest honest node was found %d times of %d", found, runs)
	}
}
