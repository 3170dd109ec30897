package tui

import (
	"image/color"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"dione/net/messenger"
	"dione/tui/config"
)

// colours matches what sets a colour.
var colours = regexp.MustCompile(`\x1b\[([\d;]*;)?([34][0-7]|[34]8;|9[0-7]|10[0-7])`)

// TestNothingByColourAlone draws every golden screen without colours: each
// letter and each sign is the same as with them, in every theme.
func TestNothingByColourAlone(t *testing.T) {
	for _, tt := range slices.Concat(peopleScreens(), searchScreens(), []goldenScreen{
		{"unread", unreadScreen}, {"private", privateScreen}, {"mail", mailScreen}, {"scrolled", scrolledScreen}, {"hostile", hostileScreen},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tt.make(t, 80, 24)
				s.send(tea.ColorProfileMsg{Profile: colorprofile.ASCII})
				bare := s.View().Content
				if at := colours.FindString(bare); at != "" {
					t.Errorf("there is a colour without colours: %q", at)
				}
				if strings.Contains(s.text(), "█") {
					return // a QR code, which is drawn in the colours that there are
				}
				for _, name := range config.Themes {
					s.opts.Screen.Theme = name
					for _, back := range []color.Color{color.Black, color.White} {
						s.send(tea.ColorProfileMsg{Profile: colorprofile.TrueColor})
						s.send(tea.BackgroundColorMsg{Color: back})
						if s.text() != ansi.Strip(bare) {
							t.Errorf("%s: the screen says more with colours:\n%s\nand without:\n%s", name, s.text(), ansi.Strip(bare))
						}
					}
				}
			})
		})
	}
}

// TestStatesInWords checks, without any style, that what differs can be told
// apart. What was found is set apart by an underline besides.
func TestStatesInWords(t *testing.T) {
	verified := bob
	verified.Verified = true
	asking := stranger(9, "eve")
	for _, tt := range []struct {
		name        string
		make        func(t *testing.T) *screen
		is, without string // what is there in this state, and what only in the other
	}{
		{"unread", func(t *testing.T) *screen { return unreadScreen(t, 80, 24) }, `── 2 new ──(?s:.*)can you send the log`, ""},
		{"unread elsewhere", func(t *testing.T) *screen { return unreadScreen(t, 80, 24) }, `● carol ·\w{4} +1 │`, ""},
		{"muted", func(t *testing.T) *screen {
			s := unreadScreen(t, 80, 24)
			s.tell(messenger.ChatMuted{Info: messenger.ChatInfo{Chat: with(carol), MutedUntil: messenger.Forever}})
			return s
		}, `● carol ·\w{4} +~1 │`, ""},
		{"failed", func(t *testing.T) *screen { return privateScreen(t, 80, 24) }, `never mind +✗`, `never mind +[…✓]`},
		{"waiting", func(t *testing.T) *screen { return privateScreen(t, 80, 24) }, `under the mat +…`, `under the mat +[✗✓]`},
		{"delivered", func(t *testing.T) *screen { return privateScreen(t, 80, 24) }, `what is up +✓`, `what is up +[✗…]`},
		{"not verified", func(t *testing.T) *screen { return newScreen(t, newFake(bob), 80, 24) }, `● bob ·` + bob.Tag, ""},
		{"verified", func(t *testing.T) *screen {
			s := newScreen(t, newFake(verified), 80, 24)
			s.keys("/msg bob", "enter")
			return s
		}, `bob  verified · LAN`, bob.Tag},
		{"here, away", func(t *testing.T) *screen { return quietScreen(t, 80, 24) }, `● bob(?s:.*)○ dave`, ""},
		{"open", func(t *testing.T) *screen { return quietScreen(t, 80, 24) }, `▎# lan`, `▎.*bob`},
		{"selected", func(t *testing.T) *screen { s := quietScreen(t, 80, 24); s.keys("tab", "down"); return s }, `│›● bob`, `›.*carol`},
		{"selected in a dialog", func(t *testing.T) *screen { s := quietScreen(t, 80, 24); s.keys("/who", "enter"); return s }, `› bob`, `› carol`},
		{"request", func(t *testing.T) *screen { return newScreen(t, newFake(bob, asking), 80, 24) }, `REQUESTS +1`, ""},
		{"an answer that failed", func(t *testing.T) *screen { s := quietScreen(t, 80, 24); s.keys("/hlep", "enter"); return s }, `✗ no command`, ""},
		{"an answer", func(t *testing.T) *screen { s := quietScreen(t, 80, 24); s.keys("/name", "enter"); return s }, `· you are`, "✗"},
		{"mine", func(t *testing.T) *screen { return quietScreen(t, 80, 24) }, `13:52 me  `, ""},
		{"scrolled back", func(t *testing.T) *screen { return scrolledScreen(t, 80, 24) }, `↓ 1 new below · Esc`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := tt.make(t).text()
				if !regexp.MustCompile(tt.is).MatchString(got) {
					t.Errorf("nothing fits %s:\n%s", tt.is, got)
				}
				if tt.without != "" && regexp.MustCompile(tt.without).MatchString(got) {
					t.Errorf("%s fits something:\n%s", tt.without, got)
				}
			})
		})
	}
}

// TestFoundWithoutColours checks that what was looked for stands out in a
// terminal without colours.
func TestFoundWithoutColours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := searchScreen(t, 80, 24)
		s.send(tea.ColorProfileMsg{Profile: colorprofile.ASCII})
		if !regexp.MustCompile(`\x1b\[1;4m\w+\x1b\[m`).MatchString(s.View().Content) {
			t.Errorf("nothing is underlined: %q", s.View().Content)
		}
	})
}

// TestSmallest does what one does all day on a screen of 40 columns and 10
// rows: everything is there and nothing is wider or higher.
func TestSmallest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t, roomFake(), 40, 10)
		step := func(want string, keys ...string) {
			t.Helper()
			s.keys(keys...)
			s.wantFit()
			s.want(want)
		}
		step("›# lan", "tab")
		step("›● bob", "down")
		step("write to bob", "enter")
		step("> hello bob", "hello bob")
		step("write to bob", "enter")
		step("Help", "f1")
		step("more", "pgdown")
		step("write to bob", "esc")
		step("Settings", "/settings", "enter")
		step("light", "down", "right", "right")
		step("write to bob", "esc")
		step("muted", "/mute", "enter")
		step("People", "/who", "enter")
		step("carol", "down", "enter")
		step("Search", "ctrl+f")
		step("build", "build")
		step("›13:51 bob", "enter")
		step("write to", "esc", "esc", "esc")
		step("no command", "/nothing", "enter")
		for _, c := range []string{"/net", "/outbox", "/requests", "/verify bob", "/invite", "/invite list"} {
			step("╰─", c, "enter")
			s.keys("esc", "esc")
		}
		if s.quit {
			t.Error("it has ended")
		}
	})
}
