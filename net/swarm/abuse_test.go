package swarm

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/time/rate"

	"dione/crypto/handshake"
	"dione/crypto/identity"
	"dione/net/secure"
	"dione/net/wire"
)

// mallory is a peer with a valid identity and bad intent: the handshake is
// honest, what follows is up to the test.
func mallory(t *testing.T, victim *node) (*secure.Conn, identity.ID) {
	t.Helper()
	raw, err := victim.net.dial(t.Context(), netip.AddrFrom4([4]byte{10, 0, 0, 99}), victim.at)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	sec, err := newEndpoint(t, key).Client(t.Context(), raw, secure.Target{DialKey: victim.instance[:]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sec.Close() })
	return sec, key.ID()
}

// session is mallory with yamux and a link stream, connected to the victim.
func session(t *testing.T, victim *node) (*yamux.Session, net.Conn) {
	t.Helper()
	sec, id := mallory(t, victim)
	cfg := muxConfig(slog.New(slog.DiscardHandler))
	mux, err := yamux.Client(sec, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mux.Close() })
	link, err := mux.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	first := wire.AppendHeader(nil, wire.Header{Protocol: "link", Version: 1})
	send(t, link, wire.AppendLink(first, wire.Instance{ID: [8]byte{9}}))
	victim.up(id)
	return mux, link
}

func send(t *testing.T, w io.Writer, b []byte) {
	t.Helper()
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
}

// frame is a yamux frame without its body.
func frame(kind byte, flags uint16, stream, length uint32) []byte {
	b := []byte{0, kind}
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return binary.BigEndian.AppendUint32(b, length)
}

