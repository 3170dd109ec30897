// Package dialog holds what opens above the chat: help, lists, details. Each
// is a [Dialog] in one [Stack], takes the keys while it is on top, and closes
// with Esc.
package dialog

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"dione/tui/composer"
)

// Kind tells dialogs apart that their owner refreshes.
type Kind int

// The dialogs of the program.
const (
	Help Kind = iota
	People
	Net
	Outbox
	Requests
	Blocked
	Invitations
	Invite
	Verify
	Card
	Search
	Palette
	Delete
	Backup
	Paste
	Details
	React
	Unsend
	Settings
	OwnName
)

// Line is one line of a dialog. Its texts are clean.
type Line struct {
	Left   string // in a column of its own, such as a key or a name
	Right  string
	Head   bool // begins a part of the dialog; only Left is shown
	Strong bool // stands out; only Left is shown
	Value  any  // what choosing the line means; nil: it cannot be chosen

	// Row, if not nil, returns what stands in the only row in place of Left and
	// Right, in so many columns or a few less.
	Row func(columns int) []Piece

	// Below, if not nil, returns what stands in a row of its own below Left and
	// Right, in so many columns or a few less.
	Below func(columns int) []Piece
}

// Action is what a key in a dialog asks its owner to do.
type Action struct {
	Kind  Kind
	Key   string // one of the dialog's Keys, or Written
	Value any    // of the line under the cursor, or what the dialog is About
}

// Dialog is a titled list of lines.
type Dialog struct {
	Kind  Kind
	Title string
	Foot  string   // says what the keys do while there are lines
	Keys  []string // keys that are the owner's while there are lines, such as "enter"
	Lines []Line
	Empty string             // shown when there are no lines
	Code  string             // shown as a QR code beside or below the lines, where there is room
	About any                // what the whole dialog is about, the Value of its actions
	Input *composer.Composer // where one writes, above the lines; nil: nowhere
	Hide  bool               // what is written is not shown

	cursor int    // index of the line under the cursor
	top    int    // first row in view
	page   int    // rows that were shown last
	each   int    // rows of a line
	said   string // stands at the foot in place of Foot, if not ""
	code   code

	inputAt int // column of the cursor in the box that was drawn last; -1: out of sight
}

func (d *Dialog) choosable() bool {
	return slices.ContainsFunc(d.Lines, func(l Line) bool { return l.Value != nil })
}

// move takes the cursor over so many lines that can be chosen, or scrolls by
// so many rows when there are none.
func (d *Dialog) move(by int) {
	if !d.choosable() {
		d.top += by
		return
	}
	step := 1
	if by < 0 {
		step = -1
	}
	for i := d.cursor + step; i >= 0 && i < len(d.Lines) && by != 0; i += step {
		if d.Lines[i].Value != nil {
			d.cursor = i
			by -= step
		}
	}
}

func (d *Dialog) chosen() any {
	if d.cursor < len(d.Lines) && d.Lines[d.cursor].Value != nil {
		return d.Lines[d.cursor].Value
	}
	return d.About
}

// settle puts the cursor on a line that can be chosen.
func (d *Dialog) settle() {
	d.cursor = min(d.cursor, max(len(d.Lines)-1, 0))
	if d.choosable() && d.Lines[d.cursor].Value == nil {
		at := d.cursor
		if d.move(+1); d.cursor == at {
			d.move(-1)
		}
	}
}

// Stack is the dialogs that are open, the top one last. The zero Stack is
// empty.
type Stack struct{ open []*Dialog }

// Open reports whether a dialog is open.
func (s *Stack) Open() bool { return len(s.open) > 0 }

// Push opens d above the others, in place of one of its kind.
func (s *Stack) Push(d *Dialog) {
	s.open = slices.DeleteFunc(s.open, func(o *Dialog) bool { return o.Kind == d.Kind })
	d.settle()
	s.open = append(s.open, d)
}

// Pop closes the top dialog.
func (s *Stack) Pop() {
	if s.Open() {
		s.open = s.open[:len(s.open)-1]
	}
}

// Clear closes all of them.
func (s *Stack) Clear() { s.open = nil }

// Has reports whether a dialog of the kind is open.
func (s *Stack) Has(k Kind) bool {
	return slices.ContainsFunc(s.open, func(d *Dialog) bool { return d.Kind == k })
}

// About returns what the open dialog of the kind is about, nil if none is open.
func (s *Stack) About(k Kind) any {
	for _, d := range s.open {
		if d.Kind == k {
			return d.About
		}
	}
	return nil
}

// Wide reports whether the top dialog needs all the room that there is.
func (s *Stack) Wide() bool { return s.Open() && s.open[len(s.open)-1].Code != "" }

// Replace puts d in the place of the open dialog of its kind, if there is one.
// The cursor stays where it was.
func (s *Stack) Replace(d *Dialog) {
	for i, o := range s.open {
		if o.Kind == d.Kind {
			d.cursor, d.top, d.page = o.cursor, o.top, o.page
			d.settle()
			s.open[i] = d
		}
	}
}

// Refresh gives a dialog new lines, if it is open.
func (s *Stack) Refresh(k Kind, lines []Line) {
	for _, d := range s.open {
		if d.Kind == k {
			d.Lines, d.said = lines, ""
			d.settle()
		}
	}
}

// Say puts words in place of what the keys do at the foot of a dialog, until
// it has new lines.
func (s *Stack) Say(k Kind, words string) {
	for _, d := range s.open {
		if d.Kind == k {
			d.said = words
		}
	}
}

// Press gives a key to the top dialog. It reports whether the owner has
// something to do.
func (s *Stack) Press(msg tea.KeyPressMsg) (act Action, ok bool) {
	if !s.Open() {
		return act, false
	}
	d := s.open[len(s.open)-1]
	key := msg.String()
	if d.Input != nil {
		if act, ok, done := d.write(msg); done {
			return act, ok
		}
	}
	if len(d.Lines) > 0 && slices.Contains(d.Keys, key) {
		return Action{d.Kind, key, d.chosen()}, true
	}
	const all = 1 << 20
	switch key {
	case "esc", "q", "enter":
		s.Pop()
	case "up", "k":
		d.move(-1)
	case "down", "j":
		d.move(+1)
	case "pgup":
		d.move(-max(d.page/max(d.each, 1)-1, 1))
	case "pgdown", "space":
		d.move(max(d.page/max(d.each, 1)-1, 1))
	case "home":
		d.move(-all)
	case "end":
		d.move(all)
	}
	return act, false
}
