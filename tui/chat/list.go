// Package chat draws the messages of one conversation: a list that renders
// what is in view only, keeps its place while messages come, and wraps each of
// them once.
//
// It does no input or output. Who owns a [List] loads pages of messages, hands
// them in, and asks when it wants more.
package chat

import (
	"slices"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/text"
	"dione/tui/theme"
)

const (
	// maxEntries bounds what is in memory of one conversation. What is further
	// away is loaded again when somebody scrolls there.
	maxEntries = 600

	// maxLater bounds the news that are kept while their place is not loaded:
	// more than a page, which holds all older ones.
	maxLater = 500

	// maxRows bounds the rows that are kept drawn.
	maxRows = 4000
)

// Look is how and for whom a list draws. Its parts may change between two
// calls of [List.SetLook] only.
type Look struct {
	Theme *theme.Theme
	Meter text.Meter
	Zone  *time.Location
	Now   func() time.Time
	Who   func(identity.ID) messenger.Person
	Self  identity.ID
}

// entry is one item of the list: a message, or a quiet line of the program.
type entry struct {
	msg  messenger.Message // Row 0: a note
	note *note
	at   time.Time // our clock: what the list is ordered and dated by

	drawn flags
	rows  []string // nil: to be drawn
}

// flags is what an entry's rows depend on beside the entry and the look.
type flags struct {
	day   bool // it begins a day
	head  bool // it names its author
	rule  int  // new messages that the rule above it tells of; 0 for no rule
	point bool // a sign points to it
	under bool // the cursor is on it
	gap   int  // messages of its author that are missing before it
	same  bool // it came as the one above it, which says so
}

// List is one conversation on the screen. Make it with [New].
type List struct {
	look          Look
	width, height int

	entries []*entry
	intro   []string            // stands above the first message there is
	atStart bool                // nothing older is in the store
	atEnd   bool                // nothing newer is in the store
	later   []messenger.Message // news from behind the end; newest last

	follow bool   // the view stands at the end
	top    *entry // else it begins in this entry; nil: in the intro
	skip   int    // and leaves out so many of its rows
	below  int    // messages that came below the view

	rule     float64 // Pos behind which messages were unread
	ruleNew  int     // how many; 0: no rule
	pointed  int64   // Row of the message that a sign points to; 0: none
	chosen   int64   // Row of the message under the cursor; 0: none
	view     []string
	rowsHeld int
}

// New makes an empty list that knows nothing yet of what the store has.
func New(look Look) *List { return &List{look: look, follow: true} }

// SetLook changes how everything is drawn.
func (l *List) SetLook(look Look) {
	l.look = look
	l.Redraw()
}

// Redraw draws everything anew, after a change of names for example.
func (l *List) Redraw() {
	for _, e := range l.entries {
		e.rows = nil
	}
	l.rowsHeld, l.view = 0, nil
}

// SetSize gives the list its room. What is in view stays there.
func (l *List) SetSize(width, height int) {
	if width == l.width && height == l.height {
		return
	}
	if width != l.width {
		l.Redraw()
	}
	l.width, l.height, l.view = width, max(height, 0), nil
	l.settle()
	if i := l.chosenAt(); i >= 0 {
		l.reveal(i)
	}
}

// SetIntro sets the rows that stand above the first message there is.
func (l *List) SetIntro(rows []string) {
	if !slices.Equal(rows, l.intro) {
		l.intro, l.view = rows, nil
		l.settle()
	}
}

// Empty reports whether there is no message.
func (l *List) Empty() bool { return l.first() == nil }

// Following reports whether the view stands at the end.
func (l *List) Following() bool { return l.follow && l.atEnd }

// Below returns how many messages came below the view.
func (l *List) Below() int { return l.below }

// SetBelow says that at least n new messages are below the view, unless it
// follows the end.
func (l *List) SetBelow(n int) {
	if !l.follow {
		l.below = max(l.below, n)
	}
}

func (l *List) first() *entry {
	for _, e := range l.entries {
		if e.note == nil {
			return e
		}
	}
	return nil
}

func (l *List) last() *entry {
	for i := len(l.entries) - 1; i >= 0; i-- {
		if l.entries[i].note == nil {
			return l.entries[i]
		}
	}
	return nil
}

// Last returns the newest message that the list has.
func (l *List) Last() (msg messenger.Message, ok bool) {
	if e := l.last(); e != nil {
		return e.msg, true
	}
	return msg, false
}

