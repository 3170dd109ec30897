package composer

import (
	"math/rand/v2"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"dione/tui/text"
)

var keys = map[string]tea.KeyPressMsg{
	"left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown},
	"home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "back": {Code: tea.KeyBackspace}, "del": {Code: tea.KeyDelete},
	"word-left": {Code: tea.KeyLeft, Mod: tea.ModAlt}, "word-right": {Code: tea.KeyRight, Mod: tea.ModAlt},
	"kill-word": {Code: 'w', Mod: tea.ModCtrl}, "kill-line": {Code: 'u', Mod: tea.ModCtrl}, "yank": {Code: 'y', Mod: tea.ModCtrl},
}

func press(c *Composer, names ...string) {
	for _, n := range names {
		if k, ok := keys[n]; ok {
			c.Press(k)
		} else {
			c.Insert(n)
		}
	}
}

func TestEdit(t *testing.T) {
	const family = "👨\u200d👩\u200d👧\u200d👦"
	for _, tt := range []struct {
		name  string
		press []string
		want  string // | is the cursor
	}{
		{"write", []string{"abc"}, "abc|"},
		{"in the middle", []string{"ac", "left", "b"}, "ab|c"},
		{"one emoji", []string{"a" + family + "b", "left", "back"}, "a|b"},
		{"one accent", []string{"xe\u0301", "back"}, "x|"},
		{"delete", []string{"a" + family + "b", "home", "right", "del"}, "a|b"},
		{"nothing to delete", []string{"back", "del", "left", "right"}, "|"},
		{"words", []string{"one two, three", "word-left", "word-left"}, "one |two, three"},
		{"word right", []string{"one two", "home", "word-right"}, "one| two"},
		{"kill word", []string{"one two", "kill-word"}, "one |"},
		{"kill and yank", []string{"one two", "kill-line", "2 ", "yank"}, "2 one two|"},
		{"lines", []string{"one\ntwo", "up", "home"}, "|one\ntwo"},
		{"keeps the column", []string{"long line\nx\nlong line", "up", "up"}, "long line|\nx\nlong line"},
		{"end of a line", []string{"one\ntwo", "up", "home", "end"}, "one|\ntwo"},
		{"back over a line break", []string{"one\ntwo", "home", "back"}, "one|two"},
	} {
		c := New()
		press(c, tt.press...)
		if got := c.text[:c.at] + "|" + c.text[c.at:]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestView(t *testing.T) {
	c := New()
	c.SetSize(11, text.ByCluster)
	press(c, "hello wide world\nagain")
	lines, x, y, above, below := c.View(5)
	if got := strings.Join(lines, "|"); got != "hello wide|world|again" || x != 5 || y != 2 || above || below {
		t.Errorf("View = %q, cursor %d,%d, %v %v", got, x, y, above, below)
	}
	if lines, _, y, above, below := c.View(2); len(lines) != 2 || lines[1] != "again" || y != 1 || !above || below {
		t.Errorf("View(2) = %q, row %d, %v %v", lines, y, above, below)
	}
	press(c, "up", "up", "up")
	if lines, _, y, above, below := c.View(2); lines[0] != "hello wide" || y != 0 || above || !below {
		t.Errorf("View(2) = %q, row %d, %v %v after going up", lines, y, above, below)
	}
}

func TestFull(t *testing.T) {
	c := New()
	if !c.Insert(strings.Repeat("x", MaxInput)) || c.Insert("y") || len(c.Text()) != MaxInput {
		t.Error("the bound does not hold")
	}
	if done, full := c.Press(tea.KeyPressMsg{Code: 'y', Text: "y"}); done || !full {
		t.Error("a key that finds no room is not told")
	}
}

// FuzzEdit edits at random and checks that the cursor stands between two
// characters, on the screen, and that rows fit.
func FuzzEdit(f *testing.F) {
	f.Add("hello wide world", uint64(1))
	f.Add("漢字 👨\u200d👩\u200d👧 e\u0301\t\n\n नमस्ते", uint64(2))
	f.Fuzz(func(t *testing.T, s string, seed uint64) {
		if len(s) > 2000 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 0))
		names := []string{"left", "right", "up", "down", "home", "end", "back", "del", "word-left", "word-right", "kill-word", "kill-line", "yank", s, "a"}
		c := New()
		for range 60 {
			m := text.Meter(r.IntN(2))
			width := 3 + r.IntN(30)
			c.SetSize(width, m)
			press(c, names[r.IntN(len(names))])
			lines, x, y, _, _ := c.View(1 + r.IntN(4))
			if c.at < 0 || c.at > len(c.text) || y < 0 || y >= len(lines) || x < 0 || x >= width {
				t.Fatalf("cursor at %d of %d, %d,%d of %d rows", c.at, len(c.text), x, y, len(lines))
			}
		}
	})
}
