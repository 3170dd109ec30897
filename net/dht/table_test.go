package dht

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"dione/crypto/identity"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// contactAt returns a contact at a place, whatever its identity.
func contactAt(k Key, addr string) *Contact {
	return &Contact{ID: identity.ID(k), Key: k, Addrs: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(addr), 4000)}}
}

// faraway returns a contact of a network of its own.
func faraway(r *rand.Rand, k Key) *Contact {
	return contactAt(k, fmt.Sprintf("%d.%d.%d.1", 11+r.IntN(80), r.IntN(256), r.IntN(256)))
}

// inBucket returns a contact in a bucket of the table of self.
func inBucket(r *rand.Rand, self Key, n int) *Contact {
	return faraway(r, NewTable(self, TableConfig{}).placeIn(n, r))
}

// mustBeSound fails if a table is not as it has to be.
func mustBeSound(t *testing.T, tb *Table) {
	t.Helper()
	known := make(map[Key]bool)
	size := 0
	for i := range tb.buckets {
		b := &tb.buckets[i]
		size += len(b.entries)
		if tb.cfg.Small < 0 && len(b.entries) > tb.cfg.K {
			t.Fatalf("bucket %d holds %d contacts", i, len(b.entries))
		}
		if len(b.spares) > spareSize {
			t.Fatalf("bucket %d has %d spares", i, len(b.spares))
		}
		for _, c := range b.spares {
			known[c.Key] = true
		}
		if len(known) != size-len(b.entries)+len(b.spares) {
			t.Fatalf("bucket %d has a spare twice", i)
		}
		for _, c := range b.spares {
			delete(known, c.Key)
			if b.find(c.Key) != nil {
				t.Fatalf("bucket %d has %v as contact and as spare", i, c.Key)
			}
		}
		for _, e := range b.entries {
			if known[e.Key] || e.Key == tb.self || tb.self.Common(e.Key) != i || e.fails >= maxFailures || len(e.Addrs) > MaxAddrs {
				t.Fatalf("bucket %d holds %v, known %v, fails %d", i, e.Key, known[e.Key], e.fails)
			}
			known[e.Key] = true
		}
	}
	if size != tb.size || size > maxTable {
		t.Fatalf("%d contacts, counted as %d", size, tb.size)
	}
	if tb.cfg.Varied {
		mustBeVaried(t, tb)
	}
}

func mustBeVaried(t *testing.T, tb *Table) {
	t.Helper()
	total := make(map[netip.Prefix]int)
	for i := range tb.buckets {
		origins, regions := make(map[netip.Prefix]int), make(map[netip.Prefix]int)
		for _, e := range tb.buckets[i].entries {
			a := addrOf(e.Contact)
			origins[Origin(a)]++
			regions[region(a)]++
			total[Origin(a)]++
			if origins[Origin(a)] > perOrigin || regions[region(a)] > perRegion || total[Origin(a)] > totalOrigin {
				t.Fatalf("bucket %d: too many of the network of %v", i, a)
			}
		}
	}
}

func keysOf(contacts []*Contact) (keys []Key) {
	for _, c := range contacts {
		keys = append(keys, c.Key)
	}
	return keys
}

// TestNearestBruteForce compares with sorting all contacts.
func TestNearestBruteForce(t *testing.T) {
	for seed := range uint64(60) {
		r := chance(seed)
		self := anyKey(r)
		tb := NewTable(self, TableConfig{K: 1 + r.IntN(25), Small: []int{-1, 0}[r.IntN(2)]})
		for range r.IntN(600) {
			tb.Add(epoch, faraway(r, mix(self, r.IntN(40)*r.IntN(2), r)))
		}
		var sure, doubtful []*Contact
		for _, c := range tb.Contacts() {
			if r.IntN(5) == 0 {
				tb.Failed(epoch, c.Key)
				doubtful = append(doubtful, c)
			} else {
				sure = append(sure, c)
			}
		}
		for range 30 {
			target := mix(self, r.IntN(257)*r.IntN(2), r)
			byDistance := func(a, b *Contact) int { return target.Nearer(a.Key, b.Key) }
			slices.SortFunc(sure, byDistance)
			slices.SortFunc(doubtful, byDistance)
			n := r.IntN(60)
			want := keysOf(sure[:min(n, len(sure))])
			if got := keysOf(tb.Nearest(target, n, false)); !slices.Equal(got, want) {
				t.Fatalf("seed %d: Nearest(%v, %d) = %v, want %v", seed, target, n, got, want)
			}
			all := slices.Concat(sure, doubtful)
			want = keysOf(all[:min(n, len(all))])
			if got := keysOf(tb.Nearest(target, n, true)); !slices.Equal(got, want) {
				t.Fatalf("seed %d: Nearest(%v, %d, doubtful) = %v, want %v", seed, target, n, got, want)
			}
			nearer := 0
			for _, c := range sure {
				if target.Nearer(c.Key, self) < 0 {
					nearer++
				}
			}
			if got := tb.Nearer(target, n); got != min(n, nearer) {
				t.Fatalf("seed %d: Nearer(%v, %d) = %d, want %d", seed, target, n, got, min(n, nearer))
			}
		}
	}
}

