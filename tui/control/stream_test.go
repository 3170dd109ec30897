package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
)

// store is an engine with messages that come and change.
type store struct {
	reader
	mu      sync.Mutex
	rows    []messenger.Message
	changed chan struct{}
	tails   int // that have begun
}

func newStore() *store { return &store{changed: make(chan struct{})} }

// commit changes the store and wakes who follows it.
func (s *store) commit(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *store) comes(text string, mine bool) {
	s.commit(func() {
		s.rows = append(s.rows, messenger.Message{Row: int64(len(s.rows) + 1), Chat: messenger.Chat{Peer: bob.ID}, From: bob.ID, Mine: mine, Text: text})
	})
}

func (s *store) is(state messenger.State, acked, addressed int) {
	s.commit(func() {
		m := &s.rows[len(s.rows)-1]
		m.State, m.Acked, m.Addressed = state, acked, addressed
	})
}

func (s *store) Send(_ context.Context, chat messenger.Chat, text string) (m messenger.Message, err error) {
	if text == "" {
		return m, messenger.ErrEmpty
	}
	s.commit(func() {
		m = messenger.Message{Row: int64(len(s.rows) + 1), Chat: chat, From: s.Self().ID, Mine: true, State: messenger.StateQueued, Addressed: 1, Text: text}
		s.rows = append(s.rows, m)
	})
	return m, nil
}

func (s *store) Message(ctx context.Context, _ messenger.Chat, _ identity.ID, _ messenger.MessageID) (messenger.Message, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[len(s.rows)-1], true, ctx.Err()
}

func (s *store) After(_ context.Context, row int64, n int) ([]messenger.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows[row:min(len(s.rows), int(row)+n)]), nil
}

func (s *store) Newest(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tails++
	return int64(len(s.rows)), nil
}

func (s *store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// asked is a streaming answer under way.
type asked struct {
	cancel context.CancelFunc
	mu     sync.Mutex
	told   []string
	err    chan error
}

// start answers req in the bubble of the test.
func start(t *testing.T, e Engine, req Request) *asked {
	ctx, cancel := context.WithCancel(t.Context())
	a := &asked{cancel: cancel, err: make(chan error, 1)}
	go func() {
		a.err <- Answer(ctx, e, req, func(r any) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			if r != nil {
				b, err := json.Marshal(r)
				a.told = append(a.told, string(b))
				return err
			}
			a.told = append(a.told, "")
			return nil
		})
	}()
	synctest.Wait()
	return a
}

// take returns the records told since the last time; a sign of life is "".
func (a *asked) take() []string {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	told := a.told
	a.told = nil
	return told
}

func wantRecords(t *testing.T, what string, got []string, parts ...string) {
	t.Helper()
	ok := len(got) == len(parts)
	for i := range parts {
		ok = ok && (got[i] == "") == (parts[i] == "") && strings.Contains(got[i], parts[i])
	}
	if !ok {
		t.Errorf("%s: %q, want %q", what, got, parts)
	}
}

func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a := start(t, s, Request{What: Send, Peer: "bob", Text: "hi", For: "delivered", Time: time.Hour})
		wantRecords(t, "sent", a.take(), "", `"text":"hi"`, `"state":"queued","stored":0`, "")
		s.is(messenger.StateQueued, 2, 24)
		wantRecords(t, "held by too few", a.take(), `"state":"queued","stored":2,"replicas":24`, "")
		s.comes("something else", false)
		s.commit(func() { s.rows = s.rows[:1] })
		wantRecords(t, "nothing new", slices.DeleteFunc(a.take(), func(r string) bool {
			return r == "" || strings.Contains(r, "received") || strings.Contains(r, "queued")
		}))
		s.is(messenger.StateStored, 24, 24)
		wantRecords(t, "stored", a.take(), `"state":"stored","stored":24`, "")
		s.is(messenger.StateDelivered, 1, 1)
		wantRecords(t, "delivered", a.take(), `"state":"delivered"`)
		if err := <-a.err; err != nil {
			t.Error(err)
		}

		for _, tt := range []struct {
			wait string
			is   messenger.State
			ends bool
		}{
			{"queued", messenger.StateQueued, true},
			{"stored", messenger.StateQueued, false},
			{"stored", messenger.StateStored, true},
			{"stored", messenger.StateDelivered, true},
			{"delivered", messenger.StateStored, false},
			{"delivered", messenger.StateFailed, true},
		} {
			a := start(t, s, Request{What: Send, Peer: "bob", Text: "hi", For: tt.wait})
			if tt.is != messenger.StateQueued {
				s.is(tt.is, 1, 1)
			}
			synctest.Wait()
			ended := len(a.err) > 0
			if ended != tt.ends {
				t.Errorf("waits for %s, is %v: ended %t", tt.wait, tt.is, ended)
			}
			a.cancel()
			if err := <-a.err; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSendInTime gives up when the time is over, and shows signs of life until
// then.
func TestSendInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, newStore(), Request{What: Send, Peer: "bob", Text: "hi", For: "stored", Time: 12 * time.Second})
		began := time.Now()
		if err := <-a.err; err != nil || time.Since(began) != 12*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wantRecords(t, "told", a.take(), "", `"text":"hi"`, `"state":"queued"`, "", "", "")
	})
}

