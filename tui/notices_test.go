package tui

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/config"
)

// noticeScreen has notices, and the focus until it is taken away. Commands are
// kept and not carried out.
type noticeScreen struct {
	*screen
	told []string
	late []tea.Cmd // what takes time
}

func newNoticeScreen(t *testing.T, people []messenger.Person, s config.Screen) *noticeScreen {
	n := &noticeScreen{screen: newScreen(t, newFake(people...), 80, 24)}
	n.opts.Screen = s
	return n
}

// feed gives the screen a message, and keeps what it wants to tell.
func (n *noticeScreen) feed(msg tea.Msg) {
	_, cmd := n.Update(msg)
	n.take(cmd)
}

func (n *noticeScreen) take(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	done := make(chan tea.Msg, 1)
	go func() { done <- cmd() }()
	synctest.Wait()
	select {
	case msg := <-done:
		switch msg := msg.(type) {
		case tea.BatchMsg:
			for _, c := range msg {
				n.take(c)
			}
		case tea.RawMsg:
			n.told = append(n.told, fmt.Sprint(msg.Msg))
		case noticedMsg:
			n.feed(msg)
		}
	default: // it waits for its time
		n.late = append(n.late, func() tea.Msg { return <-done })
	}
}

// rest lets the pause pass.
func (n *noticeScreen) rest() {
	time.Sleep(noticePause)
	late := n.late
	n.late = nil
	for _, cmd := range late {
		n.feed(cmd())
	}
}

func (n *noticeScreen) hear(c messenger.Chat, from messenger.Person, text string) {
	n.feed(eventsMsg{messenger.MessageReceived{Message: n.fake.add(c, from, noon, text), From: from}})
}

func (n *noticeScreen) wantTold(want ...string) {
	n.t.Helper()
	if fmt.Sprintf("%q", n.told) != fmt.Sprintf("%q", want) {
		n.t.Errorf("told %q, want %q", n.told, want)
	}
	n.told = nil
}

// TestNotices tells at once, then nothing for a while, then the sum; and only
// while the user looks elsewhere.
func TestNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNoticeScreen(t, []messenger.Person{bob, carol}, config.Screen{Notices: "osc9"})
		s.hear(with(bob), bob, "one")
		s.wantTold() // nobody has said yet that the user looks elsewhere
		s.feed(tea.BlurMsg{})
		s.hear(with(bob), bob, "two")
		s.wantTold("\x1b]9;dione: 1 new message\x07")
		s.hear(with(bob), bob, "three")
		s.hear(messenger.Room, carol, "four")
		s.wantTold()
		s.rest()
		s.wantTold("\x1b]9;dione: 2 new messages\x07")
		s.rest()
		s.wantTold()
		s.hear(with(bob), bob, "five")
		s.wantTold("\x1b]9;dione: 1 new message\x07")
		s.hear(with(bob), bob, "six")
		s.feed(tea.FocusMsg{})
		s.rest()
		s.wantTold() // the user has come and seen it
		s.hear(with(bob), bob, "seven")
		s.rest()
		s.wantTold()
	})
}

func TestNoNotices(t *testing.T) {
	asking := stranger(9, "eve")
	blocked := bob
	blocked.Standing = messenger.StandingBlocked
	for _, tt := range []struct {
		name string
		from messenger.Person
		way  string
	}{
		{"a request", asking, "bell"},
		{"somebody blocked", blocked, "bell"},
		{"switched off", bob, "off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newNoticeScreen(t, []messenger.Person{tt.from}, config.Screen{Notices: tt.way})
				s.feed(tea.BlurMsg{})
				s.hear(with(tt.from), tt.from, "hello")
				s.wantTold()
			})
		})
	}
}

// TestNoticeText tells who and what only when asked to, and nothing that a
// terminal would carry out.
func TestNoticeText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		evil := someone(9, "e\x1b]0;x\x07vil", messenger.PathLAN)
		s := newNoticeScreen(t, []messenger.Person{evil}, config.Screen{Notices: "osc777", NoticeText: "all"})
		s.feed(tea.BlurMsg{})
		s.hear(messenger.Room, evil, "a\x1b[2J\nb;c\u202e")
		if len(s.told) != 1 || strings.Count(s.told[0], "\x1b") != 1 || strings.ContainsAny(s.told[0], "\n\u202e") ||
			!strings.HasSuffix(s.told[0], " in #lan: a[2J b,c\x07") {
			t.Errorf("told %q", s.told)
		}
		s.rest()
	})
}

// TestNoticeCommand runs the user's program, one at a time, and says once that
// it fails.
func TestNoticeCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the test's program is a script of sh")
	}
	dir := t.TempDir()
	script, out := filepath.Join(dir, "tell"), filepath.Join(dir, "out")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$DIONE_NOTICE\" >>\""+out+"\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, newFake(bob), 80, 24)
	s.opts.Screen = config.Screen{Notices: "command", NoticeText: "name", NoticeCommand: []string{script}}
	s.Update(tea.BlurMsg{})
	hear := func(text string) tea.Cmd {
		s.gather(messenger.MessageReceived{Message: s.fake.add(with(bob), bob, noon, text), From: bob})
		return s.tellNews()
	}
	first := hear("one")
	if first == nil || !s.notices.running || hear("two") != nil {
		t.Fatal("the program does not run once")
	}
	s.Update(restedMsg{})
	if !s.notices.running || s.notices.news.Empty() {
		t.Error("a second notice was told while the program ran")
	}
	cmd := runNotice(s.opts.Screen.NoticeCommand, "1 new message from bob")
	s.Update(cmd())
	got, err := os.ReadFile(out)
	if err != nil || string(got) != "1 new message from bob\n" {
		t.Errorf("the program wrote %q, %v", got, err)
	}
	s.noticed(errors.New("notice-command: it is gone"))
	s.resize()
	s.want("notice-command: it is gone")
	s.answer = answer{}
	s.noticed(errors.New("notice-command: it is gone"))
	if s.answer.words != "" {
		t.Errorf("told again: %q", s.answer.words)
	}
}
