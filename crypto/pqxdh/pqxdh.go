// Package pqxdh sets up a session between two people: it makes the bundles of
// keys that wait for one contact or one invitation, and from such a bundle and
// an intro it makes the secret that both share, by X25519 and ML-KEM-768.
//
// It obeys crypto/PROTOCOL.md, section 7, and is pure. It does not send,
// store or forget anything: net/messenger does, and must keep two rules.
//
//   - A bundle serves once. Its [Secrets] are dropped in the transaction that
//     stores the session they gave, before anything of it is acknowledged.
//   - An [Intro] proves nothing by itself: everybody who has the bundle can
//     write one in any name. It counts when it came over a link of the person
//     it names, or when a message of its session has opened.
package pqxdh

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"dione/crypto/cborx"
	"dione/crypto/identity"
	"dione/crypto/kdf"
)

// Errors on which callers act.
var (
	ErrOwnID     = errors.New("this is our own identity")
	ErrRecipient = errors.New("the bundle was made for somebody else")
	ErrNumber    = errors.New("the intro is for another bundle")
)

// Identity is the private half of IK, a person's long-term X25519 key. It is
// made once, beside the ed25519 key that certifies it, and hides itself from
// fmt, slog and JSON.
type Identity struct{ key *ecdh.PrivateKey }

// NewIdentity makes an IK from rand, usually crypto/rand.Reader.
func NewIdentity(rand io.Reader) (Identity, error) {
	key, err := newX25519(rand)
	if err != nil {
		return Identity{}, fmt.Errorf("generate IK: %w", err)
	}
	return Identity{key}, nil
}

// IdentityFromBytes takes what [Identity.Bytes] returned.
func IdentityFromBytes(b []byte) (Identity, error) {
	key, err := ecdh.X25519().NewPrivateKey(b)
	if err != nil {
		return Identity{}, fmt.Errorf("IK: %w", err)
	}
	return Identity{key}, nil
}

// Bytes returns the 32 secret bytes, for the store.
func (i Identity) Bytes() []byte { return i.key.Bytes() }

// Public returns the public half.
func (i Identity) Public() [32]byte { return [32]byte(i.key.PublicKey().Bytes()) }

// LogValue hides the key from slog.
func (Identity) LogValue() slog.Value { return slog.StringValue("[key]") }

// Format hides the key from every verb of fmt.
func (Identity) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// MarshalText hides a key inside a value that is logged or encoded.
func (Identity) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

// Self is who sets up a session: both private keys of a person.
type Self struct {
	Key identity.Key
	IK  Identity
}

// certificate is the identity's signature under its IK.
func (s Self) certificate() [64]byte {
	return [64]byte(s.Key.Sign(certified(s.IK.Public())))
}

// certified is what an identity signs to own an IK.
func certified(ik [32]byte) []byte { return append([]byte(kdf.IK), ik[:]...) }

// Shared is what a set-up gives to both sides: the same SK, T and SID if, and
// only if, they agree on everything. It hides itself from fmt, slog and JSON.
type Shared struct {
	SK  [32]byte // root of the ratchet
	T   [32]byte // hash of all that was agreed on: the ratchet's additional data
	SID [16]byte // names the session

	Responder [32]byte         // the responder's first ratchet key, SPK_B
	Own       *ecdh.PrivateKey // its private half; nil on the initiator's side
}

// Reset returns RS, from which this session can be replaced when one side has
// lost it.
func (s Shared) Reset() [32]byte { return kdf.Key(s.SK[:], kdf.Reset) }

// Location returns the location key of the day on which the session began, of
// what the initiator sends or of what the responder sends.
func (s Shared) Location(fromInitiator bool) [32]byte {
	if fromInitiator {
		return kdf.Key(s.SK[:], kdf.LocationInitiator)
	}
	return kdf.Key(s.SK[:], kdf.LocationResponder)
}

// LogValue hides the secrets from slog.
func (Shared) LogValue() slog.Value { return slog.StringValue("[shared]") }

// Format hides the secrets from every verb of fmt.
func (Shared) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[shared]") }

// MarshalText hides the secrets inside a value that is logged or encoded.
func (Shared) MarshalText() ([]byte, error) { return []byte("[shared]"), nil }

// Start sets up a session with owner, who made b: it returns the intro to send
// and what it gives. gen is one more than the highest generation that either
// side knows of this contact, day0 the day since 1970, in UTC, on which the
// location chains begin. Everything about b is checked but for whom it was
// made, which [Bundle.Check] does.
func Start(rand io.Reader, self Self, owner identity.ID, b Bundle, gen uint64, day0 uint32) (Intro, Shared, error) {
	return start(rand, (*mlkem.EncapsulationKey768).Encapsulate, self, owner, b, gen, day0)
}

