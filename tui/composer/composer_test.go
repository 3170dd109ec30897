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
	"kill-word-right": {Code: 'd', Mod: tea.ModAlt}, "kill-line-right": {Code: 'k', Mod: tea.ModAlt},
	"line-home": {Code: 'a', Mod: tea.ModCtrl}, "line-end": {Code: 'e', Mod: tea.ModCtrl},
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

		{"a flag", []string{"x🇩🇪🇫🇷", "back", "left", "right"}, "x🇩🇪|"},
		{"a flag of tags", []string{"x🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "back"}, "x|"},
		{"a skin", []string{"👍🏽👍🏽", "left", "back"}, "|👍🏽"},
		{"a key cap", []string{"1\ufe0f\u20e32", "left", "left"}, "|1\ufe0f\u20e32"},
		{"accents one by one", []string{"e", "\u0301", "\u0323", "x", "left", "back"}, "|x"},
		{"an accent on nothing", []string{"\u0301", "x"}, "x|"},
		{"vowels of Hebrew, key by key", []string{"ש", "\u05c1", "\u05b8", "ל", "left", "left"}, "|שׁ\u05b8ל"},
		{"Hebrew in its logical order", []string{"שלום עולם", "left", "left", "back"}, "שלום ע|לם"},
		{"vowels of Thai, key by key", []string{"ก", "\u0e34", "น", "left"}, "ก\u0e34|น"},
		{"Hangul of parts", []string{"\u1112\u1161\u11ab글", "left", "left"}, "|\u1112\u1161\u11ab글"},
		{"Devanagari", []string{"नमस्ते", "back"}, "नम|"},
		{"two flags that meet", []string{"🇩x🇪", "left", "back"}, "🇩🇪|"},
		{"a joiner that comes between", []string{"👩💻", "left", "\u200d", "left"}, "|👩\u200d💻"},
		{"a family as a word", []string{"hi " + family, "kill-word"}, "hi |"},
		{"no half of an emoji", []string{"hi 👩\u200d⚕\ufe0f", "word-left"}, "hi |👩\u200d⚕\ufe0f"},
		{"words of Japanese", []string{"東京タワーへ行く", "word-left", "word-left", "word-left"}, "東京タワー|へ行く"},
		{"words over lines", []string{"one\n\n two", "word-left", "word-left"}, "|one\n\n two"},
		{"words of Hebrew", []string{"שלום עולם", "word-left"}, "שלום |עולם"},
		{"word right over lines", []string{"one\n\n two.", "home", "up", "up", "word-right", "word-right"}, "one\n\n two|."},
		{"kill the word behind", []string{"one two", "home", "kill-word-right"}, "| two"},
		{"kill to the end", []string{"one\ntwo", "up", "kill-line-right"}, "one|two"},
		{"kill behind", []string{"one two", "home", "word-right", "kill-line-right"}, "one|"},
		{"kills in a row come back as one", []string{"a b c", "kill-word", "kill-word", "yank"}, "a b c|"},
		{"to both sides", []string{"a b c d", "word-left", "word-left", "kill-word", "kill-line-right", "yank"}, "a b c d|"},
		{"others do not", []string{"a b", "kill-word", "back", "kill-word", "yank"}, "a|"},
		{"ends of the logical line", []string{"one\ntwo\nthree", "up", "line-home", "x", "line-end"}, "one\nxtwo|\nthree"},
	} {
		c := New()
		press(c, tt.press...)
		if got := c.text[:c.at] + "|" + c.text[c.at:]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestRows is what the keys do in a line that takes several rows.
func TestRows(t *testing.T) {
	for _, tt := range []struct {
		name  string
		press []string
		want  string
	}{
		{"home", []string{"home"}, "hello wide |world\nagain"},
		{"home twice", []string{"home", "home"}, "|hello wide world\nagain"},
		{"home thrice", []string{"home", "home", "home"}, "|hello wide world\nagain"},
		{"end of a row", []string{"up", "home", "end"}, "hello wide| world\nagain"},
		{"end of the line", []string{"up", "home", "end", "end"}, "hello wide world|\nagain"},
		{"line keys", []string{"line-home"}, "|hello wide world\nagain"},
		{"up keeps the column", []string{"up"}, "hello| wide world\nagain"},
		{"down again", []string{"up", "up", "down", "down"}, "hello wide world\nagain|"},
	} {
		c := New()
		c.SetSize(11, text.ByCluster)
		press(c, "hello wide world\nagain")
		if tt.name != "down again" {
			press(c, "up")
		}
		press(c, tt.press...)
		if got := c.text[:c.at] + "|" + c.text[c.at:]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	c := New()
	c.SetSize(8, text.ByCluster)
	press(c, "漢字漢字漢字漢字") // three in a row
	for _, step := range []struct {
		key  string
		want int
	}{{"home", 18}, {"up", 9}, {"end", 15}, {"end", 24}, {"up", 15}, {"home", 9}, {"home", 0}} {
		if press(c, step.key); c.at != step.want {
			t.Errorf("%s leads to %d, want %d", step.key, c.at, step.want)
		}
	}
}

// TestLongWord deletes and goes over a word as long as a text can be.
func TestLongWord(t *testing.T) {
	for _, s := range []string{"x", "漢", "👩\u200d💻 "} {
		c := New()
		c.SetText(strings.Repeat(s, MaxInput/len(s)))
		press(c, "word-left", "word-right", "left", "right", "back", "kill-word", "yank")
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
		names := []string{"left", "right", "up", "down", "home", "end", "back", "del", "word-left", "word-right", "kill-word", "kill-line", "yank", "kill-word-right", "kill-line-right", s, "a", "\u0301", "\u200d", "🇩"}
		c := New()
		for range 60 {
			m := text.Meter(r.IntN(2))
			width := 3 + r.IntN(30)
			c.SetSize(width, m)
			press(c, names[r.IntN(len(names))])
			lines, x, y, _, _ := c.View(1 + r.IntN(4))
			if c.whole(c.at) != c.at {
				t.Fatalf("the cursor stands in a character, at %d of %q", c.at, c.text)
			}
			if c.at < 0 || c.at > len(c.text) || y < 0 || y >= len(lines) || x < 0 || x >= width {
				t.Fatalf("cursor at %d of %d, %d,%d of %d rows", c.at, len(c.text), x, y, len(lines))
			}
		}
	})
}
