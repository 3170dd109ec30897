package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The kinds of emphasis. One of each may be open at a time.
const (
	star = iota
	stars
	allStars
	underscore
	kinds
)

var emphasis = [kinds]struct {
	length int
	style  Style
}{
	star:       {1, Italic},
	stars:      {2, Bold},
	allStars:   {3, Bold | Italic},
	underscore: {1, Italic},
}

// inline marks what stands in the line from:to. Nothing reaches over its end.
func (p *parser) inline(from, to int) {
	open := [kinds]int{-1, -1, -1, -1}
	bracket := -1 // the last [ that is open
	code := codes{p: p, to: to}
	for i := from; i < to; {
		switch c := p.s[i]; c {
		case '\\':
			i++
			if i < to && strings.IndexByte("\\*_`[", p.s[i]) >= 0 {
				i++
			}
		case '`':
			i = code.next(i)
		case '*', '_':
			i = p.emphasize(i, from, to, &open)
		case '[':
			bracket = i
			i++
		case ']':
			i++
			if bracket >= 0 && i < to && p.s[i] == '(' {
				i = p.named(bracket, i-1, to)
			}
			bracket = -1
		default:
			if end := p.address(i, to, open[underscore] >= 0); end > i {
				i = end
			} else {
				i++
			}
		}
	}
}

// codes finds the code in a line. A length of backquotes that was looked for
// in vain is not looked for again.
type codes struct {
	p    *parser
	to   int
	none [3]bool
}

// next marks the code that begins at i, and returns where to go on.
func (c *codes) next(i int) int {
	s := c.p.s[:c.to]
	n := runOf(s, i)
	if n >= len(c.none) || c.none[n] {
		return i + n
	}
	for at := i + n; ; {
		j := strings.IndexByte(s[at:], '`')
		if j < 0 {
			c.none[n] = true
			return i + n
		}
		at += j
		m := runOf(s, at)
		if m == n {
			c.p.style(i, at+n, Code)
			c.p.style(i, i+n, Mark)
			c.p.style(at, at+n, Mark)
			c.p.addresses(i+n, at)
			return at + n
		}
		at += m
	}
}

// runOf returns how often the byte at i is repeated.
func runOf(s string, i int) int {
	n := 1
	for i+n < len(s) && s[i+n] == s[i] {
		n++
	}
	return n
}

// emphasize takes the run of * or _ at i as the end or the beginning of an
// emphasis, or as what it is, and returns where to go on.
func (p *parser) emphasize(i, from, to int, open *[kinds]int) int {
	n := runOf(p.s[:to], i)
	kind := kinds
	switch {
	case p.s[i] == '*' && n <= 3:
		kind = n - 1
	case p.s[i] == '_' && n == 1:
		kind = underscore
	}
	if kind == kinds {
		return i + n
	}
	before, _ := utf8.DecodeLastRuneInString(p.s[from:i])
	after, _ := utf8.DecodeRuneInString(p.s[i+n : to])
	if i == from {
		before = ' '
	}
	if i+n == to {
		after = ' '
	}
	if at := open[kind]; at >= 0 && closes(before, after) {
		p.style(at, i+n, emphasis[kind].style)
		p.style(at, at+n, Mark)
		p.style(i, i+n, Mark)
		for k := range open { // what was begun inside ends inside
			if open[k] >= at {
				open[k] = -1
			}
		}
	} else if opens(before, after) {
		open[kind] = i
	}
	return i + n
}

// opens reports whether a sign between two characters may begin an emphasis:
// not inside of a word, as in snake_case, and not as in 2 * 3 or *.go.
func opens(before, after rune) bool {
	if !unicode.IsSpace(before) && !unicode.In(before, unicode.Ps, unicode.Pi) && !isOf("\"'*_—", before) && !dense(before) {
		return false
	}
	return isWordy(after) || isOf("`([\"'@#*_", after) || unicode.Is(unicode.Pi, after)
}

// closes reports whether a sign between two characters may end an emphasis.
func closes(before, after rune) bool {
	if !isWordy(before) && !isOf("`)]\"'.,;:!?…%*_", before) && !unicode.In(before, unicode.Pf) {
		return false
	}
	return unicode.IsSpace(after) || unicode.In(after, unicode.Pe, unicode.Pf) || isOf(".,;:!?…\"'-—*_", after) || dense(after)
}

func isOf(set string, r rune) bool { return strings.ContainsRune(set, r) }

func isWordy(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || r >= utf8.RuneSelf && !unicode.IsSpace(r) && !unicode.IsPunct(r)
}

// dense reports whether r is of a script that is written without blanks, or
// with endings that no blank sets apart, or a sign of one, such as the full
// stop of Chinese.
func dense(r rune) bool {
	return r >= 0xe00 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef)
}
