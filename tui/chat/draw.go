package chat

import (
	"fmt"
	"strings"
	"time"

	"dione/net/messenger"
	"dione/tui/text"
	"dione/tui/theme"
)

const (
	timeWidth = 5
	nameAt    = timeWidth + 2 // the column of names, where they have one

	// markRoom keeps the columns of a mark free beside the text, so that a
	// message does not change its height when "…" becomes "2/3" or "✓".
	markRoom = 4

	// measure is the widest line of text that eyes like to follow.
	measure = 100

	// roomy is the width from which names have a column of their own.
	roomy = 46

	// groupTime is how long messages of one author stand under one name.
	groupTime = 5 * time.Minute

	// clockSkew is how far a message's own time may be from the time when it
	// came, before it is said beside it.
	clockSkew = 2 * time.Minute
)

// rows returns the drawn rows of entry i.
func (l *List) rows(i int) []string {
	e := l.entries[i]
	want := l.flags(i)
	if e.rows == nil || e.drawn != want {
		l.rowsHeld -= len(e.rows)
		if e.note != nil {
			e.rows = l.drawNote(e)
		} else {
			e.rows = l.drawMessage(e, want)
		}
		e.drawn = want
		l.rowsHeld += len(e.rows)
	}
	return e.rows
}

func (l *List) flags(i int) (f flags) {
	e := l.entries[i]
	if e.note != nil {
		return f
	}
	prev := l.messageBefore(i)
	f.day = prev == nil || !sameDay(prev.at.In(l.look.Zone), e.at.In(l.look.Zone))
	unread := func(e *entry) bool { return e.msg.Pos > l.rule && !e.msg.Mine }
	if l.ruleNew > 0 && unread(e) && (prev == nil || prev.msg.Pos <= l.rule || prev.msg.Mine && !l.unreadBefore(i)) {
		f.rule = l.ruleNew
	}
	f.head = f.day || f.rule > 0 || l.entries[i-1].note != nil || prev.msg.From != e.msg.From || e.at.Sub(prev.at) > groupTime
	return f
}

// unreadBefore reports whether a message of others behind the rule's place
// stands before entry i.
func (l *List) unreadBefore(i int) bool {
	for i--; i >= 0 && (l.entries[i].note != nil || l.entries[i].msg.Pos > l.rule); i-- {
		if l.entries[i].note == nil && !l.entries[i].msg.Mine {
			return true
		}
	}
	return false
}

func (l *List) messageBefore(i int) *entry {
	for i--; i >= 0; i-- {
		if l.entries[i].note == nil {
			return l.entries[i]
		}
	}
	return nil
}

func sameDay(a, b time.Time) bool { return a.YearDay() == b.YearDay() && a.Year() == b.Year() }

// line builds one row and knows how wide it is.
type line struct {
	b     strings.Builder
	width int
	m     text.Meter
}

func (n *line) put(st theme.Style, s string) {
	n.b.WriteString(st.Paint(n.m.Show(s)))
	n.width += n.m.Width(s)
}

func (n *line) to(column int) {
	n.b.WriteString(text.Pad(column - n.width))
	n.width = max(n.width, column)
}

func (l *List) line() *line { return &line{m: l.look.Meter} }

func (l *List) blank() string { return text.Pad(l.width) }

// end fills a row and returns it. Without room for it, it is empty: a terminal
// of a few columns is no place to read in.
func (l *List) end(n *line) string {
	if n.width > l.width {
		return l.blank()
	}
	n.to(l.width)
	return n.b.String()
}

