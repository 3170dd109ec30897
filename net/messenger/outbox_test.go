package messenger

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"dione/crypto/identity"
)

// TestCancelled gives messages up that wait: those behind them move up, so that
// the other side misses none.
func TestCancelled(t *testing.T) {
	annDir, bobDir := t.TempDir(), t.TempDir()
	ann, bob := startEngine(t, annDir, "ann"), startEngine(t, bobDir, "bob")
	meet(ann, bob)
	ann.awaitState(ann.send(chatWith(bob), "first").ID, StateDelivered)
	bob.stop()
	ann.awaitGone(bob)
	var waiting []Message
	for i := range 6 {
		waiting = append(waiting, ann.send(chatWith(bob), fmt.Sprint("waits ", i)))
	}
	for _, i := range []int{1, 3, 5} {
		if err := ann.Cancel(t.Context(), chatWith(bob), waiting[i].ID); err != nil {
			t.Fatal(err)
		}
		if err := ann.Cancel(t.Context(), chatWith(bob), waiting[i].ID); !errors.Is(err, ErrNotWaiting) {
			t.Errorf("cancelled again: %v", err)
		}
	}
	ann.send(chatWith(bob), "last")
	left, err := ann.Outbox(t.Context())
	if err != nil || len(left) != 4 {
		t.Fatalf("%d messages wait, %v", len(left), err)
	}
	for _, w := range left {
		if w.Sealed || w.Why == "" {
			t.Errorf("%q: sealed %t, waits because %q", w.Text, w.Sealed, w.Why)
		}
	}
	bob = startEngine(t, bobDir, "bob")
	meet(ann, bob)
	last := bob.awaitText("last")
	ann.awaitState(last.Message.ID, StateDelivered)
	msgs, err := bob.History(t.Context(), chatWith(ann), Cursor{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for i, m := range msgs {
		texts = append(texts, m.Text)
		if m.Seq != uint64(i+1) {
			t.Errorf("%q has the number %d, want %d", m.Text, m.Seq, i+1)
		}
	}
	if want := []string{"first", "waits 0", "waits 2", "waits 4", "last"}; !slices.Equal(texts, want) {
		t.Errorf("bob has %q, want %q", texts, want)
	}
	if err := ann.Cancel(t.Context(), chatWith(bob), waiting[0].ID); !errors.Is(err, ErrNotWaiting) {
		t.Errorf("what was delivered is cancelled: %v", err)
	}
}

// TestRetry dials at once, whatever failed before.
func TestRetry(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bobDir := t.TempDir()
	bob := startEngine(t, bobDir, "bob")
	addr := bob.Self().Addrs[0]
	bob.stop()
	if _, err := ann.Add(t.Context(), addr, "bob"); err != nil {
		t.Fatal(err)
	}
	await(ann, "bob not reached", func(ev PersonChanged) bool { return ev.Person.Problem != "" })
	dialled := func() (last time.Time) {
		if err := ann.do(t.Context(), func(*batch) error {
			last = ann.people[bob.Self().ID].dial.last
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return last
	}
	ann.send(chatWith(bob), "waits")
	for _, to := range []identity.ID{bob.Self().ID, {}} {
		before := dialled()
		if err := ann.Retry(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); !dialled().After(before); {
			if time.Now().After(deadline) {
				t.Fatalf("Retry of %s dials nobody", to.Short())
			}
		}
	}
	var unknown *UnknownPersonError
	if err := ann.Retry(t.Context(), identity.ID{9}); !errors.As(err, &unknown) {
		t.Errorf("Retry of nobody = %v", err)
	}
	if err := ann.Retry(t.Context(), ann.Self().ID); !errors.Is(err, ErrSelf) {
		t.Errorf("Retry of oneself = %v", err)
	}
}

func TestChanged(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	row, err := ann.Newest(t.Context())
	if row != 0 || err != nil {
		t.Fatalf("Newest = %d, %v", row, err)
	}
	changed := ann.Changed()
	ann.send(Room, "anybody?")
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatal("a commit rings no bell")
	}
	if row, err := ann.Newest(t.Context()); row != 1 || err != nil {
		t.Errorf("Newest = %d, %v", row, err)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	start := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) sample {
		n := uint64(minutes)
		return sample{start.Add(time.Duration(minutes) * time.Minute), Traffic{n, 2 * n}, Traffic{10 * n, 20 * n}}
	}
	if links, mail, d := m.last(at(0)); links != (Traffic{}) || mail != (Traffic{}) || d != 0 {
		t.Errorf("before the first sample: %v, %v in %v", links, mail, d)
	}
	for i := range 200 {
		m.take(at(i))
		m.take(at(i)) // is too soon
		links, mail, d := m.last(at(i))
		n := uint64(min(i, 60))
		if links != (Traffic{n, 2 * n}) || mail != (Traffic{10 * n, 20 * n}) || d != time.Duration(n)*time.Minute {
			t.Fatalf("after %d minutes: %v, %v in %v", i, links, mail, d)
		}
	}
	if n := len(m.samples); n > 62 {
		t.Errorf("%d samples are kept", n)
	}
}
