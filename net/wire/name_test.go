package wire

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestCleanName(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"bob", "bob"},
		{"  bob \t the\u00a0builder\n", "bob-the-builder"},
		{"-bob-", "bob"},
		{"a - b", "a---b"},
		{"Zoe\u0308", "Zoë"},
		{"b\x1b[31mob\x07", "b[31mob"},
		{"a\u202eb\u2066c\u200fd", "abcd"},
		{"zero\u200bwidth\ufeff", "zerowidth"},
		{"\u3164\u2800\u115f", ""},
		{"\u200d\u200d", ""},
		{"\xff\xfe", ""},
		{"", ""},
		{" - ", ""},
		{"👩\u200d🚀", "👩\u200d🚀"},
		{"日本語", "日本語"},
		{strings.Repeat("é", 40), strings.Repeat("é", 32)},
		{strings.Repeat("👩\u200d👩\u200d👧\u200d👦", 32), strings.Repeat("👩\u200d👩\u200d👧\u200d👦", 10)},
		{"a" + strings.Repeat("\u0301", 300), ""},
		{strings.Repeat("a", 31) + " b", strings.Repeat("a", 31)},
	} {
		if got := CleanName(tt.in); got != tt.want {
			t.Errorf("CleanName(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"bob", " a\u0308 b", "\u202ex", "👩\u200d🚀", "\u1100\u1161", strings.Repeat("z\u0335", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := CleanName(in)
		if len(got) > MaxName || !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) || strings.ContainsAny(got, " \n\x1b\u202e") {
			t.Errorf("CleanName(%q) = %q", in, got)
		}
		if again := CleanName(got); again != got {
			t.Errorf("CleanName(%q) = %q, and of that %q", in, got, again)
		}
	})
}
