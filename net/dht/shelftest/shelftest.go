// Package shelftest holds what every dht.Shelf has to do, as tests that those
// who make one run.
package shelftest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
)

// Start is the time at which the tests begin.
var Start = time.Unix(1_800_000_000, 0)

// Item makes a package of a writer whom a number stands for, at a place, from
// a network. It came at [Start] and is to be kept for as long.
func Item(writer uint64, place [32]byte, origin netip.Prefix, keep time.Duration) dht.Item {
	return item(writer, place, origin, keep, false)
}

// Tombstone makes the tombstone of the same package.
func Tombstone(writer uint64, place [32]byte, origin netip.Prefix, keep time.Duration) dht.Item {
	return item(writer, place, origin, keep, true)
}

func item(writer uint64, place [32]byte, origin netip.Prefix, keep time.Duration, tombstone bool) dht.Item {
	var seed parcel.Seed
	binary.BigEndian.PutUint64(seed[:], writer)
	key, core := seed.Key(), new(parcel.Core)
	binary.BigEndian.PutUint64(core[:], writer)
	x := dht.Item{
		Address: key.Address(), Location: place, Sum: core.Sum(), Tombstone: tombstone,
		Expiry: uint32(Start.Unix()/3600 + 300),
		Until:  Start.Add(keep), Came: Start, Origin: origin,
	}
	if tombstone {
		b := key.Bury(core, place, x.Expiry)
		x.Bytes = b[:]
	} else {
		b := key.Seal(core, place, x.Expiry)
		x.Bytes = b[:]
	}
	return x
}

// Network returns the nth network of those in the tests.
func Network(n byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{11, 22, n, 0}), 24)
}