func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.comes("before", false)
		a := start(t, s, Request{What: Tail})
		wantRecords(t, "nothing yet", a.take(), "")
		s.comes("one", false)
		wantRecords(t, "one", a.take(), `"text":"one"`, "")
		s.comes("mine", true)
		wantRecords(t, "mine", a.take(), "")
		s.commit(func() {
			for i := range 2*pageSize + 1 {
				s.rows = append(s.rows, messenger.Message{Row: int64(len(s.rows) + 1), From: bob.ID, Text: fmt.Sprint(i)})
			}
		})
		got := a.take()
		if len(got) != 2*pageSize+2 || !strings.Contains(got[2*pageSize], fmt.Sprintf(`"text":"%d"`, 2*pageSize)) {
			t.Errorf("%d records of a burst", len(got))
		}
		a.cancel()
		if err := <-a.err; !errors.Is(err, context.Canceled) {
			t.Errorf("tail = %v", err)
		}
	})
}

// TestStreams has clients that follow: they are told through the socket for
// longer than any other answer takes, some at a time, until they hang up.
func TestStreams(t *testing.T) {
	dir := shortDir(t)
	st := newStore()
	serve(t, dir, st)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, maxStreams)
	told := make(chan string, maxStreams)
	for range maxStreams {
		go func() {
			ended <- Ask(ctx, dir, Request{What: Tail}, func(b json.RawMessage) error {
				told <- string(b)
				return nil
			})
		}()
	}
	refused := func() bool {
		_, err := ask(t, dir, Request{What: Send, Peer: "bob", Text: "x", For: "queued"})
		return err != nil && strings.Contains(err.Error(), "follow already") && hintOf(err) != ""
	}
	await(t, "all begun", func() bool {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.tails == maxStreams
	})
	if !refused() {
		t.Error("there is room for one more")
	}
	st.comes("to all", false)
	for range maxStreams {
		if got := <-told; !strings.Contains(got, "to all") {
			t.Errorf("told %s", got)
		}
	}
	if lines, err := ask(t, dir, Request{What: ID}); err != nil || len(lines) != 1 {
		t.Errorf("Ask beside them = %v, %v", lines, err)
	}
	cancel()
	for range maxStreams {
		if err := <-ended; err == nil {
			t.Error("a tail has ended without a reason")
		}
	}
	await(t, "taken again", func() bool { return !refused() })
}

// await waits for what other goroutines and sockets bring about.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not %s", what)
		}
		runtime.Gosched()
	}
}

// TestSlowStream has one who follows and does not read, and one who hangs up.
func TestSlowStream(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(net.Conn)
		want time.Duration
	}{
		{"never listens", func(net.Conn) {}, silentTime},
		{"hangs up", func(c net.Conn) {
			time.Sleep(time.Minute)
			_ = c.Close()
		}, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &Server{engine: newStore(), log: quiet}
			here, there := net.Pipe()
			defer there.Close()
			go func() {
				_, _ = io.WriteString(there, `{"what":"tail"}`+"\n")
				if tt.want > silentTime {
					go func() { _, _ = io.Copy(io.Discard, there) }()
				}
				tt.then(there)
			}()
			began := time.Now()
			s.serve(t.Context(), here)
			if d := time.Since(began); d != tt.want {
				t.Errorf("%s: served %v, want %v", tt.name, d, tt.want)
			}
			if n := s.streams.Load(); n != 0 {
				t.Errorf("%s: %d streams left", tt.name, n)
			}
		})
	}
}
