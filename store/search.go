package store

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// This file finds messages by their words. The rules are:
//   - the index is in the same encrypted file as the messages and is written
//     in the same transaction;
//   - it holds words.go's words, and beside them the chat and the author of
//     each message as two words that nobody can write, so that looking for a
//     word in one chat costs no more than looking for two words;
//   - it has no text of its own, and what is taken out of it is gone for good:
//     for that its row must be given as it was;
//   - hits come newest first, in the order in which they were committed, and
//     are never ranked: a million of them cost as little as ten;
//   - nobody waits for a search: it looks through so many messages at a turn.

// searchSpan is how many messages a search looks through before others have
// their turn.
const searchSpan = 200_000

// Wanted is what [Store.Search] looks for. Its zero fields mean anything.
type Wanted struct {
	Phrases []Phrase // all of them must occur
	From    *identity.ID
	In      *Chat
	After   time.Time // not older than this, by the time when it came here
	Before  time.Time // older than this
}

// Mark is a part of a text that was looked for, in bytes.
type Mark struct{ From, To int }

// Hit is a message that was found, and where in its text.
type Hit struct {
	Message Message
	Marks   []Mark // in order and apart
}

// Found is a page of hits, newest first.
type Found struct {
	Hits []Hit
	Next int64 // the place from which to go on; 0: there are no more
}

// indexed is what stands in the index for a message.
func indexed(chat, peer int64, text string) string {
	b := make([]byte, 0, len(text)+24)
	b = strconv.AppendInt(append(b, '#'), chat, 10)
	b = strconv.AppendInt(append(b, ' ', '@'), peer, 10)
	for _, w := range wordsOf(text) {
		b = append(append(b, ' '), w.folded...)
	}
	return string(b)
}

// index puts a message into the index.
func (tx *Tx) index(row, chat, peer int64, text string) error {
	return tx.exec("INSERT INTO words(rowid, text) VALUES(?, ?)", row, indexed(chat, peer, text))
}

// unindex takes a message with its text out of the index.
func (tx *Tx) unindex(row, chat, peer int64, text string) error {
	return tx.exec("INSERT INTO words(words, rowid, text) VALUES('delete', ?, ?)", row, indexed(chat, peer, text))
}

// cameOn notes that a message came on a day.
func (tx *Tx) cameOn(day, row int64) {
	if d, ok := tx.s.cache.days[day]; ok {
		tx.s.cache.days[day] = rows{min(d.first, row), max(d.last, row)}
	} else {
		tx.s.cache.days[day] = rows{row, row}
	}
}

// rows is from which message to which, by their rows.
type rows struct{ first, last int64 }

const msPerDay = 24 * 60 * 60 * 1000

// dayOf counts the days since 1970, in UTC.
func dayOf(t time.Time) int64 {
	ms := t.UnixMilli()
	day := ms / msPerDay
	if ms%msPerDay < 0 {
		day--
	}
	return day
}

// flushDays writes which messages came on which day.
func (tx *Tx) flushDays() error {
	for day, d := range tx.s.cache.days {
		if err := tx.exec(`INSERT INTO day(day, first, last) VALUES(?, ?, ?)
			ON CONFLICT(day) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)`,
			day, d.first, d.last); err != nil {
			return err
		}
		delete(tx.s.cache.days, day)
	}
	return nil
}

// Search returns the newest n messages that fit, before a place that an
// earlier page has told; 0 is the end. Others have their turn meanwhile, so
// what is written during a search may or may not be found.
func (s *Store) Search(ctx context.Context, want Wanted, before int64, n int) (found Found, err error) {
	var match string
	var in rows
	err = s.View(ctx, func(tx *Tx) (err error) {
		match, in, err = tx.match(want, before)
		return err
	})
	if err != nil {
		return Found{}, err
	}
	for last := in.last; last >= in.first; last -= searchSpan {
		turn := rows{max(in.first, last-searchSpan+1), last}
		if err := s.View(ctx, func(tx *Tx) error { return tx.search(&found, match, want, turn, n) }); err != nil {
			return Found{}, err
		}
		if len(found.Hits) > n {
			found.Hits = found.Hits[:n]
			found.Next = found.Hits[n-1].Message.Row
			break
		}
	}
	for i := range found.Hits {
		found.Hits[i].Marks = marks(found.Hits[i].Message.Text, want.Phrases)
	}
	return found, nil
}

// match writes what is wanted as FTS5 reads it, "" if that is everything, and
// tells which messages come into question. Nothing of it was written by a
// person as it stands.
func (tx *Tx) match(want Wanted, before int64) (match string, in rows, err error) {
	var all []string
	if want.In != nil {
		c, err := tx.chat(*want.In)
		if err != nil || c == nil {
			return "", none, err
		}
		all = append(all, `"#`+strconv.FormatInt(c.row, 10)+`"`)
	}
	if want.From != nil {
		peer, err := tx.peer(*want.From)
		if err != nil || peer == 0 {
			return "", none, err
		}
		all = append(all, `"@`+strconv.FormatInt(peer, 10)+`"`)
	}
	for _, p := range want.Phrases {
		s := `"` + strings.Join(p.Words, " ") + `"`
		if p.Prefix {
			s += "*"
		}
		all = append(all, s)
	}
	first, last := want.days()
	_, err = tx.one("SELECT coalesce(min(first), 1), coalesce(max(last), 0) FROM day WHERE day BETWEEN ? AND ?",
		func(s *sqlite3.Stmt) { in = rows{s.ColumnInt64(0), s.ColumnInt64(1)} }, first, last)
	if before > 0 {
		in.last = min(in.last, before-1)
	}
	return strings.Join(all, " AND "), in, err
}

