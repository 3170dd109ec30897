package boxtest

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"dione/crypto/identity"
	"dione/net/dht"
	"dione/net/sim"
)

// This file has a process in a large network, and what it sends and receives.

// The rules of net/dht for connections that a node has dialled.
const (
	maxLinks, idleTime, onceTime = 24, 45 * time.Second, 5 * time.Second

	roundTrip = 80 * time.Millisecond
)

// Large is a network of as many nodes as one likes, which stay. They know each
// other by perfect tables, and hold packages by the program's own code.
type Large struct {
	Handshake int // bytes of a new connection, both ways; set it before the first

	static *sim.Static
	mu     sync.Mutex
	nodes  map[dht.Key]*dht.Holder
	number uint64
}

// NewLarge returns a network of so many nodes on the internet.
func NewLarge(seed uint64, nodes int) *Large {
	return &Large{static: sim.NewStatic(sim.StaticConfig{Nodes: nodes, Seed: seed}), nodes: make(map[dht.Key]*dht.Holder)}
}

// holder returns what a node holds.
func (l *Large) holder(k dht.Key) *dht.Holder {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.nodes[k]
	if h == nil {
		h = dht.NewHolder(dht.HolderConfig{Shelf: new(sim.Shelf), Rand: rand.New(rand.NewPCG(1, uint64(len(l.nodes))))})
		h.Join(others{l, k})
		l.nodes[k] = h
	}
	return h
}

// others is what a node knows of the others.
type others struct {
	net  *Large
	self dht.Key
}

func (o others) Self() dht.Key { return o.self }

func (o others) Nearest(s dht.Scope, target dht.Key, n int) (all []*dht.Contact) {
	if s != dht.Wide {
		return nil
	}
	for _, c := range o.net.static.Nearest(target, n+1) {
		if c.Key != o.self && len(all) < n {
			all = append(all, c)
		}
	}
	return all
}

func (o others) Servers(s dht.Scope) int {
	if s != dht.Wide {
		return 0
	}
	return len(o.net.static.Contacts()) - 1
}

func (others) Departures(dht.Scope) float64 { return 0 }

// Metered is a process in a Large network that can be reached by nobody: a
// mailbox.Network. It runs the program's own dht.Router; what it asks and is
// told is counted as it would go over connections, without the headers of TCP.
type Metered struct {
	net  *Large
	from dht.Asker

	mu     sync.Mutex
	ctx    context.Context
	router *dht.Router
	wake   *time.Timer
	links  map[dht.Key]*metered
	meter  Meter
}

// metered is a connection that is open.
type metered struct {
	asked int
	used  time.Time
	lease time.Time
}

// Meter is what a process has sent and received.
type Meter struct {
	Bytes, Handshakes uint64            // all bytes; those of them that made connections
	Dials             map[string]uint64 // connections that were made, by the question for whose sake
	Asked             map[string]uint64 // questions, by what they are
}

// Sub returns what came since an earlier state.
func (m Meter) Sub(old Meter) Meter {
	less := func(now, old map[string]uint64) map[string]uint64 {
		now = maps.Clone(now)
		for what, n := range old {
			now[what] -= n
		}
		return now
	}
	return Meter{m.Bytes - old.Bytes, m.Handshakes - old.Handshakes, less(m.Dials, old.Dials), less(m.Asked, old.Asked)}
}

