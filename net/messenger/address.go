package messenger

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/multiformats/go-multiaddr"

	"dione/crypto/identity"
	"dione/net/wire"
)

// This file holds the addresses of people: multiaddrs of a host, or its name,
// and a TCP port.

// AddressError says why an address cannot be used.
type AddressError struct{ Text, Next string }

func (e *AddressError) Error() string { return e.Text }

// Hint tells the next step.
func (e *AddressError) Hint() string { return e.Next }

const addressForm = "an address looks like /ip4/203.0.113.7/tcp/4001/p2p/12D3Koo… or /dns4/example.org/tcp/4001/p2p/12D3Koo…; dione id prints yours"

// parseAddress reads a multiaddr with the peer ID at its end.
func parseAddress(s string) (addr string, id identity.ID, err error) {
	bad := func(why string) error {
		return &AddressError{Text: fmt.Sprintf("%q cannot be dialled: %s", s, why), Next: addressForm}
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
	if _, err := splitAddress(rest); err != nil {
		return "", id, bad(err.Error())
	}
	return rest.String(), id, nil
}

// endpoint is where to dial: an address or a host name, and a port.
type endpoint struct {
	ip      netip.Addr
	name    string // if ip is not valid
	network string // of name: "ip", "ip4", "ip6"
	port    uint16
}

// splitAddress takes a multiaddr without peer ID apart.
func splitAddress(a multiaddr.Multiaddr) (endpoint, error) {
	if len(a) != 2 || a[1].Protocol().Code != multiaddr.P_TCP {
		return endpoint{}, errors.New("only /ip4, /ip6, /dns, /dns4 or /dns6 with /tcp are spoken")
	}
	port, err := strconv.ParseUint(a[1].Value(), 10, 16)
	if err != nil || port == 0 {
		return endpoint{}, fmt.Errorf("port %s is none", a[1].Value())
	}
	e := endpoint{name: a[0].Value(), port: uint16(port)}
	switch a[0].Protocol().Code {
	case multiaddr.P_IP4, multiaddr.P_IP6:
		ip, err := netip.ParseAddr(e.name)
		if err != nil || ip.IsUnspecified() || ip.IsMulticast() {
			return endpoint{}, fmt.Errorf("%s is the address of no host", e.name)
		}
		e.ip = ip.Unmap()
	case multiaddr.P_DNS:
		e.network = "ip"
	case multiaddr.P_DNS4:
		e.network = "ip4"
	case multiaddr.P_DNS6:
		e.network = "ip6"
	default:
		return endpoint{}, errors.New("only /ip4, /ip6, /dns, /dns4 or /dns6 with /tcp are spoken")
	}
	return e, nil
}

// lookUp turns kept addresses into what can be dialled, names into the
// addresses that they have now. The error is that of the last name.
func lookUp(ctx context.Context, addrs []string) (found []netip.AddrPort, err error) {
	for _, s := range addrs {
		a, bad := multiaddr.NewMultiaddr(s)
		if bad != nil {
			err = bad
			continue
		}
		e, bad := splitAddress(a)
		if bad != nil {
			err = bad
			continue
		}
		ips := []netip.Addr{e.ip}
		if !e.ip.IsValid() {
			if ips, bad = net.DefaultResolver.LookupNetIP(ctx, e.network, e.name); bad != nil {
				err = bad
				continue
			}
		}
		for _, ip := range ips {
			if to := netip.AddrPortFrom(ip.Unmap(), e.port); !slices.Contains(found, to) {
				found = append(found, to)
			}
		}
	}
	return found, err
}

// mergeAddrs puts fresh addresses before known ones, as many as are kept.
func mergeAddrs(known, fresh []string) []string {
	all := slices.Clone(fresh)
	for _, a := range known {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all[:min(len(all), wire.MaxAddrs)]
}

// packAddrs makes our own addresses, which end in /p2p, ready for a sync.
func packAddrs(addrs []string) [][]byte {
	var packed [][]byte
	for _, s := range addrs {
		s, _, _ = strings.Cut(s, "/p2p/")
		a, err := multiaddr.NewMultiaddr(s)
		if err != nil || len(a.Bytes()) > wire.MaxAddr || len(packed) == wire.MaxAddrs {
			continue
		}
		packed = append(packed, a.Bytes())
	}
	return packed
}

// unpackAddrs reads the addresses that a peer tells of itself, as far as they
// can be dialled. Loopback is where the peer is, not where we are.
func unpackAddrs(packed [][]byte) []string {
	var addrs []string
	for _, b := range packed {
		a, err := multiaddr.NewMultiaddrBytes(b)
		if err != nil {
			continue
		}
		e, err := splitAddress(a)
		if err != nil || !e.ip.IsValid() || e.ip.IsLoopback() {
			continue
		}
		addrs = append(addrs, a.String())
	}
	return addrs
}
