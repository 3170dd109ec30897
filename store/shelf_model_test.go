package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

// shelfModel is a shelf without a disk: what Parcels must do.
type shelfModel struct {
	items map[[32]byte]modelItem
	puts  int
}

type modelItem struct {
	Held
	nth int // of all that were ever put
}

func (m *shelfModel) put(items []Held, drop [][32]byte) {
	for _, a := range drop {
		delete(m.items, a)
	}
	for _, h := range items {
		m.puts++
		m.items[h.Address] = modelItem{h, m.puts}
	}
}

func (m *shelfModel) usage() (total int64, origins map[netip.Prefix]int64) {
	origins = make(map[netip.Prefix]int64)
	for _, h := range m.items {
		total += int64(len(h.Bytes))
		origins[h.Origin] += int64(len(h.Bytes))
	}
	return total, origins
}

// bare returns those that want takes, without their bytes, in this order.
func (m *shelfModel) bare(want func(Held) bool, order func(a, b modelItem) int) (all []modelItem) {
	for _, h := range m.items {
		if want(h.Held) {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, order)
	return all
}

func (m *shelfModel) victims(self [32]byte, n int64) (all []Held) {
	var most netip.Prefix
	_, origins := m.usage()
	for o, bytes := range origins {
		if d := cmp.Compare(bytes, origins[most]); d > 0 || d == 0 && o.Compare(most) < 0 {
			most = o
		}
	}
	near := binary.BigEndian.Uint64(self[:])
	distance := func(h modelItem) uint64 { return binary.BigEndian.Uint64(h.Location[:]) ^ near }
	for _, h := range m.bare(func(h Held) bool { return h.Origin == most }, func(a, b modelItem) int {
		return cmp.Or(cmp.Compare(distance(b), distance(a)), a.Came.Compare(b.Came), cmp.Compare(a.nth, b.nth))
	}) {
		if n <= 0 {
			break
		}
		n -= int64(len(h.Bytes))
		h.Bytes = nil
		all = append(all, h.Held)
	}
	return all
}

func (m *shelfModel) list(after [32]byte, n int) (all []Held) {
	for _, h := range m.bare(func(h Held) bool { return bytes.Compare(h.Address[:], after[:]) > 0 }, func(a, b modelItem) int {
		return bytes.Compare(a.Address[:], b.Address[:])
	}) {
		if len(all) < n {
			h.Bytes = nil
			all = append(all, h.Held)
		}
	}
	return all
}

// few makes addresses and places that often meet: equal, equal in their first
// 8 bytes, or equal in some of their bits.
func few(rnd *rand.Rand) (a [32]byte) {
	binary.BigEndian.PutUint64(a[:], uint64(rnd.IntN(6))*0x1111_1111_1111_1111<<rnd.IntN(4))
	a[31] = byte(rnd.IntN(2))
	return a
}

func fewHeld(rnd *rand.Rand) Held {
	h := Held{
		Address:   few(rnd),
		Location:  few(rnd),
		Sum:       few(rnd),
		Tombstone: rnd.IntN(3) == 0,
		Expiry:    rnd.Uint32(),
		Until:     at.Add(time.Duration(rnd.IntN(100)) * time.Second),
		Came:      at.Add(time.Duration(rnd.IntN(5)) * time.Second),
		Bytes:     make([]byte, 1+rnd.IntN(MaxHeld)),
	}
	for i := range h.Bytes {
		h.Bytes[i] = byte(rnd.Uint32())
	}
	switch n := rnd.IntN(5); n {
	case 0:
	case 1:
		h.Origin = netip.MustParsePrefix("2001:db8::/48")
	default:
		h.Origin = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n), 0}), 24)
	}
	return h
}

// Whatever is put, dropped, expired and asked for, in whatever order, a shelf
// on disk is one in memory, also after it was opened again.
func TestShelfIsItsModel(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 7))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	m := &shelfModel{items: make(map[[32]byte]modelItem)}
	now := at
	for range rounds(1500, 50_000) {
		switch rnd.IntN(8) {
		case 0, 1, 2:
			items, drop := make([]Held, rnd.IntN(5)), make([][32]byte, rnd.IntN(4))
			for i := range items {
				items[i] = fewHeld(rnd)
			}
			for i := range drop {
				drop[i] = few(rnd)
			}
			if err := p.Put(items, drop); err != nil {
				t.Fatal(err)
			}
			m.put(items, drop)
		case 3:
			now = at.Add(time.Duration(rnd.IntN(100)) * time.Second)
			old := m.bare(func(h Held) bool { return !h.Until.After(now) }, func(a, b modelItem) int { return 0 })
			removed := 0
			for {
				n, err := p.Expire(now)
				if err != nil {
					t.Fatal(err)
				}
				if removed += n; n == 0 {
					break
				}
			}
			if removed != len(old) {
				t.Fatalf("Expire removed %d, want %d", removed, len(old))
			}
			for _, h := range old {
				delete(m.items, h.Address)
			}
		case 4:
			self, n := few(rnd), int64(rnd.IntN(5000))
			if got, err := p.Victims(self, n); err != nil || !reflect.DeepEqual(got, m.victims(self, n)) {
				t.Fatalf("Victims(%x, %d) = %v, %v, want %v", self, n, got, err, m.victims(self, n))
			}
		case 5:
			after, n := few(rnd), rnd.IntN(30)
			if got, err := p.Items(after, n); err != nil || !reflect.DeepEqual(got, m.list(after, n)) {
				t.Fatalf("Items(%x, %d) = %v, %v, want %v", after, n, got, err, m.list(after, n))
			}
		case 6:
			compareFind(t, rnd, p, m)
		case 7:
			total, origins, err := p.Usage()
			if wantTotal, want := m.usage(); total != wantTotal || err != nil || !reflect.DeepEqual(origins, want) {
				t.Fatalf("Usage = %d %v, %v, want %d %v", total, origins, err, wantTotal, want)
			}
			if rnd.IntN(4) == 0 {
				closeShelf(t, profile, p)
				profile, p = testParcels(t, dir)
			}
		}
	}
	wantLedger(t, p)
	closeShelf(t, profile, p)
}

func compareFind(t *testing.T, rnd *rand.Rand, p *Parcels, m *shelfModel) {
	t.Helper()
	hints := make([][8]byte, rnd.IntN(100))
	found := make(map[[8]byte]bool)
	for _, h := range m.items {
		found[hintOf(h.Held)] = true
	}
	var want [][8]byte
	for i := range hints {
		a := few(rnd)
		hints[i] = [8]byte(a[:])
		if found[hints[i]] {
			want = append(want, hints[i])
		}
	}
	got, err := p.Find(hints)
	if err != nil || len(got) != len(want) {
		t.Fatalf("Find(%x) = %d packages, %v, want %d", hints, len(got), err, len(want))
	}
	for i, h := range got {
		if hintOf(h) != want[i] || !reflect.DeepEqual(h, m.items[h.Address].Held) {
			t.Fatalf("package %d of Find(%x) is %v, want %v", i, hints, h, m.items[h.Address].Held)
		}
	}
}
