package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// patience bounds every wait of the end-to-end tests. Only a test that fails
// reaches it.
const patience = 20 * time.Second

// mailNetwork is the private network in which these tests run.
const mailNetwork = "test"

// build makes the program as a user would.
func build(t testing.TB) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "dione")
	if out, err := exec.Command("go", "build", "-o", bin, "dione").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// line is one object of plain mode's JSON.
type line struct {
	At           time.Time `json:"-"` // when the test read it
	Kind         string    `json:"kind"`
	Peer         string    `json:"peer"`
	Name         string    `json:"name"`
	Tag          string    `json:"tag"`
	Path         string    `json:"path"`
	Addrs        []string  `json:"addrs"`
	ID           string    `json:"id"`
	Conversation string    `json:"conversation"`
	From         string    `json:"from"`
	Text         string    `json:"text"`
	State        string    `json:"state"`
	Stored       int       `json:"stored"`
	Replicas     int       `json:"replicas"`
	Reason       string    `json:"reason"`
	Invitation   string    `json:"invitation"`
	DHT          struct {
		Mode       string `json:"mode"`
		Servers    int    `json:"servers"`
		Near       int    `json:"near"`
		Serves     bool   `json:"serves"`
		ServesNear bool   `json:"serves_near"`
		Held       int    `json:"held"`
		Problem    string `json:"problem"`
	} `json:"dht"`
}

// home is a person's machine: where the program runs and keeps its profile.
type home struct {
	t    testing.TB
	bin  string
	host *netns.Host // nil: this host
	dir  string      // profile
	env  []string
	name string
}

func newHome(t testing.TB, bin string, host *netns.Host, name string) *home {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	return &home{
		t: t, bin: bin, host: host, name: name,
		dir: filepath.Join(dir, "profile"),
		// Joining the main network would cost seconds of work for each profile.
		env: append(os.Environ(), "HOME="+dir, "XDG_RUNTIME_DIR="+run, "TERM=xterm-256color", "DIONE_NETWORK="+mailNetwork),
	}
}

// command prepares a run of the program in h.
func (h *home) command(args ...string) *exec.Cmd {
	args = append([]string{"--home", h.dir}, args...)
	cmd := exec.Command(h.bin, args...)
	if h.host != nil {
		cmd = h.host.Command(h.bin, args...)
	}
	cmd.Env = h.env
	return cmd
}

// app is a running dione in plain mode and what it printed so far.
type app struct {
	*home
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer
	ended  chan struct{}
	err    error // of Wait; read it after ended

	mu      sync.Mutex
	lines   []line
	changed chan struct{}
}

// start runs the program in plain mode until the test ends.
func (h *home) start(args ...string) *app {
	h.t.Helper()
	a := h.launch(h.command(append([]string{"--plain", "--json", "--name", h.name}, args...)...))
	a.await("ready", func(l line) bool { return l.Kind == "ready" })
	return a
}

// launch runs a program that prints JSON until the test ends.
func (h *home) launch(cmd *exec.Cmd) *app {
	h.t.Helper()
	a := &app{home: h, cmd: cmd, ended: make(chan struct{}), changed: make(chan struct{})}
	a.cmd.Stderr = &a.stderr
	stdin, err := a.cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	a.stdin = stdin
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		defer close(a.ended)
		a.read(stdout)
		a.err = a.cmd.Wait()
	}()
	h.t.Cleanup(a.kill)
	return a
}

func (a *app) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l := line{At: time.Now()}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			l.Kind, l.Text = "not JSON", lines.Text()
		}
		a.mu.Lock()
		a.lines = append(a.lines, l)
		close(a.changed)
		a.changed = make(chan struct{})
		a.mu.Unlock()
	}
}

// printed returns what came so far and a channel that closes with the next.
func (a *app) printed() ([]line, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lines[:len(a.lines):len(a.lines)], a.changed
}

// await waits for a line that fits, past ones included.
func (a *app) await(what string, fits func(line) bool) line {
	a.t.Helper()
	return a.awaitFrom(0, what, fits)
}

// awaitFrom is await that looks at the lines from number n on.
func (a *app) awaitFrom(n int, what string, fits func(line) bool) line {
	a.t.Helper()
	deadline := time.After(patience)
	for {
		lines, changed := a.printed()
		for _, l := range lines[min(n, len(lines)):] {
			if fits(l) {
				return l
			}
		}
		select {
		case <-changed:
		case <-a.ended:
			a.t.Fatalf("%s ended (%v) before %s; stderr: %s", a.name, a.err, what, a.stderr.String())
		case <-deadline:
			a.t.Fatalf("%s: no %s after %v; it printed %s", a.name, what, patience, tail(lines))
		}
	}
}

// mark tells how many lines came so far, for awaitFrom.
func (a *app) mark() int {
	lines, _ := a.printed()
	return len(lines)
}

func tail(lines []line) string {
	var b strings.Builder
	for _, l := range lines[max(0, len(lines)-12):] {
		fmt.Fprintf(&b, "\n  %s %s %s %q %s", l.Kind, l.Name, l.Conversation, l.Text, l.State)
	}
	return b.String()
}

// say types lines.
func (a *app) say(lines ...string) {
	a.t.Helper()
	if _, err := io.WriteString(a.stdin, strings.Join(lines, "\n")+"\n"); err != nil {
		a.t.Fatalf("%s: type %.40q: %v", a.name, lines, err)
	}
}

// kill ends the program without a chance to tidy up.
func (a *app) kill() {
	_ = a.cmd.Process.Signal(syscall.SIGKILL)
	<-a.ended
}

// quit ends the input and expects a clean exit.
func (a *app) quit() {
	a.t.Helper()
	if err := a.stdin.Close(); err != nil {
		a.t.Fatal(err)
	}
	a.awaitExit(0)
}

func (a *app) awaitExit(code int) {
	a.t.Helper()
	select {
	case <-a.ended:
	case <-time.After(patience):
		a.t.Fatalf("%s does not end", a.name)
	}
	got := 0
	var exit *exec.ExitError
	if errors.As(a.err, &exit) {
		got = exit.ExitCode()
	} else if a.err != nil {
		a.t.Fatalf("%s: %v", a.name, a.err)
	}
	if got != code {
		a.t.Errorf("%s: exit code %d, want %d; stderr: %s", a.name, got, code, a.stderr.String())
	}
}

func (a *app) awaitNear(who string) line {
	a.t.Helper()
	return a.await(who+" near", func(l line) bool { return l.Kind == "near" && l.Name == who })
}

func (a *app) awaitText(text string) line {
	a.t.Helper()
	return a.await("message "+text, func(l line) bool { return l.Kind == "message" && l.Text == text })
}

func (a *app) peer() string {
	a.t.Helper()
	return a.await("ready", func(l line) bool { return l.Kind == "ready" }).Peer
}
