package messenger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"dione/crypto/identity"
	"dione/net/wire"
	"dione/store"
)

// Cursor is a place in a chat from which to page.
type Cursor = store.Cursor

// Errors that a caller tells apart.
var (
	// ErrStopped says that the engine has stopped.
	ErrStopped = errors.New("the chat is closing")
	// ErrSelf says that somebody wanted to write to themselves.
	ErrSelf = errors.New("that is you")
	// ErrEmpty says that there is nothing to send.
	ErrEmpty = errors.New("nothing to send")
	// ErrTooLong says that a text is longer than MaxText.
	ErrTooLong = errors.New("too long: limit 16 KiB")
	// ErrNotText says that a text is not UTF-8.
	ErrNotText = errors.New("not sent: it is not UTF-8 text")
	// ErrNotWaiting says that a message does not wait any more.
	ErrNotWaiting = errors.New("no such message waits in the outbox")
)

// UnknownPersonError says that nobody is known by a name.
type UnknownPersonError struct{ Name string }

func (e *UnknownPersonError) Error() string { return fmt.Sprintf("nobody known is called %q", e.Name) }

// Hint tells the next step.
func (e *UnknownPersonError) Hint() string {
	return "/who lists the people you know; /add takes an address or an invitation"
}

// AmbiguousError says that a name fits several people.
type AmbiguousError struct {
	Name       string
	Candidates []Person
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%d people are called %q", len(e.Candidates), e.Name)
}

// Hint names the candidates so that one of them can be typed.
func (e *AmbiguousError) Hint() string {
	hint := "say which one:"
	for i, p := range e.Candidates {
		if i == 5 {
			return hint + " …"
		}
		hint += " " + p.Name + "." + p.Tag
	}
	return hint
}

// Events returns the channel of what happens. One reader takes all of it;
// while nobody reads, the newest events are kept up to a bound, and beyond it
// Lagged stands for them.
func (m *Messenger) Events() <-chan Event { return m.events }

// Self returns who this profile is. It never waits.
func (m *Messenger) Self() Self { return *m.self.Load() }

// History returns up to n messages of chat before a place, oldest first; the
// zero Cursor means the newest.
func (m *Messenger) History(ctx context.Context, chat Chat, before Cursor, n int) (msgs []Message, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		msgs, err = tx.History(chat, before, n)
		return err
	})
	return msgs, err
}

// HistoryAfter returns up to n messages of chat behind a place, oldest first.
func (m *Messenger) HistoryAfter(ctx context.Context, chat Chat, after Cursor, n int) (msgs []Message, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		msgs, err = tx.HistoryAfter(chat, after, n)
		return err
	})
	return msgs, err
}

// After returns up to n messages of all chats committed after row, in the
// order of their commits.
func (m *Messenger) After(ctx context.Context, row int64, n int) (msgs []Message, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		msgs, err = tx.After(row, n)
		return err
	})
	return msgs, err
}

// Message returns one message, and whether there is such a one.
func (m *Messenger) Message(ctx context.Context, chat Chat, from identity.ID, id MessageID) (msg Message, ok bool, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		msg, ok, err = tx.Message(chat, from, id)
		return err
	})
	return msg, ok, err
}

// Chats returns every chat, the room first and then those with the newest
// message first.
func (m *Messenger) Chats(ctx context.Context) (infos []ChatInfo, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		infos, err = tx.Chats()
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(infos, func(a, b ChatInfo) int {
		switch {
		case a.Chat.IsRoom():
			return -1
		case b.Chat.IsRoom():
			return +1
		}
		return b.Last.Arrived.Compare(a.Last.Arrived)
	})
	if len(infos) == 0 || !infos[0].Chat.IsRoom() {
		infos = append([]ChatInfo{{Chat: Room}}, infos...)
	}
	return infos, nil
}

// MarkRead says that the user has read chat up to pos.
func (m *Messenger) MarkRead(ctx context.Context, chat Chat, pos float64) error {
	return m.do(ctx, func(b *batch) error {
		info, err := b.tx.MarkRead(chat, pos)
		if err == nil {
			b.tell(ChatRead{Info: info})
		}
		return err
	})
}

// Mute says that nothing of chat is to disturb the user until then, in unix
// milliseconds; 0 takes it back, and Forever does not end.
func (m *Messenger) Mute(ctx context.Context, chat Chat, until int64) error {
	return m.do(ctx, func(b *batch) error {
		if !chat.IsRoom() {
			if _, err := m.known(chat.Peer); err != nil {
				return refuse(err)
			}
		}
		info, err := b.tx.Mute(chat, until)
		if err == nil {
			b.tell(ChatMuted{Info: info})
		}
		return err
	})
}

// People returns everybody known: who is near first, then contacts, then the
// others, by name.
func (m *Messenger) People(ctx context.Context) (all []Person, err error) {
	err = m.do(ctx, func(*batch) error {
		all = m.sortedPeople()
		return nil
	})
	return all, err
}

// Person returns the person with the given ID.
func (m *Messenger) Person(ctx context.Context, id identity.ID) (found Person, err error) {
	err = m.do(ctx, func(*batch) error {
		p := m.people[id]
		if p == nil {
			return refuse(&UnknownPersonError{Name: id.String()})
		}
		found = m.shown(p)
		return nil
	})
	return found, err
}

// Resolve finds the person that name means: a peer ID, name·tag or name.tag,
// a petname, a tag, or a claimed name if only one person has it.
func (m *Messenger) Resolve(ctx context.Context, name string) (found Person, err error) {
	err = m.do(ctx, func(*batch) error {
		if found, err = resolve(m.sortedPeople(), m.selfID, name); err != nil {
			return refuse(err)
		}
		return nil
	})
	return found, err
}

// SetName changes the name that we give ourselves, and tells everybody
// connected.
func (m *Messenger) SetName(ctx context.Context, name string) error {
	clean := wire.CleanName(name)
	if clean == "" {
		return fmt.Errorf("%q is no name: it needs a letter, a digit or another visible character", name)
	}
	return m.do(ctx, func(b *batch) error {
		if err := b.tx.SetMeta(metaName, clean); err != nil {
			return err
		}
		b.then(func() {
			self := m.Self()
			self.Name = clean
			m.self.Store(&self)
			for _, p := range m.people {
				if p.link != nil {
					p.link.push(wire.Hello{Name: clean})
				}
			}
		})
		return nil
	})
}

// SetPetname changes what the user calls somebody; "" gives them back the
// name they claim.
func (m *Messenger) SetPetname(ctx context.Context, id identity.ID, name string) error {
	clean := wire.CleanName(name)
	if clean == "" && name != "" {
		return fmt.Errorf("%q is no name: it needs a letter, a digit or another visible character", name)
	}
	return m.do(ctx, func(b *batch) error {
		p, err := m.known(id)
		if err != nil {
			return refuse(err)
		}
		b.contact(p).Petname = clean
		return nil
	})
}

// Net returns how the program hears and is heard.
func (m *Messenger) Net(ctx context.Context) (n Net, err error) {
	err = m.do(ctx, func(b *batch) error {
		n = m.netNow()
		n.Queued, n.Stored, err = b.tx.WaitingCount()
		return err
	})
	return n, err
}

// Refresh asks LAN discovery to look for people now.
func (m *Messenger) Refresh() { m.refreshLAN() }

// hintOf returns the next step that err carries, or "".
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
