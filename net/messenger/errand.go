package messenger

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/crypto/ratchet"
	"dione/net/mailbox"
	"dione/store"
)

// This file takes mail of one person to the network, and looks for theirs.

// visit takes mail for p to the network, and looks for mail of theirs.
type visit struct {
	m *Messenger
	p *person
}

func (v visit) fail(error) bool {
	v.m.visitUndone(v.p)
	return false
}

// errand is what a visit is to do in the network.
type errand struct {
	p       *person        // of the loop
	id      identity.ID    // theirs
	now     time.Time      // as the network has it, by the wall
	seeks   bool           // it was time to look for mail
	puts    bool           // it was time to put some
	put     []store.Parcel // of one session
	letters []mailbox.Letter
	ours    mailbox.Chain // where they are put: of today
	looks   []look
	notes   []noteErrand // introductions to be put
	stuck   bool         // nothing can be put now
	wishes  []wish       // of which the network is to tell, as soon as it comes
}

// day is the day as the network has it.
func (e *errand) day() uint32 { return mailbox.DayOf(e.now) }

// wish is what the network is to tell of.
type wish struct {
	mailbox.Wish
	session int64
	own     bool // receipts of ours; else packages of theirs
}

// look is what a visit looks for at the places of one day.
type look struct {
	session   int64
	chain     mailbox.Chain
	addresses []parcel.Address
	resets    []parcel.Address // where an introduction of theirs would lie
	how       mailbox.Search
	own       map[parcel.Address]store.Parcel // nil: packages of theirs; else receipts of ours
	before    bool                            // anything is put
}

func (v visit) handle(m *Messenger, b *batch) error {
	p := v.p
	if !m.mailable(p) {
		b.then(func() { m.visitUndone(p) }) // meanwhile they are connected, or blocked
		return nil
	}
	e := errand{p: p, id: p.ID, now: m.mails.box.Now(b.now).Round(0), seeks: !p.mail.look.After(b.now)}
	if _, err := m.sessionsOf(b, p); err != nil {
		return err
	}
	lost := m.mails.box.Lost()
	m.tellClock(b, lost)
	if !lost { // what is forgotten is forgotten for good
		if err := m.sweepSessions(b, p); err != nil {
			return err
		}
		for _, s := range p.sessions {
			if err := s.stepKeys(b, e.day()); err != nil {
				return err
			}
		}
	}
	if err := m.resetByMail(b, p, e.day()); err != nil {
		return err
	}
	if !p.mail.put.IsZero() && !p.mail.put.After(b.now) {
		e.puts = true
		if err := m.packNotes(b, p, &e); err != nil {
			return err
		}
		if err := m.pack(b, p, &e); err != nil {
			return err
		}
	}
	if e.seeks {
		for _, s := range p.sessions {
			if err := m.seek(b, p, s, &e); err != nil {
				return err
			}
		}
		if err := m.seekNotes(b, p, &e); err != nil {
			return err
		}
		if err := m.seekResets(b, p, &e); err != nil {
			return err
		}
	}
	if b.now.Sub(p.mail.touch) < activeTime {
		if err := m.wish(b, p, &e); err != nil {
			return err
		}
	}
	b.then(func() { m.chats.Go(func() { m.run(e) }) })
	return nil
}

// wish takes along what the network is to tell of: what may come next in the
// best session, and receipts.
func (m *Messenger) wish(b *batch, p *person, e *errand) error {
	s := p.writable()
	if s == nil {
		return nil
	}
	theirs, ok := s.mail.theirs.At(e.day())
	ours, ok2 := s.mail.ours.At(e.day())
	if !ok || !ok2 {
		return nil
	}
	next := s.ratchet.Watch()
	s.dirty = true // it keeps the addresses
	w := wish{session: s.row, Wish: mailbox.Wish{Chain: theirs}}
	for _, one := range next[max(0, len(next)-2*ratchet.Window):] {
		w.Addresses = append(w.Addresses, one.Address)
	}
	e.wishes = append(e.wishes, w)
	mailed, err := b.tx.MailedParcels(s.row, maxMail/2)
	if err != nil {
		return err
	}
	w = wish{session: s.row, Wish: mailbox.Wish{Chain: ours}, own: true}
	for _, one := range append(mailed, e.put...) {
		if one.Mailed.Day == ours.Day || one.Mailed.First.IsZero() {
			w.Addresses = append(w.Addresses, one.Address)
		}
	}
	if len(w.Addresses) > 0 {
		e.wishes = append(e.wishes, w)
	}
	return nil
}

