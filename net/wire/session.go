package wire

import (
	"errors"
	"fmt"

	"dione/crypto/cborx"
	"dione/crypto/parcel"
)

// This file holds the frames of a chat stream that carry private messages:
// how two people agree on a session, and the parcels that travel in it.

const (
	// CoreSize is the length of a parcel's core: crypto/PROTOCOL.md, section
	// "Packages".
	CoreSize = parcel.CoreSize

	// MaxKeys is the longest bundle of keys or introduction in bytes: an
	// ML-KEM-768 key or ciphertext, a few curve keys and their signatures.
	MaxKeys = 2 << 10

	// MaxSessions is how many sessions two people have at most: the newest
	// and four older ones, for receiving.
	MaxSessions = 5

	// MaxChains is how many chains one [Receipt] tells of, MaxMap how long
	// the map of one is in bytes: a ratchet skips at most 1,024 messages.
	MaxChains, MaxMap = 64, 128

	// MaxAddrs is how many addresses of its own a side tells, MaxAddr how
	// long one is, as a binary multiaddr.
	MaxAddrs, MaxAddr = 8, 300

	// MaxNodes is how many addresses of nodes are told at a time.
	MaxNodes = 8

	// MaxGen bounds the generation of a session, so that nobody can push it
	// to where it ends.
	MaxGen = 1 << 48
)

type (
	// Parcel is one package of a private message. Hint is the beginning of
	// its address.
	Parcel struct {
		Hint [8]byte
		Core [CoreSize]byte
	}

	// Ask asks the other side for keys with which to set a session up. Proof
	// is empty, or shows that the sender holds an invitation.
	Ask struct{ Proof []byte }

	// Keys is a bundle made for the receiver, an encoded pqxdh.Bundle. It
	// also says that the receiver is accepted.
	Keys struct{ Bundle []byte }

	// Intro sets a session up, an encoded pqxdh.Intro. It is sent until the
	// other side has shown that it knows the session.
	Intro struct{ Intro []byte }

	// Refused says that an [Intro] was built on the bundle of this number,
	// which is used up or unknown.
	Refused struct{ Number [8]byte }

	// Sync is what both sides say when a link comes up: the highest
	// generation of a session that they know, the highest number of a message
	// of the other side that they have, where they can be reached (binary
	// multiaddrs), and their sessions. A full [Receipt] for each follows.
	Sync struct {
		Gen      uint64
		Seen     uint64
		Addrs    [][]byte
		Sessions []SessionState
	}

	// Receipt says which parcels of a session are durable here: in the chains
	// that it names, or, if Full, in all.
	Receipt struct {
		SID    [16]byte
		Full   bool
		Chains []Chain
	}

	// Nodes tells of nodes of the DHT: binary multiaddrs with their IDs.
	Nodes struct{ Nodes [][]byte }
)

// SessionState is one session in a [Sync]: the sender's newest chain in it and
// the number of its next message, 0 and 0 before the first one.
type SessionState struct {
	SID         [16]byte
	Epoch, Next uint32
}

// Chain is what was received of one chain: all below Contiguous, and
// Contiguous+1+i for each bit i of Map, lowest first.
type Chain struct {
	Epoch      uint32 `cbor:"1,keyasint"`
	Contiguous uint32 `cbor:"2,keyasint"`
	Map        []byte `cbor:"3,keyasint,omitempty"` // no zero byte at its end
}

func (Parcel) message()  {}
func (Ask) message()     {}
func (Keys) message()    {}
func (Intro) message()   {}
func (Refused) message() {}
func (Sync) message()    {}
func (Receipt) message() {}
func (Nodes) message()   {}

type (
	parcelFrame struct {
		Kind uint64 `cbor:"1,keyasint"`
		Hint []byte `cbor:"2,keyasint"`
		Core []byte `cbor:"3,keyasint"`
	}
	// bytesFrame is an Ask, Keys, Intro or Refused.
	bytesFrame struct {
		Kind  uint64 `cbor:"1,keyasint"`
		Bytes []byte `cbor:"2,keyasint,omitempty"`
	}
	syncFrame struct {
		Kind     uint64      `cbor:"1,keyasint"`
		Gen      uint64      `cbor:"2,keyasint,omitempty"`
		Seen     uint64      `cbor:"3,keyasint,omitempty"`
		Addrs    [][]byte    `cbor:"4,keyasint,omitempty"`
		Sessions []syncEntry `cbor:"5,keyasint,omitempty"`
	}
	syncEntry struct {
		SID   []byte `cbor:"1,keyasint"`
		Epoch uint32 `cbor:"2,keyasint,omitempty"`
		Next  uint32 `cbor:"3,keyasint,omitempty"`
	}
	receiptFrame struct {
		Kind   uint64  `cbor:"1,keyasint"`
		SID    []byte  `cbor:"2,keyasint"`
		Full   bool    `cbor:"3,keyasint,omitempty"`
		Chains []Chain `cbor:"4,keyasint,omitempty"`
	}
	nodesFrame struct {
		Kind  uint64   `cbor:"1,keyasint"`
		Nodes [][]byte `cbor:"2,keyasint"`
	}
)

