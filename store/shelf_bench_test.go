package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// benchHeld names how many packages lie on the shelf of the benchmarks.
const benchHeld = "DIONE_BENCH_HELD"

// random is package n of the benchmarks: it lies anywhere, and expires about
// in the order in which it came.
func random(n int) Held {
	h := Held{
		Expiry: 490_000,
		Until:  at.Add(time.Duration(n)*time.Second + mrand.N(time.Hour)),
		Came:   at.Add(time.Duration(n) * time.Second),
		Origin: netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n % 3), byte(n % 91), byte(n % 7), 0}), 24),
		Bytes:  make([]byte, MaxHeld),
	}
	binary.LittleEndian.PutUint64(h.Bytes, uint64(n))
	for _, b := range [][]byte{h.Address[:], h.Location[:], h.Sum[:]} {
		_, _ = rand.Read(b)
	}
	return h
}

// rawShelf is what SQLite does alone: no cipher, no checksums, one index.
type rawShelf struct{ *conn }

func newRawShelf(b *testing.B) rawShelf {
	raw, err := sqlite3.Open("file:" + filepath.Join(b.TempDir(), "raw.db"))
	if err != nil {
		b.Fatal(err)
	}
	c := rawShelf{&conn{Conn: raw, stmts: make(map[string]*sqlite3.Stmt)}}
	b.Cleanup(func() { _ = c.close() })
	if err := c.Exec("PRAGMA locking_mode=exclusive; PRAGMA journal_mode=wal; PRAGMA synchronous=full; PRAGMA cache_size=-" +
		strconv.Itoa(heldCacheKiB) + "; CREATE TABLE p(a BLOB PRIMARY KEY, v BLOB)"); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c rawShelf) put(items []Held) error {
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	for _, h := range items {
		if err := c.exec("INSERT INTO p VALUES(?, ?)", h.Address[:], h.Bytes); err != nil {
			return err
		}
	}
	return c.exec("COMMIT")
}

func (c rawShelf) find(hints [][8]byte) (n int, err error) {
	for _, hint := range hints {
		high := slices.Concat(hint[:], []byte(strings.Repeat("\xff", 24)))
		err = errors.Join(err, c.query("SELECT v FROM p WHERE a BETWEEN ? AND ? LIMIT 1", func(s *sqlite3.Stmt) error {
			n += len(s.ColumnBlob(0, nil)) / MaxHeld
			return nil
		}, hint[:], high))
	}
	return n, err
}

