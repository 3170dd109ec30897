package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	family   = "👨\u200d👩\u200d👧\u200d👦"
	thumbUp  = "👍🏽"
	heart    = "❤\ufe0f"
	flag     = "🇩🇪"
	scotland = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
	namaste  = "नमस्ते"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "hello", "hello"},
		{"lines", "two\nlines", "two\nlines"},
		{"line ends", "dos\r\nold\rmac\u2028u\v", "dos\nold\nmac\nu\n"},
		{"tab", "a\tb", "a    b"},
		{"escape sequences", "\x1b[31mred\x1b]0;title\x07", "[31mred]0;title"},
		{"control characters", "bell\x07 del\x7f c1\u009b31m nul\x00", "bell del c131m nul"},
		{"not UTF-8", "bad \xff\xfe bytes", "bad \uFFFD\uFFFD bytes"},
		{"composed", "e\u0301", "é"},
		{"overrides", "a\u202eb\u2066c\u2069", "abc"},
		{"direction marks stay", "א\u200f!", "א\u200f!"},
		{"invisible", "a\u200bb\u00adc\ufeffd\u2060e", "abcde"},
		{"tower of marks", "z" + strings.Repeat("\u0335", 50), "z" + strings.Repeat("\u0335", maxMarks)},
		{"mark without a base", "\u0301a\n\u0301b", "a\nb"},
		{"chain of joiners", strings.Repeat("👨\u200d", 9) + "x", strings.Repeat("👨\u200d", maxJoins) + "👨👨\u200d👨\u200dx"},
		{"right to left", "שלום", "שלום"},
		{"emoji", family + thumbUp + heart + flag + scotland, family + thumbUp + heart + flag + scotland},
		{"Devanagari", namaste, namaste},
		{"Persian joiner", "می\u200cخواهم", "می\u200cخواهم"},
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
	long := Clean(strings.Repeat("\u1100", 500)) // one cluster of leading consonants
	if n := utf8.RuneCountInString(long); n > maxCluster {
		t.Errorf("Clean leaves %d code points in one cell, want at most %d", n, maxCluster)
	}
}

