package lan

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// avahi is a host on which avahi-daemon runs, with a system bus of its own.
type avahi struct {
	t   *testing.T
	cmd *exec.Cmd
}

// avahiScript makes a /run of its own, in a mount namespace of its own, and
// becomes avahi-daemon there.
const avahiScript = `set -e
mount -t tmpfs none /run
mkdir -p /run/dbus /run/avahi-daemon
cat >/run/avahi.conf <<-end
	[server]
	host-name=$1
	use-ipv4=yes
	use-ipv6=yes
	disallow-other-stacks=$2
	ratelimit-interval-usec=0
	[publish]
	publish-hinfo=no
	publish-workstation=no
end
dbus-daemon --system --nofork --nopidfile >/dev/null 2>&1 &
until test -S /run/dbus/system_bus_socket; do sleep 0.02; done
exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f /run/avahi.conf >/dev/null 2>&1`

// startAvahi runs avahi-daemon on h until the test ends.
func startAvahi(t *testing.T, h *netns.Host, name, disallowOthers string) *avahi {
	t.Helper()
	for _, program := range []string{"avahi-daemon", "avahi-browse", "avahi-publish", "dbus-daemon", "unshare", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv(netns.Require) != "" {
				t.Fatalf("avahi is required here: %v", err)
			}
			t.Skipf("no avahi on this machine: %v", err)
		}
	}
	a := &avahi{t: t, cmd: h.Command("unshare", "-m", "sh", "-c", avahiScript, "sh", name, disallowOthers)}
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to end the bus as well
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Kill(-a.cmd.Process.Pid, syscall.SIGKILL); err != nil {
			t.Errorf("end avahi-daemon: %v", err)
		}
		_ = a.cmd.Wait() // killed
	})
	deadline := time.Now().Add(10 * time.Second)
	for a.command("avahi-daemon", "-c").Run() != nil {
		if time.Now().After(deadline) {
			t.Fatal("avahi-daemon does not start")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return a
}

// command prepares a program that talks to the daemon.
func (a *avahi) command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-m", "-n", "-t", fmt.Sprint(a.cmd.Process.Pid), name}, args...)...)
}

// browse returns the services of ours that a browser on the host resolves.
func (a *avahi) browse() string {
	a.t.Helper()
	out, err := a.command("avahi-browse", "-rtp", service).CombinedOutput()
	if err != nil {
		a.t.Fatalf("avahi-browse: %v: %s", err, out)
	}
	return string(out)
}

// TestAvahiSeesUs browses from a host without dione: where both run, answers
// to port 5353 go to whichever has come last.
func TestAvahiSeesUs(t *testing.T) {
	t.Parallel() // it mostly waits
	lab := netns.New(t, 2)
	browser := startAvahi(t, lab.Host(1), "browser", "no")
	ann := start(t, lab.Host(0), "run", t.TempDir())
	name := ann.instance()
	ann.awaitStatus(time.Time{}, "on", func(st Status) bool { return st.Off == "" })
	// The daemon asks nobody while it still claims its own name.
	resolved := browser.browse()
	wanted := []string{
		"=;eth0;IPv4;" + name + ";_dione._tcp;local;dione-" + name + ".local;",
		"=;eth0;IPv6;" + name + ";_dione._tcp;local;dione-" + name + ".local;",
		lab.Host(0).Addr4(0).String(), `"v=1"`, `"n=0d6e4079e36703eb"`,
	}
	missing := func(want string) bool { return !strings.Contains(resolved, want) }
	for began := time.Now(); slices.ContainsFunc(wanted, missing) && time.Since(began) < 40*time.Second; {
		resolved = browser.browse()
	}
	for _, want := range wanted {
		if !strings.Contains(resolved, want) {
			t.Errorf("%s is missing from what avahi resolves:\n%s", want, resolved)
		}
	}

	ann.quit()
	if testing.Short() {
		return
	}
	gone := time.Now()
	for strings.Contains(browser.browse(), name) {
		if time.Since(gone) > 2*ttl*time.Second {
			t.Fatalf("avahi still shows us %v after we left", time.Since(gone))
		}
		time.Sleep(time.Second)
	}
	t.Logf("gone from avahi's sight after %v", time.Since(gone))
}

// TestWeSeeAvahi finds what avahi publishes, though the question is spelled in
// a case of its own, and nothing else that it has.
func TestWeSeeAvahi(t *testing.T) {
	t.Parallel() // it mostly waits
	lab := netns.New(t, 2)
	publisher := startAvahi(t, lab.Host(1), "publisher", "no")
	const name = "0123456789abcdef"
	pub := publisher.command("avahi-publish", "-s", name, service, "7003", "v=1", "n="+networkName(main))
	if err := pub.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pub.Process.Kill(); err != nil {
			t.Errorf("end avahi-publish: %v", err)
		}
		_ = pub.Wait() // killed
	})
	ann := start(t, lab.Host(0), "run", t.TempDir())
	e := ann.await("what avahi publishes", func(e event) bool { return e.Kind == "found" })
	if e.Instance != name || !strings.Contains(strings.Join(e.Addrs, " "), lab.Host(1).Addr4(0).String()+":7003") {
		t.Errorf("found %s at %v", e.Instance, e.Addrs)
	}
}

// TestBesideAvahi runs on a host where avahi has port 5353 already.
func TestBesideAvahi(t *testing.T) {
	t.Parallel() // it mostly waits
	lab := netns.New(t, 2)
	startAvahi(t, lab.Host(0), "beside", "no")
	ann, bob := start(t, lab.Host(0), "run", t.TempDir()), start(t, lab.Host(1), "run", t.TempDir())
	ann.awaitPeer(time.Time{}, bob)
	bob.awaitPeer(time.Time{}, ann)
	ann.awaitStatus(time.Time{}, "on", func(st Status) bool { return st.Off == "" })
}

// TestAvahiAlone runs where avahi lets nobody else have the port: that is
// said, and processes of the host find each other all the same.
func TestAvahiAlone(t *testing.T) {
	t.Parallel() // it mostly waits
	lab := netns.New(t, 1)
	startAvahi(t, lab.Host(0), "alone", "yes")
	dir := t.TempDir()
	ann, bob := start(t, lab.Host(0), "run", dir), start(t, lab.Host(0), "run", dir)
	ann.awaitPeer(time.Time{}, bob)
	bob.awaitPeer(time.Time{}, ann)
	st := ann.awaitStatus(time.Time{}, "off", func(st Status) bool { return st.Off != "" })
	if !strings.Contains(st.Off, "disallow-other-stacks=no") {
		t.Errorf("Off = %q, want the remedy", st.Off)
	}
}
