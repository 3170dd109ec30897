package plain

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/record"
)

// begin notes what was there before, so that [session.catchUp] tells what
// came after it and nothing else.
func (s *session) begin(ctx context.Context) error {
	// What is there behind a row tells whether it is the newest: double the
	// step until it is too far, then halve it.
	beyond := func(row int64) (bool, error) {
		msgs, err := s.client.After(ctx, row, 1)
		return len(msgs) > 0, err
	}
	step := int64(1)
	for ; ; step *= 2 {
		if more, err := beyond(step - 1); err != nil {
			return err
		} else if !more {
			break
		}
	}
	for ; step > 0; step /= 2 {
		if more, err := beyond(s.base + step - 1); err != nil {
			return err
		} else if more {
			s.base += step
		}
	}
	people, err := s.client.People(ctx)
	if err != nil {
		return err
	}
	for _, p := range people {
		s.people[p.ID] = p
	}
	waiting, err := s.client.Outbox(ctx)
	for _, w := range waiting {
		s.follow(w.Message)
	}
	return err
}

// follow remembers a message whose state may still change.
func (s *session) follow(m messenger.Message) {
	m.Text = ""
	s.open[m.ID] = m
}

// tell prints an event, and those that are there already.
func (s *session) tell(ctx context.Context, ev messenger.Event) {
	s.printEvent(ctx, ev)
	for range maxBurst {
		select {
		case ev = <-s.client.Events():
			s.printEvent(ctx, ev)
		default:
			return
		}
	}
}

func (s *session) printEvent(ctx context.Context, ev messenger.Event) {
	switch ev := ev.(type) {
	case messenger.Ready:
		s.ready = true
		s.print(record.ReadyOf(ev.Self))
	case messenger.RequestReceived:
		s.people[ev.Person.ID] = ev.Person
		s.print(record.RequestOf(ev.Person))
	case messenger.PersonChanged:
		s.changed(ev.Person)
	case messenger.PersonNear:
		if ev.Person.Standing == messenger.StandingBlocked {
			return
		}
		s.near[ev.Person.ID] = ev.Person.Path
		s.print(record.NearOf(ev.Person, ev.Person.Path))
	case messenger.PersonGone:
		if ev.Person.Standing == messenger.StandingBlocked && s.near[ev.Person.ID] == messenger.PathNone {
			return // nobody was told that they came
		}
		delete(s.near, ev.Person.ID)
		s.print(record.Gone(record.NearOf(ev.Person, ev.Path)))
	case messenger.PersonRenamed:
		s.info("%s is called %s now", ev.Was, ev.Person)
	case messenger.MessageSent:
		s.sent(ev.Message)
	case messenger.MessageReceived:
		if ev.Message.Row > s.seen {
			s.received(ctx, ev.Message, ev.From)
		}
	case messenger.MessageChanged:
		s.change(ctx, ev.Change)
	case messenger.ChangeReceived:
		s.passed(ctx, ev.Change, ev.From)
	case messenger.StateChanged:
		s.state(ev.Message)
	case messenger.ChatMuted:
		s.print(record.MutedOf(ev.Info, s.chatName(ctx, ev.Info.Chat), s.opts.Now()))
	case messenger.ChatRetained:
		s.print(record.RetainedOf(ev.Info, s.chatName(ctx, ev.Info.Chat)))
	case messenger.ChatErased:
		s.print(record.ErasedOf(ev, s.chatName(ctx, ev.Info.Chat)))
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
	s.print(record.SentOf(m))
	s.begun(m)
}

// begun has the states of an own message told that follow on its commit.
func (s *session) begun(m messenger.Message) {
	queued := m
	queued.State, queued.Acked = messenger.StateQueued, 0
	s.follow(queued)
	if m.State != messenger.StateQueued {
		s.state(m)
	}
}

// state tells how far an own message has come, each step once: after a
// catch-up events may tell again what the store has told.
func (s *session) state(m messenger.Message) {
	was, open := s.open[m.ID]
	ours := s.first != 0 && m.Row >= s.first // sent in this run, so told until it left open
	if ours && !open || open && was.State == m.State && was.Acked == m.Acked && was.Addressed == m.Addressed && was.State != messenger.StateQueued {
		return
	}
	s.print(record.StateOf(m))
	if m.State == messenger.StateDelivered || m.State == messenger.StateFailed {
		delete(s.open, m.ID)
	} else {
		s.follow(m)
	}
}

// catchUp prints what the dropped events would have told, as far as it still
// is so.
func (s *session) catchUp(ctx context.Context) error {
	if err := s.catchUpPeople(ctx); err != nil {
		return err
	}
	const page = 500
	for s.seen = max(s.seen, s.base); ; {
		msgs, err := s.client.After(ctx, s.seen, page)
		if err != nil {
			return err
		}
		for _, m := range msgs {
			switch {
			case m.Kind != messenger.KindText:
				if err := s.changeAgain(ctx, m); err != nil {
					return err
				}
			case m.Mine:
				s.sent(m)
			default:
				s.received(ctx, m, s.person(ctx, m.From))
			}
		}
		if len(msgs) < page {
			break
		}
	}
	oldestFirst := func(a, b messenger.Message) int { return cmp.Compare(a.Row, b.Row) }
	for _, was := range slices.SortedFunc(maps.Values(s.open), oldestFirst) {
		m, ok, err := s.client.Message(ctx, was.Chat, was.From, was.ID)
		if err != nil {
			return err
		}
		if ok && (m.State != was.State || m.Acked != was.Acked || m.Addressed != was.Addressed) {
			s.state(m)
		}
	}
	return nil
}

// catchUpPeople tells who came and who left.
func (s *session) catchUpPeople(ctx context.Context) error {
	people, err := s.client.People(ctx)
	if err != nil {
		return err
	}
	for _, p := range people {
		switch was := s.near[p.ID]; {
		case p.Path == was:
		case p.Connected():
			s.printEvent(ctx, messenger.PersonNear{Person: p})
		default:
			s.printEvent(ctx, messenger.PersonGone{Person: p, Path: was})
		}
	}
	return nil
}

// person returns who id is; somebody not known is called by their tag.
func (s *session) person(ctx context.Context, id identity.ID) messenger.Person {
	p, err := s.client.Person(ctx, id)
	if err != nil {
		return messenger.Person{ID: id, Name: id.Tag(), Tag: id.Tag()}
	}
	return p
}
