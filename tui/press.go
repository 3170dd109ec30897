package tui

import (
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/dialog"
	"dione/tui/roster"
)

// press takes a key.
func (m *model) press(msg tea.KeyPressMsg) tea.Cmd {
	m.shiftEnter = m.shiftEnter || msg.Code == tea.KeyEnter && msg.Mod == tea.ModShift
	switch {
	case key.Matches(msg, keys.Clear):
		return m.clear()
	case key.Matches(msg, keys.Suspend):
		return tea.Suspend
	case key.Matches(msg, keys.Help):
		if m.dialogs.Has(dialog.Help) {
			m.dialogs.Pop()
		} else {
			m.dialogs.Push(m.helpDialog())
		}
	case m.dialogs.Open():
		if act, ok := m.dialogs.Press(msg); ok {
			return m.act(act)
		}
		m.searchClosed()
	case key.Matches(msg, keys.Older):
		m.pick(-1)
	case key.Matches(msg, keys.Newer):
		m.pick(+1)
	case m.picking():
		if cmd, done := m.pressPicked(msg); done {
			return cmd
		}
		return m.press(msg)
	case m.completion != nil && m.pressCompletion(msg):
	case key.Matches(msg, keys.Complete) && !m.onRoster && m.complete():
	case key.Matches(msg, keys.Find):
		return m.search("")
	case key.Matches(msg, keys.Palette):
		m.palette()
	case key.Matches(msg, keys.Unread):
		return m.unreadNext()
	case key.Matches(msg, keys.Previous):
		m.show(m.roster.Beside(-1))
	case key.Matches(msg, keys.Next):
		m.show(m.roster.Beside(+1))
	case key.Matches(msg, keys.Focus):
		m.focusRoster(!m.onRoster)
	case m.onRoster && (key.Matches(msg, keys.Send) || msg.String() == "right"):
		return m.choose()
	case m.onRoster && m.pressRoster(msg):
	case key.Matches(msg, keys.PageUp):
		m.open.list.Scroll(-max(m.listHeight()-2, 1))
	case key.Matches(msg, keys.PageDown):
		m.open.list.Scroll(max(m.listHeight()-2, 1))
	case key.Matches(msg, keys.Start):
		m.open.list.Home()
	case key.Matches(msg, keys.End):
		m.open.list.End()
	case key.Matches(msg, keys.Close) && m.open.intent != nil:
		m.dropIntent()
	case key.Matches(msg, keys.Close) && m.looking():
		m.back()
	case key.Matches(msg, keys.Close):
		m.answer, m.answered = answer{}, nil
		m.open.list.End()
	case key.Matches(msg, keys.Send):
		return m.enter()
	case key.Matches(msg, keys.Edit):
		return m.edit("")
	case key.Matches(msg, keys.Newline):
		m.insert("\n")
	default:
		if _, full := m.open.composer.Press(msg); full {
			m.fail(messenger.ErrTooLong)
		}
		return m.typing()
	}
	return nil
}

// pressRoster takes a key while the roster has them, and reports whether it
// was one for the roster. What writes goes to the composer, as always.
func (m *model) pressRoster(msg tea.KeyPressMsg) bool {
	m.left = nil
	switch msg.String() {
	case "up":
		m.roster.Move(-1)
	case "down":
		m.roster.Move(+1)
	case "pgup", "home":
		m.roster.Move(-1 << 20)
	case "pgdown", "end":
		m.roster.Move(1 << 20)
	case "esc", "left":
		m.focusRoster(false)
	default:
		if msg.Text != "" {
			m.focusRoster(false)
		}
		return false
	}
	return true
}

// choose opens what the cursor of the roster is on.
func (m *model) choose() tea.Cmd {
	return m.openPlace(m.roster.Chosen())
}

// openPlace opens what a line of the roster leads to.
func (m *model) openPlace(place roster.Place) tea.Cmd {
	m.focusRoster(false)
	if place.Requests {
		return m.carryOut(command.Requests{})
	}
	m.show(place.Chat)
	return nil
}

// clear is Ctrl+C: it closes what is open, else takes the cursor off the
// messages or takes away what is written, and leaves if nothing is.
func (m *model) clear() tea.Cmd {
	switch {
	case m.dialogs.Open():
		m.dialogs.Clear()
		m.endSearch()
	case m.completion != nil:
		m.completion = nil
	case m.picking():
		m.open.list.Unchoose()
	case !m.open.composer.Empty():
		m.open.composer.Clear()
	default:
		return tea.Quit
	}
	return nil
}

// enter sends what is written, or carries it out.
func (m *model) enter() tea.Cmd {
	c := m.open.composer
	cmd, err := command.Parse(c.Text())
	if err != nil {
		m.fail(err)
		return nil
	}
	if say, ok := cmd.(command.Say); ok {
		out := outgoing{m.open.chat, trim(say.Text), m.open.intent}
		switch {
		case out.text == "":
			return nil
		case len(out.text) > messenger.MaxText:
			m.fail(messenger.ErrTooLong)
			return nil
		}
		c.Remember(trim(c.Text()))
		c.SetText("")
		m.open.intent = nil
		m.answer, m.answered = answer{}, nil
		return m.send(out)
	}
	c.Remember(trim(c.Text()))
	c.SetText("")
	m.answer, m.answered = answer{}, nil
	return m.carryOut(cmd)
}

// trim takes away the blank end of a text and blank lines before it. The
// indentation of its first line stays.
func trim(s string) string {
	s = strings.TrimRight(s, " \t\n")
	for {
		line, rest, more := strings.Cut(s, "\n")
		if !more || strings.TrimSpace(line) != "" {
			return s
		}
		s = rest
	}
}

// send gives a text to the engine. Texts go one at a time, so that they keep
// their order. They are on the screen once they are on the disk.
func (m *model) send(out outgoing) tea.Cmd {
	conv := m.chat(out.chat)
	m.endSearch()
	conv.list.SetRule(0, 0)
	conv.list.End()
	m.outgoing = append(m.outgoing, out)
	if len(m.outgoing) > 1 {
		return nil
	}
	return send(m.client, out)
}

// sent takes what became of the text sent last. One that was refused is back
// in the composer, or only behind Up if something else is written there.
func (m *model) sent(msg sentMsg) tea.Cmd {
	m.outgoing = m.outgoing[1:]
	if msg.err != nil {
		c, text := m.chat(msg.chat).composer, command.Quote(msg.text)
		c.Remember(text)
		if conv := m.chat(msg.chat); c.Empty() && conv.intent == nil {
			c.SetText(text)
			conv.intent = msg.intent
		}
		m.sortRoster()
		m.fail(fmt.Errorf("not sent: %w", msg.err))
	}
	if len(m.outgoing) == 0 {
		return m.keepSoon()
	}
	return send(m.client, m.outgoing[0])
}
