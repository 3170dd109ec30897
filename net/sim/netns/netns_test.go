package netns

import (
	"os/exec"
	"strings"
	"testing"
)

func TestHostsReachEachOther(t *testing.T) {
	for _, tt := range []struct {
		name  string
		opts  Options
		hear4 bool
		hear6 bool
	}{
		{"both families", Options{}, true, true},
		{"IPv4 only", Options{NoIPv6: true}, true, false},
		{"IPv6 only", Options{NoIPv4: true}, false, true},
		{"second LAN", Options{LANs: 2, NoRoute: true}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := NewWith(t, 2, tt.opts)
			last := l.opts.LANs - 1
			here, there := l.Host(0), l.Host(1)
			out, err := there.Command("ip", "addr", "show", there.Interface(last)).CombinedOutput()
			if err != nil {
				t.Fatalf("ip addr: %v: %s", err, out)
			}
			if got := strings.Contains(string(out), there.Addr4(last).String()+"/"); got != tt.hear4 {
				t.Errorf("IPv4 address there: %v, want %v:\n%s", got, tt.hear4, out)
			}
			if got := strings.Contains(string(out), there.Addr6(last).String()+"/"); got != tt.hear6 {
				t.Errorf("IPv6 address there: %v, want %v:\n%s", got, tt.hear6, out)
			}
			if tt.hear4 {
				here.mustReach(there.Addr4(last).String())
			}
			there.LinkDown()
			there.LinkUp()
			there.Replug(last)
			if tt.hear6 {
				here.mustReach(there.Addr6(last).String())
			}
		})
	}
}

// Two networks have a router between them, which passes on what is for one
// host and nothing else.
func TestSplitNetworksAreRouted(t *testing.T) {
	l := NewWith(t, 3, Options{Split: []int{0, 0, 1}})
	near, far := l.Host(0), l.Host(2)
	near.mustReach(l.Host(1).Addr4(0).String())
	for _, addr := range []string{far.Addr4(1).String(), far.Addr6(1).String()} {
		// A port on which nobody listens refuses: the answer came from there.
		out, err := near.Command("bash", "-c", "exec 3<>/dev/tcp/"+addr+"/9").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "refused") {
			t.Errorf("%s: %v: %s, want a refusal", addr, err, out)
		}
	}
	far.LinkDown()
	far.LinkUp()
	if out, err := near.Command("ip", "route", "get", far.Addr4(1).String()).CombinedOutput(); err != nil || !strings.Contains(string(out), l.router4(0)) {
		t.Errorf("the way to the other network: %v: %s", err, out)
	}
}

// Hosts of the internet reach each other; those behind a home router reach
// them, and are reached by nobody.
func TestInternet(t *testing.T) {
	l := NewWith(t, 5, Options{Internet: true, Split: []int{0, 0, 1, 2, 2}})
	for _, tt := range []struct {
		from, to int
		refused  bool
	}{
		{0, 1, true}, {2, 0, true}, {3, 1, true}, {0, 2, false}, {2, 3, false}, {4, 3, true},
	} {
		lan := l.opts.Split[tt.to]
		addr := l.Host(tt.to).Addr4(lan)
		if addr.IsPrivate() != (lan > 0) {
			t.Errorf("host %d has the address %s", tt.to, addr)
		}
		out, _ := l.Host(tt.from).Command("timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/"+addr.String()+"/9").CombinedOutput()
		if got := strings.Contains(string(out), "refused"); got != tt.refused {
			t.Errorf("%d dials %d: refused %v, want %v: %s", tt.from, tt.to, got, tt.refused, out)
		}
	}
}

// mustReach asks the kernel's neighbour discovery for addr: it needs no
// program on the other side.
func (h *Host) mustReach(addr string) {
	h.lab.t.Helper()
	h.run("bash", "-c", `
		for try in {1..100}; do
			(exec 3<>/dev/udp/`+addr+`/9; echo >&3) 2>/dev/null
			ip neigh show `+addr+` | grep -q lladdr && exit 0
			sleep 0.1
		done
		ip neigh; exit 1`)
}

// TestLeftoversAreRemoved makes what a killed test leaves behind, and what one
// has that is running.
func TestLeftoversAreRemoved(t *testing.T) {
	l := New(t, 0)
	const left = prefix + "999999999-1-h0" // above the largest process number
	l.ip("netns", "add", left)
	removeLeftovers(t)
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), left) {
		t.Errorf("%s is still there", left)
	}
	if !strings.Contains(string(out), l.sw) {
		t.Errorf("%s, which is in use, is gone", l.sw)
	}
}
