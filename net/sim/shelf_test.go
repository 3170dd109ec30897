package sim

import (
	"testing"
	"time"
	"unsafe"

	"dione/net/dht"
	"dione/net/dht/shelftest"
)

func TestShelf(t *testing.T) {
	shelftest.Run(t, func(*testing.T) dht.Shelf { return new(Shelf) })
}

// 100,000 nodes have one each, most of them empty.
func TestShelfIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Shelf{}); n > 64 {
		t.Errorf("an empty shelf takes %d bytes", n)
	}
	x := shelftest.Item(1, [32]byte{1}, shelftest.Network(1), time.Hour)
	a, b := new(Shelf), new(Shelf)
	for _, s := range []*Shelf{a, b} {
		if err := s.Put([]dht.Item{x}, nil); err != nil {
			t.Fatal(err)
		}
	}
	found, err := b.Find([]dht.Hint{dht.Hint(x.Address[:])})
	if err != nil || len(found) != 1 || &found[0].Bytes[0] != &x.Bytes[0] {
		t.Errorf("the bytes lie in memory twice: %v, %v", found, err)
	}
}