func TestName(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"bob", "bob"},
		{" bob ", "bob"},
		{"bob\nann says hi", "bob ann says hi"},
		{"\u202egnp.exe", "gnp.exe"},
		{" \u200f\u3164 ", ""},
		{"a\x1b[2J\tb", "a[2J b"},
	} {
		if got := Name(tt.in); got != tt.want {
			t.Errorf("Name(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestInput(t *testing.T) {
	if got, want := Input("a\tb\r\n\x1bc\u0301e\u0301"), "a\tb\nc\u0301e\u0301"; got != want {
		t.Errorf("Input = %q, want %q", got, want)
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain", "plain"},
		{"two\nlines\there", `two\nlines\there`},
		{`C:\new`, `C:\\new`},
		{"\x1b[2J\r", `\u001b[2J\u000d`},
		{"\u202eevil\u2028", `\u202eevil\u2028`},
		{"\U000e0001", `\U000e0001`},
		{"bad \xff", "bad \uFFFD"},
		{family, family},
	} {
		if got := Line(tt.in); got != tt.want {
			t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestWidth(t *testing.T) {
	for _, tt := range []struct {
		in              string
		cluster, byRune int
	}{
		{"abc", 3, 3},
		{"漢字", 4, 4},
		{"e\u0301", 1, 1},
		{family, 2, 8},
		{thumbUp, 2, 2},
		{heart, 2, 1},
		{flag, 2, 2},
		{"a\tb", 6, 6},
	} {
		if got := ByCluster.Width(tt.in); got != tt.cluster {
			t.Errorf("ByCluster.Width(%q) = %d, want %d", tt.in, got, tt.cluster)
		}
		if got := ByRune.Width(tt.in); got != tt.byRune {
			t.Errorf("ByRune.Width(%q) = %d, want %d", tt.in, got, tt.byRune)
		}
	}
}

func TestShow(t *testing.T) {
	in := family + thumbUp + heart + "می\u200dخ"
	if got := ByCluster.Show(in); got != in {
		t.Errorf("ByCluster.Show(%q) = %q, want it as it is", in, got)
	}
	if got, want := ByRune.Show(in), "👨👩👧👦👍❤می\u200dخ"; got != want {
		t.Errorf("ByRune.Show(%q) = %q, want %q", in, got, want)
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"ab", 4, "ab  "},
		{"abcd", 4, "abcd"},
		{"abcdef", 4, "abc…"},
		{"漢字漢字", 5, "漢字…"},
		{"漢字漢字", 6, "漢字… "},
		{"漢字", 0, ""},
		{"漢字", -1, ""},
	} {
		if got := ByCluster.Fit(tt.in, tt.width); got != tt.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 20, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"one  two", 4, []string{"one", "two"}},
		{"one\n\ntwo\n", 10, []string{"one", "", "two", ""}},
		{"one   \ntwo", 3, []string{"one", "two"}},
		{"  code", 10, []string{"  code"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"a abcdefgh", 4, []string{"a", "abcd", "efgh"}},
		{"漢字漢字", 5, []string{"漢字", "漢字"}},
		{"你好，世界", 4, []string{"你", "好，", "世界"}},
		{"see 漢字 now", 8, []string{"see 漢字", "now"}},
		{"漢字", 1, []string{"漢", "字"}},
	} {
		if got := ByCluster.Wrap(tt.in, tt.width); strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("Wrap(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestPad(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 100, 101, 300} {
		if got := len(Pad(n)); got != max(n, 0) {
			t.Errorf("Pad(%d) has %d blanks", n, got)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		"hello world", "\x1b[31m", family + " family", "\u202eevil", "z" + strings.Repeat("\u0335", 20),
		"漢字\t漢字", namaste + namaste, strings.Repeat("\u1100", 40), scotland, " \u0301 ", "a  \n  b", "\xff\r\n",
		strings.Repeat("क\u094d", 40), "\u0600\u0601a",
	} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		clean, name, line := Clean(s), Name(s), Line(s)
		if !utf8.ValidString(clean) || strings.ContainsFunc(clean, func(r rune) bool { return r != '\n' && isControl(r) }) {
			t.Errorf("Clean(%q) = %q", s, clean)
		}
		// Three, because what is left of Hangul letters L, V and T can join.
		for rest := clean; rest != ""; rest = rest[len(first(rest)):] {
			if n := utf8.RuneCountInString(first(rest)); n > 3*maxCluster {
				t.Errorf("Clean(%q) has a character of %d code points", s, n)
			}
		}
		if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return isControl(r) || isBidi(r) }) {
			t.Errorf("Name(%q) = %q", s, name)
		}
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return isControl(r) || isBidi(r) }) {
			t.Errorf("Line(%q) = %q", s, line)
		}
		width = 2 + int(uint(width)%200)
		for _, m := range []Meter{ByRune, ByCluster} {
			if shown := m.Show(clean); m.Width(shown) != m.Width(clean) {
				t.Errorf("meter %d: %q has %d columns, shown as %q %d", m, clean, m.Width(clean), shown, m.Width(shown))
			}
			checkLayout(t, m, clean, width)
			checkLayout(t, m, Input(s), width)
			if w := m.Width(m.Fit(name, width)); w != width {
				t.Errorf("meter %d: Fit(%q, %d) has %d columns", m, name, width, w)
			}
		}
	})
}

// checkLayout checks that the lines of s lose nothing but blanks and line
// feeds, and fit.
func checkLayout(t *testing.T, m Meter, s string, width int) {
	t.Helper()
	for rest := s; rest != ""; {
		end, next := m.Break(rest, width)
		if next <= 0 || end > next || next > len(rest) {
			t.Fatalf("meter %d: Break(%q, %d) = %d, %d", m, rest, width, end, next)
		}
		if lost := strings.Trim(rest[end:next], " "); lost != "" && lost != "\n" {
			t.Errorf("meter %d: Break(%q, %d) loses %q", m, rest, width, lost)
		}
		if w := m.Width(rest[:end]); w > width && utf8.RuneCountInString(rest[:end]) > 1 {
			t.Errorf("meter %d: Break(%q, %d) gives a line of %d columns", m, rest, width, w)
		}
		rest = rest[next:]
	}
}

func BenchmarkWrap(b *testing.B) {
	for _, bb := range []struct{ name, text string }{
		{"ascii", strings.Repeat("the quick brown fox jumps over it ", 480)},
		{"wide", strings.Repeat("敏捷的棕色狐狸跳过了它。", 450)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.text)))
			b.ReportAllocs()
			for b.Loop() {
				ByCluster.Wrap(bb.text, 72)
			}
		})
	}
}
