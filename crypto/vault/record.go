package vault

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrRecord says that a sealed record is damaged, or was sealed for another
// place or under another key.
var ErrRecord = errors.New("sealed record does not open")

// Place says where a record stands. A record opens only in the place for
// which it was sealed, so that no record can be put in place of another.
type Place struct {
	Table string
	Row   int64
	Epoch uint64 // counts the states of what the row holds; 0 where it has but one
}

// ad encodes the place. The table comes last, so no two places share it.
func (p Place) ad() []byte {
	b := make([]byte, 0, 16+len(p.Table))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Row))
	b = binary.BigEndian.AppendUint64(b, p.Epoch)
	return append(b, p.Table...)
}

// Records seals the secrets inside the database, one by one, beneath the
// encryption of its pages: XChaCha20-Poly1305 under a random nonce. It is safe
// for concurrent use.
type Records struct{ aead cipher.AEAD }

// Seal encrypts secret for one place: nonce, then ciphertext and tag. The
// nonce comes from rand, usually crypto/rand.Reader.
func (r *Records) Seal(rand io.Reader, secret []byte, p Place) ([]byte, error) {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(secret)+chacha20poly1305.Overhead)
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("seal record: %w", err)
	}
	return r.aead.Seal(nonce, nonce, secret, p.ad()), nil
}

// Open returns the secret that was sealed for this place, or [ErrRecord].
func (r *Records) Open(box []byte, p Place) ([]byte, error) {
	if len(box) < chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead {
		return nil, ErrRecord
	}
	nonce, sealed := box[:chacha20poly1305.NonceSizeX], box[chacha20poly1305.NonceSizeX:]
	secret, err := r.aead.Open(nil, nonce, sealed, p.ad())
	if err != nil {
		return nil, ErrRecord
	}
	return secret, nil
}
