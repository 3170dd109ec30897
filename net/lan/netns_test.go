package lan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// TestHostsFindEachOther runs the real thing on hosts of many kinds: each
// finds the other, and reaches it at one of the addresses.
func TestHostsFindEachOther(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts netns.Options
		at   func(*netns.Host) netip.Addr // one of the addresses that are found
	}{
		{"both families", netns.Options{}, addr4},
		{"IPv4 only", netns.Options{NoIPv6: true}, addr4},
		{"IPv6 only", netns.Options{NoIPv4: true}, addr6},
		{"no route", netns.Options{NoRoute: true}, addr4},
		{"IPv6 without a route", netns.Options{NoIPv4: true, NoRoute: true}, addr6},
		{"link-local only", netns.Options{NoIPv4: true, LinkLocal: true, NoRoute: true}, nil},
		{"two LANs", netns.Options{LANs: 2}, addr4},
		{"two LANs, link-local only", netns.Options{LANs: 2, NoIPv4: true, LinkLocal: true, NoRoute: true}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lab := netns.NewWith(t, 2, tt.opts)
			ann, bob := start(t, lab.Host(0), "run", t.TempDir()), start(t, lab.Host(1), "run", t.TempDir())
			bob.awaitPeer(time.Time{}, ann)
			e := ann.awaitPeer(time.Time{}, bob)
			if tt.at != nil && !slices.ContainsFunc(e.Addrs, func(a string) bool {
				return netip.MustParseAddrPort(a).Addr() == tt.at(lab.Host(1))
			}) {
				t.Errorf("found at %v, want %v among them", e.Addrs, tt.at(lab.Host(1)))
			}
			ann.awaitStatus(time.Time{}, "on", func(st Status) bool { return st.Off == "" && len(st.Interfaces) > 0 })
		})
	}
}

func addr4(h *netns.Host) netip.Addr { return h.Addr4(0) }
func addr6(h *netns.Host) netip.Addr { return h.Addr6(0) }

// TestSecondLANOnly has hosts whose first LAN is cut: the library alone would
// look nowhere else.
func TestSecondLANOnly(t *testing.T) {
	lab := netns.NewWith(t, 2, netns.Options{LANs: 2})
	cut(t, lab.Host(1), 0)
	ann, bob := start(t, lab.Host(0), "run", t.TempDir()), start(t, lab.Host(1), "run", t.TempDir())
	if e := ann.awaitPeer(time.Time{}, bob); e.Reached.Is4() && e.Reached != lab.Host(1).Addr4(1) {
		t.Errorf("reached at %s, want an address of the second LAN", e.Reached)
	}
	bob.awaitPeer(time.Time{}, ann)
}

func cut(t *testing.T, h *netns.Host, lan int) {
	t.Helper()
	if out, err := h.Command("ip", "link", "set", h.Interface(lan), "down").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestIPv4WithoutRoute is the one case that the library cannot do: it is said,
// with the remedy, and the remedy on one host is enough for both.
func TestIPv4WithoutRoute(t *testing.T) {
	lab := netns.NewWith(t, 2, netns.Options{NoIPv6: true, NoRoute: true})
	ann := start(t, lab.Host(0), "run", t.TempDir())
	const remedy = "ip route add 224.0.0.0/4 dev eth0"
	st := ann.awaitStatus(time.Time{}, "no route", func(st Status) bool { return st.Off != "" })
	if !strings.Contains(st.Off, remedy) {
		t.Errorf("Off = %q, want %q in it", st.Off, remedy)
	}
	if out, err := lab.Host(1).Command("sh", "-c", remedy).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", remedy, err, out)
	}
	bob := start(t, lab.Host(1), "run", t.TempDir())
	bob.awaitPeer(time.Time{}, ann)
	bob.awaitStatus(time.Time{}, "on", func(st Status) bool { return st.Off == "" })
	if out, err := lab.Host(0).Command("sh", "-c", remedy).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", remedy, err, out)
	}
	ann.awaitPeer(time.Time{}, bob)
	ann.awaitStatus(time.Time{}, "on", func(st Status) bool { return st.Off == "" })
}

func TestInterfaceDeletedAndMadeAnew(t *testing.T) {
	t.Parallel() // it mostly waits
	lab := netns.New(t, 2)
	ann, bob := start(t, lab.Host(0), "run", t.TempDir()), start(t, lab.Host(1), "run", t.TempDir())
	ann.awaitPeer(time.Time{}, bob)
	again := time.Now()
	lab.Host(0).Replug(0)
	ann.awaitPeer(again, bob)
	// Bob finds ann by her new servers: the ones before would be deaf.
	bob.awaitPeer(again, ann)
	carol := start(t, lab.Host(1), "run", t.TempDir())
	carol.awaitPeer(again, ann)
}

func TestStartedWithLinkDown(t *testing.T) {
	t.Parallel() // it mostly waits
	lab := netns.New(t, 2)
	lab.Host(0).LinkDown()
	ann, bob := start(t, lab.Host(0), "run", t.TempDir()), start(t, lab.Host(1), "run", t.TempDir())
	ann.awaitStatus(time.Time{}, "off", func(st Status) bool { return st.Off == "no network interface is up" })
	bob.awaitStatus(time.Time{}, "on", func(st Status) bool { return st.Off == "" })
	up := time.Now()
	lab.Host(0).LinkUp()
	ann.awaitPeer(up, bob)
	bob.awaitPeer(up, ann)
	ann.awaitStatus(up, "on", func(st Status) bool { return st.Off == "" })
	lab.Host(0).LinkDown()
	ann.awaitStatus(time.Now(), "off again", func(st Status) bool { return st.Off != "" })
}

