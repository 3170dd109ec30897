package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dione/crypto/identity"
)

func find(t testing.TB, s *Store, want Wanted) Found {
	t.Helper()
	found, err := s.Search(t.Context(), want, 0, 1000)
	if err != nil {
		t.Fatalf("%+v: %v", want, err)
	}
	return found
}

// wanted is what a query without names means.
func wanted(t testing.TB, query string) Wanted {
	t.Helper()
	q, err := ParseQuery(query, at)
	if err != nil {
		t.Fatalf("%q: %v", query, err)
	}
	if q.From+q.In != "" {
		t.Fatalf("%q names somebody", query)
	}
	return Wanted{Phrases: q.Phrases, After: q.After, Before: q.Before}
}

func hitTexts(found Found) (all []string) {
	for _, h := range found.Hits {
		all = append(all, h.Message.Text)
	}
	return all
}

func TestFinds(t *testing.T) {
	s := testStore(t)
	for i, tt := range []struct {
		text  string
		finds []string
		not   []string
	}{
		{"did the build pass?", []string{"build", "BUILD", "build did", `"the build"`, "pas", "bui*", "build!", `"did the`, "“the build”"},
			[]string{"bu", "uild", `"build the"`, `"the bui"`, "build failed", "bui pass", `"pass did"`}},
		{"log: https://example.org/build/42", []string{"example.org", "https://example.org/build/42", "org/buil", "42"}, []string{"org.example", "4"}},
		{"Größe beim Café", []string{"grosse", "GRÖSSE", "cafe", "Café", "cafe\u0301"}, []string{"größen"}},
		{"東京タワーで会いましょう", []string{"東京", "京", "タワー", "ﾀﾜｰ", "会いま", "東京 会"}, []string{"京東", "大阪", `"東京 会"`}},
		{"내일 학교에서 만나", []string{"학교", "학교에서", "교에"}, []string{"교학"}},
		{"пойдём в кино", []string{"пойдем", "КИНО", "пойд"}, nil},
		{"party 🎉🎉 tonight 👍🏽", []string{"🎉", "👍", "👍🏿 party"}, []string{"🎈"}},
		{"OR AND NOT NEAR(x y) ^col: * - + {a b}", []string{"NEAR", "or and", "NOT x", "-x", "col:", "near(x", "^col", "{a b}"}, []string{"x AND z"}},
		{"say \"hi\"; DROP TABLE message --' x", []string{"drop table", `"hi"; drop`, "--' say"}, nil},
	} {
		add(t, s, theirs(Room, bob, uint64(i+1), tt.text))
		for _, q := range tt.finds {
			if got := hitTexts(find(t, s, wanted(t, q))); !slices.Contains(got, tt.text) {
				t.Errorf("%q does not find %q", q, tt.text)
			}
		}
		for _, q := range tt.not {
			if got := hitTexts(find(t, s, wanted(t, q))); slices.Contains(got, tt.text) {
				t.Errorf("%q finds %q", q, tt.text)
			}
		}
	}
}

func TestSearchNarrows(t *testing.T) {
	s := testStore(t)
	on := func(m Message, day int) Message {
		m.Arrived = time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC)
		m.Sent = m.Arrived.AddDate(0, -1, 0)
		m.Text = fmt.Sprint("build ", day)
		return m
	}
	add(t, s, on(theirs(Room, bob, 1, ""), 1), on(theirs(Chat{Peer: bob}, bob, 1, ""), 2), on(mine(Chat{Peer: bob}, ""), 3),
		on(theirs(Room, carol, 1, ""), 4), on(theirs(Room, bob, 2, ""), 3)) // the clock was put back
	room, private, other := Room, Chat{Peer: bob}, Chat{Peer: carol}
	stranger := person(9)
	words := []Phrase{{Words: []string{"build"}}}
	for name, tt := range map[string]struct {
		want Wanted
		days string
	}{
		"all":           {Wanted{Phrases: words}, "3 4 3 2 1"},
		"no words":      {Wanted{From: &carol}, "4"},
		"room":          {Wanted{Phrases: words, In: &room}, "3 4 1"},
		"chat":          {Wanted{Phrases: words, In: &private}, "3 2"},
		"bob":           {Wanted{Phrases: words, From: &bob}, "3 2 1"},
		"bob, room":     {Wanted{From: &bob, In: &room}, "3 1"},
		"me":            {Wanted{Phrases: words, From: &self}, "3"},
		"empty chat":    {Wanted{Phrases: words, In: &other}, ""},
		"stranger":      {Wanted{Phrases: words, From: &stranger}, ""},
		"after":         {wanted(t, "build after:2026-11-03"), "3 4 3"},
		"before":        {wanted(t, "build before:2026-11-03"), "2 1"},
		"on":            {wanted(t, "build on:2026-11-03"), "3 3"},
		"month":         {wanted(t, "on:2026-11"), "3 4 3 2 1"},
		"other month":   {wanted(t, "build on:2026-10"), ""},
		"between":       {wanted(t, "build after:2026-11-02 before:2026-11-04"), "3 3 2"},
		"nothing there": {wanted(t, "build after:2026-11-05 before:2026-11-02"), ""},
	} {
		var days []string
		for _, h := range find(t, s, tt.want).Hits {
			days = append(days, strings.TrimPrefix(h.Message.Text, "build "))
		}
		if got := strings.Join(days, " "); got != tt.days {
			t.Errorf("%s: %q, want %q", name, got, tt.days)
		}
	}
}

