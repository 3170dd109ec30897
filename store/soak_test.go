package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"dione/crypto/identity"
)

// TestSoak runs everything at once under the very settings of the program:
// readers, writers of small and of large messages, acknowledgements, what is
// undone, checkpoints and checks of the file. Any error fails, and so does
// anything read that was not written. DIONE_SOAK=12m makes it the long run
// that these settings once had to stand.
func TestSoak(t *testing.T) {
	length := 1500 * time.Millisecond
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s=%s: %v", soakEnv, text, err)
		}
	}
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var wg sync.WaitGroup
	run := func(name string, fn func(rnd *rand.Rand) error) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
			for ctx.Err() == nil {
				if err := fn(rnd); err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	people := []identity.ID{person(1), person(2), person(3), person(4), person(5)}
	var seqs sync.Map // so that writers know each author's last number
	text := func(rnd *rand.Rand, author, seq any) string {
		return fmt.Sprint(author, " ", seq, " ", strings.Repeat("lorem ipsum ", rnd.IntN(1+rnd.IntN(1300))))
	}
	for range 2 {
		run("receive", func(rnd *rand.Rand) error {
			return s.Update(ctx, func(tx *Tx) error {
				for range 1 + rnd.IntN(30) {
					from := people[rnd.IntN(len(people))]
					n, _ := seqs.LoadOrStore(from, new(uint64))
					*n.(*uint64)++ // within the one transaction that runs
					seq := *n.(*uint64)
					if rnd.IntN(10) == 0 {
						seq = 1 + rnd.Uint64N(seq)
					}
					m := theirs(Chat{Peer: from}, from, seq, text(rnd, from.Short(), seq))
					if _, err := tx.AddMessage(&m); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	run("send", func(rnd *rand.Rand) error {
		err := s.Update(ctx, func(tx *Tx) error {
			to := people[rnd.IntN(len(people))]
			m := mine(Chat{Peer: to}, "")
			m.Text = text(rnd, self.Short(), m.ID)
			if _, err := tx.AddMessage(&m); err != nil {
				return err
			}
			if err := tx.Enqueue(m, []identity.ID{to}, []byte(m.Text), time.Time{}); err != nil {
				return err
			}
			if rnd.IntN(5) == 0 {
				return errUndo
			}
			return nil
		})
		if errors.Is(err, errUndo) {
			return nil
		}
		return err
	})
	run("acknowledge", func(rnd *rand.Rand) error {
		from := people[rnd.IntN(len(people))]
		return s.Update(ctx, func(tx *Tx) error {
			out, err := waiting(tx, from, 0, 20)
			if err != nil {
				return err
			}
			var ids []MessageID
			for _, o := range out {
				if string(o.Payload) != o.Message.Text {
					return fmt.Errorf("the envelope of %v is another one", o.Message.ID)
				}
				ids = append(ids, o.Message.ID)
			}
			changed, err := came(tx, from, ids)
			if len(changed) != len(ids) {
				err = errors.Join(err, fmt.Errorf("%d of %d came further", len(changed), len(ids)))
			}
			return err
		})
	})
	run("read", func(rnd *rand.Rand) error {
		in := Chat{Peer: people[rnd.IntN(len(people))]}
		return s.View(ctx, func(tx *Tx) error {
			page, err := tx.History(in, Cursor{Pos: 1 + float64(rnd.IntN(5000)), Row: 1}, 100)
			for _, m := range page {
				want := fmt.Sprint(m.From.Short(), " ", m.Seq, " ")
				if m.Mine {
					want = fmt.Sprint(m.From.Short(), " ", m.ID, " ")
				}
				if !strings.HasPrefix(m.Text, want) {
					return fmt.Errorf("read %.40q, want %q", m.Text, want)
				}
			}
			return err
		})
	})
	run("mark", func(rnd *rand.Rand) error {
		return s.Update(ctx, func(tx *Tx) error {
			_, err := tx.MarkRead(Chat{Peer: people[rnd.IntN(len(people))]}, float64(rnd.IntN(5000)))
			_, err2 := tx.Chats()
			return errors.Join(err, err2)
		})
	})
	run("give up", func(rnd *rand.Rand) error {
		short, cancel := context.WithTimeout(ctx, time.Duration(rnd.IntN(3000))*time.Microsecond)
		defer cancel()
		err := s.View(short, func(tx *Tx) error {
			_, err := tx.After(0, 1<<20)
			return err
		})
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	})
	run("care", func(*rand.Rand) error {
		s.checkFile()
		select {
		case <-time.After(length / 20):
		case <-ctx.Done():
		}
		return nil
	})
	wg.Wait()
	closeAll(t, p, s)
	p, s = testProfile(t, dir)
	wantConsistent(t, s)
	view(t, s, func(tx *Tx) error {
		n, err := number(tx, "SELECT count(*) FROM message")
		t.Logf("%d messages", n)
		return err
	})
	closeAll(t, p, s)
}
