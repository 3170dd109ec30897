// Package kdf is HKDF-SHA256 (RFC 5869) with the labels of the whole program
// in one file, so that the separation of all keys can be seen at a glance.
//
// It obeys crypto/PROTOCOL.md, section 2, and is pure. A [Label] also stands
// in front of everything that is hashed or signed, so no byte string made for
// one purpose can be taken for one of another.
package kdf

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// Size is the length of a secret that can be expanded and of most keys.
const Size = sha256.Size

// Expand derives n bytes for the purpose named by label from secret, which
// must be uniform already: at least [Size] bytes from a random source or from
// [Extract]. It panics on what only a mistake in the program can bring about.
func Expand(secret []byte, label Label, n int) []byte {
	if len(secret) < Size {
		panic(fmt.Sprintf("kdf: a secret of %d bytes for %q", len(secret), label))
	}
	out, err := hkdf.Expand(sha256.New, secret, string(label), n)
	if err != nil {
		panic(fmt.Sprintf("kdf: %d bytes for %q: %v", n, label, err))
	}
	return out
}

// Key derives the key of [Size] bytes named by label. It is Expand for the
// common length.
func Key(secret []byte, label Label) [Size]byte {
	return [Size]byte(Expand(secret, label, Size))
}

// Extract concentrates secret, which need not be uniform, and salt, which may
// be nil and need not be secret, into [Size] bytes for [Expand].
func Extract(secret, salt []byte) [Size]byte {
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic("kdf: extract: " + err.Error()) // SHA-256 is always at hand
	}
	return [Size]byte(prk)
}
