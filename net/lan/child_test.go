package lan

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// This file runs the test binary as a program on the hosts of a netns.Lab:
// what it does is named by an environment variable, what it sees it prints as
// lines of JSON.

const childEnv = "DIONE_LAN_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		child(task)
		return
	}
	os.Exit(m.Run())
}

// event is a line that a child prints.
type event struct {
	Kind      string // ready, found, status, count
	At        time.Time
	Instance  string     // ready, found
	Addrs     []string   // found
	Reached   netip.Addr // found: the address that a dial has reached
	Status    Status
	Files     int // count: open files
	Goroutine int // count
}

func child(task string) {
	lines := json.NewEncoder(os.Stdout)
	var mu sync.Mutex
	tell := func(e event) {
		mu.Lock()
		defer mu.Unlock()
		e.At = time.Now()
		must(0, lines.Encode(e))
	}
	cfg := Config{Instance: newInstance(), Network: main, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	cfg.Status = func(st Status) { tell(event{Kind: "status", Status: st}) }
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it ends the child
		cancel()
	}()
	switch task {
	case "run":
		listener := must(net.Listen("tcp", ":0"))
		cfg.Port = listener.Addr().(*net.TCPAddr).AddrPort().Port()
		tell(event{Kind: "ready", Instance: instanceName(cfg.Instance)})
		found := make(chan Peer)
		go func() {
			for p := range found {
				tell(foundEvent(p))
			}
		}()
		must(0, Run(ctx, cfg, found, nil))
	case "check":
		tell(event{Kind: "status", Status: Check(ctx, cfg.Log)})
	case "count":
		// Many queries and many servers, and what is left of them.
		cfg.Port = 4000
		m := newMulticast(cfg.complete())
		ifs := must(usable())
		for n := range 300 {
			if n%100 == 0 {
				m.serve(ifs)
				runtime.GC() // the library leaves some sockets to it
				tell(event{Kind: "count", Files: len(must(os.ReadDir("/proc/self/fd"))), Goroutine: runtime.NumGoroutine()})
			}
			m.query(ctx, ifs, 5*time.Millisecond)
		}
		m.close()
		tell(event{Kind: "count", Files: len(must(os.ReadDir("/proc/self/fd"))), Goroutine: runtime.NumGoroutine()})
	}
}

// foundEvent dials the addresses of p as a peer would.
func foundEvent(p Peer) event {
	e := event{Kind: "found", Instance: instanceName(p.Instance)}
	for _, a := range p.Addrs {
		e.Addrs = append(e.Addrs, a.String())
	}
	for _, a := range p.Addrs {
		conn, err := net.DialTimeout("tcp", a.String(), time.Second)
		if err == nil {
			_ = conn.Close()
			e.Reached = a.Addr()
			break
		}
	}
	return e
}

// process is a child on a host.
type process struct {
	t     *testing.T
	stdin io.Closer
	ended chan struct{}

	mu      sync.Mutex
	events  []event
	changed chan struct{}
}

// start runs a child on h until the test ends. Processes of one dir are those
// of one user.
func start(t *testing.T, h *netns.Host, task, dir string) *process {
	t.Helper()
	cmd := h.Command(must(filepath.Abs(os.Args[0])))
	cmd.Env = append(os.Environ(), childEnv+"="+task, "XDG_RUNTIME_DIR="+dir,
		"GORACE=atexit_sleep_ms=0") // the race detector's second of waiting at the end of each
	return startCommand(t, cmd)
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, ended: make(chan struct{}), changed: make(chan struct{})}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if !testing.Verbose() {
		cmd.Stderr = nil
	}
	p.stdin = stdin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.read(stdout)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", cmd, err)
		}
	}()
	t.Cleanup(p.quit)
	return p
}

func (p *process) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			e.Kind = fmt.Sprintf("%v in %q", err, lines.Text())
		}
		p.mu.Lock()
		p.events = append(p.events, e)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// quit ends the child and waits for it.
func (p *process) quit() {
	_ = p.stdin.Close() // it may have ended by itself
	<-p.ended
}

// await waits for an event that fits, past ones included.
func (p *process) await(what string, fits func(event) bool) event {
	p.t.Helper()
	return p.awaitSince(time.Time{}, what, fits)
}

func (p *process) awaitSince(since time.Time, what string, fits func(event) bool) event {
	p.t.Helper()
	deadline := time.After(2*steady + 10*time.Second)
	for {
		p.mu.Lock()
		events, changed := p.events, p.changed
		p.mu.Unlock()
		for _, e := range events {
			if fits(e) && e.At.After(since) {
				return e
			}
		}
		select {
		case <-changed:
		case <-deadline:
			p.t.Fatalf("no %s; seen: %+v", what, events)
		}
	}
}

func (p *process) instance() string {
	p.t.Helper()
	return p.await("ready", func(e event) bool { return e.Kind == "ready" }).Instance
}

// awaitPeer waits until p finds other, and can reach it, after a point in time.
func (p *process) awaitPeer(since time.Time, other *process) event {
	p.t.Helper()
	name := other.instance()
	return p.awaitSince(since, "other that is reached", func(e event) bool {
		return e.Kind == "found" && e.Instance == name && e.Reached.IsValid()
	})
}

func (p *process) awaitStatus(since time.Time, what string, fits func(Status) bool) Status {
	p.t.Helper()
	return p.awaitSince(since, "status: "+what, func(e event) bool { return e.Kind == "status" && fits(e.Status) }).Status
}
