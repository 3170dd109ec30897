package tui

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// markupFake has messages with all the markup that is known.
func markupFake() *fake {
	f := newFake(bob, carol)
	f.add(messenger.Room, bob, ago(30*time.Minute), "**read this first**: the *new* build needs `go 1.26`, see [the notes](https://example.org/notes/2026/november/what-is-new-and-what-is-not)")
	f.add(messenger.Room, carol, ago(20*time.Minute), "> the new build needs go 1.26, which nobody here has installed yet\nsince when? 2*3*4 and snake_case_too")
	f.add(messenger.Room, ann, ago(10*time.Minute), "do this:\n```sh\n$ go version\n$ ls *.go *.mod\n```\n***then*** write to mailto:bob@example.org")
	f.set(messenger.Room, func(m *messenger.Message) { m.State, m.Acked, m.Addressed = messenger.StateDelivered, 2, 2 })
	f.add(messenger.Room, bob, ago(time.Minute), "https://аpple.com/login and https://apple.com@evil.example/ 👍")
	f.read[messenger.Room] = 9
	return f
}

func markupScreen(t *testing.T, w, h int) *screen { return newScreen(t, markupFake(), w, h) }

// pickedScreen has the cursor on the message before the last one.
func pickedScreen(t *testing.T, w, h int) *screen {
	s := markupScreen(t, w, h)
	s.keys("half a message", "ctrl+up", "up")
	return s
}

// talkFake has messages that have to do with one another.
func talkFake() *fake {
	f := newFake(bob, carol)
	first := f.add(messenger.Room, bob, ago(30*time.Minute), "did the **build** pass?\nI saw two red ones before lunch")
	f.set(messenger.Room, func(m *messenger.Message) {
		m.Reactions = []messenger.Reaction{{From: ann.ID, Mine: true, Text: "👍"}, {From: carol.ID, Text: "👍"}, {From: bob.ID, Text: "🎉"}}
	})
	quote := func(q messenger.Quote) {
		f.set(messenger.Room, func(m *messenger.Message) { m.ReplyTo = &q })
	}
	f.add(messenger.Room, ann, ago(25*time.Minute), "green since noon, see https://example.org/build")
	quote(messenger.Quote{Ref: messenger.Ref{ID: first.ID, From: bob.ID}, Text: first.Text, Known: true})
	f.set(messenger.Room, func(m *messenger.Message) {
		m.Edited, m.State, m.Acked, m.Addressed = ago(24*time.Minute), messenger.StateDelivered, 2, 2
	})
	f.add(messenger.Room, carol, ago(12*time.Minute), "")
	f.set(messenger.Room, func(m *messenger.Message) { m.Deleted = true })
	f.add(messenger.Room, carol, ago(11*time.Minute), "ann: that one I have not seen")
	quote(messenger.Quote{Ref: messenger.Ref{From: bob.ID}})
	f.set(messenger.Room, func(m *messenger.Message) { m.Mentioned = true })
	f.add(messenger.Room, carol, ago(10*time.Minute), "nor that")
	quote(messenger.Quote{Ref: messenger.Ref{From: ann.ID}, Known: true, Deleted: true})
	f.read[messenger.Room] = 9
	return f
}

func talkScreen(t *testing.T, w, h int) *screen { return newScreen(t, talkFake(), w, h) }

func readingScreens() []goldenScreen {
	return []goldenScreen{
		{"markup", markupScreen},
		{"picked", pickedScreen},
		{"talk", talkScreen},
		{"details-edited", func(t *testing.T, w, h int) *screen {
			s := talkScreen(t, w, h)
			s.keys("ctrl+up", "up", "up", "up", "enter")
			return s
		}},
		{"details-reactions", func(t *testing.T, w, h int) *screen {
			s := talkScreen(t, w, h)
			s.keys("ctrl+up", "up", "up", "up", "up", "enter")
			return s
		}},
		{"details", func(t *testing.T, w, h int) *screen { s := pickedScreen(t, w, h); s.keys("enter"); return s }},
		{"details-private", func(t *testing.T, w, h int) *screen {
			s := privateScreen(t, w, h)
			s.keys("ctrl+up", "up", "i")
			return s
		}},
		{"details-mail", func(t *testing.T, w, h int) *screen {
			s := mailScreen(t, w, h)
			s.keys("ctrl+up", "pgup", "pgup", "down", "i")
			return s
		}},
	}
}

