// Package parcel is the message package of crypto/PROTOCOL.md, section 9: 1,024
// bytes that anybody can carry and check, and only two people can read.
//
// A package is an envelope, made anew for each place where it is put, around a
// core, made once by crypto/ratchet. What is in the core is a [Fragment] of a
// message. The package that its receiver puts in its place is a tombstone.
//
// It is pure and holds no keys but those that it is given.
package parcel

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"dione/crypto/kdf"
)

// The layout, in bytes.
const (
	Size          = EnvelopeSize + CoreSize            // a package of data
	EnvelopeSize  = signedSize + ed25519.SignatureSize // version ‖ kind ‖ expiry ‖ location ‖ key ‖ signature
	CoreSize      = NonceSize + HeaderSize + sealedBody
	TombstoneSize = EnvelopeSize + sha256.Size // a package of a tombstone

	NonceSize  = 24            // XChaCha20-Poly1305
	HeaderSize = 48 + overhead // the encrypted header
	BodySize   = 786           // the body before it is encrypted

	sealedBody = BodySize + overhead
	signedSize = 1 + 1 + 4 + 32 + ed25519.PublicKeySize // of the envelope, before the signature
	overhead   = 16                                     // of an AEAD
)

// version is the first byte of a package.
const version = 1

// Core is nonce ‖ encrypted header ‖ encrypted body.
type Core [CoreSize]byte

// Address is where a package is found: the hash of the one-time public key
// under which it is signed.
type Address [sha256.Size]byte

// Hint is the beginning of an address, by which a live link names a package.
func (a Address) Hint() [8]byte { return [8]byte(a[:8]) }

// Seed is the seed of the ed25519 key of one package. Sender and receiver
// alone have it. It hides itself from fmt, slog and encoders.
type Seed [ed25519.SeedSize]byte

// Address returns the address of the package. It costs as much as a signature:
// keep it, or use [Seed.Key] where more is needed.
func (s Seed) Address() Address { return s.Key().Address() }

// LogValue hides the seed from slog.
func (Seed) LogValue() slog.Value { return slog.StringValue("[seed]") }

// Format hides the seed from every verb of fmt.
func (Seed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[seed]") }

// MarshalText hides a seed inside a value that is encoded.
func (Seed) MarshalText() ([]byte, error) { return []byte("[seed]"), nil }

// Key is the key of one package, computed from its [Seed]: for several
// envelopes around one core. It hides itself as the seed does.
type Key struct{ private ed25519.PrivateKey }

// Key computes the key of the seed.
func (s Seed) Key() Key { return Key{ed25519.NewKeyFromSeed(s[:])} }

// Address returns the address of the package.
func (k Key) Address() Address { return addressOf(k.public()) }

func (k Key) public() []byte { return k.private[ed25519.SeedSize:] }

// LogValue hides the key from slog.
func (Key) LogValue() slog.Value { return slog.StringValue("[key]") }

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// MarshalText hides a key inside a value that is encoded.
func (Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

func addressOf(public []byte) Address {
	var b [len(kdf.Address) + ed25519.PublicKeySize]byte
	copy(b[copy(b[:], kdf.Address):], public)
	return sha256.Sum256(b[:])
}

// Kind tells packages apart.
type Kind uint8

// The kinds of packages.
const (
	Data      Kind = 1 // carries a core
	Tombstone Kind = 2 // carries the hash of the core in whose place it stands
)

// Seal puts core into an envelope for one location, until the hour expiry,
// counted from 1970.
func Seal(core *Core, seed Seed, location [32]byte, expiry uint32) [Size]byte {
	return seed.Key().Seal(core, location, expiry)
}

// Bury makes the tombstone of the package that carries core: its receipt.
func Bury(core *Core, seed Seed, location [32]byte, expiry uint32) [TombstoneSize]byte {
	return seed.Key().Bury(core, location, expiry)
}

// Seal is [Seal] with a key that is computed already.
func (k Key) Seal(core *Core, location [32]byte, expiry uint32) (b [Size]byte) {
	copy(b[EnvelopeSize:], core[:])
	k.envelop(b[:], Data, location, expiry)
	return b
}

// Bury is [Bury] with a key that is computed already.
func (k Key) Bury(core *Core, location [32]byte, expiry uint32) (b [TombstoneSize]byte) {
	sum := core.Sum()
	copy(b[EnvelopeSize:], sum[:])
	k.envelop(b[:], Tombstone, location, expiry)
	return b
}

// Sum is the hash by which a tombstone names the core.
func (c *Core) Sum() [sha256.Size]byte { return sha256.Sum256(c[:]) }

// envelop writes the envelope of the content that is in b already.
func (k Key) envelop(b []byte, kind Kind, location [32]byte, expiry uint32) {
	b[0], b[1] = version, byte(kind)
	binary.BigEndian.PutUint32(b[2:], expiry)
	copy(b[6:], location[:])
	copy(b[38:], k.public())
	copy(b[signedSize:], ed25519.Sign(k.private, toSign(b)))
}

// toSign is what the signature of a package covers: all but itself.
func toSign(b []byte) []byte {
	m := make([]byte, 0, len(kdf.Package)+Size)
	m = append(m, kdf.Package...)
	m = append(m, b[:signedSize]...)
	return append(m, b[EnvelopeSize:]...)
}

// Package is what a holder knows of a package.
type Package struct {
	Kind     Kind
	Expiry   uint32 // hour, counted from 1970
	Location [32]byte
	Address  Address
	Sum      [sha256.Size]byte // SHA-256 of the core that it carries or buries
	Core     *Core             // nil in a tombstone
}

// ErrBad says that bytes are no package, or that whoever put them does not own
// their address.
var ErrBad = errors.New("not a package of its address")

// Check reads a package and checks its form and signature, as every holder and
// reader does. Whether it is wanted, and for how long, is their affair.
func Check(b []byte) (Package, error) {
	if len(b) != Size && len(b) != TombstoneSize {
		return Package{}, fmt.Errorf("%w: %d bytes", ErrBad, len(b))
	}
	p := Package{Kind: Kind(b[1]), Expiry: binary.BigEndian.Uint32(b[2:]), Location: [32]byte(b[6:])}
	switch {
	case b[0] != version:
		return Package{}, fmt.Errorf("%w: version %d", ErrBad, b[0])
	case p.Kind == Data && len(b) == Size:
		p.Core = (*Core)(bytes.Clone(b[EnvelopeSize:]))
		p.Sum = p.Core.Sum()
	case p.Kind == Tombstone && len(b) == TombstoneSize:
		p.Sum = [sha256.Size]byte(b[EnvelopeSize:])
	default:
		return Package{}, fmt.Errorf("%w: %d bytes of kind %d", ErrBad, len(b), p.Kind)
	}
	public := b[signedSize-ed25519.PublicKeySize : signedSize]
	if !ed25519.Verify(public, toSign(b), b[signedSize:EnvelopeSize]) {
		return Package{}, fmt.Errorf("%w: signature", ErrBad)
	}
	p.Address = addressOf(public)
	return p, nil
}
