package ratchet

import (
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
	outSize   = 4 + 3*32               // length of the chain before ‖ chain key ‖ header key ‖ address chain

	// maxState is a session with everything that its limits allow.
	maxState = 8192 + MaxHoles*holeSize + 2*MaxChains*256
)

type state struct {
	Version   uint64      `cbor:"1,keyasint"`
	Initiator bool        `cbor:"2,keyasint"`
	AD        [32]byte    `cbor:"3,keyasint"`
	Root      [32]byte    `cbor:"4,keyasint"`
	Ahead     []byte      `cbor:"5,keyasint"`           // header ‖ address key, twice
	Theirs    []byte      `cbor:"6,keyasint,omitempty"` // on our turn
	Own       []byte      `cbor:"7,keyasint,omitempty"` // while we wait: private ‖ public
	Out       []byte      `cbor:"8,keyasint,omitempty"` // while we wait, but for a responder's beginning
	Next      []byte      `cbor:"9,keyasint,omitempty"` // while we wait
	Sent      []sentState `cbor:"10,keyasint,omitempty"`
	Chains    []inState   `cbor:"11,keyasint,omitempty"` // closed ones, then the newest
}

type sentState struct {
	Epoch      uint32 `cbor:"1,keyasint"`
	N          uint32 `cbor:"2,keyasint"`
	Contiguous uint32 `cbor:"3,keyasint,omitempty"`
	Acked      []byte `cbor:"4,keyasint,omitempty"`
}

type inState struct {
	Epoch  uint32   `cbor:"1,keyasint"`
	High   uint32   `cbor:"2,keyasint"`
	Header [32]byte `cbor:"3,keyasint"`
	Chain  []byte   `cbor:"4,keyasint,omitempty"`
	Ahead  []byte   `cbor:"5,keyasint,omitempty"`
	Holes  []byte   `cbor:"6,keyasint,omitempty"`
}