func cursorOf(e *entry) messenger.Cursor { return messenger.Cursor{Pos: e.msg.Pos, Row: e.msg.Row} }

// Older returns the place before which the list wants a page, because the view
// comes near its first message.
func (l *List) Older() (before messenger.Cursor, ok bool) {
	e := l.first()
	if l.atStart || e == nil || l.height == 0 {
		return before, false
	}
	i, skip := l.place()
	rows := skip
	for i--; i >= 0 && rows < 2*l.height; i-- {
		rows += len(l.rows(i))
	}
	return cursorOf(e), rows < 2*l.height
}

// Newer returns the place behind which the list wants a page, because the view
// comes near the last message it has and that is not the newest.
func (l *List) Newer() (after messenger.Cursor, ok bool) {
	e := l.last()
	if l.atEnd || e == nil || l.height == 0 {
		return after, false
	}
	i, skip := l.place()
	rows := -skip
	for ; i < len(l.entries) && rows < 3*l.height; i++ {
		if i >= 0 {
			rows += len(l.rows(i))
		}
	}
	return cursorOf(e), rows < 3*l.height
}

// Reset replaces the messages by the newest page, and goes to the end. What is
// younger stays: it was told after the page had been read.
func (l *List) Reset(page []messenger.Message, atStart bool) {
	l.replace(page, atStart, true)
	l.follow, l.top, l.skip, l.below, l.chosen = true, nil, 0, 0, 0
}

// ShowAround replaces the messages by a page from anywhere, and begins the view
// at the place at, or somewhat before. AtStart and atEnd say that the store has
// no more on that side.
func (l *List) ShowAround(page []messenger.Message, at messenger.Cursor, before, atStart, atEnd bool) {
	l.replace(page, atStart, atEnd)
	l.follow, l.top, l.skip, l.below, l.chosen = false, nil, 0, 0, 0
	for i, e := range l.entries {
		if e.note == nil && !less(e.msg, messenger.Message{Pos: at.Pos, Row: at.Row}) {
			if !before {
				l.stand(i, 0)
				return
			}
			l.top = e
			l.Scroll(-l.height / 3)
			return
		}
	}
	l.stand(-1, 0)
}

// Point draws a sign at the message in a row; 0 takes it away.
func (l *List) Point(row int64) {
	if l.pointed != row {
		l.pointed, l.view = row, nil
	}
}

// Top returns the place of the first message in view, and whether the view
// does not follow the end.
func (l *List) Top() (at messenger.Cursor, ok bool) {
	if l.follow {
		return at, false
	}
	i, _ := l.place()
	for i = max(i, 0); i < len(l.entries); i++ {
		if e := l.entries[i]; e.note == nil {
			return cursorOf(e), true
		}
	}
	return at, false
}

// replace puts a page in the place of all messages, but keeps what is younger
// than the page, which may have been read before that came.
func (l *List) replace(page []messenger.Message, atStart, atEnd bool) {
	for _, e := range l.entries {
		if e.note == nil && (len(page) == 0 || less(page[len(page)-1], e.msg)) {
			l.remember(e.msg)
		}
	}
	notes := slices.DeleteFunc(l.entries, func(e *entry) bool { return e.note == nil })
	l.entries, l.rowsHeld = nil, 0
	for _, m := range page {
		l.entries = append(l.entries, newEntry(m))
	}
	for _, n := range notes {
		if atEnd && (atStart || len(page) > 0 && n.at.After(page[0].Arrived)) {
			l.insert(n)
		}
	}
	l.atStart, l.atEnd, l.view = atStart, atEnd, nil
	if atEnd {
		l.catchUp()
	}
}

// catchUp takes in what was told while its place was not there.
func (l *List) catchUp() {
	last := l.last()
	for _, m := range l.later {
		if i := l.find(m); i >= 0 {
			l.entries[i].msg, l.entries[i].rows = m, nil
		} else if last == nil || less(last.msg, m) {
			l.insert(newEntry(m))
		}
	}
	l.later = nil
}

// Stale reports whether the view stands at the end of what the list has, and
// that is not the end of the conversation: it wants the newest page.
func (l *List) Stale() bool { return l.follow && !l.atEnd }

