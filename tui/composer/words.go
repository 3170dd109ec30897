package composer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"dione/tui/text"
)

// This file says what a word is to the keys that go over one: letters and
// digits with what belongs to them, signs such as emoji, and in writing
// without blanks what is written in one script.

type class uint8

const (
	blank class = iota // and punctuation: between words
	letter
	ideograph
	hiragana
	katakana
	sign
)

// classOf tells what a character is by its first code point.
func classOf(char string) class {
	r, _ := utf8.DecodeRuneInString(char)
	switch {
	case unicode.Is(unicode.Han, r):
		return ideograph
	case unicode.Is(unicode.Hiragana, r):
		return hiragana
	case unicode.Is(unicode.Katakana, r) || r == 'ー':
		return katakana
	case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
		return letter
	case unicode.Is(unicode.So, r):
		return sign
	}
	return blank
}

// wordBefore returns where the word before the cursor begins.
func (c *Composer) wordBefore() int {
	for end := c.at; ; {
		line := strings.LastIndexByte(c.text[:end], '\n') + 1
		start, last := -1, blank
		for i := line; i < end; {
			n := text.Next(c.text[i:end])
			is := classOf(c.text[i : i+n])
			if is != blank && is != last {
				start = i
			}
			last = is
			i += n
		}
		if start >= 0 {
			return start
		}
		if line == 0 {
			return 0
		}
		end = line - 1
	}
}

// wordAfter returns where the word behind the cursor ends.
func (c *Composer) wordAfter() int {
	word := blank
	for i := c.at; i < len(c.text); {
		n := text.Next(c.text[i:])
		is := classOf(c.text[i : i+n])
		if word != blank && is != word {
			return i
		}
		word = is
		i += n
	}
	return len(c.text)
}
