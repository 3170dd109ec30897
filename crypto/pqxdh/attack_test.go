package pqxdh

import (
	"bytes"
	"crypto/mlkem"
	"errors"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dione/crypto/identity"
)

// The attacks of crypto/PROTOCOL.md, section 7.

// setUp is one honest set-up of ann with bob.
type setUp struct {
	ann, bob person
	bundle   Bundle
	secrets  Secrets
	intro    Intro
	atAnn    Shared
}

func newSetUp(t testing.TB) setUp {
	t.Helper()
	s := setUp{ann: newPerson(t, "ann"), bob: newPerson(t, "bob")}
	s.bundle, s.secrets = s.bob.bundle(t, ForContact(s.ann.id()))
	var err error
	if s.intro, s.atAnn, err = s.ann.start(s.bob.id(), s.bundle, 1, day); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAttack1Replay sends an intro again: after the bundle has served, its
// number is unknown; as long as it is known, the same session comes out.
func TestAttack1Replay(t *testing.T) {
	s := newSetUp(t)
	first, err := Answer(s.bob.Self, s.secrets, s.intro)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, s.atAnn, first)
	second, err := Answer(s.bob.Self, s.secrets, s.intro)
	if err != nil || second.SID != first.SID {
		t.Errorf("the same intro: %v, or another session", err)
	}
	_, next := s.bob.bundle(t, ForContact(s.ann.id()))
	if _, err := Answer(s.bob.Self, next, s.intro); !errors.Is(err, ErrNumber) {
		t.Errorf("an intro for a bundle that has served: %v, want ErrNumber", err)
	}
	// With the number changed it is taken, and nobody shares anything.
	s.intro.Number = next.Number
	if other, err := Answer(s.bob.Self, next, s.intro); err != nil || other.SK == first.SK || other.SID == first.SID {
		t.Errorf("an intro with another number: %v, or the same session", err)
	}
}

// TestAttack2Misbinding has Mallory pass on bundles and intros that are not
// his, or put his name on them.
func TestAttack2Misbinding(t *testing.T) {
	s := newSetUp(t)
	mallory := newPerson(t, "mallory")
	ann, bob := s.ann.id(), s.bob.id()

	// Bob's bundle for Mallory is given to Ann as one of Bob's for her.
	b, secrets := s.bob.bundle(t, ForContact(mallory.id()))
	if err := b.Check(bob, ForContact(ann)); !errors.Is(err, ErrRecipient) {
		t.Errorf("a bundle for Mallory: %v, want ErrRecipient", err)
	}
	b.For = s.bundle.For // it is not signed
	if err := b.Check(bob, ForContact(ann)); err != nil {
		t.Fatal(err)
	}
	in, _, err := s.ann.start(bob, b, 1, day)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Answer(s.bob.Self, secrets, in); !errors.Is(err, ErrRecipient) {
		t.Errorf("Ann's intro for Mallory's bundle: %v, want ErrRecipient", err)
	}

	// Bob's bundle is given to Ann as one of Mallory's: with Bob's signatures,
	// with Mallory's certificate, with both of his.
	b = s.bundle
	for range 3 {
		if err := b.Check(mallory.id(), ForContact(ann)); (err == nil) != (b.Cert != s.bundle.Cert && b.Sig != s.bundle.Sig) {
			t.Errorf("Bob's bundle as Mallory's: %v", err)
		}
		if b.Cert == s.bundle.Cert {
			b.Cert = [64]byte(mallory.Key.Sign(certified(b.IK)))
		} else {
			b.Sig = [64]byte(mallory.Key.Sign(b.signed()))
		}
	}
	// With both she talks to Mallory, who can read nothing, and to nobody else.
	in, atAnn, err := s.ann.start(mallory.id(), b, 1, day)
	if err != nil {
		t.Fatal(err)
	}
	if atBob, err := Answer(s.bob.Self, s.secrets, in); err != nil || atBob.SK == atAnn.SK || atBob.T == atAnn.T {
		t.Errorf("what Ann began with Mallory was shared with Bob: %v", err)
	}

	// Ann's intro gets Mallory's name: Bob would take what Ann says for his.
	_, free := s.bob.bundle(t, ForInvitation([16]byte{1}))
	free.Number, free.spk, free.opk, free.kpk = s.secrets.Number, s.secrets.spk, s.secrets.opk, s.secrets.kpk
	in = s.intro
	in.ID, in.Cert = mallory.id(), [64]byte(mallory.Key.Sign(certified(in.IK)))
	if _, err := Answer(s.bob.Self, s.secrets, in); !errors.Is(err, ErrRecipient) {
		t.Errorf("an intro of Mallory's for Ann's bundle: %v, want ErrRecipient", err)
	}
	if atBob, err := Answer(s.bob.Self, free, in); err != nil || atBob.SK == s.atAnn.SK || atBob.T == s.atAnn.T {
		t.Errorf("Ann's intro under Mallory's name: %v, or the same session", err)
	}
	// And without a certificate of his own it is refused at once.
	in.Cert = s.intro.Cert
	if _, err := Answer(s.bob.Self, free, in); err == nil {
		t.Error("a stolen certificate was taken")
	}
}

