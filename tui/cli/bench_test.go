package cli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"dione/crypto/identity"
	"dione/net/sim/netns"
	"dione/store"
)

// These benchmarks run the built program as its users do. Run them with
// -benchtime 20x: each reports medians.

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

// BenchmarkNear measures from the start of a second process, on another host,
// until both have printed that the other is near.
func BenchmarkNear(b *testing.B) {
	bin := build(b)
	lab := netns.New(b, 2)
	ann := newHome(b, bin, lab.Host(0), "ann").start()
	bobHome := newHome(b, bin, lab.Host(1), "bob")
	var took []time.Duration
	for b.Loop() {
		n := ann.mark()
		start := time.Now()
		bob := bobHome.start()
		here := bob.awaitNear("ann")
		there := ann.awaitFrom(n, "bob near", func(l line) bool { return l.Kind == "near" && l.Name == "bob" })
		took = append(took, max(here.At.Sub(start), there.At.Sub(start)))
		n = ann.mark()
		bob.quit()
		ann.awaitFrom(n, "bob gone", func(l line) bool { return l.Kind == "gone" && l.Name == "bob" })
	}
	b.ReportMetric(median(took), "ms-median")
	b.ReportMetric(float64(slices.Max(took).Milliseconds()), "ms-worst")
}

// BenchmarkTwoProcesses measures private messages a second, one way, durable
// at both ends, from the first sent to the last delivered.
func BenchmarkTwoProcesses(b *testing.B) {
	bin := build(b)
	lab := netns.New(b, 2)
	ann := newHome(b, bin, lab.Host(0), "ann").start()
	bob := newHome(b, bin, lab.Host(1), "bob").start()
	ann.awaitNear("bob")
	ann.say("/msg " + bob.peer())
	const burst = 10_000
	text := strings.Repeat("words of a message ", 5)
	var spent time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		lines := make([]string, burst)
		for n := range lines {
			lines[n] = text + strconv.Itoa(n)
		}
		lines[burst-1] = fmt.Sprint("the last of burst ", i)
		n := ann.mark()
		ann.say(lines...)
		id := ann.awaitFrom(n, "the last sent", func(l line) bool { return l.Kind == "sent" && l.Text == lines[burst-1] }).ID
		ann.awaitFrom(n, "the last delivered", func(l line) bool { return l.Kind == "state" && l.ID == id && l.State == "delivered" })
		spent += time.Since(start)
	}
	b.ReportMetric(float64(burst*b.N)/spent.Seconds(), "messages/s")
}

// terminal is a program in a terminal of 120×40.
type terminal struct {
	cmd   *exec.Cmd
	pty   *os.File
	mu    sync.Mutex
	seen  []byte
	total int
}

func startTerminal(b *testing.B, cmd *exec.Cmd) *terminal {
	b.Helper()
	cmd.Env = append(slices.Clone(cmd.Env), "TERM=xterm-256color")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		b.Fatal(err)
	}
	t := &terminal{cmd: cmd, pty: f}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64<<10)
		for {
			n, err := f.Read(buf)
			t.mu.Lock()
			t.seen = append(t.seen, buf[:n]...)
			t.total += n
			t.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = f.Close()
		<-done
	})
	return t
}

// await waits for text in what came since the last await.
func (t *terminal) await(b *testing.B, text string) {
	b.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Microsecond) {
		t.mu.Lock()
		i := bytes.Index(t.seen, []byte(text))
		if i >= 0 {
			t.seen = t.seen[i+len(text):]
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		if time.Now().After(deadline) {
			b.Fatalf("no %q on the terminal", text)
		}
	}
}

// cpu is what the program has used so far.
func (t *terminal) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	if err != nil {
		b.Skip("CPU time is read from /proc")
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks of 100 Hz
}

