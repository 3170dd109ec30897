package messenger

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"dione/crypto/parcel"
	"dione/crypto/ratchet"
	"dione/net/mailbox"
	"dione/store"
)

// This file takes what came of a visit of the network: packages of others,
// receipts of ours, and what nodes keep.

// noticed is mail that a node has told of.
type noticed struct {
	p     *person
	wish  wish
	found mailbox.Found
}

func (noticed) fail(error) bool { return false }

func (n noticed) handle(m *Messenger, b *batch) error {
	p := n.p
	if !m.mailable(p) {
		return nil // the link brings it
	}
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	s := byRow(all, n.wish.session)
	if s == nil {
		return nil
	}
	l := look{session: s.row, chain: n.wish.Chain, addresses: []parcel.Address{n.found.Address}}
	found := map[parcel.Address]mailbox.Found{n.found.Address: n.found}
	if n.wish.own {
		l.own = make(map[parcel.Address]store.Parcel)
		mailed, err := b.tx.MailedParcels(s.row, ratchet.MaxUnacked)
		if err != nil {
			return err
		}
		for _, one := range mailed {
			l.own[one.Address] = one
		}
		if _, ok := l.own[n.found.Address]; !ok {
			return nil // it is acknowledged by now
		}
		return m.receipts(b, p, s, l, found)
	}
	news, err := m.collect(b, p, s, l, found)
	if news {
		b.then(func() {
			p.mail.touch, p.mail.look = b.now, b.now // for what comes next
			m.wakeMail(mailPace)
		})
	}
	return err
}

// visited is what came of an errand.
type visited struct {
	m *Messenger
	errand
	outcomes []mailbox.Outcome
	found    []map[parcel.Address]mailbox.Found // for each look
	failed   bool                               // there may be more on the internet: some of it could not be asked
	deaf     bool                               // nobody has answered
	watched  time.Time                          // until when nodes tell of what comes; zero if not all do
}

// taken reports whether a receipt of a package was found.
func (v *visited) taken(one store.Parcel) bool {
	core := parcel.Core(one.Core)
	for i, l := range v.looks {
		if f, ok := v.found[i][one.Address]; ok && l.own != nil && f.Kind == parcel.Tombstone && f.Sum == core.Sum() {
			return true
		}
	}
	return false
}

func (v visited) fail(error) bool {
	v.m.visitUndone(v.p) // it is done again
	return false
}

func (v visited) handle(m *Messenger, b *batch) error {
	p := v.p
	if _, err := m.sessionsOf(b, p); err != nil {
		return err
	}
	news := false
	for i, l := range v.looks {
		if p.Standing == store.StandingBlocked {
			break // meanwhile: nothing of theirs is taken
		}
		if len(l.resets) > 0 {
			begun, err := m.onReset(b, p, l, v.found[i])
			if err != nil {
				return err
			}
			news = news || begun
		}
		s := byRow(p.sessions, l.session)
		if s == nil {
			continue
		}
		if l.own != nil {
			if err := m.receipts(b, p, s, l, v.found[i]); err != nil {
				return err
			}
			continue
		}
		opened, err := m.collect(b, p, s, l, v.found[i])
		if err != nil {
			return err
		}
		news = news || opened
	}
	if err := m.notesPut(b, p, v.notes); err != nil {
		return err
	}
	if len(v.put) > 0 {
		if err := m.posted(b, p, v); err != nil {
			return err
		}
	}
	return m.plan(b, p, v, news)
}

// plan says when the network is visited for p again.
func (m *Messenger) plan(b *batch, p *person, v visited, news bool) error {
	var next time.Time
	if s := p.writable(); s != nil {
		at, ok, err := b.tx.NextMail(s.row)
		if err != nil {
			return err
		}
		if ok {
			next = at
		}
	}
	done := v.seeks && !v.failed && !news // where there was one there may be more
	if done {
		if err := m.noteUp(b, p, v.now); err != nil {
			return err
		}
	}
	b.then(func() {
		m.mails.running--
		p.mail.running = false
		if p.conn == nil {
			p.forgetSessions()
		}
		if v.puts || p.mail.put.IsZero() || !next.IsZero() && next.Before(p.mail.put) {
			p.mail.put = next
		}
		if p.mail.more {
			p.mail.put = b.now.Add(mailPace)
		}
		if v.stuck {
			p.mail.put = b.now.Add(stuckPause)
		}
		if news {
			p.mail.touch = b.now
		}
		if done {
			p.mail.seen = v.now
		}
		p.mail.watch = v.watched
		if v.seeks {
			p.mail.turn++
			p.mail.look = b.now.Add(v.pause(b.now))
			if news {
				p.mail.look = b.now
			}
			m.mailHeard(p, !v.deaf)
		}
		m.wakeMail(0)
	})
	return nil
}

