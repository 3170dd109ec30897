package composer

import (
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	full := func(c *Composer) {
		c.Precede([]string{"oldest", "old"})
		c.Remember("one")
		c.Remember("two\nlines")
		c.Remember("three")
	}
	for _, tt := range []struct {
		name  string
		press []string
		want  string
	}{
		{"the newest", []string{"up"}, "three"},
		{"back in one go, over several lines", []string{"up", "up", "up"}, "one"},
		{"former days too", []string{"up", "up", "up", "up", "up"}, "oldest"},
		{"no further", []string{"up", "up", "up", "up", "up", "up", "up"}, "oldest"},
		{"and on again", []string{"up", "up", "up", "down"}, "two\nlines"},
		{"behind the newest is nothing", []string{"up", "up", "down", "down", "down"}, ""},
		{"in a text that was recalled", []string{"up", "up", "left", "up"}, "two\nlines"},
		{"from its first row", []string{"up", "up", "left", "up", "up"}, "one"},
		{"not over what is written", []string{"new", "up", "down"}, "new"},
		{"not over what was changed", []string{"up", "!", "up"}, "three!"},
		{"from the beginning after deleting", []string{"up", "up", "up", "kill-line", "up"}, "three"},
	} {
		c := New()
		full(c)
		if press(c, tt.press...); c.Text() != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, c.Text(), tt.want)
		}
	}
}

func TestRemember(t *testing.T) {
	c := New()
	for _, s := range []string{"a", "b", "", "a"} {
		c.Remember(s)
	}
	c.SetText("cleared")
	c.Clear()
	c.Precede([]string{"b", "z"})
	if got := strings.Join(c.past, " "); got != "z b a cleared" || c.bytes != len("zbacleared") || !c.Empty() {
		t.Errorf("the history is %q of %d bytes", got, c.bytes)
	}
	for range 3 {
		press(c, "up")
	}
	c.Precede([]string{"y"}) // while one is shown
	if press(c, "up"); c.Text() != "z" {
		t.Errorf("%q is before b, want z", c.Text())
	}
	c.Forget()
	for i := range 3 * maxPast {
		c.Remember(strings.Repeat("x", i))
		c.Precede([]string{"never"})
	}
	if len(c.past) != maxPast {
		t.Errorf("%d texts are kept, want %d", len(c.past), maxPast)
	}
	for i := range 100 {
		c.Remember(strings.Repeat("x", MaxInput-i))
	}
	if c.bytes > maxPastBytes || c.past[len(c.past)-1] != strings.Repeat("x", MaxInput-99) {
		t.Errorf("%d bytes are kept, want at most %d and the newest", c.bytes, maxPastBytes)
	}
}
