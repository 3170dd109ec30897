package ratchet

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// sentChain is what is known of an own chain: how long it is, and which of it
// the other side has acknowledged. A chain is forgotten when all of it is, and
// something in a newer one.
type sentChain struct {
	epoch      uint32
	n          uint32 // messages sealed in it
	contiguous uint32 // all below are acknowledged
	acked      bitmap // contiguous+1+i is, for bit i
}

// count is how many are acknowledged.
func (c *sentChain) count() uint32 {
	sum := int(c.contiguous)
	for _, b := range c.acked {
		sum += bits.OnesCount8(b)
	}
	return uint32(sum)
}

// room is how many more may be sealed: no more may be unacknowledged than
// allowed, nor lie farther apart than the other side lets messages be skipped.
func (c *sentChain) room() int {
	return min(MaxUnacked-int(c.n-c.count()), MaxSkip-int(c.n-c.contiguous), int(maxIndex-c.n))
}

// has reports whether index n is acknowledged.
func (c *sentChain) has(n uint32) bool {
	return n < c.contiguous || n > c.contiguous && c.acked.has(n-c.contiguous-1)
}

// has reports whether index n has come.
func (c Chain) has(n uint32) bool {
	return n < c.Contiguous || n > c.Contiguous && bitmap(c.Map).has(n-c.Contiguous-1)
}

// end is one past the highest index that has come.
func (c Chain) end() uint64 {
	if l := bitmap(c.Map).len(); l > 0 {
		return uint64(c.Contiguous) + 1 + uint64(l)
	}
	return uint64(c.Contiguous)
}

// Acknowledged takes what the other side says has come, chains in ascending
// order, and returns what is acknowledged by it for the first time. If full,
// it is the whole of what [Session.Received] returns there. The errors are
// [ErrAhead], and, if full, [ErrBehind].
func (s *Session) Acknowledged(chains []Chain, full bool) ([]Index, error) {
	for i, said := range chains {
		if i > 0 && said.Epoch <= chains[i-1].Epoch {
			return nil, errors.New("acknowledged chains that are not in order")
		}
		if err := s.checkChain(said, full && i < len(chains)-1); err != nil {
			return nil, err
		}
	}
	unacked := slices.Clone(s.unacked)
	var news []Index
	for i := range unacked {
		c := &unacked[i]
		j, named := slices.BinarySearchFunc(chains, c.epoch, func(c Chain, epoch uint32) int { return cmp.Compare(c.Epoch, epoch) })
		var said Chain
		switch {
		case named:
			said = chains[j]
		case full && j < len(chains): // older than the newest, and nothing is missing
			said = Chain{Epoch: c.epoch, Contiguous: c.n}
		case full:
			said = Chain{Epoch: c.epoch} // not begun yet
		default:
			continue
		}
		fresh, err := c.merge(said, full)
		if err != nil {
			return nil, err
		}
		news = append(news, fresh...)
	}
	s.unacked = unacked
	s.dropAcked()
	return news, nil
}

// Receipt takes the proof that one of our packages has come: the tombstone in
// its place. It reports whether that is new. The error is [ErrAhead].
func (s *Session) Receipt(at Index) (bool, error) {
	if at.Epoch > s.out.epoch {
		return false, fmt.Errorf("%w: chain %d", ErrAhead, at.Epoch)
	}
	i := slices.IndexFunc(s.unacked, func(c sentChain) bool { return c.epoch == at.Epoch })
	if i < 0 {
		return false, nil // all of the chain is acknowledged
	}
	c := &s.unacked[i]
	said := Chain{Epoch: at.Epoch, Contiguous: c.contiguous}
	switch {
	case at.N >= c.n:
		return false, fmt.Errorf("%w: message %d of chain %d", ErrAhead, at.N, at.Epoch)
	case at.N == c.contiguous:
		said.Contiguous++
	case at.N > c.contiguous:
		m := make(bitmap, (at.N-c.contiguous-1)/8+1)
		m.set(at.N - c.contiguous - 1)
		said.Map = m
	}
	news, err := s.Acknowledged([]Chain{said}, false)
	return len(news) > 0, err
}

// checkChain refuses what cannot be said of our chains. A chain with holes
// that we have forgotten was acknowledged as a whole before.
func (s *Session) checkChain(said Chain, holes bool) error {
	if said.Epoch == 0 || (said.Epoch%2 == 1) != s.initiator {
		return errors.New("acknowledgement of a chain that is not ours")
	}
	if said.Epoch > s.out.epoch {
		return fmt.Errorf("%w: chain %d", ErrAhead, said.Epoch)
	}
	for i := range s.unacked {
		if c := &s.unacked[i]; c.epoch == said.Epoch {
			if said.end() > uint64(c.n) {
				return fmt.Errorf("%w: message %d of chain %d", ErrAhead, said.end()-1, said.Epoch)
			}
			return nil
		}
	}
	if holes {
		return fmt.Errorf("%w: chain %d", ErrBehind, said.Epoch)
	}
	return nil
}

// merge adds what is said to what is known, and returns what is new of it.
func (c *sentChain) merge(said Chain, full bool) (news []Index, err error) {
	for n := c.contiguous; n < c.n; n++ {
		switch was, is := c.has(n), said.has(n); {
		case is && !was:
			news = append(news, Index{c.epoch, n})
		case was && !is && full:
			return nil, fmt.Errorf("%w: message %d of chain %d", ErrBehind, n, c.epoch)
		}
	}
	if full && said.Contiguous < c.contiguous {
		return nil, fmt.Errorf("%w: chain %d", ErrBehind, c.epoch)
	}
	if len(news) == 0 {
		return nil, nil
	}
	next := sentChain{epoch: c.epoch, n: c.n, contiguous: c.contiguous}
	is := func(n uint32) bool { return c.has(n) || said.has(n) }
	for next.contiguous < c.n && is(next.contiguous) {
		next.contiguous++
	}
	if next.contiguous+1 < c.n {
		m := make(bitmap, (c.n-next.contiguous-1+7)/8)
		for n := next.contiguous + 1; n < c.n; n++ {
			if is(n) {
				m.set(n - next.contiguous - 1)
			}
		}
		next.acked = m.trim()
	}
	*c = next
	return news, nil
}

// dropAcked forgets chains of which nothing can be said any more.
func (s *Session) dropAcked() {
	begun := -1 // the newest chain in which something is acknowledged
	for i := range s.unacked {
		if s.unacked[i].count() > 0 {
			begun = i
		}
	}
	i := -1
	s.unacked = slices.DeleteFunc(slices.Clone(s.unacked), func(c sentChain) bool {
		i++
		return i < begun && c.count() == c.n
	})
}
