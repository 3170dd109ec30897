package ratchet

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"dione/crypto/parcel"
	"dione/internal/vectors"
)

// The attacks of crypto/PROTOCOL.md, section 6, on sessions. TestAttack10 is
// in rollback_test.go; 7, 8 and 11 are also in crypto/parcel.

// forge makes a package of s with another header: what a malicious contact can
// do, who has all keys. The message key is that of index n, as far as it goes.
func forge(s *Session, h header, seed parcel.Seed, steps uint32) (core parcel.Core, hint [8]byte) {
	_, _ = rand.Read(core[:parcel.NonceSize])
	sealHeader(&core, s.out.header, h)
	chain, key := s.out.chain, [32]byte{}
	for range steps + 1 {
		chain, key = stepMessage(chain)
	}
	sealBody(&core, s.ad, key, bodyOf("forged"))
	return core, seed.Address().Hint()
}

// refuse demands an error, and that nothing has changed by it.
func refuse(t *testing.T, s *Session, name string, hint [8]byte, core *parcel.Core, want error) {
	t.Helper()
	before := s.Encode()
	if o, err := s.Open(hint, core, 9); !errors.Is(err, want) || o != (Opened{}) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
	if !bytes.Equal(s.Encode(), before) {
		t.Errorf("%s: the state has changed", name)
	}
}

// TestAttack7Squatting: a package that was made for one address is not taken
// at another one, and nobody makes one for an address but who has its seed.
func TestAttack7Squatting(t *testing.T) {
	a, b := pair(t)
	one, two := seal(t, a, "one"), seal(t, a, "two")
	refuse(t, b, "the core of another address, beginning a chain", two.Seed.Address().Hint(), &one.Core, ErrForged)
	open(t, b, one, "one")
	refuse(t, b, "the core of another address", one.Seed.Address().Hint(), &two.Core, ErrForged)
	open(t, b, seal(t, a, "three"), "three")
	refuse(t, b, "the core of another address, in a hole", one.Seed.Address().Hint(), &two.Core, ErrForged)
	open(t, b, two, "two")
}

// TestAttack8OldPackage: what was opened once is not opened again, whether its
// chain is read, has holes, or is over.
func TestAttack8OldPackage(t *testing.T) {
	a, b := pair(t)
	old, hole := seal(t, a, "old"), seal(t, a, "hole")
	open(t, b, old, "old")
	refuse(t, b, "newest chain", old.Seed.Address().Hint(), &old.Core, ErrDuplicate)
	open(t, a, seal(t, b, "turn"), "turn")
	open(t, b, seal(t, a, "new"), "new")
	refuse(t, b, "closed chain", old.Seed.Address().Hint(), &old.Core, ErrDuplicate)
	open(t, b, hole, "hole")
	refuse(t, b, "complete chain", old.Seed.Address().Hint(), &old.Core, ErrUnknown)
	refuse(t, b, "complete chain", hole.Seed.Address().Hint(), &hole.Core, ErrUnknown)
}

// TestAttack9SkipBomb: a header that skips too much is refused before any key
// is derived, and nothing changes.
func TestAttack9SkipBomb(t *testing.T) {
	const huge = 1<<32 - 1
	a, b := pair(t)
	p := seal(t, a, "x")
	for _, n := range []uint32{MaxSkip + 1, huge} {
		core, hint := forge(a, header{dh: a.own.public, n: n}, p.Seed, 0)
		refuse(t, b, "n in the first package", hint, &core, ErrLimit)
	}
	for _, pn := range []uint32{1, huge} {
		core, hint := forge(a, header{dh: a.own.public, pn: pn}, p.Seed, 0)
		refuse(t, b, "PN in the first package", hint, &core, ErrForged)
	}
	open(t, b, p, "x")
	for _, n := range []uint32{MaxSkip + 2, huge} {
		core, hint := forge(a, header{dh: a.own.public, n: n}, p.Seed, 0)
		refuse(t, b, "n", hint, &core, ErrLimit)
	}
	late := seal(t, a, "late")
	open(t, a, seal(t, b, "y"), "y")
	p = seal(t, a, "z")
	for _, h := range []header{{pn: huge}, {pn: MaxSkip + 2}, {pn: 1, n: huge}, {pn: 1025, n: 1024}, {pn: 2, n: MaxSkip + 1}} {
		h.dh = a.own.public
		core, hint := forge(a, h, p.Seed, 0)
		want := ErrLimit
		if h.pn == 1025 {
			want = ErrForged // just within the limits: 1,024 and 1,024 missing, but the body does not open
		}
		refuse(t, b, "PN of the next chain", hint, &core, want)
	}
	core, hint := forge(a, header{dh: a.own.public, pn: 0}, p.Seed, 0)
	refuse(t, b, "PN below what has come", hint, &core, ErrForged)
	for name, dh := range map[string][32]byte{"zero": {}, "one": {1}} {
		core, hint := forge(a, header{dh: dh, pn: 2}, p.Seed, 0)
		refuse(t, b, "ratchet key of low order, "+name, hint, &core, ErrForged)
	}
	open(t, b, p, "z")
	core, hint = forge(a, header{dh: a.own.public, n: 5}, p.Seed, 4)
	refuse(t, b, "a key of another index", hint, &core, ErrForged)
	open(t, b, late, "late")
}

