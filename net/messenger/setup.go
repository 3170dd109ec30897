package messenger

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/ratchet"
	"dione/net/wire"
	"dione/store"
)

// This file sets sessions up over a live link: what both sides say when it
// comes up, keys asked for and given, and introductions.

const (
	// maxRefused is how many of our introductions are refused on one link
	// before we wait for the next one.
	maxRefused = 3

	// maxRequests is how many strangers wait for the user's word at most; the
	// oldest is forgotten for a new one.
	maxRequests = 200

	// maxForgotten bounds how far the other side can push the numbers of our
	// messages up: nobody forgets more.
	maxForgotten = 1 << 32
)

// accepted reports whether p may write to us in private over l.
func accepted(c *store.Contact, l *link) bool {
	switch c.Standing {
	case store.StandingBlocked:
		return false
	case store.StandingAccepted:
		return true
	}
	return c.Kept || l.path == PathLAN
}

// greet says what we know when a chat stream has begun, or when somebody was
// accepted on it; and then gives the keys that they had asked for.
type greet struct {
	p *person
	l *link
}

func (g greet) fail(error) bool { return true }

func (g greet) handle(m *Messenger, b *batch) error {
	c := b.contact(g.p)
	if g.l.ended || !accepted(c, g.l) {
		return nil
	}
	if err := m.sweepSessions(b, g.p); err != nil {
		return err
	}
	seen, err := b.tx.NewestSeq(Chat{Peer: g.p.ID}, g.p.ID)
	if err != nil {
		return err
	}
	hello := wire.Sync{Gen: g.p.gen(b), Seen: seen}
	if c.Standing == store.StandingAccepted {
		hello.Addrs = packAddrs(m.Self().Addrs)
	}
	frames := []wire.Message{nil}
	for _, s := range g.p.sessions {
		sent := s.ratchet.Sent()
		hello.Sessions = append(hello.Sessions, wire.SessionState{SID: s.sid, Epoch: sent.Epoch, Next: sent.N})
		frames = append(frames, s.receipt([]uint32{0}))
	}
	frames[0] = hello
	b.then(func() {
		g.l.push(frames...)
		m.shareNodes(g.l)
	})
	if g.l.private.asking {
		return m.giveKeys(b, g.p, g.l)
	}
	return m.wantKeys(b, g.p)
}

// onSync takes what the peer knows.
func (m *Messenger) onSync(b *batch, p *person, l *link, msg wire.Sync) error {
	if l.private.synced || l.private.expect > 0 {
		return nil // it is said once
	}
	b.then(func() { m.welcomed(p) })
	c := b.contact(p)
	if msg.Gen <= c.Gen+pqxdh.MaxLeap { // else it is no honest one
		c.Gen = max(c.Gen, msg.Gen)
		l.private.gen = msg.Gen
	}
	c.Heard = unpackAddrs(msg.Addrs)
	l.private.expect = len(msg.Sessions)
	l.private.synced = len(msg.Sessions) == 0
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	lost := false
	for _, s := range slices.Clone(all) {
		i := slices.IndexFunc(msg.Sessions, func(o wire.SessionState) bool { return o.SID == s.sid })
		switch {
		case i >= 0 && s.ratchet.Precedes(ratchet.Index{Epoch: msg.Sessions[i].Epoch, N: msg.Sessions[i].Next}):
			return m.startOver(b, p, theirsIsOld)
		case i >= 0:
			if err := m.answered(b, p, s); err != nil {
				return err
			}
		case s.intro != nil: // it never arrived
			b.then(func() { l.push(wire.Intro{Intro: s.intro}) })
		default:
			if err := p.loseSession(b, s); err != nil {
				return err
			}
			lost = true
		}
	}
	if lost && len(p.sessions) == 0 {
		m.tellStartOver(b, p, theirsIsOld)
	}
	newest, err := b.tx.NewestSeq(Chat{Peer: p.ID}, m.selfID)
	if err != nil {
		return err
	}
	if msg.Seen > newest && msg.Seen-newest <= maxForgotten { // of ours: we have forgotten what we wrote
		c.Floor = max(c.Floor, msg.Seen)
		if err := m.renumber(b, p); err != nil {
			return err
		}
	}
	b.send(p)
	return m.wantKeys(b, p)
}

// wantKeys asks for keys when there is no session to write in and a reason for
// one: something waits, or the two are contacts and it is on us to ask.
func (m *Messenger) wantKeys(b *batch, p *person) error {
	l := p.link
	if l == nil || l.ended || l.private.asked {
		return nil
	}
	c := b.contact(p)
	if _, err := m.sessionsOf(b, p); err != nil {
		return err
	}
	if p.current() && c.Invited == nil {
		return nil // also one in which we have to wait for the first package
	}
	want := c.Standing == store.StandingAccepted && bytes.Compare(m.selfID[:], p.ID[:]) < 0 || c.Invited != nil || p.newGen > 0
	if !want {
		waiting, err := b.tx.Unsealed(p.ID, 0, 1)
		if err != nil {
			return err
		}
		want = len(waiting) > 0
	}
	if !want && c.Standing == store.StandingAccepted && c.Gen == 0 {
		want = true // whom the user has added is asked, whoever they are
	}
	if want {
		m.askKeys(b, p, l)
	}
	return nil
}

