package tui

import (
	"testing"

	"dione/net/messenger"
)

// TestTyping says that one writes, and shows who else does, if that is on.
func TestTyping(t *testing.T) {
	f := newFake(bob)
	s := newScreen(t, f, 80, 24)
	s.keys("hello")
	s.tell(messenger.PersonTyping{Person: bob, Chat: messenger.Room, Typing: true})
	s.wantNot("is writing")
	if f.typed != 0 {
		t.Errorf("told %d times that one writes, though that is off", f.typed)
	}
	s.opts.Screen.Typing = true
	s.keys(" there", "ctrl+c", "/who")
	if f.typed != 1 {
		t.Errorf("told %d times that one writes, want once", f.typed)
	}
	s.keys("ctrl+c")
	s.want("bob is writing…")
	s.tell(messenger.PersonTyping{Person: bob, Chat: messenger.Room})
	s.wantNot("is writing")
}
