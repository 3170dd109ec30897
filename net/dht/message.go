package dht

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"dione/crypto/cborx"
	"dione/crypto/identity"
	"dione/crypto/parcel"
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

// The frames of messages that are not encoded as they are.
type (
	contactFrame struct {
		ID    identity.ID `cbor:"1,keyasint"`
		Addrs [][]byte    `cbor:"2,keyasint"` // address of 4 or 16 bytes ‖ u16be(port)
	}
	foundFrame struct {
		Contacts []contactFrame `cbor:"1,keyasint,omitempty"`
	}
	pongFrame struct {
		Seen    []byte `cbor:"1,keyasint"`
		Full    uint8  `cbor:"2,keyasint,omitempty"`
		Clock   int64  `cbor:"3,keyasint"`
		Reached bool   `cbor:"4,keyasint,omitempty"`
	}
	hintsFrame struct {
		Hints []byte `cbor:"1,keyasint,omitempty"` // 8 bytes each
	}
	offerFrame struct {
		Data       []byte `cbor:"1,keyasint,omitempty"`
		Tombstones []byte `cbor:"2,keyasint,omitempty"`
	}
	bitsFrame struct {
		Bits []byte `cbor:"1,keyasint,omitempty"`
	}
	gotFrame struct {
		Held     []byte   `cbor:"1,keyasint,omitempty"`
		Packages [][]byte `cbor:"2,keyasint,omitempty"`
	}
	notifyFrame struct {
		Packages [][]byte `cbor:"1,keyasint"`
	}
)

// AppendMessage appends the frame of m with this id to dst.
func AppendMessage(dst []byte, id uint32, m Message) []byte {
	body, err := cborx.Marshal(frameOf(m))
	if err != nil {
		panic(fmt.Sprintf("dht: encode %T: %v", m, err)) // structs of bytes and numbers
	}
	if len(body) > maxAnswer {
		panic(fmt.Sprintf("dht: %T of %d bytes", m, len(body)))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(headSize-4+len(body)))
	dst = append(dst, byte(m.kind()))
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(dst, body...)
}

// frameOf returns m as it is encoded.
func frameOf(m Message) any {
	switch m := m.(type) {
	case Pong:
		return &pongFrame{appendAddr(nil, m.Seen), m.Full, m.Clock, m.Reached}
	case Found:
		f := foundFrame{Contacts: make([]contactFrame, len(m.Contacts))}
		for i, c := range m.Contacts {
			f.Contacts[i] = frameOfContact(c)
		}
		return &f
	case GetMany:
		return &hintsFrame{appendHints(nil, m.Hints)}
	case Watch:
		return &hintsFrame{appendHints(nil, m.Hints)}
	case Offer:
		return &offerFrame{appendHints(nil, m.Data), appendHints(nil, m.Tombstones)}
	case Wanted:
		return &bitsFrame{m.Bits}
	case Got:
		return &gotFrame{m.Held, m.Packages}
	case Notify:
		return &notifyFrame{m.Packages}
	}
	return m // its fields say how
}

func frameOfContact(c *Contact) contactFrame {
	f := contactFrame{ID: c.ID, Addrs: make([][]byte, len(c.Addrs))}
	for i, a := range c.Addrs {
		f.Addrs[i] = appendAddr(nil, a)
	}
	return f
}

// decodeMessage reads the body of a frame. It gives no message and no error
// for a kind that is not known.
func decodeMessage(k kind, body []byte) (Message, error) {
	m, err := decodeKind(k, body)
	if err != nil {
		return nil, fmt.Errorf("decode message of kind %d: %w", k, err)
	}
	return m, nil
}

func decodeKind(k kind, body []byte) (Message, error) {
	switch k {
	case kindUnsupported:
		return decode(body, 1, func(*Unsupported) error { return nil })
	case kindPing:
		return decode(body, maxQuestion, func(m *Ping) error {
			if m.Dial && m.Port < minPort {
				return errPort
			}
			return checkPort(m.Port)
		})
	case kindFind:
		return decode(body, maxQuestion, func(m *Find) error { return checkPort(m.Port) })
	case kindStore:
		return decode(body, maxQuestion, func(m *Store) error {
			if len(m.Work) > MaxWork {
				return errSize
			}
			return checkPackage(m.Package, parcel.Size)
		})
	case kindStored:
		return decode(body, maxQuestion, checkStored)
	case kindDelete:
		return decode(body, maxQuestion, func(m *Delete) error { return checkPackage(m.Tombstone, parcel.TombstoneSize) })
	case kindDeleted:
		return decode(body, maxQuestion, func(m *Deleted) error {
			return checkStored(&Stored{Result: m.Result, Until: m.Until})
		})
	case kindWatching:
		return decode(body, maxQuestion, func(*Watching) error { return nil })
	}
	return decodeFrame(k, body)
}

