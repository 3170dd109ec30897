// Package rendezvous is mail between two people who have no session, or have
// lost it: on the secret of an invitation, or on what is left of a session. It
// obeys crypto/PROTOCOL.md, section 11.
//
// Each side writes at most one note there, cut into packages that look like
// those of any session. The maker of an invitation writes an [Offer], whoever
// wants a session an [Intro], which shows by a message of that session that it
// is no forgery. It is pure: it sends, stores and forgets nothing.
package rendezvous

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"dione/crypto/cborx"
	"dione/crypto/identity"
	"dione/crypto/kdf"
	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/ratchet"
)

const (
	// OfferParts and IntroParts are how many packages the notes have.
	OfferParts, IntroParts = 3, 4

	// maxName is the longest name in a note.
	maxName = 256
)

// ErrIncomplete says that packages of a note are missing, or of several ones.
var ErrIncomplete = errors.New("the note is not complete")

// Chain is where the note of one side lies, and under which keys.
type Chain struct {
	ratchet.Fixed
	parts int
}

// ForOffer is the chain on which host, who has made the invitation with the
// secret v, puts its [Offer].
func ForOffer(v [16]byte, network [32]byte, host identity.ID) Chain {
	return Chain{onInvitation(v, kdf.IntroResponder, network, host), OfferParts}
}

// ForAnswer is the chain on which whoever has the invitation puts an [Intro].
func ForAnswer(v [16]byte, network [32]byte, host identity.ID) Chain {
	return Chain{onInvitation(v, kdf.IntroInitiator, network, host), IntroParts}
}

func onInvitation(v [16]byte, label kdf.Label, network [32]byte, host identity.ID) ratchet.Fixed {
	return ratchet.NewFixed(pqxdh.InvitationKey(v), label, bound(kdf.OnInvitation, network, host))
}

// ForReset is the chain on which one side of a session puts an [Intro] when it
// has lost the session; rs is what is left. initiator says whether that side
// has set the session up, reader is the other side.
func ForReset(rs, network [32]byte, reader identity.ID, initiator bool) Chain {
	label := kdf.IntroResponder
	if initiator {
		label = kdf.IntroInitiator
	}
	return Chain{ratchet.NewFixed(rs[:], label, bound(kdf.OnReset, network, reader)), IntroParts}
}

// bound is what packages are bound to: the network, the maker of the bundle,
// and what kind of chain this is.
func bound(label kdf.Label, network [32]byte, maker identity.ID) [32]byte {
	b := append([]byte(label), network[:]...)
	return sha256.Sum256(append(b, maker[:]...))
}

// Watch returns where the packages of the note lie.
func (c Chain) Watch() []ratchet.Watched { return c.Fixed.Watch(c.parts) }

// Seal makes the packages of a note, an encoded [Offer] or [Intro]. They have
// to be kept: another note has no place beside it, and the same one sealed
// again neither. Randomness comes from random.
func (c Chain) Seal(random io.Reader, note []byte) ([]ratchet.Sealed, error) {
	var id [16]byte
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return nil, fmt.Errorf("seal a note: %w", err)
	}
	parts, err := parcel.Split(id, note)
	if err == nil && len(parts) > c.parts {
		err = fmt.Errorf("it has %d parts", len(parts))
	}
	if err != nil {
		return nil, fmt.Errorf("seal a note: %w", err)
	}
	bodies := make([]*[parcel.BodySize]byte, len(parts))
	for i, f := range parts {
		body, err := f.Encode()
		if err != nil {
			return nil, fmt.Errorf("seal a note: %w", err)
		}
		bodies[i] = &body
	}
	return c.Fixed.Seal(random, bodies...)
}

