// Package netns gives tests several hosts on one machine: network namespaces
// on a bridge that lies in a namespace of its own, so that the machine's own
// interfaces are never touched. It needs Linux, root and iproute2; who is not
// root may be one in a user namespace:
//
//	unshare -Urnm sh -c 'mount -t tmpfs none /run; go test ./net/lan'
package netns

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Require names the environment variable that makes it a failure, not a
// reason to skip, when hosts cannot be made. The project's checks set it.
const Require = "DIONE_REQUIRE_ALL"

// Options says what the hosts of a [Lab] have. The zero value is a LAN with
// both families and a default route.
type Options struct {
	NoIPv4    bool // IPv6 only
	NoIPv6    bool // IPv4 only
	LinkLocal bool // of IPv6 nothing but link-local addresses
	NoRoute   bool // neither a default nor a multicast route
	LANs      int  // networks that every host is on, as eth0, eth1, …; 1

	// Split puts host i on network Split[i] alone, with a router between the
	// networks, which lets no multicast through. Addresses are those that the
	// host would have on that LAN.
	Split []int

	// Internet makes network 0 the internet: each host on it has a public
	// IPv4 address in a network of its own, see [Host.Addr4]. The hosts of
	// other networks, if there are any, are behind one address of it, as
	// behind a home router: they reach the internet, and nothing else.
	Internet bool
}

// Lab is a number of hosts that share one or more LANs.
type Lab struct {
	t     testing.TB
	sw    string // the namespace of the bridges
	opts  Options
	hosts []*Host
}

// Host is one host of a Lab: a network namespace.
type Host struct {
	lab  *Lab
	name string
	n    int
}

// prefix begins the name of every namespace; the process that made it follows.
const prefix = "dione-"

var (
	labs  atomic.Int32
	sweep sync.Once
)

// New makes n hosts with the zero Options. They are gone when the test ends.
func New(t testing.TB, n int) *Lab {
	t.Helper()
	return NewWith(t, n, Options{})
}

// NewWith makes n hosts. Where that is not possible it skips the test and
// says why.
func NewWith(t testing.TB, n int, opts Options) *Lab {
	t.Helper()
	reason := missing()
	if _, err := exec.LookPath("nft"); err != nil && reason == "" && opts.Internet {
		reason = "the program nft (nftables) is missing"
	}
	if reason != "" {
		if os.Getenv(Require) != "" {
			t.Fatalf("several hosts are required here: %s", reason)
		}
		t.Skipf("no several hosts on this machine: %s", reason)
	}
	sweep.Do(func() { removeLeftovers(t) })
	opts.LANs = max(opts.LANs, 1)
	if opts.Internet {
		opts.NoIPv6 = true
		if opts.Split == nil {
			opts.Split = make([]int, n)
		}
	}
	for _, lan := range opts.Split {
		opts.LANs = max(opts.LANs, lan+1)
	}
	prefix := fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), labs.Add(1))
	l := &Lab{t: t, sw: prefix + "-sw", opts: opts}
	l.addNamespace(l.sw)
	for i := range opts.LANs {
		l.ip("-n", l.sw, "link", "add", l.bridge(i), "type", "bridge", "mcast_snooping", "0")
		l.ip("-n", l.sw, "link", "set", l.bridge(i), "up")
		if opts.Split != nil {
			l.ip("-n", l.sw, "addr", "add", l.router4(i)+"/24", "dev", l.bridge(i))
			l.ip("-n", l.sw, "-6", "addr", "add", router6(i)+"/64", "dev", l.bridge(i), "nodad")
		}
	}
	if opts.Split != nil {
		l.ip("netns", "exec", l.sw, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	}
	if opts.Internet {
		l.beInternet()
	}
	for i := range n {
		h := &Host{lab: l, name: fmt.Sprintf("%s-h%d", prefix, i), n: i}
		l.hosts = append(l.hosts, h)
		l.addNamespace(h.name)
		h.ip("link", "set", "lo", "up")
		for _, lan := range h.lans() {
			h.plug(lan)
		}
	}
	return l
}

// lans returns the networks that the host is on.
func (h *Host) lans() []int {
	if h.lab.opts.Split != nil {
		return h.lab.opts.Split[h.n : h.n+1]
	}
	all := make([]int, h.lab.opts.LANs)
	for i := range all {
		all[i] = i
	}
	return all
}

// internet is the router's address on the internet.
const internet = "19.79.0.254"

// beInternet makes network 0 one on which every host is in a network of its
// own, and the router the way between them.
func (l *Lab) beInternet() {
	l.t.Helper()
	l.ip("netns", "exec", l.sw, "sysctl", "-qw", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.br0.send_redirects=0")
	l.ip("-n", l.sw, "route", "add", "default", "dev", l.bridge(0))
	if l.opts.LANs > 1 {
		l.ip("netns", "exec", l.sw, "nft", l.homeRouters())
	}
}

// homeRouters has the hosts behind them share an address of the internet,
// whence nobody reaches them. Only what comes from elsewhere is dropped: where
// bridges pass through the filter too, hosts of one network reach each other.
func (l *Lab) homeRouters() string {
	var drop strings.Builder
	for i := 1; i < l.opts.LANs; i++ {
		fmt.Fprintf(&drop, "oifname %s iifname != %s ct state new drop\n", l.bridge(i), l.bridge(i))
	}
	return `table ip home {
	chain out {
		type nat hook postrouting priority srcnat
		ip saddr 10.79.0.0/16 oifname br0 masquerade
	}
	chain through {
		type filter hook forward priority filter
		` + drop.String() + `
	}
}`
}

// The router's addresses on a network.
func (l *Lab) router4(lan int) string {
	if lan == 0 && l.opts.Internet {
		return internet
	}
	return fmt.Sprintf("10.79.%d.254", lan)
}

func router6(lan int) string { return fmt.Sprintf("fd79:0:0:%x::fe", lan) }

// missing tells what keeps this machine from having several hosts.
var missing = sync.OnceValue(func() string {
	if os.Geteuid() != 0 {
		return "it needs root"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "the program ip (iproute2) is missing"
	}
	name := fmt.Sprintf("%s%d-try", prefix, os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		return strings.TrimSpace(string(out))
	}
	if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
		return strings.TrimSpace(string(out))
	}
	return ""
})

