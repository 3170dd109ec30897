package messenger

import (
	"context"
	crand "crypto/rand"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/ratchet"
	"dione/crypto/rendezvous"
	"dione/net/mailbox"
	"dione/store"
)

// This file holds introductions in the mail network: how a session begins with
// somebody who is away. The rules are:
//   - an introduction is sealed once, in the transaction that makes the
//     session, and the same packages are put again until somebody answers;
//   - it goes with the session's first message, so it is believed when it comes;
//   - its tombstone is the answer, and proof of another one its end.

// errKeys says that a session cannot be begun on keys of the other side.
var errKeys = errors.New("keys that cannot be used")

// note is where an introduction lies.
type note struct {
	Key [32]byte `cbor:"1,keyasint"`           // location key
	Day uint32   `cbor:"2,keyasint,omitempty"` // of it; 0: the places do not change, those of an invitation
}

// at returns the places of a day.
func (n *note) at(day uint32) (mailbox.Chain, bool) {
	c := mailbox.Chain{Key: n.Key, Day: n.Day}
	if n.Day == 0 {
		return c, true
	}
	return c.At(day)
}

// introduce begins a session with p on a bundle of theirs. Its introduction is
// put into the mail network at a place, sealed on a chain.
func (m *Messenger) introduce(b *batch, p *person, bundle pqxdh.Bundle, day uint32, on rendezvous.Chain, at note, name string) error {
	s, first, err := m.initiate(b, p, bundle, max(p.gen(b)+1, p.newGen), day, &at)
	if err != nil {
		return err
	}
	sealed, err := on.Seal(crand.Reader, rendezvous.Intro{Intro: s.intro, Core: first.Core, Name: name}.Encode())
	if err != nil {
		return err
	}
	for _, one := range sealed {
		if err := b.tx.PutParcel(store.Parcel{
			Session: s.row, N: one.N, Parts: len(sealed), Core: one.Core[:], Seed: one.Seed, Address: one.Seed.Address(),
		}); err != nil {
			return err
		}
	}
	p.backlog = true
	b.then(func() { m.mailNow(p) })
	return nil
}

// mailNow has mail for p put and looked for at once.
func (m *Messenger) mailNow(p *person) {
	now := time.Now()
	p.mail.touch, p.mail.put, p.mail.look, p.mail.more = now, now, now, true
	m.wakeMail(0)
}

// noteErrand is an introduction that a visit puts into the network.
type noteErrand struct {
	session  int64
	put      []store.Parcel
	chain    mailbox.Chain
	outcomes []mailbox.Outcome
}

// packNotes takes along introductions that are to be put.
func (m *Messenger) packNotes(b *batch, p *person, e *errand) error {
	for _, s := range p.sessions {
		if s.note == nil {
			continue
		}
		chain, ok := s.note.at(e.day())
		if !ok {
			continue // the clock has gone back to before it
		}
		n := noteErrand{session: s.row, chain: chain}
		all, err := b.tx.IntroParcels(s.row)
		if err != nil {
			return err
		}
		for _, one := range all {
			if !one.Mailed.Next.After(b.now) {
				n.put = append(n.put, one)
			}
		}
		if len(n.put) > 0 {
			e.notes = append(e.notes, n)
		}
	}
	return nil
}

// seekNotes takes along what is to be looked for where introductions lie, or
// have lain: that they were read. As with other mail that is where they were
// put last and one of the days before, and all of them when we come back.
func (m *Messenger) seekNotes(b *batch, p *person, e *errand) error {
	how := mailbox.Search{Places: mailbox.Places, Turn: p.mail.turn, Holders: 2, Paths: 1}
	for _, s := range p.sessions {
		if s.note == nil {
			continue
		}
		all, err := b.tx.IntroParcels(s.row)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(one store.Parcel) bool { return one.Mailed.First.IsZero() })
		if len(all) == 0 {
			continue
		}
		last := all[0].Mailed.Day
		some := last - rand.Uint32N(last-s.note.Day+1)
		for day := s.note.Day; day <= last; day++ {
			if chain, ok := s.note.at(day); ok && (day == last || day == some || p.mail.turn == 0) {
				l := look{session: s.row, chain: chain, how: how, own: make(map[parcel.Address]store.Parcel)}
				for _, one := range all {
					l.addresses = append(l.addresses, one.Address)
					l.own[one.Address] = one
				}
				e.looks = append(e.looks, l)
			}
		}
	}
	return nil
}

// putNotes puts introductions into the network.
func (m *Messenger) putNotes(ctx context.Context, e *errand) {
	for i := range e.notes {
		n := &e.notes[i]
		var err error
		if n.outcomes, err = m.mails.box.Put(ctx, lettersOf(n.put), n.chain, e.now); err != nil {
			m.log.Info("introduction not put everywhere", slog.Any("peer", e.id), slog.Any("error", err))
		}
	}
}

func lettersOf(put []store.Parcel) []mailbox.Letter {
	letters := make([]mailbox.Letter, len(put))
	for i, one := range put {
		letters[i] = mailbox.Letter{Core: (*parcel.Core)(one.Core), Key: parcel.Seed(one.Seed).Key()}
	}
	return letters
}

