package tui

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
)

// TestRandomKeys presses 10,000 keys that delete nothing, with lists, dialogs
// and pastes open. Every sign that was written is sent, in a composer, or
// behind Up.
func TestRandomKeys(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(10, 6))
		s := newScreen(t, roomFake(), 80, 24)
		names := slices.Sorted(maps.Keys(named))
		names = slices.DeleteFunc(names, func(n string) bool { return n == "ctrl+w" || n == "backspace" || n == "delete" })
		names = append(names, "tab", "up", "down", "enter", " ", " ", "/", "/un", "@", " @c", " :s", ":heart:")
		const first = '\u4e00' // of the signs, none of which comes twice
		typed := 0
		for i := range n {
			if r.IntN(20) == 0 && !s.dialogs.Open() {
				s.send(tea.PasteMsg{Content: string(first+rune(typed)) + strings.Repeat("\n", 25*(r.IntN(4)/3))})
				typed++
			} else {
				s.keys(names[r.IntN(len(names))])
			}
			if i%50 == 0 {
				s.wantFit()
			}
			if t.Failed() {
				t.Fatalf("key %d:\n%s", i, s.text())
			}
		}
		s.keys("esc", "esc", "esc")
		safe := strings.Join(s.fake.calls, "")
		for _, conv := range s.chats {
			safe += conv.aside + conv.composer.Text()
			conv.composer.SetText("")
			for done := true; done; done, _ = conv.composer.Press(named["up"]) {
				safe += conv.composer.Text()
			}
		}
		for i := range typed {
			if !strings.ContainsRune(safe, first+rune(i)) {
				t.Errorf("sign %d of %d is lost", i, typed)
			}
		}
	})
}