// sessionFrame is frameOf for the messages of this file.
func sessionFrame(msg Message) any {
	switch msg := msg.(type) {
	case Parcel:
		return &parcelFrame{kindParcel, msg.Hint[:], msg.Core[:]}
	case Ask:
		return &bytesFrame{kindAsk, msg.Proof}
	case Keys:
		return &bytesFrame{kindKeys, msg.Bundle}
	case Intro:
		return &bytesFrame{kindIntro, msg.Intro}
	case Refused:
		return &bytesFrame{kindRefused, msg.Number[:]}
	case Sync:
		f := &syncFrame{Kind: kindSync, Gen: msg.Gen, Seen: msg.Seen, Addrs: msg.Addrs}
		for _, s := range msg.Sessions {
			f.Sessions = append(f.Sessions, syncEntry{s.SID[:], s.Epoch, s.Next})
		}
		return f
	case Receipt:
		return &receiptFrame{kindReceipt, msg.SID[:], msg.Full, msg.Chains}
	case Nodes:
		return &nodesFrame{kindNodes, msg.Nodes}
	}
	panic(fmt.Sprintf("wire: %T is no message", msg))
}

func decodeSession(kind uint64, b []byte) (Message, error) {
	switch kind {
	case kindParcel:
		var f parcelFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode parcel: %w", err)
		}
		if len(f.Hint) != 8 || len(f.Core) != CoreSize {
			return nil, fmt.Errorf("decode parcel: %d and %d bytes", len(f.Hint), len(f.Core))
		}
		return Parcel{[8]byte(f.Hint), [CoreSize]byte(f.Core)}, nil
	case kindAsk, kindKeys, kindIntro, kindRefused:
		var f bytesFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode chat frame of kind %d: %w", kind, err)
		}
		return f.decode()
	case kindSync:
		var f syncFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode sync: %w", err)
		}
		return f.decode()
	case kindReceipt:
		var f receiptFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode receipt: %w", err)
		}
		return f.decode()
	case kindNodes:
		var f nodesFrame
		if err := cborx.Unmarshal(b, &f, maxChat); err != nil {
			return nil, fmt.Errorf("decode nodes: %w", err)
		}
		if n := len(f.Nodes); n == 0 || n > MaxNodes {
			return nil, fmt.Errorf("decode nodes: %d of them", n)
		}
		if err := checkAddrs("nodes", f.Nodes); err != nil {
			return nil, err
		}
		return Nodes{f.Nodes}, nil
	}
	return nil, fmt.Errorf("decode chat frame: kind %d is unknown", kind)
}

func (f *bytesFrame) decode() (Message, error) {
	n := len(f.Bytes)
	switch {
	case f.Kind == kindAsk && (n == 0 || n == 16):
		return Ask{f.Bytes}, nil
	case f.Kind == kindKeys && n > 0 && n <= MaxKeys:
		return Keys{f.Bytes}, nil
	case f.Kind == kindIntro && n > 0 && n <= MaxKeys:
		return Intro{f.Bytes}, nil
	case f.Kind == kindRefused && n == 8:
		return Refused{[8]byte(f.Bytes)}, nil
	}
	return nil, fmt.Errorf("decode chat frame of kind %d: %d bytes", f.Kind, n)
}

func (f *syncFrame) decode() (Message, error) {
	if f.Gen > MaxGen || f.Seen > MaxSeq {
		return nil, errors.New("decode sync: a number that is not allowed")
	}
	if len(f.Addrs) > MaxAddrs || len(f.Sessions) > MaxSessions {
		return nil, fmt.Errorf("decode sync: %d addresses and %d sessions", len(f.Addrs), len(f.Sessions))
	}
	if err := checkAddrs("sync", f.Addrs); err != nil {
		return nil, err
	}
	msg := Sync{Gen: f.Gen, Seen: f.Seen, Addrs: f.Addrs}
	for _, s := range f.Sessions {
		if len(s.SID) != 16 {
			return nil, fmt.Errorf("decode sync: a session id of %d bytes", len(s.SID))
		}
		msg.Sessions = append(msg.Sessions, SessionState{[16]byte(s.SID), s.Epoch, s.Next})
	}
	return msg, nil
}

func checkAddrs(in string, addrs [][]byte) error {
	for _, a := range addrs {
		if len(a) == 0 || len(a) > MaxAddr {
			return fmt.Errorf("decode %s: an address of %d bytes", in, len(a))
		}
	}
	return nil
}

func (f *receiptFrame) decode() (Message, error) {
	if len(f.SID) != 16 || len(f.Chains) > MaxChains || !f.Full && len(f.Chains) == 0 {
		return nil, fmt.Errorf("decode receipt: a session id of %d bytes, %d chains", len(f.SID), len(f.Chains))
	}
	for i, c := range f.Chains {
		if c.Epoch == 0 || i > 0 && c.Epoch <= f.Chains[i-1].Epoch {
			return nil, errors.New("decode receipt: chains that are not in order")
		}
		if n := len(c.Map); n > MaxMap || n > 0 && c.Map[n-1] == 0 {
			return nil, fmt.Errorf("decode receipt: a map of %d bytes", n)
		}
	}
	return Receipt{[16]byte(f.SID), f.Full, f.Chains}, nil
}
