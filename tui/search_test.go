package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// longFake has a long history in the room and a chat with dave, in which some
// things were said long ago.
func longFake() *fake {
	f := newFake(bob, carol, someDave())
	for i := range 1000 {
		at := ago(time.Duration(1000-i) * 3 * time.Hour)
		switch {
		case i%100 == 37:
			f.add(messenger.Room, carol, at, fmt.Sprintf("did the build number %d pass? I saw two red ones before lunch, and the log said nothing about the reason", i))
		case i%250 == 12:
			f.add(with(dave), []messenger.Person{dave, ann}[i/250%2], at, fmt.Sprintf("build %d: 東京の建物 is a building, too", i))
		default:
			f.add(messenger.Room, bob, at, fmt.Sprintf("line %d", i))
		}
	}
	f.read[messenger.Room], f.read[with(dave)] = 1000, 1000
	return f
}

func longScreen(t *testing.T, w, h int) *screen { return newScreen(t, longFake(), w, h) }

func searchScreen(t *testing.T, w, h int) *screen {
	s := longScreen(t, w, h)
	s.keys("/search build", "enter", "down", "down")
	return s
}

func searchScreens() []goldenScreen {
	return []goldenScreen{
		{"search", searchScreen},
		{"search-empty", func(t *testing.T, w, h int) *screen { s := longScreen(t, w, h); s.keys("ctrl+f"); return s }},
		{"search-nothing", func(t *testing.T, w, h int) *screen {
			s := longScreen(t, w, h)
			s.keys("/search from:nobody", "enter")
			return s
		}},
		{"search-found", func(t *testing.T, w, h int) *screen { s := searchScreen(t, w, h); s.keys("enter"); return s }},
		{"search-private", func(t *testing.T, w, h int) *screen {
			s := longScreen(t, w, h)
			s.keys("/search 建物", "enter", "enter")
			return s
		}},
	}
}

// A hit is gone to in its place, and Esc comes back: to the search, and then
// to where one was.
func TestSearchThereAndBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("half a message", "ctrl+f")
		s.want("WORDS, ALL OF WHICH OCCUR")
		if c := s.View().Cursor; c == nil {
			t.Error("there is no cursor to write at")
		}
		s.keys("number 437")
		s.want("Search · 1 found", "carol ·"+carol.Tag+" in #lan", "…did the build number 437 pass?"[3:])
		s.keys("enter")
		s.want("line 434", "›05:31 carol", "did the build number 437 pass?", "line 440", "found · Esc back to the search", "half a message")
		s.wantNot("line 999", "WORDS")

		// From there it is a conversation like any other, in both directions.
		for range 40 {
			s.keys("pgup")
		}
		s.want("line 0")
		for range 80 {
			s.keys("pgdown")
		}
		s.want("line 999")

		s.keys("esc")
		s.want("Search · 1 found", "number 437")
		s.keys("esc")
		s.wantNot("Search · 1 found", "Esc back", "›")
		s.want("line 999", "half a message")
	})
}

// Where one was scrolled back, Esc returns there, also from another chat.
func TestSearchReturnsHome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("pgup", "pgup", "pgup")
		was := strings.Split(s.text(), "\n")[3:10]
		for _, query := range []string{"line 70", "building"} { // here and elsewhere
			s.keys("/search "+query, "enter", "enter")
			s.want("found · Esc back")
			s.keys("down", "esc", "esc")
			if now := strings.Split(s.text(), "\n")[3:10]; !slices.Equal(was, now) {
				t.Errorf("after %q: was\n%s\nis\n%s", query, strings.Join(was, "\n"), strings.Join(now, "\n"))
			}
			s.want("scrolled back")
		}
	})
}

