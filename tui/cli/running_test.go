//go:build unix

package cli_test

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// newAlone returns a home whose program keeps to the loopback interface.
func newAlone(t *testing.T) *home {
	h := newHome(t, os.Args[0], nil, "ann")
	h.env = append(h.env, beDione+"=1")
	return h
}

// run runs a command in h to its end.
func (h *home) run(args ...string) result {
	h.t.Helper()
	cmd := h.command(args...)
	var out, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		h.t.Fatal(err)
	}
	return result{h.t, "dione " + strings.Join(args, " "), out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// TestRunning has other commands meet the process that has the profile.
func TestRunning(t *testing.T) {
	t.Parallel()
	h := newAlone(t)
	a := h.start("--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0")
	ready := a.await("ready", func(l line) bool { return l.Kind == "ready" })
	if len(ready.Addrs) != 1 {
		t.Fatalf("it listens at %q", ready.Addrs)
	}
	a.say("hello")
	a.await("sent", func(l line) bool { return l.Kind == "sent" })

	addr := regexp.QuoteMeta(ready.Addrs[0])
	h.run("id").ok("ann ·" + ready.Tag + "\n" + ready.Peer + "\n" + addr + "\n")
	h.run("id", "--json").ok(`\{"peer":"` + ready.Peer + `","name":"ann","tag":"` + ready.Tag + `","addrs":\["` + addr + `"\]\}` + "\n")
	h.run("peers").ok("")
	h.run("history", "#lan").ok(`.* ann ·` + ready.Tag + `: hello \[failed\]\n`)
	h.run("search", "HELLO").ok(`.* ann ·` + ready.Tag + ` in #lan: hello\n`)
	h.run("search", "hello", "goodbye").fails(1, "nothing found for hello goodbye", "every word must occur; .*")
	h.run("history", "bob").fails(1, `nobody known is called "bob"`, "dione peers lists the people you know")
	h.run("doctor", "--lan=false").ok(`(?s).*A dione runs on it and listens at ` + addr + `\.\n.*`)

	inUse := fmt.Sprintf("profile .* is in use by process %d", a.cmd.Process.Pid)
	const hint = "use the dione that is running, or another profile with --home"
	h.run("--plain").fails(4, inUse, hint)
	h.run("passphrase", "--new-passphrase-file", os.DevNull).fails(4, inUse, hint)
	h.run("export", h.dir+".backup", "--backup-passphrase-file", os.DevNull).fails(4, inUse, "quit the dione that is running, make the backup, and start it again")

	port := strings.Split(ready.Addrs[0], "/")[4]
	newAlone(t).run("--plain", "--lan=false", "--listen", "/ip4/127.0.0.1/tcp/"+port).
		fails(1, "listen for peers: port "+port+" is taken by another program", "choose another port with --listen, or give none")
	a.quit()
	h.run("id").ok(`.* ·` + ready.Tag + "\n" + ready.Peer + "\n")
}

// TestAtOnce has commands that read a profile which no process has meet each
// other: they take turns.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	h := newAlone(t)
	h.run("id").ok(`.*`)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { h.run("peers").ok("") })
	}
	all.Wait()
}

// TestSecondSignal ends a program that hangs, since nobody reads what it
// prints.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	h := newAlone(t)
	cmd := h.command(alone...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var started [1]byte
	if _, err := io.ReadFull(out, started[:]); err != nil {
		t.Fatal(err)
	}
	full := make(chan struct{})
	go func() {
		defer close(full)
		// Far more than the pipe holds; the write ends with the program.
		_, _ = io.WriteString(in, strings.Repeat("/help\n", 10_000))
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	time.Sleep(200 * time.Millisecond) // until the pipe is full; too short a time makes the test easier, not wrong
	deadline := time.After(patience)
	for {
		select {
		case <-ended:
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if status.Signaled() && status.Signal() != syscall.SIGINT || !status.Signaled() && status.ExitStatus() != 0 {
				t.Errorf("it ended as %v", cmd.ProcessState)
			}
			<-full
			return
		case <-time.After(100 * time.Millisecond):
			_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended
		case <-deadline:
			_ = cmd.Process.Kill()
			t.Fatal("two signals do not end it")
		}
	}
}
