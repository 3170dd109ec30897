package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line of plain mode that loses nothing: a line feed
// becomes \n, a tab \t, a backslash \\, and what a terminal would obey or not
// show becomes \u and its four or \U and its eight hexadecimal digits. Only
// bytes that are not UTF-8 are replaced, by U+FFFD.
func Line(s string) string {
	if !strings.ContainsFunc(s, isEscaped) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\\':
			b.WriteString(`\\`)
		case isEscaped(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case isEscaped(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isEscaped reports whether r would not be read as it stands: control
// characters, line separators and the invisible characters but those that
// letters and emoji need.
func isEscaped(r rune) bool {
	return r == '\\' || isControl(r) || isBidi(r) || r == '\u2028' || r == '\u2029' ||
		unicode.Is(unicode.Cf, r) && !isShown(r)
}
