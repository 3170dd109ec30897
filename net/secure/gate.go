package secure

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

const (
	// strangerRate and strangerBurst bound the handshakes of one source, a
	// second and at once.
	strangerRate, strangerBurst = 20, 64

	// maxFromSource bounds those of one source under way: whoever opens many
	// and says nothing must not keep everybody else out.
	maxFromSource = maxHandshakes / 2

	// maxSources bounds the sources that are told apart. Beyond it all are
	// forgotten: whoever has so many addresses is bounded by maxHandshakes.
	maxSources = 4096
)

// gate bounds the handshakes of strangers.
type gate struct {
	mu      sync.Mutex
	total   int // under way
	sources map[netip.Prefix]*source
}

// source is the strangers of one origin.
type source struct {
	rate  *rate.Limiter
	total int // under way
}

func newGate() *gate { return &gate{sources: make(map[netip.Prefix]*source)} }

// enter reports whether a stranger from addr may begin; then leave must follow.
func (g *gate) enter(addr net.Addr) (*source, bool) {
	origin := originOf(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sources[origin]
	if s == nil {
		if len(g.sources) >= maxSources {
			clear(g.sources)
		}
		s = &source{rate: rate.NewLimiter(strangerRate, strangerBurst)}
		g.sources[origin] = s
	}
	if g.total >= maxHandshakes || s.total >= maxFromSource || !s.rate.Allow() {
		return nil, false
	}
	g.total++
	s.total++
	return s, true
}

func (g *gate) leave(s *source) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	s.total--
}

// originOf is what counts as one stranger: a network of the internet, as small
// as one customer gets, but a single address of a private network, so that a
// full LAN does not choke a newcomer.
func originOf(addr net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Prefix{} // not TCP: all the same source
	}
	a := ap.Addr().Unmap().WithZone("")
	bits := a.BitLen()
	if !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
		bits = 48
		if a.Is4() {
			bits = 24
		}
	}
	return netip.PrefixFrom(a, bits).Masked()
}