// TestOldestStay: buckets have a limit, and who came first keeps the place.
func TestOldestStay(t *testing.T) {
	r := chance(1)
	self := anyKey(r)
	tb := NewTable(self, TableConfig{Small: -1})
	first := make(map[int][]Key)
	for range 5000 {
		c := faraway(r, anyKey(r))
		tb.Add(epoch, c)
		if n := self.Common(c.Key); len(first[n]) < bucketSize {
			first[n] = append(first[n], c.Key)
		}
	}
	mustBeSound(t, tb)
	for n, keys := range first {
		for _, k := range keys {
			if tb.Get(k) == nil {
				t.Errorf("bucket %d has given up %v for a newcomer", n, k)
			}
		}
	}
}

// TestSmallTable: below 500 contacts a table is the whole network.
func TestSmallTable(t *testing.T) {
	r := chance(2)
	tb := NewTable(anyKey(r), TableConfig{})
	for n := 1; n <= smallTable; n++ {
		c := faraway(r, anyKey(r))
		if !tb.Wants(c) {
			t.Fatalf("contact %d is not wanted", n)
		}
		if added, check := tb.Add(epoch, c); !added || check != nil || tb.Len() != n {
			t.Fatalf("contact %d: added %v, check %v, %d contacts", n, added, check, tb.Len())
		}
	}
	for range 5000 {
		tb.Add(epoch, faraway(r, anyKey(r)))
	}
	mustBeSound(t, tb)
	if most := smallTable + 13*bucketSize; tb.Len() > most {
		t.Errorf("%d contacts, want at most %d", tb.Len(), most)
	}
}

// fullBucket returns a table of which one bucket is full, and its contacts:
// each was heard of a second later than the one before.
func fullBucket(r *rand.Rand) (tb *Table, in []*Contact, now time.Time) {
	tb = NewTable(anyKey(r), TableConfig{Small: -1})
	now = epoch
	for range bucketSize {
		c := inBucket(r, tb.self, 0)
		tb.Add(now, c)
		in = append(in, c)
		now = now.Add(time.Second)
	}
	return tb, in, now
}

func TestSpares(t *testing.T) {
	r := chance(3)
	tb, in, now := fullBucket(r)
	a, b := inBucket(r, tb.self, 0), inBucket(r, tb.self, 0)
	other := inBucket(r, tb.self, 3)
	tb.Add(now, other)

	added, check := tb.Add(now, a)
	if added || check != in[0] {
		t.Fatalf("a newcomer to a full bucket: added %v, check %v, want the one not heard of for longest", added, check)
	}
	if tb.Wants(a) {
		t.Error("who waits already is wanted")
	}
	if _, again := tb.Add(now.Add(59*time.Second), b); again != nil {
		t.Error("two checks in a minute")
	}
	now = now.Add(2 * time.Minute)
	tb.Seen(now, in[0].Key)
	if _, check = tb.Add(now, b); check != in[1] {
		t.Fatalf("the second check is of %v, want the next", check)
	}

	// It fails once: it is named no more, but stays. It fails twice: the newest
	// that waits gets its place.
	if next := tb.Failed(now, in[1].Key); next != nil || tb.Get(in[1].Key) == nil {
		t.Fatalf("gone after one failure; next %v", next)
	}
	if near := tb.Nearest(in[1].Key, 1, false); near[0] == in[1] {
		t.Error("who has failed is named")
	}
	now = now.Add(time.Second)
	tb.Seen(now, other.Key)
	if next := tb.Failed(now.Add(1), in[1].Key); next != b {
		t.Fatalf("after two failures %v is next, want the newest spare", next)
	}
	if added, _ = tb.Add(now, b); !added || tb.Get(in[1].Key) != nil || tb.Len() != bucketSize+1 {
		t.Errorf("the spare has answered: added %v, %d contacts", added, tb.Len())
	}
	mustBeSound(t, tb)

	// A spare that does not answer waits no longer.
	tb.Failed(now, a.Key)
	if len(tb.buckets[0].spares) != 0 {
		t.Error("a dead spare waits")
	}
}

