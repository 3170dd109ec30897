package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/identity"
)

const benchText = "did the build pass? I saw two red ones before lunch, and the log said nothing"

// fillStore stores n messages in the private chats with people, in turns.
func fillStore(tb testing.TB, s *Store, n int, people []identity.ID) {
	tb.Helper()
	seqs := make(map[identity.ID]uint64)
	for done := 0; done < n; {
		update(tb, s, func(tx *Tx) error {
			for range min(1000, n-done) {
				from := people[done%len(people)]
				seqs[from]++
				m := theirs(Chat{Peer: from}, from, seqs[from], benchText)
				if done%3 == 0 {
					m = mine(Chat{Peer: from}, benchText)
				}
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
				done++
			}
			return nil
		})
	}
}

// BenchmarkCommit is what durability costs: 256 bytes appended to a file and
// synced, as the baseline, and one message in a transaction of its own. They
// take turns, so that the disk treats all alike.
func BenchmarkCommit(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := []byte(strings.Repeat("x", 256))
	s := testStore(b)
	to := Chat{Peer: bob}
	seq := uint64(0)
	kinds := []struct {
		name string
		do   func() error
	}{
		{"raw", func() error {
			_, err := f.Write(block)
			return errors.Join(err, f.Sync())
		}},
		{"send", func() error {
			return s.Update(b.Context(), func(tx *Tx) error { return send(tx, to, benchText) })
		}},
		{"receive", func() error {
			seq++
			m := theirs(to, bob, seq, benchText)
			return s.Update(b.Context(), func(tx *Tx) error {
				_, err := tx.AddMessage(&m)
				return err
			})
		}},
	}
	took := make([][]time.Duration, len(kinds))
	for b.Loop() {
		for i, kind := range kinds {
			start := time.Now()
			if err := kind.do(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	for i, kind := range kinds {
		slices.Sort(took[i])
		p50, p99 := took[i][len(took[i])/2], took[i][len(took[i])*99/100]
		b.ReportMetric(float64(p50.Microseconds()), "µs-p50-"+kind.name)
		b.ReportMetric(float64(p99.Microseconds()), "µs-p99-"+kind.name)
	}
}

func send(tx *Tx, to Chat, text string) error {
	m := mine(to, text)
	if _, err := tx.AddMessage(&m); err != nil {
		return err
	}
	return tx.Enqueue(m, []identity.ID{to.Peer}, []byte(text), time.Time{})
}

// BenchmarkBatch is what one message costs of a batch of 200, for each thing
// that the engine does with one.
func BenchmarkBatch(b *testing.B) {
	const size = 200
	to := Chat{Peer: bob}
	for name, do := range map[string]func(tx *Tx, seq uint64) error{
		"receive": func(tx *Tx, seq uint64) error {
			m := theirs(to, bob, seq, benchText)
			_, err := tx.AddMessage(&m)
			return err
		},
		"send": func(tx *Tx, _ uint64) error { return send(tx, to, benchText) },
	} {
		b.Run(name, func(b *testing.B) {
			s := testStore(b)
			seq := uint64(0)
			b.ResetTimer()
			for b.Loop() {
				update(b, s, func(tx *Tx) error {
					for range size {
						seq++
						if err := do(tx, seq); err != nil {
							return err
						}
					}
					return nil
				})
			}
			b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Run("acknowledge", func(b *testing.B) {
		s := testStore(b)
		n := 0
		for b.Loop() {
			b.StopTimer()
			ids := make([]MessageID, size)
			update(b, s, func(tx *Tx) error {
				for i := range ids {
					m := mine(to, benchText)
					ids[i] = m.ID
					if _, err := tx.AddMessage(&m); err != nil {
						return err
					}
					if err := tx.Enqueue(m, []identity.ID{bob}, []byte(benchText), time.Time{}); err != nil {
						return err
					}
				}
				return nil
			})
			b.StartTimer()
			update(b, s, func(tx *Tx) error {
				changed, err := came(tx, bob, ids)
				n += len(changed)
				return err
			})
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
	})
}

// Benchmark100k is what a screen asks for, with 100,000 messages in the
// profile, most of them unread.
func Benchmark100k(b *testing.B) {
	dir := b.TempDir()
	people := make([]identity.ID, 20)
	for i := range people {
		people[i] = person(i + 1)
	}
	p, s := testProfile(b, dir)
	fillStore(b, s, 100_000, people)
	busy := Chat{Peer: people[0]}

	b.Run("page of 100", func(b *testing.B) {
		at := Cursor{}
		for b.Loop() {
			view(b, s, func(tx *Tx) error {
				page, err := tx.History(busy, at, 100)
				if err != nil || len(page) < 100 {
					at = Cursor{}
					return err
				}
				at = Cursor{page[0].Pos, page[0].Row}
				return nil
			})
		}
	})
	b.Run("chats", func(b *testing.B) {
		for b.Loop() {
			view(b, s, func(tx *Tx) error {
				all, err := tx.Chats()
				if len(all) != len(people)+1 {
					return fmt.Errorf("%d chats", len(all))
				}
				return err
			})
		}
	})
	b.Run("unread of one", func(b *testing.B) {
		for b.Loop() {
			view(b, s, func(tx *Tx) error {
				_, err := tx.ChatInfo(busy)
				return err
			})
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := s.db.quickCheck(); err != nil {
				b.Fatal(err)
			}
		}
	})
	closeAll(b, p, s)
	b.Run("open in a new process", func(b *testing.B) {
		var sum time.Duration
		for b.Loop() {
			c := startChild(b, "open", dir)
			took, err := time.ParseDuration(c.next())
			if err != nil {
				b.Fatal(err)
			}
			c.wait()
			sum += took
		}
		b.ReportMetric(float64(sum.Microseconds())/float64(b.N), "µs/open")
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			p, s := testProfile(b, dir)
			b.StopTimer()
			closeAll(b, p, s)
			b.StartTimer()
		}
	})
	b.Run("open and first screen", func(b *testing.B) {
		for b.Loop() {
			p, s := testProfile(b, dir)
			view(b, s, func(tx *Tx) error {
				if _, err := tx.Chats(); err != nil {
					return err
				}
				_, err := tx.History(busy, Cursor{}, 100)
				return err
			})
			b.StopTimer()
			closeAll(b, p, s)
			b.StartTimer()
		}
	})
}

// openOnce is what a new process does before its first screen. It says how
// long that took.
func openOnce(dir string) error {
	start := time.Now()
	p, s, err := openChild(dir)
	if err != nil {
		return err
	}
	err = s.View(context.Background(), func(tx *Tx) error {
		all, err := tx.Chats()
		if err != nil {
			return err
		}
		_, err = tx.History(all[1].Chat, Cursor{}, 100)
		return err
	})
	fmt.Println(time.Since(start))
	return errors.Join(err, s.Close(), p.Close())
}
