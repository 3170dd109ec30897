// Package vault turns what a person has, a key file or a passphrase, into the
// one data key from which everything at rest is encrypted: the key of the
// database pages and the key of the secrets inside it.
//
// It obeys crypto/PROTOCOL.md, section "At rest", and is pure: it encodes and
// decodes profile.key, and store reads and writes the file.
package vault

import (
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/crypto/chacha20poly1305"

	"dione/crypto/kdf"
)

// Size is the length in bytes of a [Key].
const Size = 32

// Key is a profile's data key. It hides itself from fmt, slog and JSON.
type Key [Size]byte

// NewKey makes a data key from rand, usually crypto/rand.Reader.
func NewKey(rand io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(rand, k[:]); err != nil {
		return Key{}, fmt.Errorf("generate data key: %w", err)
	}
	return k, nil
}

// Pages returns the key of the pages of dione.db.
func (k Key) Pages() [Size]byte { return kdf.Key(k[:], kdf.StoreDB) }

// Records returns what seals the secrets inside dione.db.
func (k Key) Records() (*Records, error) { return k.records(kdf.StoreRecord) }

// HeldPages returns the key of the pages of parcels.db.
func (k Key) HeldPages() [Size]byte { return kdf.Key(k[:], kdf.HeldDB) }

// HeldRecords returns what seals the secrets inside parcels.db.
func (k Key) HeldRecords() (*Records, error) { return k.records(kdf.HeldRecord) }

func (k Key) records(l kdf.Label) (*Records, error) {
	key := kdf.Key(k[:], l)
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, fmt.Errorf("cipher for records: %w", err)
	}
	return &Records{aead}, nil
}

// LogValue hides the key from slog.
func (Key) LogValue() slog.Value { return slog.StringValue("[key]") }

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// MarshalText hides a key inside a value that is logged or encoded.
func (Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }
