package pqxdh

import (
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

const (
	// MaxBundle is the length of the longest encoding of a [Bundle].
	MaxBundle = 1473

	// MaxSecrets is the length of the longest encoding of [Secrets].
	MaxSecrets = 185

	// secretsVersion is that of the encoding of [Secrets].
	secretsVersion = 1
)

// Number names a bundle to its owner. It is random.
type Number [8]byte

// Recipient is for whom a bundle is made.
type Recipient struct {
	peer  identity.ID // zero: who has the invitation
	tag   [32]byte
	reset bool
}

// ForContact is one person.
func ForContact(id identity.ID) Recipient {
	return Recipient{peer: id, tag: sha256.Sum256(append([]byte(kdf.ForContact), id[:]...))}
}

// ForReset is one person, for the day when either side has lost the session.
// Such a bundle has no one-time key, since who lost the session may have lost
// count as well.
func ForReset(id identity.ID) Recipient {
	return Recipient{peer: id, tag: sha256.Sum256(append([]byte(kdf.ForReset), id[:]...)), reset: true}
}

// ForInvitation is whoever has the invitation with the secret v.
func ForInvitation(v [16]byte) Recipient {
	return Recipient{tag: kdf.Key(InvitationKey(v), kdf.ForInvitation)}
}

// keys are a bundle's public keys, as its owner signs them.
type keys struct {
	Number Number                              `cbor:"1,keyasint"`
	IK     [32]byte                            `cbor:"2,keyasint"`
	SPK    [32]byte                            `cbor:"3,keyasint"`
	OPK    *[32]byte                           `cbor:"4,keyasint,omitempty"` // nil: for a reset
	KPK    [mlkem.EncapsulationKeySize768]byte `cbor:"5,keyasint"`
}

// Bundle is what its owner gives to one recipient, who can start one session
// with it. For is not signed: a signature would let the recipient prove to
// others that the owner wanted to talk to them. It finds mistakes; that nobody
// else uses the bundle is for the owner to see, in [Answer].
type Bundle struct {
	keys
	Cert [64]byte `cbor:"6,keyasint"` // signature of the owner under IK
	For  [32]byte `cbor:"7,keyasint"`
	Sig  [64]byte `cbor:"8,keyasint"` // signature of the owner under fields 1 to 5
}

// NewBundle makes a bundle of self for r, with what [Answer] will need. Both
// are stored before the bundle is given away.
func NewBundle(rand io.Reader, self Self, r Recipient) (Bundle, Secrets, error) {
	fail := func(err error) (Bundle, Secrets, error) {
		return Bundle{}, Secrets{}, fmt.Errorf("make bundle: %w", err)
	}
	switch {
	case r.tag == [32]byte{}:
		return fail(errors.New("it is for nobody"))
	case r.peer == self.Key.ID():
		return fail(ErrOwnID)
	}
	s := Secrets{Peer: r.peer}
	if _, err := io.ReadFull(rand, s.Number[:]); err != nil {
		return fail(err)
	}
	var err error
	if s.spk, err = newX25519(rand); err != nil {
		return fail(err)
	}
	if !r.reset {
		if s.opk, err = newX25519(rand); err != nil {
			return fail(err)
		}
	}
	var seed [mlkem.SeedSize]byte
	defer clear(seed[:])
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return fail(err)
	}
	if s.kpk, err = mlkem.NewDecapsulationKey768(seed[:]); err != nil {
		return fail(err)
	}
	b := Bundle{keys: s.keys(self.IK), Cert: self.certificate(), For: r.tag}
	b.Sig = [64]byte(self.Key.Sign(b.signed()))
	return b, s, nil
}

// signed is what the owner of a bundle signs.
func (k keys) signed() []byte { return append([]byte(kdf.Bundle), encode(k)...) }

// Encode returns the one encoding of b.
func (b Bundle) Encode() []byte { return encode(b) }

// DecodeBundle reads a bundle. It has to be checked before it is used or kept.
func DecodeBundle(data []byte) (Bundle, error) {
	var b Bundle
	if err := cborx.Unmarshal(data, &b, MaxBundle); err != nil {
		return Bundle{}, fmt.Errorf("bundle: %w", err)
	}
	return b, nil
}

// Check decides whether owner made b for r, which is the recipient as the
// owner named it: whoever was given b puts itself there.
func (b Bundle) Check(owner identity.ID, r Recipient) error {
	if b.For != r.tag {
		return ErrRecipient
	}
	if (b.OPK == nil) != r.reset {
		return errors.New("bundle: a one-time key is missing, or there where none may be")
	}
	_, err := b.verify(owner)
	return err
}

// parsed are a bundle's public keys, ready for use.
type parsed struct {
	ik, spk, opk *ecdh.PublicKey // opk nil if there is none
	kpk          *mlkem.EncapsulationKey768
}

