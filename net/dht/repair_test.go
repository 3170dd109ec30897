package dht_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/sim"
)

// village is holders that know each other and ask each other without delay.
type village struct {
	t      *testing.T
	now    time.Time
	houses []*house
	cfg    dht.HolderConfig
	asks   func(from, to *house, q dht.Query) // is told of each question
	puts   int
}

type house struct {
	*dht.Holder
	*dht.Contact
	town  *town
	shelf *sim.Shelf
	gone  bool
	next  time.Time
}

func newVillage(t *testing.T, n int) *village {
	v := &village{t: t, now: start, asks: func(_, _ *house, _ dht.Query) {}}
	for range n {
		v.move()
	}
	return v
}

// move has one more holder move in.
func (v *village) move() *house {
	n := len(v.houses)
	h := &house{Contact: contact(n), shelf: new(sim.Shelf)}
	h.town = &town{self: h.Key}
	cfg := v.cfg
	cfg.Shelf, cfg.Rand = h.shelf, rand.New(rand.NewPCG(uint64(n), 7))
	h.Holder = dht.NewHolder(cfg)
	h.Join(h.town)
	v.houses = append(v.houses, h)
	v.meet()
	return h
}

// meet tells everybody who is there.
func (v *village) meet() {
	for _, h := range v.houses {
		h.town.contacts[dht.Wide] = nil
		for _, o := range v.houses {
			if o != h && !o.gone {
				h.town.contacts[dht.Wide] = append(h.town.contacts[dht.Wide], o.Contact)
			}
		}
	}
}

func (v *village) house(c *dht.Contact) *house {
	for _, h := range v.houses {
		if h.Key == c.Key {
			return h
		}
	}
	return nil
}

// run lets time pass.
func (v *village) run(d time.Duration) {
	for end := v.now.Add(d); v.now.Before(end); v.now = v.now.Add(time.Minute) {
		for _, h := range v.houses {
			for calls := 0; !h.gone && !v.now.Before(h.next); calls++ {
				due, next := h.Repair(v.now, 8)
				for _, q := range due {
					h.Repaired(v.now, q, v.ask(h, q))
				}
				if next.After(v.now.Add(2 * time.Second)) {
					h.next = next
				}
				if calls > 10000 || !next.After(v.now) {
					v.t.Fatalf("Repair has no end: %v, %v", v.now, next)
				}
			}
		}
	}
}

// ask has one holder ask another.
func (v *village) ask(from *house, q dht.Query) dht.Message {
	to := v.house(q.To)
	v.asks(from, to, q)
	if to.gone {
		return nil
	}
	switch m := q.Ask.(type) {
	case dht.Offer:
		return to.Offer(v.now, by(from.Contact), m)
	case dht.Store:
		return to.Store(v.now, by(from.Contact), m)
	case dht.Delete:
		return to.Delete(v.now, by(from.Contact), m)
	}
	v.t.Fatalf("Repair asks %T", q.Ask)
	return nil
}

// put stores a package with the eight nearest.
func (v *village) put(w *writer, place dht.Key, days uint32) {
	m := w.seal(place, hourOf(v.now)+24*days)
	v.puts++
	all := &town{}
	for _, h := range v.houses {
		all.contacts[dht.Wide] = append(all.contacts[dht.Wide], h.Contact)
	}
	for _, c := range all.Nearest(dht.Wide, place, dht.Replicas) {
		if got := v.house(c).Store(v.now, asker(v.puts), m); got.Result != dht.Kept {
			v.t.Fatalf("Store = %v", got.Result)
		}
	}
}

// count tells how many hold a package as data, and how many as a tombstone.
func (v *village) count(w *writer) (data, tombstones int) {
	for _, h := range v.houses {
		if h.gone {
			continue
		}
		got := h.GetMany(v.now, asker(0), dht.GetMany{Hints: []dht.Hint{w.hint()}})
		switch {
		case len(got.Packages) == 0:
		case len(got.Packages[0]) == parcel.Size:
			data++
		default:
			tombstones++
		}
	}
	return data, tombstones
}

