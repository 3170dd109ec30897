package tui

import (
	"fmt"
	"image/color"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/exp/golden"

	"dione/net/messenger"
)

var sizes = []tea.WindowSizeMsg{{Width: 40, Height: 10}, {Width: 80, Height: 24}, {Width: 200, Height: 60}}

// goldenScreen is one that is kept in a file for each size.
type goldenScreen struct {
	name string
	make func(t *testing.T, width, height int) *screen
}

// TestGolden compares whole screens with files; go test ./tui -update makes
// them anew.
func TestGolden(t *testing.T) {
	for _, tt := range slices.Concat(peopleScreens(), searchScreens(), paletteScreens(), forgetScreens(), readingScreens(), []goldenScreen{
		{"welcome", welcomeScreen},
		{"lan-off", lanOffScreen},
		{"room", roomScreen},
		{"private", privateScreen},
		{"mail", mailScreen},
		{"mail-none", noMailScreen},
		{"mail-outbox", func(t *testing.T, w, h int) *screen {
			s := mailScreen(t, w, h)
			s.keys("/outbox", "enter")
			return s
		}},
		{"unread", unreadScreen},
		{"scrolled", scrolledScreen},
		{"help", func(t *testing.T, w, h int) *screen { s := roomScreen(t, w, h); s.keys("f1"); return s }},
		{"people", func(t *testing.T, w, h int) *screen { s := quietScreen(t, w, h); s.keys("/who", "enter"); return s }},
		{"net", func(t *testing.T, w, h int) *screen { s := mailScreen(t, w, h); s.keys("/net", "enter"); return s }},
		{"outbox", func(t *testing.T, w, h int) *screen {
			s := privateScreen(t, w, h)
			s.keys("/outbox", "enter")
			return s
		}},
		{"settings", func(t *testing.T, w, h int) *screen {
			s := quietScreen(t, w, h)
			s.keys("/settings", "enter", "down", "right")
			return s
		}},
		{"roster", func(t *testing.T, w, h int) *screen { s := unreadScreen(t, w, h); s.keys("tab", "down"); return s }},
		{"writing", func(t *testing.T, w, h int) *screen {
			s := quietScreen(t, w, h)
			s.keys("/hlep", "enter", "ctrl+j", "in two lines")
			return s
		}},
		{"complete-commands", func(t *testing.T, w, h int) *screen { s := quietScreen(t, w, h); s.keys("/", "tab", "up"); return s }},
		{"complete-names", func(t *testing.T, w, h int) *screen {
			s := quietScreen(t, w, h)
			s.keys("/msg ", "tab", "down")
			return s
		}},
		{"complete-emoji", func(t *testing.T, w, h int) *screen {
			s := quietScreen(t, w, h)
			s.keys("in two lines,", "ctrl+j", "and :hear", "tab")
			return s
		}},
		{"paste", func(t *testing.T, w, h int) *screen { return pasteScreen(t, w, h, 500) }},
		{"hostile", hostileScreen},
		{"strange-scripts", scriptsScreen},
	}) {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s-%dx%d", tt.name, size.Width, size.Height), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := tt.make(t, size.Width, size.Height)
					s.wantFit()
					golden.RequireEqual(t, []byte(s.text()))
				})
			})
		}
	}
}

// TestGoldenColours holds the styles: the same screens in the themes.
func TestGoldenColours(t *testing.T) {
	for _, tt := range []struct {
		name    string
		theme   string
		back    color.Color
		profile colorprofile.Profile
	}{
		{"dark", "auto", color.Black, colorprofile.TrueColor},
		{"light", "auto", color.White, colorprofile.TrueColor},
		{"16-colours", "16-colour", color.Black, colorprofile.TrueColor},
		{"high-contrast", "high-contrast", color.Black, colorprofile.TrueColor},
		{"no-colour", "auto", color.Black, colorprofile.ASCII},
	} {
		for _, screen := range []goldenScreen{
			{"", unreadScreen},
			{"-verify", func(t *testing.T, w, h int) *screen { return peopleScreen(t, w, h, "/verify frank", "enter") }},
			{"-search", searchScreen},
			{"-palette", func(t *testing.T, w, h int) *screen { return paletteScreen(t, w, h, "ca") }},
			{"-markup", markupScreen},
			{"-talk", talkScreen},
			{"-friends", func(t *testing.T, w, h int) *screen { return peopleScreen(t, w, h, "tab") }},
		} {
			t.Run(tt.name+screen.name, func(t *testing.T) {
				s := screen.make(t, 80, 24)
				s.opts.Screen.Theme = tt.theme
				s.send(tea.ColorProfileMsg{Profile: tt.profile})
				s.send(tea.BackgroundColorMsg{Color: tt.back})
				got := s.View().Content
				if tt.profile == colorprofile.ASCII && regexp.MustCompile(`\[(\d*;)?[349]\d`).MatchString(got) {
					t.Errorf("there are colours: %q", got)
				}
				golden.RequireEqual(t, []byte(got))
			})
		}
	}
}

