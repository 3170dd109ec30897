package messenger

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"dione/crypto/cborx"
	"dione/crypto/parcel"
	"dione/crypto/ratchet"
	"dione/net/mailbox"
	"dione/store"
)

// This file holds the mail: private messages for people who are not connected,
// by way of the DHT. The rules are:
//   - mail and links carry the same packages, so what comes twice is there once;
//   - mail is put, and looked for, only while there is no link;
//   - looking things up takes long, so it runs beside the loop and posts what
//     came of it; only what is committed is taken, and only then buried.

const (
	// mailGrace is how long a link may be lost before mail takes its place.
	mailGrace = 3 * time.Second

	// mailTime bounds one visit of the network.
	mailTime = 30 * time.Second

	// maxMailing is for how many people at a time the network is visited.
	maxMailing = 8

	// maxMail is how many packages of one person a visit puts or asks about.
	maxMail = 64

	// talkTime is how long after the last message two people are talking,
	// activeTime how long they are in touch. Mail is looked for more often then.
	talkTime, activeTime = 10 * time.Minute, 24 * time.Hour

	talkPause, activePause, idlePause = 30 * time.Second, 5 * time.Minute, time.Hour

	// closedPause is how often we look whether there is a network.
	closedPause = time.Second

	// morning is until when after midnight mail of the day before is looked for.
	morning = 2 * time.Hour

	// giveUpTime is after how long mail that nobody has taken has failed.
	giveUpTime = 30 * 24 * time.Hour
)

// putAgain is when mail is put again after the first time: nodes come and go.
var putAgain = []time.Duration{1, 2, 4, 8, 15, 22, 29}

// mailState is the mail with a person, as the loop knows it.
type mailState struct {
	put     time.Time // when something is to be put; zero: nothing is
	look    time.Time // when mail is to be looked for
	running bool      // a visit is under way
	turn    int       // counts the visits
	days    int       // how many days are to be looked through; 1 or 2 where there was no absence
	touch   time.Time // when the two have written last
	failed  int       // puts in a row that nobody has taken
}

// mails is the mail as a whole.
type mails struct {
	box     *mailbox.Box // nil as long as there is no node
	timer   *time.Timer  // when somebody is due
	running int          // visits under way
	bury    time.Time    // when tombstones are to be put
	burying bool
	away    int             // for how many days we were not here
	ctx     context.Context // of the network
}

// mailKeys is where mail of a session lies.
type mailKeys struct{ ours, theirs mailbox.Chain }

// decodeReset reads what a backup keeps of a session.
func decodeReset(b []byte) (r resetRecord, err error) {
	err = cborx.Unmarshal(b, &r, maxReset)
	return r, err
}

// maxReset bounds an encoded resetRecord.
const maxReset = 256

func (r resetRecord) mailKeys() mailKeys {
	return mailKeys{
		ours:   mailbox.Chain{Key: [32]byte(r.Ours), Day: r.Day},
		theirs: mailbox.Chain{Key: [32]byte(r.Theirs), Day: r.Day},
	}
}

// stepKeys forgets where mail lay that nobody looks for any more.
func (s *session) stepKeys(b *batch) error {
	oldest := b.day() - mailbox.Days
	ours, ok := s.mail.ours.At(oldest)
	theirs, ok2 := s.mail.theirs.At(oldest)
	if !ok || !ok2 || oldest == s.mail.ours.Day {
		return nil
	}
	r, err := decodeReset(s.reset)
	if err != nil {
		return err
	}
	r.Ours, r.Theirs, r.Day = ours.Key[:], theirs.Key[:], oldest
	if s.reset, err = cborx.Marshal(&r); err != nil {
		return err
	}
	s.mail = mailKeys{ours, theirs}
	return b.tx.PutReset(s.row, s.reset)
}

// mailable reports whether p and we can write to each other by mail now.
func (m *Messenger) mailable(p *person) bool {
	return m.mails.box != nil && !p.synced() && p.Gen > 0 && p.Standing != store.StandingBlocked && (p.Kept || p.Standing == store.StandingAccepted)
}

// mailSoon has mail for p put after a while, and looked for.
func (m *Messenger) mailSoon(p *person, after time.Duration) {
	now := time.Now()
	p.mail.touch = now
	if at := now.Add(after); p.mail.put.IsZero() || at.Before(p.mail.put) {
		p.mail.put = at
	}
	m.wakeMail(after)
}