// Who comes has within two hours what it should have, from one of those who do.
func TestRepairNewcomers(t *testing.T) {
	v := newVillage(t, 30)
	v.run(2 * hour)
	place := dht.Key{1, 2, 3}
	var writers []*writer
	for i := range uint64(600) {
		writers = append(writers, newWriter(i))
		v.put(writers[i], place, 14)
	}
	v.run(2 * hour)
	stores := 0
	v.asks = func(_, _ *house, q dht.Query) {
		if _, ok := q.Ask.(dht.Store); ok {
			stores++
		}
	}
	nearest := func() []*dht.Contact {
		all := town{}
		for _, h := range v.houses {
			if !h.gone {
				all.contacts[dht.Wide] = append(all.contacts[dht.Wide], h.Contact)
			}
		}
		return all.Nearest(dht.Wide, place, dht.Replicas)
	}
	for _, c := range nearest()[:5] {
		v.house(c).gone = true
	}
	v.meet()
	v.run(130 * time.Minute)
	for _, w := range writers {
		for _, c := range nearest() {
			got := v.house(c).GetMany(v.now, asker(0), dht.GetMany{Hints: []dht.Hint{w.hint()}})
			if len(got.Packages) != 1 {
				t.Fatalf("one of the nearest lacks a package")
			}
		}
	}
	if stores != 5*len(writers) {
		t.Errorf("%d packages were pushed, want %d", stores, 5*len(writers))
	}
	before := stores
	v.run(5 * hour)
	if stores != before {
		t.Errorf("%d packages were pushed for nothing", stores-before)
	}
}

// One holder acts in each interval, the others skip.
func TestRepairOneActor(t *testing.T) {
	v := newVillage(t, 30)
	w := newWriter(1)
	v.put(w, dht.Key{1, 2, 3}, 14)
	offers := 0
	actors := make(map[*house]bool)
	v.asks = func(from, _ *house, q dht.Query) {
		if o := q.Ask.(dht.Offer); len(o.Data) != 1 || o.Data[0] != w.hint() {
			t.Errorf("offered %v", o)
		}
		offers++
		actors[from] = true
	}
	v.run(3 * 24 * hour)
	// One offer goes to seven others. Of eight who could skip one does not.
	if rounds := offers / 7; rounds < 70 || rounds > 170 {
		t.Errorf("offered %d times in 72 hours", rounds)
	}
	offers = 0
	for _, h := range v.houses {
		h.town.left = 0.16
	}
	v.run(3 * 24 * hour)
	if rounds := offers / 7; rounds < 140 || rounds > 340 {
		t.Errorf("offered %d times in 72 hours in which many left", rounds)
	}
	if len(actors) != 8 {
		t.Errorf("%d have acted", len(actors))
	}
}

// A tombstone reaches all, also those that have missed it.
func TestRepairTombstones(t *testing.T) {
	v := newVillage(t, 30)
	place := dht.Key{1, 2, 3}
	w := newWriter(1)
	v.put(w, place, 14)
	v.run(2 * hour)
	nearest := v.houses[0].town.Nearest(dht.Wide, place, 3)
	if got := v.house(nearest[2]).Delete(v.now, asker(1), w.bury(place, hourOf(v.now)+24)); got.Result != dht.Kept {
		t.Fatal(got)
	}
	v.run(3 * hour)
	if data, tombstones := v.count(w); data != 0 || tombstones != 8 {
		t.Errorf("%d hold the package and %d the tombstone", data, tombstones)
	}
	v.run(17 * 24 * hour)
	if data, tombstones := v.count(w); data != 0 || tombstones != 0 {
		t.Errorf("in the end %d hold the package and %d the tombstone", data, tombstones)
	}
	for i, h := range v.houses {
		if total, _, _ := h.shelf.Usage(); total != 0 {
			t.Errorf("%d bytes are left with %d", total, i)
		}
	}
}

