package ratchet

import "dione/crypto/parcel"

// This file tells where packages are looked for. An address costs as much as a
// signature, so each is derived once, kept in the session and encoded with it:
//   - Open derives those that it needs, and no more: over a live link nobody
//     looks at addresses;
//   - Watch derives the rest of the windows and keeps it.

// window is a row of places that follow each other. Those that were derived
// are kept, at most [Window] between two calls.
type window struct {
	places []place
	addr   [32]byte // address chain behind them
}

// place is where a package is expected.
type place struct {
	seed    parcel.Seed
	address parcel.Address
}

// fill derives places until there are n. Copies of w made before do not notice.
func (w *window) fill(n int) {
	for len(w.places) < n {
		var p place
		w.addr, p.seed = stepAddress(w.addr)
		p.address = p.seed.Address()
		w.places = append(w.places, p)
	}
}

// drop forgets the first n places, all of which are derived.
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
// that it had to derive; encode it afterwards, so that it need not do so again.
func (s *Session) Watch() []Watched {
	all := make([]Watched, 0, s.holes()+2*Window)
	for _, c := range s.chains() {
		for _, h := range c.holes {
			all = append(all, Watched{Index{c.epoch, h.n}, h.address, h.seed})
		}
	}
	if s.in.epoch != 0 {
		s.in.ahead.fill(Window)
		for i, p := range s.in.ahead.places {
			all = append(all, Watched{Index{s.in.epoch, s.in.high + uint32(i)}, p.address, p.seed})
		}
	}
	if !s.turn() {
		s.next.fill(Window)
		for i, p := range s.next.places {
			all = append(all, Watched{Index{s.epoch + 1, uint32(i)}, p.address, p.seed})
		}
	}
	return all
}

// Gallop returns addresses far ahead in the newest chain, 16, 32 … 512 beyond
// its newest index, to be looked at now and then: whoever has missed more than
// a window finds the rest by them. They are derived at each call.
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
