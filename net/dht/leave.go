package dht

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"dione/crypto/parcel"
)

// leave pushes to others what this node may be the last to hold.
func (n *Node) leave(ctx context.Context) {
	if n.keeper == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	silent := silentNodes{all: make(map[Key]bool)}
	slots := make(chan struct{}, maxFlight)
	for _, q := range n.keeper.Leave(time.Now()) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			n.handOn(ctx, q, &silent)
		})
	}
}

// silentNodes is who has not answered a node that leaves: there is no time to
// find that out again.
type silentNodes struct {
	mu  sync.Mutex
	all map[Key]bool
}

func (s *silentNodes) has(k Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[k]
}

func (s *silentNodes) add(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[k] = true
}

// handOn asks to take a package whom q asks, and if that one does not, those
// who are nearest then.
func (n *Node) handOn(ctx context.Context, q Query, silent *silentNodes) {
	if n.give(ctx, q, silent) {
		return
	}
	for _, c := range n.beside(q) {
		q.To = c
		if ctx.Err() != nil || n.give(ctx, q, silent) {
			return
		}
	}
}

// give reports whether the one whom q asks has the package then.
func (n *Node) give(ctx context.Context, q Query, silent *silentNodes) bool {
	if silent.has(q.To.Key) {
		return false
	}
	answer, _, err := n.exchange(ctx, q.To, q.Ask)
	if err != nil {
		silent.add(q.To.Key)
		n.log.LogAttrs(ctx, slog.LevelDebug, "not pushed before the exit", slog.Any("node", q.To.Key), slog.Any("error", err))
		return false
	}
	return taken(answer)
}

// taken reports whether a holder has a package, or what became of it.
func taken(answer Message) bool {
	switch m := answer.(type) {
	case Stored:
		return m.Result == Kept || m.Result == Gone || m.Result == Other
	case Deleted:
		return m.Result == Kept || m.Result == Other
	}
	return false
}

// beside returns the servers that are nearest to the package of q, but whom q
// asks.
func (n *Node) beside(q Query) []*Contact {
	var b []byte
	switch m := q.Ask.(type) {
	case Store:
		b = m.Package
	case Delete:
		b = m.Tombstone
	}
	p, err := parcel.Check(b)
	if err != nil {
		return nil
	}
	near := lockedTables{n}.Nearest(q.Scope, p.Location, Replicas)
	return slices.DeleteFunc(near, func(c *Contact) bool { return c.Key == q.To.Key })
}
