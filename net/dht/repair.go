package dht

import (
	"slices"
	"time"

	"dione/crypto/parcel"
)

// This file holds how packages outlive those who hold them. The rules are:
//   - once an hour each package is offered to the holders that it should have,
//     and given to those who lack it; by one of them, the others skip it;
//   - nobody skips forever: who only says that it offers stops nothing;
//   - what a neighbour is given is bounded, and so is all that is remembered.

const (
	holders = 8 // servers that should hold a package, at one place

	repairEvery = time.Hour
	repairFast  = 30 * time.Minute // while more than so many neighbours leave:
	repairLeave = 0.15

	// An offer counts for seven eighths of the interval: the next of the timers
	// of eight holders comes about an eighth later.
	offerCounts = 7.0 / 8

	// outsiders, whom others should relieve, offer every fourth time.
	outsider = 4

	// maxSkips is how often in a row a package is not offered because others
	// say that they did: with eight holders, one acts in each interval even if
	// somebody lies.
	maxSkips = 7

	repairPage = 1024
	maxPushes  = 4096
	maxMarks   = 1 << 20
	maxLeave   = 2048 // packages pushed at exit
	leavePages = 64   // of them as many are looked through

	repairPause = 100 * time.Millisecond // between questions beyond those that are due at once
)

// mark is what is known of a package's repair.
type mark struct {
	at     uint32 // when it was last offered, by whomever; unix seconds
	skips  uint8  // since then by others only
	shared bool   // somebody else has it
}

// rounds is how far the repair has come.
type rounds struct {
	begun  time.Time // the last one
	factor float64   // of its interval, by chance
	active bool      // it is under way
	reads  bool      // somebody reads from the shelf for it
	clean  bool      // what has expired is removed
	after  [32]byte  // the package read last
	offers []Query
	pushes []push
	token  uint64
}

// push is a package that somebody wants.
type push struct {
	scope Scope
	to    *Contact
	hint  Hint
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
	old, there := h.marks[hint]
	if !there && len(h.marks) >= maxMarks {
		return // it is offered again
	}
	if h.marks == nil {
		h.marks = make(map[Hint]mark)
	}
	fresh := mark{at: uint32(now.Unix()), shared: others}
	if others {
		fresh.skips = old.skips
	}
	h.marks[hint] = fresh
}

// share notes that somebody else holds a package, too.
func (h *Holder) share(hint Hint) {
	if m, there := h.marks[hint]; there {
		m.shared = true
		h.marks[hint] = m
	}
}

// interval returns how long it is from one round to the next.
func (h *Holder) interval() time.Duration {
	for s := range Scopes {
		if h.near.Departures(s) > repairLeave {
			return repairFast
		}
	}
	return repairEvery
}

// Repair returns the questions that are due. See [Keeper].
func (h *Holder) Repair(now time.Time, n int) (due []Query, next time.Time) {
	interval := h.interval()
	begin, next := h.schedule(now, interval)
	if begin && !h.tidy(now) {
		return nil, now.Add(repairPause)
	}
	for len(due) < n {
		queries, more := h.due(now, n-len(due))
		due = append(due, queries...)
		if len(queries) == 0 && (!more || !h.page(now, interval)) {
			return due, next
		}
	}
	return due, now.Add(repairPause)
}

// schedule reports whether a round has just to begin, and when to look again.
func (h *Holder) schedule(now time.Time, interval time.Duration) (begin bool, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &h.rounds
	if r.begun.IsZero() { // those that are started together do not act together
		r.factor = 0.9 + 0.2*h.cfg.Rand.Float64()
		r.begun = now.Add(-time.Duration(h.cfg.Rand.Float64() * float64(repairEvery)))
	}
	if !r.active && now.Sub(r.begun) >= r.scaled(interval) {
		*r = rounds{begun: now, factor: 0.9 + 0.2*h.cfg.Rand.Float64(), active: true, token: r.token}
	}
	next = r.begun.Add(r.scaled(repairEvery))
	if soon := r.begun.Add(r.scaled(repairFast)); soon.After(now) {
		next = soon // perhaps they leave faster by then
	}
	return r.active && !r.clean, next
}

func (r *rounds) scaled(d time.Duration) time.Duration {
	return time.Duration(r.factor * float64(d))
}

// tidy removes a few packages that have expired, and reports whether all are.
func (h *Holder) tidy(now time.Time) bool {
	n, err := h.cfg.Shelf.Expire(now)
	if err != nil {
		h.failed(now, "remove packages", err)
	}
	if n > 0 && err == nil {
		return false
	}
	h.count()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rounds.clean = true
	h.rates.sweep(now)
	h.shunned.sweep(now)
	h.watches.lapse(now)
	// What is still held is offered more often than that.
	old := uint32(now.Add(-maxSkips * 2 * repairEvery).Unix())
	for hint, m := range h.marks {
		if m.at < old {
			delete(h.marks, hint)
		}
	}
	return true
}

