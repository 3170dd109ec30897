package tui

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"dione/net/messenger"
)

// screen is a model that is driven without a program: commands run at once.
type screen struct {
	*model
	t *testing.T
}

func newScreen(t *testing.T, f *fakeClient, width, height int) *screen {
	t.Helper()
	s := &screen{newModel(f, Options{Now: func() time.Time { return now }, Zone: time.UTC}), t}
	s.update(tea.WindowSizeMsg{Width: width, Height: height})
	s.run(s.model.Init())
	s.update(eventsMsg{messenger.Ready{Self: f.self}, messenger.NetChanged{Net: f.net}})
	return s
}

func (s *screen) update(msg tea.Msg) {
	s.t.Helper()
	_, cmd := s.model.Update(msg)
	s.run(cmd)
}

// run carries out what a command asks of the client, not what it asks of the
// terminal or of time.
func (s *screen) run(cmd tea.Cmd) {
	s.t.Helper()
	if cmd == nil {
		return
	}
	done := make(chan tea.Msg, 1)
	go func() { done <- cmd() }()
	select {
	case msg := <-done:
		switch msg := msg.(type) {
		case tea.BatchMsg:
			for _, c := range msg {
				s.run(c)
			}
		case chatsMsg, peopleMsg, netMsg, historyMsg, sentMsg, openMsg, outboxMsg, doneMsg, errorMsg, cancelMsg:
			s.update(msg)
		}
	case <-time.After(50 * time.Millisecond): // a tick: nothing that these tests wait for
	}
}

func (s *screen) keys(keys ...tea.KeyPressMsg) {
	s.t.Helper()
	for _, k := range keys {
		s.update(k)
	}
}

