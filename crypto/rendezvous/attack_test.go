package rendezvous

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/ratchet"
	"dione/internal/vectors"
)

// The attacks of crypto/PROTOCOL.md, section 11.

// TestReplay sends an introduction once more: on another invitation of the
// same maker nothing opens, and where its bundle has served nothing answers.
func TestReplay(t *testing.T) {
	s := newStory(t)
	first, err := s.accept(cores(s.answer))
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.accept(cores(s.answer))
	if err != nil || again.Shared.SID != first.Shared.SID {
		t.Errorf("the same again, while the bundle is there: %v, or another session", err)
	}
	other := *s
	other.v[0]++
	if _, err := other.accept(cores(s.answer)); !errors.Is(err, ratchet.ErrForged) {
		t.Errorf("on another invitation: %v, want ErrForged", err)
	}
	_, next, err := pqxdh.NewBundle(rand.Reader, s.bob, pqxdh.ForInvitation(s.v))
	if err != nil {
		t.Fatal(err)
	}
	other = *s
	other.secrets = next
	if _, err := other.accept(cores(s.answer)); !errors.Is(err, pqxdh.ErrNumber) {
		t.Errorf("with its bundle gone: %v, want ErrNumber", err)
	}
}

// TestOtherNetwork takes packages of one network to another.
func TestOtherNetwork(t *testing.T) {
	s := newStory(t)
	elsewhere := [32]byte{1}
	for name, c := range map[string]Chain{
		"another network": ForAnswer(s.v, elsewhere, s.bob.Key.ID()),
		"another host":    ForAnswer(s.v, network, s.ann.Key.ID()),
		"reflected":       ForOffer(s.v, network, s.bob.Key.ID()),
	} {
		if _, err := c.Open(cores(s.answer)); !errors.Is(err, ratchet.ErrForged) {
			t.Errorf("%s: %v, want ErrForged", name, err)
		}
	}
	here, there := ForAnswer(s.v, network, s.bob.Key.ID()), ForAnswer(s.v, elsewhere, s.bob.Key.ID())
	if here.Location() != there.Location() {
		t.Error("places are of the secret alone; the network is in what they are bound to")
	}
}

