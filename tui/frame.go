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

// This file holds what is written on the frame: who, how and how many.

// words is text in several styles.
type words []struct {
	style theme.Style
	s     string
}

// border draws a horizontal line of the frame with words at its left end and,
// if there is room, at its right end.
func (m *model) border(left, right string, width int, label, end words) string {
	line := func(n int) string { return m.theme.Line.Paint(strings.Repeat("─", n)) }
	var b strings.Builder
	b.WriteString(m.theme.Line.Paint(left + "─"))
	used := 1
	put := func(ws words, room int) {
		b.WriteByte(' ')
		used++
		for _, w := range ws {
			s, n := w.s, m.meter.Width(w.s)
			if n > room {
				s = m.meter.Truncate(s, room)
				n = m.meter.Width(s)
			}
			b.WriteString(w.style.Paint(m.meter.Show(s)))
			used += n
			room -= n
		}
		b.WriteByte(' ')
		used++
	}
	if len(label) > 0 && width > 5 {
		put(label, width-4)
	}
	if n := m.width(end); len(end) > 0 && used+n+4 <= width {
		b.WriteString(line(width - used - n - 3))
		used = width - n - 3
		put(end, n)
	}
	b.WriteString(line(max(width-used, 0)) + m.theme.Line.Paint(right))
	return b.String()
}

func (m *model) width(ws words) (n int) {
	for _, w := range ws {
		n += m.meter.Width(w.s)
	}
	return n
}

// header tells whose chat is open and by what way.
func (m *model) header() words {
	th := &m.theme
	var ws words
	if m.open.chat.IsRoom() {
		who := "nobody near yet"
		if m.near > 0 {
			who = count(m.near, "person near", "people near")
		}
		ws = words{{th.Strong, "# lan"}, {th.Muted, "  " + who}}
		for _, s := range m.mutedWords(m.open) {
			if m.width(ws)+m.meter.Width(" · "+s) <= m.layout.pane()-4 {
				ws = append(ws, words{{th.Muted, " · " + s}}...)
				break
			}
		}
		if s := keptWords(m.open); s != "" && m.width(ws)+m.meter.Width(" · "+s) <= m.layout.pane()-4 {
			ws = append(ws, words{{th.Muted, " · " + s}}...)
		}
	} else {
		p := m.person(m.open.chat.Peer)
		// The name gives way, so that the tag and what is known are never cut.
		tag, known := text.Tag(p.Tag, p.Verified), ""
		if p.Verified {
			known = "verified · "
		}
		name := text.Name(p.Name)
		rest := ""
		for _, words := range m.whereIs(p) {
			rest = tag + "  " + known + words
			if m.meter.Width(name+rest) <= m.layout.pane()-4 {
				break
			}
		}
		for _, s := range m.mutedWords(m.open) {
			if s = " · " + s; m.meter.Width(name+rest+s) <= m.layout.pane()-4 || s == " · muted" {
				rest += s
				break
			}
		}
		if s := keptWords(m.open); s != "" && m.meter.Width(name+rest+" · "+s) <= m.layout.pane()-4 {
			rest += " · " + s
		}
		room := max(m.layout.pane()-4-m.meter.Width(rest), 1)
		ws = words{{th.Strong, m.meter.Truncate(name, room)}, {th.Muted, rest}}
	}
	if n := m.unread() - m.counts(m.open); n > 0 && m.layout.roster == 0 {
		ws = append(ws, words{{th.Unread, fmt.Sprintf("  %d elsewhere", n)}}...)
	}
	return ws
}

// whoami is our own name.
func (m *model) whoami() words {
	tag := " ·" + m.self.Tag
	name := m.meter.Truncate(text.Name(m.self.Name), max(m.layout.roster, 20)-5-m.meter.Width(tag))
	return words{{m.theme.Mine, name}, {m.theme.Muted, tag}}
}

// below stands in the line above the composer: what can be completed, and that
// the view is not at the end.
func (m *model) below() words {
	if m.completion != nil {
		return m.completionWords()
	}
	switch n := m.open.list.Below(); {
	case m.picking():
		return m.pickWords()
	case m.open.intent != nil:
		return m.intentWords()
	case n > 0 && m.looking():
		return words{{m.theme.Unread, fmt.Sprintf("↓ %d new below", n)}, {m.theme.Muted, " · Esc back to the search"}}
	case m.looking():
		return words{{m.theme.Muted, "found · Esc back to the search"}}
	case n > 0:
		return words{{m.theme.Unread, fmt.Sprintf("↓ %d new below", n)}, {m.theme.Muted, " · Esc"}}
	case !m.open.list.Following() && !m.open.list.Stale():
		return words{{m.theme.Muted, "↓ scrolled back · Esc"}}
	}
	if ws := m.writingWords(); ws != nil {
		return ws
	}
	return m.completionWords()
}

