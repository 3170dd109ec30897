// Package identity holds who a peer is: an ed25519 key pair for life, the
// libp2p peer ID that names it and the tag that helps eyes tell two people of
// one name apart. It obeys crypto/PROTOCOL.md, section 1, and is pure.
package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/mr-tron/base58"
)

// Size is the length in bytes of an [ID] and of the seed of a [Key].
const Size = 32

// ID is a peer's ed25519 public key (RFC 8032). The zero ID is nobody.
type ID [Size]byte

// prefix is what stands before the key in a libp2p peer ID: an identity
// multihash (0x00) of 36 bytes (0x24), which are a protobuf PublicKey with
// Type Ed25519 (08 01) and Data of 32 bytes (12 20).
// Source: github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md.
var prefix = [...]byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}

var tagEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Parse reads a peer ID in its base58btc form, "12D3KooW…".
func Parse(s string) (ID, error) {
	var id ID
	if len(s) > 64 {
		return id, fmt.Errorf("peer ID of %d characters: an ed25519 one has 52", len(s))
	}
	b, err := base58.Decode(s)
	if err != nil {
		return id, fmt.Errorf("peer ID %q is not base58: %w", s, err)
	}
	if len(b) != len(prefix)+Size || !bytes.HasPrefix(b, prefix[:]) {
		return id, fmt.Errorf("peer ID %q is not one of an ed25519 key", s)
	}
	copy(id[:], b[len(prefix):])
	return id, nil
}

// FromBytes takes a public key of [Size] bytes.
func FromBytes(b []byte) (ID, error) {
	if len(b) != Size {
		return ID{}, fmt.Errorf("identity of %d bytes, want %d", len(b), Size)
	}
	return ID(b), nil
}

// String returns the libp2p peer ID, "12D3KooW…".
func (id ID) String() string {
	return base58.Encode(append(prefix[:], id[:]...))
}

// Short returns the last eight characters of the peer ID, for logs.
func (id ID) Short() string {
	s := id.String()
	return s[len(s)-8:]
}

// Tag returns four characters derived from the key, to show beside a name:
// the first 20 bits of SHA-256(key). A help for eyes, not a security boundary.
func (id ID) Tag() string { return id.LongTag()[:4] }

// LongTag returns the eight characters (40 bits) that take the place of
// [ID.Tag] where two people known to the user share name and tag.
func (id ID) LongTag() string {
	sum := sha256.Sum256(id[:])
	return tagEncoding.EncodeToString(sum[:5])
}

// IsZero reports whether id is nobody's.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs by their bytes: -1, 0 or +1.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// Verify reports whether sig is the ed25519 signature of msg by id.
// An ID of small order has no owner: anybody could sign for it.
func (id ID) Verify(msg, sig []byte) bool {
	return !id.smallOrder() && ed25519.Verify(id[:], msg, sig)
}

// smallOrder reports whether id is one of the points whose order divides 8.
// The zero ID is one of them.
func (id ID) smallOrder() bool {
	id[Size-1] &= 0x7f             // the sign of x changes nothing
	for _, y := range [...]string{ // as they are encoded, properly and not
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		if hex.EncodeToString(id[:]) == y {
			return true
		}
	}
	return false
}

// MarshalText writes the peer ID.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads a peer ID.
func (id *ID) UnmarshalText(b []byte) error {
	v, err := Parse(strings.TrimSpace(string(b)))
	if err == nil {
		*id = v
	}
	return err
}

// LogValue shows the short form in logs.
func (id ID) LogValue() slog.Value { return slog.StringValue(id.Short()) }

// Key is an identity's private half. It hides itself from fmt, slog and JSON.
type Key struct{ seed [Size]byte }

// Generate makes a key from rand, usually crypto/rand.Reader.
func Generate(rand io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(rand, k.seed[:]); err != nil {
		return Key{}, fmt.Errorf("generate identity: %w", err)
	}
	return k, nil
}

// FromSeed takes the ed25519 seed that [Key.Seed] returned.
func FromSeed(seed []byte) (Key, error) {
	if len(seed) != Size {
		return Key{}, fmt.Errorf("identity seed of %d bytes, want %d", len(seed), Size)
	}
	return Key{seed: [Size]byte(seed)}, nil
}

// Seed returns the 32 secret bytes from which the key is made, for the store.
func (k Key) Seed() []byte { return bytes.Clone(k.seed[:]) }

// ID returns the public half.
func (k Key) ID() ID {
	return ID(ed25519.NewKeyFromSeed(k.seed[:]).Public().(ed25519.PublicKey))
}

// Sign signs msg with ed25519.
func (k Key) Sign(msg []byte) []byte {
	return ed25519.Sign(ed25519.NewKeyFromSeed(k.seed[:]), msg)
}

// LogValue hides the key from slog.
func (Key) LogValue() slog.Value { return slog.StringValue("[key]") }

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// MarshalText hides a key inside a value that is logged or encoded.
func (Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }
