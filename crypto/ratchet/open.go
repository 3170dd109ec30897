package ratchet

import (
	"crypto/ecdh"
	"fmt"
	"math/bits"
	"slices"

	"dione/crypto/parcel"
)

// inChain is a chain that we read.
type inChain struct {
	epoch  uint32   // 0: none yet
	high   uint32   // one past the newest index received; the length of a closed chain
	header [32]byte // key of its headers
	chain  [32]byte // message chain at high; of an open chain only
	ahead  window   // what is watched from high on; of an open chain only
	holes  []hole   // indices below high that did not come, ascending
}

// window is a row of addresses that follow each other: watched from is the
// index of the first.
type window struct {
	places []place  // nil: nothing is watched
	addr   [32]byte // address chain behind the last one
}

// place is where a package is expected.
type place struct {
	seed    parcel.Seed
	address parcel.Address
}

// hole is a message that did not come yet, and all that is needed for it.
type hole struct {
	place
	n   uint32
	day uint32 // when it was found missing
	key [32]byte
}

// newWindow derives the first places of an address chain.
func newWindow(addr [32]byte) window {
	w := window{addr: addr}
	for range Window {
		w.places = append(w.places, w.derive())
	}
	return w
}

// derive returns the place behind the last one.
func (w *window) derive() (p place) {
	w.addr, p.seed = stepAddress(w.addr)
	p.address = p.seed.Address()
	return p
}

// skip takes n places off a copy of w, and returns them and what is left.
func (w window) skip(n int) ([]place, window) {
	places := slices.Clone(w.places)
	for len(places) < n+Window {
		places = append(places, w.derive())
	}
	return places[:n], window{places: places[n:], addr: w.addr}
}

// watchNext returns the places of the next chain of the other side.
func (s *Session) watchNext() window { return newWindow(s.ahead[0].address) }

// Opened is what was in a package.
type Opened struct {
	Index
	Body [parcel.BodySize]byte
	Seed parcel.Seed // signs its tombstone
}

