package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/roster"
	"dione/tui/text"
)

// View draws the screen.
func (m *model) View() tea.View {
	v := tea.View{AltScreen: true, ReportFocus: true, WindowTitle: m.title()}
	if m.layout.width == 0 || m.layout.height == 0 || m.quitting {
		return v
	}
	lines, cursor := m.screen()
	if len(lines) > m.layout.height {
		lines = lines[:m.layout.height]
	}
	v.Content = strings.Join(lines, "\n")
	v.Cursor = cursor
	return v
}

// title is the terminal's: how much is unread, and who we are.
func (m *model) title() string {
	unread := 0
	for _, conv := range m.chats {
		unread += conv.info.Unread
	}
	if unread > 0 {
		return fmt.Sprintf("(%d) dione", unread)
	}
	return "dione"
}

// screen returns the lines and where the cursor is.
func (m *model) screen() ([]string, *tea.Cursor) {
	l := m.layout
	if !l.framed {
		return m.bare()
	}
	if l.roster == 0 && (m.focus == onRoster || m.help) {
		body := m.helpLines(l.inner(), l.height-2)
		header := " help "
		if !m.help {
			body = m.rosterLines(l.inner(), l.height-2)
			header = " " + text.ByRune.Show(text.Name(m.self.Name)) + " ·" + m.self.Tag + " "
		}
		lines := []string{m.border("┌", header, "", l.inner(), "┐")}
		for _, row := range body {
			lines = append(lines, m.wall(text.Fit(row, l.inner())))
		}
		return append(lines, m.border("└", " "+m.status()+" ", m.back(), l.inner(), "┘")), nil
	}

	rows := m.pane()
	var left []string
	if l.roster > 0 {
		left = m.rosterLines(l.roster, len(rows))
	}
	rule := m.listHeight() // row of the line above the composer
	var lines []string
	top := m.border("┌", m.header(), "", l.inner(), "┐")
	if left != nil {
		top = m.border("┌", " dione ", "", l.roster, "┬") + m.border("", m.header(), "", l.inner(), "┐")
	}
	lines = append(lines, top)
	for i, row := range rows {
		switch {
		case i == rule && left != nil:
			lines = append(lines, m.faint("│")+left[i]+m.border("├", m.ruleNote(), "", l.inner(), "┤"))
		case i == rule:
			lines = append(lines, m.border("├", m.ruleNote(), "", l.inner(), "┤"))
		case left != nil:
			lines = append(lines, m.faint("│")+left[i]+m.wall(text.Fit(row, l.inner())))
		default:
			lines = append(lines, m.wall(text.Fit(row, l.inner())))
		}
	}
	bottom := m.border("└", " "+m.status()+" ", " F1 help ", l.inner(), "┘")
	x := 2
	if left != nil {
		bottom = m.border("└", m.who(l.roster), "", l.roster, "┴") + m.border("", " "+m.status()+" ", " F1 help ", l.inner(), "┘")
		x += l.roster + 1
	}
	lines = append(lines, bottom)
	return lines, m.cursorAt(x, 1+rule+1)
}

// back tells the key that leaves a pane which has the screen alone.
func (m *model) back() string {
	if m.help {
		return " Esc back "
	}
	return " Tab text "
}

// pane is the right side inside its frame: messages, a line, the composer.
func (m *model) pane() []string {
	var rows []string
	if m.help {
		rows = m.helpLines(m.layout.inner(), m.listHeight())
	} else {
		for _, s := range m.current().list.View() {
			rows = append(rows, " "+s)
		}
	}
	rows = append(rows, "")
	for _, s := range m.composer.View() {
		rows = append(rows, " "+s)
	}
	return rows
}

// bare is a screen too small for frames: messages, status, composer.
func (m *model) bare() ([]string, *tea.Cursor) {
	var lines []string
	for _, s := range m.current().list.View() {
		lines = append(lines, text.Truncate(s, m.layout.width))
	}
	lines = append(lines, m.faint(text.Truncate(m.status(), m.layout.width)))
	cursor := m.cursorAt(0, len(lines))
	for _, s := range m.composer.View() {
		lines = append(lines, text.Truncate(s, m.layout.width))
	}
	return lines, cursor
}

func (m *model) cursorAt(x, y int) *tea.Cursor {
	c := m.composer.Cursor()
	if c == nil || m.help {
		return nil
	}
	c.X += x
	c.Y += y
	if c.X >= m.layout.width || c.Y >= m.layout.height {
		return nil
	}
	return c
}

