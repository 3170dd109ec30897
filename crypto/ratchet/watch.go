package ratchet

import "dione/crypto/parcel"

// This file tells where packages are looked for. An address costs as much as a
// signature, so each is computed once, and only when somebody looks there:
//   - Watch computes what is not yet, and keeps it in the session, which is
//     encoded with it;
//   - Open computes the one that it checks, and none over a link.

// window is a row of places that follow each other: none, or after a Watch up
// to [Window], of which Open takes the first away.
type window struct {
	places []place
	addr   [32]byte // address chain behind them
}

// place is where a package is expected. The address is zero until it is
// computed.
type place struct {
	seed    parcel.Seed
	address parcel.Address
}

// locate computes the address, if it is not yet.
func (p *place) locate() parcel.Address {
	if p.address == (parcel.Address{}) {
		p.address = p.seed.Address()
	}
	return p.address
}

// fits reports whether the address begins with hint, or nobody asks. It works
// on a copy: what a caller refuses leaves no trace.
func (p place) fits(hint [8]byte) bool {
	return hint == [8]byte{} || p.locate().Hint() == hint
}

// fill adds places until there are n. Copies of w made before do not notice.
func (w *window) fill(n int) {
	for len(w.places) < n {
		var p place
		w.addr, p.seed = stepAddress(w.addr)
		w.places = append(w.places, p)
	}
}

// watched returns the whole window, addresses included.
func (w *window) watched(epoch, first uint32) []Watched {
	w.fill(Window)
	all := make([]Watched, Window)
	for i := range all {
		p := &w.places[i]
		all[i] = Watched{Index{epoch, first + uint32(i)}, p.locate(), p.seed}
	}
	return all
}

// drop forgets the first n places.
func (w *window) drop(n int) {
	rest := copy(w.places, w.places[n:])
	clear(w.places[rest:])
	w.places = w.places[:rest]
	if cap(w.places) > 4*Window { // left over from a long skip
		w.places = append([]place(nil), w.places...)
	}
}

// Watched is an address at which a package may lie, and the seed that signs
// the tombstone of what is found there.
type Watched struct {
	Index
	Address parcel.Address
	Seed    parcel.Seed
}

// Watch returns every address that has to be watched, and no other: what is
// missing, what may come next in the newest chain, and, if we have written
// since that began, the beginning of the next one. The session keeps addresses
// that it had to compute; encode it afterwards, so that it need not do so again.
func (s *Session) Watch() []Watched {
	all := make([]Watched, 0, s.holes()+2*Window)
	for _, c := range s.chains() {
		for i := range c.holes {
			h := &c.holes[i]
			all = append(all, Watched{Index{c.epoch, h.n}, h.locate(), h.seed})
		}
	}
	if s.in.epoch != 0 {
		all = append(all, s.in.ahead.watched(s.in.epoch, s.in.high)...)
	}
	if !s.turn() {
		all = append(all, s.next.watched(s.epoch+1, 0)...)
	}
	return all
}

// Gallop returns addresses far ahead in the newest chain, 16, 32 … 512 beyond
// its newest index, to be looked at now and then: whoever has missed more than
// a window finds the rest by them. They are computed at each call.
func (s *Session) Gallop() []Watched {
	if s.in.epoch == 0 {
		return nil
	}
	var all []Watched
	addr := s.in.ahead.addr
	for i, want := len(s.in.ahead.places), 2*Window; want <= MaxUnacked; i++ {
		var seed parcel.Seed
		addr, seed = stepAddress(addr)
		if i == want {
			all = append(all, Watched{Index{s.in.epoch, s.in.high + uint32(want)}, seed.Address(), seed})
			want *= 2
		}
	}
	return all
}