// pause is how long after a visit mail is looked for again.
func (v *visited) pause(now time.Time) time.Duration {
	if v.watched.IsZero() {
		return pause(v.p.mail.touch, now)
	}
	d := idlePause // to make sure
	if now.Sub(v.p.mail.touch) < talkTime {
		d = activePause
	}
	return d/2 + rand.N(d)
}

// pause is how long after a look for mail comes the next, if nobody tells of
// what comes.
func pause(touch, now time.Time) time.Duration {
	d := idlePause
	switch ago := now.Sub(touch); {
	case ago < talkTime:
		d = talkPause
	case ago < activeTime:
		d = activePause
	}
	return d/2 + rand.N(d)
}

func byRow(all []*session, row int64) *session {
	for _, s := range all {
		if s.row == row {
			return s
		}
	}
	return nil
}

// collect takes packages of p that were found, and has tombstones put in their
// place. It reports whether there was a new one.
func (m *Messenger) collect(b *batch, p *person, s *session, l look, found map[parcel.Address]mailbox.Found) (news bool, err error) {
	for _, a := range l.addresses { // in the order in which they were written
		f, ok := found[a]
		if ok && s.isOld(f) {
			return news, m.startOver(b, p, oursIsOld)
		}
		if !ok || f.Kind != parcel.Data {
			continue
		}
		opened, err := s.ratchet.Open(a.Hint(), f.Core, b.day())
		if err != nil {
			// Of another session, or there already: by a link, or at another place.
			m.log.Info("mail dropped", slog.Any("peer", p.ID), slog.Any("error", err))
			if errors.Is(err, ratchet.ErrForged) {
				return news, m.notOpened(b, p, s)
			}
			continue
		}
		news, s.dirty, s.odd = true, true, time.Time{}
		if err := m.answered(b, p, s); err != nil {
			return news, err
		}
		if err := m.onBody(b, p, PathMailbox, s, &opened.Body); err != nil {
			return news, err
		}
		key := opened.Seed.Key()
		var stones [][]byte
		for _, place := range l.chain.Places() {
			stone := key.Bury(f.Core, place, f.Expiry)
			stones = append(stones, stone[:])
		}
		if err := b.tx.AddBurial(stones, b.now); err != nil {
			return news, err
		}
	}
	if news {
		b.then(func() { m.mails.bury = time.Time{} })
	}
	return news, nil
}

// receipts takes the tombstones of packages of ours.
func (m *Messenger) receipts(b *batch, p *person, s *session, l look, found map[parcel.Address]mailbox.Found) error {
	for a, f := range found {
		one := l.own[a]
		if one.Epoch == 0 {
			if err := m.onNote(b, p, s, one, f); err != nil {
				return err
			}
			continue
		}
		core := parcel.Core(one.Core)
		switch {
		case f.Sum != core.Sum():
			return m.startOver(b, p, oursIsOld)
		case f.Kind != parcel.Tombstone:
			continue
		}
		if err := m.read(b, p, s, one); err != nil {
			return err
		}
	}
	return nil
}

