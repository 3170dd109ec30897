package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"dione/net/messenger"
	"dione/tui/text"
	"dione/tui/theme"
)

// promptWidth is the columns before the text in the composer: a blank, the
// prompt and another blank.
const promptWidth = 3

// View draws the screen. Every row has exactly the width of the terminal, so
// rows are joined without being measured again.
func (m *model) View() tea.View {
	v := tea.View{AltScreen: true, ReportFocus: true, WindowTitle: m.title(), MouseMode: m.mouseMode()}
	l := m.layout
	if l.width == 0 || l.height == 0 {
		return v
	}
	var rows []string
	var cursor *tea.Cursor
	switch {
	case !l.framed:
		rows, cursor = m.bareRows()
	case !m.chatShown():
		rows = m.onePaneRows(m.roster.View(l.pane(), l.height-2, &m.theme, m.meter))
	default:
		rows, cursor = m.chatRows()
	}
	if m.dialogs.Open() {
		rows, cursor = m.overlay(rows)
	}
	v.Content = strings.Join(rows, "\n")
	v.Cursor = cursor
	return v
}

// title is the terminal's: who we are, and before it how much is unread and how
// much of that names us.
func (m *model) title() string {
	unread, mentions := m.unread(), m.mentions()
	switch {
	case mentions > 0:
		return fmt.Sprintf("(%d @%d) dione", unread, mentions)
	case unread > 0:
		return fmt.Sprintf("(%d) dione", unread)
	}
	return "dione"
}

// chatRows is the whole frame: the roster if there is room, and the chat.
func (m *model) chatRows() ([]string, *tea.Cursor) {
	l := m.layout
	wall := m.theme.Line.Paint("│")
	rows := make([]string, 0, l.height)
	writing, cursor := m.writing()
	list := m.open.list.View()
	inner := l.height - 2

	var left []string
	x := 1
	top := m.border("╭", "╮", l.pane(), m.header(), nil)
	bottom := m.border("╰", "╯", l.pane(), m.status(), m.statusEnd())
	if l.roster > 0 {
		if m.left == nil || len(m.left) != inner {
			m.left = m.roster.View(l.roster, inner, &m.theme, m.meter)
		}
		left = m.left
		x += l.roster + 1
		top = m.border("╭", "┬", l.roster, words{{m.theme.Accent, "dione"}}, nil) + m.border("", "╮", l.pane(), m.header(), nil)
		bottom = m.border("╰", "┴", l.roster, m.whoami(), nil) + m.border("", "╯", l.pane(), m.status(), m.statusEnd())
	}
	rows = append(rows, top)
	add := func(row string) {
		if left != nil {
			rows = append(rows, wall+left[len(rows)-1]+wall+row+wall)
		} else {
			rows = append(rows, wall+row+wall)
		}
	}
	for _, row := range list {
		add(row)
	}
	for _, row := range m.above() {
		add(row)
	}
	divider := m.border("├", "┤", l.pane(), m.below(), m.counter())
	if left != nil {
		rows = append(rows, wall+left[len(rows)-1]+divider)
	} else {
		rows = append(rows, divider)
	}
	if cursor != nil {
		cursor.X += x
		cursor.Y += len(rows)
	}
	for _, row := range writing {
		add(row)
	}
	return append(rows, bottom), cursor
}

// onePaneRows frames the roster when it has the screen for itself.
func (m *model) onePaneRows(pane []string) []string {
	wall := m.theme.Line.Paint("│")
	rows := []string{m.border("╭", "╮", m.layout.pane(), words{{m.theme.Accent, "dione"}}, m.whoami())}
	for _, row := range pane {
		rows = append(rows, wall+row+wall)
	}
	end := words{{m.theme.Muted, "Enter opens · Tab back"}}
	return append(rows, m.border("╰", "╯", m.layout.pane(), m.status(), end))
}

