package tui

import tea "charm.land/bubbletea/v2"

// This file holds what the mouse does, for those who want it to. Text is then
// selected with Shift held, which terminals keep for themselves.

// wheelRows is how many rows a step of the wheel scrolls.
const wheelRows = 3

// mouseMode is what the terminal is asked to tell of the mouse.
func (m *model) mouseMode() tea.MouseMode {
	if m.opts.Screen.Mouse {
		return tea.MouseModeCellMotion
	}
	return tea.MouseModeNone
}

// click opens the conversation that is clicked on, or goes to the composer.
// Dialogs are for the keys.
func (m *model) click(msg tea.MouseClickMsg) tea.Cmd {
	if msg.Button != tea.MouseLeft || m.dialogs.Open() {
		return nil
	}
	if row, ok := m.rosterRow(msg.X, msg.Y); ok {
		if place, ok := m.roster.At(row); ok {
			return m.openPlace(place)
		}
		return nil
	}
	m.focusRoster(false)
	return nil
}

// wheel scrolls what is on top: a dialog, the people if they have the keys, or
// the messages.
func (m *model) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	by, code := 1, tea.KeyDown
	switch msg.Button {
	case tea.MouseWheelUp:
		by, code = -1, tea.KeyUp
	case tea.MouseWheelDown:
	default:
		return nil
	}
	_, people := m.rosterRow(msg.X, msg.Y)
	switch {
	case m.dialogs.Open():
		return m.press(tea.KeyPressMsg{Code: code})
	case people && m.onRoster:
		m.roster.Move(by)
		m.left = nil
	default:
		m.open.list.Scroll(by * wheelRows)
	}
	return nil
}

// rosterRow returns the row of the roster at a place of the screen.
func (m *model) rosterRow(x, y int) (row int, ok bool) {
	l := m.layout
	switch {
	case !l.framed:
		return y, m.onRoster
	case y < 1 || y >= l.height-1:
		return 0, false
	case l.roster > 0:
		return y - 1, x >= 1 && x <= l.roster
	}
	return y - 1, m.onRoster
}
