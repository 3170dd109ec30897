package tui

import (
	"fmt"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/composer"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file holds what is pasted. Much of it is asked about first. Nothing is
// lost: what is dropped is behind Up, like all that was cleared.

// Above these a paste is asked about.
const (
	manyCharacters = 1000
	manyLines      = 20
)

// paste is one that is asked about, and where it was to go.
type paste struct {
	conv *conversation
	text string
}

type pasteChoice int

const (
	pasteTyped pasteChoice = iota
	pasteCode
	pasteDropped
)

// paste writes what was pasted, or asks. More than a message may have stays in
// the composer, where it can be cut down.
func (m *model) paste(s string) tea.Cmd {
	if act, ok := m.dialogs.Paste(s); ok {
		return m.act(act)
	}
	m.dialogs.Clear()
	m.settlePaste()
	m.open.list.Unchoose()
	if m.onRoster {
		m.focusRoster(false)
	}
	s = text.Input(s)
	lines := strings.Count(strings.TrimSuffix(s, "\n"), "\n") + 1
	characters := utf8.RuneCountInString(s)
	if characters <= manyCharacters && lines <= manyLines || len(m.open.composer.Text())+len(s) > composer.MaxInput {
		m.insert(s)
		return nil
	}
	m.pasted = &paste{m.open, s}
	m.dialogs.Push(m.pasteDialog(s, characters, lines))
	return nil
}

func (m *model) pasteDialog(s string, characters, lines int) *dialog.Dialog {
	d := &dialog.Dialog{
		Kind: dialog.Paste, Title: "Paste " + count(lines, "line", "lines") + "?",
		Foot: "Enter does it · Esc drops it", Keys: []string{"enter"},
	}
	begin, _, _ := strings.Cut(strings.TrimLeft(s, " \t\n"), "\n")
	begin, _ = m.meter.Cut(text.Name(begin), 60)
	d.Lines = append(d.Lines,
		dialog.Line{Left: fmt.Sprintf("%s, beginning with", count(characters, "character", "characters"))},
		dialog.Line{Left: begin, Strong: true},
		dialog.Line{},
		dialog.Line{Left: "write it", Right: "as if you had typed it", Value: pasteTyped},
		dialog.Line{Left: "as code", Right: "as it stands, between lines of ```", Value: pasteCode},
		dialog.Line{Left: "drop it", Right: "Up in an empty line brings it back", Value: pasteDropped},
	)
	if n := len(m.open.composer.Text()) + len(s); n > messenger.MaxText {
		d.Lines = append(d.Lines, dialog.Line{},
			dialog.Line{Left: fmt.Sprintf("A message holds %d KiB: this one would be %s too long.", messenger.MaxText>>10, count(n-messenger.MaxText, "byte", "bytes"))})
	}
	return d
}

// actOnPaste does what was chosen. To close the dialog is to drop the paste.
func (m *model) actOnPaste(choice pasteChoice) {
	p := m.pasted
	m.dialogs.Pop()
	if p == nil || choice == pasteDropped {
		return
	}
	s := p.text
	if choice == pasteCode {
		s = m.fenced(s)
	}
	if m.pasted = nil; !m.insert(s) {
		p.conv.composer.Remember(p.text)
	}
}

// settlePaste drops the paste that was asked about, once it no longer is.
func (m *model) settlePaste() {
	if m.pasted == nil || m.dialogs.Has(dialog.Paste) {
		return
	}
	m.pasted.conv.composer.Remember(m.pasted.text)
	m.pasted = nil
	m.say("dropped; Up in an empty line brings it back", "")
}

// fenced returns s as a block of code, to stand where the cursor is.
func (m *model) fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	s = fence + "\n" + strings.TrimSuffix(s, "\n") + "\n" + fence
	written, at := m.open.composer.Text(), m.open.composer.At()
	if at > 0 && written[at-1] != '\n' {
		s = "\n" + s
	}
	if at < len(written) && written[at] != '\n' {
		s += "\n"
	}
	return s
}

// insert writes at the cursor, and reports whether there was room.
func (m *model) insert(s string) bool {
	c := m.open.composer
	if !c.Insert(s) {
		m.fail(fmt.Errorf("%w: this paste has %d KiB more than fits here", messenger.ErrTooLong, (len(c.Text())+len(s)-composer.MaxInput)>>10+1))
		return false
	}
	if len(trim(c.Text())) > messenger.MaxText {
		m.fail(messenger.ErrTooLong)
	}
	return true
}