// mailLost begins with the mail of p, whose link is gone.
func (m *Messenger) mailLost(p *person) {
	now := time.Now()
	p.mail.put, p.mail.look = now.Add(mailGrace), now.Add(mailGrace+rand.N(mailGrace))
	p.mail.days = 1
	m.wakeMail(mailGrace)
}

// wakeMail has the loop look who is due, soon.
func (m *Messenger) wakeMail(after time.Duration) { m.mails.timer.Reset(max(after, 0)) }

// mailDue visits the network for those who are due, those who wait longest
// first, and sets the timer for the next.
func (m *Messenger) mailDue() {
	if m.mails.box == nil {
		return
	}
	if !m.mails.box.Open() {
		m.wakeMail(closedPause)
		return
	}
	now := time.Now()
	next := now.Add(time.Hour)
	var due []*person
	for _, p := range m.people {
		if p.mail.running || !m.mailable(p) {
			continue
		}
		at := p.mail.look
		if !p.mail.put.IsZero() && p.mail.put.Before(at) {
			at = p.mail.put
		}
		if !at.After(now) {
			due = append(due, p)
		} else if at.Before(next) {
			next = at
		}
	}
	slices.SortFunc(due, func(a, b *person) int { return cmp.Or(a.mail.look.Compare(b.mail.look), a.ID.Compare(b.ID)) })
	var ins []input
	for _, p := range due[:min(len(due), maxMailing-m.mails.running)] {
		p.mail.running = true
		m.mails.running++
		ins = append(ins, visit{p})
	}
	if !m.mails.burying {
		if !m.mails.bury.After(now) {
			m.mails.burying = true
			ins = append(ins, bury{})
		} else if m.mails.bury.Before(next) {
			next = m.mails.bury
		}
	}
	m.wakeMail(time.Until(next))
	m.turn(ins...)
}

// visit takes mail for p to the network, and looks for mail of theirs.
type visit struct{ p *person }

func (v visit) fail(error) bool {
	v.p.mail.running = false
	return false
}

// errand is what a visit is to do in the network.
type errand struct {
	p       *person
	now     time.Time
	put     []store.Parcel // of one session
	letters []mailbox.Letter
	ours    mailbox.Chain // where they are put: of today
	looks   []look
}

// look is what a visit looks for at the places of one day.
type look struct {
	session   int64
	chain     mailbox.Chain
	addresses []parcel.Address
	how       mailbox.Search
	own       map[parcel.Address]store.Parcel // nil: packages of theirs; else receipts of ours
}

func (v visit) handle(m *Messenger, b *batch) error {
	p := v.p
	e := errand{p: p, now: b.now}
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := s.stepKeys(b); err != nil {
			return err
		}
	}
	if !p.mail.put.IsZero() && !p.mail.put.After(b.now) {
		if err := m.pack(b, p, &e); err != nil {
			return err
		}
	}
	if !p.mail.look.After(b.now) {
		for _, s := range all {
			if err := m.seek(b, p, s, &e); err != nil {
				return err
			}
		}
	}
	b.then(func() { m.chats.Go(func() { m.run(e) }) })
	return nil
}

// pack takes what is to be put for p along. What waits is sealed by it.
func (m *Messenger) pack(b *batch, p *person, e *errand) error {
	s := p.writable()
	if s == nil {
		return nil
	}
	if _, err := m.sealInto(b, p, s, nil); err != nil {
		return err
	}
	due, err := b.tx.DueParcels(s.row, b.now, maxMail)
	if err != nil {
		return err
	}
	chain, ok := s.mail.ours.At(b.day())
	if !ok {
		return nil // the clock has gone back to before the session
	}
	e.put, e.ours = due, chain
	for _, one := range due {
		e.letters = append(e.letters, mailbox.Letter{Core: (*parcel.Core)(one.Core), Key: parcel.Seed(one.Seed).Key()})
	}
	return nil
}