func welcomeScreen(t *testing.T, w, h int) *screen { return newScreen(t, newFake(), w, h) }

func lanOffScreen(t *testing.T, w, h int) *screen {
	f := newFake()
	f.net.LANOff = "no interface is up and can multicast"
	f.net.Interfaces = nil
	return newScreen(t, f, w, h)
}

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func someDave() messenger.Person {
	d := dave
	d.Contact, d.LastSeen = true, ago(2*time.Hour).UnixMilli()
	return d
}

func roomFake() *fake {
	f := newFake(bob, carol, someDave())
	day := 24 * time.Hour
	f.add(messenger.Room, bob, ago(day+3*time.Hour), "I am off, see you all tomorrow")
	f.add(messenger.Room, carol, ago(day+3*time.Hour-time.Minute), "bye!")
	f.add(messenger.Room, bob, ago(40*time.Minute), "did the build pass?")
	f.add(messenger.Room, ann, ago(39*time.Minute), "green since noon")
	f.set(messenger.Room, func(m *messenger.Message) { m.State, m.Acked, m.Addressed = messenger.StateDelivered, 2, 2 })
	f.add(messenger.Room, carol, ago(12*time.Minute), "great. then let us ship it today, before everybody leaves for the weekend and nobody is there to see it fail")
	f.add(messenger.Room, carol, ago(12*time.Minute), "the notes are at https://example.org/wiki/releases/2026/november/what-is-new-and-what-is-not-and-why")
	f.add(messenger.Room, ann, ago(10*time.Minute), "I read them:\n- two typos\n- one lie")
	f.set(messenger.Room, func(m *messenger.Message) { m.State, m.Acked, m.Addressed = messenger.StateStored, 1, 2 })
	f.read[messenger.Room] = 7
	return f
}

func quietScreen(t *testing.T, w, h int) *screen { return newScreen(t, roomFake(), w, h) }

func roomScreen(t *testing.T, w, h int) *screen {
	s := quietScreen(t, w, h)
	s.tell(messenger.PersonGone{Person: someDave(), Path: messenger.PathLAN})
	s.receive(messenger.Room, bob, "shipping")
	s.keys("on my way")
	return s
}

func privateScreen(t *testing.T, w, h int) *screen {
	f := newFake(bob, carol, someDave())
	c := with(dave)
	own := func(d time.Duration, text string, state messenger.State, reason string) {
		f.add(c, ann, ago(d), text)
		f.set(c, func(m *messenger.Message) { m.State, m.Reason = state, reason })
	}
	f.add(c, dave, ago(150*time.Minute), "are you there?")
	own(149*time.Minute, "yes, what is up", messenger.StateDelivered, "")
	f.add(c, dave, ago(130*time.Minute), "I wrote this on the train")
	f.set(c, func(m *messenger.Message) { m.Sent = ago(3 * time.Hour); m.Late = true })
	own(20*time.Minute, "never mind", messenger.StateFailed, "cancelled")
	own(5*time.Minute, "the key is under the mat", messenger.StateQueued, "")
	f.read[c] = 5
	s := newScreen(t, f, w, h)
	s.keys("/msg dave", "enter")
	s.send(countMsg{})
	return s
}

