package ratchet

import (
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"dione/crypto/cborx"
	"dione/crypto/parcel"
)

// This file holds the encoding of a session for the store: canonical CBOR with
// a version. Rows of fixed length are packed into byte strings.

const (
	stateVersion = 1

	placeSize = 32 + 32                // seed ‖ address
	holeSize  = 4 + 4 + 32 + placeSize // n ‖ day ‖ message key ‖ place

	// maxState is a session with everything that its limits allow.
	maxState = 4096 + MaxHoles*holeSize + 2*MaxChains*256
)

type state struct {
	Version   uint64      `cbor:"1,keyasint"`
	Initiator bool        `cbor:"2,keyasint"`
	AD        [32]byte    `cbor:"3,keyasint"`
	Root      [32]byte    `cbor:"4,keyasint"`
	Epoch     uint32      `cbor:"5,keyasint"`
	Own       []byte      `cbor:"6,keyasint,omitempty"`
	Theirs    []byte      `cbor:"7,keyasint,omitempty"`
	Ahead     []byte      `cbor:"8,keyasint"`           // header ‖ address key, twice
	Out       []byte      `cbor:"9,keyasint,omitempty"` // epoch ‖ n ‖ chain ‖ header ‖ address key
	Prev      uint32      `cbor:"10,keyasint,omitempty"`
	Unacked   []sentState `cbor:"11,keyasint,omitempty"`
	Chains    []inState   `cbor:"12,keyasint,omitempty"` // closed ones, then the newest
	Next      []byte      `cbor:"13,keyasint,omitempty"`
}

type sentState struct {
	Epoch      uint32 `cbor:"1,keyasint"`
	N          uint32 `cbor:"2,keyasint"`
	Contiguous uint32 `cbor:"3,keyasint,omitempty"`
	Acked      []byte `cbor:"4,keyasint,omitempty"`
}

type inState struct {
	Epoch  uint32 `cbor:"1,keyasint"`
	High   uint32 `cbor:"2,keyasint"`
	Header []byte `cbor:"3,keyasint"`
	Chain  []byte `cbor:"4,keyasint,omitempty"`
	Ahead  []byte `cbor:"5,keyasint,omitempty"`
	Holes  []byte `cbor:"6,keyasint,omitempty"`
}

// Encode returns the session for the store. It is as secret as the messages.
func (s *Session) Encode() []byte {
	st := state{
		Version:   stateVersion,
		Initiator: s.initiator,
		AD:        s.ad,
		Root:      s.root,
		Epoch:     s.epoch,
		Prev:      s.prev,
		Next:      packWindow(s.next),
	}
	for _, k := range s.ahead {
		st.Ahead = append(append(st.Ahead, k.header[:]...), k.address[:]...)
	}
	if s.own != nil {
		st.Own = s.own.Bytes()
	}
	if s.theirs != nil {
		st.Theirs = s.theirs.Bytes()
	}
	if o := s.out; o.epoch != 0 {
		st.Out = binary.BigEndian.AppendUint32(st.Out, o.epoch)
		st.Out = binary.BigEndian.AppendUint32(st.Out, o.n)
		st.Out = slices.Concat(st.Out, o.chain[:], o.header[:], o.addr[:])
	}
	for _, c := range s.unacked {
		st.Unacked = append(st.Unacked, sentState{c.epoch, c.n, c.contiguous, c.acked})
	}
	for _, c := range s.chains() {
		in := inState{Epoch: c.epoch, High: c.high, Header: c.header[:], Ahead: packWindow(c.ahead), Holes: packHoles(c.holes)}
		if c == &s.in {
			in.Chain = c.chain[:]
		}
		st.Chains = append(st.Chains, in)
	}
	b, err := cborx.Marshal(&st)
	if err != nil {
		panic("ratchet: encode: " + err.Error()) // bytes and numbers
	}
	return b
}

func packWindow(w window) []byte {
	if w.places == nil {
		return nil
	}
	b := make([]byte, 0, 32+len(w.places)*placeSize)
	b = append(b, w.addr[:]...)
	for _, p := range w.places {
		b = append(append(b, p.seed[:]...), p.address[:]...)
	}
	return b
}

func unpackWindow(b []byte) (w window, err error) {
	if len(b) != 32+Window*placeSize {
		return w, fmt.Errorf("a window of %d bytes", len(b))
	}
	w.addr = [32]byte(b)
	for b = b[32:]; len(b) > 0; b = b[placeSize:] {
		w.places = append(w.places, place{parcel.Seed(b[:32]), parcel.Address(b[32:placeSize])})
	}
	return w, nil
}

func packHoles(holes []hole) []byte {
	b := make([]byte, 0, len(holes)*holeSize)
	for _, h := range holes {
		b = binary.BigEndian.AppendUint32(b, h.n)
		b = binary.BigEndian.AppendUint32(b, h.day)
		b = slices.Concat(b, h.key[:], h.seed[:], h.address[:])
	}
	return b
}

func unpackHoles(b []byte, high uint32) (holes []hole, err error) {
	if len(b)%holeSize != 0 || len(b) > MaxSkip*holeSize {
		return nil, fmt.Errorf("%d bytes of holes", len(b))
	}
	for ; len(b) > 0; b = b[holeSize:] {
		h := hole{n: binary.BigEndian.Uint32(b), day: binary.BigEndian.Uint32(b[4:])}
		h.key = [32]byte(b[8:])
		h.seed, h.address = parcel.Seed(b[40:72]), parcel.Address(b[72:holeSize])
		if h.n >= high || len(holes) > 0 && h.n <= holes[len(holes)-1].n {
			return nil, errors.New("holes that are not in order")
		}
		holes = append(holes, h)
	}
	return holes, nil
}

