package parcel

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"dione/crypto/cborx"
)

var someID = [16]byte{1, 2, 3}

func TestSplit(t *testing.T) {
	for _, tt := range []struct{ size, parts int }{
		{1, 1}, {DataSize - 1, 1}, {DataSize, 1}, {DataSize + 1, 2}, {16 << 10, 26}, {MaxData, MaxParts},
	} {
		data := bytes.Repeat([]byte("0123456789"), tt.size/10+1)[:tt.size]
		parts, err := Split(someID, data)
		if err != nil || len(parts) != tt.parts {
			t.Errorf("%d bytes: %d parts, %v, want %d", tt.size, len(parts), err, tt.parts)
			continue
		}
		var whole []byte
		for i, f := range parts {
			body, err := f.Encode()
			if err != nil {
				t.Fatalf("%d bytes, part %d: %v", tt.size, i, err)
			}
			got, err := DecodeFragment(&body)
			if err != nil || !reflect.DeepEqual(got, f) || int(got.Part) != i || int(got.Parts) != tt.parts {
				t.Fatalf("%d bytes, part %d: %+v, %v", tt.size, i, got, err)
			}
			whole = append(whole, got.Data...)
		}
		if !bytes.Equal(whole, data) {
			t.Errorf("%d bytes: the parts are another message", tt.size)
		}
	}
	for _, size := range []int{0, MaxData + 1} {
		if parts, err := Split(someID, make([]byte, size)); err == nil {
			t.Errorf("%d bytes: %d parts, want an error", size, len(parts))
		}
	}
}

func TestFragment(t *testing.T) {
	huge := &Ack{Epoch: 1<<32 - 1, Contiguous: 1<<32 - 1, Map: 1<<64 - 1}
	full := make([]byte, DataSize)
	for _, tt := range []struct {
		name string
		f    Fragment
		ok   bool
	}{
		{"void", Fragment{}, true},
		{"void with an acknowledgement", Fragment{Ack: &Ack{Epoch: 1}}, true},
		{"the largest", Fragment{Message: [16]byte{255}, Part: 63, Parts: 64, Ack: huge, Data: full}, true},
		{"one byte", Fragment{Message: someID, Parts: 1, Data: []byte{0}}, true},
		{"zeros at the end", Fragment{Message: someID, Parts: 1, Data: []byte{1, 0, 0x80, 0, 0}}, true},
		{"an id of zeros", Fragment{Parts: 1, Data: []byte{1}}, true},
		{"acknowledges chain 0", Fragment{Ack: &Ack{Contiguous: 1}}, false},
		{"void with an id", Fragment{Message: someID}, false},
		{"void with data", Fragment{Data: []byte{1}}, false},
		{"void with a part", Fragment{Part: 1}, false},
		{"no data", Fragment{Message: someID, Parts: 1}, false},
		{"too much data", Fragment{Message: someID, Parts: 1, Data: make([]byte, DataSize+1)}, false},
		{"a gap in the middle", Fragment{Message: someID, Parts: 2, Data: full[1:]}, false},
		{"a part beyond", Fragment{Message: someID, Part: 2, Parts: 2, Data: full}, false},
		{"too many parts", Fragment{Message: someID, Parts: MaxParts + 1, Data: full}, false},
	} {
		body, err := tt.f.Encode()
		if (err == nil) != tt.ok {
			t.Errorf("%s: encode: %v", tt.name, err)
		}
		if err != nil {
			raw := fragment{Message: tt.f.Message[:], Part: tt.f.Part, Parts: tt.f.Parts, Ack: tt.f.Ack, Data: tt.f.Data}
			if tt.f.Parts == 0 && tt.f.Message == [16]byte{} {
				raw.Message = nil
			}
			b, err := cborx.Marshal(&raw)
			if err != nil {
				t.Fatal(err)
			}
			body[copy(body[:], b)] = padding
		}
		got, err := DecodeFragment(&body)
		if (err == nil) != tt.ok || tt.ok && !reflect.DeepEqual(got, tt.f) {
			t.Errorf("%s: decoded %+v, %v", tt.name, got, err)
		}
	}
}

func TestPadding(t *testing.T) {
	good, err := Fragment{Message: someID, Parts: 1, Data: []byte("hello")}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	end := bytes.IndexByte(good[:], padding)
	for name, change := range map[string]func(b *[BodySize]byte){
		"no padding":         func(b *[BodySize]byte) { b[end] = 0 },
		"other padding":      func(b *[BodySize]byte) { b[end] = 0x81 },
		"padding twice":      func(b *[BodySize]byte) { b[end+1] = padding },
		"padding at the end": func(b *[BodySize]byte) { b[end], b[BodySize-1] = 0, padding },
		"not zero":           func(b *[BodySize]byte) { b[BodySize-1] = 1 },
		"empty":              func(b *[BodySize]byte) { *b = [BodySize]byte{padding} },
		"zeros":              func(b *[BodySize]byte) { *b = [BodySize]byte{} },
		"a short id":         func(b *[BodySize]byte) { b[2]-- },
	} {
		b := good
		change(&b)
		if f, err := DecodeFragment(&b); err == nil || !strings.HasPrefix(err.Error(), "decode fragment") {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// FuzzFragment: what is accepted has exactly one encoding.
func FuzzFragment(f *testing.F) {
	for _, one := range []Fragment{{}, {Ack: &Ack{1, 2, 3}}, {Message: someID, Parts: 1, Data: []byte("hello")}, {Message: someID, Part: 1, Parts: 2, Ack: &Ack{Epoch: 4}, Data: []byte{0}}} {
		body, err := one.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.TrimRight(body[:], "\x00"))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var body [BodySize]byte
		copy(body[:], in)
		got, err := DecodeFragment(&body)
		if err != nil {
			return
		}
		if again, err := got.Encode(); err != nil || again != body {
			t.Errorf("accepted %x, which encodes as %x (%v)", body, again, err)
		}
	})
}