// counter tells how much may still be written, when that is little, or how
// much is too much.
func (m *model) counter() words {
	switch left := messenger.MaxText - len(trim(m.open.composer.Text())); {
	case left < 0:
		return words{{m.theme.Bad, count(-left, "byte too long", "bytes too long")}}
	case left < messenger.MaxText/10:
		return words{{m.theme.Unread, count(left, "byte left", "bytes left")}}
	}
	return nil
}

// status is the state of the network in a few words, without those that leave
// no room for the help.
func (m *model) status() words {
	for less := range 2 {
		if ws := m.statusWords(less); m.width(ws)+len(helpKey)+8 <= m.layout.pane() {
			return ws
		}
	}
	return m.statusWords(2)
}

// statusWords leaves out the less important words: none, one, or both.
func (m *model) statusWords(less int) words {
	th := &m.theme
	var ws words
	add := func(style theme.Style, s string) {
		if len(ws) > 0 {
			ws = append(ws, words{{th.Muted, " · "}}...)
		}
		ws = append(ws, words{{style, s}}...)
	}
	if m.net.LANOff != "" {
		add(th.Bad, "LAN off")
	} else {
		add(th.Muted, fmt.Sprintf("LAN %d", m.near))
	}
	if m.direct > 0 {
		add(th.Muted, fmt.Sprintf("direct %d", m.direct))
	}
	if d := m.net.DHT; d.Mode != "" {
		style := th.Muted
		if !d.Open() && m.net.Queued > 0 {
			style = th.Unread
		}
		add(style, fmt.Sprintf("DHT %d", d.Servers+d.Near))
		if d.Serves && less < 2 {
			add(th.Muted, "reachable")
		}
	}
	if m.net.Queued > 0 {
		add(th.Unread, fmt.Sprintf("%d queued", m.net.Queued))
	}
	if m.net.Stored > 0 && less < 1 {
		add(th.Muted, fmt.Sprintf("%d stored", m.net.Stored))
	}
	if m.asking > 0 && m.layout.roster == 0 {
		add(th.Unread, count(m.asking, "request", "requests"))
	}
	return ws
}

// helpKey is the key that leads to all others.
const helpKey = "F1 help"

// statusEnd names the keys that lead to all others.
func (m *model) statusEnd() words {
	end := words{{m.theme.Muted, "Tab people · " + helpKey}}
	if m.layout.roster > 0 || m.width(m.status())+m.width(end)+8 > m.layout.pane() {
		end[0].s = helpKey
	}
	return end
}

// overlay draws the top dialog over rows, in their middle. The cursor is nil if
// one does not write there.
func (m *model) overlay(rows []string) ([]string, *tea.Cursor) {
	l := m.layout
	width, height := l.width-4, l.height-2
	if l.width < onePane || l.height < 20 || m.dialogs.Wide() && l.height < 30 {
		width, height = l.width, l.height
	}
	box := m.dialogs.View(width, height, &m.theme, m.meter)
	if len(box) == 0 {
		return rows, nil
	}
	method := ansi.WcWidth
	if m.meter == text.ByCluster {
		method = ansi.GraphemeWidth
	}
	boxWidth := method.StringWidth(box[0])
	x, y := (l.width-boxWidth)/2, max((l.height-len(box))/2, 0)
	rows = append([]string{}, rows...)
	for i, b := range box {
		if y+i >= len(rows) {
			break
		}
		row := rows[y+i]
		before := method.Cut(row, 0, x)
		// Cut is not right for the end of a row in columns of wcwidth.
		after := method.TruncateLeft(row, x+boxWidth, "")
		if method.StringWidth(after) > l.width-x-boxWidth { // half of a wide character
			after = method.TruncateLeft(row, x+boxWidth+1, "")
		}
		rows[y+i] = before + text.Pad(x-method.StringWidth(before)) + b +
			text.Pad(l.width-x-boxWidth-method.StringWidth(after)) + after
	}
	if cx, cy, ok := m.dialogs.Cursor(); ok {
		return rows, m.cursor(x+cx, y+cy)
	}
	return rows, nil
}