// BenchmarkShelf fills a shelf, beside raw SQLite with as many rows, and then
// measures each thing that it does: one run, one disk.
func BenchmarkShelf(b *testing.B) {
	count := 20_000
	if s := os.Getenv(benchHeld); s != "" {
		count, _ = strconv.Atoi(s)
	}
	profile, p := testParcels(b, b.TempDir())
	defer func() { closeShelf(b, profile, p) }()
	raw := newRawShelf(b)
	hints := make([][8]byte, 0, count)
	for len(hints) < count {
		var some []Held
		for range min(500, count-len(hints)) {
			h := random(len(hints))
			some = append(some, h)
			hints = append(hints, hintOf(h))
		}
		if err := errors.Join(p.Put(some, nil), raw.put(some)); err != nil {
			b.Fatal(err)
		}
	}
	n := count
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("put/callers=%d", callers), func(b *testing.B) {
			var done atomic.Int64
			var all sync.WaitGroup
			start := time.Now()
			for i := range callers {
				all.Go(func() {
					for j := n + i; done.Add(1) <= int64(b.N); j += callers {
						if err := p.Put([]Held{random(j)}, nil); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "puts/s")
			n += b.N
		})
	}
	b.Run("put/raw batch of 64", func(b *testing.B) {
		done := 0
		for b.Loop() {
			var some []Held
			for range 64 {
				some = append(some, random(n+done))
				done++
			}
			if err := raw.put(some); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "puts/s")
	})
	pick := func(hit bool) [][8]byte {
		some := make([][8]byte, 64)
		for i := range some {
			if hit {
				some[i] = hints[mrand.N(len(hints))]
			} else {
				binary.LittleEndian.PutUint64(some[i][:], mrand.Uint64())
			}
		}
		return some
	}
	for _, hit := range []bool{true, false} {
		want, name := 0, "miss"
		if hit {
			want, name = 64, "hit"
		}
		b.Run("find/"+name, func(b *testing.B) {
			for b.Loop() {
				if got, err := p.Find(pick(hit)); len(got) != want || err != nil {
					b.Fatal(len(got), err)
				}
			}
			b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "addresses/s")
		})
		b.Run("find/raw "+name, func(b *testing.B) {
			for b.Loop() {
				if got, err := raw.find(pick(hit)); got != want || err != nil {
					b.Fatal(got, err)
				}
			}
			b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "addresses/s")
		})
	}
	b.Run("victims", func(b *testing.B) {
		for b.Loop() {
			self := random(0).Address
			if got, err := p.Victims(self, MaxHeld); len(got) != 1 || err != nil {
				b.Fatal(len(got), err)
			}
		}
	})
	b.Run("items", func(b *testing.B) {
		got := 0
		for b.Loop() {
			some, err := p.Items(random(0).Address, 256)
			if err != nil {
				b.Fatal(err)
			}
			got += len(some)
		}
		b.ReportMetric(float64(got)/b.Elapsed().Seconds(), "items/s")
	})
	once := sync.OnceValue(func() expired { return expireTenth(b, p, count, pick) })
	b.Run("expire", func(b *testing.B) {
		e := once()
		b.ReportMetric(float64(e.removed)/e.lasted.Seconds(), "removed/s")
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		b.ReportMetric(ms(e.finds[len(e.finds)/2]), "ms-p50-find")
		b.ReportMetric(ms(e.finds[len(e.finds)*99/100]), "ms-p99-find")
		b.ReportMetric(ms(e.finds[len(e.finds)-1]), "ms-max-find")
		b.ReportMetric(ms(e.late), "ms-max-machine")
		b.ReportMetric(float64(len(e.finds)), "finds")
		b.ReportMetric(float64(e.puts)/e.lasted.Seconds(), "puts/s")
	})
}

// expired is how it went to remove a tenth of all.
type expired struct {
	removed int
	lasted  time.Duration
	puts    int64
	finds   []time.Duration
	late    time.Duration // the latest that a sleep ended: what the machine adds
}

// expireTenth removes the oldest tenth, while one looks for 64 packages and 16
// put one each, all the time.
func expireTenth(b *testing.B, p *Parcels, count int, pick func(bool) [][8]byte) (e expired) {
	now := at.Add(time.Duration(count/10) * time.Second)
	var stop atomic.Bool
	var puts atomic.Int64
	var all sync.WaitGroup
	all.Go(func() {
		for !stop.Load() {
			some := pick(true)
			start := time.Now()
			if _, err := p.Find(some); err != nil {
				b.Error(err)
			}
			e.finds = append(e.finds, time.Since(start))
			start = time.Now()
			time.Sleep(time.Millisecond)
			e.late = max(e.late, time.Since(start)-time.Millisecond)
		}
	})
	for i := range 16 {
		all.Go(func() {
			for j := 2*count + i; !stop.Load(); j += 16 {
				if err := p.Put([]Held{random(j)}, nil); err != nil {
					b.Error(err)
				}
				puts.Add(1)
			}
		})
	}
	start := time.Now()
	for {
		n, err := p.Expire(now)
		if err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			break
		}
		e.removed += n
	}
	e.lasted, e.puts = time.Since(start), puts.Load()
	stop.Store(true)
	all.Wait()
	slices.Sort(e.finds)
	return e
}
