package dht_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/sim"
)

var start = time.Unix(1_800_000_000, 0)

const hour = time.Hour

func hourOf(t time.Time) uint32 { return uint32(t.Unix() / 3600) }

// writer makes the packages of one address.
type writer struct {
	key  parcel.Key
	core parcel.Core
}

func newWriter(n uint64) *writer {
	var seed parcel.Seed
	binary.BigEndian.PutUint64(seed[:], n)
	w := &writer{key: seed.Key()}
	binary.BigEndian.PutUint64(w.core[:], n)
	return w
}

func (w *writer) hint() dht.Hint { return w.key.Address().Hint() }

func (w *writer) seal(place dht.Key, expiry uint32) dht.Store {
	b := w.key.Seal(&w.core, place, expiry)
	return dht.Store{Package: b[:]}
}

func (w *writer) bury(place dht.Key, expiry uint32) dht.Delete {
	b := w.key.Bury(&w.core, place, expiry)
	return dht.Delete{Tombstone: b[:]}
}

// other is a writer of the same address who has lost his state.
func (w *writer) other() *writer {
	o := *w
	o.core[0] ^= 0xff
	return &o
}

// town is the neighbours of one holder.
type town struct {
	self     dht.Key
	contacts [dht.Scopes][]*dht.Contact
	left     float64
}

func (n *town) Self() dht.Key { return n.self }

func (n *town) Nearest(s dht.Scope, target dht.Key, most int) []*dht.Contact {
	all := slices.Clone(n.contacts[s])
	slices.SortFunc(all, func(a, b *dht.Contact) int { return target.Nearer(a.Key, b.Key) })
	return all[:min(most, len(all))]
}

func (n *town) Servers(s dht.Scope) int { return len(n.contacts[s]) }

func (n *town) Departures(dht.Scope) float64 { return n.left }

// contact returns the nth server of those in the tests, each of a network of
// its own.
func contact(n int) *dht.Contact {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return dht.NewContact(identity.ID(sum), netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(n >> 8), byte(n), 1}), 4000))
}

// asker returns who asks from the nth network, over a connection of its own.
func asker(n int) dht.Asker {
	addr := netip.AddrFrom4([4]byte{12, byte(n >> 8), byte(n), 7})
	id := identity.ID{0xff, byte(n >> 8), byte(n)}
	return dht.Asker{ID: id, Node: dht.KeyOf(id), Addr: addr, From: dht.Origin(addr), Conn: uint64(n)}
}

// by returns a server as who asks.
func by(c *dht.Contact) dht.Asker {
	addr := c.Addrs[0].Addr()
	return dht.Asker{ID: c.ID, Node: c.Key, Addr: addr, From: dht.Origin(addr), Conn: binary.BigEndian.Uint64(c.Key[:])}
}

// bench is a holder and what is around it.
type bench struct {
	*dht.Holder
	town  *town
	shelf *sim.Shelf
	now   time.Time
}

// newBench returns a holder that knows so many servers.
func newBench(servers int, cfg dht.HolderConfig) *bench {
	b := &bench{town: &town{self: dht.Key{0x80}}, shelf: new(sim.Shelf), now: start}
	for i := range servers {
		b.town.contacts[dht.Wide] = append(b.town.contacts[dht.Wide], contact(i))
	}
	if cfg.Shelf == nil {
		cfg.Shelf = b.shelf
	}
	cfg.Rand = rand.New(rand.NewPCG(1, 2))
	b.Holder = dht.NewHolder(cfg)
	b.Join(b.town)
	return b
}

// here is a place that this holder is nearest to.
func (b *bench) here() dht.Key {
	k := b.town.self
	k[31] ^= 1
	return k
}

// there is the place farthest from it.
func (b *bench) there() dht.Key {
	k := b.town.self
	for i := range k {
		k[i] ^= 0xff
	}
	return k
}

func (b *bench) put(w *writer, from dht.Asker) dht.Stored {
	return b.Store(b.now, from, w.seal(b.here(), hourOf(b.now)+14*24))
}

