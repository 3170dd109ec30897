package store

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func folded(s string) []string {
	var all []string
	for _, w := range wordsOf(s) {
		all = append(all, w.folded)
	}
	return all
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"Did the BUILD pass?", "did the build pass"},
		{"https://example.org/build/42#x_y", "https example org build 42 x y"},
		{"don't e-mail", "don t e mail"},
		{"Café CAFÉ cafe\u0301", "cafe cafe cafe"},
		{"Größe GRÖSSE Weiß", "grosse grosse weiss"},
		{"Łódź Øre æther Œuvre İstanbul ısı", "lodz ore aether oeuvre istanbul isi"},
		{"Ελλάς ΕΛΛΑΣ", "ελλασ ελλασ"},
		{"Всё Ёлка", "все елка"},
		{"שָׁלוֹם שלום", "שלום שלום"},
		{"مُحَمَّد محمـد أحمد", "محمد محمد احمد"},
		{"हिन्दी की", "हिन्दी की"},
		{"東京タワー", "東 京 タ ワ ー"},
		{"ﾀﾜｰ ｶﾞ が か\u3099", "タ ワ ー ガ が が"},
		{"한국어 한", "한 국 어 한"},
		{"สวัสดี", "ส วั ส ดี"},
		{"東a京1", "東 a 京 1"},
		{"ＡＢＣ ﬁn ㎏ ²", "abc fin kg 2"},
		{"½", "1 2"},
		{"👍🏽 👩‍👩‍👧 🇩🇪 ❤️", "👍 👩 👩 👧 🇩 🇪 ❤"},
		{"soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"},
		{"#1 @2 \ue000", "1 2"},
		{strings.Repeat("x", 100), strings.Repeat("x", maxWord)},
	} {
		if got := strings.Join(folded(tt.text), " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestWordPlaces(t *testing.T) {
	for _, text := range []string{"a Größe, cafe\u0301s 東京 👍🏽!", "ﾀﾜｰ-한국"} {
		var got []string
		for _, w := range wordsOf(text) {
			got = append(got, text[w.from:w.to])
		}
		if want := map[bool][]string{
			true:  {"a", "Größe", "cafe\u0301s", "東", "京", "👍🏽"},
			false: {"ﾀ", "ﾜ", "ｰ", "한", "국"},
		}[strings.HasPrefix(text, "a")]; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Of any text the words stand in it one behind the other, whole characters
// each, and nothing of them can be mistaken for a place.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"Größe 東京 👩‍👩‍👧 ½ ㎏", "#1 @2", "a\u0301\u0301 \u0301", "한\u1100\u1161\u11a8", "\ufdfa\u0640"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "\ufffd")
		last := word{}
		for _, w := range wordsOf(s) {
			if w.from < last.from || w.to < last.to || w.from >= w.to || w.to > len(s) || !utf8.ValidString(s[w.from:w.to]) {
				t.Fatalf("%q: word %+v behind %+v", s, w, last)
			}
			if w.folded == "" || len(w.folded) > maxWord || !utf8.ValidString(w.folded) || strings.ContainsAny(w.folded, "\x00 \"#@*") {
				t.Fatalf("%q: word %+v", s, w)
			}
			last = w
		}
	})
}
