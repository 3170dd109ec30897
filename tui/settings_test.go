package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/pflag"

	"dione/tui/config"
	"dione/tui/notify"
	"dione/tui/theme"
)

// TestSettingsFit checks that the settings know what the parts understand.
func TestSettingsFit(t *testing.T) {
	if want := []string{theme.Auto, theme.Dark, theme.Light, theme.Sixteen, theme.HighContrast}; !slices.Equal(config.Themes, want) {
		t.Errorf("themes %q, want %q", config.Themes, want)
	}
	if want := theme.Styles(); !slices.Equal(config.Styles(), want) {
		t.Errorf("styles %q, want %q", config.Styles(), want)
	}
	ways := fmt.Sprint([]notify.Way{notify.Auto, notify.OSC9, notify.OSC99, notify.OSC777, notify.Bell, notify.Command, notify.Off})
	if got := fmt.Sprint(config.NoticeWays); got != ways {
		t.Errorf("notices %s, want %s", got, ways)
	}
	texts := fmt.Sprint([]notify.Text{notify.None, notify.Names, notify.All})
	if got := fmt.Sprint(config.NoticeTexts); got != texts {
		t.Errorf("notice texts %s, want %s", got, texts)
	}
}

// settingsScreen has the dialog open, with a file whose notices a flag says.
func settingsScreen(t *testing.T, file string, w, h int) (*screen, string) {
	t.Helper()
	home := t.TempDir()
	path := filepath.Join(home, config.FileName)
	if file != "" {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := pflag.NewFlagSet("dione", pflag.ContinueOnError)
	config.AddFlags(f)
	if err := f.Parse([]string{"--home", home, "--notices", "off"}); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(f, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, newFake(bob), w, h)
	s.opts.Screen, s.opts.File = c.Screen, c.File()
	s.keys("/settings", "enter")
	return s, path
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("the file holds %q, %v; want %q", got, err, want)
	}
}

// TestSettings changes settings, which hold at once and stand in the file, and
// takes them back.
func TestSettings(t *testing.T) {
	const file = "# mine\nname = 'ann' # me\n\n[theme]\naccent = 3 # loud\n"
	s, path := settingsScreen(t, file, 80, 24)
	s.want("theme", "auto: dark here", "off: the mouse selects text", "said by --notices,", `none: "1 new message"`, path[:20])
	s.keys("down", "right", "right") // light
	s.want("│ › theme        light")
	wantFile(t, path, "# mine\nname = 'ann' # me\n\n[theme]\nname = \"light\"\naccent = 3 # loud\n")
	if s.theme.Dark || s.theme.Accent == "" {
		t.Error("the theme is not light yet")
	}
	s.keys("left", "down", "enter")
	s.want("on: click and scroll; select text with Shift held")
	wantFile(t, path, "# mine\nname = 'ann' # me\nmouse = true\n\n[theme]\nname = \"dark\"\naccent = 3 # loud\n")
	if s.View().MouseMode == tea.MouseModeNone {
		t.Error("the mouse is not taken yet")
	}
	s.keys("down", "left") // past the notices, which cannot be chosen
	s.want(`all: "bob: hello"`)
	s.keys("home", "enter")
	s.want("Your name", "> ann")
	s.keys("a", "enter")
	s.want("anna ·" + s.self.Tag)
	wantFile(t, path, "# mine\nname = 'anna' # me\nmouse = true\nnotice-text = \"all\"\n\n[theme]\nname = \"dark\"\naccent = 3 # loud\n")
	s.keys("u")
	s.want("│ › name         ann ·" + s.self.Tag)
	s.keys("u", "u", "u", "u", "u")
	s.want("auto: dark here")
	wantFile(t, path, file)
	s.keys("u")
	s.want("nothing to undo")
	if s.View().MouseMode != tea.MouseModeNone || !s.theme.Dark {
		t.Error("the screen did not follow")
	}
}

// TestSettingsRefused tells that a file which somebody else has changed is not
// overwritten. What was chosen holds for this run.
func TestSettingsRefused(t *testing.T) {
	s, path := settingsScreen(t, "mouse = false\n", 80, 24)
	const other = "mouse = false # by hand\n"
	if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	s.keys("down", "right")
	s.want("config.toml was changed since dione read it: nothing is", "it holds for this run", "│ › theme        dark")
	wantFile(t, path, other)
	s.keys("u")
	s.want("auto: dark here")
	wantFile(t, path, other)
	s.keys("esc", "/settings", "enter")
	s.wantNot("was changed")
}

// TestSettingsOrder writes one change after the other, however fast they come.
func TestSettingsOrder(t *testing.T) {
	s, path := settingsScreen(t, "", 80, 24)
	s.keys("down")
	right := tea.KeyPressMsg{Code: tea.KeyRight}
	_, first := s.Update(right)
	for range 3 {
		if _, cmd := s.Update(right); cmd != nil {
			t.Error("two changes are being written at a time")
		}
	}
	s.run(first)
	wantFile(t, path, "[theme]\nname = \"high-contrast\"\n")
}

func TestSettingsSmall(t *testing.T) {
	s, _ := settingsScreen(t, "", 40, 10)
	s.wantFit()
	s.want("Settings", "theme")
	s.keys("end", "up", "right")
	s.wantFit()
	s.want("notice-text", `name:`)
}
