package text

import (
	"unicode"
	"unicode/utf8"
)

// Break finds the first line of s that is no wider than width columns: it is
// s[:end], and the next line begins at s[next:]. Between the two stand the
// blanks or the line feed at which the line was broken. A line breaks at
// blanks, beside wide characters as those of Chinese, and in the middle of a
// word that is wider than a whole line.
//
// A width below two is taken as two: a wide character needs them.
func (m Meter) Break(s string, width int) (end, next int) {
	width = max(width, 2)
	w := 0
	stop, resume := 0, 0 // the last place to break at
	var last string      // the cluster before i
	lastWidth := 0
	for i := 0; i < len(s); {
		if s[i] == '\n' {
			return i, i + 1
		}
		if s[i] == ' ' && !combines(s[i+1:]) {
			j := i
			for j < len(s) && s[j] == ' ' && !combines(s[j+1:]) {
				j++
			}
			if i == 0 { // indentation stands, as far as it fits
				j = min(j, width)
			} else {
				stop, resume = i, j
			}
			if w += j - i; w > width {
				if j < len(s) && s[j] == '\n' {
					j++
				}
				return i, j
			}
			last, lastWidth, i = " ", 1, j
			continue
		}
		c, cw := m.cluster(s[i:])
		if i > 0 && last != " " && (cw == 2 || lastWidth == 2) && mayBreak(last, c) {
			stop, resume = i, i
		}
		if w+cw > width {
			switch {
			case resume > 0:
				return stop, resume
			case i == 0: // one character wider than a whole line
				n := m.part(c, width)
				return n, n
			}
			return i, i
		}
		w += cw
		i += len(c)
		last, lastWidth = c, cw
	}
	return len(s), len(s)
}

// part returns how many bytes of the character c, which is too wide for width
// columns, still fit when it is taken apart: one code point at least.
func (m Meter) part(c string, width int) (n int) {
	for i := range c {
		if i > 0 && m.Width(c[:i]) > width {
			break
		}
		n = i
	}
	_, size := utf8.DecodeRuneInString(c)
	return max(n, size)
}

// combines reports whether s begins with something that belongs to the
// character before it.
func combines(s string) bool {
	if s == "" || s[0] < utf8.RuneSelf {
		return false
	}
	r, _ := utf8.DecodeRuneInString(s)
	return isExtending(r) || r == zeroWidthJoiner
}

// mayBreak reports whether a line may end between two characters: not behind
// an opening bracket, and not before a closing one or a full stop.
func mayBreak(before, after string) bool {
	r, _ := utf8.DecodeRuneInString(before)
	if unicode.In(r, unicode.Ps, unicode.Pi) {
		return false
	}
	r, _ = utf8.DecodeRuneInString(after)
	return !unicode.In(r, unicode.Pe, unicode.Pf, unicode.Po)
}

// Wrap breaks s into lines of at most width columns. There is always one.
func (m Meter) Wrap(s string, width int) []string {
	var lines []string
	for {
		end, next := m.Break(s, width)
		lines = append(lines, s[:end])
		if next == len(s) {
			if next > end && s[next-1] == '\n' {
				lines = append(lines, "")
			}
			return lines
		}
		s = s[next:]
	}
}
