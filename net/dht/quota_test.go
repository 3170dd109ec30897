package dht_test

import (
	"net/netip"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/dht/shelftest"
)

// junk is a package that is refused at once, so that tests of rates are fast.
var junk = dht.Store{Package: make([]byte, parcel.Size)}

// tries counts how many of n questions are not refused for their number.
func (b *bench) tries(n int, from func(i int) dht.Asker) (taken int) {
	for i := range n {
		if b.Store(b.now, from(i), junk).Result != dht.Quota {
			taken++
		}
	}
	return taken
}

func TestRates(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	one := func(int) dht.Asker { return asker(1) }
	other := func(int) dht.Asker { x := asker(1); x.Conn = 99; return x }
	if got := b.tries(200, one); got != 128 {
		t.Errorf("%d at once over one connection, want 128", got)
	}
	b.now = b.now.Add(time.Second)
	if got := b.tries(200, one); got != 20 {
		t.Errorf("%d in a second over one connection, want 20", got)
	}
	if got := b.Delete(b.now, one(0), dht.Delete{}); got.Result != dht.Quota {
		t.Errorf("Delete beyond the rate = %v", got)
	}
	if got := b.tries(200, other); got != 128 {
		t.Errorf("%d over another connection, want 128", got)
	}
	b.Left(1) // a new connection begins anew; its network does not
	if got := b.tries(200, one); got != 128 {
		t.Errorf("%d over a new connection, want 128", got)
	}
	b.now = b.now.Add(hour)
	crowd := func(i int) dht.Asker { x := asker(1); x.Conn = uint64(1000 + i); return x }
	if got := b.tries(2000, crowd); got != 600 {
		t.Errorf("%d at once from one network, want 600", got)
	}
	b.now = b.now.Add(time.Minute)
	if got := b.tries(2000, crowd); got != 600 {
		t.Errorf("%d in a minute from one network, want 600", got)
	}
	if got := b.tries(100, func(i int) dht.Asker { return asker(200 + i) }); got != 100 {
		t.Errorf("%d from as many networks, want 100", got)
	}
}

// Time that goes back gives nobody anything, and takes nothing for long.
func TestRatesWithoutClock(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	one := func(int) dht.Asker { return asker(1) }
	b.tries(128, one)
	b.now = b.now.Add(-1000 * hour)
	if got := b.tries(10, one); got != 0 {
		t.Errorf("%d after the clock was put back", got)
	}
	b.now = b.now.Add(time.Second)
	if got := b.tries(200, one); got != 20 {
		t.Errorf("%d a second later, want 20", got)
	}
}

// A neighbour has a budget of its own for what it repairs: 64 MiB a day.
func TestRepairBudget(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	nearest := b.town.Nearest(dht.Wide, b.town.self, 24)
	near := func(int) dht.Asker { return by(nearest[23]) }
	if got := b.tries(70000, near); got != 65536+128 {
		t.Errorf("%d from a neighbour, want 65,536 and 128", got)
	}
	hints := []dht.Hint{{1}, {2}, {3}}
	from := near(0)
	from.Conn = 7
	if got := b.Offer(b.now, from, dht.Offer{Data: hints}); got.Bits != nil {
		t.Errorf("wanted beyond the budget: %v", got.Bits)
	}
	b.now = b.now.Add(3 * time.Second) // 65,536 a day are 2.3 in 3 s
	from.Conn = 8
	if got := b.Offer(b.now, from, dht.Offer{Data: hints}); !got.Bits.Has(0) || !got.Bits.Has(1) || got.Bits.Has(2) {
		t.Errorf("wanted within the budget: %v", got.Bits)
	}
	far := b.town.Nearest(dht.Wide, b.town.self, 25)[24]
	if got := b.tries(1000, func(int) dht.Asker { return by(far) }); got != 128 {
		t.Errorf("%d from who is no neighbour, want 128", got)
	}
}

