package dialog

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"dione/tui/text"
	"dione/tui/theme"
)

// This file holds dialogs in which one writes: letters go into their input,
// and the keys that move go to their lines.

// Written is the Key of the Action when the text of the input has changed.
const Written = "written"

// inputRows is how many rows a dialog with an input shows, if there is room
// for them: so it keeps its size while its lines come and go.
const inputRows = 18

// Piece is a part of a row that may stand out.
type Piece struct {
	Text   string
	Strong bool
}

// write gives a key to the input. Done says that it was one for it: then act
// and ok are what [Stack.Press] returns.
func (d *Dialog) write(msg tea.KeyPressMsg) (act Action, ok, done bool) {
	switch msg.String() {
	case "up", "down", "pgup", "pgdown", "esc":
		return act, false, false
	case "enter":
		return Action{d.Kind, "enter", d.chosen()}, true, true
	}
	was := d.Input.Text()
	if strings.ContainsAny(msg.Text, "\n\r") {
		return act, false, true
	}
	d.Input.Press(msg)
	return Action{d.Kind, Written, nil}, d.Input.Text() != was, true
}

// Paste writes what was pasted into the input of the top dialog, in one line.
// It reports whether there is one; the owner then has an action to do.
func (s *Stack) Paste(pasted string) (act Action, ok bool) {
	if !s.Open() {
		return act, false
	}
	d := s.open[len(s.open)-1]
	if d.Input == nil {
		return act, false
	}
	d.Input.Insert(strings.Join(strings.Fields(pasted), " "))
	return Action{d.Kind, Written, nil}, true
}

// Written returns what stands in the input of the open dialog of the kind.
func (s *Stack) Written(k Kind) string {
	for _, d := range s.open {
		if d.Kind == k && d.Input != nil {
			return strings.TrimSpace(d.Input.Text())
		}
	}
	return ""
}

// Behind returns how many lines stand behind the one under the cursor in the
// open dialog of the kind.
func (s *Stack) Behind(k Kind) int {
	for _, d := range s.open {
		if d.Kind == k {
			return len(d.Lines) - 1 - d.cursor
		}
	}
	return 0
}

// Top moves the cursor of the open dialog of the kind to its first line.
func (s *Stack) Top(k Kind) {
	for _, d := range s.open {
		if d.Kind == k {
			d.cursor, d.top = 0, 0
			d.settle()
		}
	}
}

// Cursor returns where one writes, in the box that View has drawn last.
func (s *Stack) Cursor() (x, y int, ok bool) {
	if !s.Open() {
		return 0, 0, false
	}
	d := s.open[len(s.open)-1]
	if d.Input == nil || d.inputAt < 0 {
		return 0, 0, false
	}
	return d.inputAt, 1, true
}

// prompt draws the input.
func (d *drawing) prompt() string {
	const sign = "> "
	room := d.width - len(sign)
	if room < 3 {
		d.inputAt = -1
		return text.Pad(d.width)
	}
	if d.Hide {
		dots := min(utf8.RuneCountInString(d.Input.Text()), room-1)
		d.inputAt = 2 + len(sign) + dots
		return d.th.Accent.Paint(sign) + d.fit(strings.Repeat("*", dots), room)
	}
	d.Input.SetSize(room, d.m)
	lines, x, _, _, _ := d.Input.View(1)
	d.inputAt = 2 + len(sign) + x // behind the border and a blank
	return d.th.Accent.Paint(sign) + d.fit(lines[0], room)
}

// ends draws a row of which one part stands at the left and one at the right.
func (d *drawing) ends(left, right string, chosen bool) string {
	room := d.width - d.mark
	gap := room - d.m.Width(right) - 1
	if gap < 8 {
		return d.row("", left, chosen)
	}
	left = d.m.Fit(left, gap) + " "
	if chosen {
		return d.th.Chosen.Paint("› " + d.m.Show(left+right))
	}
	return text.Pad(d.mark) + d.th.Strong.Paint(d.m.Show(left)) + d.th.Muted.Paint(d.m.Show(right))
}

// only draws the pieces of a line that has no other row.
func (d *drawing) only(all []Piece, chosen bool) string {
	sign := text.Pad(d.mark)
	if chosen {
		sign = "› "
	}
	return d.parts(sign, all, chosen)
}

// pieces draws pieces below a line.
func (d *drawing) pieces(all []Piece, chosen bool) string {
	return d.parts(text.Pad(d.mark+2), all, chosen)
}

// parts draws a row of parts, of which some stand out, behind a sign.
func (d *drawing) parts(sign string, all []Piece, chosen bool) string {
	var b strings.Builder
	base := theme.Style("")
	if chosen {
		base = d.th.Chosen
	}
	b.WriteString(base.Paint(sign))
	room := d.width - d.m.Width(sign)
	for _, p := range all {
		s, width := d.m.Cut(p.Text, room)
		st := base
		if p.Strong {
			st += d.th.Found
		}
		b.WriteString(st.Paint(d.m.Show(s)))
		if room -= width; s != p.Text {
			break
		}
	}
	b.WriteString(base.Paint(text.Pad(room)))
	return b.String()
}