// Encode returns the session for the store. It is as secret as the messages.
func (s *Session) Encode() []byte {
	st := state{Version: stateVersion, Initiator: s.initiator, AD: s.ad, Root: s.root}
	for _, k := range s.ahead {
		st.Ahead = append(append(st.Ahead, k.header[:]...), k.address[:]...)
	}
	if s.turn() {
		st.Theirs = s.theirs[:]
	} else {
		st.Own = slices.Concat(s.own.private[:], s.own.public[:])
		st.Next = packWindow(s.next)
		if o := s.out; o.epoch != 0 {
			st.Out = binary.BigEndian.AppendUint32(make([]byte, 0, outSize), o.prev)
			st.Out = append(append(append(st.Out, o.chain[:]...), o.header[:]...), o.addr[:]...)
		}
	}
	for _, c := range s.unacked {
		st.Sent = append(st.Sent, sentState{c.epoch, c.n, c.contiguous, c.acked})
	}
	for _, c := range s.chains() {
		in := inState{Epoch: c.epoch, High: c.high, Header: c.header, Holes: packHoles(c.holes)}
		if c == &s.in {
			in.Chain, in.Ahead = c.chain[:], packWindow(c.ahead)
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
	b := make([]byte, 0, 32+len(w.places)*placeSize)
	b = append(b, w.addr[:]...)
	for _, p := range w.places {
		b = append(append(b, p.seed[:]...), p.address[:]...)
	}
	return b
}

func unpackWindow(b []byte) (w window, err error) {
	if n := len(b) - 32; n < 0 || n%placeSize != 0 || n > Window*placeSize {
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
		b = append(append(append(b, h.key[:]...), h.seed[:]...), h.address[:]...)
	}
	return b
}

func unpackHoles(b []byte, high uint32) (holes []hole, err error) {
	if len(b)%holeSize != 0 {
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
	s := &Session{initiator: st.Initiator, ad: st.AD, root: st.Root}
	if len(st.Ahead) != 4*32 {
		return nil, fmt.Errorf("%d bytes of keys", len(st.Ahead))
	}
	for i := range s.ahead {
		s.ahead[i] = keys{[32]byte(st.Ahead[64*i:]), [32]byte(st.Ahead[64*i+32:])}
	}
	if err := s.decodeSent(st.Sent); err != nil {
		return nil, err
	}
	if err := s.decodeChains(st.Chains); err != nil {
		return nil, err
	}
	out, in := s.out.epoch, s.in.epoch
	s.epoch = max(out, in)
	if s.epoch > 0 && min(out, in) != s.epoch-1 {
		return nil, fmt.Errorf("our chain %d does not fit to theirs, %d", out, in)
	}
	return s, s.decodeTurn(&st)
}

// decodeTurn reads what depends on whose turn it is.
func (s *Session) decodeTurn(st *state) (err error) {
	if s.turn() {
		if len(st.Theirs) != 32 || len(st.Own)+len(st.Out)+len(st.Next) > 0 {
			return errors.New("other keys than on our turn")
		}
		s.theirs = (*[32]byte)(st.Theirs)
		return nil
	}
	if len(st.Theirs) > 0 || len(st.Own) != 64 || s.out.epoch > 0 && len(st.Out) != outSize || s.out.epoch == 0 && len(st.Out) > 0 {
		return errors.New("other keys than while we wait")
	}
	s.own = &dhKey{private: [32]byte(st.Own), public: [32]byte(st.Own[32:])}
	if b := st.Out; len(b) > 0 {
		s.out.prev = binary.BigEndian.Uint32(b)
		s.out.chain, s.out.header, s.out.addr = [32]byte(b[4:]), [32]byte(b[36:]), [32]byte(b[68:])
	}
	s.next, err = unpackWindow(st.Next)
	return err
}

// decodeSent reads what is known of our own chains.
func (s *Session) decodeSent(chains []sentState) error {
	if len(chains) > MaxChains {
		return fmt.Errorf("%d own chains", len(chains))
	}
	for i, in := range chains {
		c := sentChain{in.Epoch, in.N, in.Contiguous, in.Acked}
		switch {
		case c.epoch == 0 || (c.epoch%2 == 1) != s.initiator || i > 0 && c.epoch <= chains[i-1].Epoch:
			return errors.New("own chains that are not in order")
		case c.n == 0, c.contiguous > c.n, c.n-c.contiguous > MaxSkip, len(c.acked) > MaxSkip/8:
			return fmt.Errorf("length of own chain %d", c.epoch)
		case len(c.acked) > 0 && (c.acked[len(c.acked)-1] == 0 || uint64(c.contiguous)+1+uint64(c.acked.len()) > uint64(c.n)):
			return fmt.Errorf("acknowledgements of own chain %d", c.epoch)
		}
		s.unacked = append(s.unacked, c)
		s.out.epoch, s.out.n = c.epoch, c.n
	}
	return nil
}

// decodeChains reads the chains of the other side.
func (s *Session) decodeChains(chains []inState) error {
	if len(chains) > MaxChains+1 {
		return fmt.Errorf("%d chains", len(chains))
	}
	for i, in := range chains {
		newest := i == len(chains)-1
		c := inChain{epoch: in.Epoch, high: in.High, header: in.Header}
		var err error
		if c.holes, err = unpackHoles(in.Holes, in.High); err != nil {
			return err
		}
		switch {
		case c.epoch == 0 || (c.epoch%2 == 1) == s.initiator || i > 0 && c.epoch <= chains[i-1].Epoch:
			return errors.New("chains that are not in order")
		case c.high-c.first() > MaxSkip+1, newest && c.high == 0, !newest && len(c.holes) == 0:
			return fmt.Errorf("length of chain %d", c.epoch)
		case newest && len(in.Chain) != 32, !newest && len(in.Chain)+len(in.Ahead) > 0:
			return fmt.Errorf("keys of chain %d", c.epoch)
		case !newest:
			s.closed = append(s.closed, c)
			continue
		}
		c.chain = [32]byte(in.Chain)
		if c.ahead, err = unpackWindow(in.Ahead); err != nil {
			return err
		}
		s.in = c
	}
	if n := s.holes(); n > MaxHoles {
		return fmt.Errorf("%d messages are missing", n)
	}
	return nil
}
