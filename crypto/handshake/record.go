package handshake

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	// Head is how many bytes stand in front of a record's content: the
	// frame's length and, sealed, the content's.
	Head = 4

	// MaxContent is the most that one record carries.
	MaxContent = maxPlain - 2

	// MaxRecord is the length of the longest record, with its frame.
	MaxRecord = 2 + maxPlain + tagSize

	// rekeyEvery is after how many records each direction takes a new key,
	// so that a stolen one opens at most a gigabyte of what came before.
	rekeyEvery = 1 << 14

	tagSize   = chacha20poly1305.Overhead
	minPlain  = 256
	minRecord = 2 + minPlain + tagSize
	maxPlain  = math.MaxUint16 - tagSize // the longest Noise message, less its tag
)

// ErrRecord says that what came is no record of this connection, in this
// place. More must not be said, nor done but close.
var ErrRecord = errors.New("record is not authentic")

// Sealer makes the records of one direction. It is not safe for concurrent use.
type Sealer struct{ cipherState }

// Opener opens the records of one direction. It is not safe for concurrent use.
type Opener struct{ cipherState }

// cipherState is the CipherState of the Noise specification, section 5.1,
// without a byte of garbage per record and with the keys' change built in.
type cipherState struct {
	key   [chacha20poly1305.KeySize]byte
	aead  cipher.AEAD
	n     uint64 // records so far; Noise's nonce
	nonce [chacha20poly1305.NonceSize]byte
}

func newSealer(key [32]byte) *Sealer {
	s := new(Sealer)
	s.setKey(key)
	return s
}

func newOpener(key [32]byte) *Opener {
	o := new(Opener)
	o.setKey(key)
	return o
}

func (c *cipherState) setKey(key [32]byte) {
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		panic("handshake: " + err.Error()) // the key has the right length
	}
	c.key, c.aead = key, aead
}

// setNonce is Noise's nonce for ChaChaPoly: four zero bytes, then n.
func (c *cipherState) setNonce(n uint64) {
	binary.LittleEndian.PutUint64(c.nonce[4:], n)
}

// advance counts a record and changes the key when it is time: Rekey() of the
// Noise specification, section 11.3. The nonce goes on.
func (c *cipherState) advance() {
	c.n++
	if c.n%rekeyEvery == 0 {
		c.setNonce(math.MaxUint64)
		var zeros [32]byte
		c.setKey([32]byte(c.aead.Seal(nil, c.nonce[:], zeros[:], nil)[:32]))
	}
}

// Format hides the key from every verb of fmt.
func (c *cipherState) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// LogValue hides the key from slog.
func (c *cipherState) LogValue() slog.Value { return slog.StringValue("[key]") }

// MarshalText hides a key inside a value that is logged or encoded.
func (c *cipherState) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

// Seal turns buf, which is [Head] bytes of any value and 1 to [MaxContent]
// bytes of content, into a record, in place if its capacity allows.
func (s *Sealer) Seal(buf []byte) []byte {
	n := len(buf) - Head
	if n < 1 || n > MaxContent {
		panic(fmt.Sprintf("handshake: record of %d bytes", n))
	}
	size := plainSize(n)
	need := 2 + size + tagSize
	if cap(buf) < need {
		buf = append(make([]byte, 0, need), buf...)
	}
	padding := buf[len(buf) : 2+size]
	clear(padding)
	buf = buf[:need]
	binary.BigEndian.PutUint16(buf, uint16(size+tagSize))
	binary.BigEndian.PutUint16(buf[2:], uint16(n))
	s.setNonce(s.n)
	s.aead.Seal(buf[2:2], s.nonce[:], buf[2:2+size], nil)
	s.advance()
	return buf
}

// Open returns the content of record, which is a frame without its length, and
// works in place. After an error nothing can be opened any more.
func (o *Opener) Open(record []byte) ([]byte, error) {
	if !IsRecordSize(len(record)) {
		return nil, fmt.Errorf("%w: no record has %d bytes", ErrRecord, len(record))
	}
	o.setNonce(o.n)
	plain, err := o.aead.Open(record[:0], o.nonce[:], record, nil)
	if err != nil {
		return nil, ErrRecord
	}
	o.advance()
	n := int(binary.BigEndian.Uint16(plain))
	// The peer has the key, so this is a mistake or a covert channel of
	// its own; a second form of one content is refused all the same.
	if n < 1 || n > MaxContent || plainSize(n) != len(plain) || !isZero(plain[2+n:]) {
		return nil, fmt.Errorf("%w: padding", ErrRecord)
	}
	return plain[2 : 2+n], nil
}

// IsRecordSize reports whether a record, without the two bytes of the frame's
// length, can have n bytes.
func IsRecordSize(n int) bool {
	n -= tagSize
	return n == maxPlain || n >= minPlain && n <= 1<<15 && n&(n-1) == 0
}

// plainSize is the length to which n bytes of content are padded: what a
// record says about its content to those who only see it pass.
func plainSize(n int) int {
	size := minPlain
	for size < n+2 {
		size *= 2
	}
	return min(size, maxPlain)
}

// zeros is what padding is compared with, at the speed of memory.
var zeros [1 << 15]byte

func isZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }
