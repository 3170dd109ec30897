package secure

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/handshake"
	"dione/crypto/identity"
)

var testNetwork = [32]byte{1}

// instance is what a listener calls itself on a LAN.
var instance = []byte("12345678")

func newKey(t testing.TB) identity.Key {
	t.Helper()
	k, err := identity.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newEndpoint makes an endpoint of cfg in the test's network and the chat
// realm, with a new key, where cfg says nothing else.
func newEndpoint(t testing.TB, cfg Config) *Endpoint {
	t.Helper()
	cfg.Realm = handshake.Chat
	if cfg.Network == ([32]byte{}) {
		cfg.Network = testNetwork
	}
	if cfg.Key == (identity.Key{}) {
		cfg.Key = newKey(t)
	}
	e, err := NewEndpoint(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *Endpoint) id() identity.ID { return e.cfg.Key.ID() }

type outcome struct {
	conn *Conn
	err  error
}

// meet runs both sides of a handshake over a and b.
func meet(ctx context.Context, client, server *Endpoint, a, b net.Conn, to Target) (c, s outcome) {
	done := make(chan outcome)
	go func() {
		id := server.id()
		conn, err := server.Server(ctx, b, id[:], instance)
		done <- outcome{conn, err}
	}()
	c.conn, c.err = client.Client(ctx, a, to)
	return c, <-done
}

// pair gives two connected ends over a pipe.
func pair(t testing.TB) (client, server *Conn) {
	t.Helper()
	a, b := net.Pipe()
	return pairOver(t, a, b)
}

func pairOver(t testing.TB, a, b net.Conn) (client, server *Conn) {
	t.Helper()
	c, s := meet(t.Context(), newEndpoint(t, Config{}), newEndpoint(t, Config{}), a, b, Target{DialKey: instance})
	if c.err != nil || s.err != nil {
		t.Fatalf("handshake: %v, %v", c.err, s.err)
	}
	t.Cleanup(func() { _ = c.conn.Close(); _ = s.conn.Close() })
	return c.conn, s.conn
}

func TestHandshake(t *testing.T) {
	client, server := newEndpoint(t, Config{Features: 5}), newEndpoint(t, Config{Features: 6})
	id := server.id()
	for _, tt := range []struct {
		name string
		to   Target
	}{
		{"by ID", Target{ID: id, DialKey: id[:]}},
		{"by LAN instance", Target{DialKey: instance}},
		{"by both", Target{ID: id, DialKey: instance}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := net.Pipe()
			c, s := meet(t.Context(), client, server, a, b, tt.to)
			if c.err != nil || s.err != nil {
				t.Fatalf("handshake: %v, %v", c.err, s.err)
			}
			defer c.conn.Close()
			defer s.conn.Close()
			if c.conn.Peer() != server.id() || s.conn.Peer() != client.id() {
				t.Error("an end does not know the other")
			}
			if c.conn.Static() != server.cache.Public() || s.conn.Static() != client.cache.Public() {
				t.Error("Static is not the other's transport key")
			}
			if c.conn.Features() != 6 || s.conn.Features() != 5 {
				t.Errorf("Features = %d, %d, want 6, 5", c.conn.Features(), s.conn.Features())
			}
			if c.conn.Binding() != s.conn.Binding() {
				t.Error("the ends have different bindings")
			}
			if !bytes.Equal(c.conn.DialKey(), tt.to.DialKey) || !bytes.Equal(s.conn.DialKey(), tt.to.DialKey) {
				t.Errorf("DialKey = %x, %x, want %x", c.conn.DialKey(), s.conn.DialKey(), tt.to.DialKey)
			}
			if !c.conn.Initiator() || s.conn.Initiator() {
				t.Error("Initiator is not the client alone")
			}
		})
	}
}

func TestHandshakeRefused(t *testing.T) {
	key := newKey(t)
	server := newEndpoint(t, Config{Key: key})
	id, other := key.ID(), newKey(t).ID()
	later := func() time.Time { return time.Now().Add(100 * 24 * time.Hour) }
	for _, tt := range []struct {
		name string
		cfg  Config
		to   Target
		want error
	}{
		{"other network", Config{Network: [32]byte{2}}, Target{DialKey: instance}, ErrNoAnswer},
		{"unknown dial key", Config{}, Target{DialKey: []byte("87654321")}, ErrNoAnswer},
		{"other peer", Config{}, Target{ID: other, DialKey: instance}, ErrWrongPeer},
		{"own ID by instance", Config{Key: key}, Target{DialKey: instance}, ErrOwnID},
		{"own ID", Config{Key: key}, Target{ID: id, DialKey: id[:]}, ErrOwnID},
		{"clock ahead", Config{Now: later}, Target{DialKey: instance}, ErrClock},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := net.Pipe()
			c, s := meet(t.Context(), newEndpoint(t, tt.cfg), server, a, b, tt.to)
			if !errors.Is(c.err, tt.want) || c.conn != nil {
				t.Errorf("Client = %v, %v, want %v", c.conn, c.err, tt.want)
			}
			if s.err == nil {
				t.Error("Server took it")
			}
			for _, raw := range []net.Conn{a, b} {
				if _, err := raw.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("the connection is still open: %v", err)
				}
			}
		})
	}
}

