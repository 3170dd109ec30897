// Package composer is where one writes: a small text editor that works in
// user-perceived characters, wraps, grows and never loses what was typed.
//
// It knows nothing of messages. Enter does not reach it: who owns a [Composer]
// takes the text and says when it may go.
package composer

import (
	"strings"

	"dione/tui/text"
)

// MaxInput bounds what a composer holds, in bytes. It is more than a message
// may have, so that a text that is too long can be cut down where it stands.
const MaxInput = 64 << 10

// Composer holds one text and the place in it where one writes. Make it with
// [New].
type Composer struct {
	text   string
	at     int    // byte offset of the cursor, between two characters
	goal   int    // column that moving up and down keeps; -1 for the one at hand
	killed string // what was deleted last as a whole, for yank

	strokes  int // keys and changes until now
	killedAt int // of them, the last that deleted so

	history

	meter text.Meter
	width int
	rows  []row // text laid out; nil when it has changed
	top   int   // first row in view
}

// row is one line on the screen: text[start:end]. The next row begins at next.
type row struct{ start, end, next int }

// New makes an empty composer.
func New() *Composer { return &Composer{goal: -1, width: 80} }

// Text returns what is written.
func (c *Composer) Text() string { return c.text }

// Empty reports whether nothing is written.
func (c *Composer) Empty() bool { return c.text == "" }

// SetText replaces what is written. The cursor stands behind it.
func (c *Composer) SetText(s string) {
	c.text, c.at = s, len(s)
	c.changed()
}

// Insert writes s at the cursor, as far as a terminal can show it, and reports
// whether there was room; if not, nothing has changed.
func (c *Composer) Insert(s string) bool {
	// A mark that comes as a key of its own belongs to the letter before it.
	base := c.text[c.before(c.at):c.at]
	if both, ok := strings.CutPrefix(text.Input(base+s), base); ok {
		s = both
	} else {
		s = text.Input(s)
	}
	return c.Replace(c.at, s)
}

// At returns where one writes, as a byte offset in the text.
func (c *Composer) At() int { return c.at }

// Replace puts s in place of what stands between from and the cursor, and
// reports whether there was room; if not, nothing has changed.
func (c *Composer) Replace(from int, s string) bool {
	if len(c.text)-(c.at-from)+len(s) > MaxInput {
		return false
	}
	c.replace(from, c.at, s)
	return true
}

// SetSize gives the composer its columns and tells how the terminal measures.
func (c *Composer) SetSize(width int, m text.Meter) {
	if width != c.width || m != c.meter {
		c.width, c.meter, c.rows = width, m, nil
	}
}

func (c *Composer) changed() {
	c.rows, c.goal = nil, -1
	c.strokes++
	c.shown = len(c.past)
}

// layout breaks the text into rows, once for each change. The last column is
// kept for the cursor behind a full row.
func (c *Composer) layout() []row {
	if c.rows != nil {
		return c.rows
	}
	width := c.width - 1
	for start := 0; ; {
		end, next := c.meter.Break(c.text[start:], width)
		r := row{start, start + end, start + next}
		c.rows = append(c.rows, r)
		if r.next == len(c.text) {
			if r.next > r.end && c.text[r.next-1] == '\n' {
				c.rows = append(c.rows, row{r.next, r.next, r.next})
			}
			return c.rows
		}
		start = r.next
	}
}

// Rows returns how many rows the text takes.
func (c *Composer) Rows() int { return len(c.layout()) }

// cursorRow returns the index of the row in which the cursor stands.
func (c *Composer) cursorRow() int {
	rows := c.layout()
	i := 0
	for i+1 < len(rows) && rows[i+1].start <= c.at {
		i++
	}
	return i
}

// View returns height rows of the text, those around the cursor, and where the
// cursor is among them. Fewer rows are returned when the text has fewer. More
// reports on either side whether the text goes on there.
func (c *Composer) View(height int) (lines []string, x, y int, above, below bool) {
	rows, at := c.layout(), c.cursorRow()
	height = max(height, 1)
	c.top = max(min(c.top, at, len(rows)-height), at-height+1, 0)
	end := min(len(rows), c.top+height)
	for _, r := range rows[c.top:end] {
		lines = append(lines, c.meter.Show(strings.TrimSuffix(c.text[r.start:r.end], "\n")))
	}
	// Blanks at which a row was broken are not drawn: the cursor waits behind
	// the row for the word that follows them.
	x = c.meter.Width(c.text[rows[at].start:min(c.at, rows[at].end)])
	if trailing := c.at - rows[at].end; trailing > 0 {
		x += trailing
	}
	return lines, min(x, max(c.width-1, 0)), at - c.top, c.top > 0, end < len(rows)
}
