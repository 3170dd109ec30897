package address

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"dione/crypto/identity"
)

// Reached returns where a process that is bound to some addresses is reached:
// for one that stands for all, those of the interfaces that are up now,
// link-local ones left out; loopback only if there is nothing else.
func Reached(bound []netip.AddrPort) []netip.AddrPort {
	var found []netip.AddrPort
	for _, a := range bound {
		if !a.Addr().IsUnspecified() {
			found = append(found, a)
			continue
		}
		for _, ip := range ofHost() {
			if a.Addr().Is4() && !ip.Is4() {
				continue
			}
			found = append(found, netip.AddrPortFrom(ip, a.Port()))
		}
	}
	slices.SortStableFunc(found, func(a, b netip.AddrPort) int {
		return cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen())
	})
	return slices.Compact(found)
}

// Format returns the multiaddr of an identity at an address.
func Format(a netip.AddrPort, id identity.ID) string {
	family := "ip6"
	if a.Addr().Is4() {
		family = "ip4"
	}
	return fmt.Sprintf("/%s/%s/tcp/%d/p2p/%s", family, a.Addr().WithZone(""), a.Port(), id)
}

// ofHost returns the addresses of the interfaces that are up.
func ofHost() []netip.Addr {
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
