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

// This file holds how messages are written and read: see message.go.

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
