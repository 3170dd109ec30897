package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// This file holds the settings of the screen.

// Screen is how the screen looks and behaves.
type Screen struct {
	Theme         string              // one of Themes
	Colours       map[string][]string // own colours by the names of styles: "#rrggbb" or "0" to "255"; "names" has several
	Mouse         bool                // the mouse is dione's, and does not select text
	Notices       string              // one of NoticeWays
	NoticeText    string              // one of NoticeTexts
	NoticeCommand []string            // program and arguments for Notices "command"
	Typing        bool                // tell others that the user writes, and show who does
}

// What the settings of these names may say, the default first.
var (
	Themes      = []string{"auto", "dark", "light", "16-colour", "high-contrast"}
	NoticeWays  = []string{"auto", "osc9", "osc99", "osc777", "bell", "command", "off"}
	NoticeTexts = []string{"none", "name", "all"}
)

// oneOf makes a setting's set for words of which one is chosen.
func oneOf(words []string, to func(*Config) *string) func(*Config, []string) error {
	return func(c *Config, v []string) error {
		if !slices.Contains(words, v[0]) {
			return fmt.Errorf("%q is none of %s", v[0], strings.Join(words, ", "))
		}
		*to(c) = v[0]
		return nil
	}
}

var screenSettings = []setting{
	{"theme", "colours: " + strings.Join(Themes, ", "), true, oneOf(Themes, func(c *Config) *string { return &c.Screen.Theme })},
	{"mouse", "click and scroll; text is then selected with Shift held", true, func(c *Config, v []string) (err error) {
		c.Screen.Mouse, err = parseBool(v[0])
		return err
	}},
	{"typing", "tell those who are there that you are writing, and show who is", true, func(c *Config, v []string) (err error) {
		c.Screen.Typing, err = parseBool(v[0])
		return err
	}},
	{"notices", "tell of new messages while you look elsewhere: " + strings.Join(NoticeWays, ", "), true,
		oneOf(NoticeWays, func(c *Config) *string { return &c.Screen.Notices })},
	{"notice-text", "what a notice tells: none (how many), name or all", true,
		oneOf(NoticeTexts, func(c *Config) *string { return &c.Screen.NoticeText })},
	{"notice-command", "program that tells of new messages; $DIONE_NOTICE has the words", true, func(c *Config, v []string) error {
		if len(v) == 0 || v[0] == "" {
			return errors.New("name a program")
		}
		c.Screen.NoticeCommand = v
		return nil
	}},
}

// theme is the table [theme]: the theme, and colours by the names of styles.
type theme struct {
	Name   *string `toml:"name"`
	Accent any     `toml:"accent"`
	Bad    any     `toml:"bad"`
	Chosen any     `toml:"chosen"`
	Found  any     `toml:"found"`
	Good   any     `toml:"good"`
	Hint   any     `toml:"hint"`
	Italic any     `toml:"italic"`
	Line   any     `toml:"line"`
	Link   any     `toml:"link"`
	Mine   any     `toml:"mine"`
	Muted  any     `toml:"muted"`
	Names  any     `toml:"names"`
	Source any     `toml:"source"`
	Strong any     `toml:"strong"`
	Unread any     `toml:"unread"`
}

// colours returns the table's colours, one of several for Names.
func (t theme) colours() []any {
	return []any{t.Accent, t.Bad, t.Chosen, t.Found, t.Good, t.Hint, t.Italic, t.Line, t.Link, t.Mine, t.Muted, t.Names, t.Source, t.Strong, t.Unread}
}

// Styles returns the names of the styles that have colours in the table.
func Styles() []string {
	return []string{"accent", "bad", "chosen", "found", "good", "hint", "italic", "line", "link", "mine", "muted", "names", "source", "strong", "unread"}
}

// own returns the colours that the table gives, by style. Where is the key of
// the wrong one.
func (t theme) own() (own map[string][]string, where string, err error) {
	for i, v := range t.colours() {
		style := Styles()[i]
		if v == nil {
			continue
		}
		list := []any{v}
		if style == "names" {
			var ok bool
			if list, ok = v.([]any); !ok || len(list) == 0 {
				return own, "theme.names", errors.New("give a list of colours, which people's names get in turn")
			}
		}
		for _, v := range list {
			c, err := colour(v)
			if err != nil {
				return own, "theme." + style, err
			}
			if own == nil {
				own = make(map[string][]string)
			}
			own[style] = append(own[style], c)
		}
	}
	return own, "", nil
}

// colour reads "#rrggbb", "#rgb" or a number of the 256.
func colour(v any) (string, error) {
	s := fmt.Sprint(v)
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= 255 {
		return strconv.Itoa(n), nil
	}
	if hex, ok := strings.CutPrefix(s, "#"); ok && (len(hex) == 3 || len(hex) == 6) {
		if _, err := strconv.ParseUint(hex, 16, 32); err == nil {
			return s, nil
		}
	}
	return "", fmt.Errorf("%q is no colour: write \"#7fb0f5\" or a number from 0 to 255", s)
}
