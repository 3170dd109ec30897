// Package wire is the language that two peers speak over an authenticated
// connection: stream headers, frames and messages, as net/PROTOCOL.md gives
// them. It knows only readers and writers, so it runs on anything.
//
// Everything is canonical CBOR behind a length. What a decoder accepts has
// exactly one encoding, and nothing is allocated for a stranger before its
// length is known to be allowed.
package wire

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"dione/crypto/cborx"
)

const (
	// MaxText is the longest text of a message, in bytes of UTF-8. What is
	// longer is a file.
	MaxText = 16 << 10

	// MaxAck is how many messages one [Ack] names at most: with 16 bytes each
	// it is then as large as the largest text.
	MaxAck = 1024

	// MaxReason is the longest text of a [Bye] in bytes: one sentence.
	MaxReason = 200

	// MaxReaction is the longest text of a reaction in bytes: the longest emoji
	// that there are.
	MaxReaction = 64

	// maxContent is a text of MaxText and the 96 bytes at most that CBOR, id,
	// number, time and the message that it answers add to it.
	maxContent = MaxText + 96

	// maxChat is the largest frame of a chat stream: a [Room] with
	// maxContent and the 7 bytes around it, rounded up.
	maxChat = maxContent + 16

	// maxLink is the largest frame of a link stream: a [Bye].
	maxLink = MaxReason + 16

	// maxHeader is the largest stream header: a name of maxProtocol bytes and
	// a version.
	maxHeader = maxProtocol + 16

	// maxProtocol is the longest name of a protocol in bytes.
	maxProtocol = 32

	// lengthSize is what stands before each frame: its length, u32be.
	lengthSize = 4
)

// ErrFrameSize says that a frame is empty or larger than its stream allows.
var ErrFrameSize = errors.New("frame of a size that is not allowed")

// NetworkID names a network on the wire: the SHA-256 of its name.
func NetworkID(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// Header is the first frame of every stream: what is spoken on it.
type Header struct {
	Protocol string `cbor:"1,keyasint"`
	Version  uint64 `cbor:"2,keyasint"`
}

// AppendHeader appends the frame of h to dst.
func AppendHeader(dst []byte, h Header) []byte { return appendFrame(dst, h, maxHeader) }

// ReadHeader reads the first frame of a stream, and not a byte more.
func ReadHeader(r io.Reader) (Header, error) {
	var buf [lengthSize + maxHeader]byte
	if _, err := io.ReadFull(r, buf[:lengthSize]); err != nil {
		return Header{}, fmt.Errorf("read stream header: %w", err)
	}
	n := binary.BigEndian.Uint32(buf[:])
	if n == 0 || n > maxHeader {
		return Header{}, fmt.Errorf("read stream header: %d bytes: %w", n, ErrFrameSize)
	}
	body := buf[lengthSize : lengthSize+n]
	if _, err := io.ReadFull(r, body); err != nil {
		return Header{}, fmt.Errorf("read stream header: %w", noEOF(err))
	}
	return decodeHeader(body)
}

func decodeHeader(b []byte) (Header, error) {
	var h Header
	if err := cborx.Unmarshal(b, &h, maxHeader); err != nil {
		return Header{}, fmt.Errorf("decode stream header: %w", err)
	}
	if h.Protocol == "" || len(h.Protocol) > maxProtocol {
		return Header{}, fmt.Errorf("decode stream header: a protocol name of %d bytes", len(h.Protocol))
	}
	return h, nil
}

// Reader reads the frames of one stream. It holds one buffer as large as the
// largest frame, so a peer can make it allocate no more than what it decodes.
type Reader struct{ r *bufio.Reader }

// NewReader returns a Reader of a chat stream whose header has been read.
func NewReader(r io.Reader) *Reader {
	return &Reader{bufio.NewReaderSize(r, lengthSize+maxChat)}
}

// NewLinkReader returns a Reader of a link stream whose header has been read.
func NewLinkReader(r io.Reader) *Reader {
	return &Reader{bufio.NewReaderSize(r, lengthSize+maxLink)}
}

// ReadMessage reads the next message of a chat stream and tells the size of
// its frame. At an orderly end of the stream the error is [io.EOF].
func (r *Reader) ReadMessage() (Message, int, error) {
	return read(r.r, maxChat, decodeMessage)
}

// ReadLink reads the next message of a link stream and tells the size of its
// frame. At an orderly end of the stream the error is [io.EOF].
func (r *Reader) ReadLink() (LinkMessage, int, error) {
	return read(r.r, maxLink, decodeLink)
}

// read takes one frame out of r, in whose buffer limit bytes have room.
func read[M any](r *bufio.Reader, limit int, decode func([]byte) (M, error)) (msg M, size int, err error) {
	head, err := r.Peek(lengthSize)
	if err != nil {
		if len(head) > 0 {
			err = noEOF(err)
		}
		return msg, 0, err
	}
	n := binary.BigEndian.Uint32(head)
	if n == 0 || n > uint32(limit) {
		return msg, 0, fmt.Errorf("%w: %d bytes", ErrFrameSize, n)
	}
	size = lengthSize + int(n)
	frame, err := r.Peek(size)
	if err != nil {
		return msg, 0, noEOF(err)
	}
	if msg, err = decode(frame[lengthSize:]); err != nil {
		return msg, 0, err
	}
	_, err = r.Discard(size) // in the buffer already
	return msg, size, err
}

// noEOF turns the end of a stream inside a frame into what it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendFrame appends u32be(length) ‖ CBOR of v. The values that this package
// encodes always can be; one beyond its limit is a mistake of the caller that
// the peer would punish, so it is found here.
func appendFrame(dst []byte, v any, limit int) []byte {
	body := encode(v)
	if len(body) > limit {
		panic(fmt.Sprintf("wire: %T of %d bytes where %d are allowed", v, len(body), limit))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	return append(dst, body...)
}

func encode(v any) []byte {
	b, err := cborx.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", v, err)) // structs of bytes, text and numbers
	}
	return b
}