// pack takes what is to be put for p along. What waits is sealed by it.
func (m *Messenger) pack(b *batch, p *person, e *errand) error {
	b.then(func() { p.mail.more = false })
	s := p.writable()
	if s == nil {
		return nil // it waits until there is a session
	}
	if _, err := m.sealInto(b, p, s, nil); err != nil {
		return err
	}
	due, err := b.tx.DueParcels(s.row, b.now, maxMail)
	if err != nil {
		return err
	}
	chain, ok := s.mail.ours.At(e.day())
	if !ok {
		e.stuck = true // the clock has gone back to before the session
		return nil
	}
	e.put, e.ours = due, chain
	again := make(map[uint32][]store.Parcel)
	for _, one := range due {
		e.letters = append(e.letters, mailbox.Letter{Core: (*parcel.Core)(one.Core), Key: parcel.Seed(one.Seed).Key()})
		if !one.Mailed.First.IsZero() {
			again[one.Mailed.Day] = append(again[one.Mailed.Day], one)
		}
	}
	for day, parcels := range again { // what was taken need not be put again
		for _, l := range receiptLooks(s, day, parcels, mailbox.Search{Places: mailbox.Places, Turn: p.mail.turn, Holders: 2, Paths: 1}) {
			l.before = true
			e.looks = append(e.looks, l)
		}
	}
	return nil
}

// seek takes along what is to be looked for in a session.
func (m *Messenger) seek(b *batch, p *person, s *session, e *errand) error {
	how := mailbox.Search{Places: 1, Turn: p.mail.turn, Holders: 1, Paths: 1}
	how.Sparing = b.now.Sub(p.mail.touch) >= activeTime
	if e.now.Sub(m.since(p)) > absence || p.mail.turn == 0 {
		how.Places, how.Holders, how.Sparing = mailbox.Places, 2, false
	}
	watched := s.ratchet.Watch()
	if p.mail.turn%10 == 0 {
		watched = append(watched, s.ratchet.Gallop()...)
	}
	s.dirty = true // it keeps the addresses
	addresses := make([]parcel.Address, 0, len(watched))
	for _, w := range watched {
		addresses = append(addresses, w.Address)
	}
	if len(watched) > 2*ratchet.Window+gallops { // something is missing that should lie there
		how.Places, how.Holders, how.Sparing = mailbox.Places, 2, false
		how.Paths = []int{1, 4, 8}[p.mail.turn%3]
	}
	if n := len(addresses); n > maxMail { // the others are looked for next
		from := p.mail.turn * maxMail % n
		addresses = append(addresses[from:], addresses[:from]...)[:maxMail]
	}
	resets := addressesOf(m.resetChain(&s.remains).Watch())
	for d := range uint32(m.daysOf(p, e.now)) {
		if chain, ok := s.mail.theirs.At(e.day() - d); ok {
			e.looks = append(e.looks, look{session: s.row, chain: chain, addresses: addresses, resets: resets, how: how})
		}
	}
	return m.seekReceipts(b, p, s, e, how)
}

// seekReceipts takes along where receipts of ours are to be looked for. A
// package lies where it was put last, and may have been taken where it was put
// before: there, too, is looked, on one day each time and on all when we come
// back.
func (m *Messenger) seekReceipts(b *batch, p *person, s *session, e *errand, how mailbox.Search) error {
	mailed, err := b.tx.MailedParcels(s.row, 2*ratchet.MaxUnacked)
	if err != nil {
		return err
	}
	back := p.mail.turn == 0
	if n := len(mailed); n > maxMail && !back { // the others are looked for next
		from := p.mail.turn * maxMail % n
		mailed = slices.Concat(mailed[from:], mailed[:from])[:maxMail]
	}
	byDay := make(map[uint32][]store.Parcel)
	for _, one := range mailed {
		last := one.Mailed.Day
		byDay[last] = append(byDay[last], one)
		first := max(mailbox.DayOf(m.mails.box.Now(one.Mailed.First)), s.mail.ours.Day)
		if first = max(first, last-min(last, putDays)); first >= last {
			continue
		}
		some := first + rand.Uint32N(last-first)
		for day := first; day < last; day++ {
			if back || day == some {
				byDay[day] = append(byDay[day], one)
			}
		}
	}
	for day, parcels := range byDay {
		e.looks = append(e.looks, receiptLooks(s, day, parcels, how)...)
	}
	return nil
}

