package handshake

import (
	"errors"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/internal/vectors"
)

// TestBuildDate: a clock before the build date counts as the build date.
func TestBuildDate(t *testing.T) {
	for _, tt := range []struct {
		built time.Time
		ok    bool
	}{{day, true}, {day.AddDate(-40, 0, 0), false}} {
		a, b := newSide(t, "initiator"), newSide(t, "responder")
		a.conf.Now, a.conf.Built = time.Unix(0, 0), tt.built
		var w wire
		if _, _, err := w.run(t, a, b, b.target(), b.dialKey()); tt.ok != (err == nil) || !tt.ok && !errors.Is(err, ErrClock) {
			t.Errorf("built %v: %v, want it taken: %v", tt.built, err, tt.ok)
		}
	}
}

// TestClockEdges: the slack counts to the second, both ways.
func TestClockEdges(t *testing.T) {
	for _, tt := range []struct {
		ahead time.Duration
		ok    bool
	}{{Slack, true}, {Slack + time.Second, false}, {-Lifetime - Slack, true}, {-Lifetime - Slack - time.Second, false}} {
		a, b := newSide(t, "initiator"), newSide(t, "responder")
		var err error
		if b.conf.Static, err = NewStatic(&vectors.Stream{Label: "clock"}, b.key, Chat, network, day.Add(tt.ahead)); err != nil {
			t.Fatal(err)
		}
		var w wire
		if _, _, err := w.run(t, a, b, b.target(), b.dialKey()); tt.ok != (err == nil) {
			t.Errorf("%v: %v", tt.ahead, err)
		}
	}
}

// TestCheckRefuses: a card of the other realm, a huge end and an impossible identity.
func TestCheckRefuses(t *testing.T) {
	a, b := newSide(t, "initiator"), newSide(t, "responder")
	h, err := newHandshake(a.conf)
	if err != nil {
		t.Fatal(err)
	}
	pub := b.conf.Static.Public()
	good := b.conf.Static.card
	if err := h.check(good, pub[:]); err != nil {
		t.Fatal(err)
	}
	dht := good
	dht.Sig = [64]byte(b.key.Sign(signedBytes(DHT, network, pub[:], dht.NotAfter)))
	huge := good
	huge.NotAfter = 1<<64 - 1
	huge.Sig = [64]byte(b.key.Sign(signedBytes(Chat, network, pub[:], huge.NotAfter)))
	zero := good
	zero.ID = identity.ID{}
	small := good
	small.ID, small.Sig = identity.ID{1}, [64]byte{1} // A = R = the neutral point, S = 0: signs everything
	for name, c := range map[string]card{"realm": dht, "huge": huge, "zero": zero, "neutral point": small} {
		if err := h.check(c, pub[:]); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestRealmDHT(t *testing.T) {
	mk := func(l string) side {
		s := newSide(t, l)
		st, err := NewStatic(&vectors.Stream{Label: l + "d"}, s.key, DHT, network, day)
		if err != nil {
			t.Fatal(err)
		}
		s.conf.Realm, s.conf.Static = DHT, st
		return s
	}
	a, b := mk("x"), mk("y")
	var w wire
	if _, _, err := w.run(t, a, b, Target{ID: b.id()}); err != nil {
		t.Error(err)
	}
}
