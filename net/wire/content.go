package wire

import (
	"errors"
	"fmt"

	"dione/crypto/cborx"
)

// MaxSeq is the highest number of a message: the highest up to which a
// float64 holds every one, and more than anybody can write.
const MaxSeq = 1<<53 - 1

// Kind is what a [Content] is.
type Kind uint8

// The kinds of a Content. All but a text say something about another message
// of the same chat, its target, and are shown to nobody as messages.
const (
	Text       Kind = iota // a message; with a target it answers that one
	Reaction               // a few bytes beside the target; "" takes them away
	Correction             // a text in the place of the target's, of the same author
	Deletion               // the target, of the same author, is taken back
)

// Content is what a person wrote: the payload of a [Room], and what
// the parts of a private message add up to.
type Content struct {
	ID     [16]byte `cbor:"1,keyasint"`
	Seq    uint64   `cbor:"2,keyasint"` // the author's number in this chat, from 1
	Sent   int64    `cbor:"3,keyasint"` // the author's clock, unix milliseconds
	Text   string   `cbor:"4,keyasint,omitempty"`
	Kind   Kind     `cbor:"6,keyasint,omitempty"`
	Target [16]byte `cbor:"7,keyasint,omitzero"` // zero: a text that answers none
	Author [32]byte `cbor:"8,keyasint,omitzero"` // who wrote the target; zero where that is the author
}

// Encode returns the one encoding of c, whose limits it does not check.
func (c Content) Encode() []byte { return encode(&c) }

var (
	errText     = errors.New("decode content: an empty text or one of more than 16 KiB")
	errSeq      = errors.New("decode content: a number that is not allowed")
	errReaction = errors.New("decode content: a reaction of more than 64 bytes")
	errDeletion = errors.New("decode content: a deletion with a text")
	errTarget   = errors.New("decode content: another message is named in part, or where none belongs")
)

// DecodeContent takes what [Content.Encode] made, if it keeps the limits: a
// number of 1 to [MaxSeq], and valid UTF-8 of 1 to [MaxText] bytes in a text or
// a correction, of 0 to [MaxReaction] in a reaction and none in a deletion. A
// text names both target and author or neither, a reaction both, and the
// others a target alone.
func DecodeContent(b []byte) (Content, error) {
	var c Content
	if err := cborx.Unmarshal(b, &c, maxContent); err != nil {
		return Content{}, fmt.Errorf("decode content: %w", err)
	}
	if c.Seq == 0 || c.Seq > MaxSeq {
		return Content{}, errSeq
	}
	target, author := c.Target != [16]byte{}, c.Author != [32]byte{}
	switch c.Kind {
	case Text, Correction:
		if len(c.Text) == 0 || len(c.Text) > MaxText {
			return Content{}, errText
		}
	case Reaction:
		if len(c.Text) > MaxReaction {
			return Content{}, errReaction
		}
	case Deletion:
		if c.Text != "" {
			return Content{}, errDeletion
		}
	default:
		return Content{}, fmt.Errorf("decode content: kind %d is unknown", c.Kind)
	}
	named := target && author == (c.Kind == Reaction)
	if c.Kind == Text {
		named = target == author
	}
	if !named {
		return Content{}, errTarget
	}
	return c, nil
}
