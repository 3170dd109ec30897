package dht

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"dione/crypto/identity"
)

const (
	maxLinks = 24               // connections that we have dialled, without those over which something is watched
	idleTime = 45 * time.Second // after which one is closed
	onceTime = 5 * time.Second  // the same of one over which a single question was asked, as to most
	dialTime = 1500 * time.Millisecond
)

// Dial connects to a node: whoever answers at addr has proved to be id.
type Dial func(ctx context.Context, id identity.ID, addr netip.AddrPort) (net.Conn, error)

// pool holds the connections that we have dialled, one to a node in each scope:
// what is asked over one belongs to the scope of the address that it leads to.
// The one that was used longest ago goes when there are too many.
type pool struct {
	dial Dial
	turn dials
	mu   sync.Mutex
	all  map[end]*pooled
	wg   sync.WaitGroup // readers
	shut bool
	sum  traffic
}

// end is a node as it is reached in a scope.
type end struct {
	scope Scope
	node  Key
}

func endOf(c *Contact) end { return end{ScopeOf(addrOf(c)), c.Key} }

// pooled is a connection, or the attempt at one.
type pooled struct {
	ready chan struct{} // closed when what follows is set
	link  *link
	addr  netip.AddrPort // where it leads
	err   error
}

// errShut says that the node has ended.
var errShut = errors.New("the node has stopped")

func newPool(dial Dial) *pool {
	return &pool{dial: dial, turn: dials{most: firstDials}, all: make(map[end]*pooled)}
}

// open reports whether there is a connection to the node at k.
func (p *pool) open(s Scope, k Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.all[end{s, k}]
	return e != nil && e.link != nil
}

// get returns a connection to c, whose addresses are of one scope; a new one
// if there is none.
func (p *pool) get(ctx context.Context, c *Contact) (*pooled, error) {
	at := endOf(c)
	p.mu.Lock()
	if p.shut {
		p.mu.Unlock()
		return nil, errShut
	}
	e := p.all[at]
	if e != nil && (e.link == nil || !e.link.ended()) {
		p.mu.Unlock()
		select {
		case <-e.ready:
			return e, e.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	e = &pooled{ready: make(chan struct{})}
	p.all[at] = e
	p.mu.Unlock()

	conn, addr, err := p.connect(ctx, c)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(e.ready)
	if err == nil && p.shut {
		err = errors.Join(errShut, conn.Close())
	}
	if err != nil {
		e.err = err
		delete(p.all, at)
		return nil, err
	}
	p.makeRoom()
	e.link, e.addr = newLink(conn, time.Now()), addr
	p.sum.add(conn)
	p.wg.Go(func() {
		e.link.read()
		p.drop(at, e)
	})
	return e, nil
}

// connect dials the addresses of c, one after the other.
func (p *pool) connect(ctx context.Context, c *Contact) (net.Conn, netip.AddrPort, error) {
	var errs error
	for _, addr := range c.Addrs {
		if err := p.turn.enter(ctx); err != nil {
			return nil, addr, errors.Join(errs, err)
		}
		dialCtx, cancel := context.WithTimeout(ctx, dialTime)
		conn, err := p.dial(dialCtx, c.ID, addr)
		cancel()
		p.turn.leave(err)
		if err == nil {
			return conn, addr, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, netip.AddrPort{}, errs
}

func (p *pool) drop(k end, e *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum.remove(e.link.conn)
	if p.all[k] == e {
		delete(p.all, k)
	}
}

// makeRoom closes the connection that was used longest ago, if there are too
// many; p.mu is held.
func (p *pool) makeRoom() {
	now := time.Now()
	count := 0
	for _, e := range p.all {
		if e.link == nil || !e.link.watches(now) {
			count++
		}
	}
	if count <= maxLinks {
		return
	}
	var oldest *link
	var since time.Time
	var key end
	for k, e := range p.all {
		if e.link == nil {
			continue
		}
		if t, idle := e.link.idle(now); idle && (oldest == nil || t.Before(since)) {
			oldest, since, key = e.link, t, k
		}
	}
	if oldest != nil {
		delete(p.all, key)
		_ = oldest.conn.Close() // its reader sees it and does the rest
	}
}

// sweep closes the connections that nothing was asked over for a while.
func (p *pool) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, e := range p.all {
		if e.link == nil {
			continue
		}
		if since, idle := e.link.idle(now); idle && now.Sub(since) >= e.link.keep() {
			delete(p.all, k)
			_ = e.link.conn.Close()
		}
	}
}

// close ends all connections and waits for their readers.
func (p *pool) close() {
	p.mu.Lock()
	p.shut = true
	for _, e := range p.all {
		if e.link != nil {
			_ = e.link.conn.Close()
		}
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// len tells how many connections there are.
func (p *pool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// traffic sums up what connections carry, those that count it.
type traffic struct {
	mu      sync.Mutex
	live    map[counter]struct{}
	in, out uint64 // of those that have ended
}

type counter interface{ Bytes() (in, out uint64) }

func (t *traffic) add(conn net.Conn) {
	if c, ok := conn.(counter); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.live == nil {
			t.live = make(map[counter]struct{})
		}
		t.live[c] = struct{}{}
	}
}

func (t *traffic) remove(conn net.Conn) {
	if c, ok := conn.(counter); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.live, c)
		in, out := c.Bytes()
		t.in, t.out = t.in+in, t.out+out
	}
}

func (t *traffic) bytes() (in, out uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in, out = t.in, t.out
	for c := range t.live {
		i, o := c.Bytes()
		in, out = in+i, out+o
	}
	return in, out
}
