package swarm

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/handshake"
	"dione/crypto/identity"
	"dione/net/secure"
	"dione/net/wire"
)

// bubble runs f in virtual time. yamux keeps timers in a pool that is global,
// and a timer must not leave its bubble: two collections empty the pool.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	empty := func() { runtime.GC(); runtime.GC() }
	empty()
	defer empty()
	synctest.Test(t, f)
}

// node is a process with a swarm.
type node struct {
	*Swarm
	t        *testing.T
	net      *memNet
	key      identity.Key
	at       netip.AddrPort
	events   chan Event
	cancel   context.CancelFunc
	ended    chan struct{}
	instance [8]byte
}

var testNetwork = wire.NetworkID("test")

func newKey(t testing.TB) identity.Key {
	t.Helper()
	key, err := identity.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEndpoint(t testing.TB, key identity.Key) *secure.Endpoint {
	t.Helper()
	e, err := secure.NewEndpoint(secure.Config{Realm: handshake.Chat, Network: testNetwork, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// start runs a new process with the identity key on the host 10.0.0.host.
func (n *memNet) start(t *testing.T, key identity.Key, host byte, change ...func(*Config)) *node {
	t.Helper()
	ip := netip.AddrFrom4([4]byte{10, 0, 0, host})
	nd := &node{t: t, net: n, key: key, at: netip.AddrPortFrom(ip, 4000), events: make(chan Event, 1000), ended: make(chan struct{})}
	if _, err := rand.Read(nd.instance[:]); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Endpoint:  newEndpoint(t, key),
		Self:      key.ID(),
		Listen:    []netip.AddrPort{nd.at},
		Instance:  nd.instance,
		Handle:    map[string]Handler{"echo": echo},
		Transport: n.host(ip),
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if nd.Swarm, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := nd.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	nd.cancel = cancel
	go func() {
		defer close(nd.ended)
		if err := nd.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		for {
			select {
			case ev := <-nd.Events():
				nd.events <- ev
			case <-nd.ended:
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-nd.ended
		<-pumped
	})
	return nd
}

// leave ends the process in an orderly way.
func (n *node) leave() {
	n.cancel()
	<-n.ended
}

// kill ends the process as kill -9 does: the kernel closes its sockets.
func (n *node) kill() {
	n.net.mu.Lock()
	l := n.net.listeners[n.at]
	n.net.mu.Unlock()
	_ = l.Close()
	n.net.reset(n.at.Addr())
	n.leave()
}

// hint tells n of other as an advert would.
func (n *node) hint(other *node) { n.Hint(other.instance, []netip.AddrPort{other.at}) }

// next returns the next event.
func (n *node) next() Event {
	n.t.Helper()
	select {
	case ev := <-n.events:
		return ev
	case <-time.After(5 * time.Minute):
		n.t.Fatal("no event came")
		return nil
	}
}

// up expects the next event to be that other is connected.
func (n *node) up(other identity.ID) *Conn {
	n.t.Helper()
	ev, ok := n.next().(Up)
	if !ok || ev.Conn.ID() != other {
		n.t.Fatalf("event %#v, want Up of %s", ev, other.Short())
	}
	return ev.Conn
}

// down expects the next event to be that other is gone.
func (n *node) down(other identity.ID) Down {
	n.t.Helper()
	got := n.next()
	ev, ok := got.(Down)
	if !ok || ev.ID != other {
		n.t.Fatalf("event %#v, want Down of %s", got, other.Short())
	}
	return ev
}

// quiet expects that nothing more is told for d.
func (n *node) quiet(d time.Duration) {
	n.t.Helper()
	select {
	case ev := <-n.events:
		n.t.Fatalf("event %#v, want none", ev)
	case <-time.After(d):
	}
}

// echo is a handler that sends everything back.
func echo(_ context.Context, _ *Conn, stream net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := stream.Read(buf)
		if err != nil {
			return
		}
		if _, err := stream.Write(buf[:n]); err != nil {
			return
		}
	}
}

// ping sends text over a new echo stream of c and expects it back.
func ping(t *testing.T, c *Conn, text string) {
	t.Helper()
	stream, err := c.Open(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	written := make(chan error, 1)
	go func() {
		_, err := stream.Write([]byte(text))
		written <- err
	}()
	buf := make([]byte, len(text))
	if _, err := io.ReadFull(stream, buf); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if string(buf) != text {
		t.Errorf("echo = %q, want %q", buf, text)
	}
}
