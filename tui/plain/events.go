package plain

import (
	"context"

	"dione/net/messenger"
	"dione/tui/record"
)

// tell prints an event, and flushes when no other one is there yet.
func (s *session) tell(ctx context.Context, ev messenger.Event) {
	for {
		s.printEvent(ctx, ev)
		select {
		case ev = <-s.client.Events():
		default:
			_ = s.out.Flush() // what fails shows with the next line
			return
		}
	}
}

func (s *session) printEvent(ctx context.Context, ev messenger.Event) {
	switch ev := ev.(type) {
	case messenger.Ready:
		s.print(record.ReadyOf(ev.Self))
	case messenger.PersonNear:
		s.print(record.NearOf(ev.Person, ev.Person.Path))
	case messenger.PersonGone:
		s.print(record.Gone(record.NearOf(ev.Person, ev.Path)))
	case messenger.PersonRenamed:
		s.info("%s is called %s now", ev.Was, ev.Person)
	case messenger.MessageSent:
		s.sent(ev.Message)
	case messenger.MessageReceived:
		if ev.Message.Row > s.seen {
			s.seen = ev.Message.Row
			s.print(record.MessageOf(ev.Message, ev.From))
		}
	case messenger.StateChanged:
		s.state(ev.Message)
	case messenger.Notice:
		if ev.Failed {
			s.print(record.Error{Text: ev.Text, Hint: ev.Hint})
		} else {
			s.print(record.Info{Text: ev.Text, Hint: ev.Hint})
		}
	case messenger.Lagged:
		if err := s.catchUp(ctx); err != nil {
			s.fail(err)
		}
	}
}

// sent tells of an own message, once.
func (s *session) sent(m messenger.Message) {
	if m.Row <= s.seen {
		return
	}
	s.seen = m.Row
	if s.first == 0 {
		s.first = m.Row
	}
	s.unsent--
	queued := m
	queued.State, queued.Acked = messenger.StateQueued, 0
	s.open[m.ID] = queued
	s.print(record.SentOf(m))
	if m.State != messenger.StateQueued {
		s.state(m)
	}
}

// state tells how far an own message has come, each step once: after a
// catch-up events may tell again what the store has told.
func (s *session) state(m messenger.Message) {
	was, open := s.open[m.ID]
	ours := s.first != 0 && m.Row >= s.first // sent in this run, so told until it left open
	if ours && !open || open && was.State == m.State && was.Acked == m.Acked && was.State != messenger.StateQueued {
		return
	}
	s.print(record.StateOf(m))
	if m.State == messenger.StateDelivered || m.State == messenger.StateFailed {
		delete(s.open, m.ID)
	} else {
		s.open[m.ID] = m
	}
}

// catchUp prints, from the store, what the dropped events would have told.
func (s *session) catchUp(ctx context.Context) error {
	const page = 500
	for {
		msgs, err := s.client.After(ctx, s.seen, page)
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if m.Mine {
				s.sent(m)
				continue
			}
			from, err := s.client.Person(ctx, m.From)
			if err != nil {
				from = messenger.Person{ID: m.From, Name: m.From.Tag(), Tag: m.From.Tag()}
			}
			s.seen = m.Row
			s.print(record.MessageOf(m, from))
		}
		if len(msgs) < page {
			break
		}
	}
	for id, was := range s.open {
		m, ok, err := s.client.Message(ctx, was.Chat, was.From, id)
		if err != nil {
			return err
		}
		if ok && (m.State != was.State || m.Acked != was.Acked) {
			s.state(m)
		}
	}
	return nil
}
