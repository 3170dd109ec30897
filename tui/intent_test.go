package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// pickedTalk has the cursor on the nth message from the end.
func pickedTalk(t *testing.T, n int) *screen {
	s := talkScreen(t, 100, 40)
	for range n {
		s.keys("ctrl+up")
	}
	return s
}

// called checks what the user did to messages last.
func (s *screen) called(want ...string) {
	s.t.Helper()
	var got []string
	for _, c := range s.fake.calls {
		if what, _, _ := strings.Cut(c, " "); slices.Contains([]string{"send", "reply", "react", "correct", "unsend"}, what) {
			got = append(got, c)
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("called %q, want %q", got, want)
	}
}

func TestAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := pickedTalk(t, 5)
		s.want("r answer")
		s.keys("r")
		s.want("answers bob ·" + bob.Tag + ": did the **build** pass?")
		s.wantNot("▌")
		s.keys("half", "alt+down")
		s.wantNot("answers bob")
		s.keys("alt+up", " an answer", "enter")
		s.called(`reply #lan 1 "half an answer"`)
		s.wantNot("answers bob")

		// Esc takes the purpose away and leaves the text.
		s.keys("ctrl+up", "r", "to all", "esc")
		s.wantNot("answers")
		s.keys("enter")
		s.called(`reply #lan 1 "half an answer"`, `send #lan "to all"`)

		// What was refused is back, with its purpose.
		s.fake.refuse = errors.New("disk full")
		s.keys("ctrl+up", "ctrl+up", "r", "once more", "enter")
		s.want("not sent: disk full", "> once more", "answers carol")
	})
}

func TestCorrect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := pickedTalk(t, 4)
		s.want("c copy · o open")
		s.keys("e")
		s.want("changes what you wrote", "> green since noon")
		s.keys("!", "enter")
		s.called(`correct #lan 2 "green since noon, see https://example.org/build!"`)
		s.wantNot("changes what you wrote", "> green")

		s.keys("a thought", "ctrl+up", "up", "up", "up", "e")
		s.want("> green since noon")
		s.keys("esc")
		s.wantNot("> green", "changes what")
		s.keys("up", "up")
		s.want("> a thought")

		s.keys("ctrl+c", "ctrl+up", "e")
		s.want("only its author can do that")
	})
}

func TestReact(t *testing.T) {
	s := pickedTalk(t, 5)
	s.keys("+")
	s.want("React", "take 👍 away", "laughing")
	s.keys("enter")
	s.called(`react #lan 1 ""`)
	s.keys("+", "down", "down", "enter", "+", "é", "enter")
	s.called(`react #lan 1 ""`, `react #lan 1 "👎"`, `react #lan 1 "é"`)
	s.keys("esc", "ctrl+up", "+", "esc")
	s.wantNot("laughing")
	s.called(`react #lan 1 ""`, `react #lan 1 "👎"`, `react #lan 1 "é"`)
}

func TestUnsend(t *testing.T) {
	s := pickedTalk(t, 4)
	s.keys("d")
	s.want("Take it back?", "green since noon")
	s.keys("esc")
	s.called()
	s.keys("d", "y")
	s.called(`unsend #lan 2 ""`)
	s.keys("ctrl+up", "up", "up", "r")
	s.want("it was deleted: there is nothing to answer")
}