// TestAttack3SwappedKEM exchanges the KEM's key and ciphertext, and leaves the
// one-time key out.
func TestAttack3SwappedKEM(t *testing.T) {
	s := newSetUp(t)
	evil, err := mlkem.GenerateKey768()
	if err != nil {
		t.Fatal(err)
	}
	b := s.bundle
	b.KPK = [mlkem.EncapsulationKeySize768]byte(evil.EncapsulationKey().Bytes())
	if err := b.Check(s.bob.id(), ForContact(s.ann.id())); err == nil {
		t.Error("a swapped KEM key was taken")
	}
	b = s.bundle
	b.OPK = nil
	if err := b.Check(s.bob.id(), ForContact(s.ann.id())); err == nil {
		t.Error("a bundle without a one-time key was taken")
	}
	if err := b.Check(s.bob.id(), ForReset(s.ann.id())); err == nil {
		t.Error("a bundle for a contact was taken for a reset")
	}
	b.For = ForReset(s.ann.id()).tag
	if err := b.Check(s.bob.id(), ForReset(s.ann.id())); err == nil {
		t.Error("a one-time key was left out and nobody saw it")
	}
	for _, i := range []int{0, 500, len(s.intro.CT) - 1} {
		in := s.intro
		in.CT[i] ^= 1
		if atBob, err := Answer(s.bob.Self, s.secrets, in); err != nil || atBob.SK == s.atAnn.SK {
			t.Errorf("a ciphertext changed at %d: %v, or the same secret", i, err)
		}
	}
	// A reset's bundle has no one-time key, however the intro came to be.
	_, reset := s.bob.bundle(t, ForReset(s.ann.id()))
	reset.Number, reset.spk, reset.kpk = s.secrets.Number, s.secrets.spk, s.secrets.kpk
	if atBob, err := Answer(s.bob.Self, reset, s.intro); err != nil || atBob.SK == s.atAnn.SK || atBob.T == s.atAnn.T {
		t.Errorf("the one-time key makes no difference: %v", err)
	}
}

// TestAttack4Reflection gives Bob his own bundle and Ann's own intro to her.
func TestAttack4Reflection(t *testing.T) {
	s := newSetUp(t)
	if _, _, err := NewBundle(s.bob.random, s.bob.Self, ForContact(s.bob.id())); !errors.Is(err, ErrOwnID) {
		t.Errorf("a bundle for oneself: %v, want ErrOwnID", err)
	}
	if _, _, err := s.bob.start(s.bob.id(), s.bundle, 1, day); !errors.Is(err, ErrOwnID) {
		t.Errorf("one's own bundle: %v, want ErrOwnID", err)
	}
	b, secrets := s.bob.bundle(t, ForInvitation([16]byte{1}))
	if _, _, err := s.bob.start(s.bob.id(), b, 1, day); !errors.Is(err, ErrOwnID) {
		t.Errorf("one's own invitation: %v, want ErrOwnID", err)
	}
	in := s.intro
	in.ID, in.IK, in.Cert, in.Number = s.bob.id(), s.bob.IK.Public(), s.bob.certificate(), secrets.Number
	if _, err := Answer(s.bob.Self, secrets, in); !errors.Is(err, ErrOwnID) {
		t.Errorf("an intro in one's own name: %v, want ErrOwnID", err)
	}
}

