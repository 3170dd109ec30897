package dht_test

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/sim"
)

// The worse the shelf, the less is kept; and it goes on when that ends.
func TestBrokenShelf(t *testing.T) {
	shelf := &brokenShelf{Shelf: new(sim.Shelf)}
	var log strings.Builder
	b := newBench(3, dht.HolderConfig{Shelf: shelf, Log: slog.New(slog.NewTextHandler(&log, nil))})
	w := newWriter(1)
	if got := b.put(w, asker(1)); got.Result != dht.Kept {
		t.Fatal(got)
	}
	shelf.write = errors.New("no space left on device")
	for i := range 10 {
		if got := b.put(newWriter(uint64(10+i)), asker(i)); got.Result != dht.Full {
			t.Errorf("Store on a full disk = %v", got)
		}
		if got := b.Delete(b.now, asker(i), w.bury(b.here(), hourOf(start)+24)); got.Result != dht.Full {
			t.Errorf("Delete on a full disk = %v", got)
		}
		b.now = b.now.Add(10 * time.Second)
	}
	if n := shelf.puts; n > 4 {
		t.Errorf("the disk was tried %d times in 100 s", n)
	}
	if got := b.Fullness(); got != 255 {
		t.Errorf("Fullness = %d", got)
	}
	if got := b.Watch(b.now, asker(1), dht.Watch{Hints: []dht.Hint{{}}}, func(dht.Notify) {}); got.Lease != 0 {
		t.Error("a watch is taken")
	}
	if data, _ := b.has(w); !data {
		t.Error("what can be read is not given")
	}
	if log := log.String(); strings.Count(log, "cannot be kept") != 1 || !strings.Contains(log, "no space left") {
		t.Errorf("log:\n%s", log)
	}
	shelf.read = errors.New("damaged")
	if data, _ := b.has(w); data {
		t.Error("read from a damaged disk")
	}
	if got := b.Offer(b.now, by(contact(1)), dht.Offer{Data: []dht.Hint{{}}}); got.Bits != nil {
		t.Error("something is wanted")
	}
	if due, next := b.Repair(b.now.Add(2*hour), 8); len(due) != 0 || !next.After(b.now.Add(2*hour)) {
		t.Errorf("Repair = %v, %v", due, next)
	}
	if b.Leave(b.now) != nil {
		t.Error("Leave pushes what it cannot read")
	}
	shelf.read, shelf.write = nil, nil
	b.now = b.now.Add(3 * hour)
	b.Repair(b.now, 8)
	if got := b.Fullness(); got != 0 {
		t.Errorf("Fullness = %d after the disk has come back", got)
	}
	if got := b.put(newWriter(50), asker(50)); got.Result != dht.Kept {
		t.Errorf("Store = %v after the disk has come back", got)
	}
	if !strings.Contains(log.String(), "kept again") {
		t.Error("nobody is told that it has come back")
	}
}

// brokenShelf fails on demand.
type brokenShelf struct {
	*sim.Shelf
	read, write error
	puts        int // while it fails
}

func (s *brokenShelf) Find(hints []dht.Hint) ([]dht.Item, error) {
	if s.read != nil {
		return nil, s.read
	}
	return s.Shelf.Find(hints)
}

func (s *brokenShelf) Put(items []dht.Item, drop [][32]byte) error {
	if s.write != nil {
		s.puts++
		return s.write
	}
	return s.Shelf.Put(items, drop)
}

func (s *brokenShelf) Expire(now time.Time) (int, error) {
	if s.write != nil {
		return 0, s.write
	}
	return s.Shelf.Expire(now)
}

func (s *brokenShelf) Items(after [32]byte, n int) ([]dht.Item, error) {
	if s.read != nil {
		return nil, s.read
	}
	return s.Shelf.Items(after, n)
}

func (s *brokenShelf) Usage() (int64, map[netip.Prefix]int64, error) {
	if s.read != nil {
		return 0, nil, s.read
	}
	return s.Shelf.Usage()
}

// Whatever happens, what is counted is what is there.
func TestAccounting(t *testing.T) {
	const capacity = 100 * parcel.Size
	shelf := &brokenShelf{Shelf: new(sim.Shelf)}
	b := newBench(3, dht.HolderConfig{Shelf: shelf, Capacity: capacity})
	rand := rand.New(rand.NewPCG(3, 4))
	for i := range 6000 {
		w := newWriter(rand.Uint64N(300))
		if rand.IntN(9) == 0 {
			w = w.other()
		}
		place := b.here()
		place[1] ^= byte(rand.Uint32())
		expiry := hourOf(b.now) + 1 + rand.Uint32N(14*24)
		from := asker(rand.IntN(60))
		from.Conn = uint64(i)
		shelf.write = nil
		switch rand.IntN(12) {
		case 0, 1, 2:
			b.Delete(b.now, from, w.bury(place, expiry))
		case 3:
			b.now = b.now.Add(time.Duration(rand.Int64N(int64(3 * hour))))
			for {
				due, next := b.Repair(b.now, 100)
				for _, q := range due {
					b.Repaired(b.now, q, nil)
				}
				if next.After(b.now.Add(2 * time.Second)) {
					break
				}
				b.now = b.now.Add(time.Second)
			}
		case 4:
			shelf.write = errors.New("failing")
			b.Store(b.now, from, w.seal(place, expiry))
			shelf.write = nil
			b.now = b.now.Add(time.Minute)
			continue
		default:
			b.Store(b.now, from, w.seal(place, expiry))
		}
		total, _, err := shelf.Shelf.Usage()
		if err != nil || total > capacity {
			t.Fatalf("step %d: %d bytes, %v", i, total, err)
		}
		if got := b.Fullness(); got != uint8(total*100/capacity) && got != 255 {
			t.Fatalf("step %d: Fullness = %d, held are %d bytes", i, got, total)
		}
	}
}
