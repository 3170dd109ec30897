package command

import (
	"fmt"
	"strings"
)

// maxMistakes is how many letters may be wrong, missing, too many or swapped
// in a word that still reads as a mistyped command.
const maxMistakes = 2

// unknown explains that word is no command; input is the whole line.
func unknown(input, word string) *Error {
	const shown = 32 // more of a pasted line helps nobody
	if r := []rune(word); len(r) > shown {
		word = string(r[:shown]) + "…"
	}
	hint := "/help shows the commands"
	if name := nearest(word); name != "" {
		hint = fmt.Sprintf("did you mean /%s?", name)
	}
	if len(input) <= shown {
		hint += fmt.Sprintf(" (/%s sends it as text)", input)
	} else {
		hint += " (a line that begins with // is sent as text)"
	}
	return &Error{text: fmt.Sprintf("no command /%s", word), hint: hint}
}

// nearest returns the command that word was probably meant to be: the one it
// abbreviates, else the one reached with the fewest mistakes, else "".
func nearest(word string) string {
	word = strings.ToLower(word)
	switch word {
	case "":
		return ""
	case "exit": // other programs call it so
		return "quit"
	}
	best, least := "", maxMistakes+1
	for _, s := range All() {
		if strings.HasPrefix(s.Name, word) {
			return s.Name
		}
		// Two mistakes in three letters are another word.
		if d := distance(word, s.Name); d < least && 2*d <= len(s.Name) {
			best, least = s.Name, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	older, old, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(s); i++ {
		older, old, row = old, row, older
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(t)]
}
