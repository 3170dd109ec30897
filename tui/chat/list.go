// Package chat draws the messages of one conversation: a list that renders
// what is visible only, keeps its place while messages come, and wraps each
// message once per width.
//
// It does no input or output: who owns a [List] loads pages and hands them in.
package chat

import (
	"slices"
	"strings"
	"time"

	"dione/net/messenger"
	"dione/tui/text"
	"dione/tui/theme"
)

// maxItems bounds the messages in memory. Older ones are loaded again when
// somebody scrolls there.
const maxItems = 2000

// Item is one entry of a list: a message, or a quiet line of the program.
type Item struct {
	Message messenger.Message // zero for a quiet line
	Who     string            // author as shown; "" for our own
	Note    string            // a quiet line's text
	Hint    string            // and the next step
	Failed  bool              // it tells of something that failed
	At      time.Time         // when it was written
	cache   rendered
}

// rendered is an item's lines and what they were made for.
type rendered struct {
	look  look
	lines []string
}

// look is everything that an item's lines depend on but the item itself.
type look struct {
	width            int
	dark             bool
	day, head, fresh bool
}

// List is the conversation on the screen. The zero List is empty.
type List struct {
	items  []*Item
	width  int
	height int
	theme  theme.Theme
	zone   *time.Location
	up     int     // rows between the bottom of the view and the end; 0 follows
	fresh  float64 // Pos of the last message read when the chat was opened; the rule stands behind it
	ruled  bool    // show the rule
	below  int     // messages that came while scrolled up
	oldest bool    // nothing older is in the store
}

// New makes an empty list that writes times in zone.
func New(t theme.Theme, zone *time.Location) *List { return &List{theme: t, zone: zone} }

// SetTheme changes the styles.
func (l *List) SetTheme(t theme.Theme) {
	l.theme = t
	for _, it := range l.items {
		it.cache = rendered{}
	}
}

// SetSize changes the room that the list has. What is at the bottom of the
// view stays in it.
func (l *List) SetSize(width, height int) {
	if width == l.width && height == l.height {
		return
	}
	anchor := l.atBottom()
	l.width, l.height = width, height
	l.up = l.rowsBehind(anchor)
	l.clamp()
}

// atBottom returns the index of the item that the bottom of the view shows.
func (l *List) atBottom() int {
	rows := 0
	for i := len(l.items) - 1; i >= 0; i-- {
		if rows += len(l.lines(i)); rows > l.up {
			return i
		}
	}
	return len(l.items) - 1
}

func (l *List) rowsBehind(anchor int) (rows int) {
	for i := len(l.items) - 1; i > anchor; i-- {
		rows += len(l.lines(i))
	}
	return rows
}

// Len returns how many entries are in memory.
func (l *List) Len() int { return len(l.items) }

// First returns the oldest message in memory, to page back from.
func (l *List) First() (messenger.Message, bool) {
	for _, it := range l.items {
		if it.Message.Row != 0 {
			return it.Message, true
		}
	}
	return messenger.Message{}, false
}

// Last returns the newest message.
func (l *List) Last() (messenger.Message, bool) {
	for i := len(l.items) - 1; i >= 0; i-- {
		if l.items[i].Message.Row != 0 {
			return l.items[i].Message, true
		}
	}
	return messenger.Message{}, false
}

// Mark puts the rule of new messages behind the message at pos, or takes it
// away if nothing is unread.
func (l *List) Mark(pos float64, unread bool) {
	l.fresh, l.ruled = pos, unread
}

// Reset replaces everything by a page of the newest messages. Quiet lines stay.
func (l *List) Reset(page []*Item, oldest bool) {
	notes := slices.DeleteFunc(l.items, func(it *Item) bool { return it.Message.Row != 0 })
	l.items, l.up, l.below, l.oldest = nil, 0, 0, oldest
	l.items = append(l.items, page...)
	for _, n := range notes {
		l.insert(n)
	}
}

// Prepend puts an older page in front. The view stays where it is.
func (l *List) Prepend(page []*Item, oldest bool) {
	l.oldest = oldest
	page = slices.DeleteFunc(page, func(it *Item) bool { return l.find(it.Message) >= 0 })
	l.items = append(page, l.items...)
}

// WantsOlder reports whether the view is close to the oldest message in
// memory and the store has older ones.
func (l *List) WantsOlder() bool {
	if l.oldest || len(l.items) == 0 || l.width == 0 {
		return false
	}
	rows := 0
	for i := len(l.items) - 1; i >= 0; i-- {
		if rows += len(l.lines(i)); rows > l.up+2*l.height {
			return false
		}
	}
	return true
}

// Add puts an entry in its place, which is the end unless it is late. A
// message that is there already is replaced.
func (l *List) Add(it *Item) {
	if i := l.find(it.Message); i >= 0 {
		l.items[i] = it
		return
	}
	l.insert(it)
	if l.up > 0 {
		l.up += len(l.lines(slices.Index(l.items, it)))
		if it.Message.Row != 0 {
			l.below++
		}
	} else if len(l.items) > maxItems {
		l.items = slices.Delete(l.items, 0, len(l.items)-maxItems)
		l.oldest = false
	}
}