// A link that is broken over rows is one link, to what it says; where it
// leads is said where that is not plain.
func TestLinksOnScreen(t *testing.T) {
	s := markupScreen(t, 80, 24)
	got := s.View().Content
	ids := map[string]bool{}
	pieces := regexp.MustCompile(`\x1b\]8;id=([^;]*);https://example\.org/notes/[^\x07]*\x07`).FindAllStringSubmatch(got, -1)
	for _, p := range pieces {
		ids[p[1]] = true
	}
	if len(pieces) < 3 || len(ids) != 1 {
		t.Errorf("a link of %d pieces has %d names", len(pieces), len(ids))
	}
	if begun, ended := strings.Count(got, "\x1b]8;id="), strings.Count(got, "\x1b]8;;\x07"); begun != ended {
		t.Errorf("%d links are begun and %d ended", begun, ended)
	}
	s.want("xn--pple-43d.com]", "[leads to evil.example]")
	if !strings.Contains(got, ";https://xn--pple-43d.com/login\x07") {
		t.Errorf("the link to what only looks like apple.com is not to what it says: %q", got)
	}

	// A dialog above does not cut a link open.
	s.keys("f1")
	got = s.View().Content
	for _, row := range strings.Split(got, "\n") {
		if strings.Count(row, "\x1b]8;id=") != strings.Count(row, "\x1b]8;;\x07") {
			t.Errorf("a link goes on behind its row: %q", row)
		}
	}
}

// openedBy has a screen open links by a function that notes them.
func openedBy(s *screen, err error) *[]string {
	var opened []string
	s.opts.Open = func(_ context.Context, target string) error {
		opened = append(opened, target)
		return err
	}
	return &opened
}

func TestOpenCommand(t *testing.T) {
	s := markupScreen(t, 120, 30)
	opened := openedBy(s, nil)
	s.keys("/open", "enter", "/open 2", "enter", "/open 4", "enter")
	want := []string{"https://apple.com@evil.example/", "https://xn--pple-43d.com/login", "https://example.org/notes/2026/november/what-is-new-and-what-is-not"}
	if !slices.Equal(*opened, want) {
		t.Errorf("opened %q, want %q", *opened, want)
	}
	s.want("opening " + want[2])
	s.keys("/open 5", "enter")
	s.want("there are only 4 links in this conversation", "1 is the newest")
	s.keys("/open 0", "enter")
	s.want("/open cannot be read")

	openedBy(s, errors.New("xdg-open is not there"))
	s.keys("ctrl+c", "/open 3", "enter")
	s.want("xdg-open is not there", "copied, if your terminal permits: mailto:bob@example.org")
	if s.copied != "mailto:bob@example.org" {
		t.Errorf("copied %q", s.copied)
	}

	s.opts.Open = nil
	s.keys("/open", "enter")
	s.want("no screen to open it on from here: copied, if your terminal permits", want[0])
	if s.copied != want[0] {
		t.Errorf("copied %q", s.copied)
	}
}

func TestCopyCommand(t *testing.T) {
	s := newScreen(t, markupFake(), 80, 24)
	s.keys("/copy 3", "enter")
	s.want("copied, if your terminal permits")
	if want := "> the new build needs go 1.26, which nobody here has installed yet\nsince when? 2*3*4 and snake_case_too"; s.copied != want {
		t.Errorf("copied %q", s.copied)
	}
	s.receive(messenger.Room, bob, "a\ttab\x1b]52;c;ZXZpbA==\x07\u202e")
	s.keys("/copy", "enter")
	if want := "a\ttab]52;c;ZXZpbA=="; s.copied != want {
		t.Errorf("copied %q", s.copied)
	}
	s.keys("/copy 9", "enter")
	s.want("this conversation has 5 messages only")
}

// The cursor goes over the messages, and what is written stays.
func TestPick(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := longScreen(t, 80, 24)
		s.keys("half a message", "ctrl+g")
		s.want("▌", "Esc · Enter more")
		if s.View().Cursor != nil {
			t.Error("one still writes")
		}
		picked := func(want string) {
			t.Helper()
			if msg, ok := s.open.list.Chosen(); !ok || msg.Text != want {
				t.Errorf("the cursor is on %q, %t; want %q", msg.Text, ok, want)
			}
			s.want("▌", want)
		}
		picked("line 999")
		s.keys("up", "k", "ctrl+up")
		picked("line 996")

		// What comes does not move the view, and is not taken for read.
		was := s.text()
		s.receive(messenger.Room, carol, "news")
		if now := s.text(); strings.Split(now, "\n")[10] != strings.Split(was, "\n")[10] {
			t.Errorf("the view moved:\n%s\n%s", was, now)
		}
		for range 300 {
			s.keys("up")
		}
		picked("line 695")
		for range 20 {
			s.keys("pgdown")
		}
		for range 3 {
			s.keys("pgup", "pgdown")
		}
		s.want("▌")
		s.send(tea.WindowSizeMsg{Width: 40, Height: 10})
		s.want("▌")
		s.send(tea.WindowSizeMsg{Width: 80, Height: 24})

		// Behind the newest message it is gone.
		for range 300 {
			s.keys("ctrl+down")
			if !s.picking() {
				break
			}
		}
		s.wantNot("▌", "scrolled back")
		s.want("news", "half a message")
		if s.View().Cursor == nil {
			t.Error("one cannot write")
		}

		// A letter that is none of its keys is written.
		s.keys("ctrl+up", "x")
		s.wantNot("▌")
		s.want("half a messagex")
		s.keys("ctrl+up", "esc", "ctrl+up", "ctrl+c")
		s.wantNot("▌")
		s.want("half a messagex")
		s.keys("ctrl+up", "alt+down")
		s.wantNot("▌")
	})
}

