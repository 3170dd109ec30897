package cli_test

import (
	"bytes"
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
)

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

// mark returns how many bytes came so far.
func (t *terminal) mark() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// forget drops what came so far.
func (t *terminal) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = nil
}

// press types a key and returns how long it takes until something is drawn.
func (t *terminal) press(b *testing.B, key string) time.Duration {
	b.Helper()
	before, start := t.mark(), time.Now()
	if _, err := io.WriteString(t.pty, key); err != nil {
		b.Fatal(err)
	}
	for t.mark() == before && time.Since(start) < time.Second {
		time.Sleep(50 * time.Microsecond)
	}
	return time.Since(start)
}

// awaitRun waits for twenty cells of a sign that is not was, in what came
// since the last await, and returns it.
func (t *terminal) awaitRun(b *testing.B, was rune) rune {
	b.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Microsecond) {
		t.mu.Lock()
		last, n := rune(0), 0
		for _, r := range string(t.seen) {
			if r != last {
				last, n = r, 0
			}
			if n++; n == runLength && last >= firstSign && last < firstSign+people && last != was {
				t.seen = nil
				t.mu.Unlock()
				return last
			}
		}
		t.mu.Unlock()
	}
	b.Fatal("no other conversation on the terminal")
	return 0
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
func (t *terminal) cpu(b *testing.B) (used time.Duration) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", t.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		b.Skip("CPU time is read from /proc")
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(stat), " ")
		ns, _ := strconv.Atoi(first)
		used += time.Duration(ns)
	}
	return used
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
