package dht

import (
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
