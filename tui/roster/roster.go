// Package roster draws the list of conversations: the room, who is near, and
// the contacts.
package roster

import (
	"strconv"
	"strings"
	"time"

	"dione/net/messenger"
	"dione/tui/text"
	"dione/tui/theme"
)

// Place is what a line leads to: a conversation, or the box of requests.
type Place struct {
	Chat     messenger.Chat
	Requests bool
}

// Entry is one line that can be chosen.
type Entry struct {
	Place
	Person   messenger.Person // zero for the room and the requests
	Unread   int              // messages; or how many requests there are
	Draft    bool             // something is written there and not sent
	Mentions int              // of the messages, those that name us
	Muted    bool             // it is not to disturb
	Words    []string         // why a person is away, or since when: the best that fits is shown
}

// Roster is the list and the place in it. The zero Roster is empty.
type Roster struct {
	entries []Entry
	open    messenger.Chat // the conversation on the screen
	cursor  Place          // the line under the cursor
	active  bool           // the cursor is shown
	top     int            // first line in view
	shown   []*Place       // what each row leads to that was drawn last; nil: nothing
}

// Sort puts people into the order of the screen, which is that of the
// argument: the room first, those near, then contacts and who has written, and
// then the box of requests. Who is blocked is not shown.
func Sort(people []messenger.Person, unread func(messenger.Chat) int, words func(messenger.Person) []string) []Entry {
	entries := []Entry{{Unread: unread(messenger.Room)}}
	requests := 0
	for _, near := range []bool{true, false} {
		for _, p := range people {
			chat := messenger.Chat{Peer: p.ID}
			n := unread(chat)
			asks := p.Standing == messenger.StandingRequest
			if p.Near() != near || p.Standing == messenger.StandingBlocked {
				continue
			}
			if asks {
				requests++
			}
			if near || !asks && (p.Contact || n > 0) {
				entries = append(entries, Entry{Place: Place{Chat: chat}, Person: p, Unread: n, Words: words(p)})
			}
		}
	}
	if requests > 0 {
		entries = append(entries, Entry{Place: Place{Requests: true}, Unread: requests})
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
		r.cursor = Place{Chat: r.open}
	}
}

// Move moves the cursor by lines, within the list.
func (r *Roster) Move(by int) {
	if len(r.entries) > 0 {
		i := min(max(r.index(r.cursor)+by, 0), len(r.entries)-1)
		r.cursor = r.entries[i].Place
	}
}

// Chosen returns what the line under the cursor leads to.
func (r *Roster) Chosen() Place {
	if len(r.entries) == 0 {
		return Place{}
	}
	return r.entries[r.index(r.cursor)].Place
}

// At returns what leads elsewhere in a row that was drawn last.
func (r *Roster) At(row int) (Place, bool) {
	if row < 0 || row >= len(r.shown) || r.shown[row] == nil {
		return Place{}, false
	}
	return *r.shown[row], true
}

// Beside returns the conversation so many lines from the open one. The list
// goes round.
func (r *Roster) Beside(by int) messenger.Chat {
	n := len(r.entries)
	if n > 0 && r.entries[n-1].Requests {
		n--
	}
	if n == 0 {
		return messenger.Room
	}
	return r.entries[((r.index(Place{Chat: r.open})+by)%n+n)%n].Chat
}

// NextUnread returns the next conversation behind the open one in which
// something is unread, one that is muted only if there is no other. The list
// goes round.
func (r *Roster) NextUnread() (c messenger.Chat, ok bool) {
	at := r.index(Place{Chat: r.open})
	for _, muted := range []bool{false, true} {
		for i := range r.entries {
			e := r.entries[(at+i)%len(r.entries)]
			if e.Unread > 0 && e.Muted == muted && !e.Requests && e.Chat != r.open {
				return e.Chat, true
			}
		}
	}
	return c, false
}

