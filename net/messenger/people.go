package messenger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"dione/crypto/identity"
	"dione/net/swarm"
	"dione/net/wire"
	"dione/store"
)

// This file holds who is known, who is near and what they are called. A
// person is near while swarm has a live link to them and they have said their
// name over it.

// maxStrangers bounds the people of the LAN that are remembered although the
// user never had to do with them.
const maxStrangers = 2000

// person is somebody known. Only the loop touches it.
type person struct {
	store.Contact
	conn *swarm.Conn // the live link, as swarm has it; nil if none
	link *link       // the chat stream, once its Hello is committed; nil if none
	path Path        // way by which screens were told they are near

	sessions []*session // best first; valid while loaded
	lost     []*remains // what is left of former ones, out of a backup or after a fall back, the newest last; valid while loaded
	loaded   bool       // sessions and lost are what the store has
	backlog  bool       // the store may have messages for them that are in no package yet
	newGen   uint64     // sessions below this generation are not written in any more
	toldSet  time.Time  // when the user was last told that a session was set up anew

	dial    dialState
	mail    mailState
	problem string // why they could not be reached lately; "" if they could
	welcome bool   // they have said over this link what they know: we may write to them
	pending bool   // they were asked for keys a while ago, and have not said a word
}

// twin is what two people must share to be told apart by longer tags.
type twin struct{ name, tag string }

// name is what to call p: the petname, else the claimed name, else the tag.
func (p *person) name() string {
	return cmp.Or(p.Petname, p.Claimed, p.ID.Tag())
}

func (p *person) twin() twin { return twin{p.name(), p.ID.Tag()} }

// addPerson makes c known.
func (m *Messenger) addPerson(c store.Contact) *person {
	p := &person{Contact: c, backlog: true}
	m.people[c.ID] = p
	m.twins[p.twin()]++
	return p
}

// setContact changes what is kept of p, and tells screens what they show
// differently by it.
func (m *Messenger) setContact(p *person, c store.Contact) {
	was, name := p.Contact, p.name()
	m.forgetTwin(p)
	p.Contact = c
	m.twins[p.twin()]++
	if was.Claimed+was.Petname != "" && p.name() != name {
		m.pending.push(PersonRenamed{Person: m.shown(p), Was: name})
	}
	if p.name() == name && was.Claimed != c.Claimed { // behind a petname
		m.pending.push(PersonChanged{Person: m.shown(p)})
		if was.Claimed != "" && c.Claimed != "" && c.Standing != store.StandingBlocked {
			m.pending.push(Notice{Text: fmt.Sprintf("%s calls themselves %s now", m.shown(p), c.Claimed)})
		}
	}
	if was.Standing != c.Standing || was.Verified != c.Verified || was.Kept != c.Kept || (was.Gen > 0) != (c.Gen > 0) || !slices.Equal(was.Addrs, c.Addrs) || !slices.Equal(was.Heard, c.Heard) {
		m.pending.push(PersonChanged{Person: m.shown(p)})
	}
}

func (m *Messenger) forgetTwin(p *person) {
	if m.twins[p.twin()]--; m.twins[p.twin()] == 0 {
		delete(m.twins, p.twin())
	}
}

// shown is p as screens see them.
func (m *Messenger) shown(p *person) Person {
	s := Person{
		ID:       p.ID,
		Name:     p.name(),
		Claimed:  p.Claimed,
		Petname:  p.Petname,
		Tag:      p.ID.Tag(),
		Path:     p.path,
		Contact:  p.Kept,
		Standing: p.Standing,
		Verified: p.Verified,
		Addrs:    p.addrs(),
		Problem:  p.problem,
		Welcome:  p.welcome,
		Pending:  p.pending,
		Mail:     p.Gen > 0,
	}
	if m.twins[p.twin()] > 1 {
		s.Tag = p.ID.LongTag()
	}
	if !p.LastSeen.IsZero() {
		s.LastSeen = p.LastSeen.UnixMilli()
	}
	return s
}

// linkUp takes conn as the live link to its peer. Its chat stream is opened by
// the side that dialled.
func (m *Messenger) linkUp(ctx context.Context, conn *swarm.Conn) {
	p := m.people[conn.ID()]
	if p == nil {
		p = m.addPerson(store.Contact{ID: conn.ID()})
	}
	p.conn = conn
	m.reached(p)
	if conn.Dialled() {
		m.chats.Go(func() { m.openChat(ctx, conn) })
	}
	m.tellNear(p)
}

// linkDown says that nothing leads to a peer any more.
func (m *Messenger) linkDown(ev swarm.Down) {
	p := m.people[ev.ID]
	if p == nil {
		return
	}
	p.conn = nil
	p.welcome, p.pending = false, false
	p.forgetSessions() // memory is for those who are here
	if p.path != PathNone {
		path := p.path
		p.path = PathNone
		p.LastSeen = time.Now()
		m.pending.push(PersonGone{Person: m.shown(p), Path: path}, NetChanged{Net: m.netNow()})
		m.turn(keepContact{p})
	}
	m.dialSoon(p)
	m.mailLost(p)
	if p.Invited != nil {
		m.wakeMeetings(answerGrace)
	}
	m.refreshLAN()
	m.forgetStrangers()
}

