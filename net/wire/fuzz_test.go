package wire

import (
	"bytes"
	"strings"
	"testing"
)

// What a decoder accepts has one encoding, and encodes to it again.

func FuzzMessage(f *testing.F) {
	addVectors(f, "chat ")
	f.Fuzz(func(t *testing.T, in []byte) {
		msg, err := decodeMessage(in)
		if err != nil {
			return
		}
		if again := AppendMessage(nil, msg)[lengthSize:]; !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x", in, again)
		}
	})
}

func FuzzLink(f *testing.F) {
	addVectors(f, "link ")
	f.Fuzz(func(t *testing.T, in []byte) {
		msg, err := decodeLink(in)
		if err != nil {
			return
		}
		if again := AppendLink(nil, msg)[lengthSize:]; !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x", in, again)
		}
	})
}

func FuzzHeader(f *testing.F) {
	addVectors(f, "header ")
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := decodeHeader(in)
		if err != nil {
			return
		}
		if again := AppendHeader(nil, h)[lengthSize:]; !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x", in, again)
		}
	})
}

func FuzzContent(f *testing.F) {
	for name, b := range page(f) {
		if strings.HasPrefix(name, "content") {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := DecodeContent(in)
		if err != nil {
			return
		}
		if again := c.Encode(); !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x", in, again)
		}
	})
}

// FuzzReader reads a whole stream of a stranger: whatever it is cut into, it
// ends in an error or at its end, and frames account for every byte.
func FuzzReader(f *testing.F) {
	var stream []byte
	for name, b := range page(f) {
		if strings.HasPrefix(name, "chat ") {
			stream = append(stream, b...)
		}
	}
	f.Add(stream)
	f.Fuzz(func(t *testing.T, in []byte) {
		r, total := NewReader(bytes.NewReader(in)), 0
		for {
			_, n, err := r.ReadMessage()
			if err != nil {
				break
			}
			total += n
		}
		if total > len(in) {
			t.Errorf("frames of %d bytes in a stream of %d", total, len(in))
		}
	})
}

func addVectors(f *testing.F, prefix string) {
	f.Helper()
	for name, b := range page(f) {
		if strings.HasPrefix(name, prefix) {
			f.Add(b[lengthSize:])
		}
	}
}

func FuzzSpare(f *testing.F) {
	f.Add(page(f)["spare"])
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := DecodeSpare(in)
		if err != nil {
			return
		}
		if again := s.Encode(); !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x", in, again)
		}
		if _, err := DecodeContent(in); err == nil {
			t.Errorf("accepted %x, which is what a person wrote", in)
		}
	})
}
