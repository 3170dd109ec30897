package chat

import (
	"fmt"
	"math"
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
	// message does not change its height when "…" becomes "24/24" or "✓".
	markRoom = 6

	// measure is the widest line of text that eyes like to follow.
	measure = 100

	// roomy is the width from which names have a column of their own.
	roomy = 46

	// groupTime is how long messages of one author stand under one name.
	groupTime = 5 * time.Minute
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
	f.gap = l.gap(i)
	f.point = l.pointed != 0 && e.msg.Row == l.pointed
	f.under = l.chosen != 0 && e.msg.Row == l.chosen
	f.head = f.day || f.point || f.rule > 0 || f.gap > 0 || l.entries[i-1].note != nil || prev.msg.From != e.msg.From || e.at.Sub(prev.at) > groupTime
	f.same = !f.head && !e.msg.Mine && l.origin(e) == l.origin(prev)
	return f
}

// gap returns how many messages of the same author are missing before entry i:
// what comes late stands there, so it is nearer to its predecessor. In the room
// nobody misses what was said while they were away.
func (l *List) gap(i int) int {
	e := l.entries[i]
	if e.msg.Mine || e.msg.Chat.IsRoom() {
		return 0
	}
	for i--; i >= 0; i-- {
		prev := l.entries[i]
		if prev.note != nil || prev.msg.From != e.msg.From {
			continue
		}
		if prev.msg.Seq == 0 || e.msg.Seq <= prev.msg.Seq {
			return 0
		}
		return int(min(e.msg.Seq-prev.msg.Seq-1, math.MaxInt32))
	}
	return 0
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

// begin begins a row of a message. One that the cursor is on has a bar at its
// left.
func (l *List) begin(f flags) *line {
	n := l.line()
	if f.under {
		n.put(l.look.Theme.Accent, "▌")
	}
	return n
}

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
	if f.gap > 0 {
		rows = append(rows, l.drawGap(e, f.gap))
	}
	n := l.begin(f)
	switch {
	case f.under:
	case f.point:
		n.put(th.Accent, "›")
	case e.msg.Mentioned:
		n.put(th.Unread, "@")
	}
	n.to(1)
	stamp := l.written(e).Format("15:04")
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
	marks, style := l.mark(e)
	if f.same {
		marks = nil
	}
	if e.msg.ReplyTo != nil && !e.msg.Deleted {
		l.putQuote(n, e.msg, right-markRoom)
		rows = append(rows, l.end(n))
		n = l.begin(f)
		n.to(indent)
	}
	n, above := l.drawText(n, e.msg, f, right-markRoom)
	rows = append(rows, above...)
	for i, mark := range marks {
		room := right - n.width - 1 - l.look.Meter.Width(mark)
		if room < 0 && i < len(marks)-1 {
			continue // the next one is shorter
		}
		if room < 0 {
			rows = append(rows, l.end(n))
			n = l.begin(f)
		}
		n.to(right - l.look.Meter.Width(mark))
		n.put(style, mark)
		break
	}
	rows = append(rows, l.end(n))
	if s := Reactions(e.msg); s != "" && !e.msg.Deleted {
		n = l.begin(f)
		n.to(indent)
		n.put(th.Muted, l.look.Meter.Truncate(s, right-indent))
		rows = append(rows, l.end(n))
	}
	if e.msg.State == messenger.StateFailed {
		for _, s := range l.look.Meter.Wrap("✗ failed: "+text.Name(e.msg.Reason), right-indent) {
			n = l.begin(f)
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
			return prev != nil && l.written(prev).Truncate(time.Minute).Equal(l.written(e).Truncate(time.Minute))
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

// mark tells how far an own message has come, in ever fewer words, or where
// somebody else's came from.
func (l *List) mark(e *entry) ([]string, theme.Style) {
	th, m := l.look.Theme, e.msg
	switch m.State {
	case messenger.StateQueued:
		return []string{"…"}, th.Muted
	case messenger.StateStored:
		count := fmt.Sprintf("%d/%d", m.Acked, m.Addressed)
		if m.Chat.IsRoom() {
			return []string{count}, th.Muted
		}
		return []string{"stored " + count, count}, th.Muted
	case messenger.StateDelivered:
		return []string{"✓"}, th.Good
	case messenger.StateFailed:
		return []string{"✗"}, th.Bad
	}
	if words := l.origin(e); words != "" {
		return []string{words}, th.Muted
	}
	return nil, ""
}

// written is the time beside a message: when it was written, unless its
// author's clock is ahead of ours.
func (l *List) written(e *entry) time.Time {
	if text.Late(e.msg.Sent, e.at) != "" {
		return e.msg.Sent.In(l.look.Zone)
	}
	return e.at.In(l.look.Zone)
}

// origin tells what is unusual about the way of somebody else's message: its
// path where that is not the LAN, and how late it is.
func (l *List) origin(e *entry) string {
	m := e.msg
	var words []string
	if at := e.at.In(l.look.Zone); !sameDay(l.written(e), at) {
		words = append(words, l.written(e).Format("written 2 Jan"))
	} else if m.Sent.Sub(m.Arrived) > text.Slack {
		words = append(words, m.Sent.In(l.look.Zone).Format("written 2 Jan 15:04"))
	}
	if m.Path != messenger.PathLAN && m.Path != messenger.PathNone {
		words = append(words, m.Path.String())
	}
	if late := text.Late(m.Sent, m.Arrived); late != "" {
		words = append(words, late)
	} else if m.Late {
		words = append(words, "late")
	}
	return strings.Join(words, ", ")
}

// drawGap tells that messages are missing before e.
func (l *List) drawGap(e *entry, missing int) string {
	words := fmt.Sprintf("%d messages of %s are missing", missing, text.Name(l.look.Who(e.msg.From).Name))
	if missing == 1 {
		words = fmt.Sprintf("1 message of %s is missing", text.Name(l.look.Who(e.msg.From).Name))
	}
	n := l.line()
	n.to(nameAt)
	n.put(l.look.Theme.Muted, "⋮ "+l.look.Meter.Truncate(words, max(l.width-nameAt-3, 1)))
	return l.end(n)
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