// has reports how a package is held: as data, as a tombstone, not at all.
func (b *bench) has(w *writer) (data, tombstone bool) {
	got := b.GetMany(b.now, asker(0), dht.GetMany{Hints: []dht.Hint{w.hint()}})
	if got.Held.Has(0) != (len(got.Packages) == 1) {
		panic("bits and packages differ")
	}
	if len(got.Packages) == 0 {
		return false, false
	}
	return len(got.Packages[0]) == parcel.Size, len(got.Packages[0]) == parcel.TombstoneSize
}

func (b *bench) total(t *testing.T) int64 {
	t.Helper()
	total, _, err := b.shelf.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// Every answer of crypto/PROTOCOL.md, section 9.
func TestStore(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	w, at := newWriter(1), hourOf(start)
	good := w.seal(b.here(), at+14*24)
	change := func(i int, to byte) dht.Store {
		p := bytes.Clone(good.Package)
		p[i] = to
		return dht.Store{Package: p}
	}
	long := uint32(start.Add(15*24*hour+hour).Unix() / 3600)
	for i, tt := range []struct {
		name  string
		m     dht.Store
		want  dht.Result
		until uint32
	}{
		{"nothing", dht.Store{}, dht.Bad, 0},
		{"zeros", dht.Store{Package: make([]byte, parcel.Size)}, dht.Bad, 0},
		{"another version", change(0, 2), dht.Bad, 0},
		{"another kind", change(1, 3), dht.Bad, 0},
		{"a tombstone", dht.Store{Package: w.bury(b.here(), at+24).Tombstone}, dht.Bad, 0},
		{"not signed", change(100, good.Package[100]^1), dht.Bad, 0},
		{"squatting", change(38, good.Package[38]^1), dht.Bad, 0},
		{"expired", newWriter(2).seal(b.here(), at), dht.Bad, 0},
		{"too long a life", newWriter(2).seal(b.here(), long+1), dht.Bad, 0},
		{"far", newWriter(2).seal(b.there(), at+24), dht.Far, 0},
		{"new", good, dht.Kept, at + 14*24},
		{"again", good, dht.Kept, at + 14*24},
		{"with a proof of work", dht.Store{Package: good.Package, Work: []byte{1}}, dht.Kept, at + 14*24},
		{"short", newWriter(3).seal(b.here(), at+1), dht.Kept, at + 1},
		{"the longest life", newWriter(4).seal(b.here(), long), dht.Kept, at + 14*24},
		{"another core", w.other().seal(b.here(), at+24), dht.Other, 0},
	} {
		got := b.Store(b.now, asker(100+i), tt.m)
		if got.Result != tt.want || got.Until != tt.until {
			t.Errorf("%s: %v until %d, want %v until %d", tt.name, got.Result, got.Until, tt.want, tt.until)
		}
		if other := got.Result == dht.Other; other != bytes.Equal(got.Proof, good.Package) || !other && got.Proof != nil {
			t.Errorf("%s: proof %x", tt.name, got.Proof)
		}
	}
	if total := b.total(t); total != 3*parcel.Size {
		t.Errorf("%d bytes are held, want those of 3 packages", total)
	}
	stone := w.bury(b.here(), at+24)
	if got := b.Delete(b.now, asker(1), stone); got.Result != dht.Kept {
		t.Fatalf("Delete = %v", got)
	}
	for name, m := range map[string]dht.Store{"the same": good, "later": w.seal(b.here(), at+15*24), "another core": w.other().seal(b.here(), at+24)} {
		if got := b.Store(b.now, asker(2), m); got.Result != dht.Gone || !bytes.Equal(got.Proof, stone.Tombstone) {
			t.Errorf("%s after the tombstone: %v", name, got)
		}
	}
}

// A package that comes again is kept longer, and stays with who brought it.
func TestRefresh(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	w := newWriter(1)
	at := hourOf(start)
	first := w.seal(b.here(), at+48)
	for i, tt := range []struct {
		m     dht.Store
		after time.Duration
		until uint32
	}{
		{first, 0, at + 48},
		{w.seal(b.here(), at+24), hour, at + 48}, // a shorter life shortens nothing
		{first, 2 * hour, at + 48},
		{w.seal(b.there(), at+15*24), 3 * hour, at + 14*24 + 3},
		{w.seal(b.there(), at+15*24), 5 * hour, at + 14*24 + 5},
		{first, 7 * hour, at + 14*24 + 5}, // an old envelope does not help a new one on
	} {
		if got := b.Store(start.Add(tt.after), asker(i), tt.m); got.Result != dht.Kept || got.Until != tt.until {
			t.Errorf("%d: %v until %d, want %d", i, got.Result, got.Until, tt.until)
		}
	}
	items, err := b.shelf.Find([]dht.Hint{w.hint()})
	if err != nil || len(items) != 1 {
		t.Fatal(items, err)
	}
	x := items[0]
	if x.Origin != asker(0).From || !x.Came.Equal(start) || x.Location != b.there() || x.Expiry != at+15*24 {
		t.Errorf("held is %+v", x)
	}
}

func TestDelete(t *testing.T) {
	b := newBench(30, dht.HolderConfig{})
	at := hourOf(start)
	held, also := newWriter(1), newWriter(2)
	for _, w := range []*writer{held, also} {
		if got := b.put(w, asker(1)); got.Result != dht.Kept {
			t.Fatal(got)
		}
	}
	bad := held.bury(b.here(), at+24)
	bad.Tombstone[100] ^= 1
	for i, tt := range []struct {
		name  string
		m     dht.Delete
		want  dht.Result
		until uint32
	}{
		{"nothing", dht.Delete{}, dht.Bad, 0},
		{"not signed", bad, dht.Bad, 0},
		{"a package", dht.Delete{Tombstone: held.seal(b.here(), at+24).Package}, dht.Bad, 0},
		{"too long a life", held.bury(b.here(), at+15*24+2), dht.Bad, 0},
		{"long expired", held.bury(b.here(), at-48), dht.Bad, 0},
		{"held", held.bury(b.here(), at+24), dht.Kept, at + 14*24 + 48},
		{"again", held.bury(b.here(), at+24), dht.Kept, at + 14*24 + 48},
		{"of another core", held.other().bury(b.here(), at+24), dht.Other, 0},
		{"with a longer life", held.bury(b.here(), at+15*24), dht.Kept, at + 17*24},
		{"held, of another core", also.other().bury(b.there(), at+1), dht.Kept, at + 14*24 + 48},
		{"not held", newWriter(3).bury(b.here(), at+1), dht.Kept, at + 49},
		{"not held, just expired", newWriter(4).bury(b.here(), at-47), dht.Kept, at + 1},
		{"not held and far", newWriter(5).bury(b.there(), at+24), dht.Far, 0},
	} {
		if got := b.Delete(b.now, asker(100+i), tt.m); got.Result != tt.want || got.Until != tt.until {
			t.Errorf("%s: %v until %d, want %v until %d", tt.name, got.Result, got.Until, tt.want, tt.until)
		}
	}
	if total := b.total(t); total != 4*parcel.TombstoneSize {
		t.Errorf("%d bytes are held, want those of 4 tombstones", total)
	}
	for _, w := range []*writer{held, also} {
		if data, tombstone := b.has(w); data || !tombstone {
			t.Errorf("held is data: %v, tombstone: %v", data, tombstone)
		}
		if items, err := b.shelf.Find([]dht.Hint{w.hint()}); err != nil || items[0].Origin != asker(1).From {
			t.Errorf("the tombstone is charged to another than the package was: %v, %v", items, err)
		}
	}
	// Until two days after the expiry, and no longer.
	b.now = start.Add(17 * 24 * hour).Truncate(hour).Add(-time.Second)
	if _, tombstone := b.has(held); !tombstone {
		t.Error("the tombstone is gone too early")
	}
	b.now = b.now.Add(hour)
	if _, tombstone := b.has(held); tombstone {
		t.Error("the tombstone is still there")
	}
}

func TestGetMany(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	var m dht.GetMany
	var want [][]byte
	for i := range uint64(dht.MaxHints) {
		w := newWriter(i)
		m.Hints = append(m.Hints, w.hint())
		if i%8 == 7 {
			continue // not held
		}
		s := w.seal(b.here(), hourOf(start)+24)
		if got := b.Store(b.now, asker(int(i)), s); got.Result != dht.Kept {
			t.Fatal(got)
		}
		if i%8 == 3 {
			d := w.bury(b.here(), hourOf(start)+24)
			b.Delete(b.now, asker(int(i)), d)
			want = append(want, d.Tombstone)
			continue
		}
		want = append(want, s.Package)
	}
	got := b.GetMany(b.now, asker(0), m)
	size := 0
	for i, p := range got.Packages {
		if !bytes.Equal(p, want[i]) {
			t.Fatalf("package %d is another", i)
		}
		size += len(p)
	}
	if size > dht.MaxPackages || size+parcel.Size <= dht.MaxPackages {
		t.Errorf("%d bytes of packages", size)
	}
	for i := range 2 * dht.MaxHints {
		if got.Held.Has(i) != (i < dht.MaxHints && i%8 != 7) {
			t.Errorf("held %d: %v", i, got.Held.Has(i))
		}
	}
	a, c, none := m.Hints[0], m.Hints[1], m.Hints[7]
	got = b.GetMany(b.now, asker(0), dht.GetMany{Hints: []dht.Hint{c, none, c, a, c, a}})
	if !bytes.Equal(got.Held, []byte{0b1001}) || len(got.Packages) != 2 || !bytes.Equal(got.Packages[0], want[1]) || !bytes.Equal(got.Packages[1], want[0]) {
		t.Errorf("hints that come twice: %v and %d packages", got.Held, len(got.Packages))
	}
	got = b.GetMany(start.Add(24*hour).Truncate(hour).Add(hour), asker(0), dht.GetMany{Hints: m.Hints[:1]})
	if got.Held != nil || got.Packages != nil {
		t.Error("an expired package is given away")
	}
}

// What has expired and lies there still is as good as not held.
func TestExpiredIsNotHeld(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	w := newWriter(1)
	if got := b.Store(b.now, asker(1), w.seal(b.here(), hourOf(start)+1)); got.Result != dht.Kept {
		t.Fatal(got)
	}
	b.now = start.Add(5 * hour)
	if got := b.put(w.other(), asker(2)); got.Result != dht.Kept {
		t.Errorf("another package in its place: %v", got.Result)
	}
	if total := b.total(t); total != parcel.Size || b.Fullness() != 0 {
		t.Errorf("%d bytes held", total)
	}
}

// A restart begins where it was.
func TestRestart(t *testing.T) {
	b := newBench(3, dht.HolderConfig{Capacity: 10 * parcel.Size})
	for i := range uint64(5) {
		b.put(newWriter(i), asker(1))
	}
	again := dht.NewHolder(dht.HolderConfig{Shelf: b.shelf, Capacity: 10 * parcel.Size})
	again.Join(b.town)
	if got := again.Fullness(); got != 50 {
		t.Errorf("Fullness = %d after a restart", got)
	}
	if got := again.Store(b.now, asker(9), newWriter(1).other().seal(b.here(), hourOf(b.now)+24)); got.Result != dht.Other {
		t.Errorf("Store of another core = %v after a restart", got)
	}
}

// Many writers at once: of two packages of one address only one is kept, and
// everybody is told which.
func TestConcurrentStores(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	var mu sync.Mutex
	kept := make(map[uint64]map[byte]bool)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range uint64(20) {
				w := newWriter(n)
				if i%2 == 1 {
					w = w.other()
				}
				got := b.put(w, asker(i))
				mu.Lock()
				if kept[n] == nil {
					kept[n] = make(map[byte]bool)
				}
				if got.Result == dht.Kept {
					kept[n][w.core[0]] = true
				} else if got.Result != dht.Other {
					t.Errorf("Store = %v", got.Result)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for n, cores := range kept {
		if len(cores) != 1 {
			t.Errorf("address %d: %d packages were kept", n, len(cores))
		}
	}
	if got := b.total(t); got != 20*parcel.Size {
		t.Errorf("%d bytes", got)
	}
}

func TestResultWords(t *testing.T) {
	if got := fmt.Sprint(dht.Kept, dht.Bad, dht.Result(9)); got != "kept bad result 9" {
		t.Error(got)
	}
}