func (l *List) drawMessage(e *entry, f flags) (rows []string) {
	th := l.look.Theme
	if f.day {
		rows = append(rows, l.ruler(th.Line, th.Muted, dayName(e.at.In(l.look.Zone), l.look.Now())))
	}
	if f.rule > 0 {
		rows = append(rows, l.ruler(th.Unread, th.Unread, fmt.Sprintf("%d new", f.rule)))
	}
	n := l.line()
	n.to(1)
	stamp := e.at.In(l.look.Zone).Format("15:04")
	indent := l.indent()
	if l.width < roomy {
		// Name and text share the row; what follows stands below the name.
		if f.head {
			n.put(th.Muted, stamp)
			n.put("", " ")
			l.putName(n, e.msg, l.width/2)
			n.put("", " ")
		}
		n.to(indent)
	} else {
		if f.head || !l.sameMinute(e) {
			n.put(th.Muted, stamp)
		}
		n.to(nameAt)
		if f.head {
			l.putName(n, e.msg, indent-nameAt-2)
		}
		n.to(indent)
	}
	right := min(l.width-1, indent+measure+markRoom)
	mark, style := l.mark(e.msg)
	markWidth := l.look.Meter.Width(mark)
	for rest := text.Clean(e.msg.Text); ; n.to(indent) {
		end, next := l.look.Meter.Break(rest, right-markRoom-n.width)
		n.put("", rest[:end])
		last := next == len(rest) && (next == end || rest[next-1] != '\n')
		rest = rest[next:]
		if last {
			break
		}
		rows = append(rows, l.end(n))
		n = l.line()
	}
	if mark != "" {
		if n.width+1+markWidth > right {
			rows = append(rows, l.end(n))
			n = l.line()
		}
		n.to(right - markWidth)
		n.put(style, mark)
	}
	rows = append(rows, l.end(n))
	if e.msg.State == messenger.StateFailed {
		for _, s := range l.look.Meter.Wrap("✗ failed: "+text.Name(e.msg.Reason), right-indent) {
			n = l.line()
			n.to(indent)
			n.put(th.Bad, s)
			rows = append(rows, l.end(n))
		}
	}
	return rows
}

// indent is the column at which texts begin.
func (l *List) indent() int {
	if l.width < roomy {
		return timeWidth + 2
	}
	return nameAt + min(max(l.width/5, 11), 20) + 2
}

func (l *List) sameMinute(e *entry) bool {
	for i := len(l.entries) - 1; i > 0; i-- {
		if l.entries[i] == e {
			prev := l.messageBefore(i)
			return prev != nil && prev.at.Truncate(time.Minute).Equal(e.at.Truncate(time.Minute))
		}
	}
	return false
}

// putName writes the author in at most width columns. The tag is never cut:
// it is what tells two people of one name apart.
func (l *List) putName(n *line, m messenger.Message, width int) {
	if m.Mine {
		n.put(l.look.Theme.Mine, "me")
		return
	}
	p := l.look.Who(m.From)
	tag := text.Tag(p.Tag, p.Verified)
	room := width - l.look.Meter.Width(tag)
	if !m.Chat.IsRoom() { // the header names the only other person
		tag, room = "", width
	}
	n.put(l.look.Theme.Name(m.From), l.look.Meter.Truncate(text.Name(p.Name), max(room, 1)))
	n.put(l.look.Theme.Muted, tag)
}

// mark tells how far an own message has come, or what is unusual about
// somebody else's.
func (l *List) mark(m messenger.Message) (string, theme.Style) {
	th := l.look.Theme
	switch m.State {
	case messenger.StateQueued:
		return "…", th.Muted
	case messenger.StateStored:
		return fmt.Sprintf("%d/%d", m.Acked, m.Addressed), th.Muted
	case messenger.StateDelivered:
		return "✓", th.Good
	case messenger.StateFailed:
		return "✗", th.Bad
	}
	var words []string
	if m.Late {
		words = append(words, "late")
	}
	if m.Path != messenger.PathLAN && m.Path != messenger.PathNone {
		words = append(words, m.Path.String())
	}
	if d := m.Arrived.Sub(m.Sent); d > clockSkew || d < -clockSkew {
		sent := m.Sent.In(l.look.Zone)
		if sameDay(sent, m.Arrived.In(l.look.Zone)) {
			words = append(words, sent.Format("written 15:04"))
		} else {
			words = append(words, sent.Format("written 2 Jan 15:04"))
		}
	}
	return strings.Join(words, ", "), th.Muted
}

// ruler draws a line across with words in its middle.
func (l *List) ruler(line, words theme.Style, label string) string {
	room := l.width - 2
	label = " " + l.look.Meter.Truncate(label, room-6) + " "
	left := (room - l.look.Meter.Width(label)) / 2
	if left < 1 {
		return l.blank()
	}
	right := room - left - l.look.Meter.Width(label)
	return " " + line.Paint(strings.Repeat("─", left)) + words.Paint(label) + line.Paint(strings.Repeat("─", right)) + " "
}

func dayName(day, now time.Time) string {
	if day.Year() == now.In(day.Location()).Year() {
		return day.Format("Monday 2 January")
	}
	return day.Format("Monday 2 January 2006")
}
