package ratchet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"dione/crypto/parcel"
)

// This file holds the world of the property tests: two people, a mailbox and a
// link, all of which lose, delay, repeat and reorder, and a store for each of
// the two, which is all that is left after a crash.

// world is one random run. It fails by panic(failure), with the seed in hand.
type world struct {
	rng    *rand.Rand
	ends   [2]*simEnd
	watch  func(*Session) []Watched
	mail   map[parcel.Address]letter
	flying []func() // puts, frames and acknowledgements under way
	live   bool     // whether links exist at all
	burst  int      // how much is written at once
	steps  int
}

// letter is a package that lies at its address.
type letter struct {
	core parcel.Core
	at   Index
}

// posted is a package, and where it belongs.
type posted struct {
	Sealed
	Address parcel.Address
}

type failure string

// simEnd is one person.
type simEnd struct {
	disk  disk
	s     *Session
	other *simEnd
	first bool // the initiator
}

// disk is what an end has committed.
type disk struct {
	state  []byte
	outbox map[Index]posted // sent and not acknowledged
	texts  map[Index]uint64 // all that was sealed
	inbox  map[Index]uint64 // all that was received
	next   uint64           // the next text
}

func (d disk) clone() disk {
	return disk{bytes.Clone(d.state), maps.Clone(d.outbox), maps.Clone(d.texts), maps.Clone(d.inbox), d.next}
}

func newWorld(t testing.TB, seed uint64, live bool) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0)), watch: (*Session).Watch, mail: make(map[parcel.Address]letter), live: live, burst: 3}
	a, b := pair(t)
	for i, s := range []*Session{a, b} {
		w.ends[i] = &simEnd{s: s, first: i == 0, disk: disk{s.Encode(), map[Index]posted{}, map[Index]uint64{}, map[Index]uint64{}, 1}}
	}
	w.ends[0].other, w.ends[1].other = w.ends[1], w.ends[0]
	return w
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) demand(ok bool, what string) {
	if !ok {
		panic(failure(what))
	}
}

// crash puts e back to its last commit, at times.
func (w *world) crash(e *simEnd, percent int) bool {
	if !w.chance(percent) {
		return false
	}
	w.restart(e)
	return true
}

func (w *world) restart(e *simEnd) {
	s, err := Decode(e.disk.state)
	w.demand(err == nil, "a committed state cannot be read")
	w.demand(bytes.Equal(s.Encode(), e.disk.state), "a committed state encodes as another")
	e.s = s
}

// randomness of one world; the session reads it as it reads crypto/rand.
func (w *world) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(w.rng.Uint32())
	}
	return len(p), nil
}

// write seals a message and puts its package.
func (w *world) write(e *simEnd) {
	err := e.s.CanSeal()
	if errors.Is(err, ErrEarly) {
		w.demand(!e.first && len(e.disk.inbox) == 0, "nothing can be sealed")
	}
	if err != nil {
		return
	}
	p, err := e.s.Seal(w, numbered(e.disk.next))
	w.demand(err == nil, "seal fails")
	if w.crash(e, 5) {
		return
	}
	_, used := e.disk.texts[p.Index]
	w.demand(!used, "an index is used twice")
	out := posted{p, p.Seed.Address()}
	e.disk.outbox[p.Index], e.disk.texts[p.Index] = out, e.disk.next
	e.disk.next++
	e.disk.state = e.s.Encode()
	if !w.crash(e, 5) {
		w.post(e, out)
	}
}

// numbered is the body of a text of which only the number counts.
func numbered(n uint64) *[parcel.BodySize]byte {
	var body [parcel.BodySize]byte
	binary.BigEndian.PutUint64(body[:], n)
	return &body
}

// post sends a package on its way, by link or to the mailbox.
func (w *world) post(e *simEnd, p posted) {
	for range 1 + w.rng.IntN(2) {
		if w.chance(30) {
			continue
		}
		if w.live && w.chance(50) {
			w.flying = append(w.flying, func() { w.take(e.other, overLink, letter{p.Core, p.Index}) })
			continue
		}
		w.flying = append(w.flying, func() { w.mail[p.Address] = letter{p.Core, p.Index} })
	}
}

// overLink is the hint of a package from a link.
var overLink [8]byte

// take gives a package to e, which commits what it was.
func (w *world) take(e *simEnd, hint [8]byte, l letter) bool {
	before := e.s.Encode()
	o, err := e.s.Open(hint, &l.core, 0)
	if err != nil {
		w.demand(bytes.Equal(e.s.Encode(), before), "an error changes the session")
		_, had := e.disk.inbox[l.at]
		// A chain that has not begun is opened by the first package of it that can come.
		w.demand(had || errors.Is(err, ErrUnknown) && e.s.in.epoch+2 <= l.at.Epoch, "a package is refused: "+err.Error())
		return false
	}
	w.demand(o.Index == l.at, "a package opens as another")
	if w.crash(e, 5) {
		return false
	}
	_, had := e.disk.inbox[o.Index]
	w.demand(!had, "a message is received twice")
	w.demand(hint == overLink || o.Seed.Address().Hint() == hint, "another seed")
	e.disk.inbox[o.Index] = binary.BigEndian.Uint64(o.Body[:])
	e.disk.state = e.s.Encode()
	w.crash(e, 5)
	return true
}

