package composer

import (
	"strings"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"dione/tui/text"
)

// edit is one key of the editor and what it does.
type edit struct {
	key.Binding
	do func(*Composer) bool // reports whether there was something to do
}

func on(shown, help string, do func(*Composer) bool, keys ...string) edit {
	return edit{key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, help)), do}
}

// edits is every key that changes the text or moves in it. Ctrl+K and Ctrl+F
// are left out: elsewhere in the program they mean something else.
var edits = []edit{
	on("↑ ↓", "one row; in an empty line: what was sent or cleared", (*Composer).up, "up"),
	on("", "", (*Composer).down, "down"),
	on("← →", "one character", (*Composer).left, "left", "ctrl+b"),
	on("", "", (*Composer).right, "right"),
	on("Alt+← Alt+→", "one word; also Ctrl+← Ctrl+→", (*Composer).wordLeft, "alt+left", "ctrl+left", "alt+b"),
	on("", "", (*Composer).wordRight, "alt+right", "ctrl+right", "alt+f"),
	on("Home End", "beginning and end of the row, then of the line", (*Composer).home, "home"),
	on("", "", (*Composer).end, "end"),
	on("", "", (*Composer).lineHome, "ctrl+a"),
	on("", "", (*Composer).lineEnd, "ctrl+e"),
	on("", "", (*Composer).backspace, "backspace", "ctrl+h", "shift+backspace"),
	on("", "", (*Composer).delete, "delete", "ctrl+d"),
	on("Ctrl+W Alt+D", "delete the word before, behind", (*Composer).killWord, "ctrl+w", "alt+backspace", "ctrl+backspace"),
	on("", "", (*Composer).killWordRight, "alt+d", "alt+delete", "ctrl+delete"),
	on("Ctrl+U Alt+K", "delete the line before, behind", (*Composer).killLine, "ctrl+u"),
	on("", "", (*Composer).killLineRight, "alt+k"),
	on("Ctrl+Y", "bring back what was deleted so", (*Composer).yank, "ctrl+y"),
}

// Keys returns the keys of the editor that a help should tell of.
func Keys() (keys []key.Binding) {
	for _, e := range edits {
		if e.Help().Key != "" {
			keys = append(keys, e.Binding)
		}
	}
	return keys
}

// Press takes a key and reports whether it did something here. Keys that write
// and find no room return full.
func (c *Composer) Press(msg tea.KeyPressMsg) (done, full bool) {
	c.strokes++
	if msg.Text != "" {
		ok := c.Insert(msg.Text)
		return ok, !ok
	}
	for _, e := range edits {
		if key.Matches(msg, e.Binding) {
			return e.do(c), false
		}
	}
	return false, false
}

// before returns where the character before i begins.
func (c *Composer) before(i int) int {
	if i == 0 {
		return 0
	}
	from, _ := c.around(i - 1)
	return from
}

// after returns where the character after i ends.
func (c *Composer) after(i int) int { return i + text.Next(c.text[i:]) }

// around returns where the character begins and ends of which the byte at i is
// a part. Characters are found from the left only; a line break begins one.
func (c *Composer) around(i int) (from, to int) {
	from = strings.LastIndexByte(c.text[:i], '\n') + 1
	for {
		if to = c.after(from); to > i {
			return from, to
		}
		from = to
	}
}

// whole returns i, or the end of the character in which it is: what was
// deleted or written may have made one of two.
func (c *Composer) whole(i int) int {
	if i == 0 || i == len(c.text) || c.text[i-1] < utf8.RuneSelf && c.text[i] < utf8.RuneSelf {
		return i
	}
	if from, to := c.around(i); from < i {
		return to
	}
	return i
}

func (c *Composer) move(to int) bool {
	moved := to != c.at
	c.at, c.goal = to, -1
	return moved
}

// replace puts s in place of what stands between two bytes, and the cursor
// behind it.
func (c *Composer) replace(from, to int, s string) {
	c.text = c.text[:from] + s + c.text[to:]
	c.at = c.whole(from + len(s))
	c.changed()
}

func (c *Composer) cut(from, to int) bool {
	if from == to {
		return false
	}
	c.replace(from, to, "")
	return true
}

// kill cuts and keeps what it cuts, with what was cut by the keys just before.
func (c *Composer) kill(from, to int) bool {
	if from == to {
		return false
	}
	killed, back := c.text[from:to], to == c.at
	switch {
	case c.killedAt != c.strokes-1:
		c.killed = killed
	case back:
		c.killed = killed + c.killed
	default:
		c.killed += killed
	}
	c.cut(from, to)
	c.killedAt = c.strokes
	return true
}

func (c *Composer) left() bool          { return c.move(c.before(c.at)) }
func (c *Composer) right() bool         { return c.move(c.after(c.at)) }
func (c *Composer) wordLeft() bool      { return c.move(c.wordBefore()) }
func (c *Composer) wordRight() bool     { return c.move(c.wordAfter()) }
func (c *Composer) lineHome() bool      { return c.move(c.lineStart()) }
func (c *Composer) lineEnd() bool       { return c.move(c.lineStop()) }
func (c *Composer) backspace() bool     { return c.cut(c.before(c.at), c.at) }
func (c *Composer) delete() bool        { return c.cut(c.at, c.after(c.at)) }
func (c *Composer) killWord() bool      { return c.kill(c.wordBefore(), c.at) }
func (c *Composer) killWordRight() bool { return c.kill(c.at, c.wordAfter()) }
func (c *Composer) killLine() bool      { return c.kill(c.lineStart(), c.at) }
func (c *Composer) yank() bool          { return c.killed != "" && c.Insert(c.killed) }

// killLineRight deletes to the end of the line, and there the line break.
func (c *Composer) killLineRight() bool {
	stop := c.lineStop()
	if stop == c.at {
		stop = c.after(c.at)
	}
	return c.kill(c.at, stop)
}

func (c *Composer) lineStart() int { return strings.LastIndexByte(c.text[:c.at], '\n') + 1 }

func (c *Composer) lineStop() int {
	if i := strings.IndexByte(c.text[c.at:], '\n'); i >= 0 {
		return c.at + i
	}
	return len(c.text)
}

// home goes to the beginning of the row, and from there to that of the line.
func (c *Composer) home() bool {
	start := c.whole(c.layout()[c.cursorRow()].start)
	if start >= c.at {
		start = c.lineStart()
	}
	return c.move(start)
}

// end goes to the end of the row, and from there to that of the line.
func (c *Composer) end() bool {
	stop := c.rowEnd(c.layout()[c.cursorRow()])
	if stop <= c.at {
		stop = c.lineStop()
	}
	return c.move(stop)
}

// rowEnd returns the last place for the cursor in a row. Where a word goes on
// in the next row, that is before the last character: behind it is there.
func (c *Composer) rowEnd(r row) int {
	if r.end == r.next && r.end != len(c.text) {
		return max(r.start, c.before(r.end))
	}
	return r.end
}

// vertical moves by rows as they are on the screen, and keeps the column.
func (c *Composer) vertical(by int) bool {
	rows, i := c.layout(), c.cursorRow()
	if i+by < 0 || i+by >= len(rows) {
		return false
	}
	if c.goal < 0 {
		c.goal = c.meter.Width(c.text[rows[i].start:c.at])
	}
	r := rows[i+by]
	head, _ := c.meter.Cut(c.text[r.start:c.rowEnd(r)], c.goal)
	c.at = r.start + len(head)
	if end := c.whole(c.at); end != c.at { // a character wider than a row, which is taken apart
		if by < 0 {
			end, _ = c.around(c.at)
		}
		c.at = end
	}
	return true
}
