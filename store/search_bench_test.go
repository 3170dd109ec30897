package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/identity"
)

// writing makes up texts in which words are as frequent as in a language: the
// n-th one about 1/n as often as the first.
type writing struct {
	words []string
	rnd   *rand.Rand
	next  *rand.Zipf
}

func newWriting() *writing {
	w := &writing{rnd: rand.New(rand.NewPCG(7, 7))}
	syllables := strings.Fields("con ter in ver the ra ti on pre mo de la ser vi ce bo ka lu mi no pa qui ro sta tu ve wa xi yo za")
	known := make(map[string]bool)
	for len(w.words) < 50_000 {
		var b strings.Builder
		for range 1 + w.rnd.IntN(4) {
			b.WriteString(syllables[w.rnd.IntN(len(syllables))])
		}
		if s := b.String(); !known[s] {
			known[s] = true
			w.words = append(w.words, s)
		}
	}
	w.next = rand.NewZipf(w.rnd, 1.07, 3, uint64(len(w.words)-1))
	return w
}

func (w *writing) text() string {
	words := make([]string, 3+w.rnd.IntN(18))
	for i := range words {
		words[i] = w.words[w.next.Uint64()]
	}
	return strings.Join(words, " ")
}

// Benchmark1M is what searches take among 1,000,000 messages in 200
// conversations.
func Benchmark1M(b *testing.B) {
	const messages = 1_000_000
	people := make([]identity.ID, 200)
	for i := range people {
		people[i] = person(i + 1)
	}
	s := testStore(b)
	w := newWriting()
	seqs := make(map[identity.ID]uint64)
	for done := 0; done < messages; {
		update(b, s, func(tx *Tx) error {
			for range 1000 {
				from := people[w.rnd.IntN(len(people))]
				seqs[from]++
				m := theirs(Chat{Peer: from}, from, seqs[from], w.text())
				m.Arrived = at.Add(time.Duration(done) * time.Minute)
				if done%3 == 0 {
					m.Mine, m.State, m.From, m.Seq = true, StateDelivered, self, 0
				}
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
				done++
			}
			return nil
		})
	}
	phrase := func(prefix bool, words ...string) []Phrase { return []Phrase{{words, prefix}} }
	both := func(a, b string) []Phrase { return []Phrase{{Words: []string{a}}, {Words: []string{b}}} }
	some := func(from, n int) string { return w.words[from+w.rnd.IntN(n)] }
	for _, kind := range []struct {
		name string
		want func() Wanted
	}{
		{"rare", func() Wanted { return Wanted{Phrases: phrase(false, some(40_000, 10_000))} }},
		{"common", func() Wanted { return Wanted{Phrases: phrase(false, some(0, 20))} }},
		{"prefix of 3", func() Wanted { return Wanted{Phrases: phrase(true, (some(0, 50_000) + "xxx")[:3])} }},
		{"prefix of 5", func() Wanted { return Wanted{Phrases: phrase(true, (some(0, 50_000) + "xxxxx")[:5])} }},
		{"two common", func() Wanted { return Wanted{Phrases: both(some(0, 20), some(0, 20))} }},
		{"two middling", func() Wanted { return Wanted{Phrases: both(some(500, 500), some(500, 500))} }},
		{"phrase of common", func() Wanted { return Wanted{Phrases: phrase(false, some(0, 20), some(0, 20), some(0, 20))} }},
		{"common in one chat", func() Wanted {
			return Wanted{Phrases: phrase(false, some(0, 20)), In: &Chat{people[w.rnd.IntN(200)]}}
		}},
		{"rare from one", func() Wanted {
			return Wanted{Phrases: phrase(false, some(5000, 5000)), From: &people[w.rnd.IntN(200)]}
		}},
		{"common long ago", func() Wanted {
			return Wanted{Phrases: phrase(false, some(0, 20)), Before: at.AddDate(0, 0, 1+w.rnd.IntN(30))}
		}},
		{"nowhere", func() Wanted { return Wanted{Phrases: both(some(0, 20), "nowhere")} }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				want := kind.want()
				start := time.Now()
				if _, err := s.Search(b.Context(), want, 0, 50); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
		})
	}
	b.Run("all pages of a common word", func(b *testing.B) {
		n := 0
		for b.Loop() {
			for place := int64(0); ; n++ {
				found, err := s.Search(b.Context(), Wanted{Phrases: phrase(false, w.words[0])}, place, 50)
				if err != nil {
					b.Fatal(err)
				}
				if place = found.Next; place == 0 {
					break
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/page")
	})
}

// BenchmarkIndex is what the index costs as messages come, one in each
// transaction and in batches: the same is done with an index and with one that
// takes what it is given and keeps nothing, in turns.
func BenchmarkIndex(b *testing.B) {
	with, without := testStore(b), testStore(b)
	if err := without.db.Exec(`DROP TABLE words; CREATE VIEW words AS SELECT 0 AS rowid, '' AS text;
		CREATE TRIGGER taken INSTEAD OF INSERT ON words BEGIN SELECT 1; END`); err != nil {
		b.Fatal(err)
	}
	w := newWriting()
	seq := uint64(0)
	for _, size := range []int{1, 200} {
		b.Run(fmt.Sprintf("batch of %d", size), func(b *testing.B) {
			took := make([][]time.Duration, 2)
			for b.Loop() {
				texts := make([]string, size)
				for i := range texts {
					texts[i] = w.text()
				}
				seq += uint64(size)
				for i, s := range []*Store{without, with} {
					start := time.Now()
					if err := s.Update(b.Context(), func(tx *Tx) error {
						var errs []error
						for j, text := range texts {
							m := theirs(Chat{Peer: bob}, bob, seq+uint64(j), text)
							_, err := tx.AddMessage(&m)
							errs = append(errs, err)
						}
						return errors.Join(errs...)
					}); err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], time.Since(start))
				}
			}
			for i, name := range []string{"without", "with"} {
				slices.Sort(took[i])
				b.ReportMetric(float64(took[i][len(took[i])/2].Microseconds())/float64(size), "µs-p50-"+name)
			}
		})
	}
	b.Run("words of a text", func(b *testing.B) {
		text := w.text()
		for b.Loop() {
			indexed(1, 1, text)
		}
	})
	b.Run("words of 16 KiB of Chinese", func(b *testing.B) {
		text := strings.Repeat("東京大阪", MaxText/12)
		for b.Loop() {
			indexed(1, 1, text)
		}
	})
}
