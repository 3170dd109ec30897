package store

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// This file cuts texts into the words by which they are found. Messages and
// queries go through it alike, so what is written in one way is found in any:
//   - upper and lower case are one, and so are letters with and without
//     accents, wide and narrow forms;
//   - where no blanks stand between words (Chinese, Japanese, Korean, Thai,
//     Lao, Khmer, Burmese), each letter is a word, and several of them are
//     looked for as a phrase; so is each emoji;
//   - everything else but letters and digits is between words.
//
// What the words of a text are is written into the index: a change here needs
// a migration that writes it anew.

// maxWord is the longest word in bytes; of a longer one its beginning is
// kept. Keys, hashes and peer IDs are shorter.
const maxWord = 64

// word is one word of a text, and where it stands in it.
type word struct {
	folded   string
	from, to int // bytes
}

// wordsOf cuts s, which is valid UTF-8.
func wordsOf(s string) []word {
	c := cutter{s: s}
	for c.at < len(s) {
		if b := s[c.at]; b < utf8.RuneSelf && (c.at+1 == len(s) || s[c.at+1] < utf8.RuneSelf) {
			c.ascii(b)
			continue
		}
		n := norm.NFKC.NextBoundaryInString(s[c.at:], true)
		c.segment(s[c.at:c.at+n], c.at+n)
		c.at += n
	}
	c.end()
	return c.words
}

// cutter is a text on its way into words.
type cutter struct {
	s      string
	at     int
	words  []word
	buf    []byte // the word that has begun, as it is kept
	from   int    // where it did
	to     int    // the end of what is in it
	single bool   // it is one letter, which only marks may follow
	over   bool   // an emoji has ended just before: what changes it belongs to it
}

func (c *cutter) ascii(b byte) {
	switch {
	case 'A' <= b && b <= 'Z':
		b += 'a' - 'A'
		fallthrough
	case 'a' <= b && b <= 'z', '0' <= b && b <= '9':
		if c.single {
			c.end()
		}
		c.add(rune(b), c.at, c.at+1)
	default:
		c.end()
	}
	c.over = false
	c.at++
}

// segment takes a letter with all that is written on it, up to the byte end.
func (c *cutter) segment(s string, end int) {
	from := c.at
	for _, r := range norm.NFC.String(dropAccents(norm.NFKD.String(s))) {
		r = unicode.ToLower(unicode.ToUpper(r))
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.So, r):
			c.over = false
			if c.single || alone(r) {
				c.end()
			}
			if alone(r) {
				c.add(r, from, end)
				if c.over = unicode.Is(unicode.So, r); c.over {
					c.end()
				}
				c.single = !c.over
				continue
			}
			if as, ok := spelled[r]; ok {
				for _, r := range as {
					c.add(r, from, end)
				}
				continue
			}
			c.add(r, from, end)
		case unicode.IsMark(r) && len(c.buf) > 0:
			c.add(r, from, end)
		case unicode.IsMark(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Sk, r):
			if c.over {
				c.words[len(c.words)-1].to = end
			} else if unicode.Is(unicode.Sk, r) {
				c.end()
			}
		default:
			c.end()
			c.over = false
		}
	}
}

func (c *cutter) add(r rune, from, to int) {
	if len(c.buf) == 0 {
		c.from = from
	}
	c.to = to
	if len(c.buf)+utf8.RuneLen(r) <= maxWord {
		c.buf = utf8.AppendRune(c.buf, r)
	}
}

func (c *cutter) end() {
	if len(c.buf) > 0 {
		c.words = append(c.words, word{string(c.buf), c.from, c.to})
		c.buf = c.buf[:0]
	}
	c.single = false
}

// spelled is how letters are written without their accents that are not made
// of a letter and an accent.
var spelled = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ŧ': "t", 'ŋ': "n",
}

// accents are the marks that people leave out: of Latin, Greek and Cyrillic
// letters, the points of Hebrew and Arabic, and what chooses the look of an
// emoji. The vowels of Indian scripts are none, nor the marks of Kana.
var accents = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x0300, 0x036f, 1}, {0x0483, 0x0489, 1}, {0x0591, 0x05bd, 1}, {0x05bf, 0x05c7, 1}, {0x0610, 0x061a, 1},
		{0x0640, 0x0640, 1}, {0x064b, 0x065f, 1}, {0x0670, 0x0670, 1}, {0x06d6, 0x06dc, 1}, {0x06df, 0x06e8, 1},
		{0x06ea, 0x06ed, 1}, {0x1ab0, 0x1aff, 1}, {0x1dc0, 0x1dff, 1}, {0x20d0, 0x20ff, 1}, {0xfe00, 0xfe0f, 1},
		{0xfe20, 0xfe2f, 1},
	},
}

func dropAccents(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if !unicode.Is(accents, r) {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// alone reports whether the letter r is a word of its own.
func alone(r rune) bool {
	return r >= 0x0e00 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo,
		unicode.Yi, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.So) || r == 'ー')
}
