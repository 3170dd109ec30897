package tui

import (
	"regexp"
	"strings"
	"testing"
	"time"

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

func readingScreens() []goldenScreen {
	return []goldenScreen{{"markup", markupScreen}}
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