// TestInAnotherName has eve, who has found the invitation, write in ann's name:
// only who has ann's keys can make the first message of that session.
func TestInAnotherName(t *testing.T) {
	s, eve := newStory(t), person(t)
	note, err := ForOffer(s.v, network, s.bob.Key.ID()).Open(cores(s.offer))
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := use(t, eve, s.bob.Key.ID(), note, pqxdh.ForInvitation(s.v))
	if _, err := s.answered(mine.Encode()); err != nil {
		t.Fatalf("in her own name, once: %v", err)
	}
	hers, err := pqxdh.DecodeIntro(mine.Intro)
	if err != nil {
		t.Fatal(err)
	}
	annNote, err := ForAnswer(s.v, network, s.bob.Key.ID()).Open(cores(s.answer))
	if err != nil {
		t.Fatal(err)
	}
	anns, err := DecodeIntro(annNote)
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := pqxdh.DecodeIntro(anns.Intro)
	if err != nil {
		t.Fatal(err)
	}
	named := hers
	named.ID, named.IK, named.Cert = stolen.ID, stolen.IK, stolen.Cert
	for name, in := range map[string]Intro{
		"ann's name and keys":         {named.Encode(), mine.Core, ""},
		"ann's intro, eve's message":  {anns.Intro, mine.Core, ""},
		"eve's intro, ann's message":  {mine.Intro, anns.Core, ""},
		"no message, nothing but air": {mine.Intro, make([]byte, parcel.CoreSize), ""},
	} {
		if _, err := s.answered(in.Encode()); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := s.answered(Intro{anns.Intro, anns.Core, "mallory"}.Encode()); err != nil {
		t.Errorf("a name is a claim, and no more: %v", err)
	}
}

// TestSecondUse has two people answer one invitation: what is mixed of both
// comes together as neither.
func TestSecondUse(t *testing.T) {
	s, eve := newStory(t), person(t)
	note, err := ForOffer(s.v, network, s.bob.Key.ID()).Open(cores(s.offer))
	if err != nil {
		t.Fatal(err)
	}
	in, _ := use(t, eve, s.bob.Key.ID(), note, pqxdh.ForInvitation(s.v))
	c := ForAnswer(s.v, network, s.bob.Key.ID())
	second, err := c.Seal(rand.Reader, in.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range c.Watch() {
		if second[i].Seed != w.Seed || s.answer[i].Seed != w.Seed {
			t.Fatal("the two are not at the same addresses")
		}
		if second[i].Core == s.answer[i].Core {
			t.Fatal("the two are the same")
		}
	}
	for mix := 1; mix < 1<<IntroParts-1; mix++ {
		found := cores(s.answer)
		for i := range found {
			if mix>>i&1 == 1 {
				found[i] = &second[i].Core
			}
		}
		if _, err := s.accept(found); !errors.Is(err, ErrIncomplete) {
			t.Errorf("mixed %04b: %v, want ErrIncomplete", mix, err)
		}
	}
	// The second one finds a package with another hash, which its holder can
	// prove, under the one address.
	mine := second[0].Seed.Key().Seal(&second[0].Core, [32]byte{}, 500_000)
	theirs := s.answer[0].Seed.Key().Seal(&s.answer[0].Core, [32]byte{}, 500_000)
	stone := s.answer[0].Seed.Key().Bury(Void(), [32]byte{}, 500_000)
	for name, b := range map[string][]byte{"the first answer": theirs[:], "an end without one": stone[:]} {
		own, err := parcel.Check(mine[:])
		if err != nil {
			t.Fatal(err)
		}
		proof, err := parcel.Check(b)
		if err != nil || proof.Address != own.Address || proof.Sum == own.Sum {
			t.Errorf("%s proves nothing: %v", name, err)
		}
	}
}

// TestMoved: a package in another place of the note, or changed, is refused.
func TestMoved(t *testing.T) {
	s := newStory(t)
	found := cores(s.answer)
	found[0], found[1] = found[1], found[0]
	if _, err := s.accept(found); !errors.Is(err, ratchet.ErrForged) {
		t.Errorf("exchanged: %v, want ErrForged", err)
	}
	for _, at := range []int{0, parcel.NonceSize, parcel.NonceSize + parcel.HeaderSize, parcel.CoreSize - 1} {
		changed := s.answer[2].Core
		changed[at] ^= 1
		found := cores(s.answer)
		found[2] = &changed
		if _, err := s.accept(found); !errors.Is(err, ratchet.ErrForged) {
			t.Errorf("byte %d changed: %v, want ErrForged", at, err)
		}
	}
}

// TestOddParts: who has the secret can seal anything, so what is inside is
// looked at as strangers' bytes are.
func TestOddParts(t *testing.T) {
	c := ForAnswer([16]byte{1}, network, identity.ID{1})
	id := [16]byte{1}
	full := make([]byte, parcel.DataSize)
	for name, parts := range map[string][]parcel.Fragment{
		"void":        {{}},
		"an ack":      {{Message: id, Parts: 1, Ack: &parcel.Ack{Epoch: 1}, Data: full}},
		"another one": {{Message: id, Part: 1, Parts: 2, Data: full}, {Message: id, Parts: 2, Data: full}},
		"too many":    {{Message: id, Parts: 5, Data: full}, {Message: id, Part: 1, Parts: 5, Data: full}},
	} {
		var bodies []*[parcel.BodySize]byte
		for _, f := range parts {
			body, err := f.Encode()
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, &body)
		}
		sealed, err := c.Fixed.Seal(rand.Reader, bodies...)
		if err != nil {
			t.Fatal(err)
		}
		if note, err := c.Open(cores(sealed)); err == nil {
			t.Errorf("%s: read as %d bytes", name, len(note))
		}
	}
	junk := new([parcel.BodySize]byte)
	_, _ = rand.Read(junk[:])
	sealed, err := c.Fixed.Seal(rand.Reader, junk)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(cores(sealed)); !errors.Is(err, ratchet.ErrForged) {
		t.Errorf("no fragment at all: %v, want ErrForged", err)
	}
}

// FuzzOffer and FuzzIntro: what is accepted has exactly one encoding.
func FuzzOffer(f *testing.F) {
	all := vectors.Read(f, "../PROTOCOL.md", "")
	f.Add(Offer{all["pqxdh bundle"], "bob"}.Encode())
	f.Add(Offer{Bundle: []byte{1}}.Encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		if o, err := DecodeOffer(in); err == nil && !bytes.Equal(o.Encode(), in) {
			t.Errorf("accepted %x, which encodes as %x", in, o.Encode())
		}
	})
}

func FuzzIntro(f *testing.F) {
	all := vectors.Read(f, "../PROTOCOL.md", "")
	f.Add(Intro{all["pqxdh intro"], all["ratchet core"], "ann"}.Encode())
	f.Add(Intro{[]byte{1}, make([]byte, parcel.CoreSize), ""}.Encode())
	s := newStory(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := DecodeIntro(in)
		if err != nil {
			return
		}
		if !bytes.Equal(got.Encode(), in) {
			t.Errorf("accepted %x, which encodes as %x", in, got.Encode())
		}
		if _, err := s.answered(in); err == nil {
			t.Errorf("a session was begun by %x", in)
		}
	})
}

// FuzzNote: no body makes a reader panic, or read more than a note may have.
func FuzzNote(f *testing.F) {
	c := ForAnswer([16]byte{1}, network, identity.ID{1})
	for _, parts := range [][]parcel.Fragment{
		{{}}, {{Message: [16]byte{1}, Parts: 1, Data: []byte("x")}},
		{{Message: [16]byte{1}, Parts: 2, Data: make([]byte, parcel.DataSize)}, {Message: [16]byte{1}, Part: 1, Parts: 2, Data: []byte{1}}},
	} {
		var first, second [parcel.BodySize]byte
		for i, f := range parts {
			body, err := f.Encode()
			if err != nil {
				panic(err)
			}
			*[]*[parcel.BodySize]byte{&first, &second}[i] = body
		}
		f.Add(first[:], second[:])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var bodies [2][parcel.BodySize]byte
		copy(bodies[0][:], first)
		copy(bodies[1][:], second)
		sealed, err := c.Fixed.Seal(rand.Reader, &bodies[0], &bodies[1])
		if err != nil {
			t.Fatal(err)
		}
		if note, err := c.Open(cores(sealed)); err == nil && (len(note) == 0 || len(note) > IntroParts*parcel.DataSize) {
			t.Errorf("a note of %d bytes", len(note))
		}
	})
}
