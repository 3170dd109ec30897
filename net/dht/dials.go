package dht

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
)

// dials bounds how many nodes are dialled at a time: fewer when those that are
// there do not finish the handshake in time. Then our machine is busy, or
// theirs is, and more dials would only have all of them fail.
type dials struct {
	mu      sync.Mutex
	most    int
	running int
	waiting []chan struct{} // closed when it is their turn
}

const (
	minDials   = 2
	firstDials = 4
	maxDials   = 16
)

// enter waits for a turn; then leave must follow.
func (d *dials) enter(ctx context.Context) error {
	d.mu.Lock()
	if d.running < d.most {
		d.running++
		d.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	d.waiting = append(d.waiting, turn)
	d.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.waiting, turn); i >= 0 {
		d.waiting = slices.Delete(d.waiting, i, i+1)
		return ctx.Err()
	}
	d.end() // it was our turn just now
	return ctx.Err()
}

// leave ends a turn; err is what came of it.
func (d *dials) leave(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var unreached *net.OpError
	switch {
	case err == nil:
		d.most = min(d.most+1, maxDials)
	case errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &unreached):
		d.most = max(d.most/2, minDials)
	}
	d.end()
}

// end lets others begin; d.mu is held.
func (d *dials) end() {
	d.running--
	for d.running < d.most && len(d.waiting) > 0 {
		close(d.waiting[0])
		d.waiting = slices.Delete(d.waiting, 0, 1)
		d.running++
	}
}
