package tui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/amend"
	"dione/tui/command"
)

// This file holds every tea.Cmd that calls the engine. The rules are:
//   - one call under one deadline, and one message back, never a nil one;
//   - a command takes what it needs as arguments and never sees the model.

const (
	// callTime bounds a call of the engine.
	callTime = 30 * time.Second

	// pageSize is how many messages are loaded at a time.
	pageSize = 100

	// countDelay is how long changes of the outbox are gathered before it is
	// counted.
	countDelay = 200 * time.Millisecond
)

// client is what the screen uses of *messenger.Messenger; tests pass a fake.
type client interface {
	Events() <-chan messenger.Event
	Self() messenger.Self
	Send(ctx context.Context, chat messenger.Chat, text string) (messenger.Message, error)
	Find(ctx context.Context, chat messenger.Chat, n int, fits func(messenger.Message) bool) (messenger.Message, error)
	Reply(ctx context.Context, chat messenger.Chat, to messenger.Ref, text string) (messenger.Message, error)
	React(ctx context.Context, chat messenger.Chat, to messenger.Ref, emoji string) (messenger.Message, error)
	Correct(ctx context.Context, chat messenger.Chat, id messenger.MessageID, text string) (messenger.Message, error)
	Typing(ctx context.Context, chat messenger.Chat) error
	SetTyping(ctx context.Context, on bool) error
	Unsend(ctx context.Context, chat messenger.Chat, id messenger.MessageID) (messenger.Message, error)
	History(ctx context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error)
	HistoryAfter(ctx context.Context, chat messenger.Chat, after messenger.Cursor, n int) ([]messenger.Message, error)
	Versions(ctx context.Context, chat messenger.Chat, of messenger.Ref) ([]messenger.Version, error)
	Search(ctx context.Context, query string, before int64, n int) (messenger.Found, error)
	Chats(ctx context.Context) ([]messenger.ChatInfo, error)
	Drafts(ctx context.Context) ([]messenger.Draft, error)
	SetDraft(ctx context.Context, d messenger.Draft) error
	DeleteChat(ctx context.Context, chat messenger.Chat) error
	Retain(ctx context.Context, chat messenger.Chat, keep time.Duration) error
	MarkRead(ctx context.Context, chat messenger.Chat, pos float64) error
	Mute(ctx context.Context, chat messenger.Chat, until int64) error
	People(ctx context.Context) ([]messenger.Person, error)
	Resolve(ctx context.Context, name string) (messenger.Person, error)
	SetName(ctx context.Context, name string) error
	SetPetname(ctx context.Context, id identity.ID, name string) error
	Outbox(ctx context.Context) ([]messenger.Waiting, error)
	Cancel(ctx context.Context, chat messenger.Chat, id messenger.MessageID) error
	Retry(ctx context.Context, to identity.ID) error
	Net(ctx context.Context) (messenger.Net, error)
	Person(ctx context.Context, id identity.ID) (messenger.Person, error)
	Add(ctx context.Context, address, petname string) (messenger.Person, error)
	Invite(ctx context.Context) (messenger.Invitation, error)
	Invitations(ctx context.Context) ([]messenger.Invitation, error)
	Revoke(ctx context.Context, text string) error
	Accept(ctx context.Context, id identity.ID) error
	Block(ctx context.Context, id identity.ID) error
	Unblock(ctx context.Context, id identity.ID) error
	Verify(ctx context.Context, id identity.ID, verified bool) error
	Export(ctx context.Context, path string, passphrase []byte, progress func(done, of int64)) error
}

// where says to which end of a list a page belongs.
type where int

const (
	newest where = iota
	older
	newer
	around
)

type (
	eventsMsg []messenger.Event
	chatsMsg  struct {
		infos []messenger.ChatInfo
		again bool // asked for a second time
	}
	peopleMsg []messenger.Person
	netMsg    struct {
		net  messenger.Net
		show bool // the user has asked for it
	}
	pageMsg struct {
		chat  messenger.Chat
		where where
		page  []messenger.Message
		short bool             // there is no more in that direction
		back  int              // messages to scroll back to; 0 follows the end
		end   bool             // of around: there is no newer one
		at    messenger.Cursor // of around: the place of the message that is meant
		hit   bool             // of around: what stands before it is to be in view
		err   error
	}
	sentMsg struct {
		outgoing
		err error
	}
	foundMsg struct { // a person to open the chat with
		person messenger.Person
		text   string // to write there, or ""
	}
	outboxMsg struct {
		waiting []messenger.Waiting
		what    outboxAction
		id      string // first digits of the message meant; "" for none
	}
	doneMsg  struct{ words string } // a command has succeeded; words may be ""
	countMsg struct{}
	errorMsg struct{ err error }
)

