//go:build unix

package bench

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dione/net/dht"
)

const (
	puts      = 200
	gets      = 1000
	valueSize = 1000 // of libp2p's; dione's packages are 1,024 bytes

	// neighbourhood is how many others a node knows at least of those nearest
	// to it when the network counts as formed: a bucket of either system.
	neighbourhood = 20

	// usable is how many others a node knows, or all, when the next one joins,
	// if that takes no longer than joinTime.
	usable   = 8
	joinTime = 2 * time.Second
)

// member is a node of one of the systems.
type member interface {
	place() dht.Key
	known() []dht.Key                         // who is in its table
	put(ctx context.Context, value int) error // one of its own at a place of its own
	get(ctx context.Context, value int) bool  // whether it was found
	holds(value int) bool                     // whether it lies here
	asked() uint64                            // questions to other nodes so far
	stop()
}

// system begins one of n nodes at an address, told of one that is there
// already; the first is told of nobody.
type system func(b *testing.B, n int, at netip.Addr, begin member) member

// BenchmarkNetwork has all nodes of a network in this process, each at an
// address of its own: they join, put, get, and are weighed. One run has both
// systems. DIONE_NODES has other numbers of nodes.
func BenchmarkNetwork(b *testing.B) {
	numbers := []int{50, 200}
	if s := os.Getenv("DIONE_NODES"); s != "" {
		numbers = nil
		for f := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(f)
			if err != nil {
				b.Fatal(err)
			}
			numbers = append(numbers, n)
		}
	}
	for _, n := range numbers {
		for _, s := range []struct {
			name  string
			begin system
		}{{"dione", newDioneNode}, {"kad-dht", newKadNode}} {
			b.Run(fmt.Sprintf("nodes=%d/%s", n, s.name), func(b *testing.B) {
				for range b.N {
					measure(b, n, s.begin)
				}
			})
		}
	}
}

func measure(b *testing.B, n int, begin system) {
	empty := weigh()
	start, used := time.Now(), work(b)
	all := make([]member, n)
	defer func() {
		for _, m := range all {
			if m != nil {
				m.stop()
			}
		}
	}()
	for i := range all {
		var to member
		if i > 0 {
			to = all[rand.N(i)]
		}
		all[i] = begin(b, n, netip.AddrFrom4([4]byte{127, 1, byte(i / 200), byte(1 + i%200)}), to)
		joined(all[i], min(i, usable))
	}
	formed(b, all)
	b.ReportMetric(time.Since(start).Seconds(), "s-to-form")
	b.ReportMetric((work(b) - used).Seconds(), "cpu-s-to-form")

	var messages, fewest, most uint64 = 0, uint64(n), 0
	for v := range puts {
		m := all[rand.N(n)]
		before := m.asked()
		if err := m.put(b.Context(), v); err != nil {
			b.Errorf("put %d: %v", v, err)
		}
		messages += m.asked() - before
		held := uint64(len(holders(all, v)))
		fewest, most = min(fewest, held), max(most, held)
	}
	b.ReportMetric(float64(messages)/puts, "msg/put")
	b.ReportMetric(float64(fewest), "holders-min")
	b.ReportMetric(float64(most), "holders-max")

	messages = 0
	misses := 0
	times := make([]time.Duration, gets)
	for i := range times {
		v := rand.N(puts)
		held := holders(all, v)
		m := all[rand.N(n)]
		for slices.Contains(held, m) { // it would find it at home
			m = all[rand.N(n)]
		}
		before, begun := m.asked(), time.Now()
		if !m.get(b.Context(), v) {
			misses++
		}
		times[i] = time.Since(begun)
		messages += m.asked() - before
	}
	slices.Sort(times)
	b.ReportMetric(float64(messages)/gets, "msg/get")
	b.ReportMetric(float64(misses), "misses")
	b.ReportMetric(ms(times[gets/2]), "ms-get-p50")
	b.ReportMetric(ms(times[gets*99/100]), "ms-get-p99")
	b.ReportMetric(float64(weigh()-empty)/float64(n)/1000, "KB/node")
	b.ReportMetric(float64(files())/float64(n), "files/node")
	b.ReportMetric(0, "ns/op") // everything together says nothing
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// weigh returns the bytes of heap and stacks in use.
func weigh() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// work returns the processor time of this process so far.
func work(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// files returns how many files and sockets are open.
func files() int {
	entries, _ := os.ReadDir("/proc/self/fd") // none where there is no such thing
	return len(entries)
}

func holders(all []member, value int) (held []member) {
	for _, m := range all {
		if m.holds(value) {
			held = append(held, m)
		}
	}
	return held
}

// joined waits until a node knows so many others. All of them compute on the
// same machine, which is not what a network does: were they to join at once,
// each would wait for all.
func joined(m member, known int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(joinTime)
	for len(m.known()) < known {
		select {
		case <-tick.C:
		case <-limit:
			return
		}
	}
}

// formed waits until each node knows its neighbourhood: everybody with whom it
// has so many first bits in common that at most 20 have. A lookup that comes
// there ends at the right nodes.
func formed(b *testing.B, all []member) {
	missing := make(map[member][]dht.Key)
	for _, m := range all {
		self := m.place()
		var others []dht.Key
		for _, o := range all {
			if o != m {
				others = append(others, o.place())
			}
		}
		slices.SortFunc(others, func(x, y dht.Key) int { return cmp.Compare(self.Common(y), self.Common(x)) })
		if n := neighbourhood; n < len(others) {
			for n > 1 && self.Common(others[n-1]) == self.Common(others[n]) {
				n--
			}
			others = others[:n]
		}
		missing[m] = others
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Minute)
	for {
		for m, others := range missing {
			known := m.known()
			others = slices.DeleteFunc(others, func(k dht.Key) bool { return slices.Contains(known, k) })
			if missing[m] = others; len(others) == 0 {
				delete(missing, m)
			}
		}
		if len(missing) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			b.Fatalf("%d of %d nodes do not know their neighbours", len(missing), len(all))
		}
	}
}