// otherForms returns encodings of X25519 keys that must not be taken: points
// of low order, and second forms of a point.
func otherForms() map[string][32]byte {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	form := func(n *big.Int) [32]byte {
		b := n.FillBytes(make([]byte, 32))
		slices.Reverse(b)
		return [32]byte(b)
	}
	plus := func(d int64) [32]byte { return form(new(big.Int).Add(p, big.NewInt(d))) }
	low, _ := new(big.Int).SetString("39382357235489614581723060781553021112529911719440698176882885853963445705823", 10)
	low2, _ := new(big.Int).SetString("325606250916557431795983626356110631294008115727848805560023387167927233504", 10)
	top := form(big.NewInt(9))
	top[31] |= 0x80
	return map[string][32]byte{
		"zero": {}, "one": {1}, "order 8": form(low), "order 8, the other": form(low2), "minus one": plus(-1),
		"p": plus(0), "p + 1": plus(1), "p + 9, the base point again": plus(9), "2^255 - 1": plus(18),
		"the base point with the top bit": top, "all ones": [32]byte(bytes.Repeat([]byte{0xff}, 32)),
	}
}

// TestAttack5Points gives both sides keys with which the secret would not
// depend on theirs, certified and signed as they should be.
func TestAttack5Points(t *testing.T) {
	s := newSetUp(t)
	for name, p := range otherForms() {
		for _, set := range []struct {
			field string
			do    func(b *Bundle)
		}{
			{"IK", func(b *Bundle) { b.IK = p; b.Cert = [64]byte(s.bob.Key.Sign(certified(p))) }},
			{"SPK", func(b *Bundle) { b.SPK = p }},
			{"OPK", func(b *Bundle) { b.OPK = &p }},
		} {
			b := s.bundle
			set.do(&b)
			b.Sig = [64]byte(s.bob.Key.Sign(b.signed()))
			if _, _, err := s.ann.start(s.bob.id(), b, 1, day); err == nil {
				t.Errorf("%s: taken as %s of a bundle", name, set.field)
			}
		}
		in := s.intro
		in.EK = p
		if _, err := Answer(s.bob.Self, s.secrets, in); err == nil {
			t.Errorf("%s: taken as EK of an intro", name)
		}
		in = s.intro
		in.IK, in.Cert = p, [64]byte(s.ann.Key.Sign(certified(p)))
		if _, err := Answer(s.bob.Self, s.secrets, in); err == nil {
			t.Errorf("%s: taken as IK of an intro", name)
		}
	}
	// The largest key in its one form is no point of low order.
	if _, err := point([32]byte(append([]byte{0xeb}, append(bytes.Repeat([]byte{0xff}, 30), 0x7f)...))); err != nil {
		t.Errorf("p - 2: %v", err)
	}

	// A KEM key of coefficients that are too large, and of the wrong kind.
	b := s.bundle
	copy(b.KPK[:], []byte{0xff, 0xff, 0xff})
	b.Sig = [64]byte(s.bob.Key.Sign(b.signed()))
	if _, _, err := s.ann.start(s.bob.id(), b, 1, day); err == nil || !strings.Contains(err.Error(), "KPK") {
		t.Errorf("a KEM key that is none: %v", err)
	}
}

