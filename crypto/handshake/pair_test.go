package handshake

import (
	"bytes"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/internal/vectors"
)

// day is when the tests happen.
var day = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var network = sha256.Sum256([]byte("main"))

// side is what one of the two brings.
type side struct {
	key  identity.Key
	conf Config
}

func newSide(t testing.TB, label string) side {
	t.Helper()
	random := &vectors.Stream{Label: label}
	key, err := identity.Generate(random)
	if err != nil {
		t.Fatal(err)
	}
	static, err := NewStatic(random, key, Chat, network, day)
	if err != nil {
		t.Fatal(err)
	}
	return side{key, Config{Realm: Chat, Network: network, Static: static, Now: day, Built: day.AddDate(-1, 0, 0), Rand: random}}
}

// wire holds what the two say, and lets a test change it on its way.
type wire struct {
	frames [4][]byte // content of frame 1, 2, 3 and "ready"
	meddle func(i int, f []byte) []byte
}

// run carries a handshake of a to b out, and returns both sessions or the
// error of whoever gave up, and after which frame.
func (w *wire) run(t testing.TB, a, b side, to Target, keys ...[]byte) (sa, sb *Session, err error) {
	t.Helper()
	if w.meddle == nil {
		w.meddle = func(_ int, f []byte) []byte { return f }
	}
	ha, first, err := Dial(a.conf, to)
	if err != nil {
		return nil, nil, err
	}
	if first[0] != byte(a.conf.Realm) {
		t.Fatalf("the first byte is %q", first[0])
	}
	rb, err := newResponder(b.conf, keys)
	if err != nil {
		return nil, nil, err
	}
	rb.encapsulate = func(ek *mlkem.EncapsulationKey768) (secret, ct []byte) {
		random := sha256.Sum256([]byte("kem"))
		secret, ct, err := mlkemtest.Encapsulate768(ek, random[:])
		if err != nil {
			t.Fatal(err)
		}
		return secret, ct
	}
	hb := rb.Handshake
	carry := func(i int, framed []byte) []byte {
		w.frames[i] = bytes.Clone(framed[2:])
		return w.meddle(i, bytes.Clone(framed[2:]))
	}
	frame2, err := hb.Next(carry(0, first[1:]))
	if err != nil {
		return nil, nil, fmt.Errorf("responder at frame 1: %w", err)
	}
	frame3, err := ha.Next(carry(1, frame2))
	if err != nil {
		return nil, nil, fmt.Errorf("initiator at frame 2: %w", err)
	}
	ready, err := hb.Next(carry(2, frame3))
	if err != nil {
		return nil, nil, fmt.Errorf("responder at frame 3: %w", err)
	}
	if _, err := ha.Next(carry(3, ready)); err != nil {
		return nil, hb.Session(), fmt.Errorf("initiator at ready: %w", err)
	}
	return ha.Session(), hb.Session(), nil
}

func (s side) id() identity.ID { return s.key.ID() }

func (s side) target() Target {
	id := s.id()
	return Target{ID: id, DialKey: id[:]}
}

func (s side) dialKey() []byte {
	id := s.id()
	return id[:]
}

func TestVectors(t *testing.T) {
	a, b := newSide(t, "initiator"), newSide(t, "responder")
	var w wire
	sa, sb, err := w.run(t, a, b, b.target(), b.dialKey())
	if err != nil {
		t.Fatal(err)
	}
	record := sa.Send.Seal(append(make([]byte, Head), "hello"...))
	got := map[string][]byte{
		"initiator id":     a.dialKey(),
		"responder id":     b.dialKey(),
		"initiator static": sb.Static[:],
		"responder static": sa.Static[:],
		"frame 1":          w.frames[0],
		"frame 2":          w.frames[1],
		"frame 3":          w.frames[2],
		"ready":            w.frames[3],
		"binding":          sa.Binding[:],
		"record":           record[2:],
	}
	vectors.Same(t, "the program", "handshake", got, vectors.Read(t, "../PROTOCOL.md", "handshake"))
}

