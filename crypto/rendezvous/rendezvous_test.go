package rendezvous

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/ratchet"
	"dione/internal/vectors"
)

// network is that of the name "main".
var network = sha256.Sum256([]byte("main"))

func TestVectors(t *testing.T) {
	all := vectors.Read(t, "../PROTOCOL.md", "")
	want := vectors.Read(t, "../PROTOCOL.md", "rendezvous")
	vectors.Same(t, "the second implementation", "rendezvous", refVectors(all), want)

	host, guest := identity.ID(all["pqxdh responder id"]), identity.ID(all["pqxdh initiator id"])
	v, rs := [16]byte(all["pqxdh invitation"][37:]), [32]byte(all["pqxdh rs"])
	got := make(map[string][]byte)
	for name, c := range map[string]Chain{
		"offer":           ForOffer(v, network, host),
		"answer":          ForAnswer(v, network, host),
		"reset initiator": ForReset(rs, network, host, true),
		"reset responder": ForReset(rs, network, guest, false),
	} {
		sealed, err := c.Seal(&vectors.Stream{Label: "rendezvous"}, refNote(c.parts))
		if err != nil {
			t.Fatal(err)
		}
		var addresses, sums []byte
		for i, w := range c.Watch() {
			if w.Seed != sealed[i].Seed || w.Index != sealed[i].Index {
				t.Errorf("%s: package %d is sealed for another place than is watched", name, i)
			}
			sum := sealed[i].Core.Sum()
			addresses, sums = append(addresses, w.Address[:]...), append(sums, sum[:]...)
		}
		got[name+" addresses"], got[name+" cores"] = addresses, sums
		// The keys show in what they make, but for the location.
		keys := want[name+" keys"]
		if location := c.Location(); len(keys) != 160 || !bytes.Equal(location[:], keys[96:128]) {
			t.Errorf("%s: the location is %x", name, location)
		}
		got[name+" keys"] = keys
	}
	hash := func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }
	got["offer note"] = hash(Offer{all["pqxdh bundle"], "bob"}.Encode())
	got["intro note"] = hash(Intro{all["pqxdh intro"], all["ratchet core"], "ann"}.Encode())
	vectors.Same(t, "the implementation", "rendezvous", got, want)
}

// person is somebody.
func person(t testing.TB) pqxdh.Self {
	t.Helper()
	key, err := identity.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ik, err := pqxdh.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pqxdh.Self{Key: key, IK: ik}
}

// day is 21 November 2026.
const day = 20778

// story is an invitation of bob, which ann uses while he is away.
type story struct {
	ann, bob pqxdh.Self
	v        [16]byte
	secrets  pqxdh.Secrets
	offer    []ratchet.Sealed
	answer   []ratchet.Sealed
	session  *ratchet.Session // ann's
}

