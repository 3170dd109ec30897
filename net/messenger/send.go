package messenger

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"dione/crypto/identity"
	"dione/net/wire"
	"dione/store"
)

const (
	// maxFlight and maxLoad bound the lines of the room that one link carries
	// unacknowledged, in number and in bytes. The rest waits in the store.
	maxFlight, maxLoad = 1024, 1 << 20

	// roomTime is how long a line of the room waits for the people who were
	// near when it was written. It is small talk, not mail.
	roomTime = 10 * time.Minute
)

// Result is what became of a [Messenger.Submit].
type Result struct {
	Message Message
	Err     error
}

// Send writes text into chat and returns once that is committed. Delivery is
// told by events.
func (m *Messenger) Send(ctx context.Context, chat Chat, text string) (Message, error) {
	return m.wait(ctx, submission{chat: chat, text: text})
}

// wait submits s and waits until it is committed.
func (m *Messenger) wait(ctx context.Context, s submission) (Message, error) {
	select {
	case r := <-m.submit(ctx, s):
		return r.Message, r.Err
	case <-m.stopped:
		return Message{}, ErrStopped
	case <-ctx.Done():
		return Message{}, ctx.Err()
	}
}

// Submit is Send that does not wait: many of one caller share a commit, and
// their order is kept. The channel gets one Result, unless the engine stops.
func (m *Messenger) Submit(ctx context.Context, chat Chat, text string) <-chan Result {
	return m.submit(ctx, submission{chat: chat, text: text})
}

func (m *Messenger) submit(ctx context.Context, s submission) <-chan Result {
	s.result = make(chan Result, 1)
	if s.kind == KindText || s.kind == KindCorrection {
		if err := checkText(s.text); err != nil {
			s.result <- Result{Err: err}
			return s.result
		}
	}
	select {
	case m.calls <- s:
	case <-m.stopped:
		s.result <- Result{Err: ErrStopped}
	case <-ctx.Done():
		s.result <- Result{Err: ctx.Err()}
	}
	return s.result
}

// checkText says why text cannot be a message.
func checkText(text string) error {
	switch {
	case text == "":
		return ErrEmpty
	case len(text) > MaxText:
		return ErrTooLong
	case !utf8.ValidString(text):
		return ErrNotText
	}
	return nil
}

// submission is what the user has sent.
type submission struct {
	chat   Chat
	kind   Kind
	target Ref // what it answers or changes; zero if nothing
	text   string
	result chan Result
}

func (s submission) fail(err error) bool {
	s.result <- Result{Err: err}
	return false
}

func (s submission) handle(m *Messenger, b *batch) error {
	err := s.send(m, b)
	var no refusal
	if errors.As(err, &no) {
		s.result <- Result{Err: no.error}
		return nil
	}
	return err
}

func (s submission) send(m *Messenger, b *batch) error {
	var of Message
	if s.target != (Ref{}) {
		var err error
		if of, err = m.checkTarget(b, s); err != nil {
			return err
		}
	}
	var to []*person
	var expires time.Time
	if s.chat.IsRoom() {
		to = m.near()
		expires = b.now.Add(roomTime)
	} else {
		p, err := m.known(s.chat.Peer)
		if err == nil && b.contact(p).Standing == store.StandingBlocked {
			err = &BlockedError{m.shown(p)}
		}
		if err != nil {
			return refuse(err)
		}
		if p.Standing == store.StandingRequest {
			m.admit(b, p) // who is answered is accepted
		}
		m.keep(b, p)
		to = []*person{p}
	}
	msg := Message{
		Chat:    s.chat,
		From:    m.selfID,
		Mine:    true,
		Sent:    b.now,
		Arrived: b.now,
		State:   StateQueued,
		Text:    s.text,
		Kind:    s.kind,
		Target:  s.target,
	}
	switch {
	case s.kind == KindDeletion:
		if err := m.takeBack(b, of); err != nil {
			return err
		}
	case s.kind != KindText && len(to) == 0:
		return refuse(ErrNobodyNear)
	}
	_, _ = rand.Read(msg.ID[:]) // never fails (crypto/rand)
	if !s.chat.IsRoom() {
		if err := m.number(b, to[0], &msg); err != nil {
			return err
		}
	}
	if err := m.add(b, &msg); err != nil {
		return err
	}
	if err := b.tx.DraftSent(msg.Chat, msg.Text); err != nil {
		return err
	}
	if len(to) == 0 {
		failed, err := b.tx.Fail(msg, "nobody near")
		if err != nil {
			return err
		}
		b.tell(StateChanged{Message: failed})
		b.then(func() { s.result <- Result{Message: failed} })
		return nil
	}
	payload := contentOf(msg).Encode()
	ids := make([]identity.ID, len(to))
	for i, p := range to {
		ids[i] = p.ID
		b.send(p, store.Outgoing{Row: msg.Row, To: p.ID, Message: msg, Payload: payload})
	}
	if err := b.tx.Enqueue(msg, ids, payload, expires); err != nil {
		return err
	}
	msg.Addressed = len(to)
	b.then(func() { s.result <- Result{Message: msg} })
	return nil
}

