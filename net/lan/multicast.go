package lan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/mdns"
)

// This file holds all use of hashicorp/mdns, as a generator of hints. The
// rules, each of which was learnt from the library's behaviour:
//   - one server per interface, since without one it takes the interface of the
//     default route and no other; and all publish the same addresses, since the
//     kernel hands every interface's questions to each of them;
//   - one query per interface and family, so that the failure of one does not
//     hide the other and a link-local address has a known zone;
//   - no query that cannot join its group: it would leave a socket behind;
//   - entries are read only when the query has returned: it writes to them
//     until then;
//   - its log, which is standard error by default, goes to ours.

const (
	// maxHeard bounds what one query takes in before it chooses maxPeers.
	maxHeard = 4096

	// maxPublished bounds our address records, to keep the answer within a
	// packet: the library cannot split it.
	maxPublished = 16
)

var group4 = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// multicast is the backend on real interfaces.
type multicast struct {
	cfg     Config
	log     *log.Logger
	zone    *zone
	servers []*mdns.Server
}

func newMulticast(cfg Config) *multicast {
	m := &multicast{cfg: cfg, log: log.New(io.Discard, "", 0), zone: newZone()}
	if cfg.Log.Enabled(context.Background(), slog.LevelDebug) {
		m.log = log.New(logWriter{cfg.Log}, "", 0)
	}
	return m
}

// logWriter passes on what the library logs, but not that a query was for one
// family only: they all are.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(line []byte) (int, error) {
	if text := strings.TrimSpace(string(line)); !strings.Contains(text, "Failed to listen to both") {
		w.log.Debug("mdns", slog.String("says", text))
	}
	return len(line), nil
}

func (m *multicast) interfaces() ([]iface, error) { return usable() }
func (m *multicast) newcomer() <-chan struct{}    { return m.zone.newcomer }

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
	out := make([]Interface, len(ifs))
	for n, i := range ifs {
		out[n] = Interface{Name: i.Name, Addrs: i.addrs()}
	}
	if len(ifs) == 0 {
		return out
	}
	service, err := m.advert(ifs)
	if err != nil {
		for n := range out {
			out[n].Problem = err.Error()
		}
		return out
	}
	m.zone.serve(service)
	for n, i := range ifs {
		s, err := mdns.NewServer(&mdns.Config{Zone: m.zone, Iface: &ifs[n].Interface, Logger: m.log})
		if err != nil {
			out[n].Problem = unservable(i)
			continue
		}
		m.servers = append(m.servers, s)
		if i.mute {
			out[n].Problem = "no route for IPv4 multicast, of which a default route is one; on Linux: ip route add 224.0.0.0/4 dev " + i.Name
		}
	}
	return out
}

// advert makes the records that say where we are.
func (m *multicast) advert(ifs []iface) (*mdns.MDNSService, error) {
	if m.cfg.Port < minPort {
		return nil, fmt.Errorf("port %d is below %d, where others dial nobody", m.cfg.Port, minPort)
	}
	var addrs []netip.Addr
	for _, i := range ifs {
		addrs = append(addrs, i.addrs()...)
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return rank(a, false) - rank(b, false) })
	// A reader keeps the last address of each family: the best comes last.
	var ips []net.IP
	for _, a := range slices.Backward(addrs[:min(len(addrs), maxPublished)]) {
		ips = append(ips, a.AsSlice())
	}
	name := instanceName(m.cfg.Instance)
	s, err := mdns.NewMDNSService(name, service, domain, "dione-"+name+"."+domain, int(m.cfg.Port), ips, encodeText(m.cfg.Network, addrs))
	if err != nil {
		return nil, fmt.Errorf("cannot be announced: %w", err)
	}
	return s, nil
}

// unservable finds out why no server can listen on i, which the library does
// not tell.
func unservable(i iface) string {
	conn, err := net.ListenMulticastUDP("udp4", &i.Interface, group4)
	switch {
	case err == nil:
		err = errors.Join(errors.New("only a second attempt has worked"), conn.Close())
	case errors.Is(err, syscall.EADDRINUSE):
		return "port 5353 is not shared by the mDNS program that holds it; in avahi-daemon.conf: disallow-other-stacks=no"
	}
	return fmt.Sprintf("cannot listen for questions: %v", err)
}

// routed4 reports whether the kernel knows a way for IPv4 multicast, without
// which the library cannot ask.
func routed4() bool {
	conn, err := net.DialUDP("udp4", nil, group4)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func (m *multicast) query(ctx context.Context, ifs []iface, listen time.Duration) []answer {
	routed := routed4()
	heard := make([][]answer, 2*len(ifs)) // first those by IPv4, where most addresses lead to
	var wg sync.WaitGroup
	for n := range ifs {
		if ifs[n].has(false) && routed {
			wg.Go(func() { heard[n] = m.queryOne(ctx, ifs, n, false, listen) })
		}
		if ifs[n].has(true) {
			wg.Go(func() { heard[len(ifs)+n] = m.queryOne(ctx, ifs, n, true, listen) })
		}
	}
	wg.Wait()
	return slices.Concat(heard...)
}

// queryOne asks on one interface by one family.
func (m *multicast) queryOne(ctx context.Context, ifs []iface, n int, v6 bool, listen time.Duration) []answer {
	entries := make(chan *mdns.ServiceEntry, maxHeard)
	asked, local, _ := strings.Cut(m.zone.question, ".") // the library joins them again
	err := mdns.QueryContext(ctx, &mdns.QueryParam{
		Service:     asked,
		Domain:      local,
		Timeout:     listen,
		Interface:   &ifs[n].Interface,
		Entries:     entries,
		DisableIPv4: v6,
		DisableIPv6: !v6,
		Logger:      m.log,
	})
	if err != nil {
		m.cfg.Log.Debug("query failed", slog.String("interface", ifs[n].Name), slog.Bool("ipv6", v6), slog.Any("error", err))
	}
	close(entries) // nobody sends any more: the query has returned
	var answers []answer
	for e := range entries {
		if p, ok := m.peerOf(e, ifs[n].Name, v6, ifs); ok {
			answers = append(answers, answer{Peer: p, on: n})
		}
	}
	return answers
}

// peerOf reads an entry, which may be any service that was heard meanwhile.
func (m *multicast) peerOf(e *mdns.ServiceEntry, heard string, v6 bool, ifs []iface) (Peer, bool) {
	name, ok := strings.CutSuffix(strings.ToLower(e.Name), "."+question)
	if !ok {
		return Peer{}, false
	}
	instance, ok := parseInstance(name)
	if !ok {
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
	p := Peer{Instance: instance, Addrs: candidates(addrs, e.Port, heard, v6, ifs)}
	return p, len(p.Addrs) > 0
}
