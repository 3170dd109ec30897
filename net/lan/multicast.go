package lan

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
)

// This file holds all use of hashicorp/mdns, as a generator of hints. The
// rules, each of which was learnt from the library's behaviour:
//   - one server per interface, and all publish the same addresses, since the
//     kernel hands every interface's questions to each of them;
//   - one query per interface and family, so that the failure of one does not
//     hide the other and a link-local address has a known zone;
//   - entries are read only when the query has returned: it writes to them
//     until then;
//   - its log, which is standard error by default, goes to ours.

const (
	// briefTime is how long the first query of a burst listens: answers come
	// within two milliseconds, and the library never returns early.
	briefTime = 20 * time.Millisecond

	// queryTime is how long every other query listens.
	queryTime = 120 * time.Millisecond

	// ttl is how long other browsers may show us after we left, in seconds:
	// the library takes no leave.
	ttl = 15

	cacheFlush = 1 << 15 // RFC 6762, section 10.2
)

// multicast is the backend on real interfaces.
type multicast struct {
	cfg     Config
	log     *log.Logger
	zone    zone
	servers []*mdns.Server
}

func newMulticast(cfg Config) *multicast {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &multicast{
		cfg:  cfg,
		log:  slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
		zone: zone{hits: make(chan struct{}, 1)},
	}
}

func (m *multicast) interfaces() ([]iface, error) { return usable() }
func (m *multicast) asked() <-chan struct{}       { return m.zone.hits }

func (m *multicast) close() {
	m.zone.service.Store(nil)
	for _, s := range m.servers {
		if err := s.Shutdown(); err != nil {
			m.cfg.Log.Debug("mdns server not shut down", slog.Any("error", err))
		}
	}
	m.servers = nil
}

func (m *multicast) serve(ifs []iface) []Interface {
	m.close()
	var addrs []netip.Addr
	for _, i := range ifs {
		addrs = append(addrs, i.addrs()...)
	}
	// A reader keeps the last address of each family: the best comes last.
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return rank(b) - rank(a) })
	ips := make([]net.IP, len(addrs))
	for n, a := range addrs {
		ips[n] = a.AsSlice()
	}
	name := instanceName(m.cfg.Instance)
	out := make([]Interface, len(ifs))
	for n, i := range ifs {
		out[n] = Interface{Name: i.Name, Addrs: i.addrs()}
	}
	if len(ips) == 0 {
		return out
	}
	service, err := mdns.NewMDNSService(name, service, domain, "dione-"+name+"."+domain, int(m.cfg.Port), ips, encodeText(m.cfg.Network, addrs))
	if err != nil {
		for n := range out {
			out[n].Problem = fmt.Sprintf("cannot be announced: %v", err)
		}
		return out
	}
	m.zone.service.Store(service)
	routed := routed4()
	for n, i := range ifs {
		s, err := mdns.NewServer(&mdns.Config{Zone: &m.zone, Iface: &ifs[n].Interface, Logger: m.log})
		switch {
		case err != nil:
			out[n].Problem = "port 5353 cannot be shared with the mDNS program that holds it; in avahi, disallow-other-stacks must be no"
		case !i.has(true) && !routed:
			out[n].Problem = "no route for IPv4 multicast; to make one: ip route add 224.0.0.0/4 dev " + i.Name
		}
		if err == nil {
			m.servers = append(m.servers, s)
		}
	}
	return out
}

