package messenger

import (
	"context"
	"errors"

	"golang.org/x/text/unicode/norm"

	"dione/crypto/identity"
	"dione/net/wire"
	"dione/store"
)

// This file holds answers, reactions, corrections and deletions: messages that
// say something about another one. The rules are:
//   - each is a message with a number and a state of its own, so that it gets
//     where texts get, once and in any order; store/changes.go says what it does;
//   - screens are told of it by MessageChanged alone;
//   - of what is taken back nothing leaves any more, whatever still waits.

type (
	// Ref names a message of a chat.
	Ref = store.Ref
	// Quote is the message that another one answers.
	Quote = store.Quote
	// Reaction is what somebody has set beside a message.
	Reaction = store.Reaction
	// Version is one text of a message that was corrected.
	Version = store.Version
	// Kind is what a message is.
	Kind = store.Kind
)

// The kinds of messages. All but KindText change another one, and no list of a
// chat shows them.
const (
	KindText       = store.KindText
	KindReaction   = store.KindReaction
	KindCorrection = store.KindCorrection
	KindDeletion   = store.KindDeletion
)

// Errors of changes.
var (
	// ErrNoMessage says that the message that is meant is not here.
	ErrNoMessage = errors.New("no such message here")
	// ErrNotYours says that somebody else wrote the message that is meant.
	ErrNotYours = errors.New("only its author can change a message")
	// ErrDeleted says that the message that is meant was deleted.
	ErrDeleted = errors.New("that message was deleted")
	// ErrNotSent says that nobody has the message that is meant.
	ErrNotSent = errors.New("nobody has that message: it failed")
	// ErrNobodyNear says that nobody would learn of it.
	ErrNobodyNear = errors.New("nobody is near to be told of it")
	// ErrReaction says that a text is no reaction.
	ErrReaction = errors.New("a reaction is one emoji or one letter")
)

// Reply writes text into chat as an answer to another message there.
func (m *Messenger) Reply(ctx context.Context, chat Chat, to Ref, text string) (Message, error) {
	return m.wait(ctx, submission{chat: chat, target: to, text: text})
}

// React sets a reaction beside a message, in the place of one's former one; ""
// takes that away.
func (m *Messenger) React(ctx context.Context, chat Chat, to Ref, emoji string) (Message, error) {
	clean := wire.CleanReaction(emoji)
	if clean != norm.NFC.String(emoji) {
		return Message{}, ErrReaction
	}
	return m.wait(ctx, submission{chat: chat, kind: KindReaction, target: to, text: clean})
}

// Correct puts text in the place of an own message's. Everybody who has the
// message gets the correction, and can still look up what it said before.
func (m *Messenger) Correct(ctx context.Context, chat Chat, id MessageID, text string) (Message, error) {
	return m.wait(ctx, submission{chat: chat, kind: KindCorrection, target: Ref{ID: id, From: m.selfID}, text: text})
}

// Unsend takes an own message back: its text is erased here, and everybody who
// has it is asked to do the same. Nobody can know whether they do.
func (m *Messenger) Unsend(ctx context.Context, chat Chat, id MessageID) (Message, error) {
	return m.wait(ctx, submission{chat: chat, kind: KindDeletion, target: Ref{ID: id, From: m.selfID}})
}

// Versions returns what a message said, the oldest text first and the one that
// it has now last.
func (m *Messenger) Versions(ctx context.Context, chat Chat, of Ref) (all []Version, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		all, err = tx.Versions(chat, of.From, of.ID)
		return err
	})
	return all, err
}

// findPage and findPages bound how far Find looks back.
const findPage, findPages = 100, 20

// Find returns the n-th newest message of a chat that fits, among the last few
// thousand; the newest is the first.
func (m *Messenger) Find(ctx context.Context, chat Chat, n int, fits func(Message) bool) (Message, error) {
	for before, page := (Cursor{}), 0; page < findPages; page++ {
		msgs, err := m.History(ctx, chat, before, findPage)
		if err != nil {
			return Message{}, err
		}
		for i := len(msgs) - 1; i >= 0; i-- {
			if fits(msgs[i]) {
				if n--; n == 0 {
					return msgs[i], nil
				}
			}
		}
		if len(msgs) < findPage {
			break
		}
		before = Cursor{Pos: msgs[0].Pos, Row: msgs[0].Row}
	}
	return Message{}, ErrNoMessage
}

// checkTarget says why s cannot be done to the message that it means, and
// returns that message.
func (m *Messenger) checkTarget(b *batch, s submission) (Message, error) {
	of, ok, err := b.tx.Message(s.chat, s.target.From, s.target.ID)
	switch {
	case err != nil:
		return Message{}, err
	case !ok || of.Kind != KindText:
		return Message{}, refuse(ErrNoMessage)
	case of.Deleted:
		return Message{}, refuse(ErrDeleted)
	case s.kind == KindCorrection && !of.Mine:
		return Message{}, refuse(ErrNotYours)
	case s.kind != KindDeletion && s.kind != KindText && of.State == StateFailed:
		return Message{}, refuse(ErrNotSent)
	}
	return of, nil
}

// takeBack has nothing sent in the place of a message, under its number, to
// whoever has not got it or a correction of it yet. The deletion follows in any
// case: what was not acknowledged may have arrived.
func (m *Messenger) takeBack(b *batch, of Message) error {
	all, err := b.tx.Corrections(of)
	if err != nil {
		return err
	}
	for _, msg := range append(all, of) {
		if err := b.tx.Resend(msg, void(msg)); err != nil {
			return err
		}
	}
	return nil
}

// void is sent in the place of a message that is taken back.
func void(of Message) []byte {
	return wire.Content{ID: of.ID, Seq: of.Seq, Sent: of.Sent.UnixMilli(), Kind: wire.Deletion, Target: of.ID}.Encode()
}

// further tells how far an own message has come. What a change that has failed
// had done is undone.
func (b *batch) further(msg Message) error {
	b.tell(StateChanged{Message: msg})
	if msg.Kind == KindText || msg.State != StateFailed {
		return nil
	}
	of, ok, err := b.tx.Message(msg.Chat, msg.Target.From, msg.Target.ID)
	if err == nil && ok {
		b.tell(MessageChanged{Message: of, Change: msg})
	}
	return err
}

// contentOf is an own message as others get it.
func contentOf(msg Message) wire.Content {
	c := wire.Content{
		ID: msg.ID, Seq: msg.Seq, Sent: msg.Sent.UnixMilli(), Text: msg.Text,
		Kind: wire.Kind(msg.Kind), Target: msg.Target.ID,
	}
	if msg.Kind == KindText || msg.Kind == KindReaction {
		c.Author = msg.Target.From
	}
	return c
}

// targetOf is what the content of somebody is about.
func targetOf(c wire.Content, from identity.ID) Ref {
	if c.Kind == wire.Correction || c.Kind == wire.Deletion {
		return Ref{ID: c.Target, From: from}
	}
	return Ref{ID: c.Target, From: c.Author}
}