// TestSparesAreBounded: the newest wait.
func TestSparesAreBounded(t *testing.T) {
	r := chance(4)
	tb, _, now := fullBucket(r)
	var last *Contact
	for range 1000 {
		last = inBucket(r, tb.self, 0)
		tb.Add(now, last)
	}
	if n := len(tb.buckets[0].spares); n != spareSize || tb.buckets[0].spares[n-1] != last {
		t.Errorf("%d spares wait, want the newest %d", n, spareSize)
	}
	if tb.Wants(inBucket(r, tb.self, 0)) {
		t.Error("more are dialled, though enough wait")
	}
	mustBeSound(t, tb)
}

func TestDeadGo(t *testing.T) {
	r := chance(5)
	tb := NewTable(anyKey(r), TableConfig{})
	dead, live := faraway(r, anyKey(r)), faraway(r, anyKey(r))
	tb.Add(epoch, dead)
	tb.Add(epoch, live)
	now := epoch
	for n := 1; n <= maxFailures; n++ {
		now = now.Add(time.Minute)
		if tb.Get(dead.Key) == nil {
			t.Fatalf("gone before failure %d", n)
		}
		tb.Failed(now, dead.Key)
		if n < maxFailures {
			if got := tb.Doubtful(now, 5); len(got) != 0 {
				t.Errorf("to be asked again at once: %v", got)
			}
			if got := tb.Doubtful(now.Add(1e6), 5); len(got) != 1 || got[0] != dead {
				t.Errorf("Doubtful = %v", got)
			}
			if got := tb.Doubtful(now.Add(1e6), 0); len(got) != 0 {
				t.Errorf("Doubtful of none = %v", got)
			}
			if !tb.Wants(dead) {
				t.Error("who has failed is not wanted back")
			}
		}
		now = now.Add(time.Second)
		tb.Seen(now, live.Key)
	}
	if tb.Get(dead.Key) != nil || tb.Len() != 1 {
		t.Error("the dead stay")
	}
	if next := tb.Failed(now, dead.Key); next != nil {
		t.Error("who is gone has a successor")
	}
}

// TestOutage: while nobody answers nobody is given up, and afterwards nobody
// takes the place of those who did not answer then.
func TestOutage(t *testing.T) {
	r := chance(6)
	tb, in, now := fullBucket(r)
	spare := inBucket(r, tb.self, 0)
	tb.Add(now, spare)
	for range 500 {
		now = now.Add(time.Minute)
		for _, c := range in {
			if next := tb.Failed(now, c.Key); next != nil {
				t.Fatal("spares are used up while our own network is down")
			}
		}
	}
	if tb.Len() != bucketSize {
		t.Fatalf("%d contacts are left after an outage of hours, want %d", tb.Len(), bucketSize)
	}
	if got := tb.Nearest(tb.self, 100, true); len(got) != bucketSize {
		t.Errorf("%d are left to be asked", len(got))
	}
	if added, _ := tb.Add(now, inBucket(r, tb.self, 0)); added {
		t.Error("the first newcomer after an outage takes a place")
	}
	if added, _ := tb.Add(now.Add(time.Second), inBucket(r, tb.self, 0)); added {
		t.Error("the second newcomer after an outage takes a place")
	}
	for _, c := range in {
		tb.Seen(now, c.Key)
	}
	if got := tb.Nearest(tb.self, 100, false); len(got) != bucketSize {
		t.Errorf("%d are named after an outage, want %d", len(got), bucketSize)
	}
	mustBeSound(t, tb)
}

