package swarm

import (
	"net/netip"

	"dione/net/address"
)

// Addrs returns the multiaddrs at which this process listens, each with its
// /p2p part.
func (s *Swarm) Addrs() []string {
	reached := s.Reached()
	out := make([]string, len(reached))
	for i, a := range reached {
		out[i] = address.Format(a, s.cfg.Self)
	}
	return out
}

// Reached returns the addresses at which this process listens: see
// [address.Reached].
func (s *Swarm) Reached() []netip.AddrPort { return address.Reached(s.bound) }