// Process returns a new process, which runs until ctx ends.
func (l *Large) Process(ctx context.Context) *Metered {
	l.mu.Lock()
	l.number++
	number := l.number
	l.mu.Unlock()
	addr := netip.AddrFrom4([4]byte{80, byte(number >> 8), byte(number), 1})
	id := identity.ID{1, byte(number >> 8), byte(number)}
	m := &Metered{
		net: l, ctx: ctx, links: make(map[dht.Key]*metered), wake: time.NewTimer(0),
		from: dht.Asker{ID: id, Node: dht.KeyOf(id), Addr: addr, From: dht.Origin(addr), Conn: number},
	}
	m.meter.Asked, m.meter.Dials = make(map[string]uint64), make(map[string]uint64)
	m.router = dht.NewRouter(dht.RouterConfig{
		ID: id, Rand: rand.New(rand.NewPCG(number, 7)),
		Open: func(s dht.Scope, k dht.Key) bool { return m.open(k, time.Now()) != nil },
	}, time.Now())
	some := l.static.Contacts()
	m.router.Hear(time.Now(), dht.Wide, []*dht.Contact{some[int(number)%len(some)], some[int(3*number+1)%len(some)], some[int(7*number+2)%len(some)]})
	go func() {
		defer m.wake.Stop()
		for {
			select {
			case <-m.wake.C:
				m.do(func(time.Time) {})
			case <-ctx.Done():
				return
			}
		}
	}()
	return m
}

// Meter returns what the process has sent and received so far.
func (m *Metered) Meter() Meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.meter.Sub(Meter{})
}

// do does something with the router and asks what it wants asked then.
func (m *Metered) do(f func(now time.Time)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	f(now)
	due, at := m.router.Next(now)
	for _, q := range due {
		go m.ask(q)
	}
	m.wake.Reset(time.Until(at))
}

// open returns the connection to a node, if there is one; m.mu is held.
func (m *Metered) open(k dht.Key, now time.Time) *metered {
	l := m.links[k]
	if l == nil || l.lease.After(now) {
		return l
	}
	keep := idleTime
	if l.asked <= 1 {
		keep = onceTime
	}
	if now.Sub(l.used) > keep {
		delete(m.links, k)
		return nil
	}
	return l
}

// dial returns the connection to a node, a new one for the sake of a question
// if there is none.
func (m *Metered) dial(k dht.Key, what string) (l *metered, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if l = m.open(k, now); l == nil {
		for k := range m.links {
			m.open(k, now) // and forgets what is closed by now
		}
		m.makeRoom(now)
		l, fresh = new(metered), true
		m.links[k] = l
		m.meter.Bytes += uint64(m.net.Handshake)
		m.meter.Handshakes += uint64(m.net.Handshake)
		m.meter.Dials[what]++
	}
	l.asked++
	l.used = now
	return l, fresh
}

// makeRoom closes the connection that was used longest ago, if there are too
// many.
func (m *Metered) makeRoom(now time.Time) {
	var oldest dht.Key
	count := 0
	for k, l := range m.links {
		if l.lease.After(now) {
			continue
		}
		if count++; count == 1 || l.used.Before(m.links[oldest].used) {
			oldest = k
		}
	}
	if count >= maxLinks {
		delete(m.links, oldest)
	}
}

