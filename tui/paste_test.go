package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// pasteScreen asks about a paste of n lines in the middle of a text.
func pasteScreen(t *testing.T, w, h, n int) *screen {
	s := quietScreen(t, w, h)
	s.keys("look: !", "left")
	s.send(tea.PasteMsg{Content: strings.Repeat("\tgo func() { fmt.Println(\"\x1b[31mred\") }()\r\n", n)})
	return s
}

func TestPasteAsked(t *testing.T) {
	line := "\tgo func() { fmt.Println(\"[31mred\") }()\n"
	text := strings.Repeat(line, 30)
	for _, tt := range []struct {
		name        string
		press       []string
		want, above string // what is written then, and what Up brings in an empty line
	}{
		{"as typed", []string{"enter"}, "look: " + text + "!", "I read them:\n- two typos\n- one lie"},
		{"as code", []string{"down", "enter"}, "look: \n```\n" + text + "```\n!", "I read them:\n- two typos\n- one lie"},
		{"dropped", []string{"down", "down", "enter"}, "look: !", text},
		{"closed", []string{"esc"}, "look: !", text},
		{"closed by ctrl+c", []string{"ctrl+c"}, "look: !", text},
		{"help and back", []string{"f1", "f1", "enter"}, "look: " + text + "!", "I read them:\n- two typos\n- one lie"},
		{"no keys get into it", []string{"x", "/", "tab", "enter"}, "look: " + text + "!", "I read them:\n- two typos\n- one lie"},
	} {
		s := pasteScreen(t, 80, 24, 30)
		s.want("Paste 30 lines?", "characters, beginning with")
		s.keys(tt.press...)
		c := s.open.composer
		if c.Text() != tt.want {
			t.Errorf("%s: %q is written, want %q", tt.name, c.Text(), tt.want)
		}
		c.SetText("")
		if s.keys("up"); c.Text() != tt.above {
			t.Errorf("%s: Up brings %q, want %q", tt.name, c.Text(), tt.above)
		}
		if s.pasted != nil {
			t.Errorf("%s: it is still asked about", tt.name)
		}
	}
}

func TestPasteBounds(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		asked      bool
	}{
		{"many letters", strings.Repeat("é", 1000), false},
		{"too many", strings.Repeat("é", 1001), true},
		{"many lines", strings.Repeat("x\n", 20), false},
		{"too many lines", strings.Repeat("x\n", 21), true},
	} {
		s := newScreen(t, newFake(bob), 80, 24)
		s.send(tea.PasteMsg{Content: tt.text})
		if asked := s.pasted != nil; asked != tt.asked || asked != s.open.composer.Empty() {
			t.Errorf("%s: asked %v, want %v", tt.name, asked, tt.asked)
		}
	}
}

// TestPasteTwice pastes again while the first is asked about, and somebody's
// chat opens by itself.
func TestPasteTwice(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	first, second := strings.Repeat("1\n", 50), strings.Repeat("2\n", 50)
	s.send(tea.PasteMsg{Content: first})
	s.send(tea.PasteMsg{Content: second})
	s.show(with(bob))
	s.send(tea.PasteMsg{Content: "small"})
	s.want("> small")
	s.show(messenger.Room)
	for _, want := range []string{second, first} {
		if s.keys("up"); s.open.composer.Text() != want {
			t.Errorf("Up brings %q, want %q", s.open.composer.Text(), want)
		}
	}
}

// TestFence checks that no paste ends its own block.
func TestFence(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	if got, want := s.fenced("a\n````\nb\n"), "`````\na\n````\nb\n`````"; got != want {
		t.Errorf("fenced = %q, want %q", got, want)
	}
}