func (m *Messenger) askKeys(b *batch, p *person, l *link) {
	l.private.asked = true
	var proof []byte
	if v := b.contact(p).Invited; len(v) == 16 {
		shown := pqxdh.Proof([16]byte(v), m.selfID, p.ID)
		proof = shown[:]
	}
	b.then(func() {
		l.push(wire.Ask{Proof: proof})
		m.asked.Reset(answerTime)
	})
}

// onAsk gives keys to whom the user has accepted, and notes the request of
// anybody else.
func (m *Messenger) onAsk(b *batch, p *person, l *link, msg wire.Ask) error {
	c := b.contact(p)
	if !accepted(c, l) {
		ok, err := m.redeem(b, p, msg.Proof)
		if err != nil {
			return err
		}
		if !ok {
			return m.request(b, p, l)
		}
		l.private.asking = true
		b.then(func() { m.todo = append(m.todo, greet{p, l}) }) // that was not said to a stranger
		return nil
	}
	return m.giveKeys(b, p, l)
}

// giveKeys sends p keys made for them: the ones that they have not used yet,
// or new ones.
func (m *Messenger) giveKeys(b *batch, p *person, l *link) error {
	kept, ok, err := b.tx.PrekeyOf(p.ID)
	if err != nil {
		return err
	}
	if !ok {
		bundle, secrets, err := pqxdh.NewBundle(rand.Reader, m.keys, pqxdh.ForContact(p.ID))
		if err != nil {
			return fmt.Errorf("make keys for %s: %w", p.ID.Short(), err)
		}
		kept = store.Prekey{Number: bundle.Number, Peer: p.ID, Made: b.now, Bundle: bundle.Encode(), Secret: secrets.Encode()}
		if err := b.tx.PutPrekey(kept); err != nil {
			return err
		}
	}
	l.private.asking = false
	b.then(func() { l.push(wire.Keys{Bundle: kept.Bundle}) })
	return nil
}

// request notes that a stranger from elsewhere would like to write.
func (m *Messenger) request(b *batch, p *person, l *link) error {
	l.private.asking = true
	c := b.contact(p)
	if c.Standing == store.StandingRequest {
		return nil
	}
	c.Standing, c.Since = store.StandingRequest, b.now
	oldest, err := b.tx.OldestRequests(maxRequests - 1)
	if err != nil {
		return err
	}
	for _, id := range oldest {
		if other := m.people[id]; other != nil && other != p {
			b.contact(other).Standing = store.StandingMet
		}
	}
	b.then(func() { m.pending.push(RequestReceived{Person: m.shown(p)}) })
	return nil
}

// redeem reports whether proof shows an open invitation of ours, which is used
// up by it: p is accepted then.
func (m *Messenger) redeem(b *batch, p *person, proof []byte) (bool, error) {
	if len(proof) == 0 {
		return false, nil
	}
	open, err := b.tx.Invitations()
	if err != nil {
		return false, err
	}
	for _, inv := range open {
		want := pqxdh.Proof(inv.V, p.ID, m.selfID)
		if b.now.After(inv.Expires) || subtle.ConstantTimeCompare(want[:], proof) != 1 {
			continue
		}
		m.welcomeGuest(b, p)
		return true, m.endInvitation(b, inv, nil)
	}
	return false, nil
}

