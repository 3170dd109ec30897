package swarm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func lanAddr(host byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, host}), port)
}

// The first addresses lead nowhere: one refuses, one is silent. The next is
// tried at once, and 100 ms later.
func TestHappyEyeballs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := newMemNet(t)
		ann, bob := two(t, n)
		n.pull(lanAddr(77, 0).Addr(), true)
		start := time.Now()
		ann.Hint(bob.instance, []netip.AddrPort{lanAddr(66, 4000), lanAddr(77, 4000), bob.at})
		ann.up(bob.id())
		if d := time.Since(start); d != eyeballTime {
			t.Errorf("connected after %v, want %v", d, eyeballTime)
		}
	})
}

// Of two addresses that both answer one is kept, and the other one's
// connection is closed.
func TestBothAddressesAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := newMemNet(t)
		ann, bob := two(t, n)
		slow := n.start(t, newKey(t), 3, func(c *Config) { c.Instance = bob.instance })
		n.pull(lanAddr(3, 0).Addr(), true)
		time.AfterFunc(150*time.Millisecond, func() { n.pull(lanAddr(3, 0).Addr(), false) })
		ann.Hint(bob.instance, []netip.AddrPort{slow.at, bob.at})
		ann.up(bob.id())
		bob.up(ann.id())
		ann.quiet(time.Minute)
		slow.quiet(0)
	})
}

// Whoever cannot be reached is tried less and less often, whatever adverts say.
func TestBackOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := newMemNet(t)
		ann := n.start(t, newKey(t), 1)
		nobody := lanAddr(50, 4000)
		for range 6000 {
			ann.Hint([8]byte{5}, []netip.AddrPort{nobody})
			time.Sleep(100 * time.Millisecond)
		}
		// 10 minutes: 6 dials on the way up, and then one in 15 to 30 s.
		if got := n.tried(nobody); got < 6+540/30 || got > 6+600/15 {
			t.Errorf("dialled %d times in 10 minutes", got)
		}
	})
}

func TestBackOffBounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var tg target
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			tg.backOff()
			if d := time.Until(tg.notUntil); d < want*time.Second/2 || d > want*time.Second {
				t.Errorf("failure %d: next dial in %v, want %ds less up to a half", i, d, want)
			}
		}
	})
}

// Thousands of forged adverts that point at one host make us knock there a few
// times, never with more than maxDials at once, and a true one still gets in.
func TestForgedAdverts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := newMemNet(t)
		var now, most atomic.Int32
		ann := n.start(t, newKey(t), 1, func(c *Config) {
			dial := c.Transport.Dial
			c.Transport.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
				if v := now.Add(1); v > most.Load() {
					most.Store(v)
				}
				defer now.Add(-1)
				return dial(ctx, to)
			}
		})
		victim := lanAddr(50, 4000)
		n.pull(victim.Addr(), true) // packets to it vanish
		for i := range 5000 {
			ann.Hint([8]byte{1, byte(i >> 8), byte(i)}, []netip.AddrPort{victim})
			if i%100 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		bob := n.start(t, newKey(t), 2)
		for range 100 {
			ann.hint(bob)
			time.Sleep(time.Second)
			if len(ann.events) > 0 {
				break
			}
		}
		ann.up(bob.id())
		time.Sleep(time.Minute)
		if got, limit := n.tried(victim), hostOnce+200*hostRate; got > limit {
			t.Errorf("the victim was dialled %d times, want up to %d", got, limit)
		}
		if most.Load() > maxDials {
			t.Errorf("%d dials at once, want up to %d", most.Load(), maxDials)
		}
		synctest.Wait()
		done := make(chan int)
		ann.post(func(context.Context) { done <- len(ann.targets) })
		if got := <-done; got > maxTargets {
			t.Errorf("%d targets remembered, want up to %d", got, maxTargets)
		}
	})
}

// A listener without files to open comes back when there are some.
func TestAcceptSurvivesErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := newMemNet(t)
		var failing *failingListener
		ann := n.start(t, newKey(t), 1, func(c *Config) {
			listen := c.Transport.Listen
			c.Transport.Listen = func(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
				ln, err := listen(ctx, at)
				failing = &failingListener{Listener: ln, left: 20}
				return failing, err
			}
		})
		time.Sleep(time.Minute)
		failing.mu.Lock()
		if failing.left != 0 {
			t.Errorf("%d failures left: accept was not tried again", failing.left)
		}
		failing.mu.Unlock()
		bob := n.start(t, newKey(t), 2)
		bob.hint(ann)
		ann.up(bob.id())
	})
}

type failingListener struct {
	net.Listener
	mu   sync.Mutex
	left int
}

func (l *failingListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	if l.left > 0 {
		l.left--
		l.mu.Unlock()
		return nil, fmt.Errorf("accept: %w", syscall.EMFILE)
	}
	l.mu.Unlock()
	return l.Listener.Accept()
}

func TestPortTaken(t *testing.T) {
	n := newMemNet(t)
	ln, err := n.host(lanAddr(1, 0).Addr()).Listen(t.Context(), lanAddr(1, 4000))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	key := newKey(t)
	s, err := New(Config{Endpoint: newEndpoint(t, key), Self: key.ID(), Listen: []netip.AddrPort{lanAddr(1, 4001), lanAddr(1, 4000)}, Transport: n.host(lanAddr(1, 0).Addr())})
	if err != nil {
		t.Fatal(err)
	}
	var taken *PortTakenError
	if err := s.Listen(t.Context()); !errors.As(err, &taken) || taken.Port != 4000 {
		t.Errorf("Listen = %v, want port 4000 taken", err)
	}
	if s.Port() != 0 || len(n.listeners) != 1 {
		t.Error("something is still bound")
	}
	if err := s.ListenAnyPort(t.Context()); err == nil { // port 0 is free once on this network
		s.closeListeners()
	}
}

func TestStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		ann.leave()
		if _, err := ann.Dial(t.Context(), bob.id(), []netip.AddrPort{bob.at}); !errors.Is(err, ErrStopped) {
			t.Errorf("Dial = %v, want ErrStopped", err)
		}
		ann.hint(bob) // waits for nobody
	})
}
