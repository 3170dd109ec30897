package dht

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"dione/crypto/identity"
)

const (
	// MaxContacts is the most contacts that one answer names.
	MaxContacts = 12

	// MaxAddrs is the most addresses of one contact.
	MaxAddrs = 3
)

// Contact is a node that others can be told of: a server. It is not changed
// once it is made, so tables and lookups share it.
type Contact struct {
	ID    identity.ID // public key of the node
	Key   Key         // where it is: KeyOf(ID)
	Addrs []netip.AddrPort
}

// NewContact returns the contact of the node with this identity.
func NewContact(id identity.ID, addrs ...netip.AddrPort) *Contact {
	return &Contact{ID: id, Key: KeyOf(id), Addrs: addrs}
}

// in returns the contact with only those addresses that lie in a scope, or nil
// if there are none.
func (c *Contact) in(s Scope) *Contact {
	outside := func(a netip.AddrPort) bool { return ScopeOf(a.Addr()) != s }
	if !slices.ContainsFunc(c.Addrs, outside) {
		if len(c.Addrs) == 0 {
			return nil
		}
		return c
	}
	inside := slices.DeleteFunc(slices.Clone(c.Addrs), outside)
	if len(inside) == 0 {
		return nil
	}
	return &Contact{ID: c.ID, Key: c.Key, Addrs: inside}
}

// at reports whether c is known to be at an address.
func (c *Contact) at(a netip.AddrPort) bool { return slices.Contains(c.Addrs, a) }

// Scope is one of the two networks that a node lives in. Each has its own
// table, its own servers and its own holders.
type Scope uint8

// The scopes.
const (
	Wide    Scope    = iota // public addresses
	Near                    // loopback, private, link-local, unique local, carrier's
	Scopes                  // how many there are
	Nowhere = Scopes        // an address that nobody can be dialled at
)

// String returns the scope in words.
func (s Scope) String() string {
	switch s {
	case Wide:
		return "wide"
	case Near:
		return "near"
	}
	return fmt.Sprintf("scope %d", uint8(s))
}

var (
	shared    = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	siteLocal = netip.MustParsePrefix("fec0::/10")     // RFC 3879
	// unroutable is what no host of the internet has as its own.
	unroutable = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("64:ff9b::/96"), // IPv4 by another name
		netip.MustParsePrefix("2002::/16"),    // the same
		netip.MustParsePrefix("2001::/32"),    // the same
		netip.MustParsePrefix("100::/64"),
	}
)

// ScopeOf returns in which scope a node at this address is reached.
func ScopeOf(a netip.Addr) Scope {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.IsUnspecified() || a.IsMulticast():
		return Nowhere
	case a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a) || siteLocal.Contains(a):
		return Near
	case slices.ContainsFunc(unroutable, func(p netip.Prefix) bool { return p.Contains(a) }):
		return Nowhere
	}
	return Wide
}

// Origin is what counts as one stranger: the network that one customer gets,
// a /24 or a /48; among near ones a single address.
func Origin(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if ScopeOf(a) != Near {
		bits = 48
		if a.Is4() {
			bits = 24
		}
	}
	p, _ := a.Prefix(bits) // fails only for no address at all
	return p
}

// origins is the origins of a public contact as numbers, which are compared
// often; 0 stands for none.
type origins [MaxAddrs]uint64

func originsOf(c *Contact) (o origins) {
	for i, a := range c.Addrs[:min(len(c.Addrs), MaxAddrs)] {
		if b := a.Addr().As16(); a.Addr().Unmap().Is4() {
			o[i] = 1<<63 | uint64(binary.BigEndian.Uint32(b[12:])>>8)
		} else {
			o[i] = 1<<62 | binary.BigEndian.Uint64(b[:8])>>16
		}
	}
	return o
}

// meet reports whether two contacts have one in common.
func (o *origins) meet(other *origins) bool {
	for _, a := range o {
		if a == 0 {
			break
		}
		for _, b := range other {
			if a == b {
				return true
			}
		}
	}
	return false
}

// region is the larger network around an origin: a /16 or a /32.
func region(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is4() {
		bits = 16
	}
	p, _ := a.Prefix(bits) // fails only for no address at all
	return p
}

// networks is those that the addresses of a contact are in, as numbers: they
// are compared with all of a table.
type networks struct {
	n  int
	in [MaxAddrs]struct{ addr, mask [2]uint64 }
}

// networksOf returns the networks of c, such as each is for an address.
func networksOf(c *Contact, of func(netip.Addr) netip.Prefix) (ns networks) {
	for _, a := range c.Addrs[:min(len(c.Addrs), MaxAddrs)] {
		p := of(a.Addr())
		bits := p.Bits()
		if p.Addr().Is4() {
			bits += 96
		}
		ns.in[ns.n].addr = halvesOf(p.Addr())
		ns.in[ns.n].mask = [2]uint64{^uint64(0) << max(64-bits, 0), ^uint64(0) << min(128-bits, 64)}
		ns.n++
	}
	return ns
}

// meet reports whether an address of c is in one of them.
func (ns *networks) meet(c *Contact) bool {
	for _, a := range c.Addrs {
		if ns.hold(halvesOf(a.Addr())) {
			return true
		}
	}
	return false
}

// hold reports whether an address is in one of them.
func (ns *networks) hold(h [2]uint64) bool {
	for i := range ns.in[:ns.n] {
		if n := &ns.in[i]; (h[0]^n.addr[0])&n.mask[0]|(h[1]^n.addr[1])&n.mask[1] == 0 {
			return true
		}
	}
	return false
}

// halvesOf returns the bits of an address, those of IPv4 where no IPv6 is.
func halvesOf(a netip.Addr) [2]uint64 {
	b := a.As16()
	h := [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	if a.Is4() || a.Is4In6() {
		h[0] = ^uint64(0)
	}
	return h
}