// TestTwoProcessesOnOneHost has two users on one host, who have no directory
// in common, and two processes of one user on a host without a network.
func TestTwoProcessesOnOneHost(t *testing.T) {
	lab := netns.New(t, 2)
	ann, bob := start(t, lab.Host(0), "run", t.TempDir()), start(t, lab.Host(0), "run", t.TempDir())
	ann.awaitPeer(time.Time{}, bob)
	bob.awaitPeer(time.Time{}, ann)

	lab.Host(1).LinkDown()
	dir := t.TempDir()
	carol := start(t, lab.Host(1), "run", dir)
	carol.instance()
	before := time.Now()
	dave := start(t, lab.Host(1), "run", dir)
	if e := dave.awaitPeer(time.Time{}, carol); e.At.Sub(before) > time.Second {
		t.Errorf("found after %v", e.At.Sub(before))
	}
	carol.awaitPeer(time.Time{}, dave)

	// What listens in another namespace cannot be reached by loopback, though
	// its file is seen.
	eve := start(t, lab.Host(0), "run", dir)
	eve.awaitPeer(time.Time{}, ann)
	eve.mu.Lock()
	defer eve.mu.Unlock()
	for _, e := range eve.events {
		if e.Kind == "found" && e.Instance == carol.instance() {
			t.Errorf("found across namespaces: %+v", e)
		}
	}
}

// TestFirewall drops what comes to port 5353: that is said.
func TestFirewall(t *testing.T) {
	lab := netns.New(t, 1)
	const rules = "table inet t { chain in { type filter hook input priority 0; udp dport 5353 drop; }; }"
	if out, err := lab.Host(0).Command("nft", rules).CombinedOutput(); err != nil {
		t.Skipf("no firewall can be made here: %v: %s", err, out)
	}
	p := start(t, lab.Host(0), "check", t.TempDir())
	if st := p.awaitStatus(time.Time{}, "checked", func(Status) bool { return true }); !strings.Contains(st.Off, "firewall") {
		t.Errorf("the status is %+v, want a word of the firewall", st)
	}
}

func TestCheck(t *testing.T) {
	lab := netns.NewWith(t, 1, netns.Options{LANs: 2})
	st := start(t, lab.Host(0), "check", t.TempDir()).awaitStatus(time.Time{}, "checked", func(Status) bool { return true })
	if st.Off != "" || st.SameHost != "" || len(st.Interfaces) != 2 {
		t.Errorf("the status is %+v, want two interfaces that work", st)
	}
	for _, i := range st.Interfaces {
		if i.Problem != "" || len(i.Addrs) < 2 {
			t.Errorf("%+v, want addresses and no problem", i)
		}
	}
	lab.Host(0).LinkDown()
	st = start(t, lab.Host(0), "check", t.TempDir()).awaitStatus(time.Time{}, "checked", func(Status) bool { return true })
	if st.Off != "no network interface is up" || len(st.Interfaces) != 0 {
		t.Errorf("with all links down the status is %+v", st)
	}
}

// TestNothingIsLeftBehind counts files and goroutines over hundreds of queries
// and some sets of servers, also where one family does not work.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, opts := range map[string]netns.Options{
		"two LANs":            {LANs: 2},
		"no route":            {NoRoute: true},
		"IPv4 without routes": {NoIPv6: true, NoRoute: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, netns.NewWith(t, 1, opts).Host(0), "count", t.TempDir())
			<-p.ended
			var counts []string
			for _, e := range p.events {
				counts = append(counts, fmt.Sprintf("%d files and %d goroutines", e.Files, e.Goroutine))
			}
			if len(p.events) != 4 {
				t.Fatalf("counts: %q", counts)
			}
			first, last := p.events[1], p.events[2]
			if last.Files > first.Files || last.Goroutine > first.Goroutine+2 {
				t.Errorf("after 0, 100, 200 and 300 queries: %q", counts)
			}
		})
	}
}

// TestSpeed measures from the start of the second process until it and the
// first have found each other.
func TestSpeed(t *testing.T) {
	lab := netns.New(t, 2)
	ann := start(t, lab.Host(0), "run", t.TempDir())
	ann.instance()
	var here, there []time.Duration
	for range 5 {
		before := time.Now()
		bob := start(t, lab.Host(1), "run", t.TempDir())
		ready := bob.await("ready", func(e event) bool { return e.Kind == "ready" }).At
		here = append(here, bob.awaitPeer(before, ann).At.Sub(ready))
		there = append(there, ann.awaitPeer(before, bob).At.Sub(ready))
		bob.quit()
	}
	slices.Sort(here)
	slices.Sort(there)
	t.Logf("from the port's opening: the newcomer finds after %v, is found after %v", here, there)
	if here[2] > 300*time.Millisecond || there[2] > time.Second {
		t.Errorf("medians %v and %v: too slow", here[2], there[2])
	}
}
