package swarm

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Addrs returns the multiaddrs at which this process listens, each with its
// /p2p part: where it listens on all addresses, those of the interfaces that
// are up now, link-local ones left out; loopback only if there is nothing else.
func (s *Swarm) Addrs() []string {
	var found []netip.AddrPort
	for _, a := range s.bound {
		if !a.Addr().IsUnspecified() {
			found = append(found, a)
			continue
		}
		for _, ip := range hostAddrs() {
			if a.Addr().Is4() && !ip.Is4() {
				continue
			}
			found = append(found, netip.AddrPortFrom(ip, a.Port()))
		}
	}
	slices.SortStableFunc(found, func(a, b netip.AddrPort) int {
		return cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen())
	})
	out := make([]string, 0, len(found))
	for _, a := range slices.Compact(found) {
		family := "ip6"
		if a.Addr().Is4() {
			family = "ip4"
		}
		out = append(out, fmt.Sprintf("/%s/%s/tcp/%d/p2p/%s", family, a.Addr().WithZone(""), a.Port(), s.cfg.Self))
	}
	return out
}

// hostAddrs returns the addresses of the interfaces that are up, as
// [Swarm.Addrs] wants them.
func hostAddrs() []netip.Addr {
	var all, loopback []netip.Addr
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil // not to be had on this system: nothing to tell others
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		for _, a := range addrs {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			switch ip := prefix.Addr().Unmap(); {
			case ip.IsLoopback():
				loopback = append(loopback, ip)
			case !ip.IsLinkLocalUnicast():
				all = append(all, ip)
			}
		}
	}
	if len(all) == 0 {
		return loopback
	}
	return all
}