// add stores an own message and tells of it.
func (m *Messenger) add(b *batch, msg *Message) error {
	if msg.Kind == KindText {
		_, err := b.tx.AddMessage(msg)
		b.tell(MessageSent{Message: *msg})
		return err
	}
	_, of, changed, err := b.tx.AddChange(msg)
	if err == nil && !changed { // what it says is so already, or a later one counts
		of, _, err = b.tx.Message(msg.Chat, msg.Target.From, msg.Target.ID)
	}
	b.tell(MessageChanged{Message: of, Change: *msg})
	return err
}

// near returns the people of the LAN who are here now.
func (m *Messenger) near() []*person {
	var near []*person
	for _, p := range m.people {
		if p.path == PathLAN {
			near = append(near, p)
		}
	}
	return near
}

// keep lists p under CONTACTS from now on.
func (m *Messenger) keep(b *batch, p *person) { b.contact(p).Kept = true }

// number gives msg the next number, which is higher than all that the other
// side has seen: this profile may be an older copy of itself.
func (m *Messenger) number(b *batch, to *person, msg *Message) error {
	newest, err := b.tx.NewestSeq(msg.Chat, m.selfID)
	if err != nil {
		return err
	}
	msg.Seq = max(newest, b.contact(to).Floor) + 1
	return nil
}

// fillWindow puts in flight what waits for p, as far as there is room.
func (m *Messenger) fillWindow(b *batch, p *person, added []store.Outgoing) error {
	var lines, private []store.Outgoing
	for _, row := range added {
		if row.Message.Chat.IsRoom() {
			lines = append(lines, row)
		} else {
			private = append(private, row)
		}
	}
	if err := m.fillRoom(b, p, lines); err != nil {
		return err
	}
	return m.fillPrivate(b, p, private)
}

// fillRoom puts in flight the lines of the room that wait for p: what was just
// added, or, if more waited already, what the store says. The frames leave
// after the commit.
func (m *Messenger) fillRoom(b *batch, p *person, added []store.Outgoing) error {
	l := p.link
	if l == nil || l.ended {
		return nil
	}
	free, room := maxFlight-len(l.flight), maxLoad-l.load
	take := func(rows []store.Outgoing) (out []store.Outgoing) {
		for _, row := range rows {
			if free <= 0 || room <= 0 {
				break
			}
			out = append(out, row)
			room -= len(row.Payload)
			free--
		}
		return out
	}
	out, all := take(added), false
	if l.drained {
		all = len(out) == len(added)
	} else {
		out, free, room = nil, maxFlight-len(l.flight), maxLoad-l.load
		for cursor := l.cursor; free > 0 && room > 0 && !all; {
			n := min(free, 128)
			rows, err := b.tx.Lines(p.ID, cursor, n)
			if err != nil {
				return err
			}
			taken := take(rows)
			out = append(out, taken...)
			all = len(rows) < n && len(taken) == len(rows)
			if len(taken) > 0 {
				cursor = taken[len(taken)-1].Row
			}
		}
	}
	b.then(func() { l.launch(out, all) })
	return nil
}

// launch sends rows, which are all that waited or only the first of it.
func (l *link) launch(rows []store.Outgoing, all bool) {
	l.drained = all
	frames := make([]wire.Message, len(rows))
	for i, row := range rows {
		frames[i] = wire.Room{Payload: row.Payload}
		l.flight[row.Message.ID] = len(row.Payload)
		l.load += len(row.Payload)
		l.cursor = row.Row
	}
	l.push(frames...)
}

// onAck takes the peer's word that lines are durable there. Only what is in
// flight on this very link counts.
func (m *Messenger) onAck(b *batch, p *person, l *link, ack wire.Ack) error {
	ids := make([]MessageID, 0, len(ack.IDs))
	for _, id := range ack.IDs {
		if _, ok := l.flight[id]; ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	changed, err := b.tx.Acknowledge(l.peer, ids)
	if err != nil {
		return err
	}
	for _, msg := range changed {
		if err := b.further(msg); err != nil {
			return err
		}
	}
	b.then(func() {
		for _, id := range ids {
			l.load -= l.flight[id]
			delete(l.flight, id)
		}
		if !l.drained {
			m.todo = append(m.todo, fill{p}) // there is room now
		}
	})
	return nil
}

// sortedPeople returns everybody known, nearest first.
func (m *Messenger) sortedPeople() []Person {
	all := make([]Person, 0, len(m.people))
	for _, p := range m.people {
		all = append(all, m.shown(p))
	}
	slices.SortFunc(all, byNearness)
	return all
}
