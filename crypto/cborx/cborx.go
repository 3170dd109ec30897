// Package cborx is the program's one strict CBOR codec (RFC 8949).
//
// It encodes in core deterministic form and accepts only that form, so that
// bytes which were accepted have exactly one encoding: no duplicate or unknown
// keys, no indefinite lengths, no tags, nesting of at most 4, sizes capped.
// Every decoder of strangers' bytes in the program goes through [Unmarshal].
package cborx

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrNotCanonical says that the bytes are valid CBOR of the wanted type, but
// not the one encoding of their value.
var ErrNotCanonical = errors.New("cbor: not in canonical form")

var (
	enc = must(cbor.EncOptions{
		Sort:          cbor.SortBytewiseLexical,
		ShortestFloat: cbor.ShortestFloat16,
		NaNConvert:    cbor.NaNConvert7e00,
		InfConvert:    cbor.InfConvertFloat16,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
	}.EncMode())
	dec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   4,
		MaxArrayElements:  4096,
		MaxMapPairs:       64,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
	}.DecMode())
)

// Marshal encodes v in core deterministic form (RFC 8949, section 4.2.1).
func Marshal(v any) ([]byte, error) { return enc.Marshal(v) }

// Unmarshal decodes data, at most limit bytes of it and nothing behind it,
// into v, a pointer to a struct with integer keys. What it accepts is exactly
// what [Marshal] makes of v afterwards.
func Unmarshal(data []byte, v any, limit int) error {
	if len(data) > limit {
		return fmt.Errorf("cbor: %d bytes where at most %d are allowed", len(data), limit)
	}
	if err := dec.Unmarshal(data, v); err != nil {
		return err
	}
	again, err := enc.Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return ErrNotCanonical
	}
	return nil
}

func must[T any](mode T, err error) T {
	if err != nil {
		panic(err) // the options above are constants: a mistake shows at the first start
	}
	return mode
}
