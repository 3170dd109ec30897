// Package composer is where one writes: a text area that sends with Enter and
// never loses what was typed.
package composer

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/theme"
)

const (
	// maxRows is how far the composer grows before it scrolls.
	maxRows = 6

	// maxInput bounds what can be in the composer at all, in characters. It
	// is more than a message may have, so that a paste that is too long can
	// still be cut down where it stands.
	maxInput = 4 * messenger.MaxText
)

// Composer is the text area. Make it with [New].
type Composer struct {
	area textarea.Model
}

// New makes an empty composer that has the focus.
func New(t theme.Theme) *Composer {
	a := textarea.New()
	a.Prompt = "> "
	a.ShowLineNumbers = false
	a.EndOfBufferCharacter = ' '
	a.DynamicHeight = true
	a.MinHeight = 1
	a.MaxHeight = maxRows
	a.MaxContentHeight = 10000
	a.CharLimit = maxInput
	a.SetVirtualCursor(false)
	a.KeyMap.InsertNewline.SetKeys("shift+enter", "alt+enter", "ctrl+j")
	a.KeyMap.DeleteAfterCursor = key.NewBinding() // Ctrl+K is the palette's
	c := &Composer{area: a}
	c.SetTheme(t)
	c.area.Focus()
	return c
}

// SetTheme changes the styles.
func (c *Composer) SetTheme(t theme.Theme) {
	s := textarea.DefaultStyles(t.Dark)
	for _, state := range []*textarea.StyleState{&s.Focused, &s.Blurred} {
		*state = textarea.StyleState{Base: t.Plain, Text: t.Plain, CursorLine: t.Plain, Placeholder: t.Faint, Prompt: t.Faint, EndOfBuffer: t.Plain}
	}
	c.area.SetStyles(s)
}

// SetSize changes the width, and the rows to which the composer may grow.
func (c *Composer) SetSize(width, rows int) {
	c.area.MaxHeight = max(1, min(rows, maxRows))
	c.area.SetWidth(max(width, 4))
}

// SetHint shows what can be written here while nothing is.
func (c *Composer) SetHint(s string) { c.area.Placeholder = s }

// Update takes a key or a paste.
func (c *Composer) Update(msg tea.Msg) tea.Cmd {
	var cmd tea.Cmd
	c.area, cmd = c.area.Update(msg)
	return cmd
}

// Focus lets the composer take keys, or not.
func (c *Composer) Focus(on bool) {
	if on {
		c.area.Focus()
		return
	}
	c.area.Blur()
}

// Text returns what is written.
func (c *Composer) Text() string { return c.area.Value() }

// SetText replaces what is written.
func (c *Composer) SetText(s string) {
	if s == c.area.Value() {
		return
	}
	c.area.SetValue(s)
	c.area.MoveToEnd()
}

// Empty reports whether nothing but blanks is written.
func (c *Composer) Empty() bool { return strings.TrimSpace(c.area.Value()) == "" }

// Height returns the rows that the composer takes.
func (c *Composer) Height() int { return c.area.Height() }

// View returns the lines, [Composer.Height] of them.
func (c *Composer) View() []string { return strings.Split(c.area.View(), "\n") }

// Cursor returns where the terminal's cursor belongs inside the view, nil when
// the composer has no focus.
func (c *Composer) Cursor() *tea.Cursor {
	if !c.area.Focused() {
		return nil
	}
	return c.area.Cursor()
}
