package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/complete"
	"dione/tui/text"
)

// This file holds the list that opens above the composer when Tab finds
// several ways to go on. It takes the room of messages, never that of the text.

// mostRows is how many rows the list gets.
const mostRows = 8

// place is where one writes.
type place struct {
	conv *conversation
	text string
	at   int
}

// completion is the open list.
type completion struct {
	from   int // where the word begins that is being written
	items  []complete.Item
	chosen int
	top    int // first item in view
}

// here returns the place of the cursor in the open conversation.
func (m *model) here() place {
	return place{m.open, m.open.composer.Text(), m.open.composer.At()}
}

// complete is what Tab does: it writes the only way to go on, or opens the list
// of them. It reports whether there is any.
func (m *model) complete() bool {
	now := m.here()
	from, items := complete.At(now.text, now.at, m.nameable)
	switch {
	case len(items) == 0:
		return false
	case len(items) == 1 || m.completionRoom() == 0:
		m.take(from, items[0])
	default:
		m.completion = &completion{from: from, items: items}
	}
	return true
}

// take writes an item in place of what was begun.
func (m *model) take(from int, item complete.Item) {
	m.completion = nil
	c, s := m.open.composer, item.Text
	after := c.Text()[c.At():]
	if item.Space && !strings.HasPrefix(after, " ") {
		s += " "
	}
	if !c.Replace(from, s) {
		m.fail(messenger.ErrTooLong)
	}
}

// pressCompletion takes a key while the list is open, and reports whether it
// was one for the list. Others write on, which makes the list shorter.
func (m *model) pressCompletion(msg tea.KeyPressMsg) bool {
	c := m.completion
	switch msg.String() {
	case "tab", "down", "ctrl+n":
		c.chosen = (c.chosen + 1) % len(c.items)
	case "shift+tab", "up", "ctrl+p":
		c.chosen = (c.chosen + len(c.items) - 1) % len(c.items)
	case "pgdown":
		c.chosen = min(c.chosen+mostRows, len(c.items)-1)
	case "pgup":
		c.chosen = max(c.chosen-mostRows, 0)
	case "enter":
		m.take(c.from, c.items[c.chosen])
	case "esc":
		m.completion = nil
	default:
		return false
	}
	return true
}

// settleCompletion follows what has happened to the text: the list is made
// anew for what is written now, and closes with the word.
func (m *model) settleCompletion() {
	if now, was := m.here(), m.place; now != was {
		m.place = now
		from, items := complete.At(now.text, now.at, m.nameable)
		m.completes = len(items) > 0
		if c := m.completion; c != nil && m.completes && from == c.from && now.conv == was.conv {
			c.items, c.chosen = items, 0
		} else {
			m.completion = nil
		}
	}
	if m.onRoster || m.dialogs.Open() || m.completionRoom() == 0 {
		m.completion = nil
	}
}

// above is what stands between the messages and the composer: the list, or
// the answer to a command.
func (m *model) above() []string {
	if m.completion != nil {
		return m.completionRows()
	}
	return m.answered
}

// nameable is everybody who can be named, as they stand in the list of people.
func (m *model) nameable() []complete.Person {
	all := make([]complete.Person, 0, len(m.order))
	for _, id := range m.order {
		p := m.people[id]
		one := complete.Person{Name: text.Name(p.Name), Given: text.Name(p.Claimed), Tag: p.Tag, Here: m.open.chat.IsRoom() && p.Near()}
		switch {
		case p.Standing == messenger.StandingBlocked:
			one.Where, one.Here = "blocked", false
		case p.Standing == messenger.StandingRequest:
			one.Where = "would like to write"
		case p.Near():
			one.Where = "near"
		case p.Connected():
			one.Where = "connected"
		default:
			one.Where = "away"
		}
		all = append(all, one)
	}
	return all
}

// completionRoom is how many rows the list can have: some of the messages stay
// in sight if they can.
func (m *model) completionRoom() int {
	free := m.layout.height - m.layout.writing(m.open.composer.Rows())
	if m.layout.framed {
		free -= 3
	}
	if !m.chatShown() || free <= 0 {
		return 0
	}
	return min(mostRows, max(free*2/3, 1))
}

// completionRows draws the list.
func (m *model) completionRows() (rows []string) {
	c, width := m.completion, m.layout.pane()
	height := min(m.completionRoom(), len(c.items))
	c.top = max(min(c.top, c.chosen, len(c.items)-height), c.chosen-height+1)
	const margin = 3 // a blank, the sign and another blank
	column := 0
	for _, item := range c.items[c.top : c.top+height] {
		column = max(column, m.meter.Width(item.Left))
	}
	room := max(width-margin-1, 0)
	column = min(column, room)
	if room-column-2 < 10 { // no words in so little
		column = room
	}
	for i, item := range c.items[c.top : c.top+height] {
		left := m.meter.Show(m.meter.Fit(item.Left, column))
		right := ""
		if rest := room - column - 2; rest > 0 {
			right = "  " + m.meter.Show(m.meter.Fit(item.Right, rest))
		}
		row := text.Pad(width)
		switch fill := text.Pad(room - m.meter.Width(left) - m.meter.Width(right)); {
		case width < margin+1:
		case c.top+i == c.chosen:
			row = " " + m.theme.Chosen.Paint("› "+left+right+fill) + " "
		default:
			row = text.Pad(margin) + left + m.theme.Muted.Paint(right) + fill + " "
		}
		rows = append(rows, row)
	}
	return rows
}

// completionWords stand in the line above the composer: what the keys do there
// that is not plain to see.
func (m *model) completionWords() words {
	if c := m.completion; c != nil {
		at := words{{m.theme.Accent, fmt.Sprintf("%d of %d", c.chosen+1, len(c.items))}}
		return append(at, words{{m.theme.Muted, " · Enter takes · Tab next · Esc closes"}}...)
	}
	switch {
	case m.onRoster:
	case m.completes:
		return words{{m.theme.Muted, "Tab completes"}}
	case m.open.composer.Rows() > 1:
		key := keys.told(m.shiftEnter).Newline.Help().Key
		return words{{m.theme.Muted, "Enter sends · " + key + " new line"}}
	}
	return nil
}