// onKeys sets a session up on the keys that we have asked for.
func (m *Messenger) onKeys(b *batch, p *person, l *link, msg wire.Keys) error {
	if !l.private.asked {
		return nil
	}
	if _, err := m.sessionsOf(b, p); err != nil {
		return err
	}
	if p.current() {
		return nil // their introduction was faster
	}
	bundle, err := pqxdh.DecodeBundle(msg.Bundle)
	if err == nil {
		err = bundle.Check(p.ID, pqxdh.ForContact(m.selfID))
	}
	var s *session
	if err == nil {
		s, _, err = m.initiate(b, p, bundle, max(p.gen(b), l.private.gen)+1, b.day(), nil)
		if err != nil && !errors.Is(err, errKeys) {
			return err
		}
	}
	if err != nil {
		m.log.Info("keys dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		b.then(func() { l.conn.Close("sent keys that cannot be used") })
		return nil
	}
	m.established(b, p)
	b.then(func() { l.push(wire.Intro{Intro: s.intro}) })
	b.send(p)
	return nil
}

// earlier is for how many days before its first the places of a session begin:
// the clocks of others may be behind ours.
const earlier = 2

// initiate begins a session with p on a bundle of theirs, which was checked. at
// is where its introduction is to lie in the mail network, nil if nowhere. It
// returns the session's first package too, which is void: with it the other
// side can write in the session as well. After [errKeys] nothing has happened.
func (m *Messenger) initiate(b *batch, p *person, bundle pqxdh.Bundle, gen uint64, day uint32, at *note) (*session, store.Parcel, error) {
	day -= min(day-1, earlier)
	intro, shared, err := pqxdh.Start(rand.Reader, m.keys, p.ID, bundle, gen, day)
	if err != nil {
		return nil, store.Parcel{}, fmt.Errorf("%w: %w", errKeys, err)
	}
	r, err := ratchet.Initiate(shared.SK, shared.T, shared.Responder)
	if err != nil {
		return nil, store.Parcel{}, fmt.Errorf("%w: %w", errKeys, err)
	}
	s := &session{sid: shared.SID, started: b.now, ratchet: r, number: bundle.Number, intro: intro.Encode(), note: at}
	s.gen = gen
	s.keep(shared, true, day)
	if err := m.addSession(b, p, s); err != nil {
		return nil, store.Parcel{}, err
	}
	first, err := m.sealPart(b, s, parcel.Fragment{}, 0)
	return s, first, err
}

// answered notes that p knows a session that we have begun.
func (m *Messenger) answered(b *batch, p *person, s *session) error {
	if s.intro == nil {
		return nil
	}
	s.intro, s.dirty = nil, true
	if s.note == nil {
		return nil
	}
	if s.note.Day == 0 {
		b.then(func() {
			m.pending.push(Notice{Text: m.shown(p).String() + " has accepted your answer to their invitation"})
		})
	}
	s.note = nil
	m.established(b, p)
	return b.tx.DropIntro(s.row)
}

// established notes that p and we can write to each other.
func (m *Messenger) established(b *batch, p *person) {
	b.contact(p).Invited = nil
	p.newGen = 0
	b.then(func() { m.welcomed(p) })
}

// onIntro takes the session that the peer has set up on keys of ours, once.
func (m *Messenger) onIntro(b *batch, p *person, l *link, msg wire.Intro) error {
	if !accepted(b.contact(p), l) {
		return nil
	}
	drop := func(err error) error {
		m.log.Info("introduction dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		b.then(func() { l.conn.Close("sent an introduction that cannot be used") })
		return nil
	}
	intro, err := pqxdh.DecodeIntro(msg.Intro)
	if err != nil {
		return drop(err)
	}
	kept, ok, err := b.tx.Prekey(intro.Number)
	if err != nil {
		return err
	}
	if !ok || kept.Peer != p.ID {
		b.then(func() { l.push(wire.Refused{Number: intro.Number}) })
		return nil
	}
	shared, err := m.answer(b, p, kept, intro)
	if err != nil {
		return drop(err)
	}
	r := ratchet.Accept(shared.SK, shared.T, shared.Own)
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	if err := b.tx.DropPrekey(intro.Number); err != nil {
		return err
	}
	if bySID(all, shared.SID) != nil {
		return nil // the same introduction again
	}
	s := &session{sid: shared.SID, started: b.now, ratchet: r}
	s.gen = intro.Gen
	s.keep(shared, false, intro.Day0)
	if err := m.addSession(b, p, s); err != nil {
		return err
	}
	if kept.Session != 0 {
		m.supersede(b, p, s)
	}
	if intro.Gen >= p.newGen {
		m.established(b, p)
	}
	b.receipt(l, s, 0)
	return nil
}

// answer is the responder's half of the set-up.
func (m *Messenger) answer(b *batch, p *person, kept store.Prekey, intro pqxdh.Intro) (pqxdh.Shared, error) {
	if intro.ID != p.ID {
		return pqxdh.Shared{}, errors.New("it is somebody else's")
	}
	if err := intro.Check(p.gen(b), b.day()); err != nil {
		return pqxdh.Shared{}, err
	}
	secrets, err := pqxdh.DecodeSecrets(kept.Secret)
	if err != nil {
		return pqxdh.Shared{}, err
	}
	return pqxdh.Answer(m.keys, secrets, intro)
}

// onRefused starts again: the keys that we have built on are used up.
func (m *Messenger) onRefused(b *batch, p *person, l *link, msg wire.Refused) error {
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(s *session) bool { return s.intro != nil && s.number == pqxdh.Number(msg.Number) })
	if i < 0 {
		return nil
	}
	if err := p.dropSession(b, all[i]); err != nil {
		return err
	}
	b.send(p) // another session may be there
	if l.private.refused++; l.private.refused <= maxRefused {
		l.private.asked = false
		return m.wantKeys(b, p)
	}
	return nil
}
