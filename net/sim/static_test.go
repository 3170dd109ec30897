package sim

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"dione/net/dht"
)

// TestPerfectTables compares with what belongs where.
func TestPerfectTables(t *testing.T) {
	s := NewStatic(StaticConfig{Nodes: 700, K: 7, Seed: 1})
	for i, table := range s.tables {
		there, here := make(map[int]int), make(map[int]int)
		for j, c := range s.contacts {
			if i != j {
				there[table.Self().Common(c.Key)]++
			}
		}
		for _, c := range table.Contacts() {
			here[table.Self().Common(c.Key)]++
		}
		for b, n := range there {
			if here[b] != min(n, 7) {
				t.Fatalf("node %d has %d of the %d of bucket %d", i, here[b], n, b)
			}
		}
	}
}

// TestNearest compares with sorting all.
func TestNearest(t *testing.T) {
	s := NewStatic(StaticConfig{Nodes: 300, Seed: 2})
	for range 300 {
		target := randomKey(s.Network.Rand)
		all := slices.Clone(s.contacts)
		slices.SortFunc(all, func(a, b *dht.Contact) int { return target.Nearer(a.Key, b.Key) })
		n := 1 + s.Network.Rand.IntN(400)
		got := nearest(s.contacts, target, n)
		if len(got) < min(n, 300) || !slices.Equal(got, all[:len(got)]) {
			t.Fatalf("nearest(%d) gives %d, or others", n, len(got))
		}
	}
}

// TestPublishedTables runs lookups as others have published them: answers of k
// contacts, and then those of the program.
func TestPublishedTables(t *testing.T) {
	const lookups = 500
	within := func(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance }
	for _, tt := range []struct {
		nodes          int
		hops, messages float64
		p99            int
	}{
		{1_000, 1.89, 21.5, 3},
		{10_000, 2.43, 22.9, 3},
	} {
		if testing.Short() && tt.nodes > 1_000 {
			continue
		}
		s := NewStatic(StaticConfig{Nodes: tt.nodes, Seed: 3})
		for _, answers := range []int{20, dht.MaxContacts} {
			got := s.Lookups(lookups, Search{Alpha: 3, Answers: answers})
			if !within(got.HopsMean, tt.hops, 0.2) || got.HopsP99 != tt.p99 || !within(got.MessagesMean, tt.messages, tt.messages/10) || got.Success < 99.5 {
				t.Errorf("%d nodes, answers of %d: %v, want hops %v/%d, messages %v", tt.nodes, answers, got, tt.hops, tt.p99, tt.messages)
			}
		}
	}
}

// TestAdversaries: colluders who name each other, as published.
func TestAdversaries(t *testing.T) {
	if testing.Short() {
		t.Skip("needs networks of 10,000 nodes")
	}
	const lookups, slack = 400, 2
	for _, tt := range []struct {
		adversaries float64
		success     [3]float64 // by 1, 4 and 8 paths, in percent
	}{
		{0.1, [3]float64{99.8, 100, 100}},
		{0.3, [3]float64{95.5, 98.8, 100}},
		{0.5, [3]float64{79.5, 88.2, 97.2}},
	} {
		s := NewStatic(StaticConfig{Nodes: 10_000, Adversaries: tt.adversaries, Seed: 4})
		for i, paths := range []int{1, 4, 8} {
			if got := s.Lookups(lookups, Search{Alpha: 3, Paths: paths}); got.Success < tt.success[i]-slack {
				t.Errorf("%v adversaries, %d paths: %v, want success %v", tt.adversaries, paths, got, tt.success[i])
			}
		}
	}
}

func TestSilent(t *testing.T) {
	s := NewStatic(StaticConfig{Nodes: 2_000, Silent: 0.3, Seed: 5})
	if honest := s.Honest(); honest < 1300 || honest > 1500 {
		t.Errorf("%d of 2000 answer, want 1400 or so", honest)
	}
	if got := s.Lookups(300, Search{}); got.Success < 99 || got.MessagesMean > 40 {
		t.Errorf("with 30 %% silent: %v", got)
	}
}

func TestTinyStatic(t *testing.T) {
	for n := 2; n < 8; n++ {
		s := NewStatic(StaticConfig{Nodes: n, Seed: uint64(n)})
		if got := s.Lookups(20, Search{Paths: 1 + n%4}); got.Success != 100 || got.MessagesP99 != n-1 || got.HopsMean != 1 {
			t.Errorf("%d nodes: %v", n, got)
		}
	}
}

// TestGrowth: a lookup costs no more than the logarithm of the nodes, and a
// node's memory is bounded.
func TestGrowth(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a network of 8,000 nodes")
	}
	var before, after runtime.MemStats
	messages := make(map[int]float64)
	for _, n := range []int{500, 8_000} {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := NewStatic(StaticConfig{Nodes: n, Seed: 6})
		runtime.GC()
		runtime.ReadMemStats(&after)
		if each := int(after.HeapAlloc-before.HeapAlloc) / n; each > 50<<10 {
			t.Errorf("%d nodes take %d bytes each", n, each)
		}
		messages[n] = s.Lookups(400, Search{Alpha: 3}).MessagesMean
	}
	if got, most := messages[8_000]/messages[500], math.Log(8_000)/math.Log(500); got > most {
		t.Errorf("messages grow by %.2f where the logarithm grows by %.2f: %v", got, most, messages)
	}
}

func BenchmarkStatic(b *testing.B) {
	s := NewStatic(StaticConfig{Nodes: 10_000, Seed: 1})
	for b.Loop() {
		s.Lookup(Search{})
	}
}