// Open takes a package that lies at, or came for, the address that begins with
// hint. day, counted from 1970, is noted for messages that are found missing.
// The errors are [ErrUnknown], [ErrDuplicate], [ErrLimit] and [ErrForged].
func (s *Session) Open(hint [8]byte, core *parcel.Core, day uint32) (Opened, error) {
	if s.in.epoch != 0 {
		if h, ok := openHeader(core, s.in.header); ok {
			return s.openIn(hint, core, h, day)
		}
	}
	if s.next.places != nil {
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
	if err := s.checkSkip(len(s.in.holes), h.n-s.in.high, 0); err != nil {
		return Opened{}, err
	}
	c, opened, err := s.advance(s.in, hint, core, h.n, day)
	if err != nil {
		return Opened{}, err
	}
	s.in = c
	return opened, nil
}

// checkSkip refuses a package that would leave more missing than is allowed:
// skipped in a chain that misses so many already, more in another one.
func (s *Session) checkSkip(holes int, skipped, more uint32) error {
	total := uint64(skipped) + uint64(more) + uint64(len(s.in.holes))
	for i := range s.closed {
		total += uint64(len(s.closed[i].holes))
	}
	if uint64(holes)+uint64(skipped) > MaxSkip || more > MaxSkip || total > MaxHoles {
		return ErrLimit
	}
	return nil
}

// advance reads index n ≥ c.high in a copy of c.
func (s *Session) advance(c inChain, hint [8]byte, core *parcel.Core, n, day uint32) (inChain, Opened, error) {
	skipped := n - c.high
	keys := make([][32]byte, skipped+1)
	chain := c.chain
	for i := range keys {
		chain, keys[i] = stepMessage(chain)
	}
	body, ok := s.openBody(core, keys[skipped])
	if !ok {
		return c, Opened{}, fmt.Errorf("%w: body", ErrForged)
	}
	places, ahead := c.ahead.skip(int(skipped) + 1)
	if places[skipped].address.Hint() != hint {
		return c, Opened{}, fmt.Errorf("%w: address", ErrForged)
	}
	c.holes = slices.Clone(c.holes)
	for i := range skipped {
		c.holes = append(c.holes, hole{places[i], c.high + i, day, keys[i]})
	}
	c.high, c.chain, c.ahead = n+1, chain, ahead
	return c, Opened{Index{c.epoch, n}, body, places[skipped].seed}, nil
}

// openNext takes the first package that comes of the next chain: the other
// side's step of the root. The chain before it is closed.
func (s *Session) openNext(hint [8]byte, core *parcel.Core, h header, day uint32) (Opened, error) {
	old := s.in
	if h.pn < old.high || old.epoch == 0 && h.pn != 0 {
		return Opened{}, fmt.Errorf("%w: length of the chain before", ErrForged)
	}
	missing := h.pn - old.high
	if err := s.checkSkip(0, h.n, missing); err != nil {
		return Opened{}, err
	}
	if uint64(len(old.holes))+uint64(missing) > MaxSkip || len(s.closed) >= MaxChains {
		return Opened{}, ErrLimit
	}
	theirs, err := ecdh.X25519().NewPublicKey(h.dh[:])
	if err != nil {
		return Opened{}, fmt.Errorf("%w: %w", ErrForged, err)
	}
	shared, err := s.own.ECDH(theirs)
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
	s.epoch, s.root, s.ahead, s.theirs = c.epoch, root, ahead, theirs
	if s.epoch == 1 {
		s.own = nil // the key of the set-up has served
	}
	return opened, nil
}

// close ends a chain of which missing more messages exist.
func (c *inChain) close(missing, day uint32) {
	if missing > 0 {
		c.holes = slices.Clone(c.holes)
		places, _ := c.ahead.skip(int(missing))
		for i := range missing {
			var key [32]byte
			c.chain, key = stepMessage(c.chain)
			c.holes = append(c.holes, hole{places[i], c.high + i, day, key})
		}
		c.high += missing
	}
	c.chain, c.ahead = [32]byte{}, window{}
}

// openHole takes a package that was missing.
func (s *Session) openHole(hint [8]byte, core *parcel.Core, c *inChain, n uint32) (Opened, error) {
	i, found := slices.BinarySearchFunc(c.holes, n, func(h hole, n uint32) int { return int(int64(h.n) - int64(n)) })
	switch {
	case n >= c.high:
		return Opened{}, fmt.Errorf("%w: beyond the end of its chain", ErrForged)
	case !found:
		return Opened{}, ErrDuplicate
	}
	h := c.holes[i]
	body, ok := s.openBody(core, h.key)
	if !ok || h.address.Hint() != hint {
		return Opened{}, fmt.Errorf("%w: body or address", ErrForged)
	}
	opened := Opened{Index{c.epoch, n}, body, h.seed}
	c.holes = slices.Concat(c.holes[:i], c.holes[i+1:]) // a copy: no key stays behind in the old one
	s.dropComplete()
	return opened, nil
}

// dropComplete forgets closed chains of which nothing is missing.
func (s *Session) dropComplete() {
	s.closed = slices.DeleteFunc(s.closed, func(c inChain) bool { return len(c.holes) == 0 })
}

// Expire stops waiting for what has been missing for more than [HoleDays] on
// the given day, and returns how many messages that are.
func (s *Session) Expire(day uint32) (lost int) {
	old := func(h hole) bool { return uint64(h.day)+HoleDays < uint64(day) }
	for _, c := range s.chains() {
		if n := len(c.holes); slices.ContainsFunc(c.holes, old) {
			c.holes = slices.DeleteFunc(slices.Clone(c.holes), old)
			lost += n - len(c.holes)
		}
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

// Watched is an address at which a package may lie.
type Watched struct {
	Index
	Address parcel.Address
	Seed    parcel.Seed
}

// Watch returns every address that has to be watched, and no other: what is
// missing, what may come next in the newest chain, and, if we have written
// since that began, the beginning of the next one.
func (s *Session) Watch() []Watched {
	var all []Watched
	for _, c := range s.chains() {
		for _, h := range c.holes {
			all = append(all, Watched{Index{c.epoch, h.n}, h.address, h.seed})
		}
	}
	for i, p := range s.in.ahead.places {
		all = append(all, Watched{Index{s.in.epoch, s.in.high + uint32(i)}, p.address, p.seed})
	}
	for i, p := range s.next.places {
		all = append(all, Watched{Index{s.epoch + 1, uint32(i)}, p.address, p.seed})
	}
	return all
}

// Gallop returns addresses far ahead in the newest chain, 16, 32 … 512 beyond
// its newest index, to be looked at now and then: whoever has missed more than
// a window finds the rest by them.
func (s *Session) Gallop() []Watched {
	if s.in.epoch == 0 {
		return nil
	}
	var all []Watched
	addr := s.in.ahead.addr
	for i, want := uint32(Window), uint32(16); want <= MaxUnacked; i++ {
		var seed parcel.Seed
		addr, seed = stepAddress(addr)
		if i == want {
			all = append(all, Watched{Index{s.in.epoch, s.in.high + want}, seed.Address(), seed})
			want *= 2
		}
	}
	return all
}

// Chain says what has come of one chain: every index below Contiguous, and
// Contiguous+1+i for each bit i of Map, the lowest first. Map does not end in
// a zero byte.
type Chain struct {
	Epoch, Contiguous uint32
	Map               []byte
}

// Received says what has come: of the newest chain, and of every older one
// from which something is missing, ascending. All of what is not named has
// come.
func (s *Session) Received() []Chain {
	var all []Chain
	for _, c := range s.chains() {
		all = append(all, c.received())
	}
	return all
}

// ReceivedIn says what has come of one chain, if it is one that Received
// names.
func (s *Session) ReceivedIn(epoch uint32) (Chain, bool) {
	for _, c := range s.chains() {
		if c.epoch == epoch {
			return c.received(), true
		}
	}
	return Chain{}, false
}

func (c *inChain) received() Chain {
	if len(c.holes) == 0 {
		return Chain{Epoch: c.epoch, Contiguous: c.high}
	}
	first := c.holes[0].n
	m := make(bitmap, (c.high-first-1+7)/8)
	for n := first + 1; n < c.high; n++ {
		m.set(n - first - 1)
	}
	for _, h := range c.holes[1:] {
		m.clear(h.n - first - 1)
	}
	return Chain{Epoch: c.epoch, Contiguous: first, Map: m.trim()}
}

// Precedes reports whether sent, what the other side says of its [Session.Sent],
// lies before what we have received of it: its state is an older copy.
func (s *Session) Precedes(sent Index) bool {
	return sent.Epoch < s.in.epoch || sent.Epoch == s.in.epoch && sent.N < s.in.high
}

// bitmap is a row of bits, the lowest first.
type bitmap []byte

func (m bitmap) set(i uint32)   { m[i/8] |= 1 << (i % 8) }
func (m bitmap) clear(i uint32) { m[i/8] &^= 1 << (i % 8) }
func (m bitmap) has(i uint32) bool {
	return i/8 < uint32(len(m)) && m[i/8]&(1<<(i%8)) != 0
}

// len is one past the highest bit that is set.
func (m bitmap) len() uint32 {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i] != 0 {
			return uint32(8*i + bits.Len8(m[i]))
		}
	}
	return 0
}

// trim cuts zero bytes off the end.
func (m bitmap) trim() bitmap { return m[:(m.len()+7)/8] }