// count adds a message as its record takes it.
func (m *Metered) count(what string, msg dht.Message) {
	n := len(dht.AppendMessage(nil, 1, msg)) + 2 // and its length
	size := 256
	for size < n {
		size *= 2
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meter.Bytes += uint64(min(size, max(n, 65519)) + 2 + 16)
	if what != "" {
		m.meter.Asked[what]++
	}
}

// exchange carries a question to a node and the answer back.
func (m *Metered) exchange(to *dht.Contact, what string, ask dht.Message, answer func(l *metered) dht.Message) dht.Message {
	l, fresh := m.dial(to.Key, what)
	m.count(what, ask)
	if fresh {
		time.Sleep(2 * roundTrip)
	}
	time.Sleep(roundTrip)
	got := answer(l)
	if got != nil {
		m.count("", got)
	}
	return got
}

func (m *Metered) ask(q dht.Query) {
	from := m.from
	from.Scope = q.Scope
	h := m.net.holder(q.To.Key)
	var got dht.Message
	switch ask := q.Ask.(type) {
	case dht.Find:
		got = m.exchange(q.To, "find", ask, func(*metered) dht.Message { return m.net.static.Found(q.To.Key, ask.Target) })
	case dht.Ping:
		got = m.exchange(q.To, "ping", ask, func(*metered) dht.Message {
			return dht.Pong{Seen: netip.AddrPortFrom(m.from.Addr, 40000), Clock: time.Now().UnixMilli()}
		})
	case dht.Store:
		got = m.exchange(q.To, "store", ask, func(*metered) dht.Message { return h.Store(time.Now(), from, ask) })
	case dht.Delete:
		got = m.exchange(q.To, "delete", ask, func(*metered) dht.Message { return h.Delete(time.Now(), from, ask) })
	case dht.GetMany:
		got = m.exchange(q.To, "getmany", ask, func(*metered) dht.Message { return h.GetMany(time.Now(), from, ask) })
	}
	m.do(func(now time.Time) { m.router.Answered(now, q, got) })
}

// metering waits for what a router is to find out.
func metering[T any](ctx context.Context, m *Metered, begin func(now time.Time, done func(time.Time, T))) (T, error) {
	result := make(chan T, 1)
	m.do(func(now time.Time) { begin(now, func(_ time.Time, t T) { result <- t }) })
	select {
	case t := <-result:
		return t, nil
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Servers tells how many servers are known in a scope.
func (m *Metered) Servers(s dht.Scope) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.router.Servers(s)
}

// Whole reports whether all servers of a scope are known.
func (m *Metered) Whole(s dht.Scope) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.router.Whole(time.Now(), s)
}

// Open reports whether there is a connection to a server.
func (m *Metered) Open(_ dht.Scope, k dht.Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open(k, time.Now()) != nil
}

// Offset tells how far the clocks of others are ahead.
func (m *Metered) Offset() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.router.Offset()
}

// Lookup finds the servers nearest to a place.
func (m *Metered) Lookup(ctx context.Context, s dht.Scope, target dht.Key, how dht.LookupConfig) (dht.Nearby, error) {
	return metering(ctx, m, func(now time.Time, done func(time.Time, dht.Nearby)) { m.router.Lookup(now, s, target, how, done) })
}

// PutAt puts packages at nodes.
func (m *Metered) PutAt(ctx context.Context, s dht.Scope, holders []*dht.Contact, packages ...[]byte) (dht.Placed, error) {
	return metering(ctx, m, func(now time.Time, done func(time.Time, dht.Placed)) {
		m.router.PutAt(now, s, holders, packages, done)
	})
}

// GetFrom looks for packages at nodes.
func (m *Metered) GetFrom(ctx context.Context, s dht.Scope, holders []*dht.Contact, hints []dht.Hint, most int) (dht.Gotten, error) {
	return metering(ctx, m, func(now time.Time, done func(time.Time, dht.Gotten)) {
		m.router.GetFrom(now, s, holders, hints, most, done)
	})
}

// Watch has a node tell of packages as they come.
func (m *Metered) Watch(ctx context.Context, holder *dht.Contact, hints []dht.Hint, notice func(packages [][]byte)) (time.Duration, error) {
	from := m.from
	from.Scope = dht.Wide
	got := m.exchange(holder, "watch", dht.Watch{Hints: hints}, func(l *metered) dht.Message {
		w := m.net.holder(holder.Key).Watch(time.Now(), from, dht.Watch{Hints: hints}, func(n dht.Notify) {
			go func() { // it comes over the network
				m.count("", n)
				notice(n.Packages)
			}()
		})
		m.mu.Lock()
		defer m.mu.Unlock()
		l.lease = time.Now().Add(time.Duration(w.Lease) * time.Second)
		return w
	})
	if w, ok := got.(dht.Watching); ok && w.Lease > 0 {
		return time.Duration(w.Lease) * time.Second, nil
	}
	return 0, errors.Join(errors.New("it does not watch"), ctx.Err())
}
