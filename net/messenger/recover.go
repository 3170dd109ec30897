package messenger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dione/net/wire"
	"dione/store"
)

// This file starts over: when one side has fallen back to an older copy of
// itself, or was made out of a backup, which holds no session.

// tellSetUp is how often the user is told of one person that the session was
// set up anew.
const tellSetUp = 10 * time.Minute

// tellRestored tells the user that the profile was made out of a backup.
func (m *Messenger) tellRestored(ctx context.Context) error {
	return m.store.View(ctx, func(tx *store.Tx) error {
		made, ok, err := tx.Meta(store.MetaRestored)
		if err != nil || !ok {
			return err
		}
		when := ""
		if t, err := time.Parse(time.RFC3339, made); err == nil {
			when = " of " + t.Local().Format("2 January 2006 15:04")
		}
		m.restored = Notice{
			Text: "this profile is that of a backup" + when + ": the session with everybody is set up anew, by mail or when you meet",
			Hint: "messages that came after it was made are not in it, the other side still has them; do not go on with the former profile elsewhere",
		}
		m.pending.push(m.restored)
		return nil
	})
}

// taken notes that a screen has an event. What must be told once, whatever
// happens, is told then.
func (m *Messenger) taken(ev Event) {
	if n, ok := ev.(Notice); ok && n == m.restored {
		m.restored = Notice{}
		m.turn(restoredTold{})
	}
}

// restoredTold forgets that the profile was made out of a backup.
type restoredTold struct{}

func (restoredTold) handle(_ *Messenger, b *batch) error { return b.tx.DropMeta(store.MetaRestored) }
func (restoredTold) fail(error) bool                     { return false }

// fallback says whose state is an older copy.
type fallback bool

const (
	oursIsOld   fallback = true
	theirsIsOld fallback = false
)

// startOver ends all sessions with p and has a new one set up before anything
// else is sent: one of the two has fallen back to an older copy of its state.
func (m *Messenger) startOver(b *batch, p *person, whose fallback) error {
	m.tellStartOver(b, p, whose)
	p.newGen = p.gen(b) + 1
	if p.link != nil {
		p.newGen = max(p.newGen, p.link.private.gen+1)
	}
	for _, s := range slices.Clone(p.sessions) {
		if err := p.loseSession(b, s); err != nil {
			return err
		}
	}
	c := b.contact(p)
	c.Gen = max(c.Gen, p.newGen-1)
	if whose == oursIsOld {
		if err := m.renumber(b, p); err != nil {
			return err
		}
	}
	l := p.link
	if l == nil || l.ended {
		b.then(func() { m.mailNow(p) })
		return nil // else, when they meet, the newer generation is asked for
	}
	l.private.expect, l.private.synced = 0, true
	if !l.private.asked {
		m.askKeys(b, p, l)
	}
	return nil
}

// renumber gives what waits for p numbers above all that p has seen: those of
// an older copy of this profile were given before, to other messages.
func (m *Messenger) renumber(b *batch, p *person) error {
	chat := Chat{Peer: p.ID}
	newest, err := b.tx.NewestSeq(chat, m.selfID)
	if err != nil {
		return err
	}
	next := max(newest, b.contact(p).Floor)
	for after := int64(0); ; {
		const page = 128
		rows, err := b.tx.Unsealed(p.ID, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			content, err := wire.DecodeContent(row.Payload)
			if err != nil {
				return fmt.Errorf("read message %s: %w", row.Message.ID, err)
			}
			next++
			content.Seq = next
			if err := b.tx.Renumber(row.Message, next, content.Encode()); err != nil {
				return err
			}
			after = row.Row
		}
		if len(rows) < page {
			return nil
		}
	}
}

// tellStartOver tells the user, not more often than they want to know.
func (m *Messenger) tellStartOver(b *batch, p *person, whose fallback) {
	if b.now.Sub(p.toldSet) < tellSetUp {
		return
	}
	p.toldSet = b.now
	b.then(func() {
		text := fmt.Sprintf("the session with %s is set up anew: their profile is an older copy of itself, or has lost it", m.shown(p))
		if whose == oursIsOld {
			text = fmt.Sprintf("the session with %s is set up anew: this profile is an older copy of itself", m.shown(p))
		}
		m.pending.push(Notice{Text: text, Hint: "messages that came after the copy was made are not in it; the other side still has them"})
	})
}
