package dht

import (
	"fmt"
	"net/netip"
)

// This file holds what two nodes say to each other. The rules are:
//   - a question has an odd kind, its answer the next even one and the same id;
//   - a question of id 0 is a notice, and wants no answer;
//   - every decoder takes exactly what the encoder makes, and nothing absent,
//     unknown or oversized; an odd kind that is not known is answered with
//     [Unsupported], an even one is dropped.

// Limits of questions and answers.
const (
	// MaxHints is how many packages one GetMany or Watch asks for.
	MaxHints = 64

	// MaxOffer is how many packages one Offer names.
	MaxOffer = 512

	// MaxPackages is the most bytes of packages in one answer.
	MaxPackages = 48 << 10

	// MaxWork is the longest proof of work.
	MaxWork = 16

	// headSize is what stands before the CBOR of each frame:
	// u32be(length of what follows) ‖ kind ‖ u32be(id).
	headSize = 4 + 1 + 4

	// maxQuestion is the largest question in bytes of CBOR, a Notify apart:
	// an Offer with all its hints.
	maxQuestion = 8*MaxOffer + 64

	// maxAnswer is the largest frame in bytes of CBOR: packages and their bits.
	maxAnswer = MaxPackages + 512
)

// Hint is the beginning of an address, by which packages are asked for.
type Hint = [8]byte

// Message is one frame: a closed set.
type Message interface{ kind() kind }

type kind uint8

const (
	kindUnsupported kind = 0
	kindPing        kind = 1
	kindPong        kind = 2
	kindFind        kind = 3
	kindFound       kind = 4
	kindStore       kind = 5
	kindStored      kind = 6
	kindGetMany     kind = 7
	kindGot         kind = 8
	kindOffer       kind = 9
	kindWanted      kind = 10
	kindDelete      kind = 11
	kindDeleted     kind = 12
	kindWatch       kind = 13
	kindWatching    kind = 14
	kindNotify      kind = 15
)

// asks reports whether k is the kind of a question.
func (k kind) asks() bool { return k&1 == 1 }

type (
	// Unsupported answers a question that is not known here.
	Unsupported struct{}

	// Ping asks how the node is. Port, if not 0, is where the asker says that
	// it listens, at the address from which it asks. With Dial it asks to be
	// dialled there, once, before the answer.
	Ping struct {
		Port uint16 `cbor:"1,keyasint,omitempty"`
		Dial bool   `cbor:"2,keyasint,omitempty"`
	}

	// Pong answers a Ping.
	Pong struct {
		Seen    netip.AddrPort // whence the question came
		Full    uint8          // of the space for packages, in percent; 255: holds none
		Clock   int64          // unix milliseconds
		Reached bool           // the asker was dialled, and is who it says
	}

	// Find asks for the servers nearest to a place. Port is that of a [Ping]
	// from a server, 0 from a client.
	Find struct {
		Target Key    `cbor:"1,keyasint"`
		Port   uint16 `cbor:"2,keyasint,omitempty"`
	}

	// Found answers a Find: at most [MaxContacts], nearest first, all of the
	// scope in which the question came.
	Found struct{ Contacts []*Contact }

	// Store asks to hold a package of data. Work is reserved for a proof of
	// work, which is not asked for yet.
	Store struct {
		Package []byte `cbor:"1,keyasint"`
		Work    []byte `cbor:"2,keyasint,omitempty"`
	}

	// Stored answers a Store.
	Stored struct {
		Result Result `cbor:"1,keyasint"`
		Until  uint32 `cbor:"2,keyasint,omitempty"` // Kept: the hour until which it is kept, counted from 1970
		Proof  []byte `cbor:"3,keyasint,omitempty"` // Gone: the tombstone; Other: the package
	}

	// GetMany asks for packages and tombstones, 1 to [MaxHints].
	GetMany struct{ Hints []Hint }

	// Got answers a GetMany.
	Got struct {
		Held     Bits     // which of the hints are held
		Packages [][]byte // of those, one each and in order, as many as fit
	}

	// Offer asks which of these the other node lacks: data and tombstones, 1
	// to [MaxOffer] together.
	Offer struct{ Data, Tombstones []Hint }

	// Wanted answers an Offer: bits for its data, then for its tombstones.
	Wanted struct{ Bits Bits }

	// Delete asks to put a tombstone in the place of a package.
	Delete struct {
		Tombstone []byte `cbor:"1,keyasint"`
	}

	// Deleted answers a Delete.
	Deleted struct {
		Result Result `cbor:"1,keyasint"`
		Until  uint32 `cbor:"2,keyasint,omitempty"`
	}

	// Watch asks to be told of packages as soon as they come, 1 to [MaxHints],
	// in the place of those that were watched over this connection before.
	// Without hints it ends that.
	Watch struct{ Hints []Hint }

	// Watching answers a Watch: for how many seconds. 0 refuses.
	Watching struct {
		Lease uint16 `cbor:"1,keyasint,omitempty"`
	}

	// Notify is the notice that packages have come that are watched.
	Notify struct{ Packages [][]byte }
)

func (Unsupported) kind() kind { return kindUnsupported }
func (Ping) kind() kind        { return kindPing }
func (Pong) kind() kind        { return kindPong }
func (Find) kind() kind        { return kindFind }
func (Found) kind() kind       { return kindFound }
func (Store) kind() kind       { return kindStore }
func (Stored) kind() kind      { return kindStored }
func (GetMany) kind() kind     { return kindGetMany }
func (Got) kind() kind         { return kindGot }
func (Offer) kind() kind       { return kindOffer }
func (Wanted) kind() kind      { return kindWanted }
func (Delete) kind() kind      { return kindDelete }
func (Deleted) kind() kind     { return kindDeleted }
func (Watch) kind() kind       { return kindWatch }
func (Watching) kind() kind    { return kindWatching }
func (Notify) kind() kind      { return kindNotify }

// Result is what became of a package or tombstone that somebody put.
type Result uint8

// The results of a Store or Delete.
const (
	Kept  Result = 1 // new, or the same again
	Gone  Result = 2 // its receiver has taken it; Proof is the tombstone
	Other Result = 3 // another package of that address is held; Proof is it
	Full  Result = 4 // no space
	Quota Result = 5 // the asker has put enough for now
	Far   Result = 6 // 24 servers or more are nearer
	Bad   Result = 7 // no package, not signed, expired or of too long a life
)

// String returns the result in words.
func (r Result) String() string {
	if r >= Kept && r <= Bad {
		return [...]string{"kept", "gone", "other", "full", "quota", "far", "bad"}[r-1]
	}
	return fmt.Sprintf("result %d", uint8(r))
}

// Bits is a set of small numbers: number i is bit i%8, lowest first, of byte
// i/8. The last byte is not 0.
type Bits []byte

// Has reports whether i is in the set.
func (b Bits) Has(i int) bool { return i>>3 < len(b) && b[i>>3]>>(i&7)&1 == 1 }

// Set puts i into the set.
func (b *Bits) Set(i int) {
	for i>>3 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i>>3] |= 1 << (i & 7)
}

// within says whether b is the one form of a set of numbers below n.
func (b Bits) within(n int) error {
	if len(b) == 0 {
		return nil
	}
	if last := b[len(b)-1]; last == 0 || 8*(len(b)-1) >= n || n-8*(len(b)-1) < 8 && last>>(n-8*(len(b)-1)) != 0 {
		return fmt.Errorf("a set of %d bytes for %d numbers", len(b), n)
	}
	return nil
}
