package config

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestScreen has the settings of the screen come from each of the places.
func TestScreen(t *testing.T) {
	file := "mouse = true\nnotices = 'osc9'\nnotice-text = 'name'\nnotice-command = ['tell me', '-x']\n" +
		"[theme]\nname = 'light'\naccent = '#fa0'\nmuted = 246\nnames = ['#010203', 7, '208']\n"
	env := map[string]string{"DIONE_NOTICES": "bell", "DIONE_THEME": "16-colour", "DIONE_NOTICE_COMMAND": "tell  me", "DIONE_MOUSE": "false"}
	for _, tt := range []struct {
		name                         string
		args                         []string
		env                          map[string]string
		file                         string
		theme, notices, text, origin string
		command                      []string
		mouse                        bool
	}{
		{"default", nil, nil, "", "auto", "auto", "none", "", nil, false},
		{"file", nil, nil, file, "light", "osc9", "name", FileName, []string{"tell me", "-x"}, true},
		{"variables", nil, env, file, "16-colour", "bell", "name", "DIONE_THEME", []string{"tell", "me"}, false},
		{"flags", []string{"--theme=high-contrast", "--notices", "off", "--notice-text=all", "--notice-command", "a b", "--mouse"}, env, file,
			"high-contrast", "off", "all", "--theme", []string{"a", "b"}, true},
	} {
		c, err := load(t, tt.args, tt.env, tt.file)
		s := c.Screen
		if err != nil || s.Theme != tt.theme || s.Notices != tt.notices || s.NoticeText != tt.text || s.Mouse != tt.mouse || !slices.Equal(s.NoticeCommand, tt.command) {
			t.Errorf("%s: %+v, %v", tt.name, s, err)
		}
		if got := c.origin["theme"]; got != tt.origin {
			t.Errorf("%s: the theme is said by %q, want %q", tt.name, got, tt.origin)
		}
		want := map[string][]string{"accent": {"#fa0"}, "muted": {"246"}, "names": {"#010203", "7", "208"}}
		if tt.file != "" && !maps.EqualFunc(s.Colours, want, slices.Equal) {
			t.Errorf("%s: the colours are %v, want %v", tt.name, s.Colours, want)
		}
	}
}

func TestBadScreen(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  map[string]string
		file string
		want string
	}{
		{[]string{"--theme=pink"}, nil, "", `--theme: "pink" is none of auto, dark, light, 16-colour, high-contrast`},
		{nil, map[string]string{"DIONE_NOTICES": "loud"}, "", `DIONE_NOTICES: "loud" is none of auto, osc9, osc99, osc777, bell, command, off`},
		{nil, nil, "# a\nnotice-text = 'much'\n", `config.toml, line 2, notice-text: "much" is none of none, name, all`},
		{nil, nil, "[theme]\n\nname = 'pink'\n", `config.toml, line 3, theme.name: "pink" is none of`},
		{nil, nil, "theme = { name = 'pink' }\n", `config.toml, line 1, theme.name: "pink" is none of`},
		{nil, nil, "theme = 'dark'\n", `config.toml, line 1`},
		{nil, nil, "[theme]\naccent = 'mauve'\n", `config.toml, line 2, theme.accent: "mauve" is no colour: write "#7fb0f5" or a number from 0 to 255`},
		{nil, nil, "[theme]\ngood = 1\nline = 256\n", `config.toml, line 3, theme.line: "256" is no colour`},
		{nil, nil, "[theme]\nline = '#12345'\n", `is no colour`},
		{nil, nil, "[theme]\nline = '#+12'\n", `is no colour`},
		{nil, nil, "[theme]\nline = true\n", `is no colour`},
		{nil, nil, "[theme]\nnames = 'red'\n", `config.toml, line 2, theme.names: give a list of colours`},
		{nil, nil, "[theme]\nnames = [1,\n 'red']\n", `config.toml, line 2, theme.names: "red" is no colour`},
		{nil, nil, "[theme]\ncode = 1\n", `config.toml, line 2: no setting is called "theme.code"`},
		{nil, nil, "mouse = 'yes'\n", `config.toml, line 1`},
		{nil, nil, "lan = true\nnotices = 'command'\n", `config.toml, line 2, notices: no program is named: say which one with notice-command`},
		{[]string{"--notices=command"}, nil, "", `--notices: no program is named`},
		{nil, nil, "notice-command = ['']\n", `config.toml, line 1, notice-command: name a program`},
	} {
		_, err := load(t, tt.args, tt.env, tt.file)
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || bad.Hint() == "" {
			t.Errorf("%q, %q, %q: %v, want an Error with %q", tt.args, tt.env, tt.file, err, tt.want)
		}
	}
}