// mailFake has a chat with dave by way of the mail network.
func mailFake() *fake {
	d := someDave()
	d.Mail = true
	f := newFake(bob, d)
	f.net.DHT.Serves = true
	f.net.Measured = time.Hour
	f.net.Hour, f.net.DHT.Hour = messenger.Traffic{In: 41_000, Out: 38_500}, messenger.Traffic{In: 212_000, Out: 97_000}
	c := with(dave)
	theirs := func(written, came time.Duration, seq uint64, text string) {
		f.add(c, dave, ago(came), text)
		f.set(c, func(m *messenger.Message) { m.Sent, m.Seq, m.Path = ago(written), seq, messenger.PathMailbox })
	}
	f.add(c, dave, ago(26*time.Hour), "I leave now")
	f.set(c, func(m *messenger.Message) { m.Seq = 3 })
	theirs(20*time.Hour, 3*time.Hour, 4, "the train is late, do not wait for me tonight")
	theirs(5*time.Hour, 3*time.Hour, 7, "arrived")
	theirs(5*time.Hour-time.Minute, 3*time.Hour, 8, "and slept")
	own := func(d time.Duration, text string, state messenger.State, acked, addressed int) {
		f.add(c, ann, ago(d), text)
		f.set(c, func(m *messenger.Message) { m.State, m.Acked, m.Addressed = state, acked, addressed })
	}
	own(150*time.Minute, "good. the key is under the mat", messenger.StateDelivered, 1, 1)
	own(20*time.Minute, "coffee is in the cupboard above the stove, and there is bread", messenger.StateStored, 24, 24)
	own(19*time.Minute, "help yourself", messenger.StateStored, 23, 24)
	own(5*time.Minute, "when do you come back?", messenger.StateQueued, 2, 24)
	f.read[c] = 8
	return f
}

func mailScreen(t *testing.T, w, h int) *screen {
	s := newScreen(t, mailFake(), w, h)
	s.keys("/msg dave", "enter")
	s.send(countMsg{})
	return s
}

// noMailScreen is a chat with somebody who is away while no node is reachable.
func noMailScreen(t *testing.T, w, h int) *screen {
	d := someDave()
	d.Mail = true
	f := newFake(d)
	f.net.DHT = messenger.DHT{Mode: "auto"}
	f.add(with(dave), ann, ago(time.Minute), "anybody there?")
	s := newScreen(t, f, w, h)
	s.keys("/msg dave", "enter")
	s.send(countMsg{})
	return s
}

func unreadScreen(t *testing.T, w, h int) *screen {
	f := roomFake()
	s := newScreen(t, f, w, h)
	s.send(tea.BlurMsg{})
	s.receive(messenger.Room, bob, "can you send the log")
	s.receive(messenger.Room, bob, "https://example.org/build/42")
	s.receive(with(carol), carol, "psst")
	return s
}

func scrolledScreen(t *testing.T, w, h int) *screen {
	f := newFake(bob)
	for i := range 150 {
		f.add(messenger.Room, bob, ago(time.Duration(150-i)*time.Minute), fmt.Sprintf("line %d", i))
	}
	f.read[messenger.Room] = 150
	s := newScreen(t, f, w, h)
	s.keys("pgup", "pgup")
	s.receive(messenger.Room, bob, "you cannot see me")
	return s
}

func hostileScreen(t *testing.T, w, h int) *screen {
	evil := someone(9, "\x1b[31mred\u202egnp\x07 "+strings.Repeat("very-long-", 9), messenger.PathLAN)
	twin := someone(10, "bob", messenger.PathLAN)
	f := newFake(bob, twin, evil)
	f.add(messenger.Room, evil, ago(5*time.Minute), "\x1b[2J\x1b[H\x1b]0;owned\x07 cleared?\r\n\tand \x9b31m coloured\u202e backwards")
	f.add(messenger.Room, evil, ago(5*time.Minute), "z"+strings.Repeat("\u0335\u0336\u0489", 40)+"algo")
	f.add(messenger.Room, evil, ago(4*time.Minute), strings.Repeat("x", 500))
	f.add(messenger.Room, twin, ago(3*time.Minute), "I am bob, really \xff\xfe")
	f.add(messenger.Room, bob, ago(2*time.Minute), "no you are not")
	f.read[messenger.Room] = 9
	return newScreen(t, f, w, h)
}

func scriptsScreen(t *testing.T, w, h int) *screen {
	yuki := someone(11, "雪-さくら", messenger.PathLAN)
	fam := someone(12, "👨\u200d👩\u200d👧\u200d👦", messenger.PathLAN)
	dana := someone(13, "דנה", messenger.PathLAN)
	f := newFake(yuki, fam, dana)
	f.add(messenger.Room, yuki, ago(5*time.Minute), "今日は雪が降っています。駅の前で待ち合わせて、それから一緒にご飯を食べに行きませんか。")
	f.add(messenger.Room, fam, ago(4*time.Minute), "👨\u200d👩\u200d👧\u200d👦 👍🏽 ❤\ufe0f 🇩🇪 1\ufe0f\u20e3 नमस्ते")
	f.add(messenger.Room, dana, ago(3*time.Minute), "שלום לכולם, מה שלומכם?")
	f.add(messenger.Room, ann, ago(2*time.Minute), "e\u0301te\u0301, 한국어, ไทย")
	f.read[messenger.Room] = 9
	return newScreen(t, f, w, h)
}
