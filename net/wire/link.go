package wire

import (
	"fmt"

	"dione/crypto/cborx"
)

// LinkMessage is one frame of a link stream: a closed set. The link stream
// keeps the connection itself; net/swarm owns it.
type LinkMessage interface{ link() }

type (
	// Instance tells the sender's LAN instance, so that its adverts need not
	// be followed. It is sent first and only on a connection over the LAN.
	Instance struct{ ID [8]byte }

	// Ping asks for a Pong.
	Ping struct{}

	// Pong answers a Ping.
	Pong struct{}

	// Renew says that a new connection of the sender's is about to take the
	// place of this one.
	Renew struct{}

	// Bye is the last frame: why the sender closes the connection. Text, of
	// at most [MaxReason] bytes, is for logs.
	Bye struct {
		Reason Reason
		Text   string
	}
)

func (Instance) link() {}
func (Ping) link()     {}
func (Pong) link()     {}
func (Renew) link()    {}
func (Bye) link()      {}

// Reason is why a connection is closed.
type Reason uint8

// The reasons of a [Bye].
const (
	Leaving  Reason = 1 // the process ends
	Replaced Reason = 2 // another connection of the two is kept
	InUse    Reason = 3 // the other side's identity is in use elsewhere
	Full     Reason = 4 // no more connections are taken
	Broken   Reason = 5 // the other side broke the rules; Text says which
	maxKnown        = Broken
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Leaving:
		return "left"
	case Replaced:
		return "another connection is kept"
	case InUse:
		return "this identity is in use elsewhere"
	case Full:
		return "no more connections are taken"
	case Broken:
		return "the rules were broken"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// The kinds of link frames on the wire.
const (
	kindInstance = 1
	kindPing     = 2
	kindPong     = 3
	kindRenew    = 4
	kindBye      = 5
)

// linkFrame is any [LinkMessage] on the wire.
type linkFrame struct {
	Kind   uint64 `cbor:"1,keyasint"`
	ID     []byte `cbor:"2,keyasint,omitempty"`
	Reason uint8  `cbor:"3,keyasint,omitempty"`
	Text   string `cbor:"4,keyasint,omitempty"`
}

// AppendLink appends the frame of msg to dst. It panics on a text that is
// longer than its type allows.
func AppendLink(dst []byte, msg LinkMessage) []byte {
	var f linkFrame
	switch msg := msg.(type) {
	case Instance:
		f = linkFrame{Kind: kindInstance, ID: msg.ID[:]}
	case Ping:
		f = linkFrame{Kind: kindPing}
	case Pong:
		f = linkFrame{Kind: kindPong}
	case Renew:
		f = linkFrame{Kind: kindRenew}
	case Bye:
		f = linkFrame{Kind: kindBye, Reason: uint8(msg.Reason), Text: msg.Text}
	}
	return appendFrame(dst, &f, maxLink)
}

func decodeLink(b []byte) (LinkMessage, error) {
	var f linkFrame
	if err := cborx.Unmarshal(b, &f, maxLink); err != nil {
		return nil, fmt.Errorf("decode link frame: %w", err)
	}
	bare := len(f.ID) == 0 && f.Reason == 0 && f.Text == ""
	switch {
	case f.Kind == kindInstance && len(f.ID) == 8 && f.Reason == 0 && f.Text == "":
		return Instance{[8]byte(f.ID)}, nil
	case f.Kind == kindPing && bare:
		return Ping{}, nil
	case f.Kind == kindPong && bare:
		return Pong{}, nil
	case f.Kind == kindRenew && bare:
		return Renew{}, nil
	case f.Kind == kindBye && len(f.ID) == 0 && f.Reason >= uint8(Leaving) && f.Reason <= uint8(maxKnown):
		if len(f.Text) > MaxReason {
			return nil, fmt.Errorf("decode bye: a text of %d bytes", len(f.Text))
		}
		return Bye{Reason(f.Reason), f.Text}, nil
	}
	return nil, fmt.Errorf("decode link frame: kind %d with fields that it does not have", f.Kind)
}
