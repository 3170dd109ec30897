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

	// Private is a message of the private chat. Payload is an encoded
	// [Content].
	Private struct{ Payload []byte }

	// Ack says that messages of the other side, of the room and of the
	// private chat, are durable here. It names 1 to [MaxAck] of them.
	Ack struct{ IDs [][16]byte }
)

func (Hello) message()   {}
func (Room) message()    {}
func (Private) message() {}
func (Ack) message()     {}

// The kinds of chat frames on the wire.
const (
	kindHello   = 1
	kindRoom    = 2
	kindPrivate = 3
	kindAck     = 4
)

// chatFrame is any [Message] on the wire: kind and the one field that it has.
type chatFrame struct {
	Kind    uint64 `cbor:"1,keyasint"`
	Name    string `cbor:"2,keyasint,omitempty"`
	Payload []byte `cbor:"3,keyasint,omitempty"`
	IDs     []byte `cbor:"4,keyasint,omitempty"` // 16 bytes each, in one string
}

// AppendMessage appends the frame of msg to dst, so that many frames can leave
// in one write. It panics on a message that breaks the limits of its type.
func AppendMessage(dst []byte, msg Message) []byte {
	var f chatFrame
	switch msg := msg.(type) {
	case Hello:
		f = chatFrame{Kind: kindHello, Name: msg.Name}
	case Room:
		f = chatFrame{Kind: kindRoom, Payload: msg.Payload}
	case Private:
		f = chatFrame{Kind: kindPrivate, Payload: msg.Payload}
	case Ack:
		f = chatFrame{Kind: kindAck, IDs: make([]byte, 0, 16*len(msg.IDs))}
		for _, id := range msg.IDs {
			f.IDs = append(f.IDs, id[:]...)
		}
	}
	return appendFrame(dst, &f, maxChat)
}

func decodeMessage(b []byte) (Message, error) {
	var f chatFrame
	if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
		return nil, fmt.Errorf("decode chat frame: %w", err)
	}
	name, payload, ids := f.Name != "", len(f.Payload) > 0, len(f.IDs)
	switch {
	case f.Kind == kindHello && !payload && ids == 0:
		if len(f.Name) > MaxName {
			return nil, fmt.Errorf("decode hello: a name of %d bytes", len(f.Name))
		}
		return Hello{f.Name}, nil
	case f.Kind == kindRoom && payload && !name && ids == 0:
		return Room{f.Payload}, nil
	case f.Kind == kindPrivate && payload && !name && ids == 0:
		return Private{f.Payload}, nil
	case f.Kind == kindAck && ids > 0 && !name && !payload:
		if ids%16 != 0 || ids > 16*MaxAck {
			return nil, fmt.Errorf("decode ack: %d bytes of message ids", ids)
		}
		ack := Ack{IDs: make([][16]byte, ids/16)}
		for i := range ack.IDs {
			ack.IDs[i] = [16]byte(f.IDs[16*i:])
		}
		return ack, nil
	}
	return nil, fmt.Errorf("decode chat frame: kind %d with fields that it does not have", f.Kind)
}

// MaxSeq is the highest number of a message: the highest up to which a
// float64 holds every one, and more than anybody can write.
const MaxSeq = 1<<53 - 1

// Content is what a person wrote: the payload of a [Room] or [Private].
type Content struct {
	ID   [16]byte `cbor:"1,keyasint"`
	Seq  uint64   `cbor:"2,keyasint"` // the author's number in this chat, from 1
	Sent int64    `cbor:"3,keyasint"` // the author's clock, unix milliseconds
	Text string   `cbor:"4,keyasint"`
}

// Encode returns the one encoding of c, whose limits it does not check.
func (c Content) Encode() []byte { return encode(&c) }

var (
	errText = errors.New("decode content: an empty text or one of more than 16 KiB")
	errSeq  = errors.New("decode content: a number that is not allowed")
)

// DecodeContent takes what [Content.Encode] made, if it keeps the limits: a
// text of 1 to [MaxText] bytes of valid UTF-8, a number of 1 to [MaxSeq].
func DecodeContent(b []byte) (Content, error) {
	var c Content
	if err := cborx.Unmarshal(b, &c, maxContent); err != nil {
		return Content{}, fmt.Errorf("decode content: %w", err)
	}
	if len(c.Text) == 0 || len(c.Text) > MaxText {
		return Content{}, errText
	}
	if c.Seq == 0 || c.Seq > MaxSeq {
		return Content{}, errSeq
	}
	return c, nil
}
