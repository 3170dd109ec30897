package messenger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/rendezvous"
	"dione/net/mailbox"
	"dione/net/wire"
	"dione/store"
)

// This file brings those together whom an invitation joins, and who are never
// online at the same time. The rules are:
//   - an offer lies in the network as long as its invitation is open, and is
//     put again each week, and when its maker comes back after a day;
//   - whoever has the invitation answers an offer once; which answer holders
//     had first counts, and the other one is told;
//   - an invitation that ends gets tombstones, so that everybody learns of it.

const (
	// offerAgain is after how long an offer is put again, offerBack the same for
	// one whose maker was away.
	offerAgain, offerBack = 7 * 24 * time.Hour, 24 * time.Hour

	// answerGrace is how long somebody whose invitation was added may take to be
	// reached before their offer is looked for.
	answerGrace = 3 * time.Second

	// maxMeetings is for how many invitations at a time the network is visited.
	maxMeetings = 8

	// answerTimeout is for how long an answer to an invitation is waited for.
	answerTimeout = 30 * 24 * time.Hour
)

// meetings is the part of the engine that looks after invitations.
type meetings struct {
	timer   *time.Timer
	running bool
	states  map[[16]byte]*meeting
}

// meeting is what the loop knows of one invitation, ours or one that we use.
type meeting struct {
	look   time.Time // when something is to be looked for
	turn   int       // counts the looks
	failed int       // puts in a row that nobody has taken
	back   bool      // it was looked after since the start
	told   bool      // the user knows that nothing is there yet
}

// wakeMeetings has the loop look who is due, soon.
func (m *Messenger) wakeMeetings(after time.Duration) { m.meetings.timer.Reset(max(after, 0)) }

// meetingsDue visits the network for invitations.
func (m *Messenger) meetingsDue() {
	if m.mails.box == nil || m.meetings.running {
		return
	}
	if !m.mails.box.Open() {
		m.wakeMeetings(m.closedFor())
		return
	}
	m.meetings.running = true
	m.turn(meetDue{m})
}

// meetDue looks after the invitations that are due.
type meetDue struct{ m *Messenger }

func (d meetDue) fail(error) bool {
	d.m.meetLater()
	return false
}

// meetLater has the network visited again after something was not committed.
func (m *Messenger) meetLater() {
	m.meetings.running = false
	m.wakeMeetings(retryDelay)
}

// meetErrand is what is to be done in the network for one invitation.
type meetErrand struct {
	v       [16]byte
	guest   *person          // who made it; nil: we did
	letters []mailbox.Letter // an offer to be put
	at      mailbox.Chain    // where
	chain   rendezvous.Chain // of what is looked for
	looks   []mailbox.Search // none: nothing is

	outcomes []mailbox.Outcome
	found    []map[parcel.Address]mailbox.Found
}

// place is where the packages of a chain on an invitation lie.
func place(c rendezvous.Chain) mailbox.Chain { return mailbox.Chain{Key: c.Location()} }

