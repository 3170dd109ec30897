package ratchet

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"dione/crypto/parcel"
)

// stream is the byte stream SHA-256(label ‖ counter), counter as 8 bytes.
type stream struct {
	label string
	n     uint64
	rest  []byte
}

func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(s.rest) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.label), s.n))
			s.n++
			s.rest = sum[:]
		}
		c := copy(p[n:], s.rest)
		s.rest = s.rest[c:]
		n += c
	}
	return len(p), nil
}

func take32(r io.Reader) (b [32]byte) {
	_, _ = io.ReadFull(r, b[:])
	return b
}

// pair returns both ends of a new session.
func pair(tb testing.TB) (a, b *Session) {
	tb.Helper()
	spk, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	var sk, ad [32]byte
	_, _ = rand.Read(sk[:])
	_, _ = rand.Read(ad[:])
	a, err = Initiate(sk, ad, [32]byte(spk.PublicKey().Bytes()))
	if err != nil {
		tb.Fatal(err)
	}
	return a, Accept(sk, ad, spk)
}

func bodyOf(text string) *[parcel.BodySize]byte {
	var b [parcel.BodySize]byte
	copy(b[:], text)
	return &b
}

func seal(tb testing.TB, s *Session, text string) Sealed {
	tb.Helper()
	out, err := s.Seal(rand.Reader, bodyOf(text))
	if err != nil {
		tb.Fatalf("seal %q: %v", text, err)
	}
	return out
}

func open(tb testing.TB, s *Session, p Sealed, text string) Opened {
	tb.Helper()
	got, err := s.Open(p.Seed.Address().Hint(), &p.Core, 0)
	if err != nil {
		tb.Fatalf("open %v: %v", p.Index, err)
	}
	if got.Index != p.Index || !bytes.Equal(got.Body[:], bodyOf(text)[:]) || got.Seed != p.Seed {
		tb.Fatalf("opened %v as %v, %.20q", p.Index, got.Index, got.Body[:20])
	}
	return got
}

func TestConversation(t *testing.T) {
	a, b := pair(t)
	if err := b.CanSeal(); !errors.Is(err, ErrEarly) {
		t.Errorf("the responder can seal at once: %v", err)
	}
	for round := range 6 {
		for i := range 3 {
			p := seal(t, a, "from a")
			if p.Epoch != uint32(2*round+1) || p.N != uint32(i) {
				t.Fatalf("round %d: sealed %v", round, p.Index)
			}
			open(t, b, p, "from a")
			if _, err := b.Open(p.Seed.Address().Hint(), &p.Core, 0); !errors.Is(err, ErrDuplicate) {
				t.Fatalf("the same package again: %v", err)
			}
		}
		open(t, a, seal(t, b, "from b"), "from b")
		for _, s := range []**Session{&a, &b} {
			enc := (*s).Encode()
			again, err := Decode(enc)
			if err != nil || !bytes.Equal(again.Encode(), enc) {
				t.Fatalf("decode: %v", err)
			}
			*s = again
		}
		if news, err := a.Acknowledged(b.Received(), true); err != nil || len(news) != 3 {
			t.Fatalf("round %d: acknowledged %v, %v", round, news, err)
		}
		if news, err := b.Acknowledged(a.Received(), true); err != nil || len(news) != 1 {
			t.Fatalf("round %d: acknowledged %v, %v", round, news, err)
		}
	}
}
