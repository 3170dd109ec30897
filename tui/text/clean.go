// Package text makes what people write harmless and fits it into columns.
// Every name, message and reason of somebody else goes through it before it
// reaches a terminal, where a control character could move the cursor, colour
// the screen or pretend to be another line.
//
// It is pure: the screen and plain mode both use it, and it knows neither.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"golang.org/x/text/unicode/norm"
)

const (
	// tabWidth is the width of a tab in columns. Its stops mean nothing inside
	// a line that is wrapped.
	tabWidth = 4

	// maxMarks bounds the combining marks on one character. The scripts of the
	// world stack up to four; a thousand of them cover the lines around.
	maxMarks = 5

	// maxJoins bounds the joiners of one emoji: a family of four has three.
	maxJoins = 6

	// maxCluster bounds the code points that share one cell, whatever joins
	// them. The longest emoji, two people of two skin tones, has ten.
	maxCluster = 32
)

// Clean returns the text of a message as the screen may show it: valid UTF-8
// in NFC, with line feeds and without any other control character, with tabs
// as blanks, without invisible characters that change how the rest of the line
// reads, and with a bounded number of code points in each cell.
func Clean(s string) string {
	if isPlain(s) {
		return s
	}
	s = strings.ReplaceAll(keep(s, isShown), "\t", strings.Repeat(" ", tabWidth))
	return capClusters(norm.NFC.String(strings.Map(aloof, s)))
}

// Name returns a name, or another short text, as the screen may show it: like
// Clean, in one line, and without any mark of direction, because a name stands
// in the middle of our own words.
func Name(s string) string {
	if isPlain(s) && !strings.Contains(s, "\n") {
		return strings.TrimSpace(s)
	}
	s = keep(s, func(r rune) bool { return isShown(r) && !isMark(r) && !isFiller(r) })
	return strings.Join(strings.Fields(capClusters(norm.NFC.String(strings.Map(aloof, s)))), " ")
}

// Tag returns what stands behind the name of a person: their tag, until the
// user has verified them. Nobody else goes without one.
func Tag(tag string, verified bool) string {
	if verified {
		return ""
	}
	return " ·" + tag
}

// Input returns text that the user typed or pasted as the composer may hold
// it: like Clean, but it keeps tabs and the user's own spelling.
func Input(s string) string {
	if isPlain(s) {
		return s
	}
	return keep(s, isShown)
}

// isPlain reports whether s is printable ASCII and line feeds, with which
// nothing has to be done.
func isPlain(s string) bool {
	for i := range len(s) {
		if (s[i] < ' ' || s[i] > '~') && s[i] != '\n' {
			return false
		}
	}
	return true
}

// keep makes s valid UTF-8 with plain line feeds, and keeps of it the runes
// that are wanted, with as many marks and joiners on each as is sane.
func keep(s string, wanted func(rune) bool) string {
	var b strings.Builder
	b.Grow(len(s))
	marks, joins, based, joined := 0, 0, false, false
	for i, r := range s {
		switch r {
		case '\r':
			if strings.HasPrefix(s[i+1:], "\n") {
				continue
			}
			r = '\n'
		case '\u2028', '\u2029', '\v', '\f': // line and paragraph separators
			r = '\n'
		}
		if !wanted(r) {
			continue
		}
		switch {
		case r == '\n' || r == '\t':
			marks, joins, based, joined = 0, 0, false, false
		case r == zeroWidthJoiner:
			if joins++; joins > maxJoins || !based || joined {
				continue
			}
			joined = true
		case isExtending(r):
			if marks++; marks > maxMarks && !isTag(r) || marks > maxCluster || !based {
				continue
			}
		default:
			if !joined {
				joins = 0
			}
			marks, based, joined = 0, true, false
		}
		b.WriteRune(r) // U+FFFD for what is not UTF-8
	}
	return b.String()
}

const (
	zeroWidthJoiner    = '\u200d'
	zeroWidthNonJoiner = '\u200c'
	textSelector       = '\ufe0e'
	emojiSelector      = '\ufe0f'
)

// isShown reports whether r may be shown. Of the invisible format characters
// those stay that letters or emoji need, and the marks that state a direction
// without reaching beyond their place.
func isShown(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return true
	case isControl(r):
		return false
	case !unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return true
	}
	return r == zeroWidthJoiner || r == zeroWidthNonJoiner || isMark(r) || isTag(r)
}

// aloof replaces the few letters and signs that join the character behind them,
// which may be our own blank or border, by one that does not.
func aloof(r rune) rune {
	if r >= 0x600 && unicode.Is(prepending, r) {
		return utf8.RuneError
	}
	return r
}

// prepending is Grapheme_Cluster_Break=Prepend of Unicode 17.
var prepending = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x0600, 0x0605, 1}, {0x06dd, 0x06dd, 1}, {0x070f, 0x070f, 1}, {0x0890, 0x0891, 1},
		{0x08e2, 0x08e2, 1}, {0x0d4e, 0x0d4e, 1},
	},
	R32: []unicode.Range32{
		{0x110bd, 0x110bd, 1}, {0x110cd, 0x110cd, 1}, {0x111c2, 0x111c3, 1}, {0x113d1, 0x113d1, 1},
		{0x1193f, 0x1193f, 1}, {0x11941, 0x11941, 1}, {0x11a84, 0x11a89, 1}, {0x11d46, 0x11d46, 1},
		{0x11f02, 0x11f02, 1},
	},
}

// isControl reports whether r is a control character: C0, DEL or C1.
func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// isMark reports whether r states a direction: LRM, RLM or ALM.
func isMark(r rune) bool { return r == 0x200e || r == 0x200f || r == 0x061c }

// isBidi reports whether r states, embeds, overrides or isolates a direction.
func isBidi(r rune) bool {
	return isMark(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// isTag reports whether r is one of the tags that spell a region's flag.
func isTag(r rune) bool { return r >= 0xe0020 && r <= 0xe007f }

// isFiller reports whether r is a letter without a shape, of which a name
// could be made that nobody sees.
func isFiller(r rune) bool {
	return r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x2800
}

// isSkinTone reports whether r changes the skin of the emoji before it.
func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

// isExtending reports whether r adds to the character before it.
func isExtending(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me) || isTag(r) || isSkinTone(r) || r == zeroWidthNonJoiner
}

// capClusters cuts what piles up in one cell by other means than marks and
// joiners: strings of leading consonants or of viramas. What stays of one ends
// in a letter, so that it does not join with what follows.
func capClusters(s string) string {
	if len(s) <= maxCluster {
		return s
	}
	var b strings.Builder
	for chars := graphemes.FromString(s); chars.Next(); {
		cluster := chars.Value()
		if len(cluster) > maxCluster && utf8.RuneCountInString(cluster) > maxCluster {
			n := 0
			for i := range cluster {
				if n++; n > maxCluster {
					cluster = strings.TrimRightFunc(cluster[:i], isExtending)
					break
				}
			}
		}
		b.WriteString(cluster)
	}
	return b.String()
}