func TestSessions(t *testing.T) {
	a, b := newSide(t, "initiator"), newSide(t, "responder")
	a.conf.Features, b.conf.Features = 5, 1<<40
	instance := []byte("instance")
	for _, tt := range []struct {
		name string
		to   Target
	}{
		{"by ID", b.target()},
		{"by LAN instance", Target{DialKey: instance}},
	} {
		var w wire
		sa, sb, err := w.run(t, a, b, tt.to, b.dialKey(), instance)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if sa.Peer != b.id() || sb.Peer != a.id() || sa.Binding != sb.Binding || sa.Features != 1<<40 || sb.Features != 5 {
			t.Errorf("%s: sessions %+v and %+v do not fit", tt.name, sa, sb)
		}
		if !bytes.Equal(sb.DialKey, tt.to.DialKey) {
			t.Errorf("%s: the responder was named by %x, want %x", tt.name, sb.DialKey, tt.to.DialKey)
		}
		for _, way := range []struct {
			s *Sealer
			o *Opener
		}{{sa.Send, sb.Recv}, {sb.Send, sa.Recv}} {
			record := way.s.Seal(append(make([]byte, Head), "hello"...))
			if got, err := way.o.Open(record[2:]); err != nil || string(got) != "hello" {
				t.Errorf("%s: opened %q, %v", tt.name, got, err)
			}
		}
	}
}

func TestOtherWorlds(t *testing.T) {
	a, b := newSide(t, "initiator"), newSide(t, "responder")
	other := newSide(t, "other")
	elsewhere := b
	elsewhere.conf.Network = sha256.Sum256([]byte("ship"))
	static, err := NewStatic(&vectors.Stream{Label: "elsewhere"}, b.key, Chat, elsewhere.conf.Network, day)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.conf.Static = static
	for _, tt := range []struct {
		name string
		b    side
		to   Target
		want string
		is   error
	}{
		{"another network", elsewhere, b.target(), "responder at frame 1", nil},
		{"somebody else answers", other, Target{ID: b.id(), DialKey: other.dialKey()}, "initiator at frame 2", ErrWrongPeer},
		{"ourselves", a, Target{DialKey: a.dialKey()}, "initiator at frame 2", ErrOwnID},
	} {
		var w wire
		sa, sb, err := w.run(t, a, tt.b, tt.to, tt.b.dialKey())
		if err == nil || sa != nil || sb != nil || !strings.HasPrefix(err.Error(), tt.want) && tt.is != ErrOwnID {
			t.Errorf("%s: %v, want an error of the %s", tt.name, err, tt.want)
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.is)
		}
	}
}

func TestClocks(t *testing.T) {
	for _, now := range []time.Time{day, time.Date(2080, 1, 1, 0, 0, 0, 0, time.UTC)} {
		testClocks(t, now)
	}
}

func testClocks(t *testing.T, now time.Time) {
	for _, tt := range []struct {
		name  string
		ahead time.Duration // of the responder's clock
		ok    bool
	}{
		{"the same", 0, true},
		{"a day behind", -24 * time.Hour, true},
		{"a day ahead", 24 * time.Hour, true},
		{"26 hours ahead", 26 * time.Hour, true},
		{"more ahead than the slack", 27 * time.Hour, false},
		{"expired by more than the slack", -(Lifetime + Slack + time.Hour), false},
	} {
		a, b := newSide(t, "initiator"), newSide(t, "responder")
		static, err := NewStatic(&vectors.Stream{Label: "clock"}, b.key, Chat, network, now.Add(tt.ahead))
		if err != nil {
			t.Fatal(err)
		}
		b.conf.Static = static
		if a.conf.Static, err = NewStatic(&vectors.Stream{Label: "clock of a"}, a.key, Chat, network, now); err != nil {
			t.Fatal(err)
		}
		a.conf.Now, b.conf.Now = now, now // only what is shown differs
		var w wire
		_, _, err = w.run(t, a, b, b.target(), b.dialKey())
		if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, ErrClock) {
			t.Errorf("%s: %v, want it taken: %v", tt.name, err, tt.ok)
		}
		if err != nil && !strings.Contains(err.Error(), "clocks differ by about") {
			t.Errorf("%s: %q does not tell by how much", tt.name, err)
		}
	}
}
