package dht

import (
	"slices"
	"time"

	"dione/crypto/parcel"
)

// This file holds which packages are offered to whom, and what is answered to
// those who offer.

const (
	// An offer counts for seven eighths of the interval: the next of the timers
	// of eight holders comes about an eighth later.
	offerCounts = 7.0 / 8

	// outsider is how much longer it counts for those whom others should have
	// relieved: the nearest have it by then.
	outsider = 4

	// oneIn is how many skip for each who offers a package although others say
	// that they did. With eight holders one more acts in each interval, and
	// nobody knows who: a liar stops nothing.
	oneIn = 8

	// maxInstead is how many are offered a package one after the other because
	// those before have not answered: if all fail, it is our own network.
	maxInstead = 3

	maxMarks   = 1 << 20
	maxLeave   = 2048 // packages pushed at exit
	leavePages = 64   // pages that are looked through for them
)

// mark is what is known of a package's repair.
type mark struct {
	at     uint32 // when it was last offered, by whomever; unix seconds
	shared bool   // somebody else has it
}

// Offer answers which of the packages are wanted, and takes notice that others
// see to those which are held.
func (h *Holder) Offer(now time.Time, from Asker, m Offer) (wanted Wanted) {
	if !h.neighbour(from) || !h.offers(now, from) || !h.writable(now) {
		return Wanted{}
	}
	found, err := h.lookUp(now, slices.Concat(m.Data, m.Tombstones))
	if err != nil {
		return Wanted{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	left := h.rates.origin(from.From).in.left(now, repairRate, repairBurst)
	for i, hint := range slices.Concat(m.Data, m.Tombstones) {
		tombstone := i >= len(m.Data)
		x, ok := found[hint]
		switch {
		case ok && x.Tombstone == tombstone:
			h.offered(now, hint, true)
			continue
		case ok && x.Tombstone:
			delete(h.marks, hint) // so that they hear of the tombstone soon
			continue
		case !ok && (h.shunned.has(now, hint) || !h.usage.shares(h.cfg.Capacity, from.From, parcel.Size)):
			continue
		}
		if left--; left >= 0 {
			wanted.Bits.Set(i)
		}
	}
	return wanted
}

// offers reports whether the asker may offer something now.
func (h *Holder) offers(now time.Time, from Asker) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rates.conn(from.Conn).take(now, connRate, connBurst)
}

// offered notes that a package that is held was offered, by us or by others.
func (h *Holder) offered(now time.Time, hint Hint, others bool) {
	if _, there := h.marks[hint]; !there && len(h.marks) >= maxMarks {
		return // it is offered again
	}
	if h.marks == nil {
		h.marks = make(map[Hint]mark)
	}
	h.marks[hint] = mark{at: uint32(now.Unix()), shared: others}
}

// share notes whether somebody else holds a package, too.
func (h *Holder) share(hint Hint, shared bool) {
	if m, there := h.marks[hint]; there {
		m.shared = shared
		h.marks[hint] = m
	}
}

// acts reports whether it is on us to offer an item.
func (h *Holder) acts(now time.Time, interval time.Duration, x *Item) bool {
	counts := time.Duration(offerCounts * float64(interval))
	hint := Hint(x.Address[:])
	h.mu.Lock()
	m, there := h.marks[hint]
	lucky := h.cfg.Rand.IntN(oneIn) == 0
	h.mu.Unlock()
	age := now.Sub(time.Unix(int64(m.at), 0))
	switch {
	case !there || lucky || age >= outsider*counts:
		return true
	case age < counts:
		return false
	}
	return h.insider(x.Location)
}

// insider reports whether we are one of the holders that a place should have,
// as far as we know.
func (h *Holder) insider(place Key) bool {
	for s := range Scopes {
		if h.near.Servers(s) > 0 && h.nearer(place, h.near.Nearest(s, place, h.cfg.Replicas)) < h.cfg.Replicas {
			return true
		}
	}
	return false
}

// targets returns the holders that a place should have besides us.
func (h *Holder) targets(s Scope, place Key) []*Contact {
	nearest := h.near.Nearest(s, place, h.cfg.Replicas)
	if len(nearest) < h.cfg.Replicas || h.nearer(place, nearest) == h.cfg.Replicas {
		return nearest
	}
	farthest := slices.MaxFunc(nearest, func(a, b *Contact) int { return place.Nearer(a.Key, b.Key) })
	return slices.DeleteFunc(slices.Clone(nearest), func(c *Contact) bool { return c == farthest })
}

// offers collects what is offered to whom. It keeps the order in which it was
// told, so that a simulation runs twice alike.
type offers struct {
	all   []Query
	index [Scopes]map[Key]int
}

// add offers an item in each scope, and marks it.
func (o *offers) add(h *Holder, now time.Time, x *Item) {
	any := false
	for s := range Scopes {
		for _, to := range h.targets(s, x.Location) {
			any = true
			o.offer(s, to, x)
		}
	}
	if any {
		h.mu.Lock()
		h.offered(now, Hint(x.Address[:]), false)
		h.mu.Unlock()
	}
}

// offer offers an item to one node.
func (o *offers) offer(s Scope, to *Contact, x *Item) {
	hint := Hint(x.Address[:])
	i, there := o.index[s][to.Key]
	if !there || offerSize(o.all[i].Ask) == MaxOffer {
		if o.index[s] == nil {
			o.index[s] = make(map[Key]int)
		}
		i = len(o.all)
		o.index[s][to.Key] = i
		o.all = append(o.all, Query{Scope: s, To: to, Ask: Offer{}})
	}
	offer := o.all[i].Ask.(Offer)
	if x.Tombstone {
		offer.Tombstones = append(offer.Tombstones, hint)
	} else {
		offer.Data = append(offer.Data, hint)
	}
	o.all[i].Ask = offer
}

// offerNext offers what was offered to somebody who has not answered to those
// who are in his place now: a round later they may be gone as well.
func (h *Holder) offerNext(now time.Time, q Query, ask Offer) {
	h.mu.Lock()
	before := h.rounds.instead[q.Token]
	delete(h.rounds.instead, q.Token)
	h.mu.Unlock()
	if before >= maxInstead {
		return
	}
	found, err := h.lookUp(now, slices.Concat(ask.Data, ask.Tombstones))
	if err != nil {
		return
	}
	var offers offers
	for _, hint := range slices.Concat(ask.Data, ask.Tombstones) {
		x, ok := found[hint]
		if !ok {
			continue
		}
		place := Key(x.Location)
		targets := h.targets(q.Scope, place)
		if len(targets) == 0 {
			continue
		}
		next := slices.MaxFunc(targets, func(a, b *Contact) int { return place.Nearer(a.Key, b.Key) })
		if next.Key != q.To.Key {
			offers.offer(q.Scope, next, &x)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range offers.all {
		o = h.query(o.Scope, o.To, o.Ask)
		if h.rounds.instead == nil {
			h.rounds.instead = make(map[uint64]int)
		}
		h.rounds.instead[o.Token] = before + 1
		h.rounds.offers = append(h.rounds.offers, o)
	}
}

func offerSize(m Message) int { return len(m.(Offer).Data) + len(m.(Offer).Tombstones) }

// Leave returns what is to be pushed to others before a graceful exit: what
// nobody else was seen to hold, to the two that are nearest.
func (h *Holder) Leave(now time.Time) (pushes []Query) {
	var after [32]byte
	for range leavePages {
		items, err := h.cfg.Shelf.Items(after, repairPage)
		if err != nil || len(items) == 0 {
			return pushes
		}
		after = items[len(items)-1].Address
		var hints []Hint
		for i := range items {
			if hint := Hint(items[i].Address[:]); items[i].Until.After(now) && !h.shared(hint) {
				hints = append(hints, hint)
			}
		}
		found, err := h.lookUp(now, hints)
		if err != nil {
			return pushes
		}
		for _, hint := range hints {
			x, ok := found[hint]
			if !ok {
				continue
			}
			for s := range Scopes {
				for _, to := range h.near.Nearest(s, x.Location, 2) {
					if len(pushes) == maxLeave {
						return pushes
					}
					pushes = append(pushes, Query{Scope: s, To: to, Ask: give(x)})
				}
			}
		}
	}
	return pushes
}

func (h *Holder) shared(hint Hint) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.marks[hint].shared
}