func (r *Roster) index(p Place) int {
	for i, e := range r.entries {
		if e.Place == p {
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
	current := Place{Chat: r.open}
	if r.active {
		current = r.cursor
	}
	for i, e := range r.entries {
		if s := sectionOf(e); s != section {
			section = s
			lines = append(lines, blank)
			if !e.Requests { // their line is its own heading
				lines = append(lines, heading-i)
			}
		}
		if e.Place == current {
			at = len(lines)
		}
		lines = append(lines, i)
	}
	r.top = max(min(r.top, at, len(lines)-height), at-height+1, 0)
	lines = lines[r.top:min(len(lines), r.top+height)]

	d := drawing{th: th, m: m, width: width}
	rows := make([]string, 0, height)
	r.shown = make([]*Place, height)
	for _, i := range lines {
		switch {
		case i == blank:
			rows = append(rows, text.Pad(width))
		case i <= heading:
			rows = append(rows, th.Muted.Paint(m.Fit(" "+sectionOf(r.entries[heading-i]), width)))
		default:
			e := r.entries[i]
			r.shown[len(rows)] = &e.Place
			rows = append(rows, d.entry(e, e.Place == Place{Chat: r.open}, r.active && e.Place == r.cursor))
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
	case e.Requests:
		return "REQUESTS"
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
	switch {
	case e.Requests:
		sign, name = "", "REQUESTS"
	case !e.Chat.IsRoom():
		sign, name, tag = "○", text.Name(e.Person.Name), text.Tag(e.Person.Tag, e.Person.Verified)
		if e.Person.Connected() {
			sign, signStyle = "●", d.th.Good
		}
	}
	mark := " "
	switch {
	case chosen:
		mark = "›"
	case open:
		mark = "▎"
	}
	gap := ""
	if sign != "" {
		gap = " "
	}
	room := d.width - 2 - d.m.Width(sign+gap+tag) // mark, and one at the right
	end, endStyle := d.words(e.Words, free(e, room-d.m.Width(name)), free(e, room-min(d.m.Width(name), 6))), d.th.Muted
	if e.Draft {
		end = d.words([]string{"draft", draftSign}, free(e, room-d.m.Width(name)), free(e, room-1))
	}
	if e.Unread > 0 {
		end = badge(e.Unread)
	}
	if e.Unread > 0 && (!e.Muted || e.Mentions > 0) {
		endStyle = d.th.Unread
	}
	switch {
	case e.Muted && e.Unread > 0:
		end = mutedSign + end
	case e.Muted:
		end = strings.TrimSpace(mutedSign + " " + end)
	}
	if e.Mentions > 0 {
		end = "@" + badge(e.Mentions) + " " + end
	}
	if e.Unread > 0 && e.Draft {
		end = draftSign + " " + end
	}
	if end != "" {
		room -= d.m.Width(end) + 1
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
		return d.th.Chosen.Paint(mark + sign + gap + d.m.Show(name) + tag + fill + d.m.Show(end) + " ")
	}
	nameStyle := theme.Style("")
	switch {
	case e.Requests:
		nameStyle = d.th.Muted
	case open || e.Unread > 0 && !e.Muted || e.Mentions > 0:
		nameStyle = d.th.Strong
	}
	return d.th.Accent.Paint(mark) + signStyle.Paint(sign) + gap + nameStyle.Paint(d.m.Show(name)) +
		d.th.Muted.Paint(tag) + fill + endStyle.Paint(d.m.Show(end)) + " "
}

// draftSign is beside a conversation in which something is written and not
// sent, where there is no room for words.
const draftSign = "✎"

// words picks the first of several wordings that fits into room columns, or
// the shortest if it fits into most, where the name is cut.
func (d drawing) words(wordings []string, room, most int) string {
	for _, s := range wordings {
		if d.m.Width(s)+1 <= room {
			return s
		}
	}
	if n := len(wordings); n > 0 && d.m.Width(wordings[n-1])+1 <= most {
		return wordings[n-1]
	}
	return ""
}

// mutedSign is the sign of a conversation that does not disturb.
const mutedSign = "~"

// free is what of so many columns the sign of a muted conversation leaves.
func free(e Entry, room int) int {
	if e.Muted {
		return room - len(mutedSign+" ")
	}
	return room
}

func badge(n int) string {
	if n > 999 {
		return "999+"
	}
	return strconv.Itoa(n)
}

// Away says for [Sort] in ever fewer words why p is not here, or since when;
// since writes the time.
func Away(p messenger.Person, since func(time.Time) string) []string {
	seen := ""
	if p.LastSeen != 0 {
		seen = since(time.UnixMilli(p.LastSeen))
	}
	problem := text.Name(p.Problem)
	switch {
	case p.Pending:
		return []string{"waiting to be accepted", "not accepted yet", "waiting", "…"}
	case p.Connected():
		return nil
	case seen != "" && problem != "":
		return []string{problem + " · " + seen, "not reached · " + seen, "! " + seen, "!"}
	case seen != "":
		return []string{seen}
	case problem != "":
		return []string{problem, "not reached", "!"}
	}
	return nil
}