func (s *screen) typed(text string) {
	s.t.Helper()
	for _, r := range text {
		s.update(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

// content is the screen without colours.
func (s *screen) content() string { return ansi.Strip(s.View().Content) }

// checkSize fails if the frame is larger than the terminal.
func (s *screen) checkSize() {
	s.t.Helper()
	lines := strings.Split(s.View().Content, "\n")
	if len(lines) > s.layout.height {
		s.t.Errorf("%dx%d: %d lines", s.layout.width, s.layout.height, len(lines))
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w > s.layout.width {
			s.t.Errorf("%dx%d: line %d has %d columns: %q", s.layout.width, s.layout.height, i, w, ansi.Strip(l))
		}
	}
}

var (
	enter = tea.KeyPressMsg{Code: tea.KeyEnter}
	tab   = tea.KeyPressMsg{Code: tea.KeyTab}
	esc   = tea.KeyPressMsg{Code: tea.KeyEscape}
	ctrlC = tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	f1    = tea.KeyPressMsg{Code: tea.KeyF1}
	up    = tea.KeyPressMsg{Code: tea.KeyUp}
	pgUp  = tea.KeyPressMsg{Code: tea.KeyPgUp}
)

// busy is a client with people, chats and every state of a message.
func busy() *fakeClient {
	f := newFake()
	bob, carol := person(2, "bob", messenger.PathLAN), person(3, "carol", messenger.PathLAN)
	dave := person(4, "dave", messenger.PathNone)
	bob.Contact, dave.Contact, dave.LastSeen = true, true, now.Add(-2*time.Hour).UnixMilli()
	f.people = []messenger.Person{bob, carol, dave}

	room := messenger.Room
	f.history[room] = []messenger.Message{
		message(room, 1, bob.ID, 26*time.Hour, "who is in on Friday?"),
		message(room, 2, carol.ID, 25*time.Hour, "me"),
		message(room, 3, f.self.ID, 38*time.Minute, "coffee in five minutes"),
		message(room, 4, bob.ID, 37*time.Minute, "coming"),
		message(room, 5, bob.ID, 36*time.Minute, "with cake"),
		message(room, 6, carol.ID, 9*time.Minute, "the build is green again: https://example.org/build/42, thanks to everybody who looked into it"),
		message(room, 7, bob.ID, 8*time.Minute, "漢字 and 👨‍👩‍👧‍👦 and שלום\nand a second line"),
	}
	partly := message(room, 8, f.self.ID, 2*time.Minute, "who has the log?")
	partly.State, partly.Acked, partly.Addressed = messenger.StateStored, 1, 2
	f.history[room] = append(f.history[room], partly)

	chat := messenger.Chat{Peer: bob.ID}
	queued := message(chat, 24, f.self.ID, time.Minute, "the log is here")
	queued.State = messenger.StateQueued
	failed := message(chat, 23, f.self.ID, 2*time.Minute, "never mind")
	failed.State, failed.Reason = messenger.StateFailed, "cancelled"
	f.history[chat] = []messenger.Message{
		message(chat, 20, bob.ID, 38*time.Minute, "did the build pass?"),
		message(chat, 21, f.self.ID, 37*time.Minute, "green since noon"),
		message(chat, 22, bob.ID, 9*time.Minute, "can you send the log https://example.org/build/42"),
		failed, queued,
	}
	f.chats = []messenger.ChatInfo{
		{Chat: room, Unread: 2, Read: 5},
		{Chat: chat, Unread: 1, Read: 21},
	}
	f.net.Queued = 1
	return f
}

var sizes = []tea.WindowSizeMsg{{Width: 40, Height: 10}, {Width: 80, Height: 24}, {Width: 200, Height: 60}}

func TestScreens(t *testing.T) {
	off := newFake()
	off.net = messenger.Net{LANOff: "no network interface is up"}
	hostile := newFake()
	evil := person(6, "\x1b[31mevil\u202e\x00", messenger.PathLAN)
	hostile.people = []messenger.Person{evil, person(7, strings.Repeat("long-name-", 4), messenger.PathLAN)}
	hostile.history[messenger.Room] = []messenger.Message{
		message(messenger.Room, 1, evil.ID, time.Hour, "\x1b[2J\x1b]0;title\x07gotcha\r\nover\x9b31m"),
		message(messenger.Room, 2, evil.ID, time.Hour, strings.Repeat("z\u0335\u0335\u0335\u0335\u0335\u0335\u0335\u0335", 5)+strings.Repeat("w", 300)),
		message(messenger.Room, 3, evil.ID, time.Hour, "\xff\xfe broken"),
	}
	for _, tt := range []struct {
		name   string
		client *fakeClient
		act    func(*screen)
	}{
		{"welcome", newFake(), func(*screen) {}},
		{"off", off, func(*screen) {}},
		{"room", busy(), func(s *screen) { s.typed("the log is") }},
		{"private", busy(), func(s *screen) { s.typed("/msg bob"); s.keys(enter) }},
		{"back", busy(), func(s *screen) {
			for i := range 40 {
				s.update(eventsMsg{messenger.MessageReceived{Message: message(messenger.Room, 100+i, id(2), 0, fmt.Sprint("line ", i)), From: s.people[0]}})
			}
			s.keys(pgUp)
			s.update(eventsMsg{messenger.MessageReceived{Message: message(messenger.Room, 200, id(2), 0, "unseen"), From: s.people[0]}})
		}},
		{"roster", busy(), func(s *screen) { s.keys(tab, tea.KeyPressMsg{Code: tea.KeyDown}) }},
		{"help", busy(), func(s *screen) { s.keys(f1) }},
		{"mistyped", newFake(), func(s *screen) { s.typed("/mgs bob"); s.keys(enter) }},
		{"hostile", hostile, func(*screen) {}},
	} {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s-%dx%d", tt.name, size.Width, size.Height), func(t *testing.T) {
				s := newScreen(t, tt.client, size.Width, size.Height)
				tt.act(s)
				s.checkSize()
				golden.RequireEqual(t, s.content()+"\n")
			})
		}
	}
}

// TestReadme keeps the picture of the README true.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile("testdata/TestScreens/room-80x24.golden")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```text\n"+string(picture)+"```") {
		t.Error("the picture in README.md is not testdata/TestScreens/room-80x24.golden")
	}
}