// poll looks at some of the addresses that e watches.
func (w *world) poll(e *simEnd, percent int) (took bool) {
	watched := w.watch(e.s)
	w.demand(len(watched) <= int(e.s.holes())+2*Window, "too much is watched")
	for _, at := range watched {
		if w.chance(2) {
			w.demand(at.Seed.Address() == at.Address, "a cached address is wrong")
		}
		if p, ok := e.other.disk.outbox[at.Index]; ok {
			w.demand(p.Address == at.Address, "another address is watched than used")
		}
	}
	if w.chance(10) {
		watched = append(watched, e.s.Gallop()...)
	}
	for _, at := range watched {
		l, lies := w.mail[at.Address]
		if !lies || !w.chance(percent) {
			continue
		}
		if w.take(e, at.Address.Hint(), l) {
			took = true
		}
		if _, have := e.disk.inbox[l.at]; have && w.chance(70) {
			delete(w.mail, at.Address) // the tombstone
			w.flying = append(w.flying, func() { w.receipt(e.other, l.at) })
		}
	}
	return took
}

func (w *world) receipt(e *simEnd, at Index) {
	if w.chance(30) {
		return
	}
	_, err := e.s.Receipt(at)
	w.demand(err == nil, "a receipt is refused")
	w.acked(e, []Index{at})
}

func (w *world) acked(e *simEnd, news []Index) {
	for _, at := range news {
		_, has := e.other.disk.inbox[at]
		w.demand(has, "a message counts as delivered that is not")
		delete(e.disk.outbox, at)
	}
	e.disk.state = e.s.Encode()
}

// statement gives e's statement to the other side, whole or of one chain that
// may arrive late.
func (w *world) statement(e *simEnd, full bool) {
	if w.chance(20) {
		w.restart(e) // what is said was committed
	}
	if full {
		said := e.s.Received()
		w.demand(len(said) <= MaxChains+1, "a long statement")
		news, err := e.other.s.Acknowledged(said, true)
		w.demand(err == nil, "a statement is refused")
		w.acked(e.other, news)
		return
	}
	if c, ok := e.s.ReceivedIn(e.s.in.epoch); ok {
		w.flying = append(w.flying, func() {
			news, err := e.other.s.Acknowledged([]Chain{c}, false)
			w.demand(err == nil, "an acknowledgement is refused")
			w.acked(e.other, news)
		})
	}
}

// step does one random thing.
func (w *world) step() {
	e := w.ends[w.rng.IntN(2)]
	switch n := w.rng.IntN(100); {
	case n < 25:
		for range 1 + w.rng.IntN(3)*w.rng.IntN(w.burst) {
			w.write(e)
		}
	case n < 60 && len(w.flying) > 0:
		i := w.rng.IntN(len(w.flying))
		fly := w.flying[i]
		w.flying = slices.Delete(w.flying, i, i+1)
		if !w.chance(20) {
			fly()
		}
	case n < 80:
		w.poll(e, 70)
	case n < 90:
		for _, at := range w.waiting(e) {
			if w.chance(30) {
				w.post(e, e.disk.outbox[at])
			}
		}
	case n < 92 && w.live:
		w.statement(e, true)
	case n < 96 && w.live:
		w.statement(e, false)
	default:
		w.crash(e, 30)
	}
	w.steps++
	if w.chance(20) {
		w.invariant(e)
		w.invariant(e.other)
	}
}

// waiting returns what e has in its outbox, in order.
func (w *world) waiting(e *simEnd) []Index {
	return slices.SortedFunc(maps.Keys(e.disk.outbox), func(a, b Index) int { return int(a.Epoch<<12+a.N) - int(b.Epoch<<12+b.N) })
}

// invariant: whatever lies within the windows and did not come is watched, at
// its address, and the state is no larger than what it waits for.
func (w *world) invariant(e *simEnd) {
	s := e.s
	watched := make(map[Index]parcel.Address)
	for _, at := range w.watch(s) {
		watched[at.Index] = at.Address
		_, had := e.disk.inbox[at.Index]
		w.demand(!had || e.s.in.epoch == 0, "what has come is watched")
	}
	for at := range e.other.disk.texts {
		p, out := e.other.disk.outbox[at]
		if _, had := e.disk.inbox[at]; had {
			continue
		}
		w.demand(out, "what has not come is not in the outbox")
		next := s.in.epoch + 2
		if s.early() {
			next = 1
		}
		beyond := at.Epoch == s.in.epoch && at.N >= s.in.high+Window || at.Epoch == next && at.N >= Window
		w.demand(at.Epoch <= next, "a chain too far ahead")
		if addr, ok := watched[at]; !beyond || ok {
			w.demand(addr == p.Address, "a package lies where nobody looks")
		}
	}
	most := 1100 + 2*Window*placeSize + int(s.holes())*(holeSize+1) + len(s.closed)*64
	for _, c := range s.unacked {
		most += 24 + len(c.acked)
	}
	w.demand(len(s.Encode()) <= most, "a large state")
	w.demand(s.holes() <= MaxHoles && len(s.closed) <= MaxChains && len(s.unacked) <= MaxChains, "a limit is passed")
}

// settle ends the run: nothing is lost any more, but all goes by the mailbox.
// It reports whether everything came.
func (w *world) settle() bool {
	for _, fly := range w.flying {
		fly()
	}
	for idle := 0; idle < 3; {
		idle++
		for _, e := range w.ends {
			for _, at := range w.waiting(e) {
				p := e.disk.outbox[at]
				if _, had := e.other.disk.inbox[at]; !had {
					w.mail[p.Address] = letter{p.Core, at}
				}
			}
			if w.poll(e.other, 100) {
				idle = 0
			}
		}
	}
	for _, e := range w.ends {
		for at, text := range e.disk.texts {
			if got, ok := e.other.disk.inbox[at]; !ok || got != text {
				return false
			}
		}
		w.demand(len(e.other.disk.inbox) == len(e.disk.texts), "more came than was sent")
	}
	return true
}