// due takes up to n questions out of what waits. If there is none, more tells
// whether the round is under way.
func (h *Holder) due(now time.Time, n int) (queries []Query, more bool) {
	h.mu.Lock()
	r := &h.rounds
	pushes := r.pushes[:min(n, len(r.pushes))]
	r.pushes = r.pushes[len(pushes):]
	more = r.active
	if len(pushes) == 0 {
		queries = r.offers[:min(n, len(r.offers))]
		r.offers = r.offers[len(queries):]
		h.mu.Unlock()
		return queries, more
	}
	h.mu.Unlock()
	hints := make([]Hint, len(pushes))
	for i, p := range pushes {
		hints[i] = p.hint
	}
	found, err := h.lookUp(now, hints)
	if err != nil {
		return nil, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range pushes {
		x, ok := found[p.hint]
		if ok && h.rates.origin(Origin(addrOf(p.to))).out.take(now, repairRate, repairBurst) {
			queries = append(queries, h.query(p.scope, p.to, give(x)))
		}
	}
	return queries, true
}

func (h *Holder) query(s Scope, to *Contact, ask Message) Query {
	h.rounds.token++
	return Query{Scope: s, To: to, Ask: ask, Token: h.rounds.token}
}

// give is the question by which an item is put elsewhere.
func give(x Item) Message {
	if x.Tombstone {
		return Delete{Tombstone: x.Bytes}
	}
	return Store{Package: x.Bytes}
}

// page makes the offers for the next packages, and reports whether there are
// more of them.
func (h *Holder) page(now time.Time, interval time.Duration) bool {
	h.mu.Lock()
	r := &h.rounds
	if !r.active || r.reads {
		h.mu.Unlock()
		return false
	}
	r.reads = true
	after := r.after
	h.mu.Unlock()

	items, err := h.cfg.Shelf.Items(after, repairPage)
	if err != nil {
		h.failed(now, "read packages", err)
		items = nil
	}
	var offers offers
	for i := range items {
		if items[i].Until.After(now) && h.acts(now, interval, &items[i]) {
			offers.add(h, now, &items[i])
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r.reads = false
	if len(items) == 0 {
		r.active = false
		return false
	}
	r.after = items[len(items)-1].Address
	for _, q := range offers.all {
		r.offers = append(r.offers, h.query(q.Scope, q.To, q.Ask))
	}
	return true
}

// acts reports whether it is on us to offer an item.
func (h *Holder) acts(now time.Time, interval time.Duration, x *Item) bool {
	counts := time.Duration(offerCounts * float64(interval))
	hint := Hint(x.Address[:])
	h.mu.Lock()
	m, there := h.marks[hint]
	age := now.Sub(time.Unix(int64(m.at), 0))
	if there && age < counts && m.skips < maxSkips {
		m.skips++
		h.marks[hint] = m
		h.mu.Unlock()
		return false
	}
	h.mu.Unlock()
	return !there || age >= outsider*counts || m.skips >= maxSkips || h.insider(x.Location)
}

// insider reports whether we are one of the holders that a place should have,
// as far as we know.
func (h *Holder) insider(place Key) bool {
	for s := range Scopes {
		if h.near.Servers(s) == 0 {
			continue
		}
		if nearest := h.near.Nearest(s, place, holders); len(nearest) < holders || place.Nearer(h.near.Self(), nearest[holders-1].Key) < 0 {
			return true
		}
	}
	return false
}

// targets returns the holders that a place should have besides us.
func (h *Holder) targets(s Scope, place Key) []*Contact {
	nearest := h.near.Nearest(s, place, holders)
	if len(nearest) == holders && place.Nearer(h.near.Self(), nearest[holders-1].Key) < 0 {
		return nearest[:holders-1]
	}
	return nearest
}

// offers collects what is offered to whom. It keeps the order in which it was
// told, so that a simulation runs twice alike.
type offers struct {
	all   []Query
	index [Scopes]map[Key]int
}

// add offers an item in each scope, and marks it.
func (o *offers) add(h *Holder, now time.Time, x *Item) {
	hint, any := Hint(x.Address[:]), false
	for s := range Scopes {
		for _, to := range h.targets(s, x.Location) {
			any = true
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
	}
	if any {
		h.mu.Lock()
		h.offered(now, hint, false)
		h.mu.Unlock()
	}
}

func offerSize(m Message) int { return len(m.(Offer).Data) + len(m.(Offer).Tombstones) }

// Repaired tells what came of a question of Repair. See [Keeper].
func (h *Holder) Repaired(now time.Time, q Query, m Message) {
	switch ask := q.Ask.(type) {
	case Offer:
		if wanted, ok := m.(Wanted); ok {
			h.wanted(q, ask, wanted)
			return
		}
	case Store:
		if stored, ok := m.(Stored); ok {
			h.stored(now, q, ask, stored)
			return
		}
	case Delete:
		if deleted, ok := m.(Deleted); ok && deleted.Result != Full && deleted.Result != Quota {
			return
		}
	}
	h.giveUp(q)
}

// wanted takes note of what the asked one lacks.
func (h *Holder) wanted(q Query, ask Offer, m Wanted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, hint := range slices.Concat(ask.Data, ask.Tombstones) {
		switch {
		case !m.Bits.Has(i):
			h.share(hint)
		case len(h.rounds.pushes) < maxPushes:
			h.rounds.pushes = append(h.rounds.pushes, push{q.Scope, q.To, hint})
		}
	}
}

// stored takes note of what became of a package. A tombstone is believed by
// its signature, as it would be if it had been put.
func (h *Holder) stored(now time.Time, q Query, ask Store, m Stored) {
	switch m.Result {
	case Kept:
		if p, err := parcel.Check(ask.Package); err == nil {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.share(p.Address.Hint())
		}
	case Gone:
		if p, err := parcel.Check(m.Proof); err == nil && p.Kind == parcel.Tombstone && timely(now, p.Expiry, tombstoneLife) {
			h.bury(now, Asker{Scope: q.Scope, From: Origin(addrOf(q.To))}, p, m.Proof, true, true)
		}
	case Full, Quota:
		h.giveUp(q)
	}
}

// giveUp forgets until the next round what was meant for somebody.
func (h *Holder) giveUp(q Query) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &h.rounds
	r.pushes = slices.DeleteFunc(r.pushes, func(p push) bool { return p.scope == q.Scope && p.to.Key == q.To.Key })
	r.offers = slices.DeleteFunc(r.offers, func(o Query) bool { return o.Scope == q.Scope && o.To.Key == q.To.Key })
}

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
