package messenger

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// mentioned reports whether a line of the room names us: by the name that we
// give ourselves, with or without an @ before it.
func (m *Messenger) mentioned(text string) bool { return names(text, m.Self().Name) }

// names reports whether name stands in text as a word of its own, in whatever
// case.
func names(text, name string) bool {
	text, name = folded(text), folded(name)
	if name == "" {
		return false
	}
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		after, _ := utf8.DecodeRuneInString(text[to:])
		if !ofWord(before) && !ofWord(after) {
			return true
		}
		_, n := utf8.DecodeRuneInString(text[from:])
		at = from + n
	}
}

// folded is s in the one case in which names are compared.
func folded(s string) string { return norm.NFC.String(strings.ToLower(strings.ToUpper(s))) }

func ofWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || r == '_')
}