// bareRows is a screen too small for frames: messages and composer.
func (m *model) bareRows() ([]string, *tea.Cursor) {
	l := m.layout
	if m.onRoster {
		return m.roster.View(l.width, l.height, &m.theme, m.meter), nil
	}
	writing, cursor := m.writing()
	rows := append(append([]string{}, m.open.list.View()...), m.above()...)
	rows = append(rows, writing...)
	rows = rows[max(0, len(rows)-l.height):]
	if cursor != nil {
		cursor.Y += len(rows) - len(writing)
	}
	return rows, cursor
}

// writing draws the composer. The cursor is nil when it has no focus.
func (m *model) writing() ([]string, *tea.Cursor) {
	c, width := m.open.composer, m.layout.pane()
	lines, x, y, above, below := c.View(m.layout.writing(c.Rows()))
	for i, s := range lines {
		sign := "  "
		switch {
		case above && i == 0:
			sign = "↑ "
		case below && i == len(lines)-1:
			sign = "↓ "
		case i == 0:
			sign = "> "
		}
		style := m.theme.Accent
		if m.onRoster || m.picking() {
			style = m.theme.Muted
		}
		body := s
		if c.Empty() {
			body = m.theme.Hint.Paint(m.meter.Show(m.meter.Truncate(m.placeholder(), max(width-promptWidth-1, 0))))
			s = ansi.Strip(body)
		}
		fill := width - promptWidth - m.meter.Width(s)
		if fill < 0 {
			lines[i] = text.Pad(width)
			continue
		}
		lines[i] = " " + style.Paint(sign) + body + text.Pad(fill)
	}
	if m.onRoster || m.picking() || x+promptWidth >= width {
		return lines, nil
	}
	return lines, m.cursor(x+promptWidth, y)
}

func (m *model) cursor(x, y int) *tea.Cursor {
	c := tea.NewCursor(x, y)
	c.Blink = false
	c.Color = m.theme.Cursor
	return c
}

// placeholder says where a text would go.
func (m *model) placeholder() string {
	if m.open.chat.IsRoom() {
		return "write to everybody near"
	}
	p := m.person(m.open.chat.Peer)
	name := text.Name(p.Name)
	switch {
	case p.Standing == messenger.StandingBlocked:
		return name + " is blocked: /unblock takes it back"
	case p.Standing == messenger.StandingRequest:
		return "write to " + name + ": that accepts their request"
	case p.Pending:
		return "write to " + name + ": it waits until they accept you"
	case !p.Connected():
		return "write to " + name + ": " + m.waits(p)
	}
	return "write to " + name
}

// waits says in a few words what becomes of a text for somebody who is away.
func (m *model) waits(p messenger.Person) string {
	switch {
	case !p.Mail || m.net.DHT.Mode == "":
		return "it waits until you are both up"
	case !m.net.DHT.Open():
		return "it waits, no mailbox node reachable"
	}
	return "the mail network keeps it"
}

// drawAnswer draws what the last command had to say, once.
func (m *model) drawAnswer() {
	if m.answer.words == "" || m.answered != nil {
		return
	}
	width := m.layout.pane()
	add := func(sign string, signs, style theme.Style, words string) {
		for i, s := range m.meter.Wrap(text.Clean(words), max(width-5, 2)) {
			if i > 0 {
				sign = " "
			}
			if fill := width - 3 - m.meter.Width(s); fill >= 0 {
				m.answered = append(m.answered, " "+signs.Paint(sign)+" "+style.Paint(m.meter.Show(s))+text.Pad(fill))
			}
		}
	}
	if m.answer.failed {
		add("✗", m.theme.Bad, m.theme.Bad, m.answer.words)
	} else {
		add("·", m.theme.Accent, "", m.answer.words)
	}
	if m.answer.hint != "" {
		add(" ", "", m.theme.Muted, m.answer.hint)
	}
	// Never more than leaves room for the messages.
	if most := max(m.layout.height/3, 1); len(m.answered) > most {
		m.answered = m.answered[:most]
	}
}