// verify decides whether b is a bundle of owner.
func (b Bundle) verify(owner identity.ID) (parsed, error) {
	if !owner.Verify(certified(b.IK), b.Cert[:]) {
		return parsed{}, fmt.Errorf("IK is not certified by %s", owner.Short())
	}
	if !owner.Verify(b.signed(), b.Sig[:]) {
		return parsed{}, fmt.Errorf("bundle is not signed by %s", owner.Short())
	}
	var p parsed
	var err error
	if p.ik, err = point(b.IK); err != nil {
		return parsed{}, fmt.Errorf("IK: %w", err)
	}
	if p.spk, err = point(b.SPK); err != nil {
		return parsed{}, fmt.Errorf("SPK: %w", err)
	}
	if b.OPK != nil {
		if p.opk, err = point(*b.OPK); err != nil {
			return parsed{}, fmt.Errorf("OPK: %w", err)
		}
	}
	if p.kpk, err = mlkem.NewEncapsulationKey768(b.KPK[:]); err != nil {
		return parsed{}, fmt.Errorf("KPK: %w", err)
	}
	return p, nil
}

// Secrets are the private half of a [Bundle]. They hide themselves from fmt,
// slog and JSON.
type Secrets struct {
	Number Number
	Peer   identity.ID // the only one who may use the bundle; zero: who has the invitation

	spk, opk *ecdh.PrivateKey // opk nil if there is none
	kpk      *mlkem.DecapsulationKey768
}

// keys returns the public halves, with that of ik.
func (s Secrets) keys(ik Identity) keys {
	k := keys{Number: s.Number, IK: ik.Public()}
	k.SPK = [32]byte(s.spk.PublicKey().Bytes())
	if s.opk != nil {
		k.OPK = (*[32]byte)(s.opk.PublicKey().Bytes())
	}
	k.KPK = [mlkem.EncapsulationKeySize768]byte(s.kpk.EncapsulationKey().Bytes())
	return k
}

// LogValue hides the keys from slog.
func (Secrets) LogValue() slog.Value { return slog.StringValue("[secrets]") }

// Format hides the keys from every verb of fmt.
func (Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secrets]") }

// MarshalText hides the keys inside a value that is logged or encoded.
func (Secrets) MarshalText() ([]byte, error) { return []byte("[secrets]"), nil }

// stored is how [Secrets] are kept.
type stored struct {
	Version uint8                `cbor:"1,keyasint"`
	Number  Number               `cbor:"2,keyasint"`
	Peer    *identity.ID         `cbor:"3,keyasint,omitempty"`
	SPK     [32]byte             `cbor:"4,keyasint"`
	OPK     *[32]byte            `cbor:"5,keyasint,omitempty"`
	KPK     [mlkem.SeedSize]byte `cbor:"6,keyasint"`
}

// Encode returns the one encoding of s, for the store, which seals it.
func (s Secrets) Encode() []byte {
	v := stored{Version: secretsVersion, Number: s.Number, SPK: [32]byte(s.spk.Bytes()), KPK: [mlkem.SeedSize]byte(s.kpk.Bytes())}
	if !s.Peer.IsZero() {
		v.Peer = &s.Peer
	}
	if s.opk != nil {
		v.OPK = (*[32]byte)(s.opk.Bytes())
	}
	return encode(v)
}

// DecodeSecrets reads what [Secrets.Encode] returned.
func DecodeSecrets(data []byte) (Secrets, error) {
	var v stored
	if err := cborx.Unmarshal(data, &v, MaxSecrets); err != nil {
		return Secrets{}, fmt.Errorf("secrets of a bundle: %w", err)
	}
	if v.Version != secretsVersion {
		return Secrets{}, fmt.Errorf("secrets of a bundle: version %d", v.Version)
	}
	s := Secrets{Number: v.Number}
	if v.Peer != nil {
		if v.Peer.IsZero() {
			return Secrets{}, errors.New("secrets of a bundle: they are for nobody")
		}
		s.Peer = *v.Peer
	}
	var err error
	if s.spk, err = ecdh.X25519().NewPrivateKey(v.SPK[:]); err != nil {
		return Secrets{}, fmt.Errorf("secrets of a bundle: %w", err)
	}
	if v.OPK != nil {
		if s.opk, err = ecdh.X25519().NewPrivateKey(v.OPK[:]); err != nil {
			return Secrets{}, fmt.Errorf("secrets of a bundle: %w", err)
		}
	}
	if s.kpk, err = mlkem.NewDecapsulationKey768(v.KPK[:]); err != nil {
		return Secrets{}, fmt.Errorf("secrets of a bundle: %w", err)
	}
	return s, nil
}

// encode is cborx.Marshal for the types of this package, which all have an
// encoding.
func encode(v any) []byte {
	b, err := cborx.Marshal(v)
	if err != nil {
		panic("pqxdh: " + err.Error())
	}
	return b
}
