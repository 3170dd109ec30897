package dht

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math/bits"

	"dione/crypto/identity"
)

// Key is a point of the key space: where a node is, or a place that is looked
// for. The distance of two points is their XOR, as a big-endian number.
type Key [sha256.Size]byte

// KeyOf returns where the node with this identity is.
func KeyOf(id identity.ID) Key { return sha256.Sum256(id[:]) }

// Solves reports whether a node at k has done the work that joining a network
// costs: SHA-256(k) begins with so many zero bits. Who wants to sit near a
// place has to do it for every key that is tried.
func (k Key) Solves(zeros int) bool {
	return zeros <= 0 || leadingZeros(sha256.Sum256(k[:])) >= zeros
}

// Common returns how many bits k and other begin with in common.
func (k Key) Common(other Key) int {
	for i := range k {
		if x := k[i] ^ other[i]; x != 0 {
			return 8*i + bits.LeadingZeros8(x)
		}
	}
	return 8 * len(k)
}

// Nearer compares the distances of a and b from k: -1 if a is nearer.
func (k Key) Nearer(a, b Key) int {
	for i := range k {
		if x, y := a[i]^k[i], b[i]^k[i]; x != y {
			if x < y {
				return -1
			}
			return 1
		}
	}
	return 0
}

// Compare orders keys by their bytes.
func (k Key) Compare(other Key) int { return bytes.Compare(k[:], other[:]) }

// String returns the first bytes in hex, for logs.
func (k Key) String() string { return hex.EncodeToString(k[:4]) }

// LogValue shows the short form in logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

func leadingZeros(sum [sha256.Size]byte) int { return Key(sum).Common(Key{}) }
