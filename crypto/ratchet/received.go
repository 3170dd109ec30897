package ratchet

import "math/bits"

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
// names. An older one that it does not name is complete, which only the whole
// statement says.
func (s *Session) ReceivedIn(epoch uint32) (Chain, bool) {
	for _, c := range s.chains() {
		if c.epoch == epoch {
			return c.received(), true
		}
	}
	return Chain{}, false
}

// received tells what has come of c. The limits keep its map short: at most
// [MaxSkip] bits.
func (c *inChain) received() Chain {
	said := Chain{Epoch: c.epoch, Contiguous: c.first()}
	if len(c.holes) == 0 {
		return said
	}
	m := make(bitmap, (c.high-said.Contiguous-1+7)/8)
	for n := said.Contiguous + 1; n < c.high; n++ {
		m.set(n - said.Contiguous - 1)
	}
	for _, h := range c.holes[1:] {
		m.clear(h.n - said.Contiguous - 1)
	}
	said.Map = m.trim()
	return said
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
