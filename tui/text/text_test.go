package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"hello", "hello"},
		{"two\nlines", "two\nlines"},
		{"dos\r\nlines", "dos\nlines"},
		{"a\tb", "a    b"},
		{"\x1b[31mred\x1b]0;title\x07", "[31mred]0;title"},
		{"bell\x07 del\x7f c1\u009b31m", "bell del c131m"},
		{"bad \xff\xfe bytes", "bad \uFFFD bytes"},
		{"e\u0301", "é"},
		{"z" + strings.Repeat("\u0335", 50), "z" + strings.Repeat("\u0335", maxMarks)},
		{"שלום", "שלום"},
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestName(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"bob", "bob"},
		{"bob\nann says hi", "bob ann says hi"},
		{"\u202egnp.exe", "gnp.exe"},
		{" \u200f ", ""},
	} {
		if got := Name(tt.in); got != tt.want {
			t.Errorf("Name(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain", "plain"},
		{"two\nlines\there", `two\nlines\there`},
		{`C:\new`, `C:\\new`},
		{"\x1b[2J", `\u001b[2J`},
		{"\u202eevil", `\u202eevil`},
	} {
		if got := Line(tt.in); got != tt.want {
			t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"ab", 4, "ab  "},
		{"abcdef", 4, "abc…"},
		{"漢字漢字", 5, "漢字…"},
		{"漢字", 0, ""},
	} {
		if got := Fit(tt.in, tt.width); got != tt.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"hello", "\x1b[31m", "👨‍👩‍👧‍👦 family", "\u202eevil", "z\u0335\u0335\u0335\u0335\u0335\u0335"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		got := Clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && isControl(r) }) {
			t.Errorf("Clean(%q) = %q", s, got)
		}
		if line := Line(s); !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return isControl(r) || isBidi(r) }) {
			t.Errorf("Line(%q) = %q", s, line)
		}
		width = 2 + int(uint(width)%200) // a wide character needs two columns
		for _, l := range Wrap(got, width) {
			if Width(l) > width {
				t.Errorf("Wrap(%q, %d) has a line of %d columns", got, width, Width(l))
			}
		}
		if w := Width(Fit(Name(s), width)); w != width {
			t.Errorf("Fit(%q, %d) has %d columns", Name(s), width, w)
		}
	})
}
