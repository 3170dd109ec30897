package tui

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// restart is the screen of the same engine anew.
func (s *screen) restart() *screen {
	s.t.Helper()
	return newScreen(s.t, s.fake, s.layout.width, s.layout.height)
}

func TestDraftsOverRestarts(t *testing.T) {
	f := roomFake()
	s := newScreen(t, f, 80, 24)
	s.keys("to everybody", "alt+down", "to bob")
	s.want("to bob", "draft")
	s.wantNot("to everybody")
	s = s.restart()
	s.want("to everybody")
	s.keys("alt+down")
	s.want("to bob")
	s.keys("enter")
	if d, ok := f.drafts[with(bob)]; ok {
		t.Errorf("what was sent is kept as %+v", d)
	}
	s = s.restart()
	s.keys("alt+down")
	if got := s.open.composer.Text(); got != "" {
		t.Errorf("what was sent is a draft: %q", got)
	}
	s.keys("ctrl+c") // leaves
	if !s.quit {
		t.Error("an empty line does not leave")
	}
}

// What is typed is kept half a second later, once, and at the latest on
// leaving.
func TestDraftsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := roomFake()
		s := newScreen(t, f, 80, 24)
		s.drafts.delay = draftDelay
		begun := time.Now()
		_, cmd := s.Update(tea.KeyPressMsg{Code: 'a', Text: "a"})
		for _, r := range "bcd" {
			if _, cmd := s.Update(tea.KeyPressMsg{Code: r, Text: string(r)}); cmd != nil {
				t.Error("a second save is on its way")
			}
		}
		s.run(cmd)
		if d := f.drafts[messenger.Room]; d.Text != "abcd" || time.Since(begun) != draftDelay {
			t.Errorf("after %v the draft is %q", time.Since(begun), d.Text)
		}
		s.Update(tea.KeyPressMsg{Code: 'e', Text: "e"})
		if err := s.leave(); err != nil || f.drafts[messenger.Room].Text != "abcde" {
			t.Errorf("leave: %v, the draft is %q", err, f.drafts[messenger.Room].Text)
		}
	})
}

// A full disk is told once, and what was typed is kept when there is room.
func TestDraftsOnAFullDisk(t *testing.T) {
	f := roomFake()
	s := newScreen(t, f, 80, 24)
	f.full = errors.New("no room")
	s.keys("abc")
	s.want("drafts are not kept: no room")
	s.keys("esc", "d")
	s.wantNot("no room")
	f.full = nil
	s.keys("e")
	if d := f.drafts[messenger.Room]; d.Text != "abcde" {
		t.Errorf("the draft is %q", d.Text)
	}
}

// A place that was read is in view after a restart, in the open conversation
// and in others, and nothing is marked as read meanwhile.
func TestScrollPlaceOverRestarts(t *testing.T) {
	f := newFake(bob, carol)
	for _, c := range []messenger.Chat{messenger.Room, with(bob)} {
		for range 300 {
			f.add(c, bob, noon, "line")
		}
		f.set(c, func(m *messenger.Message) { m.Text = "the last line" })
	}
	f.msgs[messenger.Room][150].Text = "in the middle of the room"
	f.msgs[with(bob)][100].Text = "in the middle of the chat"
	s := newScreen(t, f, 80, 24)
	for _, place := range []string{"in the middle of the room", "in the middle of the chat"} {
		s.want("the last line")
		for range 60 {
			if s.keys("pgup"); strings.Contains(s.text(), place) {
				break
			}
		}
		s.want(place)
		s.keys("alt+down")
	}
	f.add(messenger.Room, carol, noon, "while you were away")
	calls := len(f.calls)
	s = s.restart()
	s.want("in the middle of the room", "1 new below")
	s.keys("alt+down")
	s.want("in the middle of the chat")
	s.wantNot("new below")
	if len(f.calls) != calls {
		t.Errorf("at the restart: %q", f.calls[calls:])
	}
	s.keys("esc")
	s.want("the last line")
	s = s.restart()
	s.keys("alt+down")
	s.want("the last line")
}

// The places survive dropped events.
func TestScrollPlaceLagged(t *testing.T) {
	s := scrolledScreen(t, 80, 24)
	at, ok := s.open.list.Top()
	if !ok {
		t.Fatal("the screen is not scrolled back")
	}
	s.tell(messenger.Lagged{})
	if now, ok := s.open.list.Top(); !ok || now != at {
		t.Errorf("the view begins at %+v, %t, not at %+v", now, ok, at)
	}
}