// none is no message.
var none = rows{1, 0}

// days returns the first and the last day that come into question.
func (w Wanted) days() (first, last int64) {
	first, last = math.MinInt64, math.MaxInt64
	if !w.After.IsZero() {
		first = dayOf(w.After)
	}
	if !w.Before.IsZero() {
		last = dayOf(w.Before)
	}
	return first, last
}

// search adds the hits of one turn, up to one more than n in all.
func (tx *Tx) search(found *Found, match string, want Wanted, in rows, n int) error {
	after, before := int64(math.MinInt64), int64(math.MaxInt64)
	if !want.After.IsZero() {
		after = want.After.UnixMilli()
	}
	if !want.Before.IsZero() {
		before = want.Before.UnixMilli()
	}
	add := func(s *sqlite3.Stmt) error {
		m, err := tx.scanMessage(s)
		found.Hits = append(found.Hits, Hit{Message: m})
		return err
	}
	have := len(found.Hits)
	n += 1 - have
	var err error
	if match == "" {
		err = tx.query("SELECT "+messageColumns+` FROM message m
			WHERE m.id >= ? AND m.id <= ? AND m.arrived >= ? AND m.arrived < ? AND m.kind = 0 AND m.deleted = 0 ORDER BY m.id DESC LIMIT ?`,
			add, in.first, in.last, after, before, n)
	} else {
		// CROSS JOIN is how SQLite is told to begin with the index.
		err = tx.query("SELECT "+messageColumns+` FROM words w CROSS JOIN message m ON m.id = w.rowid
			WHERE w.words MATCH ? AND w.rowid >= ? AND w.rowid <= ? AND m.arrived >= ? AND m.arrived < ?
			ORDER BY w.rowid DESC LIMIT ?`, add, match, in.first, in.last, after, before, n)
	}
	for i := have; err == nil && i < len(found.Hits); i++ {
		err = tx.completeOne(&found.Hits[i].Message)
	}
	return err
}

// marks returns where the phrases stand in a text.
func marks(s string, phrases []Phrase) []Mark {
	words := wordsOf(s)
	var all []Mark
	for _, p := range phrases {
		for i := range len(words) - len(p.Words) + 1 {
			if p.begins(words[i:]) {
				all = append(all, Mark{words[i].from, words[i+len(p.Words)-1].to})
			}
		}
	}
	slices.SortFunc(all, func(a, b Mark) int { return a.From - b.From })
	apart := all[:0]
	for _, m := range all {
		if n := len(apart); n > 0 && m.From <= apart[n-1].To {
			apart[n-1].To = max(apart[n-1].To, m.To)
		} else {
			apart = append(apart, m)
		}
	}
	return apart
}

// begins reports whether words begin with the phrase.
func (p Phrase) begins(words []word) bool {
	for i, w := range p.Words {
		if words[i].folded != w && !(p.Prefix && i == len(p.Words)-1 && strings.HasPrefix(words[i].folded, w)) {
			return false
		}
	}
	return true
}

// Piece is a part of a snippet.
type Piece struct {
	Text string
	Hit  bool // it was looked for
}

// Snippet returns about n letters of the text around the first place that was
// looked for, in one line, cut at words where that can be.
func (h Hit) Snippet(n int) (pieces []Piece) {
	text := h.Message.Text
	first := Mark{}
	if len(h.Marks) > 0 {
		first = h.Marks[0]
	}
	// A third of it stands before the hit, unless there is little behind.
	from := atWord(text, back(text, first.From, n/3), first.From)
	to := forth(text, from, n)
	if to == len(text) {
		from = min(atWord(text, back(text, to, n), first.From), from)
	}
	add := func(s string, hit bool) {
		if s = oneLine(s); s != "" {
			pieces = append(pieces, Piece{s, hit})
		}
	}
	if from > 0 {
		pieces = append(pieces, Piece{Text: "…"})
	}
	at := from
	for _, m := range h.Marks {
		if m.From >= to {
			break
		}
		add(text[at:max(m.From, at)], false)
		add(text[max(m.From, at):min(m.To, to)], true)
		at = min(m.To, to)
	}
	add(text[at:to], false)
	if to < len(text) {
		pieces = append(pieces, Piece{Text: "…"})
	}
	return pieces
}

// back returns where the n letters before at begin, and forth where those
// behind it end.
func back(s string, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		for at--; at > 0 && s[at]&0xc0 == 0x80; at-- {
		}
	}
	return at
}

func forth(s string, at, n int) int {
	for ; n > 0 && at < len(s); n-- {
		for at++; at < len(s) && s[at]&0xc0 == 0x80; at++ {
		}
	}
	return at
}

// atWord moves the beginning of a snippet to that of a word, if one comes soon
// and before the byte end.
func atWord(s string, at, end int) int {
	if at == 0 {
		return 0
	}
	if i := strings.IndexAny(s[at:min(end, at+20)], " \n"); i >= 0 {
		return at + i + 1
	}
	return at
}

// oneLine makes one blank of all that stand side by side.
func oneLine(s string) string {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		if s != "" {
			return " "
		}
		return ""
	}
	joined := strings.Join(fields, " ")
	if strings.TrimLeft(s, " \t\n\r") != s {
		joined = " " + joined
	}
	if strings.TrimRight(s, " \t\n\r") != s {
		joined += " "
	}
	return joined
}
