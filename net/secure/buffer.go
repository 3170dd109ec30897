package secure

import (
	"io"
	"sync"

	"dione/crypto/handshake"
)

const (
	// restBuffer is what a connection of a node keeps while nothing comes: a
	// node has many that are idle, and what it is asked most fits.
	restBuffer = 512

	// smallBuffer is what is read ahead at first: a handshake and the records
	// of people's words fit.
	smallBuffer = 4096

	// largeBuffer holds the longest record and the beginning of the next. A
	// connection that carries more than words gets it with the first record
	// that needs it.
	largeBuffer = handshake.MaxRecord + 4096

	maxEmptyReads = 100 // after which the connection below is broken
)

// Memory that connections of nodes use for one record at a time.
var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// borrow returns memory for n bytes, at most largeBuffer.
func borrow(n int) []byte {
	if n <= smallBuffer {
		return smallBuffers.Get().(*[smallBuffer]byte)[:]
	}
	return largeBuffers.Get().(*[largeBuffer]byte)[:]
}

// giveBack takes memory that borrow has returned, and ignores any other.
func giveBack(b []byte) {
	switch cap(b) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}

// buffer reads ahead. Its memory grows with what is to be in it at a time.
type buffer struct {
	raw  io.Reader
	data []byte
	r, w int    // data[r:w] has come, and was not used yet
	rest []byte // memory while it is empty; nil: what it has
}

func newBuffer(raw io.Reader) *buffer { return &buffer{raw: raw, data: borrow(smallBuffer)} }

// leave makes the buffer keep little while it is empty.
func (b *buffer) leave() {
	b.rest = make([]byte, restBuffer)
	b.discard(0)
}

// peek returns the next n bytes, or an error and what is there of them. An
// error spoils nothing. They lie in the buffer until it is used again.
func (b *buffer) peek(n int) ([]byte, error) {
	for empty := 0; b.w-b.r < n; {
		b.fit(n)
		got, err := b.raw.Read(b.data[b.w:])
		b.w += got
		if b.w-b.r >= n {
			break
		}
		if empty++; got > 0 {
			empty = 0
		}
		if err == nil && empty == maxEmptyReads {
			err = io.ErrNoProgress
		}
		if err != nil {
			return b.data[b.r:b.w], err
		}
	}
	return b.data[b.r : b.r+n], nil
}

// fit makes room for n bytes from r on.
func (b *buffer) fit(n int) {
	if b.r+n <= len(b.data) {
		return
	}
	old := b.data
	if n > len(old) {
		b.data = borrow(n)
	}
	b.w = copy(b.data, old[b.r:b.w])
	b.r = 0
	if n > len(old) {
		giveBack(old)
	}
}

// discard drops n bytes that have come.
func (b *buffer) discard(n int) {
	if b.r += n; b.r < b.w {
		return
	}
	b.r, b.w = 0, 0
	if b.rest != nil && len(b.data) != len(b.rest) {
		giveBack(b.data)
		b.data = b.rest
	}
}

// Read reads what has come, and waits if that is nothing.
func (b *buffer) Read(p []byte) (int, error) {
	if _, err := b.peek(min(1, len(p))); err != nil {
		return 0, err
	}
	n := copy(p, b.data[b.r:b.w])
	b.discard(n)
	return n, nil
}

// ReadByte reads one byte.
func (b *buffer) ReadByte() (byte, error) {
	next, err := b.peek(1)
	if err != nil {
		return 0, err
	}
	c := next[0]
	b.discard(1)
	return c, nil
}
