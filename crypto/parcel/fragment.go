package parcel

import (
	"errors"
	"fmt"

	"dione/crypto/cborx"
)

const (
	// DataSize is the most data that one fragment carries.
	DataSize = 640

	// MaxParts is the most fragments that one message has.
	MaxParts = 64

	// MaxData is the longest message, in bytes of its encoding.
	MaxData = MaxParts * DataSize

	// padding ends the CBOR in a body; zeros follow.
	padding = 0x80
)

// Fragment is one part of a message: the body of a core. A Fragment without
// Parts is void: it carries no message, at most an acknowledgement.
type Fragment struct {
	Message     [16]byte // id of the message
	Part, Parts uint8    // Part counts from 0
	Ack         *Ack     // what was received the other way; nil if nothing is said
	Data        []byte   // at most DataSize bytes
}

// Ack says what was received of one chain: every index below Contiguous, and
// Contiguous+1+i for each bit i of Map.
type Ack struct {
	Epoch      uint32 `cbor:"1,keyasint"`
	Contiguous uint32 `cbor:"2,keyasint,omitempty"`
	Map        uint64 `cbor:"3,keyasint,omitempty"`
}

// fragment is a Fragment as it is encoded.
type fragment struct {
	Message []byte `cbor:"1,keyasint,omitempty"`
	Part    uint8  `cbor:"2,keyasint,omitempty"`
	Parts   uint8  `cbor:"3,keyasint,omitempty"`
	Ack     *Ack   `cbor:"4,keyasint,omitempty"`
	Data    []byte `cbor:"5,keyasint,omitempty"`
}

// Split cuts a message into its fragments.
func Split(message [16]byte, data []byte) ([]Fragment, error) {
	if len(data) == 0 || len(data) > MaxData {
		return nil, fmt.Errorf("split a message of %d bytes, 1 to %d are allowed", len(data), MaxData)
	}
	parts := make([]Fragment, (len(data)+DataSize-1)/DataSize)
	for i := range parts {
		end := min(len(data), (i+1)*DataSize)
		parts[i] = Fragment{Message: message, Part: uint8(i), Parts: uint8(len(parts)), Data: data[i*DataSize : end]}
	}
	return parts, nil
}

// check says why f is no fragment.
func (f *Fragment) check() error {
	void := f.Parts == 0
	switch {
	case f.Ack != nil && f.Ack.Epoch == 0:
		return errors.New("fragment acknowledges chain 0")
	case void && (f.Message != [16]byte{} || f.Part != 0 || len(f.Data) > 0):
		return errors.New("fragment of no message is not void")
	case void:
		return nil
	case f.Parts > MaxParts || f.Part >= f.Parts:
		return fmt.Errorf("fragment %d of %d", f.Part, f.Parts)
	case len(f.Data) == 0 || len(f.Data) > DataSize || f.Part+1 < f.Parts && len(f.Data) < DataSize:
		return fmt.Errorf("fragment %d of %d with %d bytes", f.Part, f.Parts, len(f.Data))
	}
	return nil
}

// Encode returns the body that carries f.
func (f Fragment) Encode() (body [BodySize]byte, err error) {
	if err := f.check(); err != nil {
		return body, err
	}
	raw := fragment{Part: f.Part, Parts: f.Parts, Ack: f.Ack, Data: f.Data}
	if f.Parts > 0 {
		raw.Message = f.Message[:]
	}
	b, err := cborx.Marshal(&raw)
	if err != nil {
		return body, err
	}
	n := copy(body[:], b)
	body[n] = padding // the largest fragment is shorter than a body
	return body, nil
}

// DecodeFragment reads a body, in the one form that [Fragment.Encode] gives it.
func DecodeFragment(body *[BodySize]byte) (Fragment, error) {
	end := BodySize - 1
	for end > 0 && body[end] == 0 {
		end--
	}
	if body[end] != padding {
		return Fragment{}, errors.New("decode fragment: no padding")
	}
	var raw fragment
	if err := cborx.Unmarshal(body[:end], &raw, BodySize); err != nil {
		return Fragment{}, fmt.Errorf("decode fragment: %w", err)
	}
	f := Fragment{Part: raw.Part, Parts: raw.Parts, Ack: raw.Ack, Data: raw.Data}
	if n := len(raw.Message); n != 0 && n != len(f.Message) || (n == 0) != (f.Parts == 0) {
		return Fragment{}, fmt.Errorf("decode fragment: a message id of %d bytes", n)
	}
	copy(f.Message[:], raw.Message)
	if err := f.check(); err != nil {
		return Fragment{}, fmt.Errorf("decode fragment: %w", err)
	}
	return f, nil
}
