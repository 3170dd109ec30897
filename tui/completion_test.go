package tui

import (
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"dione/net/messenger"
)

func TestCompletion(t *testing.T) {
	twin := someone(10, "bob", messenger.PathLAN)
	boss := someone(14, "gerda", messenger.PathLAN)
	boss.Name, boss.Petname = "boss", "boss"
	for _, tt := range []struct {
		name  string
		press []string
		want  string // | is the cursor
	}{
		{"one command", []string{"/hist", "tab"}, "/history |"},
		{"one without arguments", []string{"/ne", "tab"}, "/net|"},
		{"several", []string{"/un", "tab", "tab", "enter"}, "/unblock |"},
		{"back", []string{"/un", "tab", "shift+tab", "up", "enter"}, "/unblock |"},
		{"written on", []string{"/un", "tab", "v", "enter"}, "/unverify |"},
		{"closed", []string{"/un", "tab", "esc"}, "/un|"},
		{"closed by what is unknown", []string{"/un", "tab", "x"}, "/unx|"},
		{"closed by a blank", []string{"/un", "tab", " "}, "/un |"},
		{"ctrl+c closes only", []string{"/un", "tab", "ctrl+c"}, "/un|"},
		{"a name", []string{"/msg car", "tab", "hi"}, "/msg carol hi|"},
		{"by the tag", []string{"/msg " + carol.Tag, "tab"}, "/msg carol |"},
		{"of two", []string{"/msg bo", "tab", "enter"}, "/msg bob·" + bob.Tag + " |"},
		{"a petname", []string{"/msg gerd", "tab"}, "/msg boss |"},
		{"the room", []string{"/msg #", "tab"}, "/msg #lan |"},
		{"a word", []string{"/invite r", "tab"}, "/invite revoke |"},
		{"a command to explain", []string{"/help inv", "tab"}, "/help invite |"},
		{"where to search", []string{"/search tea from:car", "tab"}, "/search tea from:carol |"},
		{"a mention", []string{"hey @car", "tab", "!"}, "hey @carol !|"},
		{"a mention by the name that all know", []string{"@bos", "tab"}, "@gerda |"},
		{"nobody who is away", []string{"@dav", "tab", "esc"}, "@dav|"},
		{"no address", []string{"me@car", "tab", "esc"}, "me@car|"},
		{"before what is there", []string{"/msg car there", "alt+left", "left", "tab"}, "/msg carol| there"},
		{"an emoji", []string{"so :tada", "tab", "!"}, "so 🎉!|"},
		{"a whole one", []string{"so :Heart:", "tab"}, "so ❤\ufe0f|"},
		{"not by sending", []string{"so :heart:"}, "so :heart:|"},
		{"the plainest first", []string{"(:thumbsu", "tab"}, "(👍|"},
		{"one of several", []string{":smil", "tab", "down", "enter"}, "😃|"},
		{"no time of day", []string{"at 10:30", "tab", "esc"}, "at 10:30|"},
		{"no link", []string{"http:heart", "tab", "esc"}, "http:heart|"},
		{"in a command too", []string{"/msg bob :tada", "tab"}, "/msg bob 🎉|"},
		{"no command in two lines", []string{"/un", "ctrl+j", "x", "up", "end", "tab", "tab"}, "/un|\nx"},
	} {
		s := newScreen(t, newFake(bob, twin, carol, boss, dave), 80, 24)
		s.keys(tt.press...)
		c := s.open.composer
		if got := c.Text()[:c.At()] + "|" + c.Text()[c.At():]; got != tt.want {
			t.Errorf("%s: %q, want %q\n%s", tt.name, got, tt.want, s.text())
		}
		if len(s.fake.calls) > 0 || s.quit {
			t.Errorf("%s: called %q", tt.name, s.fake.calls)
		}
		s.wantFit()
	}
}

// TestTabElsewhere is Tab where nothing can be completed: it leads to the
// people and back, and what is typed stays.
func TestTabElsewhere(t *testing.T) {
	for _, typed := range []string{"", "hello", "/net", "/msg bob ", "see:", "10:30", "@nobody"} {
		s := newScreen(t, newFake(bob), 80, 24)
		if typed == "/net" {
			s.keys("/net", "tab") // as it is
		}
		s.open.composer.SetText(typed)
		s.keys("tab")
		if typed != "/net" && !s.onRoster {
			t.Errorf("%q: Tab does not lead to the people", typed)
		}
		s.keys("tab")
		if s.onRoster && typed != "/net" || s.open.composer.Text() != typed {
			t.Errorf("%q: %q after Tab and Tab", typed, s.open.composer.Text())
		}
	}
}

func TestCompletionList(t *testing.T) {
	s := newScreen(t, newFake(bob, carol), 80, 24)
	s.keys("/")
	s.want("Tab completes")
	s.keys("tab")
	s.want("› /help [COMMAND]", "/msg NAME [TEXT]", "1 of ", "Enter takes")
	s.keys("un", "down")
	s.want("> /un", "› /unblock", "2 of 3")
	s.receive(messenger.Room, bob, "meanwhile")
	s.want("2 of 3", "meanwhile")
	s.keys("f1", "f1")
	s.wantNot("Enter takes")
	s.keys("tab")
	s.want("Enter takes")
	s.keys("alt+down")
	s.wantNot("Enter takes", "Tab completes")
	s.keys("alt+up")
	s.want("Tab completes", "> /un")
	s.keys("tab")
	s.send(tea.WindowSizeMsg{Width: 30, Height: 1})
	s.wantNot("Enter takes")
	s.wantFit()
	s.keys("tab") // without room the first is taken
	s.want("> /unsend")
}

// TestHints tells of Shift+Enter only where it is known to work.
func TestHints(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	s.keys("one", "ctrl+j", "two")
	s.want("Enter sends · Alt+Enter new line")
	s.keys("f1")
	s.want("Alt+Enter", "new line; also Ctrl+J")
	s.wantNot("Shift+Enter")
	s.keys("f1")
	s.send(tea.KeyPressMsg{Code: tea.KeyEnter, Mod: tea.ModShift}) // tmux does not say that it can
	s.want("Enter sends · Shift+Enter new line")
	s.send(tea.KeyboardEnhancementsMsg{})
	s.want("Enter sends · Alt+Enter new line")
	s.send(tea.KeyboardEnhancementsMsg{Flags: ansi.KittyDisambiguateEscapeCodes})
	s.want("Enter sends · Shift+Enter new line")
	s.keys("f1")
	s.want("Shift+Enter", "new line; also Alt+Enter, Ctrl+J")
}
