package ratchet

import (
	"crypto/ecdh"
	"io"
)

// dhKey is a ratchet key. It remembers its public half, so that a session is
// read without a computation: crypto/ecdh derives it for every key it makes.
type dhKey struct {
	private, public [32]byte
	key             *ecdh.PrivateKey // nil until it is needed
}

// newDHKey makes a key of 32 bytes from rand; ecdh.GenerateKey would not read
// them from where it is told to.
func newDHKey(rand io.Reader) (*dhKey, error) {
	k := new(dhKey)
	if _, err := io.ReadFull(rand, k.private[:]); err != nil {
		return nil, err
	}
	key, err := ecdh.X25519().NewPrivateKey(k.private[:])
	if err != nil {
		return nil, err
	}
	k.key, k.public = key, [32]byte(key.PublicKey().Bytes())
	return k, nil
}

// exchange multiplies the key with a point of the other side. It refuses the
// points of low order, with which the product would not depend on our key.
func (k *dhKey) exchange(point [32]byte) ([]byte, error) {
	theirs, err := ecdh.X25519().NewPublicKey(point[:])
	if err != nil {
		return nil, err
	}
	if k.key == nil {
		if k.key, err = ecdh.X25519().NewPrivateKey(k.private[:]); err != nil {
			return nil, err
		}
	}
	return k.key.ECDH(theirs)
}