// outboxAction is what is to be done about a message that waits.
type outboxAction int

const (
	showWaiting outboxAction = iota
	retryOne
	cancelOne
)

// outgoing is a text on its way to the engine.
type outgoing struct {
	chat messenger.Chat
	text string
	*intent
}

// call makes a command of one call.
func call(f func(context.Context) (tea.Msg, error)) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		msg, err := f(ctx)
		if err != nil {
			return errorMsg{err}
		}
		return msg
	}
}

func loadChats(c client, again bool) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		infos, err := c.Chats(ctx)
		return chatsMsg{infos, again}, err
	})
}

func loadPeople(c client) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		people, err := c.People(ctx)
		return peopleMsg(people), err
	})
}

func loadNet(c client, show bool) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		n, err := c.Net(ctx)
		return netMsg{n, show}, err
	})
}

// loadNewest asks for the newest n messages of a chat.
func loadNewest(c client, chat messenger.Chat, n int) tea.Cmd {
	return loadPage(pageMsg{chat: chat, where: newest}, n, func(ctx context.Context) ([]messenger.Message, error) {
		return c.History(ctx, chat, messenger.Cursor{}, n)
	})
}

// loadBack is loadNewest that shows the last n messages from their first.
func loadBack(c client, chat messenger.Chat, n int) tea.Cmd {
	size := max(n, pageSize)
	return loadPage(pageMsg{chat: chat, where: newest, back: n}, size, func(ctx context.Context) ([]messenger.Message, error) {
		return c.History(ctx, chat, messenger.Cursor{}, size)
	})
}

func loadOlder(c client, chat messenger.Chat, before messenger.Cursor) tea.Cmd {
	return loadPage(pageMsg{chat: chat, where: older}, pageSize, func(ctx context.Context) ([]messenger.Message, error) {
		return c.History(ctx, chat, before, pageSize)
	})
}

func loadNewer(c client, chat messenger.Chat, after messenger.Cursor) tea.Cmd {
	return loadPage(pageMsg{chat: chat, where: newer}, pageSize, func(ctx context.Context) ([]messenger.Message, error) {
		return c.HistoryAfter(ctx, chat, after, pageSize)
	})
}

func loadPage(msg pageMsg, n int, read func(context.Context) ([]messenger.Message, error)) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		msg.page, msg.err = read(ctx)
		msg.short = len(msg.page) < n
		return msg
	}
}

// loadOutbox asks what waits, in order to do something about the message whose
// id begins so.
func loadOutbox(c client, what outboxAction, id string) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		waiting, err := c.Outbox(ctx)
		return outboxMsg{waiting, what, id}, err
	})
}

func send(c client, out outgoing) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		return sentMsg{out, out.write(ctx, c, out.chat, out.text)}
	}
}

// changeMessage says something about an earlier message. The events tell of it.
func changeMessage(c client, chat messenger.Chat, cmd command.Command) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{}, amend.Do(ctx, c, chat, cmd)
	})
}

func markRead(c client, chat messenger.Chat, pos float64) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{}, c.MarkRead(ctx, chat, pos)
	})
}

func findPerson(c client, name, text string) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		p, err := c.Resolve(ctx, name)
		return foundMsg{p, text}, err
	})
}

func setName(c client, name string) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		err := c.SetName(ctx, name)
		return doneMsg{"you are " + c.Self().Name + " now"}, err
	})
}

// setPetname names the person called who, or the one of chat if who is "".
func setPetname(c client, chat messenger.Chat, who, name string) tea.Cmd {
	return aboutPerson(c, chat, who, func(ctx context.Context, p messenger.Person) (tea.Msg, error) {
		return doneMsg{}, c.SetPetname(ctx, p.ID, name)
	})
}

// retry tries to deliver at once what waits for somebody, or all that waits.
func retry(c client, to identity.ID, who string) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{"trying again to reach " + who}, c.Retry(ctx, to)
	})
}

func cancelMessage(c client, msg messenger.Message) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		if err := c.Cancel(ctx, msg.Chat, msg.ID); err != nil {
			return nil, err
		}
		waiting, err := c.Outbox(ctx)
		return outboxMsg{waiting: waiting}, err
	})
}

// hintOf returns the next step that err carries, or "".
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