// Open puts a note together from its packages, in the order of [Chain.Watch],
// nil where none was found. [ErrIncomplete] says that it may be found later.
func (c Chain) Open(cores []*parcel.Core) (note []byte, err error) {
	var first parcel.Fragment
	for i, core := range cores[:min(len(cores), c.parts)] {
		if i > 0 && i == int(first.Parts) {
			break
		}
		if core == nil {
			return nil, ErrIncomplete
		}
		body, err := c.Fixed.Open(uint32(i), core)
		if err != nil {
			return nil, err
		}
		f, err := parcel.DecodeFragment(&body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ratchet.ErrForged, err)
		}
		if i == 0 {
			first = f
		}
		switch {
		case int(f.Part) != i || f.Parts == 0 || int(f.Parts) > c.parts || f.Ack != nil:
			return nil, fmt.Errorf("%w: part %d of %d", ratchet.ErrForged, f.Part, f.Parts)
		case f.Message != first.Message || f.Parts != first.Parts:
			return nil, ErrIncomplete // two have written there
		}
		note = append(note, f.Data...)
	}
	if len(cores) == 0 || len(cores) < int(first.Parts) {
		return nil, ErrIncomplete
	}
	return note, nil
}

// Void returns what to bury where no note is to be put any more, and none is.
func Void() *parcel.Core { return new(parcel.Core) }

// Offer is the note of an invitation's maker.
type Offer struct {
	Bundle []byte `cbor:"1,keyasint"`           // for who has the invitation
	Name   string `cbor:"2,keyasint,omitempty"` // which the maker gives itself
}

// Encode returns the one encoding of o.
func (o Offer) Encode() []byte { return encode(o) }

// DecodeOffer reads an offer. Its bundle is decoded and checked by its user.
func DecodeOffer(note []byte) (o Offer, err error) {
	if err := cborx.Unmarshal(note, &o, OfferParts*parcel.DataSize); err != nil {
		return Offer{}, fmt.Errorf("offer: %w", err)
	}
	if len(o.Bundle) == 0 || len(o.Bundle) > pqxdh.MaxBundle || len(o.Name) > maxName {
		return Offer{}, errors.New("offer: sizes")
	}
	return o, nil
}

// Intro is the note of who wants a session.
type Intro struct {
	Intro []byte `cbor:"1,keyasint"`           // a [pqxdh.Intro]
	Core  []byte `cbor:"2,keyasint"`           // the first package of its session
	Name  string `cbor:"3,keyasint,omitempty"` // which the writer gives itself, on an invitation
}

// Encode returns the one encoding of in.
func (in Intro) Encode() []byte { return encode(in) }

// DecodeIntro reads what wants a session.
func DecodeIntro(note []byte) (in Intro, err error) {
	if err := cborx.Unmarshal(note, &in, IntroParts*parcel.DataSize); err != nil {
		return Intro{}, fmt.Errorf("introduction: %w", err)
	}
	if len(in.Intro) == 0 || len(in.Intro) > pqxdh.MaxIntro || len(in.Core) != parcel.CoreSize || len(in.Name) > maxName {
		return Intro{}, errors.New("introduction: sizes")
	}
	return in, nil
}

// Begun is a session that an introduction has begun, at the side that made the
// bundle.
type Begun struct {
	Shared  pqxdh.Shared
	Session *ratchet.Session
	First   ratchet.Opened // its first message
}

// Accept begins the session that intro asks for, with the private half of the
// bundle it is built on. core is the first package of that session: since it
// opens, the person whom the intro names has written both. known and day are
// those of [pqxdh.Intro.Check].
func Accept(self pqxdh.Self, s pqxdh.Secrets, intro pqxdh.Intro, core *parcel.Core, known uint64, day uint32) (Begun, error) {
	if err := intro.Check(known, day); err != nil {
		return Begun{}, err
	}
	shared, err := pqxdh.Answer(self, s, intro)
	if err != nil {
		return Begun{}, err
	}
	session := ratchet.Accept(shared.SK, shared.T, shared.Own)
	first, err := session.Open([8]byte{}, core, day)
	if err == nil && first.Index != (ratchet.Index{Epoch: 1}) {
		err = ratchet.ErrForged
	}
	if err != nil {
		return Begun{}, fmt.Errorf("first message of the session: %w", err)
	}
	return Begun{shared, session, first}, nil
}

// encode is cborx.Marshal for the types of this package, which all have an
// encoding.
func encode(v any) []byte {
	b, err := cborx.Marshal(v)
	if err != nil {
		panic("rendezvous: " + err.Error())
	}
	return b
}