// memory is the program's resident memory in MB.
func (t *terminal) memory(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	if err != nil {
		b.Skip("memory is read from /proc")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kB, _ := strconv.Atoi(strings.Fields(rest)[0])
	return float64(kB) / 1000
}

// fullHome is a home with 100,000 messages in the room.
func fullHome(b *testing.B, bin string) *home {
	b.Helper()
	h := newHome(b, bin, nil, "ann")
	p, err := store.OpenProfile(h.dir)
	if err != nil {
		b.Fatal(err)
	}
	key, err := p.Unlock(nil)
	if err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(b.Context(), p, key, nil)
	if err != nil {
		b.Fatal(err)
	}
	author := identity.ID{7}
	for i := 0; i < 100_000; i += 1000 {
		err := st.Update(context.Background(), func(tx *store.Tx) error {
			for n := i + 1; n <= i+1000; n++ {
				m := store.Message{From: author, Seq: uint64(n), Sent: time.Now(), Arrived: time.Now(), Text: fmt.Sprintf("message %d, as people write", n)}
				_, _ = rand.Read(m.ID[:])
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	return h
}

// BenchmarkScreen measures the screen with 100,000 messages in the room
// against a bare text area in the same run: from exec to the first frame, from
// a key to its echo, and, over two idle seconds, CPU, bytes written, memory.
func BenchmarkScreen(b *testing.B) {
	bin := build(b)
	bare := filepath.Join(b.TempDir(), "bare")
	if out, err := exec.Command("go", "build", "-o", bare, "./testdata/bare").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	full := fullHome(b, bin)
	for _, tt := range []struct {
		name    string
		command func() *exec.Cmd
		ready   string
	}{
		{"bare", func() *exec.Cmd { return exec.Command(bare) }, "F1 help"},
		{"dione", func() *exec.Cmd { return full.command("--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0") }, "message 100000"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			var first, echo []time.Duration
			var cpu time.Duration
			var written int
			var memory float64
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				t := startTerminal(b, tt.command())
				t.await(b, tt.ready)
				first = append(first, time.Since(start))
				time.Sleep(200 * time.Millisecond) // the rest of the start
				for _, key := range "qwertzuiop" {
					start := time.Now()
					if _, err := io.WriteString(t.pty, string(key)); err != nil {
						b.Fatal(err)
					}
					t.await(b, string(key))
					echo = append(echo, time.Since(start))
				}
				if i == 0 { // idle is measured once: it takes seconds
					time.Sleep(500 * time.Millisecond)
					t.mu.Lock()
					before := t.total
					t.mu.Unlock()
					used := t.cpu(b)
					time.Sleep(5 * time.Second)
					cpu = t.cpu(b) - used
					t.mu.Lock()
					written = t.total - before
					t.mu.Unlock()
					memory = t.memory(b)
				}
				_ = t.cmd.Process.Kill()
				_ = t.cmd.Wait()
			}
			b.ReportMetric(median(first), "ms-first-frame")
			b.ReportMetric(median(echo), "ms-echo")
			b.ReportMetric(cpu.Seconds()/5*100, "%-idle-cpu")
			b.ReportMetric(float64(written), "bytes-idle")
			b.ReportMetric(memory, "MB-memory")
		})
	}
}

// BenchmarkEnter measures from Enter on one screen to the text on another
// one, durable at both ends, on two hosts.
func BenchmarkEnter(b *testing.B) {
	bin := build(b)
	lab := netns.New(b, 2)
	ann := startTerminal(b, newHome(b, bin, lab.Host(0), "ann").command("--name", "ann"))
	bob := startTerminal(b, newHome(b, bin, lab.Host(1), "bob").command("--name", "bob"))
	ann.await(b, "bob")
	bob.await(b, "ann")
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		text := fmt.Sprintf("<%d>", i)
		if _, err := io.WriteString(ann.pty, text); err != nil {
			b.Fatal(err)
		}
		ann.await(b, ">")
		time.Sleep(100 * time.Millisecond) // a person's pause
		start := time.Now()
		if _, err := io.WriteString(ann.pty, "\r"); err != nil {
			b.Fatal(err)
		}
		bob.await(b, text)
		took = append(took, time.Since(start))
	}
	b.ReportMetric(median(took), "ms-median")
	b.ReportMetric(float64(slices.Max(took).Milliseconds()), "ms-worst")
}
