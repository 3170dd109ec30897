package complete

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/kyokomi/emoji/v2"
)

// table is the emoji by their names without colons, and the names in order.
// It is made when it is needed first.
var table = sync.OnceValue(func() (t struct {
	byName map[string]string
	names  []string
}) {
	t.byName = make(map[string]string)
	for name, sign := range emoji.CodeMap() {
		name = strings.ToLower(strings.Trim(name, ":"))
		if _, ok := t.byName[name]; !ok && name != "" && !strings.ContainsFunc(name, isNot) {
			t.byName[name] = sign
			t.names = append(t.names, name)
		}
	}
	slices.SortFunc(t.names, byLength)
	return t
})

// common is what one answers with most.
var common = []string{"+1", "heart", "joy", "tada", "open_mouth", "cry", "pray", "eyes", "-1"}

// isNot reports whether r is in no name of an emoji.
func isNot(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '+' && r != '-'
}

// emojiAt finds :name or :name: at the end of s.
func emojiAt(s string) (from int, name string, ok bool) {
	whole := strings.TrimSuffix(s, ":")
	from = strings.LastIndexFunc(whole, func(r rune) bool { return isNot(unicode.ToLower(r)) })
	if from < 0 || whole[from] != ':' || from+1 == len(whole) {
		return 0, "", false
	}
	name = strings.ToLower(whole[from+1:])
	if r, _ := utf8.DecodeLastRuneInString(s[:from]); from > 0 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return 0, "", false
	}
	if whole != s { // with a colon at its end it is what it says
		_, known := table().byName[name]
		return from, name + ":", known
	}
	return from, name, true
}

// emojis offers those whose names begin with a word, then those in whose names
// it is, each once; tones of the skin only to who writes so far. A word that ends in a colon is a whole name.
func emojis(word string) (items []Item) {
	t := table()
	seen := make(map[string]bool)
	add := func(name string) {
		sign := t.byName[name]
		if plain := strings.ReplaceAll(sign, "\ufe0f", ""); !seen[plain] && len(items) < most {
			seen[plain] = true
			items = append(items, Item{Text: sign, Left: sign, Right: ":" + name + ":"})
		}
	}
	if whole, ok := strings.CutSuffix(word, ":"); ok {
		add(whole)
		return items
	}
	if word == "" {
		for _, name := range common {
			add(name)
		}
		return items
	}
	for _, fits := range []func(s, part string) bool{strings.HasPrefix, strings.Contains} {
		for _, name := range t.names {
			if fits(name, word) && (strings.Contains(word, "_") || !strings.Contains(name, "_tone")) {
				add(name)
			}
		}
	}
	return items
}
