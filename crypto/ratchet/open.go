package ratchet

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"dione/crypto/parcel"
)

// inChain is a chain that we read.
type inChain struct {
	epoch  uint32   // 0: none yet
	high   uint32   // one past the newest index received; the length of a closed chain
	header [32]byte // key of its headers
	chain  [32]byte // message chain at high; of the open chain only
	ahead  window   // what may come from high on; of the open chain only
	holes  []hole   // indices below high that did not come, ascending
}

// hole is a message that did not come yet, and all that is needed for it.
type hole struct {
	place
	n   uint32
	day uint32 // when it was found missing
	key [32]byte
}

// first is the first index that did not come.
func (c *inChain) first() uint32 {
	if len(c.holes) > 0 {
		return c.holes[0].n
	}
	return c.high
}

// Opened is what was in a package. It hides itself from fmt.
type Opened struct {
	Index
	Body [parcel.BodySize]byte
	Seed parcel.Seed // signs its tombstone
}

// Format shows where a message stood, and nothing of it.
func (o Opened) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, fmt.Sprintf("[message %d of chain %d]", o.N, o.Epoch))
}

// Open takes a package that lay at the address that begins with hint. A zero
// hint says that it came over a link of the other side, so from no address;
// then none is computed. day, counted from 1970, is noted for messages that are
// found missing. The errors are [ErrUnknown], [ErrDuplicate], [ErrLimit] and
// [ErrForged].
func (s *Session) Open(hint [8]byte, core *parcel.Core, day uint32) (Opened, error) {
	if s.in.epoch != 0 {
		if h, ok := openHeader(core, s.in.header); ok {
			return s.openIn(hint, core, h, day)
		}
	}
	if !s.turn() {
		if h, ok := openHeader(core, s.ahead[0].header); ok {
			return s.openNext(hint, core, h, day)
		}
	}
	for i := range s.closed {
		if h, ok := openHeader(core, s.closed[i].header); ok {
			return s.openHole(hint, core, &s.closed[i], h.n)
		}
	}
	return Opened{}, ErrUnknown
}

// openIn takes a package of the chain that is read now.
func (s *Session) openIn(hint [8]byte, core *parcel.Core, h header, day uint32) (Opened, error) {
	if h.n < s.in.high {
		return s.openHole(hint, core, &s.in, h.n)
	}
	if h.n == maxIndex || h.n-s.in.first() > MaxSkip || s.holes()+uint64(h.n-s.in.high) > MaxHoles {
		return Opened{}, ErrLimit
	}
	c, opened, err := s.advance(s.in, hint, core, h.n, day)
	if err != nil {
		return Opened{}, err
	}
	s.in = c
	return opened, nil
}

// openNext takes the first package that comes of the next chain: the other
// side's step of the root. The chain before it is closed.
func (s *Session) openNext(hint [8]byte, core *parcel.Core, h header, day uint32) (Opened, error) {
	old := s.in
	if h.pn < old.high || old.epoch == 0 && h.pn != 0 {
		return Opened{}, fmt.Errorf("%w: length of the chain before", ErrForged)
	}
	missing := h.pn - old.high
	switch {
	case h.n > MaxSkip, h.pn-old.first() > MaxSkip, s.epoch == maxIndex,
		s.holes()+uint64(missing)+uint64(h.n) > MaxHoles,
		len(s.closed) >= MaxChains && h.pn > old.first():
		return Opened{}, ErrLimit
	}
	shared, err := s.own.exchange(h.dh)
	if err != nil {
		return Opened{}, fmt.Errorf("%w: %w", ErrForged, err)
	}
	root, chain, ahead := s.rootStep(shared)
	c := inChain{epoch: s.epoch + 1, header: s.ahead[0].header, chain: chain, ahead: s.next}
	c, opened, err := s.advance(c, hint, core, h.n, day)
	if err != nil {
		return Opened{}, err
	}
	old.close(missing, day)
	if len(old.holes) > 0 {
		s.closed = append(s.closed, old)
	}
	s.in, s.next = c, window{}
	s.epoch, s.root, s.ahead = c.epoch, root, ahead
	s.own, s.theirs = nil, &h.dh
	s.out = outChain{epoch: s.out.epoch, n: s.out.n} // no more is written in it
	return opened, nil
}

// advance reads index n ≥ c.high in a copy of c.
func (s *Session) advance(c inChain, hint [8]byte, core *parcel.Core, n, day uint32) (inChain, Opened, error) {
	skipped := int(n - c.high)
	var few [4][32]byte
	keys, key := few[:0], [32]byte{}
	for range skipped {
		c.chain, key = stepMessage(c.chain)
		keys = append(keys, key)
	}
	c.chain, key = stepMessage(c.chain)
	body, ok := openBody(core, s.ad, key)
	if !ok {
		return c, Opened{}, fmt.Errorf("%w: body", ErrForged)
	}
	c.ahead.fill(skipped + 1)
	here := c.ahead.places[skipped]
	if !here.fits(hint) {
		return c, Opened{}, fmt.Errorf("%w: address", ErrForged)
	}
	// Nothing fails from here on: what c shares with the session may change.
	c.miss(keys, day)
	c.ahead.drop(1)
	c.high++
	return c, Opened{Index{c.epoch, n}, body, here.seed}, nil
}

// miss notes that the next messages, whose keys are given, did not come.
func (c *inChain) miss(keys [][32]byte, day uint32) {
	if len(keys) == 0 {
		return
	}
	for i, key := range keys {
		c.holes = append(c.holes, hole{c.ahead.places[i], c.high + uint32(i), day, key})
	}
	c.ahead.drop(len(keys))
	c.high += uint32(len(keys))
}

// close ends a chain of which missing more messages exist.
func (c *inChain) close(missing, day uint32) {
	keys := make([][32]byte, missing)
	for i := range keys {
		c.chain, keys[i] = stepMessage(c.chain)
	}
	c.ahead.fill(len(keys))
	c.miss(keys, day)
	c.chain, c.ahead = [32]byte{}, window{}
}

// openHole takes a package that was missing.
func (s *Session) openHole(hint [8]byte, core *parcel.Core, c *inChain, n uint32) (Opened, error) {
	i, found := slices.BinarySearchFunc(c.holes, n, func(h hole, n uint32) int { return cmp.Compare(h.n, n) })
	switch {
	case n >= c.high:
		return Opened{}, fmt.Errorf("%w: beyond the end of its chain", ErrForged)
	case !found:
		return Opened{}, ErrDuplicate
	}
	h := c.holes[i]
	body, ok := openBody(core, s.ad, h.key)
	if !ok || !h.fits(hint) {
		return Opened{}, fmt.Errorf("%w: body or address", ErrForged)
	}
	opened := Opened{Index{c.epoch, n}, body, h.seed}
	c.holes = slices.Delete(c.holes, i, i+1) // it wipes what it moves away from
	s.dropComplete()
	return opened, nil
}

// dropComplete forgets closed chains of which nothing is missing.
func (s *Session) dropComplete() {
	s.closed = slices.DeleteFunc(s.closed, func(c inChain) bool { return len(c.holes) == 0 })
}

// holes counts what is missing.
func (s *Session) holes() uint64 {
	n := len(s.in.holes)
	for i := range s.closed {
		n += len(s.closed[i].holes)
	}
	return uint64(n)
}

// Expire stops waiting for what has been missing for more than [HoleDays] on
// the given day, and returns how many messages that are. From then on they
// count as received: the other side has given them up before.
func (s *Session) Expire(day uint32) (lost int) {
	for _, c := range s.chains() {
		n := len(c.holes)
		c.holes = slices.DeleteFunc(c.holes, func(h hole) bool { return uint64(h.day)+HoleDays < uint64(day) })
		lost += n - len(c.holes)
	}
	s.dropComplete()
	return lost
}

// chains returns the chains that we read or wait for, ascending.
func (s *Session) chains() []*inChain {
	all := make([]*inChain, 0, len(s.closed)+1)
	for i := range s.closed {
		all = append(all, &s.closed[i])
	}
	if s.in.epoch != 0 {
		all = append(all, &s.in)
	}
	return all
}