// Decode reads what [Session.Encode] has made.
func Decode(b []byte) (*Session, error) {
	s, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("decode session: %w", err)
	}
	return s, nil
}

func decode(b []byte) (*Session, error) {
	var st state
	if err := cborx.Unmarshal(b, &st, maxState); err != nil {
		return nil, err
	}
	if st.Version != stateVersion {
		return nil, fmt.Errorf("version %d is unknown", st.Version)
	}
	s := &Session{initiator: st.Initiator, ad: st.AD, root: st.Root, epoch: st.Epoch, prev: st.Prev}
	if len(st.Ahead) != 4*32 {
		return nil, fmt.Errorf("%d bytes of keys", len(st.Ahead))
	}
	for i := range s.ahead {
		s.ahead[i] = keys{[32]byte(st.Ahead[64*i:]), [32]byte(st.Ahead[64*i+32:])}
	}
	var err error
	if st.Own != nil {
		if s.own, err = ecdh.X25519().NewPrivateKey(st.Own); err != nil {
			return nil, err
		}
	}
	if st.Theirs != nil {
		if s.theirs, err = ecdh.X25519().NewPublicKey(st.Theirs); err != nil {
			return nil, err
		}
	}
	if st.Next != nil {
		if s.next, err = unpackWindow(st.Next); err != nil {
			return nil, err
		}
	}
	if err := s.decodeOut(&st); err != nil {
		return nil, err
	}
	if err := s.decodeIn(&st); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (s *Session) decodeOut(st *state) error {
	if st.Out != nil {
		if len(st.Out) != 8+3*32 {
			return fmt.Errorf("an own chain of %d bytes", len(st.Out))
		}
		s.out = outChain{
			epoch:  binary.BigEndian.Uint32(st.Out),
			n:      binary.BigEndian.Uint32(st.Out[4:]),
			chain:  [32]byte(st.Out[8:]),
			header: [32]byte(st.Out[40:]),
			addr:   [32]byte(st.Out[72:]),
		}
	}
	if len(st.Unacked) > MaxChains {
		return fmt.Errorf("%d own chains", len(st.Unacked))
	}
	for i, c := range st.Unacked {
		m := bitmap(c.Acked)
		switch {
		case i > 0 && c.Epoch <= st.Unacked[i-1].Epoch, c.Epoch == 0 || (c.Epoch%2 == 1) != s.initiator:
			return errors.New("own chains that are not in order")
		case c.Contiguous > c.N, len(m) > MaxSkip/8, len(m) > 0 && (m[len(m)-1] == 0 || uint64(c.Contiguous)+1+uint64(m.len()) > uint64(c.N)):
			return fmt.Errorf("acknowledgements of own chain %d", c.Epoch)
		}
		s.unacked = append(s.unacked, sentChain{c.Epoch, c.N, c.Contiguous, m})
	}
	return nil
}

func (s *Session) decodeIn(st *state) error {
	if len(st.Chains) > MaxChains+1 {
		return fmt.Errorf("%d chains", len(st.Chains))
	}
	for i, in := range st.Chains {
		last := i == len(st.Chains)-1
		switch {
		case len(in.Header) != 32, in.Epoch == 0 || (in.Epoch%2 == 1) == s.initiator, i > 0 && in.Epoch <= st.Chains[i-1].Epoch:
			return errors.New("chains that are not in order")
		case last != (len(in.Chain) == 32), last != (in.Ahead != nil), !last && len(in.Holes) == 0:
			return fmt.Errorf("chain %d is neither open nor closed", in.Epoch)
		}
		c := inChain{epoch: in.Epoch, high: in.High, header: [32]byte(in.Header)}
		var err error
		if c.holes, err = unpackHoles(in.Holes, in.High); err != nil {
			return err
		}
		if !last {
			s.closed = append(s.closed, c)
			continue
		}
		c.chain = [32]byte(in.Chain)
		if c.ahead, err = unpackWindow(in.Ahead); err != nil {
			return err
		}
		s.in = c
	}
	return nil
}

// check finds states in which no session can be.
func (s *Session) check() error {
	newest := max(s.out.epoch, s.in.epoch)
	mine := s.out.epoch == s.epoch && s.epoch > 0
	holes := 0
	for _, c := range s.chains() {
		holes += len(c.holes)
	}
	switch {
	case newest != s.epoch, s.out.epoch != 0 && (s.out.epoch%2 == 1) != s.initiator:
		return errors.New("chains of other epochs")
	case s.out.epoch != 0 && (len(s.unacked) == 0 || s.unacked[len(s.unacked)-1].epoch != s.out.epoch || s.unacked[len(s.unacked)-1].n != s.out.n):
		return errors.New("own chain without acknowledgements")
	case s.out.epoch == 0 && len(s.unacked) > 0:
		return errors.New("acknowledgements without an own chain")
	case s.own == nil && (s.out.epoch != 0 || !s.initiator && s.epoch == 0), s.theirs == nil && (s.initiator || s.epoch > 0):
		return errors.New("no ratchet key")
	case (s.next.places != nil) != (mine || !s.initiator && s.epoch == 0):
		return errors.New("a next chain that cannot be")
	case holes > MaxHoles:
		return fmt.Errorf("%d holes", holes)
	}
	return nil
}