func start(rand io.Reader, encapsulate func(*mlkem.EncapsulationKey768) (secret, ct []byte), self Self, owner identity.ID, b Bundle, gen uint64, day0 uint32) (Intro, Shared, error) {
	fail := func(err error) (Intro, Shared, error) {
		return Intro{}, Shared{}, fmt.Errorf("start session with %s: %w", owner.Short(), err)
	}
	in := Intro{ID: self.Key.ID(), IK: self.IK.Public(), Number: b.Number, Gen: gen, Day0: day0}
	if owner == in.ID {
		return fail(ErrOwnID)
	}
	if err := in.checkNumbers(); err != nil {
		return fail(err)
	}
	to, err := b.verify(owner)
	if err != nil {
		return fail(err)
	}
	ek, err := newX25519(rand)
	if err != nil {
		return fail(err)
	}
	in.Cert, in.EK = self.certificate(), [32]byte(ek.PublicKey().Bytes())
	ss, ct := encapsulate(to.kpk)
	in.CT = [mlkem.CiphertextSize768]byte(ct)
	products := []product{{self.IK.key, to.spk}, {ek, to.ik}, {ek, to.spk}}
	if to.opk != nil {
		products = append(products, product{ek, to.opk})
	}
	s, err := share(in, owner, b.keys, ss, products)
	if err != nil {
		return fail(err)
	}
	return in, s, nil
}

// Answer sets up the session that in asks for, at the side that made the
// bundle of s. What comes out is worth nothing if the intro was forged: see
// the rules of this package.
func Answer(self Self, s Secrets, in Intro) (Shared, error) {
	fail := func(err error) (Shared, error) {
		return Shared{}, fmt.Errorf("answer intro of %s: %w", in.ID.Short(), err)
	}
	id := self.Key.ID()
	switch {
	case in.ID == id:
		return fail(ErrOwnID)
	case in.Number != s.Number:
		return fail(ErrNumber)
	case !s.Peer.IsZero() && in.ID != s.Peer:
		return fail(ErrRecipient)
	}
	ik, ek, err := in.verify()
	if err != nil {
		return fail(err)
	}
	ss, err := s.kpk.Decapsulate(in.CT[:])
	if err != nil {
		return fail(err)
	}
	products := []product{{s.spk, ik}, {self.IK.key, ek}, {s.spk, ek}}
	if s.opk != nil {
		products = append(products, product{s.opk, ek})
	}
	shared, err := share(in, id, s.keys(self.IK), ss, products)
	if err != nil {
		return fail(err)
	}
	shared.Own = s.spk
	return shared, nil
}

// transcript is everything that both sides have to agree on.
type transcript struct {
	_        struct{} `cbor:",toarray"`
	Label    string
	IDA, IDB identity.ID
	IKA, IKB [32]byte
	SPK      [32]byte
	OPK      *[32]byte // null where there is none
	KPK      [mlkem.EncapsulationKeySize768]byte
	EK       [32]byte
	CT       [mlkem.CiphertextSize768]byte
	Gen      uint64
	Day0     uint32
}

// product is a Diffie-Hellman product to be: an own key and a key of the peer.
type product struct {
	own    *ecdh.PrivateKey
	theirs *ecdh.PublicKey
}

// share makes what both sides share out of the intro, the bundle of owner, the
// KEM's secret and DH1 to DH3 or DH4. It erases ss.
func share(in Intro, owner identity.ID, k keys, ss []byte, products []product) (Shared, error) {
	said, err := cborx.Marshal(transcript{
		Label: string(kdf.PQXDH),
		IDA:   in.ID, IDB: owner,
		IKA: in.IK, IKB: k.IK,
		SPK: k.SPK, OPK: k.OPK, KPK: k.KPK,
		EK: in.EK, CT: in.CT,
		Gen: in.Gen, Day0: in.Day0,
	})
	if err != nil {
		return Shared{}, err
	}
	s := Shared{T: sha256.Sum256(said), Responder: k.SPK}

	secret := append(make([]byte, 0, 32*6), bytes.Repeat([]byte{0xff}, 32)...)
	defer func() { clear(secret[:cap(secret)]); clear(ss) }()
	for i, p := range products {
		dh, err := p.own.ECDH(p.theirs) // refuses points of low order
		if err != nil {
			return Shared{}, fmt.Errorf("DH%d: %w", i+1, err)
		}
		secret = append(secret, dh...)
		clear(dh)
	}
	secret = append(secret, ss...)
	prk := kdf.Extract(secret, nil)
	s.SK = kdf.Key(prk[:], kdf.PQXDH+kdf.Label(s.T[:]))
	s.SID = [16]byte(kdf.Expand(s.SK[:], kdf.SID, 16))
	return s, nil
}

// newX25519 makes a key of 32 bytes from rand; ecdh.GenerateKey does not read
// them from where it is told to.
func newX25519(rand io.Reader) (*ecdh.PrivateKey, error) {
	var b [32]byte
	defer clear(b[:])
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return nil, err
	}
	return ecdh.X25519().NewPrivateKey(b[:])
}

// point reads a public key. It has to be the one encoding of its point: X25519
// itself would take several for the same.
func point(b [32]byte) (*ecdh.PublicKey, error) {
	least := b[0] < 0xed
	for _, c := range b[1:31] {
		least = least || c != 0xff
	}
	if b[31] > 0x7f || b[31] == 0x7f && !least {
		return nil, errors.New("an X25519 key is not in its shortest form")
	}
	return ecdh.X25519().NewPublicKey(b[:])
}
