// Package address reads where somebody can be dialled: multiaddrs of a host,
// or its name, and a TCP port.
package address

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/multiformats/go-multiaddr"

	"dione/crypto/identity"
)

// Error says why an address cannot be used.
type Error struct{ Text, Next string }

func (e *Error) Error() string { return e.Text }

// Hint tells the next step.
func (e *Error) Hint() string { return e.Next }

// Form tells what an address looks like.
const Form = "an address looks like /ip4/203.0.113.7/tcp/4001/p2p/12D3Koo… or /dns4/example.org/tcp/4001/p2p/12D3Koo…; dione id prints yours"

// Parse reads a multiaddr with the peer ID at its end.
func Parse(s string) (addr string, id identity.ID, err error) {
	bad := func(why string) error {
		return &Error{Text: fmt.Sprintf("%q cannot be dialled: %s", s, why), Next: Form}
	}
	a, err := multiaddr.NewMultiaddr(s)
	if err != nil {
		return "", id, bad("it is no multiaddr")
	}
	rest, last := multiaddr.SplitLast(a)
	if last == nil || last.Protocol().Code != multiaddr.P_P2P || rest == nil {
		return "", id, bad("the peer ID is missing at its end, /p2p/12D3Koo…")
	}
	if id, err = identity.Parse(last.Value()); err != nil {
		return "", id, bad(err.Error())
	}
	if _, err := Split(rest); err != nil {
		return "", id, bad(err.Error())
	}
	return rest.String(), id, nil
}

// Endpoint is where to dial: an address or a host name, and a port.
type Endpoint struct {
	IP      netip.Addr
	name    string // if IP is not valid
	network string // of name: "ip", "ip4", "ip6"
	Port    uint16
}

// Split takes a multiaddr without peer ID apart.
func Split(a multiaddr.Multiaddr) (Endpoint, error) {
	if len(a) != 2 || a[1].Protocol().Code != multiaddr.P_TCP {
		return Endpoint{}, errors.New("only /ip4, /ip6, /dns, /dns4 or /dns6 with /tcp are spoken")
	}
	port, err := strconv.ParseUint(a[1].Value(), 10, 16)
	if err != nil || port == 0 {
		return Endpoint{}, fmt.Errorf("port %s is none", a[1].Value())
	}
	e := Endpoint{name: a[0].Value(), Port: uint16(port)}
	switch a[0].Protocol().Code {
	case multiaddr.P_IP4, multiaddr.P_IP6:
		ip, err := netip.ParseAddr(e.name)
		if err != nil || ip.IsUnspecified() || ip.IsMulticast() {
			return Endpoint{}, fmt.Errorf("%s is the address of no host", e.name)
		}
		e.IP = ip.Unmap()
	case multiaddr.P_DNS:
		e.network = "ip"
	case multiaddr.P_DNS4:
		e.network = "ip4"
	case multiaddr.P_DNS6:
		e.network = "ip6"
	default:
		return Endpoint{}, errors.New("only /ip4, /ip6, /dns, /dns4 or /dns6 with /tcp are spoken")
	}
	return e, nil
}

// LookUp turns kept addresses into what can be dialled, names into the
// addresses that they have now. The error is that of the last name.
func LookUp(ctx context.Context, addrs []string) (found []netip.AddrPort, err error) {
	for _, s := range addrs {
		a, bad := multiaddr.NewMultiaddr(s)
		if bad != nil {
			err = bad
			continue
		}
		e, bad := Split(a)
		if bad != nil {
			err = bad
			continue
		}
		ips := []netip.Addr{e.IP}
		if !e.IP.IsValid() {
			if ips, bad = net.DefaultResolver.LookupNetIP(ctx, e.network, e.name); bad != nil {
				err = bad
				continue
			}
		}
		for _, ip := range ips {
			if to := netip.AddrPortFrom(ip.Unmap(), e.Port); !slices.Contains(found, to) {
				found = append(found, to)
			}
		}
	}
	return found, err
}
