package dht_test

import (
	"encoding/binary"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
)

// packages makes n of them near a holder, each of a writer of its own.
func packages(b *bench, n int) (stores []dht.Store, hints []dht.Hint) {
	expiry := hourOf(b.now) + 14*24
	for i := range uint64(n) {
		w := newWriter(i)
		stores = append(stores, w.seal(b.here(), expiry))
		hints = append(hints, w.hint())
	}
	return stores, hints
}

// BenchmarkStore stores new packages of many writers, as long as there are
// any; then it begins with an empty shelf. A signature is checked for each.
func BenchmarkStore(b *testing.B) {
	holder := newBench(200, dht.HolderConfig{})
	stores, _ := packages(holder, 4096)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if i%len(stores) == 0 {
			holder = newBench(200, dht.HolderConfig{})
		}
		if got := holder.Store(holder.now, asker(i%len(stores)), stores[i%len(stores)]); got.Result != dht.Kept {
			b.Fatal(got.Result)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stores/s")
}

// BenchmarkStoreFull is the same where each package drives out others.
func BenchmarkStoreFull(b *testing.B) {
	const capacity = 4 << 20
	holder := newBench(200, dht.HolderConfig{Capacity: capacity})
	stores, _ := packages(holder, 3*capacity/parcel.Size)
	store := func(i int) dht.Result {
		from := asker(i % 512) // each within its 2 %
		from.Conn = uint64(i)
		return holder.Store(holder.now, from, stores[i%len(stores)]).Result
	}
	for i := range 2 * capacity / parcel.Size {
		store(i)
		holder.now = holder.now.Add(20 * time.Millisecond)
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if got := store(i); got != dht.Kept && got != dht.Full {
			b.Fatal(got)
		}
		holder.now = holder.now.Add(20 * time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stores/s")
}

// BenchmarkGetMany asks 10,000 packages for 64 addresses at a time, of which
// one is held: what somebody polls who has little mail.
func BenchmarkGetMany(b *testing.B) { benchmarkGetMany(b, 1) }

// BenchmarkGetManyHeld asks for 48 that are held, as many as fit an answer.
func BenchmarkGetManyHeld(b *testing.B) { benchmarkGetMany(b, 48) }

func benchmarkGetMany(b *testing.B, held int) {
	holder := newBench(200, dht.HolderConfig{})
	stores, hints := packages(holder, 10_000)
	for i, m := range stores {
		if got := holder.Store(holder.now, asker(i), m); got.Result != dht.Kept {
			b.Fatal(got.Result)
		}
	}
	var m dht.GetMany
	for i := range dht.MaxHints {
		m.Hints = append(m.Hints, dht.Hint{byte(i)})
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		for j := range held {
			m.Hints[j] = hints[(i*held+j)%len(hints)]
		}
		if got := holder.GetMany(holder.now, asker(1), m); len(got.Packages) != held {
			b.Fatal(len(got.Packages))
		}
	}
	b.ReportMetric(float64(b.N*dht.MaxHints)/b.Elapsed().Seconds(), "addresses/s")
}

// BenchmarkOffer answers offers of 512 packages, half of which are held.
func BenchmarkOffer(b *testing.B) {
	holder := newBench(20, dht.HolderConfig{})
	stores, hints := packages(holder, dht.MaxOffer/2)
	for i, m := range stores {
		holder.Store(holder.now, asker(i), m)
	}
	for i := range uint64(dht.MaxOffer / 2) {
		var h dht.Hint
		binary.BigEndian.PutUint64(h[:], i)
		hints = append(hints, h)
	}
	from := by(contact(1))
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		from.Conn = uint64(i)
		if got := holder.Offer(holder.now, from, dht.Offer{Data: hints}); !got.Bits.Has(dht.MaxOffer/2) || got.Bits.Has(0) {
			b.Fatal("not what was wanted")
		}
	}
}