// removeLeftovers removes the namespaces of tests that were killed.
func removeLeftovers(t testing.TB) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("/run/netns", prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range names {
		name := filepath.Base(path)
		owner, _, _ := strings.Cut(strings.TrimPrefix(name, prefix), "-")
		if pid, err := strconv.Atoi(owner); err != nil || processExists(pid) {
			continue
		}
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			t.Logf("the leftover %s stays: %v: %s", name, err, out)
		}
	}
}

func processExists(pid int) bool {
	_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	return err == nil
}

func (l *Lab) addNamespace(name string) {
	l.t.Helper()
	l.ip("netns", "add", name)
	l.t.Cleanup(func() { l.ip("netns", "del", name) })
}

func (l *Lab) bridge(lan int) string { return fmt.Sprintf("br%d", lan) }

// Host returns host i, counted from 0.
func (l *Lab) Host(i int) *Host { return l.hosts[i] }

func (l *Lab) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// ip runs ip in the host.
func (h *Host) ip(args ...string) {
	h.lab.t.Helper()
	h.lab.ip(append([]string{"-n", h.name}, args...)...)
}

// plug makes the host's interface on a LAN and its addresses.
func (h *Host) plug(lan int) {
	h.lab.t.Helper()
	h.lab.ip("-n", h.lab.sw, "link", "add", h.port(lan), "type", "veth", "peer", "name", h.Interface(lan), "netns", h.name)
	h.lab.ip("-n", h.lab.sw, "link", "set", h.port(lan), "master", h.lab.bridge(lan), "up")
	h.up(lan)
}

// up sets the interface up. The kernel forgets IPv6 addresses and all routes
// of an interface that went down, so they are given again.
func (h *Host) up(lan int) {
	h.lab.t.Helper()
	dev := h.Interface(lan)
	if h.lab.opts.NoIPv6 {
		h.run("sysctl", "-qw", "net.ipv6.conf."+dev+".disable_ipv6=1")
	} else {
		h.run("sysctl", "-qw", "net.ipv6.conf."+dev+".accept_dad=0")
	}
	h.ip("link", "set", dev, "up")
	if !h.lab.opts.NoIPv4 {
		h.ip("addr", "replace", fmt.Sprintf("%s/24", h.Addr4(lan)), "dev", dev)
	}
	if !h.lab.opts.NoIPv6 && !h.lab.opts.LinkLocal {
		h.ip("-6", "addr", "replace", fmt.Sprintf("%s/64", h.Addr6(lan)), "dev", dev, "nodad")
	}
	if h.lab.opts.Split != nil {
		h.ip("route", "replace", "default", "via", h.lab.router4(lan), "dev", dev, "onlink")
		if !h.lab.opts.NoIPv6 {
			h.ip("-6", "route", "replace", "default", "via", router6(lan), "dev", dev)
		}
		return
	}
	if lan == 0 && !h.lab.opts.NoRoute {
		if !h.lab.opts.NoIPv4 {
			h.ip("route", "replace", "default", "dev", dev)
		}
		if !h.lab.opts.NoIPv6 {
			h.ip("-6", "route", "replace", "default", "dev", dev)
		}
	}
}

func (h *Host) port(lan int) string { return fmt.Sprintf("p%d-%d", h.n, lan) }

// Interface returns the name of the host's interface on a LAN.
func (h *Host) Interface(lan int) string { return fmt.Sprintf("eth%d", lan) }

// Addr4 returns the host's IPv4 address on a LAN.
func (h *Host) Addr4(lan int) netip.Addr {
	if lan == 0 && h.lab.opts.Internet {
		return netip.AddrFrom4([4]byte{byte(20 + h.n), 79, 0, 1})
	}
	return netip.AddrFrom4([4]byte{10, 79, byte(lan), byte(h.n + 1)})
}

// Addr6 returns the host's global IPv6 address on a LAN.
func (h *Host) Addr6(lan int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("fd79:0:0:%x::%x", lan, h.n+1))
}

// Command prepares a program to run in the host.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.name, name}, args...)...)
}

func (h *Host) run(name string, args ...string) {
	h.lab.t.Helper()
	if out, err := h.Command(name, args...).CombinedOutput(); err != nil {
		h.lab.t.Fatalf("%s %s in %s: %v: %s", name, strings.Join(args, " "), h.name, err, out)
	}
}

// LinkDown pulls the host's cables.
func (h *Host) LinkDown() {
	h.lab.t.Helper()
	for _, lan := range h.lans() {
		h.ip("link", "set", h.Interface(lan), "down")
	}
}

// LinkUp puts the host's cables back.
func (h *Host) LinkUp() {
	h.lab.t.Helper()
	for _, lan := range h.lans() {
		h.up(lan)
	}
}

// Replug takes the host's interface on a LAN away and makes it anew, as with
// an adapter that is pulled out and put back.
func (h *Host) Replug(lan int) {
	h.lab.t.Helper()
	h.ip("link", "del", h.Interface(lan))
	h.plug(lan)
}
