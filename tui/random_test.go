package tui

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"dione/net/messenger"
)

// TestRandom presses random keys in a terminal of random sizes while things
// happen. The frame always fits, nothing panics, and no text is lost: what was
// typed is sent, in a composer, or behind Up.
func TestRandom(t *testing.T) {
	rounds, steps := 12, 400
	if testing.Short() {
		rounds = 3
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				f := roomFake()
				s := newScreen(t, f, 80, 24)
				names := slices.Sorted(maps.Keys(named))
				names = slices.DeleteFunc(names, func(n string) bool {
					return n == "ctrl+w" || n == "backspace" || n == "delete" // they may lose text
				})
				names = append(names, "/", "ve", "@", ":s", " ")
				typed := 0
				for range steps {
					switch r.IntN(10) {
					case 0:
						s.send(tea.WindowSizeMsg{Width: r.IntN(130), Height: r.IntN(40)})
					case 1:
						from := []messenger.Person{bob, carol, dave}[r.IntN(3)]
						c := []messenger.Chat{messenger.Room, with(from)}[r.IntN(2)]
						s.receive(c, from, strings.Repeat("漢 word 👨\u200d👩\u200d👧 ", r.IntN(40)))
					case 2:
						s.send([]tea.Msg{tea.FocusMsg{}, tea.BlurMsg{}}[r.IntN(2)])
					case 3:
						p := bob
						p.Path = []messenger.Path{messenger.PathLAN, messenger.PathDirect, messenger.PathNone}[r.IntN(3)]
						p.Standing, p.Contact = messenger.Standing(r.IntN(4)), r.IntN(2) == 0
						p.Verified, p.Pending = r.IntN(2) == 0, r.IntN(2) == 0
						p.Problem = []string{"", "no answer"}[r.IntN(2)]
						f.people[0] = p
						s.tell([]messenger.Event{
							messenger.PersonNear{Person: p}, messenger.PersonChanged{Person: p}, messenger.RequestReceived{Person: p},
						}[r.IntN(3)])
					case 4:
						s.send(tea.ModeReportMsg{Mode: ansi.ModeUnicodeCore, Value: ansi.ModeReset})
						if f.refuse = nil; r.IntN(2) == 0 {
							f.refuse = errors.New("disk full")
						}
					case 5, 6:
						if !s.dialogs.Open() {
							typed++
							s.send(tea.PasteMsg{Content: fmt.Sprintf("<%d>", typed) + strings.Repeat("\n", 25*r.IntN(2))})
						}
					default:
						s.keys(names[r.IntN(len(names))])
					}
					if s.layout.width > 0 && s.layout.height > 0 {
						s.wantFit()
					}
					if t.Failed() {
						t.Fatalf("seed %d: %s", seed, s.text())
					}
				}
				s.keys("esc", "esc") // what is asked about last
				// Everything behind Up is brought back, chat by chat.
				all := strings.Join(f.calls, "\n")
				for _, conv := range s.chats {
					all += conv.composer.Text()
					conv.composer.SetText("")
					for done := true; done; done, _ = conv.composer.Press(named["up"]) {
						all += conv.composer.Text()
					}
				}
				for i := 1; i <= typed; i++ {
					for _, c := range fmt.Sprint(i) {
						if !strings.ContainsRune(all, c) {
							t.Errorf("seed %d: text %d is lost", seed, i)
						}
					}
				}
				if n := strings.Count(all, "<"); n < typed {
					t.Errorf("seed %d: %d of %d texts are left", seed, n, typed)
				}
			})
		})
	}
}

// TestEverySize draws every screen in every small size.
func TestEverySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, s := range []*screen{
			welcomeScreen(t, 80, 24), unreadScreen(t, 80, 24), hostileScreen(t, 80, 24), scriptsScreen(t, 80, 24), privateScreen(t, 80, 24),
			peopleScreen(t, 80, 24, "/verify frank", "enter"), peopleScreen(t, 80, 24, "/invite", "enter"),
			peopleScreen(t, 80, 24, "/requests", "enter"), peopleScreen(t, 80, 24, "/who heidi", "enter"),
			searchScreen(t, 80, 24),
		} {
			for _, keys := range [][]string{{"words"}, {"ctrl+c", "/", "tab", "up"}, {"tab"}, {"f1"}, {"esc", "/hlep", "enter"}} {
				s.keys(keys...)
				for w := 1; w <= 100; w += 1 + w/12 {
					for h := 1; h <= 30; h += 1 + h/8 {
						s.send(tea.WindowSizeMsg{Width: w, Height: h})
						if s.wantFit(); t.Failed() {
							t.Fatal(s.text())
						}
					}
				}
			}
		}
	})
}