func (meetDue) handle(m *Messenger, b *batch) error {
	now := m.mails.box.Now(b.now)
	open, err := b.tx.Invitations()
	if err != nil {
		return err
	}
	next := b.now.Add(time.Hour)
	states := make(map[[16]byte]*meeting)
	var errands []*meetErrand
	due := func(v [16]byte, guest *person) (e *meetErrand, st *meeting) {
		if st = m.meetings.states[v]; st == nil {
			st = new(meeting)
		}
		states[v] = st
		e = &meetErrand{v: v, guest: guest}
		if st.look.After(b.now) {
			if st.look.Before(next) {
				next = st.look
			}
			return e, st
		}
		e.looks = searches(st.turn)
		return e, st
	}
	network := wire.NetworkID(m.cfg.Network)
	for _, inv := range open {
		e, st := due(inv.V, nil)
		offer := rendezvous.ForOffer(inv.V, network, m.selfID)
		e.chain, e.at = rendezvous.ForAnswer(inv.V, network, m.selfID), place(offer)
		// Next is when it is put again while we are up; after an absence sooner.
		soon := inv.Next.Add(offerBack - offerAgain)
		if !inv.Next.After(b.now) || !st.back && !soon.After(b.now) {
			for i, w := range offer.Watch() {
				if i < len(inv.Offer) {
					e.letters = append(e.letters, mailbox.Letter{Core: (*parcel.Core)(inv.Offer[i]), Key: w.Seed.Key()})
				}
			}
		} else if inv.Next.Before(next) {
			next = inv.Next
		}
		errands = append(errands, e)
	}
	for _, p := range m.people {
		v, ok, err := m.waitsFor(b, p)
		if err != nil {
			return err
		}
		if ok {
			e, _ := due(v, p)
			e.chain = rendezvous.ForOffer(v, network, p.ID)
			errands = append(errands, e)
		}
	}
	errands = slices.DeleteFunc(errands, func(e *meetErrand) bool { return len(e.letters)+len(e.looks) == 0 })
	rand.Shuffle(len(errands), func(i, j int) { errands[i], errands[j] = errands[j], errands[i] })
	errands = errands[:min(len(errands), maxMeetings)]
	b.then(func() {
		m.meetings.states = states
		if len(errands) == 0 {
			m.meetings.running = false
			m.wakeMeetings(next.Sub(b.now))
			return
		}
		m.chats.Go(func() { m.runMeetings(errands, now) })
	})
	return nil
}

// searches returns how the places are looked through: all of them at first,
// each on its own, since what two have written there must not mix; then one
// after the other.
func searches(turn int) (all []mailbox.Search) {
	n := 1
	if turn == 0 {
		n = mailbox.Places
	}
	for i := range n {
		all = append(all, mailbox.Search{Places: 1, Turn: turn + i, Holders: 2, Paths: []int{4, 1, 8}[turn%3]})
	}
	return all
}

// waitsFor returns the invitation of p that we want to use, if its offer is to
// be looked for.
func (m *Messenger) waitsFor(b *batch, p *person) (v [16]byte, ok bool, err error) {
	if len(p.Invited) != len(v) || p.conn != nil || p.Standing == store.StandingBlocked {
		return v, false, nil
	}
	if _, err := m.sessionsOf(b, p); err != nil {
		return v, false, err
	}
	return [16]byte(p.Invited), !p.current(), nil
}

// runMeetings visits the network and posts what came of it.
func (m *Messenger) runMeetings(errands []*meetErrand, now time.Time) {
	for _, e := range errands {
		m.runMeeting(e, now)
	}
	m.post(m.mails.ctx, met{m, errands})
}

func (m *Messenger) runMeeting(e *meetErrand, now time.Time) {
	ctx, cancel := context.WithTimeout(m.mails.ctx, mailTime)
	defer cancel()
	var err error
	if len(e.letters) > 0 {
		if e.outcomes, err = m.mails.box.Put(ctx, e.letters, e.at, now); err != nil {
			m.log.Info("offer not put everywhere", slog.Any("error", err))
		}
	}
	addresses := addressesOf(e.chain.Watch())
	for _, how := range e.looks {
		found, err := m.mails.box.Look(ctx, place(e.chain), addresses, how)
		if err != nil {
			m.log.Info("invitation not looked for everywhere", slog.Any("error", err))
		}
		e.found = append(e.found, found)
		if len(found) == len(addresses) {
			return
		}
	}
}

// met is what came of a visit for invitations.
type met struct {
	m       *Messenger
	errands []*meetErrand
}

func (r met) fail(error) bool {
	r.m.meetLater()
	return false
}

func (r met) handle(m *Messenger, b *batch) error {
	b.then(func() {
		m.meetings.running = false
		m.wakeMeetings(0)
	})
	open, err := b.tx.Invitations()
	if err != nil {
		return err
	}
	for _, e := range r.errands {
		st := m.meetings.states[e.v]
		if st == nil {
			continue
		}
		touch := b.now
		if e.guest != nil {
			touch = b.contact(e.guest).Since
			err = m.onOffer(b, e, st)
		} else if i := slices.IndexFunc(open, func(inv store.Invitation) bool { return inv.V == e.v }); i >= 0 {
			touch = open[i].Made
			err = m.onAnswer(b, open[i], e, st)
		}
		if err != nil {
			return err
		}
		b.then(func() {
			st.back = true
			if len(e.looks) > 0 {
				st.turn++
				st.look = b.now.Add(pause(touch, b.now))
				if slices.ContainsFunc(e.found, func(f map[parcel.Address]mailbox.Found) bool { return len(f) > 0 }) && st.turn < 2*mailbox.Places {
					st.look = b.now // some of it: the rest lies elsewhere
				}
			}
		})
	}
	return nil
}