// Where space is short a network has 2,000 packages a day, and its share.
func TestScarce(t *testing.T) {
	const capacity = 1 << 20
	b := newBench(3, dht.HolderConfig{Capacity: capacity})
	fill(t, b, capacity, 71, 100)
	n := uint64(1 << 20)
	store := func(from dht.Asker) dht.Result {
		n++
		from.Conn = n
		return b.put(newWriter(n), from).Result
	}
	taken := 0
	for range 100 {
		if store(asker(1)) == dht.Kept {
			taken++
		}
	}
	if taken < 19 || taken > 20 { // one in fifty
		t.Errorf("%d packages of one network, want 2 %% of 1,024", taken)
	}
	if got := store(asker(2)); got != dht.Kept {
		t.Errorf("Store from another = %v", got)
	}
	// All /48 of one /32 share a tenth.
	taken = 0
	for i := range 400 {
		from := asker(3)
		from.Addr = netip.AddrFrom16([16]byte{0x2a, 1, 2, 3, 0, byte(i)})
		from.From = dht.Origin(from.Addr)
		if store(from) == dht.Kept {
			taken++
		}
	}
	if taken < 100 || taken > 102 {
		t.Errorf("%d packages of one /32, want 10 %% of 1,024", taken)
	}
}

// The 2,000 a day need a store in which 2 % are more.
func TestScarceDay(t *testing.T) {
	b := newBench(3, dht.HolderConfig{Capacity: 1 << 30})
	fill(t, b, 1<<30, 72, 20000)
	taken := 0
	for i := range uint64(2100) {
		from := asker(1)
		from.Conn = i
		if b.put(newWriter(1<<40+i), from).Result == dht.Kept {
			taken++
		}
		b.now = b.now.Add(100 * time.Millisecond)
	}
	if taken < 2000 || taken > 2006 {
		t.Errorf("%d packages in a day, want 2,000", taken)
	}
}

// fill puts on the shelf what so many networks have put, each a large item that
// stands for many packages, and begins anew.
func fill(t *testing.T, b *bench, capacity, percent, networks int) {
	t.Helper()
	bytes := capacity / 100 * percent
	for i := range networks {
		x := shelftest.Item(uint64(1<<50+i), b.here(), netip.PrefixFrom(netip.AddrFrom4([4]byte{50, byte(i >> 8), byte(i), 0}), 24), 1000*hour)
		big := make([]byte, bytes/networks)
		copy(big, x.Bytes)
		x.Bytes = big
		if err := b.shelf.Put([]dht.Item{x}, nil); err != nil {
			t.Fatal(err)
		}
	}
	cfg := dht.HolderConfig{Shelf: b.shelf, Capacity: int64(capacity)}
	b.Holder = dht.NewHolder(cfg)
	b.Join(b.town)
}

// The fuller the shelf, the shorter the lives.
func TestLifetime(t *testing.T) {
	const capacity = 100 * parcel.Size
	b := newBench(3, dht.HolderConfig{Capacity: capacity})
	want := map[int]time.Duration{0: 14 * 24 * hour, 70: 14 * 24 * hour, 85: (3*24 + 11*12) * hour, 99: (3*24 + 8) * hour}
	at := hourOf(start)
	for i := range 100 {
		from := asker(i)
		got := b.Store(b.now, from, newWriter(uint64(i)).seal(b.here(), at+15*24))
		if got.Result != dht.Kept {
			t.Fatalf("package %d: %v", i, got.Result)
		}
		if life, ok := want[i]; ok {
			if d := time.Duration(got.Until-at)*hour - life; d < -2*hour || d > 2*hour {
				t.Errorf("at %d %%: kept for %d h, want %v", i, got.Until-at, life)
			}
		}
	}
	if got := b.Fullness(); got != 100 {
		t.Errorf("Fullness = %d", got)
	}
	// What neighbours repair does not live longer by that, and is not asked for again.
	old := newWriter(1000)
	m := old.seal(b.here(), at+10*24)
	near := by(contact(1))
	if got := b.Offer(b.now, near, dht.Offer{Data: []dht.Hint{old.hint()}}); !got.Bits.Has(0) {
		t.Error("a package is not wanted")
	}
	if got := b.Store(b.now, near, m); got.Result != dht.Full {
		t.Errorf("Store of an old package by a neighbour = %v", got)
	}
	if got := b.Offer(b.now, near, dht.Offer{Data: []dht.Hint{old.hint()}}); got.Bits.Has(0) {
		t.Error("the old package is wanted again")
	}
	if got := b.Store(b.now, near, newWriter(1001).seal(b.here(), at+14*24)); got.Result != dht.Kept {
		t.Errorf("Store of a new package by a neighbour = %v", got.Result)
	}
}

