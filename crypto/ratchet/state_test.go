package ratchet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"dione/crypto/cborx"
	"dione/internal/vectors"
)

// states returns sessions in every situation.
func states(tb testing.TB) map[string]*Session {
	tb.Helper()
	a, b := pair(tb)
	all := map[string]*Session{}
	keep := func(name string, s *Session) {
		c, err := Decode(s.Encode())
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		all[name] = c
	}
	keep("initiator at first", a)
	keep("responder at first", b)
	lost := seal(tb, a, "lost")
	keep("initiator has written", a)
	open(tb, b, seal(tb, a, "x"), "x")
	keep("responder has read", b)
	open(tb, a, seal(tb, b, "y"), "y")
	keep("responder has written", b)
	open(tb, b, seal(tb, a, "z"), "z")
	keep("a closed chain with a hole", b)
	seal(tb, a, "lost")
	open(tb, b, seal(tb, a, "z"), "z")
	b.Watch()
	keep("all windows open", b)
	if _, err := a.Acknowledged(b.Received(), true); err != nil {
		tb.Fatal(err)
	}
	a.Watch()
	keep("acknowledged with gaps", a)
	open(tb, b, lost, "lost")
	keep("a chain is complete", b)
	return all
}

func TestState(t *testing.T) {
	for name, s := range states(t) {
		b := s.Encode()
		for n := range b {
			if _, err := Decode(b[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are taken", name, n, len(b))
			}
		}
		if _, err := Decode(append(bytes.Clone(b), 0)); err == nil {
			t.Errorf("%s: a byte behind is taken", name)
		}
	}
}

// TestOldState: states of earlier builds stay readable.
func TestOldState(t *testing.T) {
	text, err := os.ReadFile("testdata/state-1.hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Encode(), b) || s.initiator || len(s.closed) != 1 || len(s.Watch()) != 2+2*Window || s.Sent() != (Index{4, 1}) {
		t.Errorf("read as another state: %d closed chains, %d addresses, sent %v", len(s.closed), len(s.Watch()), s.Sent())
	}
	if err := s.CanSeal(); err != nil {
		t.Error(err)
	}
}

// TestDecodeRefuses states in which no session can be.
func TestDecodeRefuses(t *testing.T) {
	all := states(t)
	for _, tt := range []struct {
		name, from string
		change     func(*state)
	}{
		{"another version", "all windows open", func(s *state) { s.Version = 2 }},
		{"the other role", "all windows open", func(s *state) { s.Initiator = true }},
		{"no keys ahead", "all windows open", func(s *state) { s.Ahead = nil }},
		{"short keys ahead", "all windows open", func(s *state) { s.Ahead = s.Ahead[:127] }},
		{"no key of theirs", "initiator at first", func(s *state) { s.Theirs = nil }},
		{"a short key of theirs", "initiator at first", func(s *state) { s.Theirs = s.Theirs[:31] }},
		{"both keys", "initiator at first", func(s *state) { s.Own = make([]byte, 64) }},
		{"both keys", "responder at first", func(s *state) { s.Theirs = make([]byte, 32) }},
		{"no own key", "responder at first", func(s *state) { s.Own = nil }},
		{"a short own key", "responder at first", func(s *state) { s.Own = s.Own[:63] }},
		{"an own chain that is not begun", "responder at first", func(s *state) { s.Out = make([]byte, outSize) }},
		{"no own chain", "initiator has written", func(s *state) { s.Out = nil }},
		{"a long own chain", "initiator has written", func(s *state) { s.Out = append(s.Out, 0) }},
		{"an own chain on our turn", "all windows open", func(s *state) { s.Out = make([]byte, outSize) }},
		{"a next chain on our turn", "all windows open", func(s *state) { s.Next = make([]byte, 32) }},
		{"no next chain", "initiator has written", func(s *state) { s.Next = nil }},
		{"a broken window", "initiator has written", func(s *state) { s.Next = append(s.Next, 0) }},
		{"a large window", "initiator has written", func(s *state) { s.Next = make([]byte, 32+(Window+1)*placeSize) }},
		{"nothing sent", "acknowledged with gaps", func(s *state) { s.Sent = nil }},
		{"an empty chain", "initiator has written", func(s *state) { s.Sent[0].N = 0 }},
		{"their chain among ours", "acknowledged with gaps", func(s *state) { s.Sent[0].Epoch++ }},
		{"chain 0", "initiator has written", func(s *state) { s.Sent[0].Epoch = 0 }},
		{"own chains twice", "acknowledged with gaps", func(s *state) { s.Sent = append(s.Sent, s.Sent[0]) }},
		{"more acknowledged than sent", "acknowledged with gaps", func(s *state) { s.Sent[1].Contiguous = 9 }},
		{"more in the map", "acknowledged with gaps", func(s *state) { s.Sent[1].Acked = []byte{0, 4} }},
		{"a zero at the end", "acknowledged with gaps", func(s *state) { s.Sent[1].Acked = append(s.Sent[1].Acked, 0) }},
		{"far apart", "acknowledged with gaps", func(s *state) { s.Sent[1].N = 5000 }},
		{"too many own chains", "initiator has written", func(s *state) {
			s.Sent = nil
			for i := range uint32(MaxChains + 1) {
				s.Sent = append(s.Sent, sentState{Epoch: 2*i + 1, N: 1})
			}
		}},
		{"a chain too far", "responder has read", func(s *state) { s.Chains[0].Epoch = 3 }},
		{"our chain among theirs", "responder has read", func(s *state) { s.Chains[0].Epoch = 2 }},
		{"their chain 0", "responder has read", func(s *state) { s.Chains[0].Epoch = 0 }},
		{"no chain of theirs", "all windows open", func(s *state) { s.Chains = nil }},
		{"chains out of order", "all windows open", func(s *state) { s.Chains[0].Epoch = 3 }},
		{"an open chain without keys", "all windows open", func(s *state) { s.Chains[1].Chain = nil }},
		{"an open chain without a window", "all windows open", func(s *state) { s.Chains[1].Ahead = nil }},
		{"a closed chain with keys", "all windows open", func(s *state) { s.Chains[0].Chain = s.Chains[1].Chain }},
		{"a closed chain with a window", "all windows open", func(s *state) { s.Chains[0].Ahead = s.Chains[1].Ahead }},
		{"a closed chain without holes", "all windows open", func(s *state) { s.Chains[0].Holes = nil }},
		{"a hole beyond", "all windows open", func(s *state) { s.Chains[0].Holes[0] = 1 }},
		{"half a hole", "all windows open", func(s *state) { s.Chains[0].Holes = s.Chains[0].Holes[1:] }},
		{"a hole twice", "all windows open", func(s *state) { s.Chains[1].Holes = append(s.Chains[1].Holes, s.Chains[1].Holes...) }},
		{"a chain too long", "all windows open", func(s *state) { s.Chains[1].High = 5000 }},
		{"an empty open chain", "responder has read", func(s *state) { s.Chains[0].High, s.Chains[0].Holes = 0, nil }},
		{"too many chains", "all windows open", func(s *state) {
			c := s.Chains[0]
			s.Chains = nil
			for i := range uint32(MaxChains + 2) {
				c.Epoch = 2*i + 1
				s.Chains = append(s.Chains, c)
			}
		}},
		{"too many holes", "all windows open", func(s *state) {
			c := s.Chains[0]
			c.High, c.Holes = MaxSkip+1, nil
			for n := range uint32(MaxSkip) {
				c.Holes = append(c.Holes, packHoles([]hole{{n: n}})...)
			}
			d := c
			d.Epoch = 3
			last := s.Chains[1]
			last.Epoch = 5
			s.Chains = []inState{c, d, last}
			s.Sent[0].Epoch = 4
		}},
	} {
		var st state
		if err := cborx.Unmarshal(all[tt.from].Encode(), &st, maxState); err != nil {
			t.Fatal(err)
		}
		tt.change(&st)
		b, err := cborx.Marshal(&st)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(b); err == nil {
			t.Errorf("%s, from %q: taken", tt.name, tt.from)
		}
	}
	if _, err := Decode(make([]byte, maxState+1)); err == nil {
		t.Error("a huge state was taken")
	}
}

// TestHidden: nothing secret is printed, logged or encoded by accident.
func TestHidden(t *testing.T) {
	a, b := pair(t)
	p := seal(t, a, "a secret text")
	o := open(t, b, p, "a secret text")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "session", a, "seed", p.Seed)
	asJSON, err := json.Marshal([]any{a, p})
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%v %+v %#v %x %s %v %+v %v %x %v %s %s", a, a, a, a, a, p.Seed, p.Seed.Key(), o, o, b.Watch(), log.String(), asJSON)
	for name, secret := range map[string][]byte{"root": a.root[:], "chain": a.out.chain[:], "seed": p.Seed[:], "text": []byte("a secret")} {
		for _, form := range []string{string(secret), hex.EncodeToString(secret), fmt.Sprint(secret), strings.Trim(fmt.Sprint(secret), "[]")} {
			if strings.Contains(out, form) {
				t.Errorf("the %s is shown", name)
			}
		}
	}
}

