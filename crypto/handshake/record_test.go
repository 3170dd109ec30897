package handshake

import (
	"bytes"
	"errors"
	"testing"
)

func records() (*Sealer, *Opener) {
	key := [32]byte{1, 2, 3}
	return newSealer(key), newOpener(key)
}

func seal(s *Sealer, content []byte) []byte {
	return bytes.Clone(s.Seal(append(make([]byte, Head), content...))[2:])
}

func TestPadding(t *testing.T) {
	s, o := records()
	for _, tt := range []struct{ content, plain int }{
		{1, 256}, {254, 256}, {255, 512}, {510, 512}, {511, 1024}, {1 << 10, 2048}, {16<<10 - 2, 16 << 10},
		{16<<10 - 1, 32 << 10}, {32<<10 - 2, 32 << 10}, {32<<10 - 1, maxPlain}, {MaxContent, maxPlain},
	} {
		content := bytes.Repeat([]byte{0xab}, tt.content)
		record := seal(s, content)
		if len(record) != tt.plain+tagSize || !IsRecordSize(len(record)) {
			t.Errorf("%d bytes make a record of %d, want %d", tt.content, len(record), tt.plain+tagSize)
		}
		got, err := o.Open(record)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: %v, the same: %v", tt.content, err, bytes.Equal(got, content))
		}
	}
	for _, n := range []int{0, 1, 15, 16, 255 + tagSize, 257 + tagSize, 1<<15 + 1 + tagSize, maxPlain - 1 + tagSize, maxPlain + 1 + tagSize} {
		if IsRecordSize(n) {
			t.Errorf("%d passes for the size of a record", n)
		}
	}
}

// TestRekey sends past two changes of the key, in step.
func TestRekey(t *testing.T) {
	s, o := records()
	first := s.key
	for i := range 2*rekeyEvery + 3 {
		if _, err := o.Open(seal(s, []byte{byte(i)})); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		if i == rekeyEvery-2 && s.key != first {
			t.Errorf("the key has changed before record %d", rekeyEvery)
		}
		if i == rekeyEvery-1 && s.key == first {
			t.Errorf("the key has not changed after %d records", rekeyEvery)
		}
	}
	if s.key != o.key {
		t.Error("the two are out of step")
	}
}

func TestRecordsAreAuthentic(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(a, b []byte) []byte // of two records in a row, what comes first
	}{
		{"changed", func(a, _ []byte) []byte { a[7] ^= 1; return a }},
		{"tag changed", func(a, _ []byte) []byte { a[len(a)-1] ^= 1; return a }},
		{"in the wrong order", func(_, b []byte) []byte { return b }},
		{"cut", func(a, _ []byte) []byte { return a[:len(a)-1] }},
		{"empty", func(_, _ []byte) []byte { return nil }},
	} {
		s, o := records()
		a, b := seal(s, []byte("one")), seal(s, []byte("two"))
		if _, err := o.Open(tt.do(a, b)); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", tt.name, err)
		}
	}
	s, o := records()
	a := seal(s, []byte("one"))
	if _, err := o.Open(bytes.Clone(a)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Open(a); !errors.Is(err, ErrRecord) {
		t.Errorf("replayed: %v, want ErrRecord", err)
	}
}

// TestPaddingIsZero: a peer that knows the key could hide bytes in padding, or
// write one content in two ways.
func TestPaddingIsZero(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plain func(p []byte)
	}{
		{"not zero", func(p []byte) { p[1], p[255] = 3, 1 }},
		{"empty", func([]byte) {}},
		{"longer than the record", func(p []byte) { p[0], p[1] = 1, 0 }},
	} {
		s, o := records()
		plain := make([]byte, minPlain)
		tt.plain(plain)
		s.setNonce(0)
		if _, err := o.Open(s.aead.Seal(nil, s.nonce[:], plain, nil)); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", tt.name, err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	s, _ := records()
	buf := make([]byte, Head+16000, 1<<16)
	b.SetBytes(16000)
	b.ReportAllocs()
	for b.Loop() {
		s.Seal(buf[:Head+16000])
	}
}
