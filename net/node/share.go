package node

import (
	"net/netip"

	"github.com/multiformats/go-multiaddr"

	"dione/crypto/identity"
	"dione/net/address"
	"dione/net/dht"
	"dione/net/wire"
)

// maxOwn is how many of the addresses told are our own.
const maxOwn = 3

// Share returns what somebody who is reached at an address is told of: our own
// node, at those of its addresses, and servers that it knows. Addresses of
// inner networks are for those who are reached at one.
func (n *Node) Share(with netip.Addr, own []netip.AddrPort) [][]byte {
	if n.Endpoint() == nil {
		return nil
	}
	inside := dht.ScopeOf(with) == dht.Near
	var told [][]byte
	tell := func(a netip.AddrPort, id identity.ID) {
		if scope := dht.ScopeOf(a.Addr()); scope == dht.Nowhere || scope == dht.Near && !inside || a.Addr().IsLoopback() && !with.IsLoopback() {
			return
		}
		m, err := multiaddr.NewMultiaddr(address.Format(a, id))
		if err == nil && len(told) < wire.MaxNodes {
			told = append(told, m.Bytes())
		}
	}
	if n.cfg.Mode != Client {
		for _, a := range own[:min(len(own), maxOwn)] {
			tell(a, n.id)
		}
	}
	known := n.dht.Contacts(dht.Wide)
	if inside {
		near := n.dht.Contacts(dht.Near)
		known = append(near[:min(len(near), wire.MaxNodes/2)], known...)
	}
	for _, c := range known {
		tell(c.Addrs[0], c.ID)
	}
	return told
}

// Told takes what somebody else has told of nodes.
func (n *Node) Told(nodes [][]byte) {
	if n.Endpoint() == nil {
		return // it is told again
	}
	addrs := make(map[identity.ID][]netip.AddrPort)
	for _, b := range nodes {
		m, err := multiaddr.NewMultiaddrBytes(b)
		if err != nil {
			continue // a kind of address that this version does not know
		}
		where, id, err := address.Parse(m.String())
		if err != nil || id == n.id || len(addrs[id]) == dht.MaxAddrs {
			continue
		}
		a, err := multiaddr.NewMultiaddr(where)
		if err != nil {
			continue
		}
		if e, err := address.Split(a); err == nil && e.IP.IsValid() {
			addrs[id] = append(addrs[id], netip.AddrPortFrom(e.IP, e.Port))
		}
	}
	var contacts []*dht.Contact
	for id, at := range addrs {
		contacts = append(contacts, dht.NewContact(id, at...))
	}
	n.dht.Hear(contacts)
}
