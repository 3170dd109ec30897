//go:build unix

package cli_test

import (
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// alone keeps the chat off the LAN.
var alone = []string{"--plain", "--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0"}

// newAlone returns a home whose program keeps to the loopback interface.
func newAlone(t testing.TB) *home {
	t.Helper()
	bin, err := exec.LookPath("dione") // see TestMain
	if err != nil {
		t.Fatal(err)
	}
	return newHome(t, bin, nil, "ann")
}

// result is what a command did.
type result struct {
	t           testing.TB
	what        string
	out, stderr string
	code        int
}

// ok wants exit code 0, nothing told as an error, and an output that fits.
func (r result) ok(out string) {
	r.t.Helper()
	if r.code != 0 || strings.Contains(r.stderr, "hint:") {
		r.t.Errorf("%s: exit code %d, %s", r.what, r.code, r.stderr)
	}
	if !regexp.MustCompile(`(?s)\A(?:` + out + `)\z`).MatchString(r.out) {
		r.t.Errorf("%s printed\n%swant\n%s", r.what, r.out, out)
	}
}

// fails wants an exit code, nothing on stdout, and what failed and the next
// step ("": none is known) on stderr.
func (r result) fails(code int, failed, hint string) {
	r.t.Helper()
	want := `\Adione: ` + failed + `\n`
	if hint != "" {
		want += `hint: ` + hint + `\n`
	}
	if r.code != code || r.out != "" || !regexp.MustCompile(want+`\z`).MatchString(r.stderr) {
		r.t.Errorf("%s: exit code %d, %s%swant %d, %s", r.what, r.code, r.out, r.stderr, code, want)
	}
}

const helpHint = "dione --help tells how it is written"

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