// Whatever a stranger does before it is connected ends its connection, in
// bounded time, and nobody is told.
func TestStrangers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit time.Duration
		do    func(t *testing.T, victim *node, raw net.Conn)
	}{
		{"says nothing", 10 * time.Second, func(*testing.T, *node, net.Conn) {}},
		{"garbage", 0, func(t *testing.T, _ *node, raw net.Conn) {
			go raw.Write([]byte(strings.Repeat("GET / HTTP/1.1\r\n", 200))) // ends when the victim closes
		}},
		{"a byte now and then", 10 * time.Second, func(t *testing.T, _ *node, raw net.Conn) {
			go func() {
				for _, b := range append([]byte{'c', 4, 0xe0}, make([]byte, 1000)...) {
					if _, err := raw.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
		}},
		{"half a handshake, then nothing", 10 * time.Second, func(t *testing.T, _ *node, raw net.Conn) {
			send(t, raw, []byte{'c', 4, 0xe0, 1, 2, 3})
		}},
		{"wrong network", 0, func(t *testing.T, victim *node, raw net.Conn) {
			e, err := secure.NewEndpoint(secure.Config{Realm: handshake.Chat, Network: wire.NetworkID("other"), Key: newKey(t)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Client(t.Context(), raw, secure.Target{DialKey: victim.instance[:]}); !errors.Is(err, secure.ErrNoAnswer) {
				t.Errorf("Client = %v, want ErrNoAnswer", err)
			}
		}},
		{"does not know whom it dials", 0, func(t *testing.T, victim *node, raw net.Conn) {
			if _, err := newEndpoint(t, newKey(t)).Client(t.Context(), raw, secure.Target{DialKey: make([]byte, 8)}); !errors.Is(err, secure.ErrNoAnswer) {
				t.Errorf("Client = %v, want ErrNoAnswer", err)
			}
		}},
		{"handshake, then nothing", greetTime, func(t *testing.T, victim *node, raw net.Conn) { stranger(t, victim, raw) }},
		{"handshake, then garbage", 0, func(t *testing.T, victim *node, raw net.Conn) {
			send(t, stranger(t, victim, raw), []byte(strings.Repeat("garbage ", 20)))
		}},
		{"first stream is no link", 0, func(t *testing.T, victim *node, raw net.Conn) {
			sec := stranger(t, victim, raw)
			h := wire.AppendHeader(nil, wire.Header{Protocol: "chat", Version: 1})
			send(t, sec, append(frame(0, 1, 1, uint32(len(h))), h...))
			drain(sec)
		}},
		{"link of another version", 0, func(t *testing.T, victim *node, raw net.Conn) {
			sec := stranger(t, victim, raw)
			h := wire.AppendHeader(nil, wire.Header{Protocol: "link", Version: 2})
			send(t, sec, append(frame(0, 1, 1, uint32(len(h))), h...))
			drain(sec)
		}},
		{"link without instance", 0, func(t *testing.T, victim *node, raw net.Conn) {
			sec := stranger(t, victim, raw)
			h := wire.AppendLink(wire.AppendHeader(nil, wire.Header{Protocol: "link", Version: 1}), wire.Ping{})
			send(t, sec, append(frame(0, 1, 1, uint32(len(h))), h...))
			drain(sec)
		}},
		{"header of 4 GiB", 0, func(t *testing.T, victim *node, raw net.Conn) {
			sec := stranger(t, victim, raw)
			send(t, sec, append(frame(0, 1, 1, 5), 0xff, 0xff, 0xff, 0xff, 1))
			drain(sec)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				victim := newMemNet(t).start(t, newKey(t), 1)
				raw, err := victim.net.dial(t.Context(), netip.AddrFrom4([4]byte{10, 0, 0, 99}), victim.at)
				if err != nil {
					t.Fatal(err)
				}
				defer raw.Close()
				start := time.Now()
				tt.do(t, victim, raw)
				_, _ = io.Copy(io.Discard, raw) // until the victim closes
				if d := time.Since(start); d > tt.limit {
					t.Errorf("closed after %v, want %v", d, tt.limit)
				}
				victim.quiet(2 * time.Second) // and what the stranger has started ends
			})
		})
	}
}

// stranger shakes hands on raw.
func stranger(t *testing.T, victim *node, raw net.Conn) *secure.Conn {
	t.Helper()
	sec, err := newEndpoint(t, newKey(t)).Client(t.Context(), raw, secure.Target{DialKey: victim.instance[:]})
	if err != nil {
		t.Fatal(err)
	}
	return sec
}

// drain reads what the victim still says, as a kernel would.
func drain(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// A connected peer that breaks the rules loses its connection, and is told why
// where that can still be said.
func TestRuleBreakers(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		do         func(t *testing.T, mux *yamux.Session, link net.Conn)
	}{
		{"a ping of yamux", "the rules were broken: yamux is abused: a ping", func(t *testing.T, mux *yamux.Session, _ net.Conn) {
			go mux.Ping() // ends with the session
		}},
		{"garbage on the link", "the rules were broken: decode link frame", func(t *testing.T, _ *yamux.Session, link net.Conn) {
			send(t, link, []byte{0, 0, 0, 1, 0xff})
		}},
		{"frame too large on the link", "the rules were broken: frame of a size", func(t *testing.T, _ *yamux.Session, link net.Conn) {
			send(t, link, []byte{0, 0, 1, 0})
		}},
		{"a second instance", "the rules were broken: tells its instance", func(t *testing.T, _ *yamux.Session, link net.Conn) {
			send(t, link, wire.AppendLink(nil, wire.Instance{}))
		}},
		{"half a frame and the end", "the rules were broken: unexpected EOF", func(t *testing.T, _ *yamux.Session, link net.Conn) {
			send(t, link, []byte{0, 0})
			_ = link.Close()
		}},
		{"the link ends", "the rules were broken: link stream ended", func(t *testing.T, _ *yamux.Session, link net.Conn) {
			_ = link.Close()
		}},
		{"too many streams", "the rules were broken: too many streams", func(t *testing.T, mux *yamux.Session, _ net.Conn) {
			for range maxStreams {
				stream, err := mux.OpenStream()
				if err != nil {
					return
				}
				send(t, stream, wire.AppendHeader(nil, wire.Header{Protocol: "echo", Version: 1}))
				time.Sleep(time.Second)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				victim := newMemNet(t).start(t, newKey(t), 1)
				mux, link := session(t, victim)
				tt.do(t, mux, link)
				down, ok := victim.next().(Down)
				if !ok || !strings.HasPrefix(down.Reason, tt.want) {
					t.Errorf("%+v, want a Down for %q", down, tt.want)
				}
			})
		})
	}
}

