package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/clipperhouse/uax29/v2/graphemes"
)

// Meter measures text in columns as the terminal at hand does. Text given to
// it has no escape sequences.
type Meter uint8

const (
	// ByRune is for terminals that give each code point its own width. Nobody
	// agrees there about an emoji made of several, so only its base is shown.
	ByRune Meter = iota
	// ByCluster is for terminals that said they know grapheme clusters (mode
	// 2027), and draw a family in two columns.
	ByCluster
)

// first returns the first user-perceived character of s, or the beginning of
// one that is longer than any writing needs.
func first(s string) string {
	if len(s) > 1 && s[0] < utf8.RuneSelf && s[1] < utf8.RuneSelf {
		return s[:1]
	}
	end := min(len(s), maxCluster*utf8.UTFMax)
	for end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return graphemes.FromString(s[:end]).First()
}

// cluster returns the first user-perceived character of s and its width.
func (m Meter) cluster(s string) (string, int) {
	switch {
	case s[0] == '\t':
		return s[:1], tabWidth
	case s[0] < ' ':
		return s[:1], 0
	case s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf):
		return s[:1], 1
	}
	c := first(s)
	if m == ByCluster {
		return c, ansi.GraphemeWidth.StringWidth(c)
	}
	return c, ansi.WcWidth.StringWidth(m.Show(c))
}

// Show returns s, which is clean, as it goes to the terminal: tabs as blanks
// and, where that is needed, each emoji reduced to its base. The result has
// the width that [Meter.Width] gives for s.
func (m Meter) Show(s string) string {
	if isPlain(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\t", strings.Repeat(" ", tabWidth))
	if m == ByCluster {
		return s
	}
	last := rune(0)
	return strings.Map(func(r rune) rune {
		drop := r == textSelector || r == emojiSelector || isSkinTone(r) || isTag(r) ||
			r == zeroWidthJoiner && isSymbol(last)
		if drop {
			return -1
		}
		last = r
		return r
	}, s)
}

// isSymbol reports whether r is an emoji or another sign that no letter joins.
func isSymbol(r rune) bool { return unicode.In(r, unicode.So, unicode.Sk, unicode.Sm) }

// Width returns the columns that s takes.
func (m Meter) Width(s string) (w int) {
	for s != "" {
		c, cw := m.cluster(s)
		w += cw
		s = s[len(c):]
	}
	return w
}

// Cut returns as much of the beginning of s as fits into width columns, and
// the columns that it takes.
func (m Meter) Cut(s string, width int) (string, int) {
	w := 0
	for i := 0; i < len(s); {
		c, cw := m.cluster(s[i:])
		if w+cw > width {
			return s[:i], w
		}
		w += cw
		i += len(c)
	}
	return s, w
}

// Truncate returns s cut to width columns; when something is missing, the last
// column says so with an ellipsis.
func (m Meter) Truncate(s string, width int) string {
	if width <= 0 {
		return ""
	}
	head, _ := m.Cut(s, width)
	if head == s {
		return s
	}
	head, _ = m.Cut(s, width-1)
	return head + "…"
}

// Fit returns s cut or filled with blanks to exactly width columns.
func (m Meter) Fit(s string, width int) string {
	s = m.Truncate(s, width)
	return s + Pad(width-m.Width(s))
}

const blanks = "                                                                                                    "

// Pad returns n blanks, none if n is negative.
func Pad(n int) string {
	if n <= len(blanks) {
		return blanks[:max(n, 0)]
	}
	return strings.Repeat(" ", n)
}

// Next returns the length in bytes of the first user-perceived character of s.
func Next(s string) int {
	if s == "" {
		return 0
	}
	return len(first(s))
}
