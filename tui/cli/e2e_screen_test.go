package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dione/net/sim/netns"
)

func parseLine(t *testing.T, s string) (l line) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &l); err != nil {
		t.Fatalf("%q is not a line of JSON: %v", s, err)
	}
	return l
}

// screens drives the real program in real terminals.
func screens(t *testing.T, bin string) {
	lab := netns.New(t, 2)
	tm := newTmux(t)
	ann := newHome(t, bin, lab.Host(0), "ann")
	bob := newHome(t, bin, lab.Host(1), "bob")
	tm.run("ann", ann)
	tm.await("ann", "nobody near yet")
	tm.run("bob", bob)
	tm.await("ann", "bob")
	tm.await("bob", "ann")

	tm.keys("ann", "hello from ann", "Enter")
	tm.await("bob", "hello from ann")
	tm.await("ann", "✓")
	tm.keys("bob", "/msg ann just the two of us", "Enter")
	tm.await("ann", "● bob")
	tm.keys("bob", "half a thought")
	tm.await("bob", "half a thought")
	tm.resize("bob", 40, 10)
	tm.await("bob", "half a thought")
	tm.resize("bob", 100, 30)
	tm.await("bob", "half a thought")

	tm.keys("bob", "C-c") // clears
	tm.keys("bob", "C-c") // leaves
	tm.await("bob", "exit code 0")
	tm.keys("ann", "C-c")
	tm.await("ann", "exit code 0")

	// What is typed is there again, though the program was killed a second later.
	tm.run("killed", bob)
	tm.await("killed", "CONTACTS")
	tm.keys("killed", "a thought to be finished")
	tm.await("killed", "a thought to be finished")
	time.Sleep(time.Second)
	bob.signal(syscall.SIGKILL)
	tm.await("killed", "exit code 137")

	// A signal ends it as well, and gives the terminal back.
	tm.run("again", bob)
	tm.await("again", "> a thought to be finished")
	tm.keys("again", "M-Down")
	tm.await("again", "just the two of us") // the history is there
	tm.keys("again", "C-f", "HELLO from")
	tm.await("again", "1 found")
	tm.keys("again", "Enter")
	tm.await("again", "found · Esc back to the search")
	tm.await("again", "hello from ann")
	bob.signal(syscall.SIGTERM)
	tm.await("again", "exit code 0")
	if on := tm.do("display", "-p", "-t", "again", "#{alternate_on}"); strings.TrimSpace(on) != "0" {
		t.Error("the terminal is left on its alternate screen")
	}
}

// signal gives one to the process that has the profile.
func (h *home) signal(sig os.Signal) {
	h.t.Helper()
	lock, err := os.ReadFile(filepath.Join(h.dir, "lock"))
	if err != nil {
		h.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(lock)))
	if err != nil {
		h.t.Fatalf("the lock holds %q: %v", lock, err)
	}
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Signal(sig)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// friendsOnScreen has two people on two networks become friends by keys alone.
func friendsOnScreen(t *testing.T, bin string) {
	lab := twoNetworks(t)
	tm := newTmux(t)
	ann := newHome(t, bin, lab.Host(0), "ann")
	bob := newHome(t, bin, lab.Host(2), "bob")
	tm.run("ann", ann)
	tm.run("bob", bob)
	tm.await("ann", "nobody near yet")
	tm.await("bob", "nobody near yet")
	address := regexp.MustCompile(`/ip4/10\.79\.1\.\S+`)
	id, err := bob.command("id").Output()
	if err != nil {
		t.Fatal(err)
	}
	tm.keys("ann", "/add "+address.FindString(string(id))+" as robert", "Enter")
	tm.await("ann", "waiting to be accepted")
	tm.keys("ann", "hello over there", "Enter")

	tm.await("bob", "REQUESTS")
	tm.keys("bob", "Tab", "End", "Enter")
	tm.await("bob", "STRANGERS WHO WOULD LIKE TO WRITE")
	tm.keys("bob", "a")
	tm.await("bob", "is a contact now")
	tm.await("ann", "✓")
	tm.keys("bob", "q", "M-Down")
	tm.await("bob", "hello over there")

	// The same digits on both screens.
	row := regexp.MustCompile(`(\d{5} ){3}\d{5}`)
	var digits [2]string
	for i, session := range []string{"ann", "bob"} {
		tm.keys(session, "/verify", "Enter")
		tm.await(session, "y they are the same")
		digits[i] = strings.Join(row.FindAllString(tm.screen(session), -1), " ")
		tm.keys(session, "y")
		tm.await(session, "u takes it back")
		tm.keys(session, "q")
		tm.await(session, "verified · direct")
	}
	if len(digits[0]) != 71 || digits[0] != digits[1] {
		t.Errorf("the safety numbers are %q and %q", digits[0], digits[1])
	}

	tm.keys("bob", "/block", "Enter")
	tm.await("bob", "verified · blocked")
	tm.keys("ann", "are you angry?", "Enter")
	tm.await("ann", "1 queued")
	tm.keys("bob", "/unblock", "Enter")
	tm.await("bob", "are you angry?")
	for _, session := range []string{"ann", "bob"} {
		tm.keys(session, "C-c")
		tm.await(session, "exit code 0")
	}
}

// tmux is a server of its own.
type tmux struct {
	t      *testing.T
	socket string
	dir    string
}

func newTmux(t *testing.T) *tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("DIONE_REQUIRE_ALL") != "" {
			t.Fatal("tmux is missing")
		}
		t.Skip("tmux is missing")
	}
	tm := &tmux{t: t, dir: t.TempDir()}
	tm.socket = filepath.Join(tm.dir, "s")
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", tm.socket, "kill-server").Run() })
	return tm
}

func (tm *tmux) do(args ...string) string {
	tm.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", tm.socket, "-f", os.DevNull, "-u"}, args...)...)
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		tm.t.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// run opens dione in a session; the shell around it tells its exit code.
func (tm *tmux) run(session string, h *home) {
	tm.t.Helper()
	cmd := h.command("--name", h.name)
	var script strings.Builder
	for _, kv := range h.env {
		for _, keep := range []string{"HOME=", "XDG_RUNTIME_DIR="} {
			if strings.HasPrefix(kv, keep) {
				fmt.Fprintf(&script, "export %s\n", kv)
			}
		}
	}
	fmt.Fprintf(&script, "%s\necho exit code $?\nsleep 60\n", strings.Join(cmd.Args, " "))
	file := filepath.Join(tm.dir, session+".sh")
	if err := os.WriteFile(file, []byte(script.String()), 0o700); err != nil {
		tm.t.Fatal(err)
	}
	tm.do("new-session", "-d", "-x", "100", "-y", "30", "-s", session, "sh "+file)
}

func (tm *tmux) screen(session string) string { return tm.do("capture-pane", "-p", "-t", session) }

func (tm *tmux) await(session, text string) {
	tm.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		screen := tm.screen(session)
		if strings.Contains(screen, text) {
			return
		}
		if time.Now().After(deadline) {
			tm.t.Fatalf("%q is not on the screen of %s:\n%s", text, session, screen)
		}
	}
}

func (tm *tmux) keys(session string, keys ...string) {
	tm.t.Helper()
	for _, k := range keys {
		tm.do("send-keys", "-t", session, k)
	}
}

func (tm *tmux) resize(session string, w, h int) {
	tm.t.Helper()
	tm.do("resize-window", "-t", session, "-x", fmt.Sprint(w), "-y", fmt.Sprint(h))
}
