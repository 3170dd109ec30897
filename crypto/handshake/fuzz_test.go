package handshake

import (
	"bytes"
	"testing"

	"dione/crypto/cborx"
	"dione/internal/vectors"
)

// FuzzFrame1 gives a listener a first frame whose dial proof is right.
func FuzzFrame1(f *testing.F) {
	b := newSide(f, "responder")
	all := vectors.Read(f, "../PROTOCOL.md", "handshake")
	f.Add(all["frame 1"][:len(all["frame 1"])-dialSize])
	f.Fuzz(func(t *testing.T, message []byte) {
		r, err := Answer(b.conf, b.dialKey())
		if err != nil {
			t.Fatal(err)
		}
		if reply, err := r.Next(append(bytes.Clone(message), dialProof(b.dialKey(), message)...)); err != nil && len(reply) > 0 {
			t.Error("a refused frame was answered")
		}
	})
}

// FuzzFrame1Proof gives a listener any first frame.
func FuzzFrame1Proof(f *testing.F) {
	b := newSide(f, "responder")
	f.Add(vectors.Read(f, "../PROTOCOL.md", "handshake")["frame 1"])
	f.Fuzz(func(t *testing.T, frame []byte) {
		r, err := Answer(b.conf, b.dialKey())
		if err != nil {
			t.Fatal(err)
		}
		if reply, err := r.Next(frame); err != nil && len(reply) > 0 {
			t.Error("a refused frame was answered")
		}
	})
}

// FuzzFrame2 gives a dialler any answer.
func FuzzFrame2(f *testing.F) {
	a, b := newSide(f, "initiator"), newSide(f, "responder")
	f.Add(vectors.Read(f, "../PROTOCOL.md", "handshake")["frame 2"])
	f.Fuzz(func(t *testing.T, frame []byte) {
		a.conf.Rand = &vectors.Stream{Label: "initiator, fuzzed"}
		h, _, err := Dial(a.conf, b.target())
		if err != nil {
			t.Fatal(err)
		}
		if reply, err := h.Next(frame); err == nil || len(reply) > 0 {
			t.Error("an answer to another run was taken")
		}
	})
}

// FuzzFrame3 gives a listener any third frame.
func FuzzFrame3(f *testing.F) {
	b := newSide(f, "responder")
	all := vectors.Read(f, "../PROTOCOL.md", "handshake")
	f.Add(all["frame 3"])
	f.Fuzz(func(t *testing.T, frame []byte) {
		b.conf.Rand = &vectors.Stream{Label: "responder, fuzzed"}
		r, err := Answer(b.conf, b.dialKey())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(bytes.Clone(all["frame 1"])); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(frame); err == nil || r.Session() != nil {
			t.Error("a third frame of another run was taken")
		}
	})
}

// FuzzCard: what is accepted has exactly one encoding.
func FuzzCard(f *testing.F) {
	s := newSide(f, "initiator")
	good, err := cborx.Marshal(&s.conf.Static.card)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, in []byte) {
		var c card
		if cborx.Unmarshal(in, &c, MaxFrame) != nil {
			return
		}
		if again, err := cborx.Marshal(&c); err != nil || !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x (%v)", in, again, err)
		}
	})
}

// FuzzRecord opens anything as a record.
func FuzzRecord(f *testing.F) {
	s, _ := records()
	f.Add(seal(s, []byte("hello")))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, o := records()
		content, err := o.Open(bytes.Clone(in))
		if err != nil {
			return
		}
		s, _ := records()
		if !bytes.Equal(seal(s, content), in) {
			t.Errorf("accepted %x, which is not the record of its content", in)
		}
	})
}
