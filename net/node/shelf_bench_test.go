package node

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/store"
)

// alone is the neighbours of a node that knows nobody.
type alone struct{}

func (alone) Self() dht.Key                                  { return dht.Key{} }
func (alone) Nearest(dht.Scope, dht.Key, int) []*dht.Contact { return nil }
func (alone) Servers(dht.Scope) int                          { return 0 }
func (alone) Departures(dht.Scope) float64                   { return 0 }

// BenchmarkStoreOnDisk stores packages that many put at a time, each durable
// and checked before its answer.
func BenchmarkStoreOnDisk(b *testing.B) {
	profile, err := store.OpenProfile(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	key, err := profile.Unlock(nil)
	if err != nil {
		b.Fatal(err)
	}
	parcels, err := store.OpenParcels(b.Context(), profile, key, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := errors.Join(parcels.Close(), profile.Close()); err != nil {
			b.Error(err)
		}
	}()
	h := dht.NewHolder(dht.HolderConfig{Shelf: shelf{parcels}})
	h.Join(alone{})
	now := time.Now()
	made := make([]dht.Store, b.N)
	for i := range made {
		var seed parcel.Seed
		binary.BigEndian.PutUint64(seed[:], uint64(i))
		p := seed.Key().Seal(new(parcel.Core), [32]byte{byte(i)}, uint32(now.Unix()/3600+100))
		made[i] = dht.Store{Package: p[:]}
	}
	var next atomic.Int64
	b.SetParallelism(128)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := next.Add(1) - 1
			from := dht.Asker{From: netip.PrefixFrom(netip.AddrFrom4([4]byte{12, byte(i >> 8), byte(i), 0}), 24), Conn: uint64(i)}
			if got := h.Store(now, from, made[i]); got.Result != dht.Kept {
				b.Error(got.Result)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stores/s")
}