// TestSwappedFields exchanges, drops or changes any field of what is sent: the
// two sides never share a secret then.
func TestSwappedFields(t *testing.T) {
	s := newSetUp(t)
	other := newSetUp(t) // the same people with other randomness
	other.ann.random.Label, other.bob.random.Label = "ann again", "bob again"
	ob, os := other.bob.bundle(t, ForContact(s.ann.id()))
	oi, _, err := other.ann.start(s.bob.id(), ob, 2, day+1)
	if err != nil {
		t.Fatal(err)
	}

	// Any field of the intro from another one, or with a flipped bit.
	for i := range reflect.TypeFor[Intro]().NumField() {
		field := reflect.TypeFor[Intro]().Field(i).Name
		in := s.intro
		to, from := reflect.ValueOf(&in).Elem().Field(i), reflect.ValueOf(oi).Field(i)
		if to.Interface() != from.Interface() {
			to.Set(from)
			if atBob, err := Answer(s.bob.Self, s.secrets, in); err == nil && atBob.SK == s.atAnn.SK {
				t.Errorf("%s of another intro makes no difference", field)
			}
		}
		in = s.intro
		switch to.Kind() {
		case reflect.Array:
			to.Index(0).SetUint(to.Index(0).Uint() ^ 1)
		default:
			to.SetUint(to.Uint() ^ 2)
		}
		if atBob, err := Answer(s.bob.Self, s.secrets, in); err == nil && atBob.SK == s.atAnn.SK {
			t.Errorf("a flipped bit in %s makes no difference", field)
		}
	}

	// Any field of the bundle from another one: Ann refuses, or shares
	// nothing with Bob.
	for name, swap := range map[string]func(b *Bundle){
		"Number": func(b *Bundle) { b.Number = ob.Number },
		"SPK":    func(b *Bundle) { b.SPK = ob.SPK },
		"OPK":    func(b *Bundle) { b.OPK = ob.OPK },
		"KPK":    func(b *Bundle) { b.KPK = ob.KPK },
		"Sig":    func(b *Bundle) { b.Sig = ob.Sig },
		"Cert":   func(b *Bundle) { b.Cert = s.ann.certificate() },
		"IK":     func(b *Bundle) { b.IK = s.ann.IK.Public() },
		"SPK and OPK": func(b *Bundle) {
			spk := b.SPK
			b.SPK, b.OPK = *b.OPK, &spk
		},
		"IK and SPK": func(b *Bundle) { b.IK, b.SPK = b.SPK, b.IK },
	} {
		b := s.bundle
		swap(&b)
		if _, _, err := s.ann.start(s.bob.id(), b, 1, day); err == nil {
			t.Errorf("a bundle with another %s was taken", name)
		}
		// Even if Bob had signed it so.
		b.Cert, b.Sig = [64]byte(s.bob.Key.Sign(certified(b.IK))), [64]byte(s.bob.Key.Sign(b.signed()))
		in, atAnn, err := s.ann.start(s.bob.id(), b, 1, day)
		if err != nil || name == "Sig" || name == "Cert" {
			continue
		}
		for _, secrets := range []Secrets{s.secrets, os} {
			if atBob, err := Answer(s.bob.Self, secrets, in); err == nil && (atBob.SK == atAnn.SK || atBob.T == atAnn.T) {
				t.Errorf("another %s makes no difference", name)
			}
		}
	}

	// Another generation, another day, another responder of the same keys.
	for _, change := range []func(in *Intro){func(in *Intro) { in.Gen++ }, func(in *Intro) { in.Day0-- }} {
		in := s.intro
		change(&in)
		if atBob, err := Answer(s.bob.Self, s.secrets, in); err != nil || atBob.SK == s.atAnn.SK {
			t.Errorf("generation and day make no difference: %v", err)
		}
	}
	twin := s.bob.Self
	if twin.Key, err = identity.Generate(s.bob.random); err != nil {
		t.Fatal(err)
	}
	if atBob, err := Answer(twin, s.secrets, s.intro); err != nil || atBob.SK == s.atAnn.SK {
		t.Errorf("who answers makes no difference: %v", err)
	}
	twin = s.bob.Self
	if twin.IK, err = NewIdentity(s.bob.random); err != nil {
		t.Fatal(err)
	}
	if atBob, err := Answer(twin, s.secrets, s.intro); err != nil || atBob.SK == s.atAnn.SK {
		t.Errorf("the responder's IK makes no difference: %v", err)
	}
}