// FuzzDecode: what is accepted has exactly one encoding, and serves.
func FuzzDecode(f *testing.F) {
	for _, s := range states(f) {
		f.Add(s.Encode())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := Decode(in)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Encode(), in) {
			t.Fatalf("accepted %x, which encodes as %x", in, s.Encode())
		}
		s.Received()
		s.Expire(20_000)
		_, _ = s.Acknowledged([]Chain{{Epoch: s.out.epoch, Contiguous: 1}}, true)
		_, _ = s.Seal(&vectors.Stream{Label: "fuzz"}, bodyOf("x"))
		s.Watch()
		if _, err := Decode(s.Encode()); err != nil {
			t.Errorf("went on from %x to a state that is refused: %v", in, err)
		}
	})
}

// FuzzOpen gives a session any package, under a header key it may know.
func FuzzOpen(f *testing.F) {
	a, b := pair(f)
	open(f, b, seal(f, a, "x"), "x")
	open(f, a, seal(f, b, "x"), "x")
	p := seal(f, a, "x")
	state := b.Encode()
	f.Add(p.Core[:], uint32(0), uint32(1), true)
	f.Add(p.Core[:], uint32(0), uint32(1), false)
	f.Add(p.Core[:], uint32(1<<32-1), uint32(1<<32-1), false)
	f.Fuzz(func(t *testing.T, in []byte, n, pn uint32, whole bool) {
		b, err := Decode(state)
		if err != nil {
			t.Fatal(err)
		}
		core := p.Core
		copy(core[:], in)
		if !whole {
			sealHeader(&core, a.out.header, header{dh: a.own.public, n: n, pn: pn})
		}
		if _, err := b.Open(p.Seed.Address().Hint(), &core, 0); err != nil {
			if !bytes.Equal(b.Encode(), state) {
				t.Errorf("%v changes the state", err)
			}
		} else if core != p.Core {
			t.Errorf("another package was taken: %x", core)
		}
	})
}
