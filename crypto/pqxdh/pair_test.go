package pqxdh

import (
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"testing"

	"dione/crypto/identity"
	"dione/internal/vectors"
)

// person is somebody with a source of random bytes.
type person struct {
	Self
	random *vectors.Stream
}

func newPerson(t testing.TB, label string) person {
	t.Helper()
	p := person{random: &vectors.Stream{Label: label}}
	var err error
	if p.Key, err = identity.Generate(p.random); err != nil {
		t.Fatal(err)
	}
	if p.IK, err = NewIdentity(p.random); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p person) id() identity.ID { return p.Key.ID() }

// bundle makes a bundle of p.
func (p person) bundle(t testing.TB, r Recipient) (Bundle, Secrets) {
	t.Helper()
	b, s, err := NewBundle(p.random, p.Self, r)
	if err != nil {
		t.Fatal(err)
	}
	return b, s
}

// start starts a session of p with owner, always with the same KEM secret.
func (p person) start(owner identity.ID, b Bundle, gen uint64, day0 uint32) (Intro, Shared, error) {
	return start(p.random, sameKEM, p.Self, owner, b, gen, day0)
}

// sameKEM encapsulates with SHA-256("kem").
func sameKEM(k *mlkem.EncapsulationKey768) (secret, ct []byte) {
	random := sha256.Sum256([]byte("kem"))
	secret, ct, err := mlkemtest.Encapsulate768(k, random[:])
	if err != nil {
		panic(err)
	}
	return secret, ct
}

// day is 20 November 2026.
const day = 20777

// agree fails the test unless both sides share the same.
func agree(t testing.TB, a, b Shared) {
	t.Helper()
	if a.SK != b.SK || a.T != b.T || a.SID != b.SID || a.Responder != b.Responder ||
		a.Reset() != b.Reset() || a.Location(true) != b.Location(true) || a.Location(false) != b.Location(false) {
		t.Error("the two sides do not share the same")
	}
	if a.Own != nil || [32]byte(b.Own.PublicKey().Bytes()) != b.Responder {
		t.Error("the responder's first ratchet key is not where it belongs")
	}
}

func TestSetUp(t *testing.T) {
	ann, bob := newPerson(t, "ann"), newPerson(t, "bob")
	v := [16]byte{1, 2, 3}
	for _, tt := range []struct {
		name string
		r    Recipient
		opk  bool
	}{
		{"contact", ForContact(ann.id()), true},
		{"invitation", ForInvitation(v), true},
		{"reset", ForReset(ann.id()), false},
	} {
		b, s := bob.bundle(t, tt.r)
		if (b.OPK != nil) != tt.opk {
			t.Errorf("%s: one-time key %v, want %v", tt.name, b.OPK != nil, tt.opk)
		}
		carried, err := DecodeBundle(b.Encode())
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := carried.Check(bob.id(), tt.r); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		in, atAnn, err := ann.start(bob.id(), carried, 1, day)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		kept, err := DecodeSecrets(s.Encode())
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		arrived, err := DecodeIntro(in.Encode())
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := arrived.Check(0, day); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		atBob, err := Answer(bob.Self, kept, arrived)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		agree(t, atAnn, atBob)
		t.Logf("%s: bundle of %d bytes, secrets of %d, intro of %d", tt.name, len(b.Encode()), len(s.Encode()), len(in.Encode()))
	}
}