// Who offers what is deleted learns of it with the answer to the push, too.
func TestRepairBelievesTombstones(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	w := newWriter(1)
	m := w.seal(b.here(), hourOf(start)+24)
	q := dht.Query{To: contact(1), Ask: m}
	gone := func(d dht.Delete) dht.Stored { return dht.Stored{Result: dht.Gone, Proof: d.Tombstone} }
	stone := w.bury(b.here(), hourOf(start)+24)
	b.Repaired(b.now, q, gone(stone))
	if data, tombstone := b.has(w); data || tombstone {
		t.Error("a tombstone is taken for what is not held")
	}
	b.put(w, asker(1))
	forged := dht.Delete{Tombstone: append([]byte(nil), stone.Tombstone...)}
	forged.Tombstone[140] ^= 1
	for name, answer := range map[string]dht.Message{
		"nothing":         nil,
		"without proof":   dht.Stored{Result: dht.Gone},
		"forged":          gone(forged),
		"of another":      gone(newWriter(2).bury(b.here(), hourOf(start)+24)),
		"the package":     dht.Stored{Result: dht.Gone, Proof: m.Package},
		"another package": dht.Stored{Result: dht.Other, Proof: w.other().seal(b.here(), hourOf(start)+24).Package},
		"no answer to it": dht.Got{},
	} {
		b.Repaired(b.now, q, answer)
		if data, _ := b.has(w); !data {
			t.Fatalf("%s: the package is gone", name)
		}
	}
	b.Repaired(b.now, q, gone(stone))
	if _, tombstone := b.has(w); !tombstone {
		t.Error("a true tombstone is not taken")
	}
}

// Who offers what is deleted is offered the tombstone in the next round,
// whoever else says to see to it.
func TestRepairTellsOfDeletion(t *testing.T) {
	b := newBench(2, dht.HolderConfig{})
	var hints []dht.Hint
	for i := range 40 {
		w := newWriter(uint64(i))
		hints = append(hints, w.hint())
		b.Delete(b.now, asker(i), w.bury(b.here(), hourOf(start)+14*24))
	}
	offered := 0
	for i := 0; offered == 0; i++ {
		b.Offer(b.now, by(contact(0)), dht.Offer{Tombstones: hints})
		if got := b.Offer(b.now, by(contact(1)), dht.Offer{Data: hints}); got.Bits != nil {
			t.Fatal("a package that was deleted is wanted")
		}
		due, _ := b.Repair(b.now, 8)
		for _, q := range due {
			if q.To.Key == contact(1).Key {
				offered += len(q.Ask.(dht.Offer).Tombstones)
			}
			b.Repaired(b.now, q, dht.Wanted{})
		}
		b.now = b.now.Add(10 * time.Minute)
		if i > 12 {
			break
		}
	}
	if offered != len(hints) {
		t.Errorf("%d of %d tombstones are offered", offered, len(hints))
	}
}

// Who is full is left alone until the next round.
func TestRepairStops(t *testing.T) {
	b := newBench(1, dht.HolderConfig{})
	for i := range uint64(20) {
		b.put(newWriter(i), asker(int(i)))
	}
	b.Repair(b.now, 8)
	b.now = b.now.Add(2 * hour)
	for b.now.Before(start.Add(3 * hour)) {
		due, _ := b.Repair(b.now, 8)
		for _, q := range due {
			switch m := q.Ask.(type) {
			case dht.Offer:
				if len(m.Data) != 20 {
					t.Errorf("%d are offered", len(m.Data))
				}
				all := dht.Wanted{}
				for i := range dht.MaxOffer { // and more than were offered
					all.Bits.Set(i)
				}
				b.Repaired(b.now, q, all)
			case dht.Store:
				b.Repaired(b.now, q, dht.Stored{Result: dht.Full})
				if rest, _ := b.Repair(b.now, 100); len(due) > 8 || len(rest) != 0 {
					t.Errorf("%d more are pushed to who is full", len(rest))
				}
			}
		}
		b.now = b.now.Add(time.Minute)
	}
}

