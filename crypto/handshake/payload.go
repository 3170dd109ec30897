package handshake

import (
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/sha256"

	"dione/crypto/cborx"
	"dione/crypto/identity"
	"dione/crypto/kdf"
)

// offer is the payload of frame 1: a fresh KEM key.
type offer struct {
	EK [mlkem.EncapsulationKeySize768]byte `cbor:"1,keyasint"`
}

// card says who somebody is: the payload of frame 3, and the first part of
// frame 2's.
type card struct {
	ID       identity.ID `cbor:"1,keyasint"`
	NotAfter uint64      `cbor:"2,keyasint"` // seconds since 1970
	Sig      [64]byte    `cbor:"3,keyasint"`
	Features uint64      `cbor:"4,keyasint"`
}

// answer is the payload of frame 2: a card and the KEM's ciphertext.
type answer struct {
	card
	CT [mlkem.CiphertextSize768]byte `cbor:"5,keyasint"`
}

// readiness is the content of the responder's first record.
type readiness struct {
	Word string   `cbor:"1,keyasint"`
	Sum  [32]byte `cbor:"2,keyasint"`
}

const (
	// dialSize is the length of the dial proof at the end of frame 1.
	dialSize = 16

	// offerSize is the length of the one encoding of an offer: a map of one
	// pair, its key, and the three bytes in front of a long byte string.
	offerSize = 1 + 1 + 3 + mlkem.EncapsulationKeySize768

	// frame1Size is that of Noise message 1: e, and the offer with its tag.
	frame1Size = 32 + offerSize + 16
)

// dialProof shows knowledge of the dial key. It comes before all work, so
// that those who try addresses learn nothing, cheaply.
func dialProof(key, message1 []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(kdf.Dial))
	mac.Write(message1)
	return mac.Sum(nil)[:dialSize]
}

// readyBytes is the responder's last word: both sides agree on all that was
// said, the dial proof included, which stands outside of Noise's own hash.
func readyBytes(binding [32]byte, dial []byte) ([]byte, error) {
	sum := sha256.New()
	sum.Write([]byte(kdf.Ready))
	sum.Write(binding[:])
	sum.Write(dial)
	return cborx.Marshal(readiness{Word: "ready", Sum: [32]byte(sum.Sum(nil))})
}
