// Package complete knows what a word that is being written may become: a
// command and its arguments, the name of a person, an emoji.
//
// It is pure. The grammar of commands is that of package command.
package complete

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"dione/tui/command"
)

// most is how many items are offered at a time; who looks for more writes on.
const most = 50

// Item is one way to go on.
type Item struct {
	Text        string // stands in place of what was written
	Left, Right string // says what it is
	Space       bool   // a blank follows
}

// Person is somebody who can be named. All of it is clean.
type Person struct {
	Name  string // as the user knows them
	Given string // as they call themselves
	Tag   string
	Where string // says where they are
	Here  bool   // they read what is written here, so that @ can name them
}

// At returns what can stand in place of text[from:at], the best first; no
// items if nothing is known there. People is asked only when names can stand
// there.
func At(text string, at int, people func() []Person) (from int, items []Item) {
	before := text[:at]
	if from, name, ok := emojiAt(before); ok {
		return from, emojis(name)
	}
	if from, ok := behind(before, '@'); ok {
		return from, mentions(before[from+1:], people())
	}
	if strings.ContainsAny(text, "\n\r") {
		return 0, nil
	}
	slot, ok := command.SlotAt(before)
	if !ok {
		return 0, nil
	}
	for _, kind := range slot.Kinds {
		switch kind {
		case "COMMAND":
			items = append(items, commands(slot)...)
		case "NAME":
			items = append(items, names(slot.Word, people())...)
			if strings.HasPrefix("#lan", slot.Word) && strings.HasPrefix(text, "/msg") {
				items = append(items, Item{"#lan", "#lan", "everybody near", true})
			}
		case "EMOJI":
			if word := strings.ToLower(slot.Word); strings.Trim(word, "0123456789") != "" || word == "" {
				items = append(items, emojis(word)...)
			}
		case "WORDS":
			if field, name, ok := strings.Cut(slot.Word, ":"); ok && (field == "from" || field == "in") {
				slot.From += len(field) + 1
				items = append(items, names(name, people())...)
			}
		}
	}
	for _, w := range slot.Words {
		item := Item{w, w, "", true}
		if hasPrefix(w, slot.Word) && !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return slot.From, items[:min(len(items), most)]
}

// commands offers commands, or to /help their names without the slash.
func commands(slot command.Slot) (items []Item) {
	for _, c := range command.All() {
		if hasPrefix(c.Name, strings.TrimPrefix(slot.Word, "/")) {
			items = append(items, Item{c.Name, c.Usage, c.Help, slot.From > 1 || strings.Contains(c.Usage, " ")})
		}
	}
	return items
}

// names offers people as commands name them: by their name if it is theirs
// alone, else with their tag.
func names(word string, people []Person) (items []Item) {
	count := make(map[string]int)
	for _, p := range people {
		if count[p.Name]++; p.Given != p.Name {
			count[p.Given]++
		}
	}
	for _, p := range people {
		tagged := p.Name + "·" + p.Tag
		if !hasPrefix(tagged, word) && !hasPrefix(p.Given, word) && !hasPrefix(p.Tag, strings.TrimPrefix(word, "·")) {
			continue
		}
		name := p.Name
		if count[name] > 1 {
			name = tagged
		}
		items = append(items, Item{name, p.Name + " ·" + p.Tag, p.Where, true})
	}
	return items
}

// mentions offers those who read along, by the name that all of them know.
func mentions(word string, people []Person) (items []Item) {
	for _, p := range people {
		if !p.Here || p.Given == "" || !hasPrefix(p.Name, word) && !hasPrefix(p.Given, word) {
			continue
		}
		left := "@" + p.Given
		if p.Given != p.Name {
			left += ", " + p.Name
		}
		items = append(items, Item{"@" + p.Given, left + " ·" + p.Tag, p.Where, true})
	}
	return items[:min(len(items), most)]
}

// behind finds the sign that begins the last word of s.
func behind(s string, sign rune) (from int, ok bool) {
	for i := len(s); i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
		if r == sign {
			before, _ := utf8.DecodeLastRuneInString(s[:i])
			return i, i == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before)
		}
		if unicode.IsSpace(r) || len(s)-i > 256 {
			break
		}
	}
	return 0, false
}

// hasPrefix compares without regard to capitals.
func hasPrefix(s, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix))
}

// byLength puts short words first: what is meant is mostly the plain one.
func byLength(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }
