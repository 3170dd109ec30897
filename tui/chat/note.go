package chat

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/text"
)

// note is a quiet line of the program between the messages. It is kept in
// memory only.
type note struct {
	words, hint string
	failed      bool
	moves       []move // who came and went; then there are no words
}

// move is somebody who came or went.
type move struct {
	who  identity.ID
	path messenger.Path // PathNone: they left
}

// Note adds something that the program says, and the next step if there is one.
func (l *List) Note(words, hint string, failed bool) {
	l.addNote(&note{words: words, hint: hint, failed: failed})
}

func (l *List) addNote(n *note) {
	if l.atEnd {
		l.insert(&entry{note: n, at: l.look.Now()})
		l.trim()
	}
}

// Presence adds that somebody came by path, or left (PathNone). What happens
// within a few minutes without a word between stands in one note, where the
// last thing counts that each person did.
func (l *List) Presence(who identity.ID, path messenger.Path) {
	now := l.look.Now()
	if len(l.entries) > 0 {
		e := l.entries[len(l.entries)-1]
		if e.note != nil && e.note.moves != nil && now.Sub(e.at) < groupTime {
			e.note.moves = slices.DeleteFunc(e.note.moves, func(m move) bool { return m.who == who })
			e.note.moves = append(e.note.moves, move{who, path})
			l.rowsHeld -= len(e.rows)
			e.rows, l.view = nil, nil
			return
		}
	}
	l.addNote(&note{moves: []move{{who, path}}})
}

func (l *List) drawNote(e *entry) (rows []string) {
	th := l.look.Theme
	add := func(sign, words string, first bool) {
		style := th.Muted
		if e.note.failed && sign != hintSign {
			style = th.Bad
		}
		for i, s := range l.look.Meter.Wrap(words, min(l.width-nameAt-3, measure)) {
			n := l.line()
			n.to(1)
			if first && i == 0 {
				n.put(th.Muted, e.at.In(l.look.Zone).Format("15:04"))
			}
			n.to(nameAt)
			if i == 0 {
				n.put(style, sign)
			}
			n.to(nameAt + 2)
			n.put(style, s)
			rows = append(rows, l.end(n))
		}
	}
	if e.note.moves != nil {
		came, left := l.moves(e.note)
		if came != "" {
			add("→", came, true)
		}
		if left != "" {
			add("←", left, came == "")
		}
		return rows
	}
	sign := "·"
	if e.note.failed {
		sign = "✗"
	}
	add(sign, text.Clean(e.note.words), true)
	if e.note.hint != "" {
		add(hintSign, text.Clean(e.note.hint), false)
	}
	return rows
}

const hintSign = " "

// moves says in words who came and who left.
func (l *List) moves(n *note) (came, left string) {
	var in, out []string
	path := messenger.PathNone
	for _, m := range n.moves {
		p := l.look.Who(m.who)
		name := text.Name(p.Name) + text.Tag(p.Tag, p.Verified)
		if m.path == messenger.PathNone {
			out = append(out, name)
			continue
		}
		in = append(in, name)
		path = m.path
	}
	if len(in) > 0 {
		is := "is"
		if len(in) > 1 {
			is = "are"
		}
		came = fmt.Sprintf("%s %s here (%s)", list(in), is, PathName(path))
	}
	if len(out) > 0 {
		left = list(out) + " left"
	}
	return came, left
}

// list joins names, of many only the first.
func list(names []string) string {
	const shown = 4
	if n := len(names) - shown; n > 1 {
		return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d others", n)
	}
	return strings.Join(names, ", ")
}

// PathName returns a path as people read it.
func PathName(p messenger.Path) string {
	if p == messenger.PathLAN {
		return "LAN"
	}
	return p.String()
}

// Since tells when something was, shortly and so that it does not grow old on
// a screen that nobody touches: the time of today, else the day.
func Since(t, now time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case sameDay(t, now):
		return t.Format("15:04")
	case now.Sub(t) < 6*24*time.Hour:
		return t.Format("Mon")
	case t.Year() == now.Year():
		return t.Format("2 Jan")
	}
	return t.Format("Jan 2006")
}
