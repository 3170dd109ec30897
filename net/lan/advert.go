package lan

import (
	"cmp"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
)

// This file holds what an advert says, and what is believed of it.

const (
	service = "_dione._tcp"
	domain  = "local."

	// maxText bounds one TXT string: a longer one keeps the library from
	// sending anything at all.
	maxText = 255

	// maxFields bounds the TXT strings that are looked at.
	maxFields = 16

	// minPort keeps forged adverts from aiming dials at system services.
	minPort = 1024

	// maxPeers bounds the peers taken from one round of queries: a LAN has
	// fewer, a forger sends more.
	maxPeers = 256

	// maxCandidates bounds the addresses tried for one peer.
	maxCandidates = 8
)

// encodeText makes the TXT strings of an advert; addrs come best first.
func encodeText(network [32]byte, addrs []netip.Addr) []string {
	list := "a="
	for _, a := range addrs {
		next := a.WithZone("").String() // the reader knows the zone, it is its own
		if len(list)+1+len(next) > maxText {
			break
		}
		if list != "a=" {
			list += ","
		}
		list += next
	}
	return []string{"v=1", "n=" + networkName(network), list}
}

// networkName is how an advert names its network.
func networkName(network [32]byte) string { return hex.EncodeToString(network[:8]) }

// decodeText reads the TXT strings of a peer of network. Unknown keys are left
// alone, of one that comes twice the first counts.
func decodeText(fields []string, network [32]byte) (addrs []netip.Addr, ok bool) {
	seen := make(map[string]string)
	for _, f := range fields[:min(len(fields), maxFields)] {
		k, v, _ := strings.Cut(f, "=")
		if _, twice := seen[k]; !twice {
			seen[k] = v
		}
	}
	if seen["v"] != "1" || seen["n"] != networkName(network) {
		return nil, false
	}
	for s := range strings.SplitSeq(seen["a"], ",") {
		if a, err := netip.ParseAddr(s); err == nil {
			addrs = append(addrs, a.Unmap().WithZone(""))
		}
	}
	return addrs, true
}

// candidates chooses which of the addresses that an advert names may be
// dialled: those on a link of ours, since hosts elsewhere are not the LAN's
// business. The advert was heard on interface heard, by IPv6 or IPv4.
func candidates(addrs []netip.Addr, port int, heard string, v6 bool, ifs []iface) []netip.AddrPort {
	if port < minPort || port > 65535 {
		return nil
	}
	var out []netip.AddrPort
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		switch {
		case a.IsLoopback() || a.IsMulticast() || a.IsUnspecified():
			continue
		case a.Is6() && a.IsLinkLocalUnicast():
			a = a.WithZone(heard)
		case !onLink(a, ifs):
			continue
		}
		if ap := netip.AddrPortFrom(a, uint16(port)); !slices.Contains(out, ap) {
			out = append(out, ap)
		}
	}
	slices.SortStableFunc(out, func(a, b netip.AddrPort) int {
		return cmp.Compare(rank(a.Addr(), v6), rank(b.Addr(), v6))
	})
	return out[:min(len(out), maxCandidates)]
}

// rank orders addresses by how likely they lead there at once. That a question
// and its answer have gone by a family says much for it.
func rank(a netip.Addr, v6 bool) int {
	r := 0
	if a.Is6() != v6 {
		r += 2
	}
	if a.IsLinkLocalUnicast() {
		r++
	}
	return r
}

func onLink(a netip.Addr, ifs []iface) bool {
	return slices.ContainsFunc(ifs, func(i iface) bool {
		return slices.ContainsFunc(i.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
	})
}

// merge makes one hint of all that was heard about an instance. If there are
// too many, chance decides who is left out, so that a forger who sends
// thousands cannot keep anybody hidden for long.
func merge(answers []answer) []Peer {
	index := make(map[[8]byte]int)
	var out []Peer
	for _, a := range answers {
		i, ok := index[a.Instance]
		if !ok {
			i = len(out)
			index[a.Instance] = i
			out = append(out, Peer{Instance: a.Instance})
		}
		for _, addr := range a.Addrs {
			if len(out[i].Addrs) < maxCandidates && !slices.Contains(out[i].Addrs, addr) {
				out[i].Addrs = append(out[i].Addrs, addr)
			}
		}
	}
	if len(out) > maxPeers {
		rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		out = out[:maxPeers]
	}
	return out
}
