// Package text makes what peers write harmless and fits it into columns. Every
// name, message and reason of somebody else goes through it before it reaches
// a terminal: a control character could move the cursor, colour the screen or
// pretend to be another line.
//
// Widths are those of github.com/charmbracelet/x/ansi, like everywhere else
// on the screen.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/unicode/norm"
)

const (
	// tab is what a tab becomes: its stops mean nothing inside a wrapped line.
	tab = "    "

	// maxMarks bounds the combining marks on one character: the languages of
	// the world need three, and a thousand cover the lines above and below.
	maxMarks = 4
)

// Clean makes the text of a message fit for the screen: valid UTF-8 in NFC,
// no control characters but line feeds, no towers of combining marks.
func Clean(s string) string { return clean(s, true) }

// Name makes a name or another short text fit for the screen: Clean in one
// line, without the characters that reverse the direction of what follows.
func Name(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if isBidi(r) {
			return -1
		}
		return r
	}, clean(s, false)))
}

// Line makes a text one line of plain mode that loses nothing: line feeds
// become \n, and control characters and a backslash are escaped.
func Line(s string) string {
	if !needsEscape(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\\':
			b.WriteString(`\\`)
		case isControl(r) || isBidi(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func needsEscape(s string) bool {
	for _, r := range s {
		if r == '\\' || r == utf8.RuneError || isControl(r) || isBidi(r) {
			return true
		}
	}
	return false
}

// clean does the work of Clean and Name.
func clean(s string, lines bool) string {
	if isPlain(s) {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	var b strings.Builder
	marks := 0
	for _, r := range norm.NFC.String(s) {
		switch {
		case r == '\n' && lines:
		case r == '\n', r == '\u2028', r == '\u2029':
			r = ' '
		case r == '\t':
			b.WriteString(tab)
			continue
		case isControl(r):
			continue
		}
		if unicode.In(r, unicode.Mn, unicode.Me) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isPlain reports whether s is printable ASCII, which nothing has to be done
// about.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isControl reports whether r is a control character: C0, DEL or C1.
func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// isBidi reports whether r marks, embeds, overrides or isolates a direction.
func isBidi(r rune) bool {
	return r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Width returns the columns that s takes; escape sequences take none.
func Width(s string) int { return ansi.StringWidth(s) }

// Truncate cuts s to width columns, the last of which is then an ellipsis.
func Truncate(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, "…")
}

// Fit cuts or fills s to exactly width columns.
func Fit(s string, width int) string {
	s = Truncate(s, width)
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}

// Wrap breaks s, which is clean and has no escape sequences, into lines of at
// most width columns: at blanks where there are some, else anywhere.
func Wrap(s string, width int) []string {
	width = max(width, 1)
	return strings.Split(ansi.Wrap(s, width, ""), "\n")
}
