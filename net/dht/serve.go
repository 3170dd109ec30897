package dht

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"dione/crypto/identity"
)

const (
	maxServed       = 1024 // connections of others at a time
	maxServedOrigin = 128  // of one network
	askRate         = 100  // questions a second over one connection
	askBurst        = 256  // and at once
	patience        = 90 * time.Second
	maxNotices      = 16 // notices that wait for a slow reader
	maxAnswers      = 2  // answers with packages that do
)

// served is the connections of others.
type served struct {
	mu      sync.Mutex
	next    uint64
	total   int
	origins map[netip.Prefix]int
	sum     traffic
}

// enter reports whether another connection of origin has room; then leave must
// follow.
func (s *served) enter(origin netip.Prefix) (conn uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxServed || s.origins[origin] >= maxServedOrigin {
		return 0, false
	}
	if s.origins == nil {
		s.origins = make(map[netip.Prefix]int)
	}
	s.total++
	s.origins[origin]++
	s.next++
	return s.next, true
}

func (s *served) leave(origin netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.origins[origin]--; s.origins[origin] == 0 {
		delete(s.origins, origin)
	}
}

// guest is a connection on which another node asks.
type guest struct {
	node    *Node
	conn    net.Conn
	in      frames
	from    Asker
	pace    *rate.Limiter
	turn    turn
	free    chan struct{} // a slot for each question under way, until its answer has left
	large   chan struct{} // a slot for each answer with packages
	wg      sync.WaitGroup
	notices chan Notify
	watches bool // only the reader touches it
}

// Serve has answered what the node id asks over conn, until that or Run ends.
// addr is whence it has connected. conn is closed then, and at once if the node
// does not run. Serve does not wait for any of this: who has shaken hands needs
// far more stack than who waits for questions.
func (n *Node) Serve(conn net.Conn, id identity.ID, addr netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx == nil {
		_ = conn.Close() // nothing was said on it
		return
	}
	ctx := n.ctx
	n.wg.Go(func() {
		if g := n.receive(conn, id, addr); g != nil {
			g.stay(ctx)
			g.leave()
		}
		_ = conn.Close() // nothing that counts is under way any more
	})
}

// receive returns the guest at the other end, nil if there is no room.
func (n *Node) receive(conn net.Conn, id identity.ID, addr netip.AddrPort) *guest {
	origin, scope := Origin(addr.Addr()), ScopeOf(addr.Addr())
	if scope == Nowhere {
		return nil
	}
	number, ok := n.served.enter(origin)
	if !ok {
		return nil
	}
	n.served.sum.add(conn)
	return &guest{
		node:  n,
		conn:  conn,
		in:    frames{from: conn},
		from:  Asker{ID: id, Node: KeyOf(id), Addr: addr.Addr(), Port: addr.Port(), Scope: scope, From: origin, Conn: number},
		pace:  rate.NewLimiter(askRate, askBurst),
		turn:  make(turn, 1),
		free:  make(chan struct{}, maxFlight),
		large: make(chan struct{}, maxAnswers),
	}
}

// stay answers questions until the connection or ctx ends. It has little on
// its stack while it waits, see [frames].
func (g *guest) stay(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, g.end)()
	for g.waits() == nil && g.in.wait() == nil && g.serve(ctx) {
	}
	cancel()
	g.wg.Wait()
}

// end has the reader end.
func (g *guest) end() { _ = g.conn.Close() }

// leave is what is done when all questions are answered.
func (g *guest) leave() {
	if k := g.node.keeper; k != nil {
		k.Left(g.from.Conn)
	}
	g.node.served.sum.remove(g.conn)
	g.node.served.leave(g.from.From)
}

// waits sets until when the next question has to come.
func (g *guest) waits() error {
	wait := patience
	if g.watches {
		wait = maxLease
	}
	return g.conn.SetReadDeadline(time.Now().Add(wait))
}

// serve reads the question that has come and has it answered, as several are at
// a time. It reports whether another one may come.
func (g *guest) serve(ctx context.Context) bool {
	f, err := g.in.next(maxQuestion)
	if err != nil || !f.kind.asks() || f.id == 0 || g.pace.Wait(ctx) != nil {
		return false
	}
	select {
	case g.free <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	reply := func(m Message) {
		if write(g.conn, g.turn, f.id, m) != nil {
			g.end()
		}
		<-g.free
	}
	if w, ok := f.message.(Watch); ok {
		g.watch(ctx, w, reply)
	} else {
		g.wg.Go(func() { g.answer(f.message, reply) })
	}
	return true
}

// answer answers one question.
func (g *guest) answer(m Message, reply func(Message)) {
	now, k := time.Now(), g.node.keeper
	holds := k != nil && g.node.serves(g.from.Scope)
	switch m := m.(type) {
	case Find, Ping:
		done := make(chan Message, 1)
		g.node.handle(now, g.from, m, func(answer Message) { done <- answer })
		answer := <-done // a dial-back ends in time, and so does the node
		if pong, ok := answer.(Pong); ok && holds {
			pong.Full = k.Fullness()
			answer = pong
		}
		reply(answer)
		return
	case Store:
		if holds {
			reply(k.Store(now, g.from, m))
			return
		}
	case GetMany:
		if holds {
			g.large <- struct{}{}
			reply(k.GetMany(now, g.from, m))
			<-g.large
			return
		}
	case Offer:
		if holds {
			reply(k.Offer(now, g.from, m))
			return
		}
	case Delete:
		if holds {
			reply(k.Delete(now, g.from, m))
			return
		}
	}
	reply(Unsupported{})
}

// watch begins to tell of packages.
func (g *guest) watch(ctx context.Context, w Watch, reply func(Message)) {
	k := g.node.keeper
	if k == nil || !g.node.serves(g.from.Scope) {
		g.wg.Go(func() { reply(Unsupported{}) })
		return
	}
	if g.notices == nil {
		g.notices = make(chan Notify, maxNotices)
		g.wg.Go(func() {
			for {
				select {
				case m := <-g.notices:
					if write(g.conn, g.turn, 0, m) != nil {
						_ = g.conn.Close()
						return
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	answer := k.Watch(time.Now(), g.from, w, func(m Notify) {
		select {
		case g.notices <- m:
		default: // who does not read finds it by asking
		}
	})
	g.watches = answer.Lease > 0
	g.wg.Go(func() { reply(answer) })
}
