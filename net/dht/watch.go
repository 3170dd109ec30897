package dht

import (
	"net/netip"
	"slices"
	"time"
)

// This file holds who is told of packages as soon as they come. A watch lives
// as long as its lease, at most as long as its connection; one connection has
// one.

const (
	leaseTime    = 10 * time.Minute
	maxWatches   = 256
	watchesOfOne = 64 // from one network: an office behind one address has many
)

// watch is what one connection waits for.
type watch struct {
	conn   uint64
	from   netip.Prefix
	until  time.Time
	hints  []Hint
	notify func(Notify)
}

// watches is all that is waited for.
type watches struct {
	conns map[uint64]*watch
	hints map[Hint][]*watch
}

// end forgets what a connection waits for.
func (w *watches) end(conn uint64) {
	x := w.conns[conn]
	if x == nil {
		return
	}
	delete(w.conns, conn)
	for _, hint := range x.hints {
		left := slices.DeleteFunc(w.hints[hint], func(o *watch) bool { return o == x })
		if len(left) == 0 {
			delete(w.hints, hint)
			continue
		}
		w.hints[hint] = left
	}
}

// lapse ends all watches whose lease is over.
func (w *watches) lapse(now time.Time) {
	for conn, x := range w.conns {
		if !x.until.After(now) {
			w.end(conn)
		}
	}
}

// room reports whether a network may have one more watch.
func (w *watches) room(from netip.Prefix) bool {
	same := 0
	for _, x := range w.conns {
		if x.from == from {
			same++
		}
	}
	return len(w.conns) < maxWatches && same < watchesOfOne
}

// Watch answers with the lease. See [Keeper].
func (h *Holder) Watch(now time.Time, from Asker, m Watch, notify func(Notify)) Watching {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &h.watches
	w.end(from.Conn)
	if len(m.Hints) == 0 {
		return Watching{}
	}
	if !w.room(from.From) {
		w.lapse(now)
	}
	if h.down || !w.room(from.From) {
		return Watching{}
	}
	x := &watch{from.Conn, from.From, now.Add(leaseTime), slices.Clone(m.Hints), notify}
	if w.conns == nil {
		w.conns, w.hints = make(map[uint64]*watch), make(map[Hint][]*watch)
	}
	w.conns[from.Conn] = x
	for _, hint := range x.hints {
		if !slices.Contains(w.hints[hint], x) {
			w.hints[hint] = append(w.hints[hint], x)
		}
	}
	return Watching{Lease: uint16(leaseTime / time.Second)}
}

// tell tells those who wait for a package that it has come.
func (h *Holder) tell(now time.Time, hint Hint, b []byte) {
	h.mu.Lock()
	var told []func(Notify)
	for _, x := range h.watches.hints[hint] {
		if x.until.After(now) {
			told = append(told, x.notify)
		}
	}
	h.mu.Unlock()
	for _, notify := range told {
		notify(Notify{Packages: [][]byte{b}})
	}
}