// notesPut takes note of what became of introductions.
func (m *Messenger) notesPut(b *batch, p *person, notes []noteErrand) error {
	for _, n := range notes {
		s := byRow(p.sessions, n.session)
		if s == nil || s.note == nil {
			continue // it was dropped, or is answered
		}
		for i, one := range n.put {
			out := n.outcomes[i]
			if out.Clash {
				return m.noteClash(b, p, s)
			}
			if out.Read {
				return m.noteRead(b, p, s)
			}
			mailed := one.Mailed
			mailed.Day, mailed.Held, mailed.Places = n.chain.Day, out.Count.Held, out.Count.Places
			if mailed.First.IsZero() && out.Count.Held > 0 {
				mailed.First = b.now
			}
			mailed.Next = nextPut(mailed, out, p.mail.failed, b.now)
			if err := b.tx.PutMailed(s.row, store.ParcelIndex{Epoch: one.Epoch, N: one.N}, mailed); err != nil {
				return err
			}
		}
	}
	return nil
}

// onNote takes what lies in the place of a package of an introduction.
func (m *Messenger) onNote(b *batch, p *person, s *session, one store.Parcel, f mailbox.Found) error {
	core := parcel.Core(one.Core)
	switch {
	case s.note == nil: // it is answered
	case f.Sum != core.Sum():
		return m.noteClash(b, p, s)
	case f.Kind == parcel.Tombstone:
		return m.noteRead(b, p, s)
	}
	return nil
}

// noteRead takes the proof that p has read the introduction of s, and with it
// the session's first package.
func (m *Messenger) noteRead(b *batch, p *person, s *session) error {
	if err := m.answered(b, p, s); err != nil {
		return err
	}
	return m.read(b, p, s, store.Parcel{Epoch: 1})
}

// noteClash takes the proof that another introduction than that of s was put
// in its place, or none is to be. The session will never be.
func (m *Messenger) noteClash(b *batch, p *person, s *session) error {
	day := s.note.Day
	if s.note = nil; day == 0 { // it is dropped: what is found beside it says no more
		if err := p.dropSession(b, s); err != nil {
			return err
		}
		m.invitationOver(b, p, "was used before, or taken back")
		return nil
	}
	b.then(func() {
		m.pending.push(Notice{
			Failed: true,
			Text:   "the session with " + m.shown(p).String() + " cannot be set up anew by mail: another copy of this profile has done so",
			Hint:   "it is set up when you are both connected; do not run two copies of a profile",
		})
	})
	return p.dropSession(b, s)
}

// begun takes a session that p has begun on keys of ours, with its first
// package: nil if it is none.
func (m *Messenger) begun(b *batch, p *person, secret []byte, intro pqxdh.Intro, core []byte) (*session, error) {
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return nil, err
	}
	secrets, err := pqxdh.DecodeSecrets(secret)
	if err != nil {
		return nil, err
	}
	begun, err := rendezvous.Accept(m.keys, secrets, intro, (*parcel.Core)(core), p.gen(b), b.day())
	if err != nil || bySID(all, begun.Shared.SID) != nil {
		m.log.Info("introduction dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return nil, nil
	}
	s := &session{sid: begun.Shared.SID, started: b.now, ratchet: begun.Session}
	s.gen = intro.Gen
	s.keep(begun.Shared, false, intro.Day0)
	if err := m.addSession(b, p, s); err != nil {
		return nil, err
	}
	return s, m.onBody(b, p, PathMailbox, s, &begun.First.Body)
}

// readIntro reads an introduction out of its packages.
func readIntro(chain rendezvous.Chain, cores []*parcel.Core) (in rendezvous.Intro, intro pqxdh.Intro, err error) {
	text, err := chain.Open(cores)
	if err != nil {
		return in, intro, err
	}
	if in, err = rendezvous.DecodeIntro(text); err != nil {
		return in, intro, err
	}
	intro, err = pqxdh.DecodeIntro(in.Intro)
	return in, intro, err
}

// buryNote has tombstones put in the place of a note, at the places of a chain:
// of its cores, and where there is none of a void one.
func (m *Messenger) buryNote(b *batch, on rendezvous.Chain, cores []*parcel.Core, chain mailbox.Chain) error {
	expiry := uint32(b.now.Add(mailbox.Life).Unix() / 3600)
	for i, w := range on.Watch() {
		core := rendezvous.Void()
		if i < len(cores) && cores[i] != nil {
			core = cores[i]
		}
		key := w.Seed.Key()
		var stones [][]byte
		for _, place := range chain.Places() {
			stone := key.Bury(core, place, expiry)
			stones = append(stones, stone[:])
		}
		if err := b.tx.AddBurial(stones, b.now); err != nil {
			return err
		}
	}
	b.then(func() {
		m.mails.bury = time.Time{}
		m.wakeMail(0)
	})
	return nil
}

func addressesOf(watched []ratchet.Watched) []parcel.Address {
	all := make([]parcel.Address, len(watched))
	for i, w := range watched {
		all[i] = w.Address
	}
	return all
}

// coresOf returns the cores that were found at some addresses, in their order,
// and whether there is any.
func coresOf(addresses []parcel.Address, found map[parcel.Address]mailbox.Found) (cores []*parcel.Core, there bool) {
	cores = make([]*parcel.Core, len(addresses))
	for i, a := range addresses {
		if f, ok := found[a]; ok && f.Kind == parcel.Data {
			cores[i], there = f.Core, true
		}
	}
	return cores, there
}
