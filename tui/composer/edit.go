package composer

import (
	"strings"
	"unicode"
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
	on("← →", "one character", (*Composer).left, "left", "ctrl+b"),
	on("", "", (*Composer).right, "right"),
	on("Alt+← Alt+→", "one word; also Ctrl+← Ctrl+→", (*Composer).wordLeft, "alt+left", "ctrl+left", "alt+b"),
	on("", "", (*Composer).wordRight, "alt+right", "ctrl+right", "alt+f"),
	on("Home End", "beginning and end of the line", (*Composer).home, "home", "ctrl+a"),
	on("", "", (*Composer).end, "end", "ctrl+e"),
	on("↑ ↓", "one row; in an empty line: what was sent or cleared", (*Composer).up, "up"),
	on("", "", (*Composer).down, "down"),
	on("", "", (*Composer).backspace, "backspace", "ctrl+h", "shift+backspace"),
	on("", "", (*Composer).delete, "delete", "ctrl+d"),
	on("Ctrl+W", "delete the word before", (*Composer).killWord, "ctrl+w", "alt+backspace", "ctrl+backspace"),
	on("", "", (*Composer).killWordRight, "alt+d", "alt+delete", "ctrl+delete"),
	on("Ctrl+U", "delete the line before", (*Composer).killLine, "ctrl+u"),
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
	// Characters are found from the left only. A line break begins one.
	j := strings.LastIndexByte(c.text[:i-1], '\n') + 1
	for {
		n := j + text.Next(c.text[j:])
		if n >= i {
			return j
		}
		j = n
	}
}

// after returns where the character after i ends.
func (c *Composer) after(i int) int { return i + text.Next(c.text[i:]) }

func (c *Composer) move(to int) bool {
	moved := to != c.at
	c.at, c.goal = to, -1
	return moved
}

func (c *Composer) cut(from, to int) bool {
	if from == to {
		return false
	}
	c.text = c.text[:from] + c.text[to:]
	c.at = from
	c.changed()
	return true
}

func (c *Composer) kill(from, to int) bool {
	if from != to {
		c.killed = c.text[from:to]
	}
	return c.cut(from, to)
}

func (c *Composer) left() bool          { return c.move(c.before(c.at)) }
func (c *Composer) right() bool         { return c.move(c.after(c.at)) }
func (c *Composer) wordLeft() bool      { return c.move(c.wordBefore()) }
func (c *Composer) wordRight() bool     { return c.move(c.wordAfter()) }
func (c *Composer) backspace() bool     { return c.cut(c.before(c.at), c.at) }
func (c *Composer) delete() bool        { return c.cut(c.at, c.after(c.at)) }
func (c *Composer) killWord() bool      { return c.kill(c.wordBefore(), c.at) }
func (c *Composer) killWordRight() bool { return c.kill(c.at, c.wordAfter()) }
func (c *Composer) killLine() bool      { return c.kill(c.lineStart(), c.at) }
func (c *Composer) yank() bool          { return c.killed != "" && c.Insert(c.killed) }
func (c *Composer) home() bool          { return c.move(c.lineStart()) }

func (c *Composer) end() bool {
	if i := strings.IndexByte(c.text[c.at:], '\n'); i >= 0 {
		return c.move(c.at + i)
	}
	return c.move(len(c.text))
}

func (c *Composer) lineStart() int { return strings.LastIndexByte(c.text[:c.at], '\n') + 1 }

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

func (c *Composer) wordBefore() int {
	i, inWord := c.at, false
	for i > 0 {
		r, size := utf8.DecodeLastRuneInString(c.text[:i])
		if inWord && !isWord(r) {
			break
		}
		inWord = inWord || isWord(r)
		i -= size
	}
	return i
}

func (c *Composer) wordAfter() int {
	i, inWord := c.at, false
	for i < len(c.text) {
		r, size := utf8.DecodeRuneInString(c.text[i:])
		if inWord && !isWord(r) {
			break
		}
		inWord = inWord || isWord(r)
		i += size
	}
	return i
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
	end := r.end
	if end == r.next && end != len(c.text) { // a word goes on in the next row: stay in this one
		end = max(r.start, c.before(end))
	}
	head, _ := c.meter.Cut(c.text[r.start:end], c.goal)
	c.at = r.start + len(head)
	return true
}
