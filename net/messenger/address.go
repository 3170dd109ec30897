package messenger

import (
	"slices"
	"strings"

	"github.com/multiformats/go-multiaddr"

	"dione/net/address"
	"dione/net/wire"
)

// This file holds the addresses of people, as they are kept and told.

// AddressError says why an address cannot be used.
type AddressError = address.Error

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
		e, err := address.Split(a)
		if err != nil || !e.IP.IsValid() || e.IP.IsLoopback() {
			continue
		}
		addrs = append(addrs, a.String())
	}
	return addrs
}