// A stream that speaks what we do not, or nothing, is closed; the connection
// and its other streams stay.
func TestUnknownStreams(t *testing.T) {
	bubble(t, func(t *testing.T) {
		victim := newMemNet(t).start(t, newKey(t), 1)
		mux, link := session(t, victim)
		go func() { // answers pings
			r := wire.NewLinkReader(link)
			for {
				if _, _, err := r.ReadLink(); err != nil {
					return
				}
				_, _ = link.Write(wire.AppendLink(nil, wire.Pong{}))
			}
		}()
		for name, first := range map[string][]byte{
			"unknown": wire.AppendHeader(nil, wire.Header{Protocol: "gopher", Version: 1}),
			"version": wire.AppendHeader(nil, wire.Header{Protocol: "echo", Version: 2}),
			"garbage": []byte("GET / HTTP/1.1"),
			"nothing": nil,
		} {
			stream, err := mux.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			if len(first) > 0 {
				send(t, stream, first)
			}
			start := time.Now()
			if _, err := stream.Read(make([]byte, 1)); err == nil || time.Since(start) > headerTime {
				t.Errorf("%s: Read = %v after %v, want the end", name, err, time.Since(start))
			}
			_ = stream.Close()
		}
		victim.quiet(time.Second)
	})
}

// Who pings without end gets few answers. The flood stands in its own window,
// and when nothing can come any more, the connection ends like any silent one.
func TestPingFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		victim := newMemNet(t).start(t, newKey(t), 1)
		mux, link := session(t, victim)
		start := time.Now()
		go func() {
			ping := wire.AppendLink(nil, wire.Ping{})
			for {
				if _, err := link.Write(ping); err != nil {
					return
				}
			}
		}()
		pongs := 0
		r := wire.NewLinkReader(link)
		for {
			msg, _, err := r.ReadLink()
			if err != nil {
				break
			}
			if _, ok := msg.(wire.Pong); ok {
				pongs++
			}
		}
		d := time.Since(start)
		if most := linkOnce + linkRate*d.Seconds() + 1; float64(pongs) > most || d > time.Minute {
			t.Errorf("%d pongs in %v, want up to %.0f", pongs, d, most)
		}
		_ = mux.Close()
	})
}

// Opening streams without end is slowed down as well.
func TestStreamFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		served := 0
		victim := newMemNet(t).start(t, newKey(t), 1, func(c *Config) {
			c.Handle = map[string]Handler{"echo": func(context.Context, *Conn, net.Conn) { served++ }}
		})
		mux, _ := session(t, victim)
		header := wire.AppendHeader(nil, wire.Header{Protocol: "echo", Version: 1})
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			stream, err := mux.OpenStream()
			if err != nil {
				break
			}
			_, _ = stream.Write(header) // may be reset
			_ = stream.Close()
			time.Sleep(time.Millisecond)
		}
		_ = mux.Close()
		synctest.Wait()
		if most := openOnce + 10*openRate + 1; served > most {
			t.Errorf("%d streams served in 10 s, want up to %d", served, most)
		}
	})
}

// A peer that reads nothing costs a bounded time and amount.
func TestPeerThatDoesNotRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var wrote int
		ended := make(chan error, 1)
		victim := newMemNet(t).start(t, newKey(t), 1, func(c *Config) {
			c.Handle = map[string]Handler{"flood": func(_ context.Context, conn *Conn, stream net.Conn) {
				for {
					n, err := stream.Write(make([]byte, 16<<10))
					wrote += n
					if err != nil {
						ended <- err
						return
					}
				}
			}}
		})
		sec, id := mallory(t, victim)
		go func() {
			_, _ = io.CopyN(io.Discard, sec, 2*muxHeader) // that two streams were accepted, and then no more
		}()
		link := wire.AppendLink(wire.AppendHeader(nil, wire.Header{Protocol: "link", Version: 1}), wire.Instance{})
		send(t, sec, append(frame(0, 1, 1, uint32(len(link))), link...))
		victim.up(id)
		header := wire.AppendHeader(nil, wire.Header{Protocol: "flood", Version: 1})
		send(t, sec, append(frame(0, 1, 3, uint32(len(header))), header...))
		start := time.Now()
		victim.down(id)
		<-ended
		if d := time.Since(start); d > writeTime || wrote > window {
			t.Errorf("wrote %d bytes and gave up after %v, want up to %d and %v", wrote, d, window, writeTime)
		}
	})
}

