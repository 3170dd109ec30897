package dht

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// alsoAt has a node be in a LAN as well.
func alsoAt(addr string) func(*resident, *NodeConfig) {
	return func(r *resident, _ *NodeConfig) { r.near = netip.MustParseAddrPort(addr) }
}

func (r *resident) everywhere() *Contact { return NewContact(r.id, r.addr, r.near) }

// TestInnerAddressesStayInside has nodes know each other in both scopes: what
// is asked in one never goes over a connection of the other, so the world is
// told of no inner address, and nobody is a server of the world because a
// neighbour reaches it.
func TestInnerAddressesStayInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		var all []*resident
		for i := range 4 {
			r := v.settle(i, alsoAt(fmt.Sprintf("192.168.1.%d:4001", 10+i)))
			all = append(all, r)
		}
		shy := v.settle(9, behindNAT, alsoAt("192.168.1.99:4001"))
		for _, r := range append(all[1:], shy) {
			r.Hear([]*Contact{all[0].everywhere()})
		}
		for range 60 {
			time.Sleep(time.Minute)
			for _, r := range all {
				for s := range Scopes {
					for _, c := range r.Contacts(s) {
						for _, a := range c.Addrs {
							if ScopeOf(a.Addr()) != s {
								t.Fatalf("%s is in the %v table of %s at %s", c.Key, s, r.router.Self(), a)
							}
						}
					}
				}
			}
		}
		if st := shy.Stats(); st.Serves[Wide] || !st.Serves[Near] {
			t.Errorf("behind NAT, but in the LAN: %+v", st)
		}
		for _, r := range all {
			if st := r.Stats(); st.Servers[Wide] != 3 || st.Servers[Near] != 4 {
				t.Errorf("%s knows %+v", r.router.Self(), st)
			}
		}
	})
}
