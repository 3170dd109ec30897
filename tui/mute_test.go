package tui

import (
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/config"
)

// TestMute mutes a chat, which is then quiet but there, until its time is up.
func TestMute(t *testing.T) {
	s := newScreen(t, newFake(bob, carol), 80, 24)
	now := noon
	s.opts.Now = func() time.Time { return now }
	s.keys("/msg bob", "enter", "/mute 8h", "enter")
	s.want("muted until 22:31", "/mute off takes it back", "bob ·"+bob.Tag+"  LAN · muted until 22:31")
	s.keys("/msg #lan", "enter")
	s.receive(with(bob), bob, "psst")
	s.receive(with(bob), bob, "psst!")
	s.want("~2 │")
	if got := s.View().WindowTitle; got != "dione" {
		t.Errorf("the title is %q, want that of nothing unread", got)
	}
	s.receive(with(carol), carol, "hello")
	if got := s.View().WindowTitle; got != "(1) dione" {
		t.Errorf("the title is %q, want carol's message", got)
	}
	now = noon.Add(8 * time.Hour)
	if got := s.View().WindowTitle; got != "(3) dione" {
		t.Errorf("eight hours later the title is %q, want all of them", got)
	}
	s.keys("/msg bob", "enter")
	s.wantNot("muted")
	s.keys("/mute", "enter")
	s.want("LAN · muted ", "~ │")
	s.keys("/mute off", "enter")
	s.want("not muted")
	s.wantNot("· muted", "~ │")
	s.keys("/mute 3d", "enter")
	s.want("muted until 23 November 22:31")
}

// TestMuteRoom mutes the room on a narrow screen, and learns of a mute at the
// start.
func TestMuteRoom(t *testing.T) {
	s := newScreen(t, newFake(bob), 40, 10)
	s.send(chatsMsg{infos: []messenger.ChatInfo{{Chat: messenger.Room, MutedUntil: messenger.Forever}}})
	s.want("# lan  1 person near · muted")
	s.wantFit()
	s.send(chatsMsg{infos: []messenger.ChatInfo{{Chat: messenger.Room, MutedUntil: noon.Add(30 * 24 * time.Hour).UnixMilli()}}})
	s.want("# lan  1 person near · muted ")
	s.wantFit()
}

// TestMention counts what names us apart, also in a muted room.
func TestMention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNoticeScreen(t, []messenger.Person{bob}, config.Screen{Notices: "osc9"})
		s.feed(tea.BlurMsg{})
		name := func(text string) {
			msg := s.fake.add(messenger.Room, bob, noon, text)
			msg.Mentioned = true
			s.feed(eventsMsg{messenger.MessageReceived{Message: msg, From: bob}})
		}
		s.hear(messenger.Room, bob, "hello")
		s.rest()
		name("ann: there?")
		s.wantTold("\x1b]9;dione: 1 new message\x07", "\x1b]9;dione: 1 new message, for you\x07")
		s.want("@1 2 │")
		if got := s.View().WindowTitle; got != "(2 @1) dione" {
			t.Errorf("the title is %q", got)
		}
		s.feed(eventsMsg{messenger.ChatMuted{Info: messenger.ChatInfo{Chat: messenger.Room, MutedUntil: messenger.Forever}}})
		s.rest()
		s.hear(messenger.Room, bob, "quiet")
		name("ann?")
		s.wantTold("\x1b]9;dione: 1 new message, for you\x07")
		s.want("@2 ~4 │", "unless somebody names you")
		if got := s.View().WindowTitle; got != "(2 @2) dione" {
			t.Errorf("the title is %q", got)
		}
		s.rest()
		s.feed(tea.FocusMsg{})
		s.wantNot("@2")
		if got := s.View().WindowTitle; got != "dione" {
			t.Errorf("the title is %q once all is read", got)
		}
	})
}

// TestMutedNotice gives no notice of a muted chat.
func TestMutedNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNoticeScreen(t, []messenger.Person{bob, carol}, config.Screen{Notices: "bell"})
		s.feed(tea.BlurMsg{})
		s.feed(eventsMsg{messenger.ChatMuted{Info: messenger.ChatInfo{Chat: with(bob), MutedUntil: messenger.Forever}}})
		s.hear(with(bob), bob, "psst")
		s.wantTold()
		s.hear(with(carol), carol, "psst")
		s.wantTold("\a")
		s.rest()
	})
}
