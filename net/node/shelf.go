package node

import (
	"net/netip"
	"time"

	"dione/net/dht"
	"dione/store"
)

// shelf is the profile's packages as a holder wants them: package store does
// not know net/dht.
type shelf struct{ *store.Parcels }

var _ dht.Shelf = shelf{}

// Find implements [dht.Shelf].
func (s shelf) Find(hints []dht.Hint) ([]dht.Item, error) { return items(s.Parcels.Find(hints)) }

// Put implements [dht.Shelf].
func (s shelf) Put(put []dht.Item, drop [][32]byte) error {
	held := make([]store.Held, len(put))
	for i, item := range put {
		held[i] = store.Held(item)
	}
	return s.Parcels.Put(held, drop)
}

// Expire implements [dht.Shelf].
func (s shelf) Expire(now time.Time) (int, error) { return s.Parcels.Expire(now) }

// Victims implements [dht.Shelf].
func (s shelf) Victims(self [32]byte, n int64) ([]dht.Item, error) {
	return items(s.Parcels.Victims(self, n))
}

// Items implements [dht.Shelf].
func (s shelf) Items(after [32]byte, n int) ([]dht.Item, error) {
	return items(s.Parcels.Items(after, n))
}

// Usage implements [dht.Shelf].
func (s shelf) Usage() (int64, map[netip.Prefix]int64, error) { return s.Parcels.Usage() }

func items(held []store.Held, err error) ([]dht.Item, error) {
	out := make([]dht.Item, len(held))
	for i, h := range held {
		out[i] = dht.Item(h)
	}
	return out, err
}
