package plain

import (
	"context"

	"dione/net/messenger"
	"dione/tui/amend"
	"dione/tui/command"
	"dione/tui/record"
)

// This file tells of reactions, corrections and deletions. They are numbered
// like messages, so that none of those is missing for them.

// change tells, once, what somebody or the user has done to a message.
func (s *session) change(ctx context.Context, m messenger.Message) {
	switch {
	case m.Row <= s.seen:
		return // also one that failed: its state tells that
	case m.Mine:
		self := s.client.Self()
		s.seen = m.Row
		if s.first == 0 {
			s.first = m.Row
		}
		s.unsent--
		s.print(record.ChangeOf(m, self.Name, self.Tag))
		s.begun(m)
	default:
		from := s.person(ctx, m.From)
		s.print(record.ChangeOf(m, from.Name, from.Tag))
		s.passed(ctx, m, from)
	}
}

// passed notes a change by which nothing is another one.
func (s *session) passed(ctx context.Context, m messenger.Message, from messenger.Person) {
	if m.Row > s.seen {
		s.seen = m.Row
		s.number(ctx, m, from)
	}
}

// changeAgain is change for one that is read in the store: it may not count any
// more, or not yet.
func (s *session) changeAgain(ctx context.Context, m messenger.Message) error {
	of, _, err := s.client.Message(ctx, m.Chat, m.Target.From, m.Target.ID)
	switch {
	case err != nil:
		return err
	case of.Shows(m):
		s.change(ctx, m)
	case m.Mine:
		s.seen = m.Row
	default:
		s.passed(ctx, m, s.person(ctx, m.From))
	}
	return nil
}

// changeMessage says something about an earlier message, of those too that
// were typed just before. An event tells of it.
func (s *session) changeMessage(ctx context.Context, cmd command.Command) error {
	s.await(ctx)
	err := amend.Do(ctx, s.client, s.chat, cmd)
	if err == nil {
		s.unsent++
	}
	return err
}

// await waits for the commit of what was sent before.
func (s *session) await(ctx context.Context) {
	for len(s.waiting) > 0 {
		select {
		case r := <-s.oldest():
			s.settle(r)
		case <-ctx.Done():
			return
		}
	}
}