// Prepend puts an older page in front; short says that the store has no more.
func (l *List) Prepend(page []messenger.Message, short bool) {
	older := make([]*entry, 0, len(page)+len(l.entries))
	first := l.first()
	for _, m := range page {
		if first == nil || less(m, first.msg) {
			older = append(older, newEntry(m))
		}
	}
	l.entries = append(older, l.entries...)
	l.atStart, l.view = short, nil
	if n := len(l.entries) - maxEntries; n > 0 && !l.follow {
		if i, _ := l.place(); i < len(l.entries)-n-l.height {
			l.entries = slices.Delete(l.entries, len(l.entries)-n, len(l.entries))
			l.atEnd = false
		}
	}
}

// Append puts a newer page behind; short says that the store has no more.
func (l *List) Append(page []messenger.Message, short bool) {
	last := l.last()
	for _, m := range page {
		if last == nil || less(last.msg, m) {
			l.entries = append(l.entries, newEntry(m))
		}
	}
	l.atEnd, l.view = short, nil
	if short {
		l.catchUp()
	}
	l.trim()
}

// Add puts a new message in its place, which is the end unless it is late.
func (l *List) Add(m messenger.Message) {
	if i := l.find(m); i >= 0 {
		l.Update(m)
		return
	}
	if !l.follow && !m.Mine {
		l.below++
	}
	if !l.atEnd {
		l.remember(m)
		return
	}
	l.requote(m)
	l.insert(newEntry(m))
	l.trim()
}

// Update changes a message that the list has.
func (l *List) Update(m messenger.Message) {
	l.requote(m)
	if i := l.find(m); i >= 0 {
		l.entries[i].msg, l.entries[i].rows, l.view = m, nil, nil
	} else if !l.atEnd {
		l.remember(m)
	}
}

// remember keeps news until the place that they belong to is loaded: the page
// may have been read before they were committed.
func (l *List) remember(m messenger.Message) {
	if l.later = append(l.later, m); len(l.later) > maxLater {
		l.later = slices.Delete(l.later, 0, len(l.later)-maxLater)
	}
}

// Rest lets go of all but the newest messages, because the conversation is not
// on the screen any more.
func (l *List) Rest(keep int) {
	if l.follow && len(l.entries) > keep {
		l.entries = slices.Delete(l.entries, 0, len(l.entries)-keep)
		l.atStart = false
	}
	l.Redraw()
}

// Forget drops the messages that are gone, because they were deleted.
func (l *List) Forget(gone func(messenger.Message) bool) {
	at, scrolled := l.Top()
	l.later = slices.DeleteFunc(l.later, gone)
	l.entries = slices.DeleteFunc(l.entries, func(e *entry) bool { return e.note == nil && gone(e.msg) })
	l.Redraw()
	if !scrolled {
		return
	}
	for i, e := range l.entries {
		if e.note == nil && !less(e.msg, messenger.Message{Pos: at.Pos, Row: at.Row}) {
			l.stand(i, 0)
			return
		}
	}
	l.End()
}

// SetRule draws a rule above the messages of others behind pos, which are n; 0
// takes it away.
func (l *List) SetRule(pos float64, n int) {
	if l.rule != pos || l.ruleNew != n {
		l.rule, l.ruleNew, l.view = pos, n, nil
	}
}

// Rule returns how many new messages the rule tells of.
func (l *List) Rule() int { return l.ruleNew }

func newEntry(m messenger.Message) *entry {
	at := m.Arrived
	if at.IsZero() {
		at = m.Sent
	}
	return &entry{msg: m, at: at}
}

// less reports whether a stands before b in their chat.
func less(a, b messenger.Message) bool {
	return a.Pos < b.Pos || a.Pos == b.Pos && a.Row < b.Row
}

// insert puts e before the entries that belong behind it. Notes have no place
// in the order of the chat but their time.
func (l *List) insert(e *entry) {
	i := len(l.entries)
	for ; i > 0; i-- {
		b := l.entries[i-1]
		if e.note == nil && b.note == nil {
			if !less(e.msg, b.msg) {
				break
			}
		} else if !e.at.Before(b.at) {
			break
		}
	}
	l.entries = slices.Insert(l.entries, i, e)
	l.view = nil
}

// trim drops the oldest entries while nobody looks there.
func (l *List) trim() {
	n := len(l.entries) - maxEntries
	if n <= 0 {
		return
	}
	if i, _ := l.place(); i < n {
		return
	}
	l.entries = slices.Delete(l.entries, 0, n)
	l.atStart, l.view = false, nil
}

func (l *List) find(m messenger.Message) int {
	for i := len(l.entries) - 1; i >= 0; i-- {
		if e := l.entries[i]; e.note == nil && e.msg.Row == m.Row && e.msg.ID == m.ID {
			return i
		}
	}
	return -1
}
