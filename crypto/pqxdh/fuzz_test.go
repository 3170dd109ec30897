package pqxdh

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"dione/internal/vectors"
)

// FuzzBundle: what is accepted has exactly one encoding, and starts no session
// unless it is signed.
func FuzzBundle(f *testing.F) {
	s := newSetUp(f)
	all := vectors.Read(f, "../PROTOCOL.md", "pqxdh")
	f.Add(all["bundle"])
	f.Add(s.bundle.Encode())
	r, _ := s.bob.bundle(f, ForReset(s.ann.id()))
	f.Add(r.Encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := DecodeBundle(in)
		if err != nil {
			return
		}
		if again := b.Encode(); !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x", in, again)
		}
		_, _, err = s.ann.start(s.bob.id(), b, 1, day)
		if b.For = s.bundle.For; err == nil && !bytes.Equal(b.Encode(), s.bundle.Encode()) && b.OPK != nil {
			t.Errorf("a bundle that nobody has made was used: %x", in)
		}
	})
}

// FuzzIntro: what is accepted has exactly one encoding, and only the honest
// one gives what the initiator has.
func FuzzIntro(f *testing.F) {
	s := newSetUp(f)
	all := vectors.Read(f, "../PROTOCOL.md", "pqxdh")
	f.Add(all["intro"])
	f.Add(s.intro.Encode())
	honest := s.intro.Encode()
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := DecodeIntro(data)
		if err != nil {
			return
		}
		if again := in.Encode(); !bytes.Equal(again, data) {
			t.Errorf("accepted %x, which encodes as %x", data, again)
		}
		if got, err := Answer(s.bob.Self, s.secrets, in); err == nil && got.SK == s.atAnn.SK && !bytes.Equal(data, honest) {
			t.Errorf("another intro gives the same secret: %x", data)
		}
	})
}

// FuzzSecrets: what the store gives back has exactly one encoding.
func FuzzSecrets(f *testing.F) {
	s := newSetUp(f)
	f.Add(s.secrets.Encode())
	_, r := s.bob.bundle(f, ForReset(s.ann.id()))
	f.Add(r.Encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		if s, err := DecodeSecrets(in); err == nil && !bytes.Equal(s.Encode(), in) {
			t.Errorf("accepted %x, which encodes as %x", in, s.Encode())
		}
	})
}

// FuzzInvitation: but for case and blanks, what is accepted is written in
// exactly one way.
func FuzzInvitation(f *testing.F) {
	text := invitationText(f)
	f.Add(text)
	f.Add(strings.ToUpper(text))
	f.Add("dione:")
	f.Add(Invitation{}.String())
	f.Fuzz(func(t *testing.T, in string) {
		inv, err := ParseInvitation(in)
		if err != nil {
			return
		}
		plain := strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, in)
		if got := inv.String(); !strings.EqualFold(got, plain) || len(got) != len(plain) {
			t.Errorf("accepted %q, which is written %q", in, got)
		}
	})
}
