package dht

import (
	"slices"
	"time"

	"dione/crypto/parcel"
)

// This file holds how packages outlive those who hold them. The rules are:
//   - once an hour each package is offered to the holders that it should have,
//     and given to those who lack it; by one of them, the others skip it;
//   - some do not skip: who only says that it offers stops nothing;
//   - what a neighbour is given is bounded, and so is all that is remembered.

const (
	repairEvery = time.Hour
	repairLeave = 0.15 // part of the neighbours that leaves in an hour; if more do, every half an hour

	repairPage = 1024
	maxPushes  = 4096

	repairPause = 100 * time.Millisecond // between questions beyond those that are due at once
	awaitPause  = time.Second            // while answers are to come
)

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
	asked  int // questions whose end was not told yet

	instead map[uint64]int // of offers by token, how many before have had no answer
}

// push is a package that somebody wants.
type push struct {
	scope Scope
	to    *Contact
	hint  Hint
}

// interval returns how long it is from one round to the next.
func (h *Holder) interval() time.Duration {
	for s := range Scopes {
		if h.near.Departures(s) > repairLeave {
			return h.cfg.Every / 2
		}
	}
	return h.cfg.Every
}

// Repair returns the questions that are due. See [Keeper].
func (h *Holder) Repair(now time.Time, n int) (due []Query, next time.Time) {
	interval := h.interval()
	h.probe(now)
	begin, next := h.schedule(now, interval)
	if begin && !h.tidy(now) {
		return nil, now.Add(repairPause)
	}
	for len(due) < n {
		queries, more := h.due(now, n-len(due))
		due = append(due, queries...)
		if len(queries) == 0 && (!more || !h.page(now, interval)) {
			return due, h.awaits(now, len(due), next)
		}
	}
	h.awaits(now, len(due), next)
	return due, now.Add(repairPause)
}

// awaits counts the questions that are asked now. While answers are to come
// there may soon be more to ask.
func (h *Holder) awaits(now time.Time, asked int, next time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rounds.asked += asked
	if soon := now.Add(awaitPause); h.rounds.asked > 0 && soon.Before(next) {
		return soon
	}
	return next
}

// schedule reports whether a round has just to begin, and when to look again.
func (h *Holder) schedule(now time.Time, interval time.Duration) (begin bool, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &h.rounds
	if r.begun.IsZero() { // those that are started together do not act together
		r.factor = 0.9 + 0.2*h.cfg.Rand.Float64()
		r.begun = now.Add(-time.Duration(h.cfg.Rand.Float64() * float64(h.cfg.Every)))
	}
	if !r.active && now.Sub(r.begun).Abs() >= r.scaled(interval) {
		*r = rounds{begun: now, factor: 0.9 + 0.2*h.cfg.Rand.Float64(), active: true, token: r.token}
	}
	next = r.begun.Add(r.scaled(h.cfg.Every))
	if soon := r.begun.Add(r.scaled(h.cfg.Every / 2)); soon.After(now) {
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
	h.count(now)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rounds.clean = true
	h.rates.sweep(now)
	h.shunned.sweep(now)
	h.watches.lapse(now)
	// What is still held is offered more often than that.
	old := uint32(now.Add(-4 * outsider * h.cfg.Every).Unix())
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
			h.share(p.hint, true)
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
	if !r.active || r.reads || len(r.offers) > 0 {
		more := len(r.offers) > 0
		h.mu.Unlock()
		return more
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

// Repaired tells what came of a question of Repair. See [Keeper].
func (h *Holder) Repaired(now time.Time, q Query, m Message) {
	h.mu.Lock()
	h.rounds.asked = max(0, h.rounds.asked-1)
	h.mu.Unlock()
	switch ask := q.Ask.(type) {
	case Offer:
		if wanted, ok := m.(Wanted); ok {
			h.wanted(q, ask, wanted)
			return
		}
		if m == nil {
			h.offerNext(now, q, ask)
		}
	case Store:
		if stored, ok := m.(Stored); ok && stored.Result != Full && stored.Result != Quota {
			if stored.Result == Gone {
				h.believe(now, q, stored.Proof)
			}
			return
		}
		h.keepsAlone(ask.Package)
	case Delete:
		if deleted, ok := m.(Deleted); ok && deleted.Result != Full && deleted.Result != Quota {
			return
		}
		h.keepsAlone(ask.Tombstone)
	}
	h.giveUp(q)
}

// keepsAlone notes that a package was not taken.
func (h *Holder) keepsAlone(b []byte) {
	if p, err := parcel.Check(b); err == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.share(p.Address.Hint(), false)
	}
}

// wanted takes note of what the asked one lacks.
func (h *Holder) wanted(q Query, ask Offer, m Wanted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, hint := range slices.Concat(ask.Data, ask.Tombstones) {
		switch {
		case !m.Bits.Has(i):
			h.share(hint, true)
		case len(h.rounds.pushes) < maxPushes:
			h.rounds.pushes = append(h.rounds.pushes, push{q.Scope, q.To, hint})
		}
	}
}

// believe puts a tombstone with which a push was answered in the place of the
// package. It is believed by its signature, as it would be if it had been put.
func (h *Holder) believe(now time.Time, q Query, b []byte) {
	p, err := parcel.Check(b)
	if err == nil && p.Kind == parcel.Tombstone && timely(now, p.Expiry, tombstoneLife) {
		h.bury(now, Asker{Scope: q.Scope, From: Origin(addrOf(q.To))}, p, b, true, true)
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
