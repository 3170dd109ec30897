package lan

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxInterfaces bounds the interfaces that are used: a host of many containers
// has one for each.
const maxInterfaces = 16

// iface is a network interface on which peers can be looked for.
type iface struct {
	net.Interface
	prefixes []netip.Prefix // addresses with the length of their network
	mute     bool           // has IPv4 alone, and no way for IPv4 multicast
}

// usable lists the interfaces that are up, can multicast and have an address,
// or says why there is none.
func usable() ([]iface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("the network interfaces cannot be listed: %w", err)
	}
	reason := errors.New("no network interface is up")
	var ifs []iface
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagUp == 0 || i.Flags&net.FlagRunning == 0 || bridged(i.Name) {
			continue
		}
		if i.Flags&net.FlagMulticast == 0 {
			reason = fmt.Errorf("%s, the only network that is up, has no multicast", i.Name)
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it vanished between the two calls
		}
		if p := prefixes(addrs); len(p) > 0 {
			next := iface{Interface: i, prefixes: p}
			next.mute = !next.has(true) && !routed4()
			ifs = append(ifs, next)
		} else {
			reason = fmt.Errorf("%s has no address yet", i.Name)
		}
	}
	if len(ifs) == 0 {
		return nil, reason
	}
	slices.SortStableFunc(ifs, func(a, b iface) int { return cmp.Compare(a.rank(), b.rank()) })
	return ifs[:min(len(ifs), maxInterfaces)], nil
}

// bridged reports whether an interface of Linux is a port of a bridge: what
// comes in there is the bridge's, which is an interface of its own.
func bridged(name string) bool {
	_, err := os.Stat(filepath.Join("/sys/class/net", name, "brport"))
	return err == nil
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

// rank orders interfaces by how likely people are there: last those that only
// the system uses, which have nothing but a link-local address.
func (i iface) rank() int {
	if slices.ContainsFunc(i.prefixes, func(p netip.Prefix) bool { return !p.Addr().IsLinkLocalUnicast() }) {
		return 0
	}
	return 1
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
	return slices.ContainsFunc(i.prefixes, func(p netip.Prefix) bool { return p.Addr().Is6() == v6 })
}

// signature changes when something changes that discovery depends on. The
// index tells an interface from one of the same name that came in its place.
func signature(ifs []iface, err error) string {
	var b strings.Builder
	for _, i := range ifs {
		fmt.Fprintf(&b, "%d %s %v %v\n", i.Index, i.Name, i.prefixes, i.mute)
	}
	if err != nil {
		b.WriteString(err.Error())
	}
	return b.String()
}
