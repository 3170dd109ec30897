package lan

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/mdns"
)

func peer(n uint64, addrs ...string) Peer {
	var p Peer
	binary.BigEndian.PutUint64(p.Instance[:], n)
	for _, a := range addrs {
		p.Addrs = append(p.Addrs, netip.MustParseAddrPort(a))
	}
	return p
}

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

var main = [32]byte{0x0d, 0x6e, 0x40, 0x79, 0xe3, 0x67, 0x03, 0xeb}

func TestText(t *testing.T) {
	list := addrs("192.168.1.5", "fd77::5", "fe80::5%eth0")
	fields := encodeText(main, list)
	if want := []string{"v=1", "n=0d6e4079e36703eb", "a=192.168.1.5,fd77::5,fe80::5"}; !slices.Equal(fields, want) {
		t.Errorf("encodeText = %q, want %q", fields, want)
	}
	if got, ok := decodeText(fields, main); !ok || !slices.Equal(got, addrs("192.168.1.5", "fd77::5", "fe80::5")) {
		t.Errorf("decodeText(%q) = %v, %v", fields, got, ok)
	}
	var many []netip.Addr
	for n := range 64 {
		many = append(many, netip.MustParseAddr(fmt.Sprintf("fd77:1111:2222:3333:4444:5555:6666:%x", 0x1000+n)))
	}
	for _, f := range encodeText(main, many) {
		if len(f) > maxText {
			t.Errorf("a string of %d bytes, which keeps all from being sent", len(f))
		}
	}
}

func TestDecodeText(t *testing.T) {
	const network = "n=0d6e4079e36703eb"
	for _, tt := range []struct {
		name   string
		fields []string
		want   []netip.Addr
		ok     bool
	}{
		{"nothing", nil, nil, false},
		{"no network", []string{"v=1"}, nil, false},
		{"another network", []string{"v=1", "n=0000000000000000"}, nil, false},
		{"another version", []string{"v=2", network}, nil, false},
		{"no address", []string{"v=1", network}, nil, true},
		{"not an address", []string{"v=1", network, "a=example.org,10.0.0.1,"}, addrs("10.0.0.1"), true},
		{"unknown keys", []string{"v=1", "z", "=", "x=y=z", network, "a=10.0.0.1"}, addrs("10.0.0.1"), true},
		{"the first counts", []string{"v=1", network, "a=10.0.0.1", "a=10.0.0.2", "v=2"}, addrs("10.0.0.1"), true},
		{"a zone of the sender's", []string{"v=1", network, "a=fe80::1%lo"}, addrs("fe80::1"), true},
	} {
		got, ok := decodeText(tt.fields, main)
		if ok != tt.ok || !slices.Equal(got, tt.want) {
			t.Errorf("%s: decodeText(%q) = %v, %v, want %v, %v", tt.name, tt.fields, got, ok, tt.want, tt.ok)
		}
	}
}

// ours are the interfaces of the tests of candidates.
var ours = []iface{
	{Interface: net.Interface{Index: 1, Name: "eth0"}, prefixes: []netip.Prefix{
		netip.MustParsePrefix("192.168.1.5/24"), netip.MustParsePrefix("fd77::5/64"), netip.MustParsePrefix("fe80::5/64")}},
	{Interface: net.Interface{Index: 2, Name: "eth1"}, prefixes: []netip.Prefix{netip.MustParsePrefix("169.254.9.9/16")}},
}

