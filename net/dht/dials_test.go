package dht

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
)

// TestDials: who is slow to shake hands makes for fewer dials at a time, who is
// not there at all does not.
func TestDials(t *testing.T) {
	d := dials{most: firstDials}
	count := func() (n int) {
		for d.running < d.most {
			if err := d.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
			n++
		}
		for range n {
			d.mu.Lock()
			d.end()
			d.mu.Unlock()
		}
		return n
	}
	end := func(err error) {
		if e := d.enter(t.Context()); e != nil {
			t.Fatal(e)
		}
		d.leave(err)
	}
	for range 2 * maxDials {
		end(nil)
	}
	if n := count(); n != maxDials {
		t.Errorf("%d dials at a time where all are answered, want %d", n, maxDials)
	}
	end(&net.OpError{Op: "dial", Err: context.DeadlineExceeded})
	end(errors.New("refused"))
	if n := count(); n != maxDials {
		t.Errorf("%d dials at a time after one that nobody answered, want %d", n, maxDials)
	}
	end(context.DeadlineExceeded)
	if n := count(); n != maxDials/2 {
		t.Errorf("%d dials at a time after a slow one, want %d", n, maxDials/2)
	}
	for range maxDials {
		end(context.DeadlineExceeded)
	}
	if n := count(); n != minDials {
		t.Errorf("%d dials at a time where all are slow, want %d", n, minDials)
	}
}

// TestDialsWait: turns come in order, and who does not want to wait any longer
// takes none.
func TestDialsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := dials{most: 1}
		if err := d.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone, turn := make(chan error, 1), make(chan error, 1)
		go func() { gone <- d.enter(ctx) }()
		synctest.Wait()
		go func() { turn <- d.enter(t.Context()) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who did not wait any longer: %v", err)
		}
		d.leave(errors.New("refused"))
		if err := <-turn; err != nil {
			t.Error(err)
		}
		d.leave(errors.New("refused"))
		if d.running != 0 || len(d.waiting) != 0 {
			t.Errorf("%d run and %d wait at the end", d.running, len(d.waiting))
		}
	})
}
