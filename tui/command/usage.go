package command

import "strings"

// This file reads the usage of a command as a grammar, so that what can be
// completed is never another thing than what help shows. Small letters are
// words as they stand, capitals are kinds of words, brackets may be left out,
// and bars divide: words, or within brackets whole alternatives.

// Slot is a place in a command where a word is being written.
type Slot struct {
	From  int      // byte offset of the word in the line
	Word  string   // what is written of it
	Kinds []string // that may stand there: NAME, COMMAND, and others as in Usage
	Words []string // that may stand there as they are
}

// SlotAt returns the place behind line, the beginning of a command. It is
// false where nothing is expected, and for what is no command.
func SlotAt(line string) (slot Slot, ok bool) {
	if !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//") || strings.ContainsAny(line, "\n\r") {
		return slot, false
	}
	slot.From = strings.LastIndexAny(line, " \t") + 1
	slot.Word = line[slot.From:]
	if slot.From == 0 {
		slot.From, slot.Word = 1, line[1:]
		slot.Kinds = []string{"COMMAND"}
		return slot, true
	}
	words := strings.Fields(line[:slot.From])
	spec, ok := find(words[0][1:])
	if !ok {
		return slot, false
	}
	_, usage, _ := strings.Cut(spec.Usage, " ")
	g := grammar{usage}
	g.sequence(false)(words[1:], func(term string) {
		if term == strings.ToUpper(term) && strings.ContainsFunc(term, isCapital) {
			slot.Kinds = append(slot.Kinds, term)
		} else {
			slot.Words = append(slot.Words, term)
		}
	}, func([]string) {})
	return slot, len(slot.Kinds)+len(slot.Words) > 0
}

func isCapital(r rune) bool { return r >= 'A' && r <= 'Z' }

// rule reads words: it calls want with what may stand behind the last of them,
// and next with those that it leaves.
type rule func(words []string, want func(term string), next func(words []string))

// grammar is the part of a usage that is not read yet.
type grammar struct{ rest string }

// sequence reads rules that follow one another, up to a bracket that closes.
// Within brackets a bar divides sequences.
func (g *grammar) sequence(bracketed bool) rule {
	all := []rule{nothing}
	for g.rest != "" && g.rest[0] != ']' {
		last := &all[len(all)-1]
		switch g.rest[0] {
		case ' ':
			g.rest = g.rest[1:]
		case '|':
			g.rest = g.rest[1:]
			all = append(all, nothing)
		case '[':
			g.rest = g.rest[1:]
			*last = then(*last, either(g.sequence(true), nothing))
			g.rest = strings.TrimPrefix(g.rest, "]")
		default:
			*last = then(*last, g.word(bracketed))
		}
	}
	return either(all...)
}

// word reads one term, or outside of brackets several with bars between them.
func (g *grammar) word(bracketed bool) rule {
	end := strings.IndexAny(g.rest+" ", " []|")
	r := term(g.rest[:end])
	g.rest = g.rest[end:]
	if !bracketed && strings.HasPrefix(g.rest, "|") {
		g.rest = g.rest[1:]
		return either(r, g.word(false))
	}
	return r
}

func term(s string) rule {
	return func(words []string, want func(string), next func([]string)) {
		switch {
		case len(words) == 0 || s == "TEXT" || s == "WORDS": // of these there is no end
			want(s)
		case strings.EqualFold(words[0], s) || s == strings.ToUpper(s):
			next(words[1:])
		}
	}
}

func nothing(words []string, _ func(string), next func([]string)) { next(words) }

func then(first, second rule) rule {
	return func(words []string, want func(string), next func([]string)) {
		first(words, want, func(left []string) { second(left, want, next) })
	}
}

func either(rules ...rule) rule {
	return func(words []string, want func(string), next func([]string)) {
		for _, r := range rules {
			r(words, want, next)
		}
	}
}