// What nobody else has is pushed to the nearest before a graceful exit.
func TestLeave(t *testing.T) {
	v := newVillage(t, 30)
	place := dht.Key{1, 2, 3}
	shared := newWriter(1)
	v.put(shared, place, 14)
	v.run(2 * hour)
	c := v.houses[0].town.Nearest(dht.Wide, place, 1)[0]
	last := v.house(c)
	alone, read := newWriter(2), newWriter(3)
	for _, w := range []*writer{alone, read} {
		if got := last.Store(v.now, asker(1), w.seal(place, hourOf(v.now)+24)); got.Result != dht.Kept {
			t.Fatal(got)
		}
	}
	last.Delete(v.now, asker(1), read.bury(place, hourOf(v.now)+24))
	pushes := last.Leave(v.now)
	if len(pushes) != 4 {
		t.Errorf("%d pushes, want 2 of 2 packages", len(pushes))
	}
	for _, q := range pushes {
		v.ask(last, q)
	}
	last.gone = true
	v.meet()
	v.run(2 * hour)
	if data, _ := v.count(alone); data != 8 {
		t.Errorf("%d hold what only one had", data)
	}
	if _, tombstones := v.count(read); tombstones != 8 {
		t.Errorf("%d hold the tombstone that only one had", tombstones)
	}
}

// What was given away is shared, but not if it was not taken.
func TestLeaveAfterPushes(t *testing.T) {
	for name, tt := range map[string]struct {
		answer dht.Message
		want   int
	}{
		"kept":      {dht.Stored{Result: dht.Kept}, 0},
		"full":      {dht.Stored{Result: dht.Full}, 1},
		"no answer": {nil, 1},
	} {
		b := newBench(1, dht.HolderConfig{})
		b.put(newWriter(1), asker(1))
		pushed := false
		for range 120 {
			due, _ := b.Repair(b.now, 8)
			for _, q := range due {
				if _, ok := q.Ask.(dht.Offer); ok {
					b.Repaired(b.now, q, dht.Wanted{Bits: dht.Bits{1}})
				} else {
					b.Repaired(b.now, q, tt.answer)
					pushed = true
				}
			}
			b.now = b.now.Add(time.Minute)
			if pushed {
				break
			}
		}
		if got := len(b.Leave(b.now)); got != tt.want || !pushed {
			t.Errorf("%s: %d pushes at exit, want %d", name, got, tt.want)
		}
	}
}

func TestLeaveIsBounded(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	for i := range uint64(1100) {
		b.put(newWriter(i), asker(int(i)))
	}
	if n := len(b.Leave(b.now)); n != 2048 {
		t.Errorf("%d pushes at exit", n)
	}
}

// The nearest get it, in both scopes, and only servers of that scope.
func TestRepairScopes(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	for i := range 3 {
		b.town.contacts[dht.Near] = append(b.town.contacts[dht.Near], contact(1000+i))
	}
	w := newWriter(1)
	b.put(w, asker(1))
	to := make(map[dht.Scope][]*dht.Contact)
	for range 180 {
		due, _ := b.Repair(b.now, 100)
		for _, q := range due {
			to[q.Scope] = append(to[q.Scope], q.To)
			b.Repaired(b.now, q, dht.Wanted{})
		}
		b.now = b.now.Add(time.Minute)
		if len(to) > 0 {
			break
		}
	}
	want := b.town.Nearest(dht.Wide, b.here(), 7)
	if len(to[dht.Wide]) != 7 || len(to[dht.Near]) != 3 {
		t.Fatalf("offered to %d and %d", len(to[dht.Wide]), len(to[dht.Near]))
	}
	for i, c := range to[dht.Wide] {
		if c != want[i] {
			t.Errorf("offered to %v", c.Key)
		}
	}
}

// An empty holder asks nobody and is not called often.
func TestRepairOfNothing(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	calls := 0
	for b.now.Before(start.Add(24 * hour)) {
		due, next := b.Repair(b.now, 8)
		if len(due) > 0 {
			t.Fatal("something is asked")
		}
		if !next.After(b.now) {
			t.Fatalf("Repair wants to be called at once: %v", next)
		}
		calls++
		b.now = next
	}
	if calls > 24*3 {
		t.Errorf("called %d times in a day", calls)
	}
}
