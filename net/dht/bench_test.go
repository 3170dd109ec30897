package dht

import (
	"fmt"
	"testing"
)

// grown returns the table of a node in a network of n, all of whose contacts
// it has met.
func grown(n int, cfg TableConfig) (*Table, []*Contact) {
	r := chance(uint64(n))
	t := NewTable(anyKey(r), cfg)
	all := make([]*Contact, n)
	for i := range all {
		all[i] = faraway(r, anyKey(r))
		t.Add(epoch, all[i])
	}
	return t, all
}

func BenchmarkNearest(b *testing.B) {
	for _, n := range []int{100, 499, 10_000, 100_000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			t, _ := grown(n, TableConfig{})
			r := chance(1)
			b.ReportAllocs()
			for b.Loop() {
				t.Nearest(anyKey(r), MaxContacts, false)
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	t, all := grown(10_000, TableConfig{Varied: true})
	b.Run("known", func(b *testing.B) {
		contacts := t.Contacts()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			t.Add(epoch, contacts[i%len(contacts)])
		}
	})
	b.Run("newcomer", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			t.Add(epoch, all[i%len(all)])
		}
	})
	b.Run("wanted", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			t.Wants(all[i%len(all)])
		}
	})
}

// BenchmarkLookup is the work of the asker in one lookup: all of it but the
// answers.
func BenchmarkLookup(b *testing.B) {
	w := newCrowd(1, 2000)
	for _, paths := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("paths=%d", paths), func(b *testing.B) {
			messages, lookups := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				l, target := w.begin(LookupConfig{Paths: paths, Varied: true})
				for !l.Done() {
					c := l.Next(nil)
					b.StopTimer()
					answer := w.honest(c, target)
					b.StartTimer()
					l.Answered(c.Key, answer)
				}
				messages += l.Messages()
				lookups++
			}
			b.ReportMetric(float64(messages)/float64(lookups), "messages/op")
		})
	}
}