// onAnswer takes what was found of answers to an invitation of ours, and what
// became of its offer.
func (m *Messenger) onAnswer(b *batch, inv store.Invitation, e *meetErrand, st *meeting) error {
	for _, found := range e.found {
		cores, there := coresOf(addressesOf(e.chain.Watch()), found)
		if !there {
			continue
		}
		ok, err := m.acceptAnswer(b, inv, e.chain, cores)
		if err != nil || ok {
			return err
		}
	}
	if len(e.letters) == 0 {
		return nil
	}
	enough := true
	inv.Next = b.now.Add(offerAgain)
	for _, out := range e.outcomes {
		if out.Clash || out.Read {
			b.then(func() {
				m.pending.push(Notice{
					Text: "an invitation that you made on " + inv.Made.Local().Format("2 January") + " has ended: it was used, or taken back, elsewhere",
					Hint: "make a new one with /invite if nobody has come",
				})
			})
			return b.tx.DropInvitation(inv.V)
		}
		enough = enough && mailbox.Enough(out.Count.Held, out.Count.Places)
		if soon := out.Until.Add(-6 * time.Hour); !out.Until.IsZero() && soon.After(b.now) && soon.Before(inv.Next) {
			inv.Next = soon
		}
	}
	if !enough {
		inv.Next = b.now.Add(min(time.Minute<<min(st.failed, 6), time.Hour))
	}
	b.then(func() {
		if st.failed++; enough {
			st.failed = 0
		}
	})
	return b.tx.PutInvitation(inv)
}

// acceptAnswer accepts who has answered an invitation of ours, as if they had
// come over a link. It reports whether they did.
func (m *Messenger) acceptAnswer(b *batch, inv store.Invitation, chain rendezvous.Chain, cores []*parcel.Core) (bool, error) {
	drop := func(err error) (bool, error) {
		m.log.Info("answer to an invitation dropped", slog.Any("error", err))
		return false, nil
	}
	in, intro, err := readIntro(chain, cores)
	switch {
	case err != nil:
		return drop(err)
	case intro.ID == m.selfID:
		return drop(ErrOwnInvitation)
	}
	p := m.people[intro.ID]
	if p == nil {
		p = m.addPerson(store.Contact{ID: intro.ID})
	}
	c := b.contact(p)
	if c.Standing == store.StandingBlocked {
		return drop(&BlockedError{m.shown(p)})
	}
	s, err := m.begun(b, p, inv.Secret, intro, in.Core)
	if err != nil || s == nil {
		return false, err
	}
	if name := wire.CleanName(in.Name); c.Claimed == "" && name != "" {
		c.Claimed = name
		b.then(func() { m.warnTwin(p) })
	}
	m.welcomeGuest(b, p)
	if s.gen >= p.newGen {
		m.established(b, p)
	}
	b.then(func() { m.mailNow(p) })
	return true, m.endInvitation(b, inv, cores)
}

// welcomeGuest makes p, who has used an invitation of ours, a contact.
func (m *Messenger) welcomeGuest(b *batch, p *person) {
	c := b.contact(p)
	c.Standing, c.Kept, c.Since = store.StandingAccepted, true, b.now
	b.then(func() {
		m.pending.push(Notice{Text: m.shown(p).String() + " has used your invitation"})
	})
}

