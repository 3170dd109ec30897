package secure

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func addr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

func TestGateTotal(t *testing.T) {
	g := newGate()
	var in []*source
	for i := range 2 * maxHandshakes {
		if s, ok := g.enter(addr(fmt.Sprintf("10.0.0.%d:4000", i))); ok {
			in = append(in, s)
		}
	}
	if len(in) != maxHandshakes {
		t.Fatalf("%d handshakes at a time, want %d", len(in), maxHandshakes)
	}
	g.leave(in[0])
	if _, ok := g.enter(addr("10.0.1.1:4000")); !ok {
		t.Error("a free place is not given")
	}
}

func TestGateOfOneSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		from := addr("198.51.100.7:4000")
		var in []*source
		for range maxHandshakes {
			if s, ok := g.enter(from); ok {
				in = append(in, s)
			}
		}
		if len(in) != maxFromSource {
			t.Errorf("one source has %d handshakes at a time, want %d", len(in), maxFromSource)
		}
		if _, ok := g.enter(addr("198.51.101.7:4000")); !ok {
			t.Error("one source keeps another out")
		}
		for _, s := range in {
			g.leave(s)
		}

		time.Sleep(time.Minute)
		count := func() (n int) {
			for range 3 * strangerBurst {
				if s, ok := g.enter(from); ok {
					g.leave(s)
					n++
				}
			}
			return n
		}
		if got := count(); got != strangerBurst {
			t.Errorf("%d handshakes at once, want %d", got, strangerBurst)
		}
		time.Sleep(time.Second)
		if got := count(); got != strangerRate {
			t.Errorf("%d handshakes a second later, want %d", got, strangerRate)
		}
	})
}

func TestGateForgets(t *testing.T) {
	g := newGate()
	for i := range maxSources + 10 {
		s, ok := g.enter(addr(fmt.Sprintf("10.%d.%d.1:4000", i>>8, i&255)))
		if !ok {
			t.Fatalf("source %d is refused", i)
		}
		if i < maxHandshakes/2 {
			defer g.leave(s) // when it is long forgotten
		} else {
			g.leave(s)
		}
	}
	if len(g.sources) > maxSources {
		t.Errorf("%d sources are kept, at most %d may be", len(g.sources), maxSources)
	}
}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct{ addr, want string }{
		{"203.0.113.9:1", "203.0.113.0/24"},
		{"[::ffff:203.0.113.9]:1", "203.0.113.0/24"},
		{"[2001:db8:1:2::3]:1", "2001:db8:1::/48"},
		{"192.168.1.9:1", "192.168.1.9/32"},
		{"127.0.0.1:1", "127.0.0.1/32"},
		{"169.254.3.4:1", "169.254.3.4/32"},
		{"[fe80::1%eth0]:1", "fe80::1/128"},
		{"[fd00::1]:1", "fd00::1/128"},
	} {
		if got := originOf(addr(tt.addr)); got.String() != tt.want {
			t.Errorf("originOf(%s) = %s, want %s", tt.addr, got, tt.want)
		}
	}
	a, _ := net.Pipe()
	if got := originOf(a.RemoteAddr()); got.IsValid() {
		t.Errorf("originOf(pipe) = %s, want none", got)
	}
}