// One looks while one writes, but not for every letter, and what comes too
// late is not shown.
func TestSearchWhileWriting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("ctrl+f")
		var ticks []tea.Cmd
		for _, r := range "build" {
			_, cmd := s.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
			ticks = append(ticks, cmd)
		}
		before := len(s.fake.calls)
		for _, tick := range ticks {
			s.run(tick)
		}
		if n := len(s.fake.calls) - before; n != 1 {
			t.Errorf("%d searches for one word: %q", n, s.fake.calls[before:])
		}
		s.want("Search · 14 found")

		s.send(hitsMsg{query: "buil", found: messenger.Found{}})
		s.want("Search · 14 found")
		s.keys("backspace", "backspace", "backspace", "backspace", "backspace")
		s.want("WORDS, ALL OF WHICH OCCUR")
		s.send(hitsMsg{query: "build", found: messenger.Found{}})
		s.want("WORDS, ALL OF WHICH OCCUR")
		s.keys("from:nobody")
		s.want(`nobody known is called "nobody"`)
		s.keys("enter", "esc")
		s.wantNot("nobody")
		s.send(hitsMsg{query: "x"}) // after it was closed
		s.send(typedMsg(1))
	})
}

// Enter before the hits are there asks for them, and goes nowhere.
func TestSearchEnterAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("ctrl+f", "line 70")
		_, _ = s.Update(tea.KeyPressMsg{Code: '1', Text: "1"}) // its tick has not come yet
		s.keys("enter")
		s.want("Search · 1 found", "line 701")
		s.keys("enter")
		s.want("line 700", "line 701", "found · Esc back")
	})
}

// More hits are loaded as the cursor comes near the last one.
func TestSearchPages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("/search line", "enter")
		s.want("Search · more than 50 found")
		for range 60 {
			s.keys("pgdown")
		}
		s.want("line 513", "Search · more than")
		for range 400 {
			s.keys("pgdown")
		}
		s.want("Search · 986 found", "line 0")
		s.keys("enter")
		s.want("line 0", "line 1")
	})
}

// What one does elsewhere ends the search; nothing of the text is lost.
func TestSearchEnds(t *testing.T) {
	for name, keys := range map[string][]string{
		"sending":      {"hi", "enter"},
		"another chat": {"alt+down"},
		"cleared":      {"esc", "ctrl+c"},
	} {
		bubble(t, func(t *testing.T) {
			s := longScreen(t, 80, 24)
			s.keys("/search 437", "enter", "enter")
			s.want("Esc back")
			s.keys(keys...)
			s.wantNot("Esc back", "Search ·")
			if s.finder != nil {
				t.Errorf("%s: the search goes on", name)
			}
			s.keys("esc")
			s.wantNot("Search ·")
		})
	}
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("ctrl+f")
		s.send(tea.PasteMsg{Content: "number\n437"})
		s.want("Search · 1 found")
		s.keys("ctrl+f", "esc", "q")
		s.want("> q")
	})
}

// A message that comes while one looks at an old one is not lost.
func TestSearchAndNews(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("/search 437", "enter")
		s.receive(messenger.Room, bob, "news 1")
		s.keys("enter")
		s.receive(messenger.Room, bob, "news 2")
		s.want("2 new below", "number 437")
		s.keys("ctrl+end")
		s.want("news 1", "news 2", "2 new")
		s.receive(messenger.Room, bob, "news 3")
		s.want("news 3")
		if n := strings.Count(s.text(), "news"); n != 3 {
			t.Errorf("%d news:\n%s", n, s.text())
		}
	})
}

func TestPieces(t *testing.T) {
	type hit = messenger.Piece
	for _, tt := range []struct {
		in   []messenger.Piece
		want string
	}{
		{[]hit{{Text: "the "}, {Text: "build", Hit: true}, {Text: " passed"}}, "the [build] passed"},
		{[]hit{{Text: "a"}, {Text: "b", Hit: true}, {Text: "\u0301c"}}, "a[b]c"},
		{[]hit{{Text: "👩\u200d", Hit: true}, {Text: "👧 x"}}, "[👩\u200d👧] x"},
		{[]hit{{Text: "\x1b[31m"}, {Text: "red\u202e", Hit: true}}, "[31m[red]"},
		{[]hit{{Text: "…"}, {Text: "x", Hit: true}, {Text: "…"}}, "…[x]…"},
		{nil, ""},
	} {
		var b strings.Builder
		for _, p := range pieces(tt.in) {
			if p.Strong {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
		if b.String() != tt.want {
			t.Errorf("%+v: %q, want %q", tt.in, b.String(), tt.want)
		}
	}
}