// endInvitation ends an invitation of ours: with the packages of the answer
// that was accepted, or without one.
func (m *Messenger) endInvitation(b *batch, inv store.Invitation, answer []*parcel.Core) error {
	if err := b.tx.DropInvitation(inv.V); err != nil || len(inv.Offer) == 0 {
		return err
	}
	network := wire.NetworkID(m.cfg.Network)
	offer, reply := rendezvous.ForOffer(inv.V, network, m.selfID), rendezvous.ForAnswer(inv.V, network, m.selfID)
	cores := make([]*parcel.Core, len(inv.Offer))
	for i, core := range inv.Offer {
		cores[i] = (*parcel.Core)(core)
	}
	if err := m.buryNote(b, offer, cores, place(offer)); err != nil {
		return err
	}
	return m.buryNote(b, reply, answer, place(reply))
}

// onOffer takes what was found of the offer of somebody whose invitation we
// want to use.
func (m *Messenger) onOffer(b *batch, e *meetErrand, st *meeting) error {
	p := e.guest
	v, ok, err := m.waitsFor(b, p)
	if err != nil || !ok || v != e.v {
		return err // they were reached meanwhile
	}
	for _, found := range e.found {
		for _, f := range found {
			if f.Kind == parcel.Tombstone {
				m.invitationOver(b, p, "was used before, or taken back")
				return nil
			}
		}
		cores, there := coresOf(addressesOf(e.chain.Watch()), found)
		if !there {
			continue
		}
		if ok, err := m.answerOffer(b, p, v, e.chain, cores); err != nil || ok {
			return err
		}
	}
	if !st.told {
		st.told = true
		b.tell(Notice{
			Text: fmt.Sprintf("%s is not reached, and nothing of their invitation is in the mail network yet", m.shown(p)),
			Hint: "both are looked for again; what you write waits",
		})
	}
	return nil
}

// answerOffer begins a session on an offer that was found. It reports whether
// it did.
func (m *Messenger) answerOffer(b *batch, p *person, v [16]byte, chain rendezvous.Chain, cores []*parcel.Core) (bool, error) {
	text, err := chain.Open(cores)
	var offer rendezvous.Offer
	if err == nil {
		offer, err = rendezvous.DecodeOffer(text)
	}
	var bundle pqxdh.Bundle
	if err == nil {
		bundle, err = pqxdh.DecodeBundle(offer.Bundle)
	}
	if err == nil {
		err = bundle.Check(p.ID, pqxdh.ForInvitation(v))
	}
	if err == nil {
		answer := rendezvous.ForAnswer(v, wire.NetworkID(m.cfg.Network), p.ID)
		day := mailbox.DayOf(m.mails.box.Now(b.now))
		err = m.introduce(b, p, bundle, day, answer, note{Key: answer.Location()}, m.Self().Name)
		if err != nil && !errors.Is(err, errKeys) {
			return false, err
		}
	}
	if err != nil {
		m.log.Info("offer dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return false, nil
	}
	if c, name := b.contact(p), wire.CleanName(offer.Name); c.Claimed == "" && name != "" {
		c.Claimed = name
		b.then(func() { m.warnTwin(p) })
	}
	b.then(func() {
		m.pending.push(Notice{Text: m.shown(p).String() + " is away: your answer to their invitation, and what you write, waits for them in the mail network"})
	})
	return true, nil
}

// invitationOver says that the invitation of p cannot be used. They stay a
// contact, who may still be reached.
func (m *Messenger) invitationOver(b *batch, p *person, why string) {
	b.contact(p).Invited = nil
	b.then(func() {
		m.pending.push(Notice{
			Failed: true,
			Text:   "the invitation of " + m.shown(p).String() + " " + why,
			Hint:   "ask for a new one; what you have written waits for them",
		})
	})
}

// sweepInvited gives up invitations that nobody has answered for long.
func (m *Messenger) sweepInvited(b *batch) error {
	for _, p := range m.people {
		if p.Invited == nil || b.now.Sub(p.Since) < answerTimeout {
			continue
		}
		all, err := m.sessionsOf(b, p)
		if err != nil {
			return err
		}
		for _, s := range slices.Clone(all) {
			if s.note != nil && s.note.Day == 0 {
				if err := p.dropSession(b, s); err != nil {
					return err
				}
			}
		}
		m.invitationOver(b, p, "has ended: nobody has answered in 30 days")
	}
	return nil
}
