package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/crypto/identity"
	"dione/net/messenger"
)

// This file holds every tea.Cmd that calls the engine. The rules are:
//   - one call under one deadline, and one message back, never a nil one;
//   - a command takes what it needs as arguments and never sees the model.

// callTime bounds a call of the engine.
const callTime = 30 * time.Second

// pageSize is how many messages are loaded at a time.
const pageSize = 100

// client is what the screen uses of *messenger.Messenger; tests pass a fake.
type client interface {
	Events() <-chan messenger.Event
	Self() messenger.Self
	Send(ctx context.Context, chat messenger.Chat, text string) (messenger.Message, error)
	History(ctx context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error)
	Chats(ctx context.Context) ([]messenger.ChatInfo, error)
	MarkRead(ctx context.Context, chat messenger.Chat, pos float64) error
	People(ctx context.Context) ([]messenger.Person, error)
	Resolve(ctx context.Context, name string) (messenger.Person, error)
	SetName(ctx context.Context, name string) error
	SetPetname(ctx context.Context, id identity.ID, name string) error
	Outbox(ctx context.Context) ([]messenger.Message, error)
	Cancel(ctx context.Context, chat messenger.Chat, id messenger.MessageID) error
	Retry(ctx context.Context) error
	Net(ctx context.Context) (messenger.Net, error)
}

type (
	eventsMsg []messenger.Event
	chatsMsg  []messenger.ChatInfo
	peopleMsg []messenger.Person
	netMsg    struct {
		net   messenger.Net
		shown bool // the user has asked for it
	}
	historyMsg struct {
		chat   messenger.Chat
		before messenger.Cursor
		page   []messenger.Message
	}
	sentMsg struct {
		chat messenger.Chat
		text string
		err  error
	}
	openMsg struct {
		person messenger.Person
		text   string // to write there, or ""
	}
	outboxMsg []messenger.Message
	doneMsg   struct{ note string } // a command succeeded; note is what to say
	errorMsg  struct{ err error }
)

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

func loadChats(c client) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		infos, err := c.Chats(ctx)
		return chatsMsg(infos), err
	})
}

func loadPeople(c client) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		people, err := c.People(ctx)
		return peopleMsg(people), err
	})
}

func loadNet(c client, shown bool) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		n, err := c.Net(ctx)
		return netMsg{n, shown}, err
	})
}

func loadHistory(c client, chat messenger.Chat, before messenger.Cursor) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		page, err := c.History(ctx, chat, before, pageSize)
		return historyMsg{chat, before, page}, err
	})
}

func loadOutbox(c client) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		msgs, err := c.Outbox(ctx)
		return outboxMsg(msgs), err
	})
}

func send(c client, chat messenger.Chat, text string) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		_, err := c.Send(ctx, chat, text)
		return sentMsg{chat, text, err}
	}
}

func markRead(c client, chat messenger.Chat, pos float64) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{}, c.MarkRead(ctx, chat, pos)
	})
}

func openChat(c client, name, text string) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		p, err := c.Resolve(ctx, name)
		return openMsg{p, text}, err
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
	return call(func(ctx context.Context) (tea.Msg, error) {
		id := chat.Peer
		if who != "" {
			p, err := c.Resolve(ctx, who)
			if err != nil {
				return nil, err
			}
			id = p.ID
		}
		return doneMsg{}, c.SetPetname(ctx, id, name)
	})
}

func retry(c client) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{"looking for everybody for whom something waits"}, c.Retry(ctx)
	})
}

func cancelMessage(c client, msg messenger.Message) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{"given up: " + firstLine(msg.Text)}, c.Cancel(ctx, msg.Chat, msg.ID)
	})
}

// findWaiting looks for the message that /outbox cancel means.
func findWaiting(c client, prefix string) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		msgs, err := c.Outbox(ctx)
		return cancelMsg{prefix, msgs}, err
	})
}
