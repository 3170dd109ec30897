package swarm

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/multiformats/go-multiaddr"
)

// The tests of this file run on real sockets of the loopback interface.

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// startTCP runs a swarm on real sockets. stop ends it.
func startTCP(t testing.TB, listen ...netip.AddrPort) (s *Swarm, stop func()) {
	t.Helper()
	runtime.GC() // timers that yamux kept from a bubble must not be used here
	runtime.GC()
	key := newKey(t)
	s, err := New(Config{Endpoint: newEndpoint(t, key), Self: key.ID(), Listen: listen, Instance: [8]byte(key.Seed()), Handle: map[string]Handler{"echo": echo, "count": count}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx) // always nil
	}()
	return s, func() {
		cancel()
		<-done
	}
}

func nextEvent(t testing.TB, s *Swarm) Event {
	t.Helper()
	select {
	case ev := <-s.Events():
		return ev
	case <-time.After(10 * time.Second):
		t.Fatal("no event came")
		return nil
	}
}

func TestTCP(t *testing.T) {
	ann, stopAnn := startTCP(t, loopback)
	defer stopAnn()
	bob, stopBob := startTCP(t, loopback)
	start := time.Now()
	ann.Hint(bob.cfg.Instance, []netip.AddrPort{netip.AddrPortFrom(loopback.Addr(), bob.Port())})
	here := nextEvent(t, ann).(Up).Conn
	there := nextEvent(t, bob).(Up).Conn
	t.Logf("connected in %v", time.Since(start))
	ping(t, here, "from ann")
	ping(t, there, strings.Repeat("from bob", 100_000))
	start = time.Now()
	stopBob()
	if down := nextEvent(t, ann).(Down); down.Reason != "left" {
		t.Errorf("%+v", down)
	}
	if d := time.Since(start); d > byeTime {
		t.Errorf("leaving took %v", d)
	}
}

func TestListenTCP(t *testing.T) {
	first, stop := startTCP(t)
	defer stop()
	if first.Port() == 0 {
		t.Fatal("no port")
	}
	addrs := first.Addrs()
	if len(addrs) == 0 {
		t.Fatal("no address")
	}
	for _, a := range addrs {
		m, err := multiaddr.NewMultiaddr(a)
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		if id, err := m.ValueForProtocol(multiaddr.P_P2P); err != nil || id != first.cfg.Self.String() {
			t.Errorf("%s: peer %s, %v", a, id, err)
		}
	}
	// Both families answer on the one port, where the host has both.
	for _, where := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(where), first.Port())
		raw, err := dialTCP(t.Context(), to)
		if err != nil {
			if strings.Contains(where, ":") {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			t.Errorf("dial %s: %v", to, err)
			continue
		}
		_ = raw.Close()
	}

	key := newKey(t)
	second, err := New(Config{Endpoint: newEndpoint(t, key), Self: key.ID(), Listen: []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), first.Port())}})
	if err != nil {
		t.Fatal(err)
	}
	var taken *PortTakenError
	if err := second.Listen(t.Context()); !errors.As(err, &taken) || taken.Port != first.Port() {
		t.Errorf("Listen on a taken port = %v", err)
	}
	if err := second.ListenAnyPort(t.Context()); err != nil || second.Port() == 0 || second.Port() == first.Port() {
		t.Errorf("ListenAnyPort = %v, port %d", err, second.Port())
	}
	second.closeListeners()
}