// Run tests a Shelf. open returns an empty one that is closed with the test.
func Run(t *testing.T, open func(t *testing.T) dht.Shelf) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, dht.Shelf)
	}{
		{"empty", testEmpty},
		{"find", testFind},
		{"replace", testReplace},
		{"drop", testDrop},
		{"same beginning", testSameBeginning},
		{"expire", testExpire},
		{"victims", testVictims},
		{"items", testItems},
		{"many at once", testConcurrent},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func testEmpty(t *testing.T, s dht.Shelf) {
	if found := find(t, s, dht.Hint{1}); len(found) != 0 {
		t.Errorf("found %v", found)
	}
	if n, err := s.Expire(Start); n != 0 || err != nil {
		t.Errorf("Expire = %d, %v", n, err)
	}
	if v, err := s.Victims([32]byte{}, 1000); len(v) != 0 || err != nil {
		t.Errorf("Victims = %v, %v", v, err)
	}
	if v, err := s.Items([32]byte{}, 10); len(v) != 0 || err != nil {
		t.Errorf("Items = %v, %v", v, err)
	}
	usage(t, s, nil)
	put(t, s, nil)
	put(t, s, nil, [32]byte{1})
}

// Everything comes back as it was put, in the order of the hints.
func testFind(t *testing.T, s dht.Shelf) {
	six := netip.MustParsePrefix("2001:db8:7::/48")
	host := netip.MustParsePrefix("192.168.1.7/32")
	items := []dht.Item{
		Item(1, [32]byte{1}, Network(1), time.Hour),
		Tombstone(2, [32]byte{0xff}, six, 2*time.Hour),
		Item(3, sha256.Sum256(nil), host, time.Millisecond),
	}
	put(t, s, items[:2])
	put(t, s, items[2:])
	same(t, find(t, s, hints(items)...), items)
	same(t, find(t, s, dht.Hint{1}, hints(items)[2], dht.Hint{2}, hints(items)[0]), []dht.Item{items[2], items[0]})
	usage(t, s, items)

	var many []dht.Item
	for i := range uint64(dht.MaxOffer) {
		many = append(many, Item(100+i, [32]byte{byte(i)}, Network(byte(i%8)), time.Hour))
	}
	put(t, s, many)
	same(t, find(t, s, hints(many)...), many)
	usage(t, s, append(many, items...))
}

// What is put takes the place of what lies under its address.
func testReplace(t *testing.T, s dht.Shelf) {
	other := Item(2, [32]byte{2}, Network(1), time.Hour)
	put(t, s, []dht.Item{Item(1, [32]byte{1}, Network(1), time.Hour), other})
	for _, x := range []dht.Item{
		Item(1, [32]byte{9}, Network(1), 2*time.Hour),
		Item(1, [32]byte{9}, Network(2), 2*time.Hour),
		Tombstone(1, [32]byte{9}, Network(2), 3*time.Hour),
		Tombstone(1, [32]byte{9}, Network(1), 4*time.Hour),
	} {
		put(t, s, []dht.Item{x})
		same(t, find(t, s, hints([]dht.Item{x, other})...), []dht.Item{x, other})
		usage(t, s, []dht.Item{x, other})
	}
}

func testDrop(t *testing.T, s dht.Shelf) {
	a, b, c := Item(1, [32]byte{1}, Network(1), time.Hour), Item(2, [32]byte{1}, Network(1), time.Hour), Item(3, [32]byte{1}, Network(2), time.Hour)
	put(t, s, []dht.Item{a, b})
	put(t, s, []dht.Item{c}, a.Address, [32]byte{7})
	same(t, find(t, s, hints([]dht.Item{a, b, c})...), []dht.Item{b, c})
	usage(t, s, []dht.Item{b, c})
	put(t, s, nil, b.Address, c.Address)
	usage(t, s, nil)
}

// Two addresses may begin in the same way: both are held, one is found.
func testSameBeginning(t *testing.T, s dht.Shelf) {
	a, b := Item(1, [32]byte{1}, Network(1), time.Hour), Item(2, [32]byte{1}, Network(1), time.Hour)
	copy(b.Address[:8], a.Address[:8])
	put(t, s, []dht.Item{a})
	put(t, s, []dht.Item{b})
	if found := find(t, s, hints([]dht.Item{a})...); len(found) != 1 {
		t.Errorf("found %d items by one hint", len(found))
	}
	usage(t, s, []dht.Item{a, b})
	list, err := s.Items([32]byte{}, 10)
	if err != nil || len(list) != 2 {
		t.Errorf("Items = %d, %v", len(list), err)
	}
	put(t, s, nil, a.Address)
	same(t, find(t, s, hints([]dht.Item{a})...), []dht.Item{b})
	usage(t, s, []dht.Item{b})
}

func testExpire(t *testing.T, s dht.Shelf) {
	var stay, go_ []dht.Item
	for i := range uint64(200) {
		if i%4 == 0 {
			stay = append(stay, Item(i, [32]byte{1}, Network(1), time.Hour+time.Millisecond))
		} else {
			go_ = append(go_, Item(i, [32]byte{1}, Network(byte(i%3)), time.Hour-time.Duration(i)*time.Second))
		}
	}
	go_ = append(go_, Item(1000, [32]byte{1}, Network(1), time.Hour)) // until now at most
	put(t, s, slices.Concat(stay, go_))
	total := 0
	for n := -1; n != 0; total += n {
		var err error
		if n, err = s.Expire(Start.Add(time.Hour)); err != nil || n < 0 {
			t.Fatalf("Expire = %d, %v", n, err)
		}
	}
	if total != len(go_) {
		t.Errorf("%d items have expired, want %d", total, len(go_))
	}
	same(t, find(t, s, hints(slices.Concat(stay, go_))...), stay)
	usage(t, s, stay)
}

// Room is made by who holds the most: farthest first, then oldest.
func testVictims(t *testing.T, s dht.Shelf) {
	self := [32]byte{0x80}
	at := func(writer uint64, place byte, origin byte, came time.Duration) dht.Item {
		x := Item(writer, [32]byte{place}, Network(origin), time.Hour)
		x.Came = Start.Add(came)
		return x
	}
	near, far, older := at(1, 0x81, 1, 0), at(2, 0x7f, 1, 3*time.Second), at(3, 0x7f, 1, 2*time.Second)
	small := Tombstone(4, [32]byte{0x7f}, Network(1), time.Hour)
	small.Came = Start.Add(time.Second)
	other := []dht.Item{at(5, 0x7f, 2, 0), at(6, 0x7f, 2, 0), at(7, 0x7f, 2, 0)}
	put(t, s, slices.Concat([]dht.Item{near, far, older, small}, other))
	for _, tt := range []struct {
		n    int64
		want []dht.Item
	}{
		{1, []dht.Item{small}},
		{parcel.TombstoneSize, []dht.Item{small}},
		{parcel.TombstoneSize + 1, []dht.Item{small, older}},
		{parcel.Size + parcel.TombstoneSize + 1, []dht.Item{small, older, far}},
		{1 << 30, []dht.Item{small, older, far, near}},
	} {
		got, err := s.Victims(self, tt.n)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, bare(tt.want))
	}
	put(t, s, nil, far.Address) // now another network holds the most
	got, err := s.Victims(self, 3*parcel.Size)
	if err != nil || len(got) != 3 {
		t.Fatalf("Victims = %v, %v", got, err)
	}
	for _, x := range got {
		if x.Origin != Network(2) {
			t.Errorf("a victim is of %v", x.Origin)
		}
	}
}