// However a search is cut into pages and turns, it finds what looking at every
// message would.
func TestSearchPages(t *testing.T) {
	s := testStore(t)
	rnd := rand.New(rand.NewPCG(6, 6))
	vocabulary := strings.Fields("ab abc abcd b bc c 東 京 å")
	var all []Message
	for i := range 400 {
		var words []string
		for range 1 + rnd.IntN(6) {
			words = append(words, vocabulary[rnd.IntN(len(vocabulary))])
		}
		from := []identity.ID{bob, carol}[rnd.IntN(2)]
		all = append(all, theirs(Room, from, uint64(i+1), strings.Join(words, " ")))
	}
	all = add(t, s, all...)
	if err := s.Update(t.Context(), func(tx *Tx) error { // as if there had been others, over several turns
		for _, m := range all[200:] {
			row := m.Row + 2*searchSpan
			tx.cameOn(dayOf(m.Arrived), row)
			err := tx.exec("UPDATE message SET id = ? WHERE id = ?", row, m.Row)
			peer, err2 := tx.peer(m.From)
			if err := errors.Join(err, err2, tx.unindex(m.Row, 1, peer, m.Text), tx.index(row, 1, peer, m.Text)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"ab", "abc", "abcd b", `"b bc"`, "a", "東京", "b*", "ab c 京", `"a b" c`, "å"} {
		want := wanted(t, query)
		want.From = &bob
		var expected []string
		for i := len(all) - 1; i >= 0; i-- {
			if m := all[i]; m.From == bob && fits(m.Text, want.Phrases) {
				expected = append(expected, m.ID.String())
			}
		}
		for _, n := range []int{1, 7, 1000} {
			var got []string
			for place := int64(0); ; {
				found, err := s.Search(t.Context(), want, place, n)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range found.Hits {
					got = append(got, h.Message.ID.String())
				}
				if place = found.Next; place == 0 {
					break
				}
				if len(found.Hits) != n {
					t.Fatalf("%q: a page of %d of %d, and more to come", query, len(found.Hits), n)
				}
			}
			if !slices.Equal(got, expected) {
				t.Errorf("%q by %d: %d hits, want %d", query, n, len(got), len(expected))
			}
		}
	}
}

// fits looks for phrases in the plainest way.
func fits(text string, phrases []Phrase) bool {
	padded := " " + strings.Join(folded(text), " ") + " "
	for _, p := range phrases {
		s := " " + strings.Join(p.Words, " ")
		if !p.Prefix {
			s += " "
		}
		if !strings.Contains(padded, s) {
			return false
		}
	}
	return true
}

// A message and its words are committed together or not at all, and each once.
func TestIndexedWithTheMessage(t *testing.T) {
	s := testStore(t)
	m := theirs(Room, bob, 1, "once")
	if err := s.Update(t.Context(), func(tx *Tx) error {
		if _, err := tx.AddMessage(&m); err != nil {
			return err
		}
		return errUndo
	}); !errors.Is(err, errUndo) {
		t.Fatal(err)
	}
	if found := find(t, s, wanted(t, "once")); len(found.Hits) != 0 {
		t.Errorf("found what was undone: %+v", found)
	}
	add(t, s, m, m)
	add(t, s, m)
	if found := find(t, s, wanted(t, "once")); len(found.Hits) != 1 {
		t.Errorf("%d hits, want 1", len(found.Hits))
	}
	wantConsistent(t, s)
}

// What comes out of a backup is found like before.
func TestSearchRestored(t *testing.T) {
	_, s := testProfile(t, t.TempDir())
	fillProfile(t, s)
	add(t, s, theirs(Room, carol, 1, "der Größte"))
	path := filepath.Join(t.TempDir(), "backup")
	exportTo(t, s, path)
	dir := t.TempDir()
	if _, err := importFrom(t.Context(), dir, path, backupPass, nil); err != nil {
		t.Fatal(err)
	}
	p2, s2 := testProfile(t, dir)
	for _, q := range []string{"grosste", "under", "bob has", "4", "on:2026"} {
		before, after := hitTexts(find(t, s, wanted(t, q))), hitTexts(find(t, s2, wanted(t, q)))
		if !slices.Equal(before, after) || len(after) == 0 {
			t.Errorf("%q: %q, before %q", q, after, before)
		}
	}
	wantConsistent(t, s2)
	closeAll(t, p2, s2)
}

// Words that are taken out of the index are erased from it, even for one who
// has the key of the pages.
func TestWordsAreErased(t *testing.T) {
	p, s := testProfile(t, t.TempDir())
	key := *p.key
	var gone Message
	for i := range 50 {
		m := theirs(Room, bob, uint64(i+1), fmt.Sprint("what stays ", i))
		if i == 20 {
			m.Text = "unutterable secret"
		}
		if m = add(t, s, m)[0]; i == 20 {
			gone = m
		}
	}
	has := func() bool {
		if err := s.db.checkpoint(); err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(pages(t, s, key), []byte("nutterabl"))
	}
	update(t, s, func(tx *Tx) error { return tx.exec("UPDATE message SET text = 'x' WHERE id = ?", gone.Row) })
	if !has() {
		t.Error("the word is not there: the search is wrong")
	}
	update(t, s, func(tx *Tx) error {
		peer, err := tx.peer(bob)
		return errors.Join(err, tx.unindex(gone.Row, 1, peer, gone.Text))
	})
	if has() {
		t.Error("the word is still there")
	}
	if found := find(t, s, wanted(t, "stays")); len(found.Hits) != 49 {
		t.Errorf("%d hits are left, want 49", len(found.Hits))
	}
	closeAll(t, p, s)
}

func TestMarks(t *testing.T) {
	for _, tt := range []struct{ text, query, want string }{
		{"did the build pass", "pass build", "did the [build] [pass]"},
		{"the build, the builds", `"the build"`, "[the build], the builds"},
		{"the build, the builds", "buil", "the [build], the [builds]"},
		{"aa aa aa", `"aa aa"`, "[aa aa aa]"},
		{"Ein Café", "cafe", "Ein [Café]"},
		{"東京と東京", "東京", "[東京]と[東京]"},
		{"ok 👍🏽!", "👍", "ok [👍🏽]!"},
		{"x", "on:2026", "x"},
	} {
		var b strings.Builder
		at := 0
		for _, m := range marks(tt.text, wanted(t, tt.query).Phrases) {
			b.WriteString(tt.text[at:m.From] + "[" + tt.text[m.From:m.To] + "]")
			at = m.To
		}
		if b.WriteString(tt.text[at:]); b.String() != tt.want {
			t.Errorf("%q in %q: %q, want %q", tt.query, tt.text, b.String(), tt.want)
		}
	}
}

func snippetOf(text, query string, n int, t testing.TB) string {
	h := Hit{Message: Message{Text: text}}
	h.Marks = marks(text, wanted(t, query).Phrases)
	var b strings.Builder
	for _, p := range h.Snippet(n) {
		if p.Hit {
			b.WriteString("[" + p.Text + "]")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

func TestSnippet(t *testing.T) {
	long := strings.Repeat("word and ", 20) + "needle in " + strings.Repeat("hay and ", 20)
	for _, tt := range []struct {
		text, query string
		n           int
		want        string
	}{
		{"short needle", "needle", 40, "short [needle]"},
		{"two\n\n  lines\tneedle\nmore", "needle", 40, "two lines [needle] more"},
		{long, "needle", 40, "…word and [needle] in hay and hay and hay a…"},
		{long[:189], "needle", 40, "…word and word and word and [needle] in"},
		{strings.Repeat("x", 300) + " needle", "needle", 20, "…[needle]"},
		{strings.Repeat("needle", 20), "needle*", 10, "[needleneed]…"},
		{"東京" + strings.Repeat("大", 30), "東京", 5, "[東京]大大大…"},
		{"no words", "on:2026", 40, "no words"},
	} {
		if got := snippetOf(tt.text, tt.query, tt.n, t); got != tt.want {
			t.Errorf("%.30q in %d: %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}

func TestParseQuery(t *testing.T) {
	now := time.Date(2026, 11, 21, 15, 4, 5, 0, time.FixedZone("", 3600))
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, now.Location()) }
	ph := func(prefix bool, words ...string) Phrase { return Phrase{words, prefix} }
	for _, tt := range []struct {
		query string
		want  Query
	}{
		{"build", Query{Phrases: []Phrase{ph(true, "build")}}},
		{"the build ", Query{Phrases: []Phrase{ph(false, "the"), ph(true, "build")}}},
		{"ok", Query{Phrases: []Phrase{ph(false, "ok")}}},
		{"ok* buil* x", Query{Phrases: []Phrase{ph(false, "ok"), ph(true, "buil"), ph(false, "x")}}},
		{`build "did pass"`, Query{Phrases: []Phrase{ph(false, "build"), ph(false, "did", "pass")}}},
		{`"did pass" build`, Query{Phrases: []Phrase{ph(false, "did", "pass"), ph(true, "build")}}},
		{`build from:bob In:#lan`, Query{Phrases: []Phrase{ph(true, "build")}, From: "bob", In: "#lan"}},
		{`from:"bob ·x7k2" build`, Query{Phrases: []Phrase{ph(true, "build")}, From: "bob ·x7k2"}},
		{"after:2026-11-20", Query{After: day(2026, 11, 20)}},
		{"before:2026-2", Query{Before: day(2026, 2, 1)}},
		{"on:2025", Query{After: day(2025, 1, 1), Before: day(2026, 1, 1)}},
		{"on:yesterday", Query{After: day(2026, 11, 20), Before: day(2026, 11, 21)}},
		{"after:Today", Query{After: day(2026, 11, 21)}},
		{"10:30 note:x", Query{Phrases: []Phrase{ph(false, "10", "30"), ph(false, "note", "x")}}},
		{`"from:bob"`, Query{Phrases: []Phrase{ph(false, "from", "bob")}}},
		{"build ... !", Query{Phrases: []Phrase{ph(true, "build")}}},
		{"東京", Query{Phrases: []Phrase{ph(false, "東", "京")}}},
	} {
		if got, err := ParseQuery(tt.query, now); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %+v, %v, want %+v", tt.query, got, err, tt.want)
		}
	}
	for _, query := range []string{
		"", "  ", "!!", `""`, `"`, "*", "from:", `from:"" x`, "in: x", "after:", "after:soon", "on:2026-13-01", "before:1",
		"from:a from:b", "on:2026 after:2025", "after:0000", strings.Repeat("x", maxQuery+1), strings.Repeat("x ", maxPhrases+1),
	} {
		q, err := ParseQuery(query, now)
		var qe *QueryError
		if !errors.As(err, &qe) || qe.Error() == "" || qe.Hint() == "" {
			t.Errorf("%q: %+v, %v, want a complaint and a hint", query, q, err)
		}
	}
}

// Whatever is written and whatever is looked for: a query is read or refused
// in words, and what it finds is what it says.
func FuzzSearch(f *testing.F) {
	s := testStore(f)
	n := uint64(0)
	for _, seed := range [][2]string{
		{"did the build pass", `"the build" pas`}, {"東京", "京*"}, {`a"b`, `a"b" from:x`}, {"x", `NEAR(a b, 3) OR {text}: ^x + "`}, {"#1 @1", `"#1" AND "@1"*`},
		{"\x00", "\x00"}, {"½ ﷺ", "½ ﷺ"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, query string) {
		text = strings.ToValidUTF8(text, "?")
		if len(text) > MaxText {
			return
		}
		q, err := ParseQuery(query, at)
		if err != nil {
			var qe *QueryError
			if !errors.As(err, &qe) {
				t.Fatalf("%q: %v", query, err)
			}
			return
		}
		n++
		m := add(t, s, theirs(Room, bob, n, text))[0]
		want := Wanted{Phrases: q.Phrases}
		found, err := s.Search(t.Context(), want, 0, 5)
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		is := len(found.Hits) > 0 && found.Hits[0].Message.Row == m.Row
		if len(q.Phrases) > 0 && is != fits(text, q.Phrases) {
			t.Fatalf("%q finds %q: %t", query, text, is)
		}
		for _, h := range found.Hits {
			last := -1
			for _, m := range h.Marks {
				if m.From <= last || m.To <= m.From || m.To > len(h.Message.Text) {
					t.Fatalf("%q in %q: %v", query, h.Message.Text, h.Marks)
				}
				last = m.To
			}
			letters := 0
			for _, p := range h.Snippet(20) {
				letters += utf8.RuneCountInString(p.Text)
				if !utf8.ValidString(p.Text) || strings.ContainsAny(p.Text, "\n\t") {
					t.Fatalf("%q: snippet %+v", h.Message.Text, h.Snippet(20))
				}
			}
			if letters > 20+2+20 {
				t.Fatalf("%q: snippet of %d", h.Message.Text, letters)
			}
		}
	})
}
