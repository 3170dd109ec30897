package cborx

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

type value struct {
	Number uint64   `cbor:"1,keyasint"`
	Bytes  []byte   `cbor:"2,keyasint"`
	Text   string   `cbor:"3,keyasint"`
	List   [][]byte `cbor:"4,keyasint,omitempty"`
}

func TestUnmarshal(t *testing.T) {
	for _, tt := range []struct {
		name string
		hex  string
		ok   bool
	}{
		{"canonical", "a3 01 05 02 42 abcd 03 61 61", true},
		{"with a list", "a4 01 05 02 42 abcd 03 61 61 04 81 41 01", true},
		{"bytes behind", "a3 01 05 02 42 abcd 03 61 61 00", false},
		{"truncated", "a3 01 05 02 42 abcd 03 61", false},
		{"empty", "", false},
		{"a long form of a small number", "a3 01 1805 02 42 abcd 03 61 61", false},
		{"a long form of a length", "a3 01 05 02 5802 abcd 03 61 61", false},
		{"keys out of order", "a3 02 42 abcd 01 05 03 61 61", false},
		{"a key twice", "a4 01 05 01 05 02 42 abcd 03 61 61", false},
		{"an unknown key", "a4 01 05 02 42 abcd 03 61 61 09 00", false},
		{"a missing key", "a2 01 05 02 42 abcd", false},
		{"indefinite map", "bf 01 05 02 42 abcd 03 61 61 ff", false},
		{"indefinite bytes", "a3 01 05 02 5f 42 abcd ff 03 61 61", false},
		{"a tag", "c1 a3 01 05 02 42 abcd 03 61 61", false},
		{"bad UTF-8", "a3 01 05 02 42 abcd 03 61 ff", false},
		{"another type", "a3 01 61 61 02 42 abcd 03 61 61", false},
		{"null", "f6", false},
		{"nesting", "a4 01 05 02 42 abcd 03 61 61 04 " + strings.Repeat("81", 20) + "41 01", false},
		{"a huge length", "a3 01 05 02 5b 7fffffffffffffff", false},
	} {
		in, err := hex.DecodeString(strings.ReplaceAll(tt.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		var v value
		if err := Unmarshal(in, &v, 1000); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want it taken: %v", tt.name, err, tt.ok)
		}
	}
	var v value
	if err := Unmarshal(make([]byte, 11), &v, 10); err == nil {
		t.Error("more than the limit was taken")
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, v := range []value{{}, {5, []byte{1}, "text", [][]byte{{2}, nil}}} {
		b, err := Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var v value
		if Unmarshal(in, &v, 1<<16) != nil {
			return
		}
		if again, err := Marshal(v); err != nil || !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x (%v)", in, again, err)
		}
	})
}