func testItems(t *testing.T, s dht.Shelf) {
	var items []dht.Item
	for i := range uint64(100) {
		items = append(items, Item(i, [32]byte{byte(i)}, Network(1), time.Hour))
	}
	put(t, s, items)
	slices.SortFunc(items, func(a, b dht.Item) int { return bytes.Compare(a.Address[:], b.Address[:]) })
	for _, n := range []int{1, 7, 100, 1000} {
		var after [32]byte
		var all []dht.Item
		for {
			page, err := s.Items(after, n)
			if err != nil || len(page) > n {
				t.Fatalf("Items(%d) = %d items, %v", n, len(page), err)
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
			after = page[len(page)-1].Address
		}
		same(t, all, bare(items))
	}
}

// What a Put has returned for is there, whoever else puts.
func testConcurrent(t *testing.T, s dht.Shelf) {
	var all []dht.Item
	for i := range uint64(64) {
		all = append(all, Item(i, [32]byte{byte(i)}, Network(byte(i%5)), time.Hour))
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, x := range all {
		wg.Go(func() {
			if errs[i] = s.Put([]dht.Item{x}, nil); errs[i] != nil {
				return
			}
			if found, err := s.Find(hints([]dht.Item{x})); err != nil || len(found) != 1 {
				errs[i] = fmt.Errorf("found %d of it (%w)", len(found), err)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("item %d: %v", i, err)
		}
	}
	usage(t, s, all)
}

func put(t *testing.T, s dht.Shelf, items []dht.Item, drop ...[32]byte) {
	t.Helper()
	if err := s.Put(items, drop); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, s dht.Shelf, hints ...dht.Hint) []dht.Item {
	t.Helper()
	found, err := s.Find(hints)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func hints(items []dht.Item) (hints []dht.Hint) {
	for _, x := range items {
		hints = append(hints, dht.Hint(x.Address[:]))
	}
	return hints
}

// bare returns items without their bytes.
func bare(items []dht.Item) []dht.Item {
	items = slices.Clone(items)
	for i := range items {
		items[i].Bytes = nil
	}
	return items
}

func same(t *testing.T, got, want []dht.Item) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d items, want %d", len(got), len(want))
	}
	for i := range got {
		a, b := got[i], want[i]
		if !a.Until.Equal(b.Until) || !a.Came.Equal(b.Came) {
			t.Errorf("item %d: until %v, came %v, want %v, %v", i, a.Until, a.Came, b.Until, b.Came)
		}
		a.Until, a.Came, b.Until, b.Came = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		if len(a.Bytes) == 0 {
			a.Bytes = nil
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("item %d is\n%+v, want\n%+v", i, a, b)
		}
	}
}

// usage checks that just these are held.
func usage(t *testing.T, s dht.Shelf, items []dht.Item) {
	t.Helper()
	var want int64
	origins := make(map[netip.Prefix]int64)
	for _, x := range items {
		want += int64(len(x.Bytes))
		origins[x.Origin] += int64(len(x.Bytes))
	}
	total, got, err := s.Usage()
	if err != nil || total != want || !maps.Equal(got, origins) {
		t.Errorf("Usage = %d, %v, %v, want %d, %v", total, got, err, want, origins)
	}
}
