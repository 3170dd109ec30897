package pqxdh

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"testing"

	"dione/crypto/identity"
)

// BenchmarkSetUp is what a session costs both sides together: a bundle made,
// checked and used, the intro answered, all of it encoded and decoded.
func BenchmarkSetUp(b *testing.B) {
	ann, bob := newPerson(b, "ann"), newPerson(b, "bob")
	r := ForContact(ann.id())
	for b.Loop() {
		bundle, secrets, err := NewBundle(rand.Reader, bob.Self, r)
		must(b, err)
		bundle, err = DecodeBundle(bundle.Encode())
		must(b, err)
		must(b, bundle.Check(bob.id(), r))
		in, _, err := Start(rand.Reader, ann.Self, bob.id(), bundle, 1, day)
		must(b, err)
		secrets, err = DecodeSecrets(secrets.Encode())
		must(b, err)
		in, err = DecodeIntro(in.Encode())
		must(b, err)
		_, err = Answer(bob.Self, secrets, in)
		must(b, err)
	}
}

// BenchmarkBare is the least that it can cost: three X25519 keys and an ML-KEM
// key are made, four products on each side, one encapsulation and its
// opening. No signature, no encoding.
func BenchmarkBare(b *testing.B) {
	ann, bob := newPerson(b, "ann"), newPerson(b, "bob")
	ik, ikB := ann.IK.key, bob.IK.key
	for b.Loop() {
		var fresh [3]*ecdh.PrivateKey
		for i := range fresh {
			var err error
			fresh[i], err = newX25519(rand.Reader)
			must(b, err)
		}
		spk, opk, ek := fresh[0], fresh[1], fresh[2]
		dk, err := mlkem.GenerateKey768()
		must(b, err)
		_, ct := dk.EncapsulationKey().Encapsulate()
		_, err = dk.Decapsulate(ct)
		must(b, err)
		for _, p := range [][2]*ecdh.PrivateKey{{ik, spk}, {ek, ikB}, {ek, spk}, {ek, opk}} {
			_, err = p[0].ECDH(p[1].PublicKey())
			must(b, err)
			_, err = p[1].ECDH(p[0].PublicKey())
			must(b, err)
		}
	}
}

// BenchmarkBundle, BenchmarkStart and BenchmarkAnswer are the parts.
func BenchmarkBundle(b *testing.B) {
	bob := newPerson(b, "bob")
	for b.Loop() {
		_, _, err := NewBundle(rand.Reader, bob.Self, ForContact(identity.ID{1}))
		must(b, err)
	}
}

func BenchmarkStart(b *testing.B) {
	s := newSetUp(b)
	for b.Loop() {
		_, _, err := Start(rand.Reader, s.ann.Self, s.bob.id(), s.bundle, 1, day)
		must(b, err)
	}
}

func BenchmarkAnswer(b *testing.B) {
	s := newSetUp(b)
	for b.Loop() {
		_, err := Answer(s.bob.Self, s.secrets, s.intro)
		must(b, err)
	}
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}
