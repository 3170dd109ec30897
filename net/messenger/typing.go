package messenger

import (
	"context"
	"time"

	"dione/crypto/identity"
	"dione/net/wire"
)

// This file holds the notice that somebody is writing. The rules are:
//   - it is off until the user switches it on, which shows that of others too;
//   - it goes over live links only, is never stored and never mailed;
//   - it holds for typingTime, so it is said again while somebody writes on, not
//     more often than typingEvery; what a peer says more often is not heard.

const (
	typingEvery = 5 * time.Second
	typingTime  = 8 * time.Second
)

// PersonTyping says that somebody writes in a chat, or does not any more.
type PersonTyping struct {
	Person Person
	Chat   Chat
	Typing bool
}

func (PersonTyping) event() {}

// typing is who writes where. Only the loop touches it.
type typing struct {
	on   bool
	told map[Chat]time.Time                 // when we said last that we write there
	seen map[identity.ID]map[bool]time.Time // when somebody else did: in the room, or not
}

// SetTyping switches notices of writing on or off.
func (m *Messenger) SetTyping(ctx context.Context, on bool) error {
	return m.do(ctx, func(b *batch) error {
		b.then(func() {
			m.typing.on = on
			if !on {
				clear(m.typing.told)
			}
		})
		return nil
	})
}

// Typing says that the user writes in a chat. It may be called with every key:
// others are told now and then, if they are there and the user wants it.
func (m *Messenger) Typing(ctx context.Context, chat Chat) error {
	return m.do(ctx, func(b *batch) error {
		if !m.typing.on || b.now.Sub(m.typing.told[chat]) < typingEvery {
			return nil
		}
		var to []*person
		if chat.IsRoom() {
			to = m.near()
		} else if p := m.people[chat.Peer]; p != nil {
			to = []*person{p}
		}
		b.then(func() {
			m.typing.told[chat] = b.now
			for _, p := range to {
				if l := p.link; l != nil && !l.ended && accepted(&p.Contact, l) {
					l.push(wire.Typing{Room: chat.IsRoom()})
				}
			}
		})
		return nil
	})
}

// onTyping takes a peer's word that it writes.
func (m *Messenger) onTyping(b *batch, p *person, l *link, msg wire.Typing) {
	last := m.typing.seen[p.ID][msg.Room]
	if !m.typing.on || !accepted(b.contact(p), l) || msg.Room && l.path != PathLAN || b.now.Sub(last) < typingEvery/2 {
		return
	}
	b.then(func() {
		if m.typing.seen[p.ID] == nil {
			m.typing.seen[p.ID] = make(map[bool]time.Time)
		}
		m.typing.seen[p.ID][msg.Room] = b.now
		if last.IsZero() {
			m.pending.push(PersonTyping{Person: m.shown(p), Chat: typedIn(p, msg.Room), Typing: true})
		}
		over := typingOver{p.ID, msg.Room, b.now}
		time.AfterFunc(typingTime, func() {
			select {
			case m.calls <- over:
			case <-m.stopped:
			}
		})
	})
}

func typedIn(p *person, room bool) Chat {
	if room {
		return Room
	}
	return Chat{Peer: p.ID}
}

// typingOver ends a notice, if no later one has come.
type typingOver struct {
	who  identity.ID
	room bool
	said time.Time
}

func (o typingOver) handle(m *Messenger, b *batch) error {
	if p := m.people[o.who]; p != nil && m.typing.seen[o.who][o.room].Equal(o.said) {
		b.then(func() { m.typed(p, o.room) })
	}
	return nil
}

func (typingOver) fail(error) bool { return false }

// typed says that somebody writes no more, if they did.
func (m *Messenger) typed(p *person, room bool) {
	if _, ok := m.typing.seen[p.ID][room]; !ok {
		return
	}
	if delete(m.typing.seen[p.ID], room); len(m.typing.seen[p.ID]) == 0 {
		delete(m.typing.seen, p.ID)
	}
	m.pending.push(PersonTyping{Person: m.shown(p), Chat: typedIn(p, room)})
}