// odd answers what comes with in, then reads on.
func odd(raw net.Conn, in []byte) {
	go func() { _, _ = raw.Write(in) }()
	_, _ = io.Copy(io.Discard, raw)
}

func TestClientMeetsOtherServers(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"greeting", "SSH-2.0-OpenSSH_10.0\r\n"},
		{"oversized frame", "\x08\x01"},
		{"empty frame", "\x00\x00"},
		{"garbage", "\x00\x80" + string(make([]byte, 128))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				go odd(b, []byte(tt.in))
				if _, err := newEndpoint(t, Config{}).Client(t.Context(), a, Target{DialKey: instance}); !errors.Is(err, ErrNoAnswer) {
					t.Errorf("Client = %v, want ErrNoAnswer", err)
				}
			})
		})
	}
}

// TestSilence lets one side stop at each point, or drip a byte a second.
func TestSilence(t *testing.T) {
	drip := func(raw net.Conn) {
		defer raw.Close()
		go func() { _, _ = io.Copy(io.Discard, raw) }()
		for _, b := range append([]byte("c\x04\xf2"), make([]byte, 1266)...) {
			if _, err := raw.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	for _, tt := range []struct {
		name string
		peer func(net.Conn)
	}{
		{"nothing", func(raw net.Conn) { odd(raw, nil) }},
		{"half a head", func(raw net.Conn) { odd(raw, []byte("c\x04")) }},
		{"half a frame", func(raw net.Conn) { odd(raw, []byte("c\x04\xf2xxxx")) }},
		{"slow loris", drip},
		{"does not read", func(net.Conn) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEndpoint(t, Config{})
				a, b := net.Pipe()
				go tt.peer(b)
				start := time.Now()
				_, err := e.Server(t.Context(), a, instance)
				if d := time.Since(start); d != handshakeTime || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("Server = %v after %s, want a deadline after %s", err, d, handshakeTime)
				}
				if e.gate.total != 0 {
					t.Errorf("%d handshakes are still counted", e.gate.total)
				}

				a, b = net.Pipe()
				go tt.peer(b)
				start = time.Now()
				_, err = e.Client(t.Context(), a, Target{DialKey: instance})
				if d := time.Since(start); d > handshakeTime || !errors.Is(err, ErrNoAnswer) {
					t.Errorf("Client = %v after %s, want ErrNoAnswer", err, d)
				}
				_ = b.Close()
				time.Sleep(2 * time.Second) // the loris notices
			})
		})
	}
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		a, b := net.Pipe()
		defer b.Close()
		go func() { _, _ = io.Copy(io.Discard, b) }()
		start := time.Now()
		_, err := newEndpoint(t, Config{}).Client(ctx, a, Target{DialKey: instance})
		if d := time.Since(start); d != time.Second || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNoAnswer) {
			t.Errorf("Client = %v after %s, want the context's error after 1s", err, d)
		}
	})
}

func TestServerRefusesGarbage(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"other realm", "d"},
		{"HTTP", "GET / HTTP/1.1\r\n"},
		{"oversized frame", "c\x08\x01"},
		{"empty frame", "c\x00\x00"},
		{"short frame", "c\x00\x10" + string(make([]byte, 16))},
		{"wrong proof", "c\x04\xf5" + string(make([]byte, 1269))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				go func() { _, _ = b.Write([]byte(tt.in)) }()
				go func() {
					if got, _ := io.ReadAll(b); len(got) > 0 {
						t.Errorf("a stranger was answered %x", got)
					}
				}()
				start := time.Now()
				if _, err := newEndpoint(t, Config{}).Server(t.Context(), a, instance); err == nil || time.Since(start) > 0 {
					t.Errorf("Server = %v after %s, want an error at once", err, time.Since(start))
				}
			})
		})
	}
}

func TestStaticIsRemade(t *testing.T) {
	now := time.Now()
	e := newEndpoint(t, Config{Now: func() time.Time { return now }})
	first := e.cache.Public()
	for _, tt := range []struct {
		after time.Duration
		same  bool
	}{{0, true}, {staticLife - time.Second, true}, {2 * time.Second, false}} {
		now = now.Add(tt.after)
		s, err := e.static()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Public() == first; got != tt.same {
			t.Errorf("%s later the key is the same: %t, want %t", tt.after, got, tt.same)
		}
	}
	made := e.cache.Public()
	now = now.Add(-2 * staticLife) // the clock is set back
	if s, err := e.static(); err != nil || s.Public() == made {
		t.Errorf("a key from the future is kept, %v", err)
	}
}
