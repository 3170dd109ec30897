package dht_test

import (
	"bytes"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
)

// inbox collects what one connection is told.
type inbox struct{ packages [][]byte }

func (x *inbox) notify(n dht.Notify) { x.packages = append(x.packages, n.Packages...) }

func TestWatch(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	w, v := newWriter(1), newWriter(2)
	watch := func(conn int, hints ...dht.Hint) *inbox {
		x := new(inbox)
		want := uint16(600)
		if len(hints) == 0 {
			want = 0
		}
		if got := b.Watch(b.now, asker(conn), dht.Watch{Hints: hints}, x.notify); got.Lease != want {
			t.Errorf("lease of %d s, want %d", got.Lease, want)
		}
		return x
	}
	expect := func(what string, x *inbox, packages ...[]byte) {
		t.Helper()
		if len(x.packages) != len(packages) {
			t.Errorf("%s: told of %d packages, want %d", what, len(x.packages), len(packages))
			return
		}
		for i := range packages {
			if !bytes.Equal(x.packages[i], packages[i]) {
				t.Errorf("%s: package %d is another", what, i)
			}
		}
	}
	both, one, ended, moved, left := watch(1, w.hint(), v.hint(), w.hint()), watch(2, w.hint()), watch(3, w.hint()), watch(4, w.hint()), watch(5, w.hint())
	watch(3)
	moved2 := watch(4, v.hint())
	b.Left(5)
	b.Left(77)

	first := w.seal(b.here(), hourOf(b.now)+24)
	b.Store(b.now, asker(9), first)
	b.Store(b.now, asker(9), first)                                      // the same
	b.Store(b.now, asker(9), w.seal(b.here(), hourOf(b.now)+48))         // refreshed
	b.Store(b.now, asker(9), w.other().seal(b.here(), hourOf(b.now)+48)) // not taken
	stone := w.bury(b.here(), hourOf(b.now)+24)
	b.Delete(b.now, asker(9), stone)
	b.Delete(b.now, asker(9), stone)
	b.now = b.now.Add(10*time.Minute - time.Second)
	second := v.seal(b.here(), hourOf(b.now)+24)
	b.Store(b.now, asker(9), second)
	expect("both", both, first.Package, stone.Tombstone, second.Package)
	expect("one", one, first.Package, stone.Tombstone)
	expect("ended", ended)
	expect("moved", moved)
	expect("moved to another", moved2, second.Package)
	expect("left", left)

	b.now = b.now.Add(time.Second)
	b.Delete(b.now, asker(9), v.bury(b.here(), hourOf(b.now)+24))
	expect("after the lease", both, first.Package, stone.Tombstone, second.Package)
}

// There are 256 watches, of one network 64; who is gone makes room.
func TestWatchLimits(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	calls := 0
	watch := func(conn, network int) bool {
		from := asker(network)
		from.Conn = uint64(conn)
		return b.Watch(b.now, from, dht.Watch{Hints: []dht.Hint{newWriter(1).hint()}}, func(dht.Notify) { calls++ }).Lease != 0
	}
	taken := 0
	for i := range 100 {
		if watch(i, 1) {
			taken++
		}
	}
	if taken != 64 {
		t.Errorf("%d watches of one network", taken)
	}
	for i := range 1000 {
		if watch(1000+i, 2+i%100) {
			taken++
		}
	}
	if taken != 256 {
		t.Errorf("%d watches", taken)
	}
	if !watch(1000, 2) {
		t.Error("a watch cannot be renewed where there is no room")
	}
	b.put(newWriter(1), asker(1))
	if calls != 256 {
		t.Errorf("%d were told", calls)
	}
	b.now = b.now.Add(10 * time.Minute)
	if !watch(5000, 3) {
		t.Error("watches that are over still take room")
	}
}

// Who is told may ask at once: no lock is held.
func TestNotifyMayAsk(t *testing.T) {
	b := newBench(3, dht.HolderConfig{})
	w := newWriter(1)
	seen := 0
	b.Watch(b.now, asker(1), dht.Watch{Hints: []dht.Hint{w.hint()}}, func(n dht.Notify) {
		if data, _ := b.has(w); data && len(n.Packages[0]) == parcel.Size {
			seen++
		}
	})
	b.put(w, asker(2))
	if seen != 1 {
		t.Error("the package was told of before it was there")
	}
}
