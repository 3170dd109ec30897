package ratchet

import (
	"crypto/cipher"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"

	"dione/crypto/parcel"
)

// header is what a package says of its place before it is read. Eight bytes of
// flags follow it: zero in this version, and not looked at by a reader.
type header struct {
	dh [32]byte // ratchet key of the chain
	pn uint32   // length of the sender's chain before it
	n  uint32   // index in the chain
}

const (
	headerSize = 48                                   // before it is encrypted
	bodyStart  = parcel.NonceSize + parcel.HeaderSize // of the encrypted body in a core
)

// sealHeader encrypts h into core, whose nonce is set.
func sealHeader(core *parcel.Core, key [32]byte, h header) {
	var b [headerSize]byte
	copy(b[:], h.dh[:])
	binary.BigEndian.PutUint32(b[32:], h.pn)
	binary.BigEndian.PutUint32(b[36:], h.n)
	aead(key).Seal(core[:parcel.NonceSize], core[:parcel.NonceSize], b[:], nil)
}

// openHeader decrypts the header of core, if key is its header key.
func openHeader(core *parcel.Core, key [32]byte) (h header, ok bool) {
	var buf [headerSize]byte
	b, err := aead(key).Open(buf[:0], core[:parcel.NonceSize], core[parcel.NonceSize:bodyStart], nil)
	if err != nil {
		return header{}, false
	}
	return header{[32]byte(b), binary.BigEndian.Uint32(b[32:]), binary.BigEndian.Uint32(b[36:])}, true
}

// sealBody encrypts body into core, whose nonce and header are set, and binds
// it to ad.
func sealBody(core *parcel.Core, ad, key [32]byte, body *[parcel.BodySize]byte) {
	aead(key).Seal(core[:bodyStart], core[:parcel.NonceSize], body[:], bound(ad, core))
}

// openBody decrypts the body of core.
func openBody(core *parcel.Core, ad, key [32]byte) (body [parcel.BodySize]byte, ok bool) {
	_, err := aead(key).Open(body[:0], core[:parcel.NonceSize], core[bodyStart:], bound(ad, core))
	return body, err == nil
}

// bound is what a body is bound to: the set-up, the nonce and the header.
func bound(ad [32]byte, core *parcel.Core) []byte {
	b := make([]byte, 0, len(ad)+bodyStart)
	return append(append(b, ad[:]...), core[:bodyStart]...)
}

// aead is XChaCha20-Poly1305. A header key serves a whole chain and a message
// key once; nonces are random, so that a state that was put back leaks no text.
func aead(key [32]byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	return a
}
