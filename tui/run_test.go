package tui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"dione/net/messenger"
)

// terminal takes what the program writes, and lets a test wait for it.
type terminal struct {
	mu   sync.Mutex
	all  bytes.Buffer
	news chan struct{}
}

func newTerminal() *terminal { return &terminal{news: make(chan struct{}, 1)} }

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.news <- struct{}{}:
	default:
	}
	return t.all.Write(p)
}

func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.String()
}

func (t *terminal) await(tb testing.TB, s string) {
	tb.Helper()
	late := time.After(10 * time.Second)
	for !strings.Contains(t.String(), s) {
		select {
		case <-t.news:
		case <-late:
			tb.Fatalf("%q was not written but %q", s, t.String())
		}
	}
}

// program is a whole screen that runs on a terminal of its own.
type program struct {
	*terminal
	keys io.Writer
	done chan error
	stop context.CancelFunc
}

func start(t *testing.T, f *fake) *program {
	t.Helper()
	in, keys := io.Pipe()
	t.Cleanup(func() { _ = in.Close() })
	ctx, stop := context.WithCancel(t.Context())
	p := &program{terminal: newTerminal(), keys: keys, done: make(chan error, 1), stop: stop}
	go func() {
		p.done <- run(ctx, f, Options{Now: func() time.Time { return noon }, Zone: time.UTC},
			tea.WithInput(in), tea.WithOutput(p.terminal), tea.WithWindowSize(80, 24), tea.WithoutSignalHandler(),
			tea.WithColorProfile(colorprofile.ASCII), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
	}()
	t.Cleanup(stop)
	return p
}

func (p *program) press(t *testing.T, s string) {
	t.Helper()
	if _, err := io.WriteString(p.keys, s); err != nil {
		t.Fatal(err)
	}
}

func (p *program) wantEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-p.done:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run does not return")
	}
	if !strings.Contains(p.String(), "\x1b[?1049l") {
		t.Error("the terminal is not put back")
	}
}

func TestRun(t *testing.T) {
	f := newFake(bob)
	p := start(t, f)
	p.await(t, "Welcome")
	p.press(t, "hello there\r")
	f.events <- messenger.MessageReceived{Message: f.add(messenger.Room, bob, noon, "greetings"), From: bob}
	p.await(t, "greetings")
	p.press(t, "\x03")
	p.wantEnd(t)
	f.wantCall(t, `send #lan "hello there"`)
}

// TestRunEnds checks that the end of the context, as by a signal, ends the
// screen and leaves the terminal whole.
func TestRunEnds(t *testing.T) {
	p := start(t, newFake())
	p.await(t, "Welcome")
	p.stop()
	p.wantEnd(t)
}

// TestIdle checks that a screen at which nobody looks writes nothing.
func TestIdle(t *testing.T) {
	p := start(t, newFake(bob))
	p.await(t, "Welcome")
	time.Sleep(300 * time.Millisecond) // what is left of the first frame
	was := len(p.String())
	time.Sleep(700 * time.Millisecond)
	if n := len(p.String()) - was; n > 0 {
		t.Errorf("%d bytes written while nothing happened: %q", n, p.String()[was:])
	}
	p.stop()
	p.wantEnd(t)
}

// TestPump checks that the first event goes at once, those that come while the
// program is busy together, and none is lost or out of order.
func TestPump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan messenger.Event)
		var got []int
		var sizes []int
		busy := make(chan struct{})
		var pumping sync.WaitGroup
		pumping.Go(func() {
			pump(ctx, events, func(msg tea.Msg) {
				burst := msg.(eventsMsg)
				for _, ev := range burst {
					got = append(got, int(ev.(messenger.MessageSent).Message.Row))
				}
				sizes = append(sizes, len(burst))
				<-busy
			})
		})
		events <- messenger.MessageSent{Message: messenger.Message{Row: 0}}
		synctest.Wait()
		if len(got) != 1 {
			t.Errorf("the first event waits: %v", got)
		}
		for i := 1; i <= 1000; i++ {
			if i == maxBurst+1 {
				busy <- struct{}{} // the pump takes no more than a burst while the program is busy
			}
			events <- messenger.MessageSent{Message: messenger.Message{Row: int64(i)}}
		}
		close(busy)
		synctest.Wait()
		cancel()
		pumping.Wait()
		for i, row := range got {
			if row != i {
				t.Fatalf("event %d is in place %d", row, i)
			}
		}
		if len(got) != 1001 || len(sizes) > 5 {
			t.Errorf("%d events in bursts of %v", len(got), sizes)
		}
	})
}
