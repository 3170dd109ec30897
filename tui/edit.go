package tui

import (
	"errors"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/editor"
	"dione/tui/text"
)

// This file holds writing in another editor, which has the terminal for as
// long. What comes back stands in the composer, not sent.

// editing is a text that another editor has.
type editing struct {
	*editor.Editing
	conv *conversation
	was  string
	text string // what came back, if it is closed
	err  error
	done bool // the editor has ended, and its file is gone
}

// editedMsg says that the editor has ended.
type editedMsg struct{}

// edit gives a text to another editor: words, or if there are none what is
// written.
func (m *model) edit(words string) tea.Cmd {
	if m.editing != nil {
		return nil // it is about to open
	}
	if words == "" {
		words = m.open.composer.Text()
	}
	made, err := editor.New(words, m.opts.Home, m.opts.Env)
	if err != nil {
		m.fail(err)
		return nil
	}
	e := &editing{Editing: made, conv: m.open, was: words}
	m.editing = e
	return tea.ExecProcess(made.Cmd, func(err error) tea.Msg {
		e.close(err)
		return editedMsg{}
	})
}

// close takes the text back once, and removes the file.
func (e *editing) close(err error) {
	if !e.done {
		e.text, e.err = e.Close(err)
		e.done = true
	}
}

// edited puts into the composer what has come back from the editor. What stood
// there before is behind Up.
func (m *model) edited() {
	e := m.editing
	if e == nil {
		return
	}
	m.editing = nil
	e.close(errors.New("it was not shown"))
	c, s := e.conv.composer, text.Input(e.text)
	if s != c.Text() {
		c.Remember(e.was)
		c.Remember(c.Text())
		c.SetText(s)
	}
	switch {
	case e.err != nil:
		m.fail(e.err)
	case len(trim(s)) > messenger.MaxText:
		m.fail(messenger.ErrTooLong)
	case s == "" && e.was != "":
		m.say("the editor left nothing; Up brings the text back", "")
	default:
		m.say("", "")
	}
}