// insert keeps messages in the order of the chat and quiet lines by time.
func (l *List) insert(it *Item) {
	i := len(l.items)
	for i > 0 && behind(l.items[i-1], it) {
		i--
	}
	l.items = slices.Insert(l.items, i, it)
}

// behind reports whether a stands behind b.
func behind(a, b *Item) bool {
	if a.Message.Row != 0 && b.Message.Row != 0 {
		if a.Message.Pos != b.Message.Pos {
			return a.Message.Pos > b.Message.Pos
		}
		return a.Message.Row > b.Message.Row
	}
	return a.arrived().After(b.arrived())
}

func (it *Item) arrived() time.Time {
	if it.Message.Row != 0 {
		return it.Message.Arrived
	}
	return it.At
}

// Update changes a message whose state has changed.
func (l *List) Update(msg messenger.Message) {
	if i := l.find(msg); i >= 0 {
		l.items[i].Message = msg
		l.items[i].cache = rendered{}
	}
}

// Rename gives every message's author the name that who returns.
func (l *List) Rename(who func(messenger.Message) string) {
	for _, it := range l.items {
		if it.Message.Row == 0 {
			continue
		}
		if name := who(it.Message); name != it.Who {
			it.Who, it.cache = name, rendered{}
		}
	}
}

func (l *List) find(msg messenger.Message) int {
	if msg.Row == 0 {
		return -1
	}
	for i := len(l.items) - 1; i >= 0; i-- {
		if l.items[i].Message.Row == msg.Row {
			return i
		}
	}
	return -1
}

// Scroll moves the view by rows, up if positive.
func (l *List) Scroll(rows int) {
	l.up += rows
	l.clamp()
}

// ToEnd follows the newest message again.
func (l *List) ToEnd() { l.up, l.below = 0, 0 }

// Following reports whether the newest message is in view.
func (l *List) Following() bool { return l.up == 0 }

// Below returns how many messages came below the view.
func (l *List) Below() int { return l.below }

func (l *List) clamp() {
	total := 0
	for i := len(l.items) - 1; i >= 0 && total < l.up+l.height; i-- {
		total += len(l.lines(i))
	}
	l.up = max(0, min(l.up, total-l.height))
	if l.up == 0 {
		l.below = 0
	}
}

// View returns exactly height lines of at most width columns.
func (l *List) View() []string {
	var rows []string // from the bottom up
	skip := l.up
	for i := len(l.items) - 1; i >= 0 && len(rows) < l.height; i-- {
		lines := l.lines(i)
		for j := len(lines) - 1; j >= 0 && len(rows) < l.height; j-- {
			if skip > 0 {
				skip--
				continue
			}
			rows = append(rows, lines[j])
		}
	}
	for len(rows) < l.height {
		rows = append(rows, "")
	}
	slices.Reverse(rows)
	return rows
}

// lines returns the rendered lines of item i.
func (l *List) lines(i int) []string {
	it := l.items[i]
	want := look{width: l.width, dark: l.theme.Dark, day: l.newDay(i), head: l.newAuthor(i), fresh: l.isFresh(i)}
	if it.cache.lines == nil || it.cache.look != want {
		it.cache = rendered{look: want, lines: l.render(it, want)}
	}
	return it.cache.lines
}

func (l *List) newDay(i int) bool {
	if l.items[i].Message.Row == 0 {
		return false
	}
	for j := i - 1; j >= 0; j-- {
		if l.items[j].Message.Row != 0 {
			y, m, d := l.items[j].At.In(l.zone).Date()
			y2, m2, d2 := l.items[i].At.In(l.zone).Date()
			return y != y2 || m != m2 || d != d2
		}
	}
	return true
}

// groupTime is how long one's messages stand under one name.
const groupTime = 5 * time.Minute

func (l *List) newAuthor(i int) bool {
	if i == 0 {
		return true
	}
	a, b := l.items[i-1], l.items[i]
	return a.Message.Row == 0 || b.Message.Row == 0 || a.Message.From != b.Message.From || a.Who != b.Who ||
		b.At.Sub(a.At).Abs() > groupTime || l.newDay(i) || l.isFresh(i)
}

// isFresh reports whether item i is the first unread message.
func (l *List) isFresh(i int) bool {
	it := l.items[i]
	if !l.ruled || it.Message.Row == 0 || it.Message.Pos <= l.fresh || it.Message.Mine {
		return false
	}
	for j := i - 1; j >= 0; j-- {
		if m := l.items[j].Message; m.Row != 0 && !m.Mine {
			return m.Pos <= l.fresh
		}
	}
	return true
}

// Unread counts the messages of others behind the rule.
func (l *List) Unread() (n int) {
	for _, it := range l.items {
		if it.Message.Row != 0 && !it.Message.Mine && it.Message.Pos > l.fresh {
			n++
		}
	}
	return n
}

// pad returns n blanks.
func pad(n int) string { return strings.Repeat(" ", max(0, n)) }

// rule draws a line with a label in its middle.
func rule(label string, width int) string {
	label = text.Truncate(" "+label+" ", width)
	left := max(0, (width-text.Width(label))/2)
	return strings.Repeat("─", left) + label + strings.Repeat("─", max(0, width-left-text.Width(label)))
}
