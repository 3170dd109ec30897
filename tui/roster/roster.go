// Package roster draws the list of conversations: the room, who is near, and
// the contacts.
package roster

import (
	"strconv"
	"time"

	"dione/net/messenger"
	"dione/tui/text"
	"dione/tui/theme"
)

// Entry is one conversation that can be chosen.
type Entry struct {
	Chat   messenger.Chat
	Person messenger.Person // zero for the room
	Unread int
	Seen   string // when the person was last here; "" if they are, or never were
}

// Roster is the list and the place in it. The zero Roster is empty.
type Roster struct {
	entries []Entry
	open    messenger.Chat // the conversation on the screen
	cursor  messenger.Chat // the line under the cursor
	active  bool           // the cursor is shown
	top     int            // first line in view
}

// Sort puts people into the order of the screen, which is that of the
// argument: the room first, those near, then contacts and who is reached by
// another way.
func Sort(people []messenger.Person, unread func(messenger.Chat) int, seen func(messenger.Person) string) []Entry {
	entries := []Entry{{Chat: messenger.Room, Unread: unread(messenger.Room)}}
	for _, near := range []bool{true, false} {
		for _, p := range people {
			chat := messenger.Chat{Peer: p.ID}
			n := unread(chat)
			if p.Near() == near && (near || p.Contact || p.Connected() || n > 0) {
				entries = append(entries, Entry{Chat: chat, Person: p, Unread: n, Seen: seen(p)})
			}
		}
	}
	return entries
}

// Set replaces the entries. The cursor stays on its conversation.
func (r *Roster) Set(entries []Entry) { r.entries = entries }

// Open tells which conversation is on the screen.
func (r *Roster) Open(c messenger.Chat) { r.open = c }

// Focus shows the cursor, on the open conversation at first, or hides it.
func (r *Roster) Focus(on bool) {
	if r.active = on; on {
		r.cursor = r.open
	}
}

// Move moves the cursor by lines, within the list.
func (r *Roster) Move(by int) {
	if len(r.entries) > 0 {
		i := min(max(r.index(r.cursor)+by, 0), len(r.entries)-1)
		r.cursor = r.entries[i].Chat
	}
}

// Chosen returns the conversation under the cursor.
func (r *Roster) Chosen() messenger.Chat {
	if len(r.entries) == 0 {
		return messenger.Room
	}
	return r.entries[r.index(r.cursor)].Chat
}

// Beside returns the conversation so many lines from the open one. The list
// goes round.
func (r *Roster) Beside(by int) messenger.Chat {
	n := len(r.entries)
	if n == 0 {
		return messenger.Room
	}
	return r.entries[((r.index(r.open)+by)%n+n)%n].Chat
}

func (r *Roster) index(c messenger.Chat) int {
	for i, e := range r.entries {
		if e.Chat == c {
			return i
		}
	}
	return 0
}

// View draws the roster in exactly height rows of width columns.
func (r *Roster) View(width, height int, th *theme.Theme, m text.Meter) []string {
	const blank, heading = -1, -2 // in place of an entry; below heading: the heading of an entry
	var lines []int
	at, section := 0, ""
	current := r.open
	if r.active {
		current = r.cursor
	}
	for i, e := range r.entries {
		if s := sectionOf(e); s != section {
			section = s
			lines = append(lines, blank, heading-i)
		}
		if e.Chat == current {
			at = len(lines)
		}
		lines = append(lines, i)
	}
	r.top = max(min(r.top, at, len(lines)-height), at-height+1, 0)
	lines = lines[r.top:min(len(lines), r.top+height)]

	d := drawing{th: th, m: m, width: width}
	rows := make([]string, 0, height)
	for _, i := range lines {
		switch {
		case i == blank:
			rows = append(rows, text.Pad(width))
		case i <= heading:
			rows = append(rows, th.Muted.Paint(m.Fit(" "+sectionOf(r.entries[heading-i]), width)))
		default:
			e := r.entries[i]
			rows = append(rows, d.entry(e, e.Chat == r.open, r.active && e.Chat == r.cursor))
		}
	}
	if len(r.entries) == 1 && height > 2 {
		rows = append(rows, text.Pad(width), th.Muted.Paint(m.Fit(" nobody near yet", width)))
	}
	for len(rows) < height {
		rows = append(rows, text.Pad(width))
	}
	return rows
}

func sectionOf(e Entry) string {
	switch {
	case e.Chat.IsRoom():
		return ""
	case e.Person.Near():
		return "NEARBY"
	}
	return "CONTACTS"
}

// drawing is what drawing a line needs.
type drawing struct {
	th    *theme.Theme
	m     text.Meter
	width int
}

// entry draws one line: sign, name and tag, and at the right end how many
// messages are unread or when somebody was last seen. The tag is never cut.
func (d drawing) entry(e Entry, open, chosen bool) string {
	sign, name, tag, signStyle := "#", "lan", "", d.th.Muted
	if !e.Chat.IsRoom() {
		sign, name, tag = "○", text.Name(e.Person.Name), " ·"+e.Person.Tag
		if e.Person.Connected() {
			sign, signStyle = "●", d.th.Good
		}
	}
	end, endStyle := e.Seen, d.th.Muted
	if e.Unread > 0 {
		end, endStyle = badge(e.Unread), d.th.Unread
	}
	mark := " "
	switch {
	case chosen:
		mark = "›"
	case open:
		mark = "▎"
	}
	room := d.width - 4 - d.m.Width(tag) // mark, sign, blank, and one at the right
	if end != "" {
		if need := d.m.Width(end) + 1; e.Unread > 0 || room-need >= min(d.m.Width(name), 6) {
			room -= need
		} else {
			end = ""
		}
	}
	if room < 1 {
		return text.Pad(d.width)
	}
	name = d.m.Truncate(name, room)
	fill := text.Pad(room - d.m.Width(name))
	if end != "" {
		fill += " "
	}
	if chosen {
		return d.th.Chosen.Paint(mark + sign + " " + d.m.Show(name) + tag + fill + end + " ")
	}
	nameStyle := theme.Style("")
	if open || e.Unread > 0 {
		nameStyle = d.th.Strong
	}
	return d.th.Accent.Paint(mark) + signStyle.Paint(sign) + " " + nameStyle.Paint(d.m.Show(name)) +
		d.th.Muted.Paint(tag) + fill + endStyle.Paint(end) + " "
}

func badge(n int) string {
	if n > 999 {
		return "999+"
	}
	return strconv.Itoa(n)
}

// LastSeen tells for [Sort] when p was last here; since writes the time.
func LastSeen(p messenger.Person, since func(time.Time) string) string {
	if p.Connected() || p.LastSeen == 0 {
		return ""
	}
	return since(time.UnixMilli(p.LastSeen))
}