func TestCandidates(t *testing.T) {
	for _, tt := range []struct {
		name  string
		addrs []string
		port  int
		v6    bool
		want  []string
	}{
		{"IPv4 first", []string{"fe80::1", "fd77::1", "192.168.1.1"}, 4000, false,
			[]string{"192.168.1.1:4000", "[fd77::1]:4000", "[fe80::1%eth0]:4000"}},
		{"heard by IPv6", []string{"192.168.1.1", "fe80::1", "fd77::1"}, 4000, true,
			[]string{"[fd77::1]:4000", "[fe80::1%eth0]:4000", "192.168.1.1:4000"}},
		{"second LAN", []string{"169.254.3.3"}, 4000, false, []string{"169.254.3.3:4000"}},
		{"elsewhere", []string{"8.8.8.8", "10.1.2.3", "2001:db8::1", "192.168.2.1"}, 4000, false, nil},
		{"no host", []string{"127.0.0.1", "::1", "0.0.0.0", "::", "224.0.0.251", "ff02::1", "255.255.255.255"}, 4000, false, nil},
		{"IPv4 in IPv6", []string{"::ffff:192.168.1.1", "::ffff:8.8.8.8", "::ffff:127.0.0.1"}, 4000, false, []string{"192.168.1.1:4000"}},
		{"twice", []string{"192.168.1.1", "192.168.1.1"}, 4000, false, []string{"192.168.1.1:4000"}},
		{"another zone", []string{"fe80::1%lo"}, 4000, false, []string{"[fe80::1%eth0]:4000"}},
		{"system port", []string{"192.168.1.1"}, 443, false, nil},
		{"no port", []string{"192.168.1.1"}, 0, false, nil},
		{"negative port", []string{"192.168.1.1"}, -1, false, nil},
		{"large port", []string{"192.168.1.1"}, 1 << 16, false, nil},
	} {
		if got, want := candidates(addrs(tt.addrs...), tt.port, "eth0", tt.v6, ours), peer(0, tt.want...).Addrs; !slices.Equal(got, want) {
			t.Errorf("%s: candidates(%v) = %v, want %v", tt.name, tt.addrs, got, want)
		}
	}
	var many []netip.Addr
	for n := range 200 {
		many = append(many, netip.AddrFrom4([4]byte{192, 168, 1, byte(n)}))
	}
	if got := candidates(many, 4000, "eth0", false, ours); len(got) != maxCandidates {
		t.Errorf("%d candidates of %d addresses, want %d", len(got), len(many), maxCandidates)
	}
}

// FuzzEntry takes what the library hands on from strangers: whatever is
// believed of it leads to our own links.
func FuzzEntry(f *testing.F) {
	m := newMulticast(Config{Network: main}.complete())
	good := strings.Join(encodeText(main, addrs("192.168.1.9", "fd77::9")), "|")
	f.Add("0123456789abcdef._dione._tcp.local.", good, []byte{192, 168, 1, 9}, []byte(netip.MustParseAddr("fe80::9").AsSlice()), 4000)
	f.Add("0123456789ABCDEF._DIONE._tcp.local.", "v=1|n=0d6e4079e36703eb|a=8.8.8.8", []byte{}, []byte{1}, 22)
	f.Add(`peer\ c2\ \(space\)._dione._tcp.local.`, "v=1|v=2|a|=|", []byte{127, 0, 0, 1}, []byte{}, 70000)
	f.Fuzz(func(t *testing.T, name, text string, v4, v6 []byte, port int) {
		e := &mdns.ServiceEntry{Name: name, InfoFields: strings.Split(text, "|"), AddrV4: v4, AddrV6IPAddr: &net.IPAddr{IP: v6}, Port: port}
		p, ok := m.peerOf(e, "eth0", false, ours)
		if !ok {
			return
		}
		if !strings.EqualFold(name, instanceName(p.Instance)+"."+question) {
			t.Errorf("%q was read as %s", name, instanceName(p.Instance))
		}
		if len(p.Addrs) == 0 || len(p.Addrs) > maxCandidates {
			t.Errorf("%d addresses", len(p.Addrs))
		}
		for _, a := range p.Addrs {
			local := a.Addr().Is6() && a.Addr().IsLinkLocalUnicast() && a.Addr().Zone() == "eth0"
			if a.Port() < minPort || a.Addr().IsMulticast() || a.Addr().IsLoopback() || !local && !onLink(a.Addr(), ours) {
				t.Errorf("%s would be dialled", a)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("v=1|n=0d6e4079e36703eb|a=192.168.1.5,fd77::5,fe80::5")
	f.Add("v=1|n=0d6e4079e36703eb|a=::ffff:1.2.3.4,1.2.3,fe80::1%eth0|a=::1|x")
	f.Fuzz(func(t *testing.T, text string) {
		list, ok := decodeText(strings.Split(text, "|"), main)
		if !ok {
			return
		}
		fields := encodeText(main, list)
		again, ok := decodeText(fields, main)
		if !ok || len(again) > len(list) || !slices.Equal(again, list[:len(again)]) {
			t.Errorf("%q reads as %v, written %q, which reads as %v, %v", text, list, fields, again, ok)
		}
	})
}

func FuzzInstance(f *testing.F) {
	f.Add("0123456789abcdef")
	f.Add("0123456789ABCDEF")
	f.Fuzz(func(t *testing.T, s string) {
		if i, ok := parseInstance(s); ok && instanceName(i) != s {
			t.Errorf("parseInstance(%q) = %s", s, instanceName(i))
		}
	})
}