// When all is full, room is made by who holds the most, where it is farthest.
func TestEviction(t *testing.T) {
	const capacity = 40 * parcel.Size
	b := newBench(3, dht.HolderConfig{Capacity: capacity})
	place := func(distance byte) dht.Key {
		k := b.town.self
		k[1] ^= distance
		return k
	}
	at := hourOf(start) + 24
	var big []*writer
	for i := range 28 {
		w := newWriter(uint64(i))
		big = append(big, w)
		b.Store(b.now, asker(1), w.seal(place(byte(100+i)), at))
	}
	var small []*writer
	for i := range 20 {
		w := newWriter(uint64(100 + i))
		small = append(small, w)
		if got := b.Store(b.now, asker(2+i), w.seal(place(255), at)); got.Result != dht.Kept {
			t.Errorf("Store %d from a small network = %v", i, got.Result)
		}
	}
	for i, w := range small {
		if data, _ := b.has(w); !data {
			t.Errorf("package %d of a small network is gone", i)
		}
	}
	left := 0
	for i, w := range big {
		data, _ := b.has(w)
		if data != (i < 20) {
			t.Errorf("package %d of the large network is held: %v", i, data)
		}
		if data {
			left++
		}
	}
	if b.total(t) > capacity || left != 20 {
		t.Errorf("%d bytes, %d packages", b.total(t), left)
	}
	// What was evicted is not taken back from neighbours for a day.
	gone := dht.Offer{Data: []dht.Hint{big[27].hint()}}
	if got := b.Offer(b.now, by(contact(1)), gone); got.Bits.Has(0) {
		t.Error("what was just evicted is wanted")
	}
	if got := b.Offer(b.now.Add(24*hour), by(contact(1)), gone); !got.Bits.Has(0) {
		t.Error("what was evicted yesterday is not wanted")
	}
}

// Who holds the most finds no room for what is farther than all of his.
func TestFull(t *testing.T) {
	const capacity = 200
	b := newBench(3, dht.HolderConfig{Capacity: capacity * parcel.Size})
	place := func(distance byte) dht.Key {
		k := b.town.self
		k[1] ^= distance
		return k
	}
	n := uint64(0)
	store := func(network int, distance byte) (*writer, dht.Result) {
		n++
		w := newWriter(n)
		return w, b.Store(b.now, asker(network), w.seal(place(distance), hourOf(start)+24)).Result
	}
	for i := range capacity {
		if _, got := store(i%100, 10); got != dht.Kept {
			t.Fatalf("package %d: %v", i, got)
		}
	}
	mine, got := store(1, 20)
	if got != dht.Kept {
		t.Errorf("a third package of a network = %v", got)
	}
	store(2, 10) // takes what room there was made beyond that
	if _, got := store(1, 30); got != dht.Full {
		t.Errorf("one that is farther = %v", got)
	}
	if _, got := store(1, 5); got != dht.Kept {
		t.Errorf("one that is nearer = %v", got)
	}
	if data, _ := b.has(mine); data {
		t.Error("it has not taken the place of the farthest")
	}
	tiny := newBench(3, dht.HolderConfig{Capacity: parcel.Size - 1})
	if got := tiny.put(newWriter(1), asker(1)); got.Result != dht.Full {
		t.Errorf("Store where there is no space at all = %v", got.Result)
	}
}

// Who is given less space gets there bit by bit.
func TestLessSpace(t *testing.T) {
	const capacity = 2 << 20
	b := newBench(3, dht.HolderConfig{Capacity: capacity})
	for i := range capacity / parcel.Size {
		b.put(newWriter(uint64(i)), asker(i))
	}
	before := b.total(t)
	b.Holder = dht.NewHolder(dht.HolderConfig{Shelf: b.shelf, Capacity: capacity / 8})
	b.Join(b.town)
	calls := 0
	for ; b.total(t) > capacity/8; calls++ {
		b.put(newWriter(uint64(1<<20+calls)), asker(10_000+calls))
		if calls > 1000 {
			t.Fatalf("%d bytes are still held", b.total(t))
		}
	}
	if before < capacity*9/10 || calls < 2 {
		t.Errorf("from %d bytes in %d calls", before, calls)
	}
	if got := b.put(newWriter(1<<30), asker(20_000)); got.Result != dht.Kept {
		t.Errorf("Store = %v", got.Result)
	}
}
