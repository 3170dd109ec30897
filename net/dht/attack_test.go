package dht_test

import (
	"bytes"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
)

// The attacks are those of a stranger on one holder, and of a neighbour.

// Squatting: who knows an address and even its public key puts nothing there,
// and what was put first is replaced by nobody.
func TestAttackSquatting(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	victim := newWriter(1)
	true_ := victim.seal(b.here(), hourOf(start)+24)
	forged := newWriter(2).seal(b.here(), hourOf(start)+24)
	copy(forged.Package[38:70], true_.Package[38:70]) // the victim's key
	swapped := dht.Store{Package: bytes.Clone(true_.Package)}
	swapped.Package[parcel.EnvelopeSize] ^= 1 // another core below the victim's signature
	for i, m := range []dht.Store{forged, swapped} {
		if got := b.Store(b.now, asker(i), m); got.Result != dht.Bad {
			t.Errorf("%d: %v", i, got.Result)
		}
	}
	if got := b.Store(b.now, asker(1), true_); got.Result != dht.Kept {
		t.Errorf("the victim's own package: %v", got.Result)
	}
	stone := victim.bury(b.here(), hourOf(start)+24)
	copy(stone.Tombstone[70:134], newWriter(2).bury(b.here(), hourOf(start)+24).Tombstone[70:134])
	if got := b.Delete(b.now, asker(2), stone); got.Result != dht.Bad {
		t.Errorf("deleted by another: %v", got.Result)
	}
	if data, _ := b.has(victim); !data {
		t.Error("the victim's package is gone")
	}
}

// An old package that is put back after its deletion is not taken, as long as
// its signature says that it may live.
func TestAttackReplay(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	w := newWriter(1)
	old := []dht.Store{w.seal(b.here(), hourOf(start)+24), w.seal(b.there(), hourOf(start)+14*24), w.seal(b.here(), hourOf(start)+15*24)}
	b.Store(b.now, asker(1), old[2])
	b.Delete(b.now, asker(2), w.bury(b.here(), hourOf(start)+1)) // a short-lived receipt
	for d := range 20 {
		b.now = start.Add(time.Duration(d) * 24 * hour)
		b.Repair(b.now, 8) // removes what has expired
		for _, m := range old[:1+2*min(1, d%2)] {
			from := asker(3)
			if d%3 == 0 {
				from = by(contact(3)) // by a neighbour
			}
			switch got := b.Store(b.now, from, m); got.Result {
			case dht.Gone, dht.Bad, dht.Far:
			default:
				t.Errorf("day %d: an old package is %v", d, got.Result)
			}
		}
		if data, _ := b.has(w); data {
			t.Fatalf("day %d: it is back", d)
		}
	}
}

// flood has networks store as fast as they may for a while, near the holder.
func (b *bench) flood(t *testing.T, networks, perMinute int, d time.Duration, capacity int64) {
	t.Helper()
	n := uint64(1 << 32)
	for end := b.now.Add(d); b.now.Before(end); b.now = b.now.Add(time.Minute) {
		for i := range networks * perMinute {
			n++
			from := asker(1000 + i%networks)
			from.Conn = n // a new connection each time
			b.put(newWriter(n), from)
		}
		if got := b.total(t); got > capacity {
			t.Fatalf("%d bytes are held, more than %d", got, capacity)
		}
	}
}

// honest puts packages of others, a few from each of many networks.
func (b *bench) honest(t *testing.T, networks, each int) (writers []*writer) {
	t.Helper()
	for i := range networks * each {
		w := newWriter(uint64(i))
		writers = append(writers, w)
		// The flood lies nearer to the holder than they do.
		place := b.here()
		place[0] ^= 0x40
		if got := b.Store(b.now, asker(1+i%networks), w.seal(place, hourOf(b.now)+14*24)); got.Result != dht.Kept {
			t.Fatalf("package %d of others: %v", i, got.Result)
		}
	}
	return writers
}

