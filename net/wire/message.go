package wire

import (
	"errors"
	"fmt"

	"dione/crypto/cborx"
)

// Message is one frame of a chat stream: a closed set.
type Message interface{ message() }

type (
	// Hello tells the name that the sender gives itself. It is the first
	// frame each way, and comes again when the name changes.
	Hello struct{ Name string }

	// Room is a line for the #lan room. Payload is an encoded [Content].
	Room struct{ Payload []byte }

	// Ack says that lines of the other side are durable here. It names 1 to
	// [MaxAck] of them. Private messages have a [Receipt] instead.
	Ack struct{ IDs [][16]byte }

	// Typing says that the sender writes: in the #lan room, or to the receiver.
	Typing struct{ Room bool }
)

func (Hello) message()  {}
func (Room) message()   {}
func (Ack) message()    {}
func (Typing) message() {}

// The kinds of chat frames on the wire.
const (
	kindHello   = 1
	kindRoom    = 2
	kindParcel  = 3
	kindAck     = 4
	kindAsk     = 5
	kindKeys    = 6
	kindIntro   = 7
	kindRefused = 8
	kindSync    = 9
	kindReceipt = 10
	kindNodes   = 11
	kindTyping  = 12
)

// Every chat frame is a map whose key 1 is its kind; what else stands in it
// follows from that.
type (
	helloFrame struct {
		Kind uint64 `cbor:"1,keyasint"`
		Name string `cbor:"2,keyasint,omitempty"`
	}
	roomFrame struct {
		Kind    uint64 `cbor:"1,keyasint"`
		Payload []byte `cbor:"3,keyasint"`
	}
	ackFrame struct {
		Kind uint64 `cbor:"1,keyasint"`
		IDs  []byte `cbor:"4,keyasint"` // 16 bytes each, in one string
	}
	typingFrame struct {
		Kind uint64 `cbor:"1,keyasint"`
		Room bool   `cbor:"2,keyasint,omitempty"`
	}
)

// AppendMessage appends the frame of msg to dst, so that many frames can leave
// in one write. It panics on a message that breaks the limits of its type.
func AppendMessage(dst []byte, msg Message) []byte { return appendFrame(dst, frameOf(msg), maxChat) }

// frameOf returns msg as it is encoded.
func frameOf(msg Message) any {
	switch msg := msg.(type) {
	case Hello:
		return &helloFrame{kindHello, msg.Name}
	case Room:
		return &roomFrame{kindRoom, msg.Payload}
	case Ack:
		f := &ackFrame{kindAck, make([]byte, 0, 16*len(msg.IDs))}
		for _, id := range msg.IDs {
			f.IDs = append(f.IDs, id[:]...)
		}
		return f
	case Typing:
		return &typingFrame{kindTyping, msg.Room}
	}
	return sessionFrame(msg)
}

func decodeMessage(b []byte) (Message, error) {
	kind := kindOf(b)
	switch kind {
	case kindHello:
		var f helloFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode hello: %w", err)
		}
		if len(f.Name) > MaxName {
			return nil, fmt.Errorf("decode hello: a name of %d bytes", len(f.Name))
		}
		return Hello{f.Name}, nil
	case kindRoom:
		var f roomFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode line: %w", err)
		}
		if len(f.Payload) == 0 {
			return nil, errors.New("decode line: no payload")
		}
		return Room{f.Payload}, nil
	case kindAck:
		var f ackFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode ack: %w", err)
		}
		if n := len(f.IDs); n == 0 || n%16 != 0 || n > 16*MaxAck {
			return nil, fmt.Errorf("decode ack: %d bytes of message ids", n)
		}
		ack := Ack{IDs: make([][16]byte, len(f.IDs)/16)}
		for i := range ack.IDs {
			ack.IDs[i] = [16]byte(f.IDs[16*i:])
		}
		return ack, nil
	}
	if kind == kindTyping {
		var f typingFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode typing: %w", err)
		}
		return Typing{f.Room}, nil
	}
	return decodeSession(kind, b)
}

// kindOf reads the kind of a frame, 0 if b is none: the deterministic form of
// a map begins with its smallest key, and kinds are smaller than 24.
func kindOf(b []byte) uint64 {
	if len(b) < 3 || b[0]>>5 != 5 || b[1] != 1 || b[2] > 23 {
		return 0
	}
	return uint64(b[2])
}

// MaxSpare is the longest bundle in a [Spare].
const MaxSpare = 2048

// Spare is what the parts of a private message add up to that no person wrote:
// keys for the day on which its receiver has lost the session. It has no
// number, and is shown to nobody.
type Spare struct {
	ID     [16]byte `cbor:"1,keyasint"`
	Bundle []byte   `cbor:"5,keyasint"`
}

// Encode returns the one encoding of s, whose limits it does not check.
func (s Spare) Encode() []byte { return encode(&s) }

var errSpare = errors.New("decode spare keys: none, or too long")

// DecodeSpare takes what [Spare.Encode] made.
func DecodeSpare(b []byte) (Spare, error) {
	var s Spare
	if err := cborx.Unmarshal(b, &s, MaxSpare+32); err != nil {
		return Spare{}, fmt.Errorf("decode spare keys: %w", err)
	}
	if len(s.Bundle) == 0 || len(s.Bundle) > MaxSpare {
		return Spare{}, errSpare
	}
	return s, nil
}