// TestForged: bytes of strangers, and changed ones, change nothing.
func TestForged(t *testing.T) {
	a, b := pair(t)
	p := seal(t, a, "x")
	for i := range p.Core {
		changed := p.Core
		changed[i] ^= 1 << (i % 8)
		want := ErrUnknown // nonce or header
		if i >= bodyStart {
			want = ErrForged
		}
		if i%7 == 0 || i < 90 {
			refuse(t, b, "a changed byte", p.Seed.Address().Hint(), &changed, want)
		}
	}
	refuse(t, b, "zeros", p.Seed.Address().Hint(), new(parcel.Core), ErrUnknown)
	refuse(t, a, "our own package", p.Seed.Address().Hint(), &p.Core, ErrUnknown)
	other, _ := pair(t)
	q := seal(t, other, "x")
	refuse(t, b, "another session's", q.Seed.Address().Hint(), &q.Core, ErrUnknown)
	open(t, b, p, "x")

	// Another transcript: the header opens, the body does not.
	spk, sk := vectorSPK(), [32]byte{1}
	c, err := Initiate(sk, [32]byte{2}, [32]byte(spk.PublicKey().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	p = seal(t, c, "x")
	refuse(t, Accept(sk, [32]byte{3}, spk), "another transcript", p.Seed.Address().Hint(), &p.Core, ErrForged)
	if _, err := Initiate(sk, [32]byte{2}, [32]byte{1}); err == nil {
		t.Error("a first ratchet key of low order was taken")
	}
}

// TestAttack13SeizedDevice: the encoded state holds no key of what was sent,
// nor of what was received, nor of any earlier step.
func TestAttack13SeizedDevice(t *testing.T) {
	sk, ad, spk := [32]byte{5}, [32]byte{6}, vectorSPK()
	a, err := Initiate(sk, ad, [32]byte(spk.PublicKey().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	b := Accept(sk, ad, spk)
	refs := map[*Session]*refEnd{a: newRef(true, sk[:], ad[:], spk.PublicKey().Bytes()), b: newRef(false, sk[:], ad[:], spk.Bytes())}
	random := map[*Session]*vectors.Stream{a: {Label: "a"}, b: {Label: "b"}}
	refRandom := map[*Session]*vectors.Stream{a: {Label: "a"}, b: {Label: "b"}}
	gone := [][]byte{sk[:], spk.Bytes()}
	var missing [][]byte
	from, to := a, b
	for e := 1; e <= 9; e++ {
		last := uint32(3)
		for n := range last + 1 {
			p, err := from.Seal(random[from], bodyOf("x"))
			if err != nil {
				t.Fatal(err)
			}
			nonce, key := make([]byte, 24), make([]byte, 32)
			_, _ = refRandom[from].Read(nonce)
			if n == 0 {
				_, _ = refRandom[from].Read(key)
			}
			_, _, core, _ := refs[from].seal(bodyOf("x")[:], nonce, key)
			if _, _, _, _, err := refs[to].open(core); err != nil || !bytes.Equal(core, p.Core[:]) {
				t.Fatalf("the reference has another package: %v", err)
			}
			if e == 3 && n == 1 { // one does not come
				mk, _, seed, _ := refs[from].keys(e, n)
				missing = [][]byte{mk, seed}
				continue
			}
			open(t, to, p, "x")
		}
		ref := refs[from]
		for _, secret := range ref.secrets(e, last) {
			if e != 3 || !bytes.Equal(secret, missing[0]) && !bytes.Equal(secret, missing[1]) {
				gone = append(gone, secret)
			}
		}
		gone = append(gone, ref.rk[e-1])
		if e > 2 {
			gone = append(gone, ref.dh[e-2])
			if e-2 != 3 { // its hole needs the header key
				gone = append(gone, ref.hk[e-2])
			}
		}
		from, to = to, from
	}
	for name, s := range map[string]*Session{"a": a, "b": b} {
		s.Watch()
		state := s.Encode()
		for i, secret := range gone {
			if bytes.Contains(state, secret) {
				t.Errorf("secret %d of %d is still in the state of %s", i, len(gone), name)
			}
		}
		if holes := s.holes(); name == "b" && (holes != 1 || !bytes.Contains(state, missing[0]) || !bytes.Contains(state, missing[1])) {
			t.Errorf("%d holes, and the keys of the one missing message are not kept", holes)
		}
	}
}