func TestPickActs(t *testing.T) {
	s := pickedScreen(t, 120, 40)
	opened := openedBy(s, nil)
	s.keys("c")
	if !strings.HasPrefix(s.copied, "do this:\n```sh\n") {
		t.Errorf("copied %q", s.copied)
	}
	s.want("copied, if your terminal permits", "· o open")
	s.keys("o")
	if want := []string{"mailto:bob@example.org"}; !slices.Equal(*opened, want) {
		t.Errorf("opened %q, want %q", *opened, want)
	}
	s.keys("up", "o")
	s.want("there is no link in this message")

	// Of several links one is chosen, by where they lead.
	s.keys("down", "down", "o")
	s.want("LINKS", "https://xn--pple-43d.com/login", "https://apple.com@evil.example/")
	s.keys("down", "enter")
	if want := "https://apple.com@evil.example/"; (*opened)[len(*opened)-1] != want {
		t.Errorf("opened %q, want %q", *opened, want)
	}
	s.keys("i", "c")
	s.want("copied, if your terminal permits")
	if !strings.HasPrefix(s.copied, "https://аpple.com/login and") {
		t.Errorf("copied %q", s.copied)
	}
	s.keys("esc", "esc")
	s.wantNot("▌")
}

// The details follow the state of the message.
func TestDetailsFollow(t *testing.T) {
	s := privateScreen(t, 100, 30)
	s.keys("ctrl+up", "enter")
	s.want("queued: safe here, nobody is known to have it", "ann ·"+ann.Tag+", you", "14:26:00")
	s.tell(messenger.StateChanged{Message: s.fake.set(with(dave), func(m *messenger.Message) { m.State, m.Acked, m.Addressed = messenger.StateStored, 23, 24 })})
	s.want("stored: 23 of 24 nodes of the mail network hold it")
	s.tell(messenger.StateChanged{Message: s.fake.set(with(dave), func(m *messenger.Message) { m.State = messenger.StateDelivered })})
	s.want("delivered: it is on their disk")
}

// What is told of a message later is seen in it, in the answers to it and in
// its details.
func TestChanges(t *testing.T) {
	s := talkScreen(t, 100, 40)
	first := s.fake.msgs[messenger.Room][0]
	s.want("👍 2 (you)  🎉 1", "╭ bob ·"+bob.Tag+": did the **build**", "deleted by carol", "(edited)", "╭ bob ·"+bob.Tag+": …", "╭ me: deleted")
	s.keys("ctrl+up", "up", "up", "up", "up", "enter")
	first.Text, first.Edited = "did it pass?", noon
	s.fake.msgs[messenger.Room][0] = first
	s.tell(messenger.MessageChanged{Message: first, From: bob})
	s.want("WHAT IT SAID BEFORE", "at first: did it pass?")
	s.keys("esc")
	s.want("did it pass? (edited)", "╭ bob ·"+bob.Tag+": did it pass?")

	first.Text, first.Deleted, first.Reactions = "", true, nil
	s.tell(messenger.MessageChanged{Message: first, From: bob})
	s.want("deleted by bob ·"+bob.Tag, "╭ bob ·"+bob.Tag+": deleted")
	s.wantNot("did it pass?", "👍")
	s.keys("c")
	s.want("there is no text to copy")
	s.keys("enter")
	s.want("who had it before may have kept it")
	s.wantNot("WHAT IT SAID")
}

// Strangers' quotes and reactions are cleaned like everything else of theirs.
func TestHostileTalk(t *testing.T) {
	for _, width := range []int{120, 80, 40, 24, 12, 5} {
		f := newFake(bob)
		f.add(messenger.Room, bob, noon, "\x1b[31mx\n> "+strings.Repeat("漢*a*", 200))
		f.set(messenger.Room, func(m *messenger.Message) {
			m.ReplyTo = &messenger.Quote{Ref: messenger.Ref{From: bob.ID}, Known: true, Text: "\x1b]0;owned\x07\n\u202e" + strings.Repeat("漢", 500)}
			m.Edited, m.Mentioned = noon, true
			for i := range 300 {
				m.Reactions = append(m.Reactions, messenger.Reaction{From: bob.ID, Text: "\x1b[2J" + string(rune('a'+i))})
			}
		})
		s := newScreen(t, f, width, 30)
		s.wantFit()
		s.keys("ctrl+up")
		s.wantFit()
		s.keys("enter")
		s.wantFit()
	}
}
