package lan

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// publish makes a zone that says where ifs are.
func publish(t *testing.T, ifs []iface) *multicast {
	t.Helper()
	m := newMulticast(Config{Instance: peer(0xabcdef).Instance, Network: main, Port: 4000}.complete())
	s, err := m.advert(ifs)
	if err != nil {
		t.Fatal(err)
	}
	m.zone.serve(s)
	return m
}

func TestRecords(t *testing.T) {
	m := publish(t, ours)
	const name = "0000000000abcdef._dione._tcp.local."
	const host = "dione-0000000000abcdef.local."
	for _, tt := range []struct {
		name string
		kind uint16
		want string // the kinds of the records
	}{
		{question, dns.TypePTR, "PTR SRV A A AAAA AAAA TXT"},
		{strings.ToUpper(question), dns.TypePTR, "PTR SRV A A AAAA AAAA TXT"},
		{m.zone.question, dns.TypePTR, "PTR SRV A A AAAA AAAA TXT"},
		{name, dns.TypeSRV, "SRV A A AAAA AAAA"},
		{strings.ToUpper(name), dns.TypeTXT, "TXT"},
		{host, dns.TypeA, "A A"},
		{"_services._dns-sd._udp.local.", dns.TypePTR, "PTR"},
		{"_http._tcp.local.", dns.TypePTR, ""},
		{"", dns.TypeANY, ""},
	} {
		var kinds []string
		for _, r := range m.zone.Records(dns.Question{Name: tt.name, Qtype: tt.kind, Qclass: dns.ClassINET}) {
			h := r.Header()
			kinds = append(kinds, dns.TypeToString[h.Rrtype])
			if h.Ttl != ttl {
				t.Errorf("%s lives %d s, want %d", r, h.Ttl, ttl)
			}
			if flush := h.Class&cacheFlush != 0; flush == (h.Rrtype == dns.TypePTR) {
				t.Errorf("%s: cache-flush is %v", r, flush)
			}
		}
		if got := strings.Join(kinds, " "); got != tt.want {
			t.Errorf("Records(%q, %s) = %s, want %s", tt.name, dns.TypeToString[tt.kind], got, tt.want)
		}
	}
	m.close()
	if got := m.zone.Records(dns.Question{Name: question, Qtype: dns.TypePTR}); got != nil {
		t.Errorf("after leaving, Records = %v", got)
	}
}

// TestReaderKeepsTheBest relies on what the library's reader does: of each
// family it keeps the last address.
func TestReaderKeepsTheBest(t *testing.T) {
	var a, aaaa netip.Addr
	for _, r := range publish(t, ours).zone.Records(dns.Question{Name: question, Qtype: dns.TypePTR}) {
		switch r := r.(type) {
		case *dns.A:
			a, _ = netip.AddrFromSlice(r.A)
		case *dns.AAAA:
			aaaa, _ = netip.AddrFromSlice(r.AAAA)
		}
	}
	if a.Unmap() != netip.MustParseAddr("192.168.1.5") || aaaa != netip.MustParseAddr("fd77::5") {
		t.Errorf("the reader keeps %s and %s", a, aaaa)
	}
}

// TestAnswerFitsAPacket gives a host more addresses than anybody has.
func TestAnswerFitsAPacket(t *testing.T) {
	crowded := iface{Interface: ours[0].Interface}
	for n := range 100 {
		addr := netip.MustParseAddr("fd77:1111:2222:3333:4444:5555:6666:7700").As16()
		addr[15] = byte(n)
		crowded.prefixes = append(crowded.prefixes, netip.PrefixFrom(netip.AddrFrom16(addr), 64))
	}
	msg := new(dns.Msg)
	msg.Compress = true
	msg.Answer = publish(t, []iface{crowded}).zone.Records(dns.Question{Name: question, Qtype: dns.TypePTR})
	if b, err := msg.Pack(); err != nil || len(b) > 1200 {
		t.Errorf("an answer of %d bytes, %v, want at most 1200", len(b), err)
	}
}

func TestOnlyNewcomersAreToldOf(t *testing.T) {
	m := publish(t, ours)
	ask := func(name string) bool {
		m.zone.Records(dns.Question{Name: name, Qtype: dns.TypePTR})
		select {
		case <-m.newcomer():
			return true
		default:
			return false
		}
	}
	if ask(m.zone.question) {
		t.Error("our own question is taken for somebody's")
	}
	if !ask(question) || ask(question) {
		t.Error("somebody else is not told of once")
	}
	if m.serve(nil); ask(question) {
		t.Error("somebody is told of while nothing is served")
	}
}
