package pqxdh

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"errors"
	"fmt"

	"dione/crypto/cborx"
	"dione/crypto/identity"
)

const (
	// MaxIntro is the length of the longest encoding of an [Intro].
	MaxIntro = 1291

	// MaxLeap is how far a generation may lie ahead of the highest one that
	// is known. A contact, or who for a while speaks in its name, could
	// otherwise use up all generations and with them all later sessions.
	MaxLeap = 1 << 16

	// maxGen is beyond every generation that honest people reach.
	maxGen = 1 << 48

	// maxDay is the last day of the year 9999, counted from 1970.
	maxDay = 2932896

	// maxAhead is how many days the initiator's clock may be ahead: 26 hours
	// of slack can pass midnight twice.
	maxAhead = 2

	// maxBehind bounds what an intro can cost: the location keys are stepped
	// day by day from day0 on.
	maxBehind = 10 * 365
)

// Intro is what the initiator of a session tells the maker of the bundle.
type Intro struct {
	ID     identity.ID                   `cbor:"1,keyasint"`
	IK     [32]byte                      `cbor:"2,keyasint"`
	Cert   [64]byte                      `cbor:"3,keyasint"` // signature of ID under IK
	EK     [32]byte                      `cbor:"4,keyasint"`
	Number Number                        `cbor:"5,keyasint"` // of the bundle
	CT     [mlkem.CiphertextSize768]byte `cbor:"6,keyasint"`
	Gen    uint64                        `cbor:"7,keyasint"`
	Day0   uint32                        `cbor:"8,keyasint"` // since 1970, in UTC
}

// Encode returns the one encoding of in.
func (in Intro) Encode() []byte { return encode(in) }

// DecodeIntro reads an intro. [Answer] checks it.
func DecodeIntro(data []byte) (Intro, error) {
	var in Intro
	if err := cborx.Unmarshal(data, &in, MaxIntro); err != nil {
		return Intro{}, fmt.Errorf("intro: %w", err)
	}
	return in, nil
}

// Check decides whether the numbers in the intro can be meant: known is the
// highest generation that is known of this contact, today the day since 1970
// by our clock. An intro of a generation that is not above known may still be
// right: both sides can start at once.
func (in Intro) Check(known uint64, today uint32) error {
	switch {
	case in.Gen > known && in.Gen-known > MaxLeap:
		return fmt.Errorf("intro: generation %d after %d", in.Gen, known)
	case in.Day0 > today && in.Day0-today > maxAhead:
		return fmt.Errorf("intro: it begins %d days ahead of our clock", in.Day0-today)
	case in.Day0 < today && today-in.Day0 > maxBehind:
		return fmt.Errorf("intro: it began %d days ago", today-in.Day0)
	}
	return in.checkNumbers()
}

// checkNumbers is the part of [Intro.Check] that needs nothing else.
func (in Intro) checkNumbers() error {
	if in.Gen < 1 || in.Gen > maxGen {
		return fmt.Errorf("generation %d", in.Gen)
	}
	if in.Day0 < 1 || in.Day0 > maxDay {
		return fmt.Errorf("day %d", in.Day0)
	}
	return nil
}

// verify decides whether in can be an intro of whom it names.
func (in Intro) verify() (ik, ek *ecdh.PublicKey, err error) {
	if err := in.checkNumbers(); err != nil {
		return nil, nil, err
	}
	if !in.ID.Verify(certified(in.IK), in.Cert[:]) {
		return nil, nil, errors.New("IK is not certified")
	}
	if ik, err = point(in.IK); err != nil {
		return nil, nil, fmt.Errorf("IK: %w", err)
	}
	if ek, err = point(in.EK); err != nil {
		return nil, nil, fmt.Errorf("EK: %w", err)
	}
	return ik, ek, nil
}
