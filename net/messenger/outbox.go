package messenger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dione/crypto/identity"
	"dione/net/wire"
	"dione/store"
)

// This file holds what the user sees of the messages that wait, and can do
// about them.

// Waiting is an own private message that nobody has acknowledged yet.
type Waiting struct {
	Message
	Sealed bool   // it is on its way: it cannot be taken back any more
	Why    string // why it waits, in a few words; "" where that is not known
}

// ErrInFlight says that a message cannot be cancelled any more.
var ErrInFlight error = inFlightError{}

type inFlightError struct{}

func (inFlightError) Error() string { return "too late: it is on its way already" }
func (inFlightError) Hint() string {
	return "it is encrypted for them and may be with them; what has left cannot be taken back"
}

// Outbox lists the private messages that wait for somebody, oldest first.
func (m *Messenger) Outbox(ctx context.Context) (waiting []Waiting, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Waiting()
		for _, row := range rows {
			waiting = append(waiting, Waiting{Message: row.Message, Sealed: row.Parts > 0})
		}
		return err
	})
	if err != nil || len(waiting) == 0 {
		return waiting, err
	}
	err = m.do(ctx, func(*batch) error {
		for i := range waiting {
			waiting[i].Why = m.why(&waiting[i])
		}
		return nil
	})
	if errors.Is(err, ErrStopped) {
		err = nil // they wait because it is closed
	}
	return waiting, err
}

// why says why a message still waits.
func (m *Messenger) why(w *Waiting) string {
	p := m.people[w.Chat.Peer]
	switch {
	case p == nil:
		return ""
	case p.pending:
		return "they have not accepted you yet"
	case p.synced():
		return "being sent"
	case p.path != PathNone:
		return "being encrypted for them"
	case w.State == StateStored:
		return "in the mail network until they come"
	case p.Gen == 0:
		return "you have not met yet"
	case m.cfg.Node == nil:
		return "no part in the mail network: it waits until you are both up"
	case m.mails.box == nil || !m.mails.box.Open():
		return "no mailbox node reachable"
	case p.mail.failed > 0 && !p.mail.running:
		if d := time.Until(p.mail.put).Round(time.Second); d > 0 {
			return fmt.Sprintf("no mailbox node takes it: tried again in %v", d)
		}
		return "no mailbox node takes it: tried again now"
	case !w.Sealed && p.mail.running || p.mail.failed > 0:
		return "being put into the mail network"
	case w.Acked > 0:
		return "too few nodes have it: more are looked for"
	}
	return "about to be put into the mail network"
}

// Cancel gives up a private message that still waits. Those behind it move up,
// so that the other side misses nothing.
func (m *Messenger) Cancel(ctx context.Context, chat Chat, id MessageID) error {
	return m.do(ctx, func(b *batch) error {
		msg, ok, err := b.tx.Cancel(chat, id)
		if errors.Is(err, store.ErrSealed) {
			return refuse(ErrInFlight)
		}
		if errors.Is(err, store.ErrDeletion) {
			return refuse(err)
		}
		if err != nil {
			return err
		}
		if !ok {
			return refuse(ErrNotWaiting)
		}
		if err := b.further(msg); err != nil {
			return err
		}
		return m.moveUp(b, chat.Peer, msg)
	})
}

// moveUp gives each message that was to be sealed after a cancelled one the
// number of the one before it.
func (m *Messenger) moveUp(b *batch, to identity.ID, cancelled Message) error {
	for after, next := cancelled.Row, cancelled.Seq+1; ; {
		const page = 128
		rows, err := b.tx.Unsealed(to, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.Row
			content, err := wire.DecodeContent(row.Payload)
			if err != nil {
				return fmt.Errorf("read message %s: %w", row.Message.ID, err)
			}
			if content.Seq <= next {
				next = content.Seq + 1 // it was not numbered behind it
				continue
			}
			content.Seq = next
			if err := b.tx.Renumber(row.Message, next, content.Encode()); err != nil {
				return err
			}
			next++
		}
		if len(rows) < page {
			return nil
		}
	}
}

// Retry looks for somebody at once for whom something waits, and puts it into
// the mail network again; for everybody if to is zero.
func (m *Messenger) Retry(ctx context.Context, to identity.ID) error {
	m.Refresh()
	return m.do(ctx, func(b *batch) error {
		if !to.IsZero() {
			p, err := m.known(to)
			if err != nil {
				return refuse(err)
			}
			return m.hurry(b, p)
		}
		waiting, err := b.tx.Waiting()
		if err != nil {
			return err
		}
		done := make(map[*person]bool)
		for _, row := range waiting {
			if p := m.people[row.To]; p != nil && !done[p] {
				done[p] = true
				if err := m.hurry(b, p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// hurry does at once what p is waited with.
func (m *Messenger) hurry(b *batch, p *person) error {
	b.send(p)
	if err := b.tx.MailAgain(p.ID, b.now); err != nil {
		return err
	}
	b.then(func() {
		m.dialNow(p)
		m.mailSoon(p)
		p.mail.put = b.now
		m.wakeMail(0)
	})
	return nil
}