// receiptLooks looks for receipts of packages at the places of one day.
func receiptLooks(s *session, day uint32, parcels []store.Parcel, how mailbox.Search) (all []look) {
	chain, ok := s.mail.ours.At(day)
	if !ok {
		return nil // where that was nobody can tell any more
	}
	for part := range slices.Chunk(parcels, maxMail) {
		l := look{session: s.row, chain: chain, how: how, own: make(map[parcel.Address]store.Parcel)}
		for _, one := range part {
			l.addresses = append(l.addresses, one.Address)
			l.own[one.Address] = one
		}
		all = append(all, l)
	}
	return all
}

// run does an errand in the network and posts what came of it.
func (m *Messenger) run(e errand) {
	ctx, cancel := context.WithTimeout(m.mails.ctx, mailTime)
	defer cancel()
	m.putNotes(ctx, &e)
	r := visited{m: m, errand: e}
	r.found = make([]map[parcel.Address]mailbox.Found, len(e.looks))
	m.look(ctx, &r, true)
	if len(e.letters) > 0 {
		m.put(ctx, &r)
	}
	m.look(ctx, &r, false)
	if len(e.wishes) > 0 {
		r.watched = m.watchMail(ctx, e)
	}
	m.post(m.mails.ctx, r)
}

// put puts the letters of an errand, apart from those that were taken.
func (m *Messenger) put(ctx context.Context, r *visited) {
	r.outcomes = make([]mailbox.Outcome, len(r.letters))
	var rest []mailbox.Letter
	var index []int // of rest in letters
	for i, l := range r.letters {
		if r.outcomes[i].Read = r.taken(r.put[i]); !r.outcomes[i].Read {
			rest, index = append(rest, l), append(index, i)
		}
	}
	outcomes, err := m.mails.box.Put(ctx, rest, r.ours, r.now)
	if err != nil {
		m.log.Info("mail not put everywhere", slog.Any("peer", r.id), slog.Any("error", err))
	}
	for i, out := range outcomes {
		r.outcomes[index[i]] = out
	}
}

// look does those looks of an errand that come before it puts anything, or the
// others.
func (m *Messenger) look(ctx context.Context, r *visited, before bool) {
	slots := make(chan struct{}, maxLooking)
	var wg sync.WaitGroup
	var failed, deaf atomic.Bool
	for i, l := range r.looks {
		if l.before != before {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			var err error
			if r.found[i], err = m.mails.box.Look(ctx, l.chain, slices.Concat(l.addresses, l.resets), l.how); err != nil {
				failed.Store(true)
			}
			switch {
			case errors.Is(err, mailbox.ErrInside): // so it is in a network without the internet
			case err != nil:
				deaf.Store(true)
				m.log.Info("mail not looked for everywhere", slog.Any("peer", r.id), slog.Any("error", err))
			}
		})
	}
	wg.Wait()
	r.failed, r.deaf = r.failed || failed.Load(), r.deaf || deaf.Load()
}

// watchMail has the network tell of mail as soon as it comes, and returns until
// when it does; the zero time if it does not.
func (m *Messenger) watchMail(ctx context.Context, e errand) time.Time {
	all := make([]mailbox.Wish, len(e.wishes))
	for i, w := range e.wishes {
		all[i] = w.Wish
	}
	again, err := m.mails.box.Watch(ctx, e.id, all, func(i int, f mailbox.Found) {
		select {
		case m.calls <- noticed{e.p, e.wishes[i], f}:
		default: // a busy loop finds it by looking
		}
	})
	if err != nil {
		m.log.Info("mail is not watched for everywhere", slog.Any("peer", e.id), slog.Any("error", err))
	}
	return again
}