func (b *bench) survive(t *testing.T, writers []*writer) {
	t.Helper()
	lost := 0
	for _, w := range writers {
		if data, _ := b.has(w); !data {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d packages of others are lost", lost, len(writers))
	}
}

// others has fifty strangers put a package each, and wants all to be taken.
func (b *bench) others(t *testing.T) (writers []*writer) {
	t.Helper()
	for i := range 50 {
		w := newWriter(uint64(10_000 + i))
		writers = append(writers, w)
		if got := b.put(w, asker(100+i)); got.Result != dht.Kept {
			t.Errorf("Store of another = %v", got.Result)
		}
	}
	return writers
}

// A flood from one network does not touch others' packages, nor keep out those
// that come meanwhile.
func TestAttackFloodFromOne(t *testing.T) {
	const capacity = 1 << 20
	b := newBench(3, dht.HolderConfig{Capacity: capacity})
	before := b.honest(t, 40, 5)
	b.flood(t, 1, 800, 5*time.Minute, capacity)
	b.survive(t, before)
	during := b.others(t)
	b.flood(t, 1, 800, 5*time.Minute, capacity)
	b.survive(t, append(before, during...))
}

// Nor does one from 64 networks: it fills all that is free, and then eats
// itself.
func TestAttackFloodFrom64(t *testing.T) {
	const capacity = 1 << 20
	b := newBench(3, dht.HolderConfig{Capacity: capacity})
	before := b.honest(t, 40, 5)
	b.flood(t, 64, 20, 3*time.Minute, capacity)
	if got := b.total(t); got < capacity*9/10 {
		t.Errorf("the flood has filled only %d of %d bytes", got, capacity)
	}
	b.survive(t, before)
	during := b.others(t)
	b.flood(t, 64, 20, 2*time.Minute, capacity)
	b.survive(t, append(before, during...))
}

// Strangers without number are remembered in bounded memory.
func TestAttackMemory(t *testing.T) {
	b := newBench(3, dht.HolderConfig{Capacity: 1 << 20})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	from := func(i int) dht.Asker {
		x := asker(0)
		x.Addr = netip.AddrFrom16([16]byte{0x2a, byte(i >> 16), byte(i >> 8), byte(i)})
		x.From, x.Conn = dht.Origin(x.Addr), uint64(1000+i)
		return x
	}
	before := heap()
	b.tries(50_000, from)
	middle := heap()
	b.tries(200_000, func(i int) dht.Asker { return from(50_000 + i) })
	for i := range 200_000 {
		b.Watch(b.now, from(i), dht.Watch{Hints: []dht.Hint{{byte(i), byte(i >> 8)}}}, func(dht.Notify) {})
		b.Offer(b.now, from(i), dht.Offer{Data: []dht.Hint{{byte(i), byte(i >> 8)}}})
		b.Offer(b.now, by(contact(1)), dht.Offer{Data: []dht.Hint{{byte(i), byte(i >> 8)}}})
	}
	after := heap()
	if middle > before+4<<20 || after > middle+2<<20 {
		t.Errorf("the heap grows from %d to %d to %d bytes", before, middle, after)
	}
	runtime.KeepAlive(b)
}

// A liar says every quarter of an hour that it offers everything, and does not.
// The honest holders still see to it that newcomers get what they should have.
func TestAttackLyingOffers(t *testing.T) {
	v := newVillage(t, 30)
	place := dht.Key{1, 2, 3}
	w := newWriter(1)
	v.put(w, place, 14)
	nearest := v.houses[0].town.Nearest(dht.Wide, place, 9)
	liar := v.house(nearest[8])
	lie := func() {
		for _, c := range nearest[:8] {
			if h := v.house(c); !h.gone {
				h.Offer(v.now, by(liar.Contact), dht.Offer{Data: []dht.Hint{w.hint()}})
			}
		}
	}
	liar.next = v.now.Add(1000 * hour) // it repairs nothing itself
	for range 4 * 4 {
		lie()
		v.run(15 * time.Minute)
	}
	fresh := v.move()
	for fresh.Key != v.houses[0].town.Nearest(dht.Wide, place, 1)[0].Key {
		fresh.gone = true // not near enough: another
		fresh = v.move()
		if len(v.houses) > 500 {
			t.Fatal("nobody moves in near the place")
		}
	}
	v.meet()
	for range 4 * 6 {
		lie()
		v.run(15 * time.Minute)
	}
	if got := fresh.GetMany(v.now, asker(0), dht.GetMany{Hints: []dht.Hint{w.hint()}}); len(got.Packages) != 1 {
		t.Error("a newcomer has not got the package in six hours")
	}
}

// Offers of strangers, or too many of them, are not looked at; what is pushed
// without being wanted is checked like anything else.
func TestAttackOfferFlood(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	w := newWriter(1)
	offer := dht.Offer{Data: []dht.Hint{w.hint()}}
	if got := b.Offer(b.now, asker(1), offer); got.Bits != nil {
		t.Error("an offer of a stranger is answered")
	}
	near := by(b.town.Nearest(dht.Wide, b.town.self, 1)[0])
	answered := 0
	for range 1000 {
		if b.Offer(b.now, near, offer).Bits.Has(0) {
			answered++
		}
	}
	if answered != 128 {
		t.Errorf("%d offers at once are answered, want 128", answered)
	}
	bad := w.seal(b.here(), hourOf(start)+24)
	bad.Package[500] ^= 1
	for name, m := range map[string]dht.Store{"not signed": bad, "expired": w.seal(b.here(), hourOf(start))} {
		if got := b.Store(b.now, near, m); got.Result != dht.Bad {
			t.Errorf("a push that is %s: %v", name, got.Result)
		}
	}
}
