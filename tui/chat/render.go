package chat

import (
	"fmt"

	"dione/net/messenger"
	"dione/tui/text"
)

// Columns of a message line: time, name, text, mark. The text stays clear of
// the last columns, where terminals disagree about the width of some emoji.
const (
	timeWidth = 6  // "14:02 "
	nameWidth = 10 // at most, with the blanks behind it
	markWidth = 4  // " 2/3"
	minText   = 12
)

// render makes the lines of an item.
func (l *List) render(it *Item, k look) []string {
	if it.Message.Row == 0 {
		return l.renderNote(it, k.width)
	}
	var lines []string
	if k.day {
		lines = append(lines, l.theme.Faint.Render(rule(it.At.In(l.zone).Format("Monday 2 January 2006"), k.width)))
	}
	if k.fresh {
		lines = append(lines, l.theme.Warn.Render(rule(fmt.Sprintf("%d new", l.Unread()), k.width)))
	}
	name := nameWidth
	if k.width < timeWidth+nameWidth+markWidth+2*minText {
		name = 7
	}
	indent := timeWidth + name
	room := max(minText/2, k.width-indent-markWidth)
	body := l.wrap(it.Message.Text, room)
	if it.Message.Late {
		body = append(body, l.theme.Faint.Render(text.Truncate("(came late)", room)))
	}
	mark, reason := l.mark(it.Message)
	if reason != "" {
		for _, s := range l.wrap(reason, room) {
			body = append(body, l.theme.Bad.Render(s))
		}
	}
	for i, s := range body {
		head := pad(indent)
		if i == 0 && k.head {
			head = l.head(it, name)
		}
		if i == len(body)-1 && mark != "" {
			s = text.Fit(s, room) + pad(markWidth-text.Width(mark)) + mark
		}
		lines = append(lines, text.Truncate(head+s, k.width))
	}
	return lines
}

// head is the time and the author of a message.
func (l *List) head(it *Item, width int) string {
	who, style := text.ByRune.Show(text.Name(it.Who)), l.theme.Name(it.Message.From.String())
	if it.Message.Mine {
		who, style = "me", l.theme.Mine
	}
	return l.theme.Faint.Render(it.At.In(l.zone).Format("15:04 ")) +
		style.Render(text.Fit(who, width-2)) + "  "
}

// mark shows how far an own message has come, and why it failed.
func (l *List) mark(msg messenger.Message) (mark, reason string) {
	switch msg.State {
	case messenger.StateQueued:
		return l.theme.Faint.Render("…"), ""
	case messenger.StateStored:
		return l.theme.Faint.Render(fmt.Sprintf("%d/%d", min(msg.Acked, 99), min(msg.Addressed, 99))), ""
	case messenger.StateDelivered:
		return l.theme.Good.Render("✓"), ""
	case messenger.StateFailed:
		return l.theme.Bad.Render("✗"), "not sent: " + text.Name(msg.Reason)
	}
	return "", ""
}

// renderNote makes the lines of something the program says.
func (l *List) renderNote(it *Item, width int) []string {
	style := l.theme.Faint
	sign := "· "
	if it.Failed {
		style, sign = l.theme.Bad, "! "
	}
	var lines []string
	for i, s := range l.wrap(it.Note, width-4) {
		if i > 0 {
			sign = "  "
		}
		lines = append(lines, style.Render(text.Truncate(" "+sign+s, width)))
	}
	if it.Hint != "" {
		sign = "   → "
		for _, s := range l.wrap(it.Hint, width-6) {
			lines = append(lines, l.theme.Faint.Render(text.Truncate(sign+s, width)))
			sign = "     "
		}
	}
	return lines
}

// wrap makes s harmless and breaks it into lines. An emoji made of several is
// shown by its base, since terminals disagree about the columns it takes.
func (l *List) wrap(s string, width int) []string {
	lines := text.ByRune.Wrap(text.Clean(s), max(1, width))
	for i := range lines {
		lines[i] = text.ByRune.Show(lines[i])
	}
	return lines
}
