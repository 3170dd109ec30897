package handshake

import (
	"bytes"
	"crypto/mlkem"
	"errors"
	"strings"
	"testing"

	"dione/crypto/cborx"
	"dione/internal/vectors"
)

// The attacks of crypto/PROTOCOL.md, section 6, on the handshake.

// TestAttack1Replay sends recorded frames 1 and 3 again.
func TestAttack1Replay(t *testing.T) {
	a, b := newSide(t, "initiator"), newSide(t, "responder")
	var recorded wire
	if _, _, err := recorded.run(t, a, b, b.target(), b.dialKey()); err != nil {
		t.Fatal(err)
	}
	b.conf.Rand = &vectors.Stream{Label: "another run"}
	r, err := Answer(b.conf, b.dialKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(bytes.Clone(recorded.frames[0])); err != nil {
		t.Fatalf("frame 1 again: %v", err) // it is answered, and that is all
	}
	if _, err := r.Next(bytes.Clone(recorded.frames[2])); err == nil || r.Session() != nil {
		t.Errorf("frame 3 of another run was taken: %v", err)
	}
	if _, err := r.Next(bytes.Clone(recorded.frames[2])); err == nil {
		t.Error("a dead handshake goes on")
	}
}

// TestAttack2Relay puts Mallory between: he answers for Bob with his own keys.
// Ann gives up before frame 3, which would have told who she is.
func TestAttack2Relay(t *testing.T) {
	ann, mallory, bob := newSide(t, "ann"), newSide(t, "mallory"), newSide(t, "bob")
	var w wire
	_, _, err := w.run(t, ann, mallory, bob.target(), bob.dialKey())
	if !errors.Is(err, ErrWrongPeer) {
		t.Errorf("Ann took Mallory for Bob: %v", err)
	}
	if w.frames[2] != nil {
		t.Error("Ann has shown who she is")
	}
	// A card of Bob's does not help him: it is signed for Bob's transport key.
	stolen := mallory
	static := *mallory.conf.Static
	static.card = bob.conf.Static.card
	stolen.conf.Static = &static
	w = wire{}
	if _, _, err := w.run(t, ann, stolen, bob.target(), bob.dialKey()); err == nil || w.frames[2] != nil {
		t.Errorf("Ann took a stolen card: %v", err)
	}
}

// TestAttack3SwappedKEM changes the KEM key of frame 1, the ciphertext of
// frame 2 or "ready": the next message does not open, and the dialler is never
// connected.
func TestAttack3SwappedKEM(t *testing.T) {
	a, b := newSide(t, "initiator"), newSide(t, "responder")
	evil, err := mlkem.GenerateKey768()
	if err != nil {
		t.Fatal(err)
	}
	swapped, err := cborx.Marshal(&offer{EK: [mlkem.EncapsulationKeySize768]byte(evil.EncapsulationKey().Bytes())})
	if err != nil {
		t.Fatal(err)
	}
	w := wire{meddle: func(i int, f []byte) []byte {
		if i == 0 { // frame 1 is not encrypted: the payload can be changed, and the proof made anew by who knows the ID
			copy(f[32:], swapped)
			copy(f[len(f)-dialSize:], dialProof(b.dialKey(), f[:len(f)-dialSize]))
		}
		return f
	}}
	if sa, sb, err := w.run(t, a, b, b.target(), b.dialKey()); err == nil || sa != nil || sb != nil {
		t.Errorf("a swapped KEM key: %v", err)
	}
	w = wire{meddle: func(i int, f []byte) []byte {
		if i == 1 {
			f[len(f)-100] ^= 1
		}
		return f
	}}
	if sa, sb, err := w.run(t, a, b, b.target(), b.dialKey()); err == nil || sa != nil || sb != nil {
		t.Errorf("a changed ciphertext: %v", err)
	}
	w = wire{meddle: func(i int, f []byte) []byte {
		if i == 3 {
			f[0] ^= 1
		}
		return f
	}}
	if sa, _, err := w.run(t, a, b, b.target(), b.dialKey()); err == nil || sa != nil {
		t.Errorf("a changed \"ready\": %v", err)
	}
}

// TestAttack4Reflection sends Ann's own frames back to her.
func TestAttack4Reflection(t *testing.T) {
	a := newSide(t, "initiator")
	b := newSide(t, "responder")
	h, first, err := Dial(a.conf, b.target())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Next(bytes.Clone(first[3:])); err == nil || h.Session() != nil {
		t.Errorf("her own frame 1 was taken for frame 2: %v", err)
	}
	if _, _, err := Dial(a.conf, a.target()); !errors.Is(err, ErrOwnID) {
		t.Errorf("dialling herself: %v, want ErrOwnID", err)
	}
	var w wire
	if _, _, err := w.run(t, a, a, Target{DialKey: a.dialKey()}, a.dialKey()); !errors.Is(err, ErrOwnID) {
		t.Errorf("meeting herself: %v, want ErrOwnID", err)
	}
}

// TestAttack5BadPointsAndEncodings ends the handshake like any other failure.
func TestAttack5BadPointsAndEncodings(t *testing.T) {
	b := newSide(t, "responder")
	good, err := cborx.Marshal(&offer{EK: [mlkem.EncapsulationKeySize768]byte(mustKEM(t).EncapsulationKey().Bytes())})
	if err != nil {
		t.Fatal(err)
	}
	point := bytes.Repeat([]byte{9}, 32)
	low := make([]byte, 32)
	for _, tt := range []struct {
		name    string
		point   []byte
		payload []byte
	}{
		{"low-order point", low, good},
		{"KEM key out of range", point, append(bytes.Clone(good[:5]), bytes.Repeat([]byte{0xff}, mlkem.EncapsulationKeySize768)...)},
		{"key written longer than needed", point, append([]byte{0xa1, 0x18, 0x01}, good[2:]...)},
		{"indefinite map", point, append(append([]byte{0xbf}, good[1:]...), 0xff)},
		{"two of a key", point, append(append([]byte{0xa2}, good[1:]...), good[1:]...)},
		{"truncated", point, good[:100]},
		{"bytes behind", point, append(bytes.Clone(good), 0)},
		{"empty", point, nil},
	} {
		r, err := Answer(b.conf, b.dialKey())
		if err != nil {
			t.Fatal(err)
		}
		message := append(bytes.Clone(tt.point), tt.payload...)
		reply, err := r.Next(append(message, dialProof(b.dialKey(), message)...))
		if err == nil || len(reply) > 0 || r.Session() != nil {
			t.Errorf("%s: answered with %d bytes, %v", tt.name, len(reply), err)
		}
	}
	r, err := Answer(b.conf, b.dialKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(make([]byte, MaxFrame+1)); err == nil {
		t.Error("an oversized frame was taken")
	}
}

// TestAttack6StrangerDials tries addresses without knowing who is there:
// silence, before any costly work.
func TestAttack6StrangerDials(t *testing.T) {
	a, b := newSide(t, "initiator"), newSide(t, "responder")
	var w wire
	_, _, err := w.run(t, a, b, Target{DialKey: []byte("a guess")}, b.dialKey(), []byte("instance"))
	if err == nil || !strings.Contains(err.Error(), "not dialled by a key of ours") || w.frames[1] != nil {
		t.Errorf("a guess was answered: %v", err)
	}
	for _, proof := range [][]byte{nil, make([]byte, dialSize)} {
		r, err := newResponder(b.conf, [][]byte{b.dialKey()})
		if err != nil {
			t.Fatal(err)
		}
		worked := false
		r.encapsulate = func(*mlkem.EncapsulationKey768) (_, _ []byte) { worked = true; return nil, nil }
		if reply, err := r.Next(append(make([]byte, frame1Size), proof...)); err == nil || len(reply) > 0 || worked || r.noise != nil {
			t.Errorf("a proof of %d bytes: %v, worked: %v", len(proof), err, worked)
		}
	}
}

func mustKEM(t testing.TB) *mlkem.DecapsulationKey768 {
	t.Helper()
	k, err := mlkem.GenerateKey768()
	if err != nil {
		t.Fatal(err)
	}
	return k
}
