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

// TestNetworkLeft: servers of a network that we have left do not count where
// mail is to be put, until one of them answers again.
func TestNetworkLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		home := func(r *resident, _ *NodeConfig) { r.addr = netip.MustParseAddrPort("192.168.1.7:4001") }
		world, inside := v.settle(1), v.settle(2, home)
		laptop := v.settle(3, alsoAt("192.168.1.8:4001"))
		laptop.Hear([]*Contact{world.contact(), inside.contact()})
		time.Sleep(time.Minute)
		if laptop.Servers(Wide) != 1 || laptop.Servers(Near) != 1 {
			t.Fatalf("%+v", laptop.Stats())
		}
		v.leaves(inside)
		for range 3 {
			b, _ := somePackage(1, somePlace(1))
			_, _ = laptop.Put(t.Context(), Near, somePlace(1), b)
			time.Sleep(time.Hour)
			if n := laptop.Servers(Near); n != 0 {
				t.Errorf("%d servers of the network that was left", n)
			}
		}
		if st := laptop.Stats(); st.Servers != [Scopes]int{1, 1} || laptop.Servers(Wide) != 1 {
			t.Errorf("%+v", st)
		}
		v.settle(2, home)
		time.Sleep(2*doubtPause + time.Second)
		if laptop.Servers(Near) != 1 {
			t.Error("back at home it is not found again")
		}
	})
}
