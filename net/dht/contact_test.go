package dht

import (
	"net/netip"
	"testing"

	"dione/crypto/identity"
)

func TestScopeOf(t *testing.T) {
	for _, tt := range []struct {
		addr string
		want Scope
	}{
		{"8.8.8.8", Wide},
		{"2a01:4f8::1", Wide},
		{"::ffff:8.8.8.8", Wide},
		{"100.63.255.255", Wide},
		{"100.128.0.0", Wide},
		{"172.32.0.1", Wide},
		{"127.0.0.1", Near},
		{"::1", Near},
		{"10.1.2.3", Near},
		{"172.16.0.1", Near},
		{"192.168.9.9", Near},
		{"::ffff:192.168.9.9", Near},
		{"169.254.1.1", Near},
		{"fe80::1%eth0", Near},
		{"fd00::1", Near},
		{"fec0::1", Near},
		{"100.64.0.0", Near},
		{"100.127.255.255", Near},
		{"0.0.0.0", Nowhere},
		{"0.1.2.3", Nowhere},
		{"::", Nowhere},
		{"224.0.0.1", Nowhere},
		{"239.1.1.1", Nowhere},
		{"ff02::1", Nowhere},
		{"240.0.0.1", Nowhere},
		{"255.255.255.255", Nowhere},
		{"192.0.0.8", Nowhere},
		{"64:ff9b::8.8.8.8", Nowhere},
		{"2002:808:808::1", Nowhere},
		{"2001:0:1::1", Nowhere},
		{"100::1", Nowhere},
	} {
		if got := ScopeOf(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("ScopeOf(%s) = %v, want %v", tt.addr, got, tt.want)
		}
	}
	if got := ScopeOf(netip.Addr{}); got != Nowhere {
		t.Errorf("ScopeOf of no address = %v", got)
	}
}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct{ addr, origin, region string }{
		{"203.0.113.77", "203.0.113.0/24", "203.0.0.0/16"},
		{"::ffff:203.0.113.77", "203.0.113.0/24", "203.0.0.0/16"},
		{"2a01:4f8:1:2::3", "2a01:4f8:1::/48", "2a01:4f8::/32"},
		{"192.168.1.9", "192.168.1.9/32", "192.168.0.0/16"},
		{"fe80::1%eth0", "fe80::1/128", "fe80::/32"},
		{"127.0.0.1", "127.0.0.1/32", "127.0.0.0/16"},
	} {
		a := netip.MustParseAddr(tt.addr)
		if got := Origin(a).String(); got != tt.origin {
			t.Errorf("Origin(%s) = %s, want %s", tt.addr, got, tt.origin)
		}
		if got := region(a).String(); got != tt.region {
			t.Errorf("region(%s) = %s, want %s", tt.addr, got, tt.region)
		}
	}
	if got := Origin(netip.Addr{}); got.IsValid() {
		t.Errorf("Origin of no address = %v", got)
	}
}

// TestIn: a contact is named only with the addresses of one scope.
func TestIn(t *testing.T) {
	wide, near := netip.MustParseAddrPort("8.8.8.8:4000"), netip.MustParseAddrPort("10.0.0.1:4000")
	both := NewContact(identity.ID{1}, near, wide)
	if both.Key != KeyOf(identity.ID{1}) {
		t.Error("a contact is not where its identity says")
	}
	for _, tt := range []struct {
		c    *Contact
		s    Scope
		want []netip.AddrPort
	}{
		{both, Wide, []netip.AddrPort{wide}},
		{both, Near, []netip.AddrPort{near}},
		{NewContact(identity.ID{2}, wide), Wide, []netip.AddrPort{wide}},
		{NewContact(identity.ID{2}, wide), Near, nil},
		{NewContact(identity.ID{3}), Wide, nil},
	} {
		got := tt.c.in(tt.s)
		switch {
		case got == nil:
			if tt.want != nil {
				t.Errorf("%v.in(%v) = nil", tt.c.Addrs, tt.s)
			}
		case got.ID != tt.c.ID || got.Key != tt.c.Key || len(got.Addrs) != 1 || len(tt.want) != 1 || got.Addrs[0] != tt.want[0]:
			t.Errorf("%v.in(%v) = %v, want %v", tt.c.Addrs, tt.s, got.Addrs, tt.want)
		}
	}
	if len(both.Addrs) != 2 || both.Addrs[0] != near {
		t.Errorf("in has changed its contact: %v", both.Addrs)
	}
	if got := scoped(Near, []*Contact{both, NewContact(identity.ID{2}, wide)}); len(got) != 1 || got[0].ID != both.ID {
		t.Errorf("scoped = %v", got)
	}
}

func TestScopeInWords(t *testing.T) {
	if got := Wide.String() + ", " + Near.String() + ", " + Nowhere.String(); got != "wide, near, scope 2" {
		t.Errorf("scopes are called %q", got)
	}
}

// TestNetworks compares with what netip says.
func TestNetworks(t *testing.T) {
	addrs := []string{
		"9.8.7.1", "9.8.7.255", "9.8.6.1", "9.9.7.1", "10.0.0.1", "10.0.0.2", "127.0.0.1", "::1", "::2",
		"2a01:4f8:1:2::3", "2a01:4f8:1:9::3", "2a01:4f8:2::3", "2a01:4f9::1", "fd00::1", "fd00::2", "::ffff:9.8.7.9",
	}
	for _, of := range []func(netip.Addr) netip.Prefix{Origin, region} {
		for _, x := range addrs {
			for _, y := range addrs {
				ns := networksOf(contactAt(Key{1}, x), of)
				want := of(netip.MustParseAddr(x)).Contains(netip.MustParseAddr(y).Unmap())
				if got := ns.meet(contactAt(Key{2}, y)); got != want {
					t.Errorf("%s meets %s: %v, want %v", x, y, got, want)
				}
			}
		}
	}
	for _, x := range addrs {
		for _, y := range addrs {
			ax, ay := netip.MustParseAddr(x), netip.MustParseAddr(y)
			if ScopeOf(ax) != Wide || ScopeOf(ay) != Wide {
				continue
			}
			ox, oy := originsOf(contactAt(Key{1}, x)), originsOf(contactAt(Key{2}, y))
			if got := ox.meet(&oy); got != (Origin(ax) == Origin(ay)) {
				t.Errorf("origins: %s meets %s: %v", x, y, got)
			}
		}
	}
	both := &Contact{Addrs: []netip.AddrPort{netip.MustParseAddrPort("9.9.9.9:4000"), netip.MustParseAddrPort("[2a01:4f8:1::1]:4000")}}
	ns := networksOf(both, Origin)
	if !ns.meet(contactAt(Key{}, "9.9.9.1")) || !ns.meet(contactAt(Key{}, "2a01:4f8:1::9")) || ns.meet(contactAt(Key{}, "9.9.8.1")) || ns.meet(&Contact{}) {
		t.Error("one of several addresses does not count, or none does")
	}
}
