package vault

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"dione/crypto/cborx"
)

// ErrPassphrase says that a passphrase does not open the key file, or that
// there is none where one is needed. A file that was tampered with cannot be
// told from a wrong passphrase.
var ErrPassphrase = errors.New("wrong passphrase")

const (
	fileVersion = 1
	saltSize    = 16

	// maxFile is far more than a key file of any version has needed.
	maxFile = 512

	// wrapAD separates the wrapped data key from all else that is sealed.
	wrapAD = "dione/1 profile key\x00"
)

// params are those of Argon2id (RFC 9106) in its own units.
type params struct {
	Memory  uint32 `cbor:"1,keyasint"` // KiB
	Time    uint32 `cbor:"2,keyasint"`
	Threads uint8  `cbor:"3,keyasint"`
}

// wrapParams wrap new key files: the second recommendation of RFC 9106,
// section 4, about 0.1 s on two cores.
var wrapParams = params{Memory: 64 << 10, Time: 3, Threads: 4}

// check bounds what a key file may ask of us, since somebody else may have
// written it: 256 MiB and a few seconds at most.
func (p params) check() error {
	switch {
	case p.Threads < 1 || p.Threads > 16:
		return fmt.Errorf("Argon2id with %d threads, want 1 to 16", p.Threads)
	case p.Memory < 8*uint32(p.Threads) || p.Memory > 256<<10:
		return fmt.Errorf("Argon2id with %d KiB, want %d to %d", p.Memory, 8*uint32(p.Threads), 256<<10)
	case p.Time < 1 || p.Time > 16:
		return fmt.Errorf("Argon2id with %d passes, want 1 to 16", p.Time)
	}
	return nil
}

// header is what stands in the clear before a wrapped key, and is
// authenticated with it.
type header struct {
	Params params `cbor:"1,keyasint"`
	Salt   []byte `cbor:"2,keyasint"`
	Nonce  []byte `cbor:"3,keyasint"`
}

// file is profile.key: either Key in the clear, or Header and Box.
type file struct {
	Version uint64  `cbor:"1,keyasint"`
	Key     []byte  `cbor:"2,keyasint,omitempty"`
	Header  *header `cbor:"3,keyasint,omitempty"`
	Box     []byte  `cbor:"4,keyasint,omitempty"`
}

// cipher derives the key-encryption key from a passphrase, and what it
// authenticates besides the data key: all that stands before it.
func (h *header) cipher(passphrase []byte) (aead cipher.AEAD, ad []byte, err error) {
	head, err := cborx.Marshal(h)
	if err != nil {
		return nil, nil, err
	}
	kek := argon2.IDKey(passphrase, h.Salt, h.Params.Time, h.Params.Memory, h.Params.Threads, chacha20poly1305.KeySize)
	aead, err = chacha20poly1305.NewX(kek)
	return aead, append([]byte(wrapAD), head...), err
}

// KeyFile is the content of profile.key. Its zero value is not valid. Like
// [Key] it hides itself: in the clear it is as secret.
type KeyFile struct{ file *file }

// LogValue hides the key file from slog.
func (KeyFile) LogValue() slog.Value { return slog.StringValue("[key file]") }

// Format hides the key file from every verb of fmt.
func (KeyFile) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key file]") }

// MarshalText hides a key file inside a value that is logged or encoded.
func (KeyFile) MarshalText() ([]byte, error) { return []byte("[key file]"), nil }

// Clear makes the key file that needs no passphrase: only the permissions of
// the file protect the key.
func Clear(key Key) KeyFile {
	return KeyFile{&file{Version: fileVersion, Key: key[:]}}
}

// Wrap makes the key file that opens with passphrase only. Salt and nonce
// come from rand, usually crypto/rand.Reader.
func Wrap(rand io.Reader, key Key, passphrase []byte) (KeyFile, error) {
	return wrap(rand, key, passphrase, wrapParams)
}

func wrap(rand io.Reader, key Key, passphrase []byte, p params) (KeyFile, error) {
	if len(passphrase) == 0 {
		return KeyFile{}, errors.New("wrap data key: empty passphrase")
	}
	h := &header{Params: p, Salt: make([]byte, saltSize), Nonce: make([]byte, chacha20poly1305.NonceSizeX)}
	for _, b := range [][]byte{h.Salt, h.Nonce} {
		if _, err := io.ReadFull(rand, b); err != nil {
			return KeyFile{}, fmt.Errorf("wrap data key: %w", err)
		}
	}
	aead, ad, err := h.cipher(passphrase)
	if err != nil {
		return KeyFile{}, fmt.Errorf("wrap data key: %w", err)
	}
	return KeyFile{&file{Version: fileVersion, Header: h, Box: aead.Seal(nil, h.Nonce, key[:], ad)}}, nil
}

// Decode reads a key file. It bounds everything that [KeyFile.Open] will
// spend, and accepts exactly what [KeyFile.Encode] makes.
func Decode(b []byte) (KeyFile, error) {
	f := new(file)
	if err := cborx.Unmarshal(b, f, maxFile); err != nil {
		return KeyFile{}, fmt.Errorf("key file: %w", err)
	}
	if f.Version != fileVersion {
		return KeyFile{}, fmt.Errorf("key file of version %d, this program knows version %d", f.Version, fileVersion)
	}
	if f.Header == nil {
		if len(f.Key) != Size || f.Box != nil {
			return KeyFile{}, fmt.Errorf("key file with a key of %d bytes, want %d", len(f.Key), Size)
		}
		return KeyFile{f}, nil
	}
	if f.Key != nil || len(f.Box) != Size+chacha20poly1305.Overhead ||
		len(f.Header.Salt) != saltSize || len(f.Header.Nonce) != chacha20poly1305.NonceSizeX {
		return KeyFile{}, errors.New("key file with fields of a wrong size")
	}
	if err := f.Header.Params.check(); err != nil {
		return KeyFile{}, fmt.Errorf("key file: %w", err)
	}
	return KeyFile{f}, nil
}

// Encode returns the bytes of profile.key. For a key file made by [Clear]
// they are as secret as the key.
func (f KeyFile) Encode() ([]byte, error) { return cborx.Marshal(f.file) }

// NeedsPassphrase reports whether [KeyFile.Open] needs one.
func (f KeyFile) NeedsPassphrase() bool { return f.file.Header != nil }

// Open returns the data key. The passphrase is ignored where none is needed.
// It takes the time and memory of Argon2id: about 0.1 s and 64 MiB.
func (f KeyFile) Open(passphrase []byte) (Key, error) {
	h := f.file.Header
	if h == nil {
		return Key(f.file.Key), nil
	}
	if len(passphrase) == 0 {
		return Key{}, ErrPassphrase
	}
	aead, ad, err := h.cipher(passphrase)
	if err != nil {
		return Key{}, fmt.Errorf("open key file: %w", err)
	}
	key, err := aead.Open(nil, h.Nonce, f.file.Box, ad)
	if err != nil {
		return Key{}, ErrPassphrase
	}
	return Key(key), nil
}
