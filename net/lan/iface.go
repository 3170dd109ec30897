package lan

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// iface is a network interface on which peers can be looked for.
type iface struct {
	net.Interface
	prefixes []netip.Prefix // addresses with the length of their network
}

// usable lists the interfaces that are up, can multicast and have an address.
func usable() ([]iface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var ifs []iface
	for _, i := range all {
		const need = net.FlagUp | net.FlagRunning | net.FlagMulticast
		if i.Flags&need != need || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it vanished between the two calls
		}
		if p := prefixes(addrs); len(p) > 0 {
			ifs = append(ifs, iface{Interface: i, prefixes: p})
		}
	}
	return ifs, nil
}

func prefixes(addrs []net.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
		}
	}
	return out
}

// addrs returns the addresses of i.
func (i iface) addrs() []netip.Addr {
	out := make([]netip.Addr, len(i.prefixes))
	for n, p := range i.prefixes {
		out[n] = p.Addr()
	}
	return out
}

// has reports whether i has an address of IPv6, or of IPv4.
func (i iface) has(v6 bool) bool {
	for _, p := range i.prefixes {
		if p.Addr().Is6() == v6 {
			return true
		}
	}
	return false
}

// signature changes when something changes that discovery depends on. The
// index tells an interface from one of the same name that came in its place.
func signature(ifs []iface) string {
	var b strings.Builder
	for _, i := range ifs {
		fmt.Fprintf(&b, "%d %s %v\n", i.Index, i.Name, i.prefixes)
	}
	return b.String()
}
