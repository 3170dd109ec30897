package secure

import (
	"errors"
	"net"
	"testing"

	"dione/crypto/handshake"
)

func newDHTEndpoint(t *testing.T) *Endpoint {
	e, err := NewEndpoint(Config{Realm: handshake.DHT, Network: testNetwork, Key: newKey(t)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestBeside has one port answer both realms, each by its own identity.
func TestBeside(t *testing.T) {
	beside, client := newDHTEndpoint(t), newDHTEndpoint(t)
	var there *Endpoint
	chat := newEndpoint(t, Config{Beside: func() *Endpoint { return there }})

	a, b := net.Pipe()
	if c, s := meet(t.Context(), client, chat, a, b, Target{ID: beside.id()}); c.err == nil || s.err == nil {
		t.Error("a realm was answered that nobody serves yet")
	}
	there = beside
	a, b = net.Pipe()
	c, s := meet(t.Context(), client, chat, a, b, Target{ID: beside.id()})
	if c.err != nil || s.err != nil {
		t.Fatal(c.err, s.err)
	}
	if c.conn.Peer() != beside.id() || s.conn.Peer() != client.id() {
		t.Error("the wrong identities met")
	}
	if c.conn.Realm() != handshake.DHT || s.conn.Realm() != handshake.DHT {
		t.Errorf("realms %q and %q", c.conn.Realm(), s.conn.Realm())
	}
	a, b = net.Pipe()
	c, s = meet(t.Context(), newEndpoint(t, Config{}), chat, a, b, Target{DialKey: instance})
	if c.err != nil || s.err != nil || s.conn.Realm() != handshake.Chat || s.conn.Peer() == client.id() {
		t.Errorf("chat beside: %v, %v", c.err, s.err)
	}
}

// TestBesideIsCountedApart has a crowd of one realm keep nobody out of the
// other.
func TestBesideIsCountedApart(t *testing.T) {
	beside := newDHTEndpoint(t)
	chat := newEndpoint(t, Config{Beside: func() *Endpoint { return beside }})
	for range maxFromSource {
		if _, ok := beside.gate.enter(nowhere{}); !ok {
			t.Fatal("the gate is closed too early")
		}
	}
	a, b := net.Pipe()
	_, s := meet(t.Context(), newDHTEndpoint(t), chat, a, b, Target{ID: beside.id()})
	if !errors.Is(s.err, ErrBusy) {
		t.Errorf("one more than are allowed: %v", s.err)
	}
	a, b = net.Pipe()
	if c, s := meet(t.Context(), newEndpoint(t, Config{}), chat, a, b, Target{DialKey: instance}); c.err != nil || s.err != nil {
		t.Error(c.err, s.err)
	}
	if chat.gate.total != 0 || beside.gate.total != maxFromSource {
		t.Errorf("%d and %d handshakes are counted", chat.gate.total, beside.gate.total)
	}
}

// nowhere is the address of a pipe.
type nowhere struct{}

func (nowhere) Network() string { return "pipe" }
func (nowhere) String() string  { return "pipe" }
