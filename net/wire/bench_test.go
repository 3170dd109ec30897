package wire

import (
	"bytes"
	"io"
	"testing"
)

// The path of a message: content into a payload, payload into a frame behind
// others, and back. The baseline moves the same bytes and understands nothing.

func BenchmarkAppend(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for i := range b.N {
		if i%200 == 0 {
			buf = buf[:0]
		}
		buf = AppendMessage(buf, Room{content.Encode()})
	}
}

func BenchmarkRead(b *testing.B) {
	one := AppendMessage(nil, Room{content.Encode()})
	b.ReportAllocs()
	b.SetBytes(int64(len(one)))
	r := NewReader(&repeat{one: one})
	for b.Loop() {
		msg, _, err := r.ReadMessage()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := DecodeContent(msg.(Room).Payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAck(b *testing.B) {
	ack := Ack{make([][16]byte, 200)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeMessage(AppendMessage(nil, ack)[lengthSize:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBaselineCopy(b *testing.B) {
	one := AppendMessage(nil, Room{content.Encode()})
	b.SetBytes(int64(len(one)))
	src, dst := &repeat{one: one}, make([]byte, len(one))
	for b.Loop() {
		if _, err := io.ReadFull(src, dst); err != nil || !bytes.Equal(dst[:4], one[:4]) {
			b.Fatal(err)
		}
	}
}

// repeat is a stream of one frame over and over.
type repeat struct {
	one []byte
	at  int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], r.one[r.at:])
		n += c
		r.at = (r.at + c) % len(r.one)
	}
	return n, nil
}
