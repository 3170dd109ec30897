package tui

import (
	"slices"
	"testing"
	"time"

	"dione/net/messenger"
)

func forgetScreens() []goldenScreen {
	return []goldenScreen{
		{"delete", func(t *testing.T, w, h int) *screen {
			s := privateScreen(t, w, h)
			s.keys("/delete", "enter")
			return s
		}},
		{"delete-room", func(t *testing.T, w, h int) *screen { s := quietScreen(t, w, h); s.keys("/delete", "enter"); return s }},
		{"retain", func(t *testing.T, w, h int) *screen {
			s := quietScreen(t, w, h)
			s.keys("/retain 4h", "enter")
			return s
		}},
	}
}

// A conversation is deleted only after a yes, with its draft.
func TestDelete(t *testing.T) {
	s := privateScreen(t, 80, 24)
	c := s.open.chat
	s.keys("/delete", "enter", "esc")
	if len(s.fake.msgs[c]) == 0 {
		t.Fatal("it is deleted unasked")
	}
	s.keys("my draft", "ctrl+k", "/delete", "enter")
	s.want("my draft", "THIS GOES", "THIS STAYS")
	s.keys("d")
	s.want("deleted from this disk")
	if len(s.fake.msgs[c]) != 0 || !s.open.composer.Empty() || !s.open.list.Empty() {
		t.Errorf("%d messages are left, and %q:\n%s", len(s.fake.msgs[c]), s.open.composer.Text(), s.text())
	}
	s.receive(c, dave, "and now?")
	s.want("and now?")
	s.keys("/delete #lan yes", "enter")
	if !slices.Contains(s.fake.calls, "delete #lan") || s.dialogs.Open() {
		t.Errorf("calls: %q", s.fake.calls)
	}
	s.keys("/delete nobody", "enter")
	s.want(`nobody known is called "nobody"`)
}

// What is too old leaves the screen, and the place that is read stays.
func TestRetain(t *testing.T) {
	f := newFake(bob)
	for i := range 200 {
		f.add(messenger.Room, bob, ago(time.Duration(200-i)*time.Hour), "line")
	}
	f.set(messenger.Room, func(m *messenger.Message) { m.Text = "the last line" })
	f.msgs[messenger.Room][165].Text = "long ago"
	s := newScreen(t, f, 80, 24)
	s.keys("/retain", "enter")
	s.want("are kept until you", "/retain 30d keeps")
	s.keys("pgup", "pgup")
	s.want("long ago")
	s.keys("/retain 3d", "enter")
	s.want("long ago", "kept 3 days", "for 3 days:")
	s.keys("ctrl+home", "ctrl+home")
	if n := len(f.msgs[messenger.Room]); n != 72 {
		t.Errorf("%d messages are left", n)
	}
	s.wantNot("12 November")
	s.keys("/retain 1h", "enter")
	s.want("the last line", "kept 1 hour")
	s.keys("/retain off", "enter")
	s.wantNot("kept 1 hour")
}