// inUse says that an identity, ours or another's, is used twice at a time.
func (m *Messenger) inUse(ev swarm.InUse) Notice {
	if ev.ID == m.selfID {
		return Notice{
			Failed: true,
			Text:   "this identity is in use elsewhere: somebody near refuses this process",
			Hint:   "quit the other dione that runs on a copy of this profile",
		}
	}
	who := ev.ID.Short()
	if p := m.people[ev.ID]; p != nil {
		who = m.shown(p).String()
	}
	return Notice{Failed: true, Text: who + ": this identity is in use elsewhere, the second one was refused"}
}

// tellNear tells screens of p when the link and the name are both there.
func (m *Messenger) tellNear(p *person) {
	if p.conn == nil || p.link == nil || p.link.conn != p.conn || p.path == p.link.path {
		return
	}
	p.path = p.link.path
	m.pending.push(PersonNear{Person: m.shown(p)}, NetChanged{Net: m.netNow()})
}

// answerTime is how long somebody who was asked for keys may take before we say
// that they have not accepted us: who has, answers at once.
const answerTime = 1500 * time.Millisecond

// tellPending tells screens of those who were asked, and say nothing.
func (m *Messenger) tellPending() {
	for _, p := range m.people {
		l := p.link
		if l == nil || l.ended || !l.private.asked || l.path == PathLAN || p.welcome || p.pending {
			continue
		}
		p.pending = true
		m.pending.push(PersonChanged{Person: m.shown(p)})
	}
}

// welcomed takes note that p has accepted us.
func (m *Messenger) welcomed(p *person) {
	if p.conn == nil {
		return // it was the last thing that they said
	}
	was := p.pending
	p.welcome, p.pending = true, false
	if was {
		m.pending.push(PersonChanged{Person: m.shown(p)})
	}
}

// onHello takes the name that a peer gives itself.
func (m *Messenger) onHello(b *batch, l *link, msg wire.Hello) error {
	p := m.people[l.peer]
	if p == nil { // the stream was faster than swarm's word of the link
		p = m.addPerson(store.Contact{ID: l.peer})
	}
	c := b.contact(p)
	was := c.Claimed
	c.Claimed = wire.CleanName(msg.Name)
	c.LastSeen = b.now
	b.then(func() {
		if p.Claimed != was {
			m.warnTwin(p)
		}
		if !l.greeted {
			l.greeted = true
			m.adopt(p, l)
		}
	})
	return nil
}

// warnTwin tells the user when somebody goes by the name of a person whom the
// user has verified: the two have nothing to do with each other.
func (m *Messenger) warnTwin(p *person) {
	if p.Verified || p.Claimed == "" {
		return
	}
	for _, other := range m.people {
		if other != p && other.Verified && (other.Claimed == p.Claimed || other.Petname == p.Claimed) {
			m.pending.push(Notice{
				Failed: true,
				Text:   fmt.Sprintf("%s is not the %s whom you verified: another key, another safety number", m.shown(p), m.shown(other)),
				Hint:   "compare safety numbers with /verify before you trust the name",
			})
		}
	}
}

// adopt makes l the link over which p is written to, in place of any former.
func (m *Messenger) adopt(p *person, l *link) {
	if p.link != nil && p.link.conn == l.conn {
		l.conn.Close("a second chat stream")
		return
	}
	p.link = l
	m.tellNear(p)
	m.todo = append(m.todo, greet{p, l}, fill{p})
}

// linkEnded lets go of l. Who it led to stays near until swarm says otherwise.
func (m *Messenger) linkEnded(l *link) {
	l.ended = true
	if p := m.people[l.peer]; p != nil && p.link == l {
		p.link = nil
	}
}

// forgetStrangers keeps the number of people bounded that the user never had
// to do with: who was seen last is kept longest.
func (m *Messenger) forgetStrangers() {
	var strangers []*person
	for _, p := range m.people {
		if !p.Kept && p.Petname == "" && p.Standing == store.StandingMet && p.conn == nil && p.link == nil {
			strangers = append(strangers, p)
		}
	}
	if len(strangers) <= maxStrangers {
		return
	}
	slices.SortFunc(strangers, func(a, b *person) int { return a.LastSeen.Compare(b.LastSeen) })
	var ids []identity.ID
	for _, p := range strangers[:len(strangers)-maxStrangers/2] {
		m.forgetTwin(p)
		delete(m.people, p.ID)
		ids = append(ids, p.ID)
	}
	m.turn(forget{ids})
}

// keepContact writes down what is known of a person.
type keepContact struct{ p *person }

func (k keepContact) handle(_ *Messenger, b *batch) error {
	b.contact(k.p)
	return nil
}
func (keepContact) fail(error) bool { return false }

// forget drops strangers from the store.
type forget struct{ ids []identity.ID }

func (f forget) handle(_ *Messenger, b *batch) error { return b.tx.ForgetContacts(f.ids) }
func (forget) fail(error) bool                       { return false }

// fill sends what waits for a person whose link came up.
type fill struct{ p *person }

func (f fill) handle(_ *Messenger, b *batch) error {
	b.send(f.p)
	return nil
}
func (fill) fail(error) bool { return true }

// known returns the person with the given ID, or why there is none to write to.
func (m *Messenger) known(id identity.ID) (*person, error) {
	if id == m.selfID {
		return nil, ErrSelf
	}
	p := m.people[id]
	if p == nil {
		return nil, &UnknownPersonError{Name: id.String()}
	}
	return p, nil
}

// byNearness is the order in which people are listed.
func byNearness(a, b Person) int {
	rank := func(p Person) int {
		switch {
		case p.Near():
			return 0
		case p.Connected():
			return 1
		case p.Contact:
			return 2
		}
		return 3
	}
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(a.Name, b.Name),
		a.ID.Compare(b.ID),
	)
}
