package composer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"dione/tui/text"
)

// TestRandomKeys presses 10,000 keys at random. The cursor always stands
// between two characters and on the screen, and no key takes text away but
// those that delete: what goes is in the history.
func TestRandomKeys(t *testing.T) {
	deleting := []string{"back", "del", "kill-word", "kill-line", "kill-word-right", "kill-line-right"}
	writing := []string{
		"a", " ", "\n", "word ", "漢字", "カナ", "שלום", "e\u0301", "\u0301", "\u200d", "👩", "💻", "🇩", "🇪", "👨\u200d👩\u200d👧\u200d👦",
		"नमस्ते", "กำ", "\t", "```\ncode\n```", strings.Repeat("long ", 30), strings.Repeat("x", 200),
	}
	var all []string
	for name := range keys {
		all = append(all, name)
	}
	slices.Sort(all)
	r := rand.New(rand.NewPCG(6, 6))
	c := New()
	for i := range 10_000 {
		before, past := c.Text(), slices.Clone(c.past)
		name := all[r.IntN(len(all))]
		switch r.IntN(10) {
		case 0, 1, 2:
			name = writing[r.IntN(len(writing))]
			press(c, name)
			if !remains(before, c.Text()) {
				t.Fatalf("key %d, %q: %q became %q", i, name, before, c.Text())
			}
		case 3:
			name = "clear"
			c.Clear()
		case 4:
			name = "size"
			c.SetSize(r.IntN(60), text.Meter(r.IntN(2)))
		default:
			press(c, name)
			if c.Text() != before && name != "yank" && !slices.Contains(deleting, name) && before != "" && !slices.Contains(past, before) {
				t.Fatalf("key %d, %s: %q became %q", i, name, before, c.Text())
			}
		}
		if name == "clear" && before != "" && c.past[len(c.past)-1] != before {
			t.Fatalf("key %d: %q is not in the history", i, before)
		}
		if c.whole(c.at) != c.at {
			t.Fatalf("key %d, %q: the cursor stands in a character, at %d of %q", i, name, c.at, c.text)
		}
		lines, x, y, _, _ := c.View(1 + r.IntN(9))
		if y < 0 || y >= len(lines) || x < 0 || x >= max(c.width, 1) {
			t.Fatalf("key %d, %q: the cursor is at %d,%d of %d rows", i, name, x, y, len(lines))
		}
	}
	if done, _ := c.Press(tea.KeyPressMsg{Code: tea.KeyF5}); done {
		t.Error("a key that means nothing does something")
	}
}

// remains reports whether all of s is still there after something was written
// in it.
func remains(s, now string) bool {
	n := 0
	for n < len(s) && n < len(now) && s[n] == now[n] {
		n++
	}
	return strings.HasSuffix(now, s[n:]) && len(now) >= len(s)
}
