package lan

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
)

const (
	service = "_dione._tcp"
	domain  = "local."

	// maxText bounds one TXT string: a longer one keeps the library from
	// sending anything at all.
	maxText = 255

	// minPort keeps forged adverts from aiming dials at system services.
	minPort = 1024
)

// encodeText makes the TXT strings of an advert.
func encodeText(network [32]byte, addrs []netip.Addr) []string {
	list := "a="
	for _, a := range addrs {
		if a.IsLinkLocalUnicast() {
			continue // has no meaning without the zone, which the reader adds
		}
		next := a.WithZone("").String()
		if len(list)+1+len(next) > maxText {
			break
		}
		if list != "a=" {
			list += ","
		}
		list += next
	}
	return []string{"v=1", "n=" + hex.EncodeToString(network[:8]), list}
}

// decodeText reads TXT strings, for a peer of network. Unknown keys are left
// alone, of one that comes twice the first counts.
func decodeText(fields []string, network [32]byte) (addrs []netip.Addr, ok bool) {
	seen := make(map[string]string)
	for _, f := range fields[:min(len(fields), 16)] {
		k, v, _ := strings.Cut(f, "=")
		if _, twice := seen[k]; !twice {
			seen[k] = v
		}
	}
	if seen["v"] != "1" || seen["n"] != hex.EncodeToString(network[:8]) {
		return nil, false
	}
	for s := range strings.SplitSeq(seen["a"], ",") {
		if a, err := netip.ParseAddr(s); err == nil && len(addrs) < maxCandidates {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs, true
}

// candidates chooses which of the addresses that an advert names may be
// dialled: those on a link of ours, since nobody else's host is the LAN's
// business. Link-local ones get the zone of the interface that heard them.
func candidates(addrs []netip.Addr, port int, heard string, ifs []iface) []netip.AddrPort {
	if port < minPort || port > 65535 {
		return nil
	}
	var out []netip.AddrPort
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		if a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() {
			continue
		}
		if a.Is6() && a.IsLinkLocalUnicast() {
			if heard == "" {
				continue
			}
			a = a.WithZone(heard)
		} else if !onLink(a, ifs) {
			continue
		}
		if ap := netip.AddrPortFrom(a, uint16(port)); !slices.Contains(out, ap) {
			out = append(out, ap)
		}
	}
	slices.SortStableFunc(out, func(a, b netip.AddrPort) int { return cmp.Compare(rank(a.Addr()), rank(b.Addr())) })
	return out[:min(len(out), maxCandidates)]
}

// rank orders addresses by how likely they lead there at once.
func rank(a netip.Addr) int {
	switch {
	case a.Is4():
		return 0
	case !a.IsLinkLocalUnicast():
		return 1
	}
	return 2
}

func onLink(a netip.Addr, ifs []iface) bool {
	return slices.ContainsFunc(ifs, func(i iface) bool {
		return slices.ContainsFunc(i.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
	})
}
