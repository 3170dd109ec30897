// Package roster draws the list of conversations: the room, who is near, and
// the contacts.
package roster

import (
	"fmt"
	"strconv"
	"time"

	"dione/net/messenger"
	"dione/tui/text"
	"dione/tui/theme"
)

// Entry is one line of the roster that can be chosen.
type Entry struct {
	Chat   messenger.Chat
	Person messenger.Person // zero for the room
	Unread int
}

// Entries puts everybody in the order of the screen: the room, people near,
// contacts.
func Entries(people []messenger.Person, unread map[messenger.Chat]int) []Entry {
	entries := []Entry{{Chat: messenger.Room, Unread: unread[messenger.Room]}}
	for _, near := range []bool{true, false} {
		for _, p := range people {
			if p.Near() == near && (near || p.Contact || p.Connected()) {
				chat := messenger.Chat{Peer: p.ID}
				entries = append(entries, Entry{Chat: chat, Person: p, Unread: unread[chat]})
			}
		}
	}
	return entries
}

// View draws entries into exactly height lines of width columns. The chat that
// is open stands out; cursor is the one under the cursor, -1 if the roster is
// not in use.
func View(entries []Entry, open messenger.Chat, cursor, width, height int, now time.Time, t theme.Theme) []string {
	var lines []string
	at := 0 // line of the cursor, or of the open chat
	section := ""
	for i, e := range entries {
		if s := sectionOf(e); s != section {
			section = s
			lines = append(lines, "", t.Faint.Render(text.Fit(" "+s, width)))
		}
		if i == cursor || cursor < 0 && e.Chat == open {
			at = len(lines)
		}
		lines = append(lines, line(e, e.Chat == open, i == cursor, width, now, t))
	}
	if len(entries) == 1 {
		lines = append(lines, "", t.Faint.Render(text.Fit(" nobody near yet", width)))
	}
	from := max(0, min(at-height+2, len(lines)-height))
	lines = lines[from:min(len(lines), from+height)]
	for len(lines) < height {
		lines = append(lines, "")
	}
	for i, l := range lines {
		lines[i] = text.Fit(l, width)
	}
	return lines
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

func line(e Entry, open, chosen bool, width int, now time.Time, t theme.Theme) string {
	sign, name, seen := "#", "lan", ""
	signStyle := t.Faint
	if !e.Chat.IsRoom() {
		sign, name = "○", text.ByRune.Show(text.Name(e.Person.Name))
		if e.Person.Connected() {
			sign, signStyle = "●", t.Good
		} else if s := Ago(e.Person.LastSeen, now); s != "" {
			seen = " (" + s + ")"
		}
	}
	badge := ""
	if e.Unread > 0 {
		badge = " " + strconv.Itoa(min(e.Unread, 999))
	}
	room := width - 3 - text.Width(badge) - 1
	if text.Width(name)+text.Width(seen) > room {
		seen = ""
	}
	name = text.Truncate(name, room)
	fill := pad(room - text.Width(name) - text.Width(seen))
	if chosen {
		return t.Chosen.Render(" " + sign + " " + name + seen + fill + badge + " ")
	}
	nameStyle := t.Plain
	if open || e.Unread > 0 {
		nameStyle = t.Strong
	}
	return " " + signStyle.Render(sign) + " " + nameStyle.Render(name) + t.Faint.Render(seen) + fill + t.Warn.Render(badge) + " "
}

func pad(n int) string { return fmt.Sprintf("%*s", max(0, n), "") }

// Ago tells how long ago a time in unix milliseconds was, shortly: "2 h".
func Ago(ms int64, now time.Time) string {
	if ms == 0 {
		return ""
	}
	switch d := now.Sub(time.UnixMilli(ms)); {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d d", int(d.Hours()/24))
	}
}
