package swarm

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// memNet is a network in memory, for virtual time.
type memNet struct {
	latency func() time.Duration // of each piece of data, one way; none if nil

	carriers sync.WaitGroup

	mu        sync.Mutex
	listeners map[netip.AddrPort]*memListener
	conns     []*memConn
	dark      map[netip.Addr]bool // hosts whose cable is pulled
	deaf      map[netip.Addr]bool // hosts that do not answer to new connections
	dials     []netip.AddrPort    // all that were tried
	nextPort  uint16
}

func newMemNet(t testing.TB) *memNet {
	n := &memNet{
		listeners: make(map[netip.AddrPort]*memListener),
		dark:      make(map[netip.Addr]bool),
		deaf:      make(map[netip.Addr]bool),
		nextPort:  50000,
	}
	t.Cleanup(n.carriers.Wait) // after the nodes have ended
	return n
}

// host is the transport of the host with address ip.
func (n *memNet) host(ip netip.Addr) Transport {
	return Transport{
		Listen: func(_ context.Context, at netip.AddrPort) (net.Listener, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			at = netip.AddrPortFrom(ip, at.Port())
			if n.listeners[at] != nil {
				return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
			}
			l := &memListener{net: n, at: at, conns: make(chan net.Conn), closed: make(chan struct{})}
			n.listeners[at] = l
			return l, nil
		},
		Dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) { return n.dial(ctx, ip, to) },
	}
}

func (n *memNet) dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, to)
	n.nextPort++
	port := n.nextPort
	l, dark := n.listeners[to], n.dark[from] || n.dark[to.Addr()] || n.deaf[to.Addr()]
	n.mu.Unlock()
	if dark {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n.wait()
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	if l == nil {
		return nil, refused
	}
	a, wireA := net.Pipe()
	b, wireB := net.Pipe()
	here := &memConn{Conn: a, local: netip.AddrPortFrom(from, port), remote: to}
	there := &memConn{Conn: b, local: to, remote: here.local}
	select {
	case l.conns <- there:
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	n.conns = append(n.conns, here, there)
	n.mu.Unlock()
	lost := func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.dark[from] || n.dark[to.Addr()]
	}
	n.carriers.Go(func() { n.carry(wireB, wireA, lost) })
	n.carriers.Go(func() { n.carry(wireA, wireB, lost) })
	return here, nil
}

// carry moves what is written to src to dst until it ends, which it tells dst.
// What is on its way while the cable is pulled is lost, the end as well.
func (n *memNet) carry(dst, src net.Conn, lost func() bool) {
	type piece struct {
		data []byte
		at   time.Time
	}
	kernel := make(chan piece, 16) // with pieces of 4 KiB, the buffer of a socket
	go func() {
		defer close(kernel)
		for {
			buf := make([]byte, 4<<10)
			k, err := src.Read(buf)
			p := piece{data: buf[:k], at: time.Now()}
			if n.latency != nil {
				p.at = p.at.Add(n.latency())
			}
			if err != nil {
				p.data = nil
			}
			kernel <- p
			if err != nil {
				return
			}
		}
	}()
	for p := range kernel {
		time.Sleep(time.Until(p.at))
		switch {
		case lost():
		case p.data == nil:
			_ = dst.Close()
		default:
			_, _ = dst.Write(p.data) // the end comes the other way
		}
	}
	_ = src.Close()
}

func (n *memNet) wait() {
	if n.latency != nil {
		time.Sleep(n.latency())
	}
}

// pull takes the cable of a host away: what is sent is lost, and nobody knows.
func (n *memNet) pull(ip netip.Addr, out bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dark[ip] = out
}

// reset ends the connections of a host, as its kernel does after kill -9.
func (n *memNet) reset(ip netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		if c.local.Addr() == ip {
			_ = c.Close()
		}
	}
}

// tried counts the dials of an address.
func (n *memNet) tried(to netip.AddrPort) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.dials {
		if a == to {
			count++
		}
	}
	return count
}

type memListener struct {
	net    *memNet
	at     netip.AddrPort
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.listeners, l.at)
	})
	return nil
}

func (l *memListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

type memConn struct {
	net.Conn
	local, remote netip.AddrPort
}

func (c *memConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *memConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }
