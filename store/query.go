package store

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// This file reads what people look for. The rules are:
//   - every word must occur, in any order; the last one also stands for longer
//     words that begin with it, and so does any with a * behind it;
//   - "words in quotes" must stand side by side, and so must what is written
//     as one but is several words, such as example.org;
//   - from:NAME, in:NAME, after:DATE, before:DATE and on:DATE narrow it down;
//   - whatever else is written is a word, so that nothing has to be escaped.

const (
	maxQuery   = 500 // bytes
	maxPhrases = 32

	// minPrefix is the shortest beginning of words, in letters, that is looked
	// for: shorter ones stand for themselves, or they would find everything.
	minPrefix = 3
)

// Phrase is words side by side, as they are kept.
type Phrase struct {
	Words  []string
	Prefix bool // the last one may go on
}

// Query is what somebody looks for. At least one of its fields is set.
type Query struct {
	Phrases []Phrase  // all of them must occur
	From    string    // the author as the user names them, or ""
	In      string    // the chat as the user names it, or ""
	After   time.Time // not older than this, by the time when it came here
	Before  time.Time // older than this
}

// QueryError says why a query cannot be read.
type QueryError struct{ text, hint string }

func (e *QueryError) Error() string { return e.text }

// Hint returns the next step, in words.
func (e *QueryError) Hint() string { return e.hint }

const dateHint = "write a day as 2026-11-20, a month as 2026-11, a year as 2026, or today or yesterday"

// ParseQuery reads a query. Its days are those of the zone that now is in. The
// error is always a [*QueryError].
func ParseQuery(s string, now time.Time) (Query, error) {
	if len(s) > maxQuery {
		return Query{}, &QueryError{"that is too long to look for", fmt.Sprintf("%d bytes are enough for some rare words", maxQuery)}
	}
	p := parser{rest: unquoted.Replace(strings.ToValidUTF8(s, " ")), now: now}
	for p.next() {
	}
	q := p.query
	switch {
	case p.err != nil:
		return Query{}, p.err
	case len(q.Phrases) > maxPhrases:
		return Query{}, &QueryError{fmt.Sprintf("%d words are too many to look for", len(q.Phrases)), "a few rare ones are enough"}
	case len(q.Phrases) == 0 && q.From == "" && q.In == "" && q.After.IsZero() && q.Before.IsZero():
		return Query{}, &QueryError{"there is nothing to look for", `write words, "some in a row", from:NAME, in:NAME, after:DATE or before:DATE`}
	}
	if p.open {
		last := &q.Phrases[len(q.Phrases)-1]
		last.Prefix = mayGoOn(last.Words)
	}
	return q, nil
}

// unquoted makes one of all quotation marks that keyboards write.
var unquoted = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‟", `"`)

// parser is a query on its way.
type parser struct {
	rest  string
	now   time.Time
	query Query
	open  bool // the last phrase is a bare word
	err   error
}

// next takes one item, and reports whether there may be another.
func (p *parser) next() bool {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	if p.rest == "" || p.err != nil {
		return false
	}
	if p.rest[0] == '"' {
		if p.phrase(p.quoted()) {
			p.open = false
		}
		return true
	}
	if key, value, ok := p.filter(); ok {
		p.err = p.narrow(key, value)
		return true
	}
	s := p.bare()
	if p.phrase(s) {
		p.open = true
		if last := &p.query.Phrases[len(p.query.Phrases)-1]; strings.HasSuffix(s, "*") {
			last.Prefix = mayGoOn(last.Words)
		}
	}
	return true
}

// quoted takes what is in quotes; the last ones may be left out.
func (p *parser) quoted() string {
	s, rest, _ := strings.Cut(p.rest[1:], `"`)
	p.rest = rest
	return s
}

// bare takes what comes before the next blank.
func (p *parser) bare() string {
	end := strings.IndexFunc(p.rest, unicode.IsSpace)
	if end < 0 {
		end = len(p.rest)
	}
	s := p.rest[:end]
	p.rest = p.rest[end:]
	return s
}

// filter takes key:value, if that is what comes next.
func (p *parser) filter() (key, value string, ok bool) {
	key, rest, found := strings.Cut(p.rest, ":")
	key = strings.ToLower(key)
	switch key {
	case "from", "in", "after", "before", "on":
	default:
		return "", "", false
	}
	if !found {
		return "", "", false
	}
	p.rest = rest
	if strings.HasPrefix(rest, `"`) {
		return key, strings.TrimSpace(p.quoted()), true
	}
	return key, p.bare(), true
}

// phrase adds the words of s, and reports whether there are any.
func (p *parser) phrase(s string) bool {
	words := wordsOf(s)
	if len(words) == 0 {
		return false
	}
	ph := Phrase{Words: make([]string, len(words))}
	for i, w := range words {
		ph.Words[i] = w.folded
	}
	p.query.Phrases = append(p.query.Phrases, ph)
	return true
}

// mayGoOn reports whether the last of words may be the beginning of one.
func mayGoOn(words []string) bool {
	last := words[len(words)-1]
	first, _ := utf8.DecodeRuneInString(last)
	return utf8.RuneCountInString(last) >= minPrefix && !alone(first)
}

func (p *parser) narrow(key, value string) error {
	q := &p.query
	if value == "" {
		example := "NAME"
		if key != "from" && key != "in" {
			example = "2026-11-20"
		}
		return &QueryError{key + ": says nothing", "write " + key + ":" + example + " without a blank"}
	}
	switch key {
	case "from":
		return set(&q.From, value, key)
	case "in":
		return set(&q.In, value, key)
	}
	from, to, ok := span(strings.ToLower(value), p.now)
	if !ok {
		return &QueryError{fmt.Sprintf("%s:%s is no date", key, value), dateHint}
	}
	switch key {
	case "after":
		return set(&q.After, from, key)
	case "before":
		return set(&q.Before, from, key)
	}
	if err := set(&q.After, from, key); err != nil {
		return err
	}
	return set(&q.Before, to, key)
}

// set sets what may be said once.
func set[T comparable](field *T, value T, key string) error {
	var none T
	if *field != none {
		return &QueryError{key + ": is one too many", "each of from:, in:, after: and before: may stand once; on: is the last two in one"}
	}
	*field = value
	return nil
}

// span returns where a day, a month or a year begins and ends.
func span(s string, now time.Time) (from, to time.Time, ok bool) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "today":
		return today, today.AddDate(0, 0, 1), true
	case "yesterday":
		return today.AddDate(0, 0, -1), today, true
	}
	for _, unit := range []struct {
		layout              string
		years, months, days int
	}{{"2006-01-02", 0, 0, 1}, {"2006-1-2", 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006-1", 0, 1, 0}, {"2006", 1, 0, 0}} {
		if t, err := time.ParseInLocation(unit.layout, s, now.Location()); err == nil && t.Year() >= 1970 {
			return t, t.AddDate(unit.years, unit.months, unit.days), true
		}
	}
	return from, to, false
}
