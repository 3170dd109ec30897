package messenger

import (
	"context"
	"time"

	"dione/store"
)

// This file deletes messages from this disk. What others have stays with them.

// MaxKeep is the longest time for which messages may be kept, and still not
// for good.
const MaxKeep = store.MaxKeep

const (
	// forgetEvery is how often messages are looked for that are too old.
	forgetEvery = time.Hour

	// forgetStep is how many messages are deleted in one go: few enough that
	// nobody waits for it.
	forgetStep = 200
)

// DeleteChat deletes every message of a chat that is here, and its draft.
// Those that wait are given up; one that has left already may still arrive,
// and deletions that were promised to others go on. It is done when ChatErased
// is told, after a restart if need be.
func (m *Messenger) DeleteChat(ctx context.Context, chat Chat) error {
	return m.do(ctx, func(b *batch) error {
		p := m.people[chat.Peer]
		if !chat.IsRoom() && p == nil {
			return refuse(&UnknownPersonError{Name: chat.Peer.String()})
		}
		if err := b.tx.DeleteChat(chat); err != nil {
			return err
		}
		if p != nil {
			newest, err := b.tx.NewestSeq(chat, m.selfID)
			if err != nil {
				return err
			}
			c := b.contact(p) // a backup does not hold the numbers of what was deleted
			c.Floor = max(c.Floor, newest)
		}
		b.then(func() { m.todo = append(m.todo, forgetting{}) })
		return nil
	})
}

// Retain says for how long messages of a chat are kept; 0: for good. What is
// older is deleted now, and every hour.
func (m *Messenger) Retain(ctx context.Context, chat Chat, keep time.Duration) error {
	return m.do(ctx, func(b *batch) error {
		if !chat.IsRoom() {
			if _, err := m.known(chat.Peer); err != nil {
				return refuse(err)
			}
		}
		info, err := b.tx.Retain(chat, keep)
		if err != nil {
			return err
		}
		b.tell(ChatRetained{Info: info})
		b.then(func() { m.todo = append(m.todo, forgetting{}) })
		return nil
	})
}

// forgetting is one step of deleting what is to go.
type forgetting struct{}

func (forgetting) fail(error) bool { return false }

func (forgetting) handle(m *Messenger, b *batch) error {
	swept, more, err := b.tx.Sweep(b.now, forgetStep)
	if err != nil {
		return err
	}
	for _, s := range swept {
		n := m.swept[s.Info.Chat] + s.N
		switch {
		case s.Whole:
			b.tell(ChatErased{Info: s.Info, N: n, Whole: true})
			n = 0
		case !s.Until.IsZero():
			b.tell(ChatErased{Info: s.Info, N: s.N, Until: s.Until})
			n = 0
		}
		b.then(func() { m.swept[s.Info.Chat] = n })
	}
	if more {
		b.then(func() { m.sweeps.Reset(0) })
	}
	return nil
}