// seek takes along what is to be looked for in a session.
func (m *Messenger) seek(b *batch, p *person, s *session, e *errand) error {
	how := mailbox.Search{Places: 1, Turn: p.mail.turn, Holders: 1, Paths: 1}
	days := 1
	if p.mail.days > 1 || p.mail.turn == 0 {
		how.Places, how.Holders = mailbox.Places, 2
		days = max(p.mail.days, 1)
	}
	if b.now.UTC().Sub(b.now.UTC().Truncate(24*time.Hour)) < morning {
		days = max(days, 2)
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
	if n := len(addresses); n > maxMail { // the others are looked for next
		from := p.mail.turn * maxMail % n
		addresses = append(addresses[from:], addresses[:from]...)[:maxMail]
	}
	for d := range uint32(min(days, mailbox.Days)) {
		if chain, ok := s.mail.theirs.At(b.day() - d); ok {
			e.looks = append(e.looks, look{session: s.row, chain: chain, addresses: addresses, how: how})
		}
	}
	mailed, err := b.tx.MailedParcels(s.row, maxMail)
	if err != nil {
		return err
	}
	byDay := make(map[uint32]map[parcel.Address]store.Parcel)
	for _, one := range mailed {
		if byDay[one.Mailed.Day] == nil {
			byDay[one.Mailed.Day] = make(map[parcel.Address]store.Parcel)
		}
		byDay[one.Mailed.Day][one.Address] = one
	}
	for day, own := range byDay {
		chain, ok := s.mail.ours.At(day)
		if !ok {
			continue // where that was nobody can tell any more
		}
		l := look{session: s.row, chain: chain, how: how, own: own}
		for a := range own {
			l.addresses = append(l.addresses, a)
		}
		e.looks = append(e.looks, l)
	}
	return nil
}

// run does an errand in the network and posts what came of it.
func (m *Messenger) run(e errand) {
	ctx, cancel := context.WithTimeout(m.mails.ctx, mailTime)
	defer cancel()
	r := visited{errand: e}
	if len(e.letters) > 0 {
		var err error
		if r.outcomes, err = m.mails.box.Put(ctx, e.letters, e.ours, e.now); err != nil {
			m.log.Info("mail not put everywhere", slog.Any("peer", e.p.ID), slog.Any("error", err))
		}
	}
	for _, l := range e.looks {
		found, err := m.mails.box.Look(ctx, l.chain, l.addresses, l.how)
		if err != nil {
			m.log.Info("mail not looked for everywhere", slog.Any("peer", e.p.ID), slog.Any("error", err))
		}
		r.found = append(r.found, found)
	}
	m.post(m.mails.ctx, r)
}

// visited is what came of an errand.
type visited struct {
	errand
	outcomes []mailbox.Outcome
	found    []map[parcel.Address]mailbox.Found // for each look
}

func (v visited) fail(error) bool {
	v.p.mail.running = false // it is done again
	return false
}

func (v visited) handle(m *Messenger, b *batch) error {
	p := v.p
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	news := false
	for i, l := range v.looks {
		s := byRow(all, l.session)
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
	if len(v.put) > 0 {
		if err := m.posted(b, p, v); err != nil {
			return err
		}
	}
	return m.plan(b, p, v, news)
}

// plan says when the network is visited for p again.
func (m *Messenger) plan(b *batch, p *person, v visited, news bool) error {
	looked := len(v.looks) > 0
	var next time.Time
	waiting, err := b.tx.Unsealed(p.ID, 0, 1)
	if err != nil {
		return err
	}
	if s := p.writable(); s != nil {
		at, ok, err := b.tx.NextMail(s.row)
		if err != nil {
			return err
		}
		if ok {
			next = at
		}
		if len(waiting) > 0 && s.ratchet.Room() > 0 {
			next = b.now
		}
	}
	b.then(func() {
		m.mails.running--
		p.mail.running = false
		p.mail.put = next
		if news {
			p.mail.touch = b.now
		}
		if looked {
			p.mail.turn++
			if !news {
				p.mail.days = 1
			}
			p.mail.look = b.now.Add(pause(p.mail.touch, b.now))
			if news {
				p.mail.look = b.now // where there was one there may be more
			}
		}
		m.wakeMail(0)
	})
	return nil
}

// pause is how long after a look for mail comes the next.
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
		if !ok || f.Kind != parcel.Data {
			continue
		}
		opened, err := s.ratchet.Open(a.Hint(), f.Core, b.day())
		if err != nil {
			// Of another session, or there already: by a link, or at another place.
			m.log.Info("mail dropped", slog.Any("peer", p.ID), slog.Any("error", err))
			continue
		}
		news, s.dirty, s.intro = true, true, nil
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
			b.tell(StateChanged{Message: msg})
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
type bury struct{}

func (bury) fail(error) bool { return false }

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
			r := buried{due: due, ok: make([]bool, len(due))}
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
	due []store.Burial
	ok  []bool
}

func (buried) fail(error) bool { return false }

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