// border draws a horizontal line of the frame with a label at its left and
// one at its right end.
func (m *model) border(left, label, end string, width int, right string) string {
	if text.Width(label)+text.Width(end) > width-1 {
		end = ""
	}
	label = text.Truncate(label, max(0, width-1))
	fill := strings.Repeat("─", max(0, width-1-text.Width(label)-text.Width(end)))
	lead := ""
	if width > 0 {
		lead = "─"
	}
	if end != "" && fill != "" {
		fill, end = fill[:len(fill)-len("─")], end+m.faint("─")
	}
	return m.faint(left+lead) + label + m.faint(fill) + end + m.faint(right)
}

func (m *model) wall(s string) string { return m.faint("│") + s + m.faint("│") }

func (m *model) faint(s string) string {
	if s == "" {
		return ""
	}
	return m.theme.Faint.Render(s)
}

// header tells whose chat is open and by what way.
func (m *model) header() string {
	if m.open.IsRoom() {
		near := 0
		for _, p := range m.people {
			if p.Near() {
				near++
			}
		}
		return " " + m.theme.Strong.Render("# lan") + m.faint(fmt.Sprintf("  everybody near: %d", near)) + " "
	}
	p, _ := m.person(m.open)
	path := "away"
	if p.Connected() {
		path = pathName(p.Path)
	} else if ago := roster.Ago(p.LastSeen, m.opts.Now()); ago != "" {
		path = "last seen " + ago + " ago"
		if ago == "now" {
			path = "just left"
		}
	}
	return " " + m.theme.Strong.Render(text.ByRune.Show(text.Name(p.Name))) + m.faint(" ·"+p.Tag+"  "+path) + " "
}

// who is our own name, under the roster.
func (m *model) who(width int) string {
	return " " + m.theme.Mine.Render(text.Truncate(text.ByRune.Show(text.Name(m.self.Name)), width-9)) + m.faint(" ·"+m.self.Tag) + " "
}

// ruleNote stands in the line above the composer.
func (m *model) ruleNote() string {
	if n := m.current().list.Below(); n > 0 {
		return m.theme.Warn.Render(fmt.Sprintf(" %d new below ", n))
	}
	if !m.current().list.Following() {
		return m.faint(" scrolled back, Esc returns ")
	}
	if n := len(m.composer.Text()); n > messenger.MaxText*9/10 {
		return m.theme.Warn.Render(fmt.Sprintf(" %d of %d bytes ", n, messenger.MaxText))
	}
	return ""
}

// status is the state of the network in a few words.
func (m *model) status() string {
	near, others := 0, 0
	for _, p := range m.people {
		switch {
		case p.Near():
			near++
		case p.Connected():
			others++
		}
	}
	parts := []string{fmt.Sprintf("LAN %d", near)}
	if m.net.LANOff != "" {
		parts[0] += ", discovery off"
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("direct %d", others))
	}
	if m.net.Queued > 0 {
		parts = append(parts, fmt.Sprintf("%d queued", m.net.Queued))
	}
	return strings.Join(parts, " · ")
}

func (m *model) rosterLines(width, height int) []string {
	cursor := -1
	if m.focus == onRoster {
		cursor = m.cursor
	}
	return roster.View(m.entries(), m.open, cursor, width, height, m.opts.Now(), m.theme)
}

// helpAll is the help: commands and keys, made from what the program has. In
// a narrow pane the explanation stands below what it explains.
func (m *model) helpAll(width int) (lines []string) {
	column := 12
	for _, c := range command.All() {
		column = max(column, text.Width(c.Usage))
	}
	add := func(left, right string) {
		if width < 70 {
			lines = append(lines, " "+m.theme.Strong.Render(left), "   "+right)
			return
		}
		lines = append(lines, " "+m.theme.Strong.Render(text.Fit(left, column))+"  "+right)
	}
	for _, c := range command.All() {
		add(c.Usage, c.Help)
	}
	lines = append(lines, "")
	for _, b := range keys.all() {
		add(b.Help().Key, b.Help().Desc)
	}
	return lines
}

// helpLines is the part of the help that is in view.
func (m *model) helpLines(width, height int) []string {
	lines := m.helpAll(width)
	lines = lines[min(m.helpTop, len(lines)):]
	for len(lines) < height {
		lines = append(lines, "")
	}
	lines = lines[:max(0, height)]
	for i := range lines {
		lines[i] = text.Truncate(lines[i], width)
	}
	return lines
}
