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

	// maxSources bounds the sources that are told apart. Beyond it all are
	// forgotten: whoever has so many addresses is bounded by maxHandshakes.
	maxSources = 4096
)

// gate bounds the handshakes of strangers.
type gate struct {
	slots   chan struct{}
	mu      *sync.Mutex
	sources map[netip.Prefix]*rate.Limiter
}

func newGate() gate {
	return gate{
		slots:   make(chan struct{}, maxHandshakes),
		mu:      new(sync.Mutex),
		sources: make(map[netip.Prefix]*rate.Limiter),
	}
}

// enter reports whether a stranger from addr may begin; then leave must follow.
func (g *gate) enter(addr net.Addr) bool {
	if !g.limiter(source(addr)).Allow() {
		return false
	}
	select {
	case g.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g *gate) leave() { <-g.slots }

func (g *gate) limiter(from netip.Prefix) *rate.Limiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.sources[from]
	if l == nil {
		if len(g.sources) >= maxSources {
			clear(g.sources)
		}
		l = rate.NewLimiter(strangerRate, strangerBurst)
		g.sources[from] = l
	}
	return l
}

// source is what counts as one stranger: a network of the internet, as small
// as one customer gets, but a single address of a private network, so that a
// full LAN does not choke a newcomer.
func source(addr net.Addr) netip.Prefix {
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