// routed4 reports whether the kernel knows a way for IPv4 multicast, without
// which the library's query fails and leaks a socket.
func routed4() bool {
	conn, err := net.Dial("udp4", "224.0.0.251:5353")
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func (m *multicast) query(ctx context.Context, ifs []iface, brief bool) []Peer {
	timeout := queryTime
	if brief {
		timeout = briefTime
	}
	routed := routed4()
	var mu sync.Mutex
	var peers []Peer
	var wg sync.WaitGroup
	for n := range ifs {
		for _, v6 := range []bool{false, true} {
			if !ifs[n].has(v6) || !v6 && !routed {
				continue
			}
			wg.Go(func() {
				heard := m.queryOne(ctx, ifs, n, v6, timeout)
				mu.Lock()
				defer mu.Unlock()
				peers = append(peers, heard...)
			})
		}
	}
	wg.Wait()
	return merge(peers)
}

// queryOne asks on one interface by one family.
func (m *multicast) queryOne(ctx context.Context, ifs []iface, n int, v6 bool, timeout time.Duration) []Peer {
	entries := make(chan *mdns.ServiceEntry, 2*maxEntries)
	err := mdns.QueryContext(ctx, &mdns.QueryParam{
		Service:     service,
		Timeout:     timeout,
		Interface:   &ifs[n].Interface,
		Entries:     entries,
		DisableIPv4: v6,
		DisableIPv6: !v6,
		Logger:      m.log,
	})
	if err != nil {
		m.cfg.Log.Debug("query failed", slog.String("interface", ifs[n].Name), slog.Bool("v6", v6), slog.Any("error", err))
	}
	close(entries) // nobody sends any more: the query has returned
	var peers []Peer
	for e := range entries {
		if p, ok := m.peerOf(e, ifs[n].Name, ifs); ok && len(peers) < maxEntries {
			peers = append(peers, p)
		}
	}
	return peers
}

// peerOf reads an entry, which may be any service that was heard meanwhile.
func (m *multicast) peerOf(e *mdns.ServiceEntry, heard string, ifs []iface) (Peer, bool) {
	name, ok := strings.CutSuffix(strings.ToLower(e.Name), "."+service+"."+domain)
	if !ok {
		return Peer{}, false
	}
	instance, ok := parseInstance(name)
	if !ok || instance == m.cfg.Instance {
		return Peer{}, false
	}
	addrs, ok := decodeText(e.InfoFields, m.cfg.Network)
	if !ok {
		return Peer{}, false
	}
	if a, ok := netip.AddrFromSlice(e.AddrV4); ok {
		addrs = append(addrs, a)
	}
	if e.AddrV6IPAddr != nil {
		if a, ok := netip.AddrFromSlice(e.AddrV6IPAddr.IP); ok {
			addrs = append(addrs, a)
		}
	}
	p := Peer{Instance: instance, Addrs: candidates(addrs, e.Port, heard, ifs)}
	return p, len(p.Addrs) > 0
}

// merge makes one hint of all that was heard about an instance.
func merge(peers []Peer) []Peer {
	index := make(map[[8]byte]int)
	var out []Peer
	for _, p := range peers {
		i, ok := index[p.Instance]
		if !ok {
			if len(out) == maxEntries {
				continue
			}
			index[p.Instance] = len(out)
			out = append(out, p)
			continue
		}
		for _, a := range p.Addrs {
			if len(out[i].Addrs) < maxCandidates && !slices.Contains(out[i].Addrs, a) {
				out[i].Addrs = append(out[i].Addrs, a)
			}
		}
	}
	return out
}

// zone answers questions for the service that is current, on all servers.
type zone struct {
	service atomic.Pointer[mdns.MDNSService]
	hits    chan struct{} // one slot: somebody asked for the service
}

// Records answers q. Names are the same in any case (RFC 6762, section 16).
func (z *zone) Records(q dns.Question) []dns.RR {
	s := z.service.Load()
	if s == nil {
		return nil
	}
	q.Name = strings.ToLower(q.Name)
	records := s.Records(q)
	if len(records) > 0 && q.Qtype == dns.TypePTR {
		select {
		case z.hits <- struct{}{}:
		default:
		}
	}
	for _, r := range records {
		h := r.Header()
		h.Ttl = ttl
		switch h.Rrtype {
		case dns.TypeSRV, dns.TypeTXT, dns.TypeA, dns.TypeAAAA:
			h.Class |= cacheFlush // ours alone
		}
	}
	return records
}
