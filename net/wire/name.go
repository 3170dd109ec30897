package wire

import (
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"golang.org/x/text/unicode/norm"
)

const (
	// MaxName is the longest name in bytes. A letter can carry any number of
	// marks, so counting letters alone would bound nothing; these are 32 of
	// any script, and eight of the longest emoji.
	MaxName = 256

	// maxGraphemes is the longest name in letters as people count them.
	maxGraphemes = 32
)

// CleanName makes of what a person or a peer gives as a name what is shown:
// NFC, at most 32 letters and [MaxName] bytes, blanks as single dashes, no
// control, bidi or invisible characters. It is "" when nothing is left.
func CleanName(s string) string {
	if len(s) > 16*MaxName {
		s = s[:16*MaxName] // bounds the work on what is no name anyway
	}
	s = norm.NFC.String(strings.Map(visible, strings.ToValidUTF8(s, "")))
	s = strings.Join(strings.Fields(s), "-")
	end := 0
	for g, n := graphemes.FromString(s), 0; n < maxGraphemes && g.Next() && g.End() <= MaxName; n++ {
		end = g.End()
	}
	return strings.Trim(s[:end], "-"+joiner)
}

// joiner makes one emoji of several; alone it is nothing.
const joiner = "\u200d"

// visible drops what cannot be seen or turns the direction of what can.
func visible(r rune) rune {
	switch r {
	case '\u200d': // joiner
		return r
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800': // letters that are blank
		return -1
	}
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsGraphic(r): // neither controls nor format characters, bidi among them
		return r
	}
	return -1
}

// CleanReaction makes of what a person or a peer sets beside a message what is
// shown: its first letter as people count them, of at most [MaxReaction] bytes,
// cleaned as a name is. It is "" when nothing is left.
func CleanReaction(s string) string {
	if len(s) > MaxName {
		s = s[:MaxName]
	}
	s = strings.TrimSpace(norm.NFC.String(strings.Map(visible, strings.ToValidUTF8(s, ""))))
	g := graphemes.FromString(s)
	if !g.Next() || g.End() > MaxReaction {
		return ""
	}
	return strings.Trim(s[:g.End()], joiner)
}