// read takes the proof that p has taken one package.
func (m *Messenger) read(b *batch, p *person, s *session, one store.Parcel) error {
	at := ratchet.Index{Epoch: one.Epoch, N: one.N}
	fresh, err := s.ratchet.Receipt(at)
	if err != nil {
		m.log.Info("receipt dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return nil
	}
	if !fresh {
		return nil
	}
	return m.arrived(b, p, s, []ratchet.Index{at})
}

// posted takes note of what became of packages that were put.
func (m *Messenger) posted(b *batch, p *person, v visited) error {
	s := byRow(p.sessions, v.put[0].Session)
	if s == nil {
		return nil // it was dropped meanwhile
	}
	touched := make(map[int64]struct{})
	taken := false
	for i, one := range v.put {
		out := v.outcomes[i]
		switch {
		case out.Clash:
			return m.startOver(b, p, oursIsOld)
		case out.Read:
			taken = true
			if err := m.read(b, p, s, one); err != nil {
				return err
			}
			continue
		}
		mailed := one.Mailed
		mailed.Day, mailed.Held, mailed.Places = v.ours.Day, out.Count.Held, out.Count.Places
		if mailed.First.IsZero() && out.Count.Held > 0 {
			mailed.First = b.now
		}
		mailed.Next = nextPut(mailed, out, p.mail.failed, b.now)
		taken = taken || out.Count.Held > 0
		if err := b.tx.PutMailed(s.row, store.ParcelIndex{Epoch: one.Epoch, N: one.N}, mailed); err != nil {
			return err
		}
		if one.Message > 0 {
			touched[one.Message] = struct{}{}
		}
	}
	for message := range touched {
		msg, changed, err := b.tx.MailHeld(message, mailbox.Enough)
		if err != nil {
			return err
		}
		if changed {
			if err := b.further(msg); err != nil {
				return err
			}
		}
	}
	b.then(func() {
		if p.mail.failed++; taken {
			p.mail.failed = 0
		}
	})
	return nil
}

// nextPut is when a package is put again.
func nextPut(mailed store.Mailed, out mailbox.Outcome, failed int, now time.Time) time.Time {
	if !mailbox.Enough(out.Count.Held, out.Count.Places) {
		return now.Add(min(time.Minute<<min(failed, 6), time.Hour))
	}
	next := now.Add(24 * time.Hour)
	for _, days := range putAgain {
		if at := mailed.First.Add(days * 24 * time.Hour); at.After(now) {
			next = at
			break
		}
	}
	if soon := out.Until.Add(-6 * time.Hour); soon.After(now) && soon.Before(next) {
		next = soon
	}
	return next
}

// bury puts tombstones of what was taken out of the network.
type bury struct{ m *Messenger }

func (b bury) fail(error) bool {
	b.m.buryUndone()
	return false
}

func (bury) handle(m *Messenger, b *batch) error {
	due, err := b.tx.DueBurials(b.now, maxMail)
	if err != nil {
		return err
	}
	b.then(func() {
		if len(due) == 0 {
			m.mails.burying, m.mails.bury = false, b.now.Add(time.Minute)
			return
		}
		m.chats.Go(func() {
			ctx, cancel := context.WithTimeout(m.mails.ctx, mailTime)
			defer cancel()
			r := buried{m: m, due: due, ok: make([]bool, len(due))}
			for i, one := range due {
				var err error
				if r.ok[i], err = m.mails.box.Bury(ctx, one.Stones); err != nil {
					m.log.Info("tombstone not put everywhere", slog.Any("error", err))
				}
			}
			m.post(m.mails.ctx, r)
		})
	})
	return nil
}

// buried is what became of tombstones.
type buried struct {
	m   *Messenger
	due []store.Burial
	ok  []bool
}

func (r buried) fail(error) bool {
	r.m.buryUndone()
	return false
}

func (r buried) handle(m *Messenger, b *batch) error {
	for i, one := range r.due {
		err := error(nil)
		if r.ok[i] {
			err = b.tx.Buried(one.Row)
		} else {
			err = b.tx.BuryLater(one.Row, b.now.Add(min(time.Minute<<min(one.Tries, 10), 6*time.Hour)))
		}
		if err != nil {
			return err
		}
	}
	b.then(func() {
		m.mails.burying, m.mails.bury = false, b.now
		m.wakeMail(time.Second)
	})
	return nil
}

// failMail gives up what the network has had for so long that nobody can come
// for it any more.
func (m *Messenger) failMail(b *batch) error {
	failed, err := b.tx.FailMail(b.now.Add(-giveUpTime), "no receipt came in 30 days")
	for _, msg := range failed {
		err = errors.Join(err, b.further(msg))
	}
	return err
}
