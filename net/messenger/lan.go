package messenger

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"dione/net/lan"
	"dione/net/wire"
)

// runLAN looks for people on the LAN until ctx ends. What goes wrong there is
// said in lan.Status and never ends the engine: the rest works without it.
func (m *Messenger) runLAN(ctx context.Context) error {
	err := lan.Run(ctx, lan.Config{
		Instance:   m.instance,
		Network:    wire.NetworkID(m.cfg.Network),
		Port:       m.swarm.Port(),
		RuntimeDir: m.cfg.RuntimeDir,
		Status: func(st lan.Status) {
			select {
			case m.lanState <- st:
			case <-m.stopped:
			case <-ctx.Done():
			}
		},
		Log: m.log,
	}, m.hints, m.kick)
	if err != nil && ctx.Err() == nil {
		m.lanState <- lan.Status{Off: err.Error()}
		<-ctx.Done()
	}
	return nil
}

// refreshLAN asks for a burst of queries; one request waiting is enough.
func (m *Messenger) refreshLAN() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// netNow is the state of the network as the loop knows it.
func (m *Messenger) netNow() Net {
	n := m.net
	for _, p := range m.people {
		if p.path != PathNone {
			n.Links++
		}
	}
	n.DHT = m.dhtNow()
	now := m.sampleOf(n.DHT)
	n.BytesIn, n.BytesOut = now.links.In, now.links.Out
	n.Hour, n.DHT.Hour, n.Measured = m.meter.last(now)
	return n
}

// sample is the bytes since the start.
func (m *Messenger) sample() sample { return m.sampleOf(m.dhtNow()) }

func (m *Messenger) sampleOf(d DHT) sample {
	s := sample{at: time.Now(), mail: Traffic{In: d.BytesIn, Out: d.BytesOut}}
	s.links.In, s.links.Out = m.swarm.Bytes()
	return s
}

// listenAddrs turns the multiaddrs of the configuration into what swarm
// listens on; without any, all addresses on the port that is kept.
func listenAddrs(addrs []multiaddr.Multiaddr, port uint16) ([]netip.AddrPort, error) {
	if len(addrs) == 0 {
		return []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), port)}, nil
	}
	var out []netip.AddrPort
	for _, a := range addrs {
		tcp, err := manet.ToNetAddr(a)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", a, err)
		}
		ap, err := netip.ParseAddrPort(tcp.String())
		if err != nil || tcp.Network() != "tcp" {
			return nil, fmt.Errorf("listen on %s: not an /ip4/…/tcp/… or /ip6/…/tcp/… address", a)
		}
		out = append(out, ap)
	}
	return out, nil
}
