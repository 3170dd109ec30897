package tui

import (
	"context"
	"errors"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
)

// now is the one moment at which all screens of the tests are drawn.
var now = time.Date(2026, 11, 20, 14, 40, 0, 0, time.UTC)

// fakeClient is an engine that has what a test gives it.
type fakeClient struct {
	self    messenger.Self
	people  []messenger.Person
	chats   []messenger.ChatInfo
	history map[messenger.Chat][]messenger.Message
	net     messenger.Net
	sent    []string
	read    map[messenger.Chat]float64
	sendErr error
	events  chan messenger.Event
}

func id(n byte) identity.ID { return identity.ID{n} }

func newFake() *fakeClient {
	self := id(1)
	return &fakeClient{
		self:    messenger.Self{ID: self, Name: "ann", Tag: self.Tag()},
		history: make(map[messenger.Chat][]messenger.Message),
		read:    make(map[messenger.Chat]float64),
		events:  make(chan messenger.Event),
		net:     messenger.Net{Interfaces: []messenger.Interface{{Name: "eth0", Addrs: []string{"192.168.1.5"}}}},
	}
}

func person(n byte, name string, path messenger.Path) messenger.Person {
	return messenger.Person{ID: id(n), Name: name, Claimed: name, Tag: id(n).Tag(), Path: path}
}

// message makes the n-th message of a chat, so many minutes before now.
func message(chat messenger.Chat, n int, from identity.ID, ago time.Duration, text string) messenger.Message {
	m := messenger.Message{
		Row: int64(n), Pos: float64(n), Chat: chat, From: from, Seq: uint64(n),
		Sent: now.Add(-ago), Arrived: now.Add(-ago), State: messenger.StateReceived, Text: text,
	}
	m.ID[0], m.ID[1] = byte(n), byte(n>>8)
	if from == id(1) {
		m.Mine, m.State = true, messenger.StateDelivered
	}
	return m
}

func (f *fakeClient) Events() <-chan messenger.Event { return f.events }
func (f *fakeClient) Self() messenger.Self           { return f.self }

func (f *fakeClient) Send(_ context.Context, chat messenger.Chat, text string) (messenger.Message, error) {
	f.sent = append(f.sent, text)
	return message(chat, 1000+len(f.sent), f.self.ID, 0, text), f.sendErr
}

func (f *fakeClient) History(_ context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error) {
	all := f.history[chat]
	if (before != messenger.Cursor{}) {
		for len(all) > 0 && all[len(all)-1].Pos >= before.Pos {
			all = all[:len(all)-1]
		}
	}
	return all[max(0, len(all)-n):], nil
}

func (f *fakeClient) Chats(context.Context) ([]messenger.ChatInfo, error) { return f.chats, nil }
func (f *fakeClient) People(context.Context) ([]messenger.Person, error)  { return f.people, nil }
func (f *fakeClient) Outbox(context.Context) ([]messenger.Message, error) { return nil, nil }
func (f *fakeClient) Net(context.Context) (messenger.Net, error)          { return f.net, nil }
func (f *fakeClient) Retry(context.Context) error                         { return nil }

func (f *fakeClient) MarkRead(_ context.Context, chat messenger.Chat, pos float64) error {
	f.read[chat] = pos
	return nil
}

func (f *fakeClient) Resolve(_ context.Context, name string) (messenger.Person, error) {
	for _, p := range f.people {
		if p.Name == name {
			return p, nil
		}
	}
	return messenger.Person{}, &messenger.UnknownPersonError{Name: name}
}

func (f *fakeClient) SetName(_ context.Context, name string) error {
	f.self.Name = name
	return nil
}

func (f *fakeClient) SetPetname(context.Context, identity.ID, string) error {
	return errors.New("not in this test")
}

func (f *fakeClient) Cancel(context.Context, messenger.Chat, messenger.MessageID) error { return nil }