// Small frames beyond the allowance wait, so that TCP slows the peer down.
func TestSmallFramesAreThrottled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		here, there := net.Pipe()
		m := newMuxConn(here)
		go func() {
			defer there.Close()
			var many []byte
			for range 1000 {
				many = append(many, frame(1, 0, 1, 0)...)
			}
			for range (smallOnce + 10*smallRate) / 1000 {
				if _, err := there.Write(many); err != nil {
					return
				}
			}
		}()
		start := time.Now()
		n, err := io.Copy(io.Discard, struct{ io.Reader }{m})
		if d := time.Since(start); err != nil || d < 9*time.Second || d > 11*time.Second {
			t.Errorf("read %d bytes in %v: %v, want 10s", n, d, err)
		}
	})
}

func TestThrottleEndsWithTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		m := newMuxConn(here)
		time.AfterFunc(time.Second, func() { _ = m.Close() })
		slow := rate.NewLimiter(rate.Every(time.Hour), 1)
		if !m.throttle(slow) || m.throttle(slow) {
			t.Error("throttle did not wait for the end of the connection")
		}
	})
}

// One frame of yamux is one write, and so one record, whatever its size.
func TestFramesAreJoined(t *testing.T) {
	for _, size := range []int{0, 1, 100, maxRecord - muxHeader, maxRecord, window} {
		var got writes
		m := newMuxConn(&got)
		body := make([]byte, size)
		send(t, m, frame(0, 0, 1, uint32(size)))
		if size > 0 {
			send(t, m, body)
		}
		send(t, m, frame(1, 0, 1, 7)) // not held back
		want := []int{min(muxHeader+size, maxRecord)}
		if rest := muxHeader + size - maxRecord; rest > 0 {
			want = append(want, rest)
		}
		want = append(want, muxHeader)
		if len(got.sizes) != len(want) {
			t.Fatalf("a body of %d bytes left in writes of %v, want %v", size, got.sizes, want)
		}
		for i := range want {
			if got.sizes[i] != want[i] {
				t.Errorf("a body of %d bytes left in writes of %v, want %v", size, got.sizes, want)
			}
		}
	}
}

type writes struct {
	net.Conn
	sizes []int
}

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return len(p), nil
}

// FuzzWatch lets strangers' bytes through the guard in any pieces: the verdict
// must not depend on how they are cut.
func FuzzWatch(f *testing.F) {
	f.Add(append(frame(0, 1, 1, 3), 'a', 'b', 'c'), uint8(5))
	f.Add(frame(2, 1, 0, 7), uint8(1))
	f.Add(frame(0, 0, 1, 1<<31), uint8(12))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		whole, cut := newMuxConn(nil), newMuxConn(nil)
		want := whole.watch(in)
		var got error
		for rest := in; len(rest) > 0 && got == nil; {
			n := min(int(piece)+1, len(rest))
			got, rest = cut.watch(rest[:n]), rest[n:]
		}
		if (got == nil) != (want == nil) || want == nil && (cut.body != whole.body || cut.have != whole.have) {
			t.Errorf("%x in pieces of %d: %v, as a whole: %v", in, piece, got, want)
		}
	})
}

// A thousand strangers leave nothing behind.
func TestNoMemoryOfStrangers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		victim := newMemNet(t).start(t, newKey(t), 1)
		synctest.Wait()
		before := runtime.NumGoroutine()
		for range 1000 {
			raw, err := victim.net.dial(t.Context(), netip.AddrFrom4([4]byte{10, 0, 0, 99}), victim.at)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := raw.Write([]byte{'c', 0, 9}); err != nil {
				continue // turned away
			}
		}
		// One each for 64 of them, and four of the network in memory.
		if n := runtime.NumGoroutine() - before; n > 64*5+10 {
			t.Errorf("%d goroutines for strangers", n)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines after, %d before", n, before)
		}
	})
}
