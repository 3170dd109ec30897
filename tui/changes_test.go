package tui

import (
	"fmt"
	"testing"

	"dione/net/messenger"
)

// TestChangeCommands says something about earlier messages: of others or of
// one's own, counted from the newest.
func TestChangeCommands(t *testing.T) {
	f := newFake(bob)
	for i, from := range []messenger.Person{bob, ann, bob, ann} { // 1 to 4
		f.add(messenger.Room, from, noon, fmt.Sprint("line ", i+1))
	}
	f.set(messenger.Room, func(m *messenger.Message) { m.State = messenger.StateFailed })
	s := newScreen(t, f, 80, 24)
	for typed, call := range map[string]string{
		"/reply yes":       `reply #lan 3 "yes"`,
		"/reply 2 no":      `reply #lan 1 "no"`,
		"/react 👍":         `react #lan 3 "👍"`,
		"/react 2 off":     `react #lan 1 ""`,
		"/correct line II": `correct #lan 2 "line II"`, // nobody has the last one
		"/unsend":          `unsend #lan 4 ""`,
		"/unsend 2":        `unsend #lan 2 ""`,
	} {
		s.keys(typed, "enter")
		f.wantCall(t, call)
	}
	s.keys("/react 3 👍", "enter")
	s.want("no such message here")
	f.refuse = messenger.ErrReaction
	s.keys("/react wonderful", "enter")
	s.want("a reaction is one emoji", "/react 👍 sets one")
}

// TestMessageChanged shows the new text of a message that was corrected.
func TestMessageChanged(t *testing.T) {
	f := newFake(bob)
	m := f.add(messenger.Room, bob, noon, "did the bild pass?")
	s := newScreen(t, f, 80, 24)
	s.want("did the bild pass?")
	m.Text, m.Edited = "did the build pass?", noon
	s.tell(messenger.MessageChanged{Message: m})
	s.want("did the build pass?")
	s.wantNot("bild")
}