// TestRefused: some contacts have no place in any table.
func TestRefused(t *testing.T) {
	r := chance(11)
	tb := NewTable(anyKey(r), TableConfig{})
	for _, c := range []*Contact{contactAt(tb.self, "9.9.9.9"), {Key: anyKey(r)}} {
		if added, check := tb.Add(epoch, c); added || check != nil || tb.Wants(c) {
			t.Errorf("%v with %d addresses: added %v, check %v", c.Key, len(c.Addrs), added, check)
		}
	}
	if tb.Len() != 0 || tb.Nearest(tb.self, 20, true) != nil || tb.Get(tb.self) != nil {
		t.Error("an empty table has contacts")
	}
}

// TestMerge: a contact has the addresses at which it answered last, three at
// most, and a table never changes a contact that others share.
func TestMerge(t *testing.T) {
	r := chance(12)
	tb := NewTable(anyKey(r), TableConfig{})
	k := anyKey(r)
	first := contactAt(k, "9.0.0.0")
	tb.Add(epoch, first)
	tb.Add(epoch, contactAt(k, "9.0.0.0"))
	if tb.Get(k) != first {
		t.Error("the same contact again is another")
	}
	for i := range 6 {
		tb.Add(epoch, contactAt(k, fmt.Sprintf("9.0.0.%d", i)))
	}
	var got []string
	for _, a := range tb.Get(k).Addrs {
		got = append(got, a.Addr().String())
	}
	if want := []string{"9.0.0.5", "9.0.0.4", "9.0.0.3"}; !slices.Equal(got, want) {
		t.Errorf("addresses = %v, want %v", got, want)
	}
	if len(first.Addrs) != 1 || tb.Len() != 1 {
		t.Errorf("the shared contact has %v, the table %d contacts", first.Addrs, tb.Len())
	}
}

// TestIdle: each bucket is looked up once an hour, at a place in it.
func TestIdle(t *testing.T) {
	r := chance(13)
	self := anyKey(r)
	tb := NewTable(self, TableConfig{})
	if _, ok := tb.Idle(epoch, refreshAfter, r); ok {
		t.Error("an empty table has an idle bucket")
	}
	const deepest = 9
	tb.Add(epoch, inBucket(r, self, deepest))
	now := epoch
	for hour := range 3 {
		idle := make(map[int]bool)
		for {
			k, ok := tb.Idle(now, refreshAfter, r)
			if !ok {
				break
			}
			if n := self.Common(k); idle[n] || n > deepest {
				t.Fatalf("hour %d: bucket %d is idle", hour, n)
			} else {
				idle[n] = true
			}
		}
		if want := deepest + 1 - min(hour, 1); len(idle) != want {
			t.Errorf("hour %d: %d buckets are idle, want %d", hour, len(idle), want)
		}
		now = now.Add(refreshAfter)
		tb.LookedUp(now, tb.placeIn(4, r))
	}
}

func TestPlaceIn(t *testing.T) {
	r := chance(14)
	tb := NewTable(anyKey(r), TableConfig{})
	for n := range 256 {
		if got := tb.self.Common(tb.placeIn(n, r)); got != n {
			t.Errorf("placeIn(%d) has %d bits in common", n, got)
		}
	}
}

func TestStalest(t *testing.T) {
	r := chance(15)
	tb, in, now := fullBucket(r)
	if got := tb.Stalest(epoch); got != nil {
		t.Errorf("Stalest before all = %v", got)
	}
	if got := tb.Stalest(now); got != in[0] {
		t.Errorf("Stalest = %v, want the first", got)
	}
	tb.Failed(now, in[0].Key) // it is asked again as one that has failed
	if got := tb.Stalest(now); got != in[1] {
		t.Errorf("Stalest = %v, want the second", got)
	}
}

func TestContacts(t *testing.T) {
	r := chance(16)
	tb, in, now := fullBucket(r)
	tb.Seen(now, in[4].Key)
	got := tb.Contacts()
	if len(got) != len(in) || got[0] != in[4] || got[1] != in[len(in)-1] || got[len(got)-1] != in[0] {
		t.Errorf("Contacts = %v, want those that answered last first", keysOf(got))
	}
}
