package complete

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

var people = []Person{
	{Name: "ada", Given: "ada", Tag: "aaaa", Where: "near", Here: true},
	{Name: "Adele", Given: "delia", Tag: "bbbb", Where: "near", Here: true},
	{Name: "émile", Given: "émile", Tag: "cccc", Where: "away"},
	{Name: "ada", Given: "ada", Tag: "dddd", Where: "away"},
}

func all() []Person { return people }

func TestAt(t *testing.T) {
	for _, tt := range []struct{ text, want string }{ // | in text is the cursor
		{"|", ""},
		{"hello|", ""},
		{"/hi|", "1: history"},
		{"/HI|", "1: history"},
		{"/msg a|", "5: ada·aaaa Adele ada·dddd"},
		{"/msg del|", "5: Adele"},
		{"/msg É|", "5: émile"},
		{"/msg ada·d|", "5: ada·dddd"},
		{"/msg ·cc|", "5: émile"},
		{"/msg ada @a|", "9: @ada @delia"},
		{"@É|", ""},
		{"(@d|)", "1: @delia"},
		{"a@d|", ""},
		{"/verify a|", "8: ada·aaaa Adele ada·dddd"},
		{"/verify d|", "8: Adele ada·dddd done"},
		{"/search in:del|", "11: Adele"},
		{":tad|", "0: 🎉 🏟️"},
		{"é :tada:|x", "3: 🎉"},
		{":nothing:|", ""},
		{"5:tad|", ""},
		{"::tad|", "1: 🎉 🏟️"},
		{":tada::tad|", "6: 🎉 🏟️"},
		{":|", ""},
		{"/react |", "7: 👍 ❤️ 😂 🎉 😮 😢 🙏 👀 👎 off"},
		{"/react 3|", ""},
		{"/react 3 Tada|", "9: 🎉"},
		{":thumbsup_tone|", "0: 👍🏻 👍🏼 👍🏽 👍🏾 👍🏿"},
	} {
		before, after, _ := strings.Cut(tt.text, "|")
		from, items := At(before+after, len(before), all)
		var texts []string
		for _, item := range items {
			texts = append(texts, item.Text)
		}
		got := ""
		if len(items) > 0 {
			got = fmt.Sprintf("%d: %s", from, strings.Join(texts, " "))
		}
		if got != tt.want {
			t.Errorf("At(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestEmojis checks the table: every name finds its sign, and no sign would be
// dropped on its way to the screen.
func TestEmojis(t *testing.T) {
	if n := len(table().names); n < 3000 {
		t.Errorf("there are %d names", n)
	}
	for _, name := range table().names {
		sign := table().byName[name]
		if sign == "" || strings.ContainsAny(sign, " :\n") || !utf8.ValidString(sign) {
			t.Errorf(":%s: is %q", name, sign)
		}
		if _, items := At(":"+name+":", len(name)+2, all); len(items) != 1 || items[0].Text != sign {
			t.Errorf(":%s: finds %v", name, items)
		}
	}
	for _, name := range common {
		if table().byName[name] == "" {
			t.Errorf(":%s: is unknown", name)
		}
	}
}

func FuzzAt(f *testing.F) {
	for _, s := range []string{"/msg a", "/invite revoke x", ":smile: @a", "/outbox [|]", "é:\xff@"} {
		f.Add(s, len(s))
	}
	f.Fuzz(func(t *testing.T, s string, at int) {
		if at < 0 || at > len(s) {
			return
		}
		from, items := At(s, at, all)
		if from < 0 || from > at || len(items) > most {
			t.Errorf("At(%q, %d) = %d and %d items", s, at, from, len(items))
		}
	})
}
