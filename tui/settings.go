package tui

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"dione/tui/composer"
	"dione/tui/config"
	"dione/tui/dialog"
	"dione/tui/notify"
	"dione/tui/text"
)

// This file holds the dialog of settings. What is changed there holds at once,
// and is then written into config.toml, one change after the other.

// setting names a line of the dialog; "" is all of it.
type setting string

const (
	ownName    setting = "name"
	themeName  setting = "theme"
	useMouse   setting = "mouse"
	noticeWay  setting = "notices"
	noticeText setting = "notice-text"
	useTyping  setting = "typing"
)

// settings is what the dialog has done.
type settings struct {
	undo    []change
	saves   []func() error // the first one is being carried out
	problem error          // of the last one
	input   *composer.Composer
}

// change is one that can be taken back.
type change struct {
	setting setting
	was     string
	written bool // into the file too
}

// savedMsg says what became of the first of the saves.
type savedMsg struct{ err error }

func (m *model) settingsDialog() *dialog.Dialog {
	return &dialog.Dialog{
		Kind: dialog.Settings, Title: "Settings", Foot: "← → change · u undo · Esc closes",
		Keys: []string{"left", "right", "enter", "u"}, Lines: m.settingLines(), About: setting(""),
	}
}

func (m *model) settingLines() (lines []dialog.Line) {
	add := func(s setting, words string) {
		l := dialog.Line{Left: string(s), Right: words, Value: s}
		if by := m.overridden(s); by != "" {
			l.Right, l.Value = words+" · said by "+by+", so not to be changed here", nil
		}
		lines = append(lines, l)
	}
	screen := m.opts.Screen
	add(ownName, text.Name(m.self.Name)+" ·"+m.self.Tag)
	add(themeName, m.themeWords())
	add(useMouse, map[bool]string{
		false: "off: the mouse selects text",
		true:  "on: click and scroll; select text with Shift held",
	}[screen.Mouse])
	add(noticeWay, m.noticeWords())
	add(noticeText, map[string]string{
		"none": `none: "1 new message"`,
		"name": `name: "1 new message from bob"`,
		"all":  `all: "bob: hello"`,
	}[m.value(noticeText)])
	add(useTyping, map[bool]string{
		false: "off: nobody is told that you are writing",
		true:  "on: those who are there see that you are writing, and you see them",
	}[screen.Typing])
	lines = append(lines, dialog.Line{})
	switch err := m.settings.problem; {
	case err != nil:
		lines = append(lines, dialog.Line{Left: "✗ " + text.Clean(err.Error()), Strong: true})
		if hint := hintOf(err); hint != "" {
			lines = append(lines, dialog.Line{Left: text.Clean(hint)})
		}
	case m.opts.File == nil:
		lines = append(lines, dialog.Line{Left: "Kept for this run."})
	default:
		lines = append(lines, dialog.Line{Left: "Kept in " + text.Name(m.opts.File.Path())})
	}
	return lines
}

func (m *model) themeWords() string {
	dark := map[bool]string{true: "dark", false: "light"}[m.dark]
	switch name := m.value(themeName); name {
	case "auto":
		return "auto: " + dark + " here"
	case "high-contrast":
		return name + ": " + dark + " here"
	case "16-colour":
		return name + ": those of your terminal"
	default:
		return name
	}
}

// noticeWords say how the user is told of new messages here.
func (m *model) noticeWords() string {
	way := notify.Way(m.value(noticeWay))
	chosen := notify.Choose(way, m.opts.Env)
	words := map[notify.Way]string{
		notify.OSC9: "OSC 9", notify.OSC99: "OSC 99", notify.OSC777: "OSC 777", notify.Bell: "the bell",
		notify.Command: "notice-command", notify.Off: "nothing tells of new messages",
	}[chosen]
	if way == notify.Auto {
		return "auto: " + words + " here"
	}
	if way == notify.Off {
		return string(way) + ": " + words
	}
	return string(way)
}

// value is what a setting says.
func (m *model) value(s setting) string {
	screen := m.opts.Screen
	switch s {
	case ownName:
		return m.self.Name
	case themeName:
		return or(screen.Theme, config.Themes[0])
	case useMouse:
		return strconv.FormatBool(screen.Mouse)
	case useTyping:
		return strconv.FormatBool(screen.Typing)
	case noticeWay:
		return or(screen.Notices, config.NoticeWays[0])
	}
	return or(screen.NoticeText, config.NoticeTexts[0])
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// choices are what a setting may say; none if one writes it.
func (m *model) choices(s setting) []string {
	switch s {
	case themeName:
		return config.Themes
	case useMouse, useTyping:
		return []string{"false", "true"}
	case noticeWay:
		if len(m.opts.Screen.NoticeCommand) == 0 {
			return slices.DeleteFunc(slices.Clone(config.NoticeWays), func(w string) bool { return w == string(notify.Command) })
		}
		return config.NoticeWays
	case noticeText:
		return config.NoticeTexts
	}
	return nil
}

// overridden returns the flag or variable that says a setting, "" if none.
func (m *model) overridden(s setting) string {
	if m.opts.File == nil {
		return ""
	}
	return m.opts.File.Overridden(string(s))
}

// actOnSetting does what a key in the dialog asks for.
func (m *model) actOnSetting(s setting, act dialog.Action) tea.Cmd {
	switch {
	case act.Kind == dialog.OwnName:
		return m.nameWritten(act)
	case act.Key == "u":
		return m.undoSetting()
	case s == ownName && act.Key != "left":
		m.settings.input = composer.New()
		m.settings.input.SetText(m.self.Name)
		m.dialogs.Push(m.nameDialog())
	case s == ownName || s == "":
	default:
		choices := m.choices(s)
		step := 1
		if act.Key == "left" {
			step = -1
		}
		at := slices.Index(choices, m.value(s)) // -1 before the first
		return m.set(s, choices[(max(at, 0)+step+len(choices))%len(choices)])
	}
	return nil
}

func (m *model) nameDialog() *dialog.Dialog {
	return &dialog.Dialog{
		Kind: dialog.OwnName, Title: "Your name", Foot: "Enter takes it · Esc leaves it", Input: m.settings.input, About: ownName,
		Lines: []dialog.Line{{Left: "Everybody whom you are connected with is told of it."}},
	}
}

func (m *model) nameWritten(act dialog.Action) tea.Cmd {
	if act.Key != "enter" {
		return nil
	}
	name := m.settings.input.Text()
	m.dialogs.Pop()
	if name == m.self.Name {
		return nil
	}
	return m.set(ownName, name)
}

// set has a setting say something, from now on and in the file. The name is
// kept in the profile, and in the file only if that has one.
func (m *model) set(s setting, value string) tea.Cmd {
	file := m.opts.File
	written := file != nil && (s != ownName || file.Origin(string(s)) == config.FileName)
	m.settings.undo = append(m.settings.undo, change{s, m.value(s), written})
	m.apply(s, value)
	c := m.client
	return m.save(func() error {
		if s == ownName {
			if err := nameOneself(c, value); err != nil {
				return err
			}
			value = c.Self().Name
		}
		if s == useTyping {
			if err := c.SetTyping(context.Background(), value == "true"); err != nil {
				return err
			}
		}
		if !written {
			return nil
		}
		return file.Set(string(s), value)
	})
}

// undoSetting takes back the last change.
func (m *model) undoSetting() tea.Cmd {
	n := len(m.settings.undo) - 1
	if n < 0 {
		m.dialogs.Say(dialog.Settings, "nothing to undo · Esc closes")
		return nil
	}
	last := m.settings.undo[n]
	m.settings.undo = m.settings.undo[:n]
	m.apply(last.setting, last.was)
	c, file := m.client, m.opts.File
	return m.save(func() error {
		if last.setting == ownName {
			if err := nameOneself(c, last.was); err != nil {
				return err
			}
		}
		if last.setting == useTyping {
			if err := c.SetTyping(context.Background(), last.was == "true"); err != nil {
				return err
			}
		}
		if !last.written {
			return nil
		}
		return file.Undo()
	})
}

// apply has the screen do what a setting says.
func (m *model) apply(s setting, value string) {
	screen := &m.opts.Screen
	switch s {
	case themeName:
		screen.Theme = value
		m.restyle()
	case useMouse:
		screen.Mouse = value == "true"
	case useTyping:
		screen.Typing = value == "true"
	case noticeWay:
		screen.Notices = value
		m.notices.failed = false
	case noticeText:
		screen.NoticeText = value
	}
	m.dialogs.Refresh(dialog.Settings, m.settingLines())
}

// save carries something out behind what is being saved.
func (m *model) save(f func() error) tea.Cmd {
	m.settings.saves = append(m.settings.saves, f)
	if len(m.settings.saves) > 1 {
		return nil
	}
	return saveNext(f)
}

func saveNext(f func() error) tea.Cmd { return func() tea.Msg { return savedMsg{f()} } }

// saved takes what became of the first of the saves.
func (m *model) saved(err error) tea.Cmd {
	m.settings.saves = m.settings.saves[1:]
	m.settings.problem = err
	m.self = m.client.Self()
	if err != nil && !m.dialogs.Has(dialog.Settings) {
		m.fail(err)
	}
	m.dialogs.Refresh(dialog.Settings, m.settingLines())
	if len(m.settings.saves) == 0 {
		return nil
	}
	return saveNext(m.settings.saves[0])
}

func nameOneself(c client, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	if err := c.SetName(ctx, name); err != nil {
		return fmt.Errorf("change your name: %w", err)
	}
	return nil
}
