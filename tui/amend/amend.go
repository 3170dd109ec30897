// Package amend carries out the commands that say something about an earlier
// message: /reply, /react, /correct and /unsend, alike on the screen and in
// line mode. Those commands count back from the newest message that fits them.
package amend

import (
	"context"
	"errors"
	"fmt"

	"dione/net/messenger"
	"dione/tui/command"
)

// engine is what Do uses of *messenger.Messenger.
type engine interface {
	Find(ctx context.Context, chat messenger.Chat, n int, fits func(messenger.Message) bool) (messenger.Message, error)
	Reply(ctx context.Context, chat messenger.Chat, to messenger.Ref, text string) (messenger.Message, error)
	React(ctx context.Context, chat messenger.Chat, to messenger.Ref, emoji string) (messenger.Message, error)
	Correct(ctx context.Context, chat messenger.Chat, id messenger.MessageID, text string) (messenger.Message, error)
	Unsend(ctx context.Context, chat messenger.Chat, id messenger.MessageID) (messenger.Message, error)
}

// hinted is an error with the next step.
type hinted struct {
	error
	hint string
}

func (e hinted) Hint() string  { return e.hint }
func (e hinted) Unwrap() error { return e.error }

// Do carries out cmd in a chat: a [command.Reply], [command.React],
// [command.Correct] or [command.Unsend].
func Do(ctx context.Context, e engine, chat messenger.Chat, cmd command.Command) error {
	err := do(ctx, e, chat, cmd)
	switch {
	case errors.Is(err, messenger.ErrReaction):
		return hinted{err, "/react 👍 sets one, /react off takes it away"}
	case errors.Is(err, messenger.ErrNobodyNear):
		return hinted{err, "what is written in #lan is for those who are near: wait until somebody is"}
	}
	return err
}

func do(ctx context.Context, e engine, chat messenger.Chat, cmd command.Command) error {
	switch cmd := cmd.(type) {
	case command.Reply:
		to, err := find(ctx, e, chat, cmd.N, theirs)
		if err == nil {
			_, err = e.Reply(ctx, chat, refOf(to), cmd.Text)
		}
		return err
	case command.React:
		to, err := find(ctx, e, chat, cmd.N, theirs)
		if err == nil {
			_, err = e.React(ctx, chat, refOf(to), cmd.Emoji)
		}
		return err
	case command.Correct:
		of, err := find(ctx, e, chat, cmd.N, sent)
		if err == nil {
			_, err = e.Correct(ctx, chat, of.ID, cmd.Text)
		}
		return err
	case command.Unsend:
		of, err := find(ctx, e, chat, cmd.N, mine)
		if err == nil {
			_, err = e.Unsend(ctx, chat, of.ID)
		}
		return err
	}
	return fmt.Errorf("%T changes no message", cmd)
}

func refOf(m messenger.Message) messenger.Ref { return messenger.Ref{ID: m.ID, From: m.From} }

// fits says which messages a command counts, and what they are called.
type fits struct {
	of    func(messenger.Message) bool
	words string
}

var (
	theirs = fits{func(m messenger.Message) bool { return !m.Mine && !m.Deleted }, "of others"}
	mine   = fits{func(m messenger.Message) bool { return m.Mine && !m.Deleted }, "of your own"}
	sent   = fits{func(m messenger.Message) bool { return mine.of(m) && m.State != messenger.StateFailed }, "of your own that somebody has"}
)

// find returns the nth newest message that fits.
func find(ctx context.Context, e engine, chat messenger.Chat, n int, f fits) (messenger.Message, error) {
	m, err := e.Find(ctx, chat, n, f.of)
	if errors.Is(err, messenger.ErrNoMessage) {
		err = hinted{fmt.Errorf("%w: there are fewer than %d %s", err, n, f.words), "/history shows the last messages; 1 is the newest that fits"}
	}
	return m, err
}
