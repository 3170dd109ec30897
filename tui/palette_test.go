package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dione/crypto/identity"
	"dione/net/messenger"
)

func paletteFake() *fake {
	f := peopleFake()
	f.add(with(f.named("frank")), f.named("frank"), noon, "hello")
	f.add(messenger.Room, bob, noon, "hello all")
	f.add(with(f.named("carol")), ann, noon, "hi carol")
	return f
}

func paletteScreen(t *testing.T, w, h int, keys ...string) *screen {
	s := newScreen(t, paletteFake(), w, h)
	s.keys("alt+down", "half a thought", "alt+up", "ctrl+k")
	s.keys(keys...)
	return s
}

func paletteScreens() []goldenScreen {
	return []goldenScreen{
		{"palette", func(t *testing.T, w, h int) *screen { return paletteScreen(t, w, h) }},
		{"palette-letters", func(t *testing.T, w, h int) *screen { return paletteScreen(t, w, h, "ca") }},
		{"palette-nothing", func(t *testing.T, w, h int) *screen { return paletteScreen(t, w, h, "xyzzy") }},
	}
}

// Letters lead to conversations, by names and by what is said of people.
func TestPaletteGoes(t *testing.T) {
	for _, tt := range []struct {
		written, title string
	}{
		{"lan", "# lan  "},
		{"frk", "frank"},
		{"Heidi K", "heidi"},
		{"#", "# lan  "},
		{"grc", "grace"},
	} {
		s := paletteScreen(t, 80, 24, tt.written, "enter")
		if s.dialogs.Open() || !strings.Contains(strings.SplitN(s.text(), "\n", 2)[0], tt.title) {
			t.Errorf("%q leads to\n%s", tt.written, s.text())
		}
	}
}

// Without letters the newest conversation comes first, and the open one not.
func TestPaletteRecent(t *testing.T) {
	s := paletteScreen(t, 80, 24, "enter")
	s.want("hi carol")
	s.keys("ctrl+k", "down", "enter")
	if want := with(s.fake.named("frank")); s.open.chat != want {
		t.Errorf("%s is open", s.open.chat)
	}
}

// A command that needs nothing is carried out. One that does is begun, and the
// draft is back when it was carried out, or cleared.
func TestPaletteCommands(t *testing.T) {
	s := paletteScreen(t, 80, 24, "esc")
	s.keys("my draft", "ctrl+k", "/outb", "enter")
	s.want("Outbox", "hi carol")
	s.keys("esc", "ctrl+k", "petname", "enter")
	s.want("> /petname", "/petname [NAME] NEW")
	if d := s.draft(s.open); d.Text != "my draft" {
		t.Errorf("kept is %q", d.Text)
	}
	s.keys("bob rob", "enter")
	s.want("> my draft")
	if !slices.Contains(s.fake.calls, "petname "+bob.Tag+" rob") {
		t.Errorf("calls: %q", s.fake.calls)
	}
	s.keys("ctrl+k", "/verify", "enter")
	s.want("> /verify") // in the room it needs a name
	s.keys("ctrl+c")
	s.want("> my draft")
	s.keys("ctrl+k", "/verify", "enter", "ctrl+k", "/add", "enter")
	s.want("> /add")
	for range len("/add ") {
		s.keys("backspace")
	}
	s.want("> my draft")
	s.keys("alt+down", "ctrl+k", "/verify", "enter")
	s.want("Verify bob")
}

// The letters that were looked for are told by more than a colour.
func TestPaletteMarks(t *testing.T) {
	items := []item{{name: "/accept", more: "let a stranger write to you"}, {name: "carol ·ab12", more: "LAN"}, {name: "/block", more: "take nothing of somebody any more"}}
	s := quietScreen(t, 80, 24)
	for _, tt := range []struct{ written, want string }{
		{"ca", "[ca]rol ·ab12"},
		{"cat", ""},
		{"acc", "/[acc]ept"},
		{"stranger let", "/accept"},
		{"lan", "carol ·ab12"},
		{"CR", "[c]a[r]ol ·ab12"},
	} {
		var got []string
		for _, it := range matching(tt.written, items) {
			var b strings.Builder
			for _, p := range s.itemRow(it, 10) {
				if p.Strong {
					fmt.Fprintf(&b, "[%s]", p.Text)
				} else {
					b.WriteString(p.Text)
				}
			}
			got = append(got, strings.TrimSpace(b.String()))
		}
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%q finds %q, want %q", tt.written, got, tt.want)
		}
	}
}

func TestUnreadNext(t *testing.T) {
	s := newScreen(t, newFake(bob, carol, someDave()), 80, 24)
	s.keys("alt+a")
	s.want("nothing is unread elsewhere")
	s.receive(with(dave), dave, "one")
	s.receive(with(bob), bob, "two")
	for _, want := range []identity.ID{bob.ID, dave.ID, dave.ID} {
		if s.keys("alt+a"); s.open.chat.Peer != want {
			t.Errorf("%s is open, want %s", s.open.chat, want.Short())
		}
	}
	s.want("nothing is unread elsewhere")
	s.keys("my draft")
	s.receive(messenger.Room, carol, "three")
	s.keys("alt+a")
	s.want("three")
	if !s.open.chat.IsRoom() {
		t.Errorf("%s is open", s.open.chat)
	}
}

// What a stranger has written waits in the box of requests.
func TestUnreadNextRequest(t *testing.T) {
	f := peopleFake()
	s := newScreen(t, f, 80, 24)
	s.receive(with(f.named("oscar")), f.named("oscar"), "please")
	s.keys("alt+a")
	s.want("STRANGERS WHO WOULD LIKE TO WRITE")
}

func BenchmarkPalette(b *testing.B) {
	f := newFake()
	for i := range 10_000 {
		p := someone(byte(i), fmt.Sprintf("person %d", i), messenger.PathNone)
		p.ID[2], p.ID[3] = byte(i>>8), 1
		p.Contact = true
		f.people = append(f.people, p)
	}
	s := newScreen(b, f, 120, 40)
	for b.Loop() {
		if len(s.paletteLines("per99")) == 0 {
			b.Fatal("nothing is found")
		}
	}
}