// decodeFrame is decodeKind for messages that are not encoded as they are.
func decodeFrame(k kind, body []byte) (Message, error) {
	switch k {
	case kindPong:
		return convert(body, maxQuestion, func(f *pongFrame) (Pong, error) {
			seen, err := parseAddr(f.Seen)
			return Pong{seen, f.Full, f.Clock, f.Reached}, err
		})
	case kindFound:
		return convert(body, maxQuestion, foundOf)
	case kindGetMany:
		return convert(body, maxQuestion, func(f *hintsFrame) (GetMany, error) {
			hints, err := parseHints(f.Hints, MaxHints)
			if len(hints) == 0 && err == nil {
				err = errSize
			}
			return GetMany{hints}, err
		})
	case kindWatch:
		return convert(body, maxQuestion, func(f *hintsFrame) (Watch, error) {
			hints, err := parseHints(f.Hints, MaxHints)
			return Watch{hints}, err
		})
	case kindOffer:
		return convert(body, maxQuestion, func(f *offerFrame) (Offer, error) {
			data, err1 := parseHints(f.Data, MaxOffer)
			tombstones, err2 := parseHints(f.Tombstones, MaxOffer)
			if n := len(data) + len(tombstones); n == 0 || n > MaxOffer {
				return Offer{}, errSize
			}
			return Offer{data, tombstones}, errors.Join(err1, err2)
		})
	case kindWanted:
		return convert(body, maxQuestion, func(f *bitsFrame) (Wanted, error) {
			return Wanted{f.Bits}, Bits(f.Bits).within(MaxOffer)
		})
	case kindGot:
		return convert(body, maxAnswer, func(f *gotFrame) (Got, error) {
			if err := Bits(f.Held).within(MaxHints); err != nil {
				return Got{}, err
			}
			return Got{f.Held, f.Packages}, checkPackages(f.Packages, MaxHints)
		})
	case kindNotify:
		return convert(body, maxAnswer, func(f *notifyFrame) (Notify, error) {
			if len(f.Packages) == 0 {
				return Notify{}, errSize
			}
			return Notify(*f), checkPackages(f.Packages, MaxHints)
		})
	}
	return nil, nil
}

func foundOf(f *foundFrame) (Found, error) {
	if len(f.Contacts) > MaxContacts {
		return Found{}, errSize
	}
	contacts, err := contactsOf(f.Contacts)
	return Found{contacts}, err
}

func contactsOf(frames []contactFrame) ([]*Contact, error) {
	contacts := make([]*Contact, len(frames))
	for i, f := range frames {
		if len(f.Addrs) == 0 || len(f.Addrs) > MaxAddrs {
			return nil, errAddr
		}
		addrs := make([]netip.AddrPort, len(f.Addrs))
		for j, a := range f.Addrs {
			var err error
			if addrs[j], err = parseAddr(a); err != nil {
				return nil, err
			}
		}
		contacts[i] = NewContact(f.ID, addrs...)
	}
	return contacts, nil
}

// minPort is the lowest port at which a node listens: whatever others say, no
// node can be made to dial a well-known service.
const minPort = 1024

var (
	errSize = errors.New("a size that is not allowed")
	errPort = errors.New("a port that is not allowed")
	errAddr = errors.New("an address that is not allowed")
)

// decode reads a message that is encoded as it is.
func decode[M Message](body []byte, limit int, check func(*M) error) (Message, error) {
	return convert(body, limit, func(m *M) (M, error) { return *m, check(m) })
}

// convert reads a frame and makes a message of it.
func convert[F any, M Message](body []byte, limit int, of func(*F) (M, error)) (Message, error) {
	var f F
	if err := cborx.Unmarshal(body, &f, limit); err != nil {
		return nil, err
	}
	m, err := of(&f)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func checkPort(port uint16) error {
	if port != 0 && port < minPort {
		return errPort
	}
	return nil
}

func checkPackage(b []byte, sizes ...int) error {
	for _, n := range sizes {
		if len(b) == n {
			return nil
		}
	}
	return errSize
}

func checkPackages(packages [][]byte, most int) error {
	total := 0
	for _, p := range packages {
		if err := checkPackage(p, parcel.Size, parcel.TombstoneSize); err != nil {
			return err
		}
		total += len(p)
	}
	if len(packages) > most || total > MaxPackages {
		return errSize
	}
	return nil
}

func checkStored(m *Stored) error {
	switch {
	case m.Result < Kept || m.Result > Bad || m.Result != Kept && m.Until != 0:
		return errors.New("a result that is not allowed")
	case m.Result == Gone && m.Proof != nil:
		return checkPackage(m.Proof, parcel.TombstoneSize)
	case m.Result == Other && m.Proof != nil:
		return checkPackage(m.Proof, parcel.Size)
	case m.Proof != nil:
		return errSize
	}
	return nil
}

func appendHints(dst []byte, hints []Hint) []byte {
	for _, h := range hints {
		dst = append(dst, h[:]...)
	}
	return dst
}

func parseHints(b []byte, most int) ([]Hint, error) {
	n := len(b) / len(Hint{})
	if len(b)%len(Hint{}) != 0 || n > most {
		return nil, errSize
	}
	hints := make([]Hint, n)
	for i := range hints {
		hints[i] = Hint(b[i*len(Hint{}):])
	}
	return hints, nil
}

func appendAddr(dst []byte, a netip.AddrPort) []byte {
	dst = append(dst, a.Addr().Unmap().AsSlice()...)
	return binary.BigEndian.AppendUint16(dst, a.Port())
}

// parseAddr reads an address and a port that a node may have.
func parseAddr(b []byte) (netip.AddrPort, error) {
	if len(b) < 2 {
		return netip.AddrPort{}, errAddr
	}
	addr, ok := netip.AddrFromSlice(b[:len(b)-2])
	port := binary.BigEndian.Uint16(b[len(b)-2:])
	if !ok || addr.Is4In6() || port < minPort || ScopeOf(addr) == Nowhere {
		return netip.AddrPort{}, errAddr
	}
	return netip.AddrPortFrom(addr, port), nil
}