// use has somebody answer an offer with an intro of a session.
func use(t testing.TB, self pqxdh.Self, host identity.ID, offer []byte, r pqxdh.Recipient) (Intro, *ratchet.Session) {
	t.Helper()
	o, err := DecodeOffer(offer)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := pqxdh.DecodeBundle(o.Bundle)
	if err == nil {
		err = bundle.Check(host, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	intro, shared, err := pqxdh.Start(rand.Reader, self, host, bundle, 1, day)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ratchet.Initiate(shared.SK, shared.T, shared.Responder)
	if err != nil {
		t.Fatal(err)
	}
	body, err := parcel.Fragment{}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Seal(rand.Reader, &body)
	if err != nil {
		t.Fatal(err)
	}
	return Intro{Intro: intro.Encode(), Core: first.Core[:], Name: "ann"}, s
}

func newStory(t testing.TB) *story {
	t.Helper()
	s := &story{ann: person(t), bob: person(t)}
	_, _ = rand.Read(s.v[:])
	host, r := s.bob.Key.ID(), pqxdh.ForInvitation(s.v)
	bundle, secrets, err := pqxdh.NewBundle(rand.Reader, s.bob, r)
	if err != nil {
		t.Fatal(err)
	}
	s.secrets = secrets
	note := Offer{bundle.Encode(), "bob"}.Encode()
	if s.offer, err = ForOffer(s.v, network, host).Seal(rand.Reader, note); err != nil {
		t.Fatal(err)
	}
	read, err := ForOffer(s.v, network, host).Open(cores(s.offer))
	if err != nil || !bytes.Equal(read, note) {
		t.Fatalf("the offer comes out as %x, %v", read, err)
	}
	intro, session := use(t, s.ann, host, read, r)
	s.session = session
	if s.answer, err = ForAnswer(s.v, network, host).Seal(rand.Reader, intro.Encode()); err != nil {
		t.Fatal(err)
	}
	return s
}

func cores(sealed []ratchet.Sealed) (all []*parcel.Core) {
	for i := range sealed {
		all = append(all, &sealed[i].Core)
	}
	return all
}

// accept has bob read what lies where an answer is to lie.
func (s *story) accept(found []*parcel.Core) (Begun, error) {
	note, err := ForAnswer(s.v, network, s.bob.Key.ID()).Open(found)
	if err != nil {
		return Begun{}, err
	}
	return s.answered(note)
}

func (s *story) answered(note []byte) (Begun, error) {
	in, err := DecodeIntro(note)
	if err != nil {
		return Begun{}, err
	}
	intro, err := pqxdh.DecodeIntro(in.Intro)
	if err != nil {
		return Begun{}, err
	}
	return Accept(s.bob, s.secrets, intro, (*parcel.Core)(in.Core), 0, day)
}

// TestRendezvous has two people begin a session who are never there together.
func TestRendezvous(t *testing.T) {
	s := newStory(t)
	if len(s.offer) != OfferParts || len(s.answer) != IntroParts {
		t.Errorf("%d and %d packages, want %d and %d", len(s.offer), len(s.answer), OfferParts, IntroParts)
	}
	begun, err := s.accept(cores(s.answer))
	if err != nil {
		t.Fatal(err)
	}
	body, err := parcel.Fragment{Message: [16]byte{1}, Parts: 1, Data: []byte("hello")}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// Who has read the introduction can write at once.
	sealed, err := begun.Session.Seal(rand.Reader, &body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.session.Open(sealed.Seed.Address().Hint(), &sealed.Core, day); err != nil || got.Body != body {
		t.Errorf("bob's first message: %v", err)
	}
}

// TestOnReset: the same on what is left of a session, both ways.
func TestOnReset(t *testing.T) {
	ann, bob := person(t), person(t)
	rs := [32]byte{1, 2, 3}
	bundle, secrets, err := pqxdh.NewBundle(rand.Reader, bob, pqxdh.ForReset(ann.Key.ID()))
	if err != nil {
		t.Fatal(err)
	}
	intro, _ := use(t, ann, bob.Key.ID(), Offer{Bundle: bundle.Encode()}.Encode(), pqxdh.ForReset(ann.Key.ID()))
	for _, initiator := range []bool{true, false} {
		c := ForReset(rs, network, bob.Key.ID(), initiator)
		sealed, err := c.Seal(rand.Reader, intro.Encode())
		if err != nil {
			t.Fatal(err)
		}
		note, err := c.Open(cores(sealed))
		if err != nil {
			t.Fatal(err)
		}
		s := story{bob: bob, secrets: secrets}
		if _, err := s.answered(note); err != nil {
			t.Errorf("the session lost by the initiator, %v: %v", initiator, err)
		}
		// It is in its place nowhere else.
		for name, other := range map[string]Chain{
			"the other direction": ForReset(rs, network, bob.Key.ID(), !initiator),
			"another session":     ForReset([32]byte{9}, network, bob.Key.ID(), initiator),
			"another network":     ForReset(rs, [32]byte{9}, bob.Key.ID(), initiator),
			"another reader":      ForReset(rs, network, ann.Key.ID(), initiator),
		} {
			if _, err := other.Open(cores(sealed)); !errors.Is(err, ratchet.ErrForged) {
				t.Errorf("%s: %v, want ErrForged", name, err)
			}
		}
	}
}

func TestOpenIncomplete(t *testing.T) {
	s := newStory(t)
	for i := range s.answer {
		found := cores(s.answer)
		found[i] = nil
		if _, err := s.accept(found); !errors.Is(err, ErrIncomplete) {
			t.Errorf("without package %d: %v, want ErrIncomplete", i, err)
		}
	}
	for _, found := range [][]*parcel.Core{nil, {}, cores(s.answer)[:3]} {
		if _, err := s.accept(found); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%d packages: %v, want ErrIncomplete", len(found), err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	c := ForOffer([16]byte{}, network, identity.ID{1})
	for name, note := range map[string][]byte{
		"nothing": nil, "too much": make([]byte, OfferParts*parcel.DataSize+1),
	} {
		if _, err := c.Seal(rand.Reader, note); err == nil {
			t.Errorf("%s was sealed", name)
		}
	}
	if _, err := c.Seal(bytes.NewReader(make([]byte, 20)), []byte("x")); err == nil {
		t.Error("sealed without randomness")
	}
}

func TestHidden(t *testing.T) {
	c := ForOffer([16]byte{7}, network, identity.ID{1})
	if got := fmt.Sprintf("%v %+v %x", c, c, c); got != "[chain] [chain] [chain]" {
		t.Errorf("a chain is printed as %s", got)
	}
}
