package tui

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/composer"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file holds the palette: everything that can be gone to or done, found
// by a few letters. The rules are:
//   - conversations come before commands, and the newest before others, unless
//     letters fit better;
//   - letters find a name in which they occur in this order; words, and the
//     beginnings of them, also what is said of a command or a person;
//   - Enter does it. A command that needs more words is begun in the composer,
//     and what was written there comes back behind it.

const (
	// maxRecent is how many conversations the palette offers unasked.
	maxRecent = 5

	// maxFound bounds the lines of the palette: who has seen so many writes
	// another letter.
	maxFound = 100
)

// item is one thing that can be chosen in the palette.
type item struct {
	name, more string
	does       any   // a messenger.Chat to go to, or a command.Spec
	marks      []int // where in the name the letters are that were looked for
}

// palette opens it.
func (m *model) palette() {
	m.dialogs.Push(&dialog.Dialog{
		Kind: dialog.Palette, Title: "Go to, or do", Foot: "Enter does it · Esc closes", Input: composer.New(),
		Empty: "Nothing is called so.", Lines: m.paletteLines(""),
	})
}

// actOnPalette does what a key in it asks for.
func (m *model) actOnPalette(act dialog.Action) tea.Cmd {
	if act.Key == dialog.Written {
		m.dialogs.Refresh(dialog.Palette, m.paletteLines(m.dialogs.Written(dialog.Palette)))
		m.dialogs.Top(dialog.Palette)
		return nil
	}
	switch does := act.Value.(type) {
	case messenger.Chat:
		m.dialogs.Clear()
		m.focusRoster(false)
		m.show(does)
	case command.Spec:
		m.dialogs.Clear()
		m.focusRoster(false)
		return m.begin(does)
	}
	return nil
}

// begin carries a command out, or begins it in the composer if it needs words.
// What is written there is set aside for as long.
func (m *model) begin(spec command.Spec) tea.Cmd {
	cmd, err := command.Parse("/" + spec.Name)
	if err == nil && !(m.open.chat.IsRoom() && spec.OfPerson()) {
		m.answer, m.answered = answer{}, nil
		return m.carryOut(cmd)
	}
	if m.open.aside == "" {
		m.open.aside = m.open.composer.Text()
	} else {
		m.open.composer.Remember(m.open.composer.Text())
	}
	m.open.composer.SetText("/" + spec.Name + " ")
	m.say(spec.Usage, spec.Help)
	return nil
}

// takeBack brings back what was set aside, once nothing else is written.
func (conv *conversation) takeBack() {
	if conv.aside != "" && conv.composer.Empty() {
		conv.composer.SetText(conv.aside)
		conv.aside = ""
	}
}

// paletteLines lists what fits to what is written.
func (m *model) paletteLines(written string) []dialog.Line {
	items := m.items(written == "")
	if written != "" {
		items = matching(written, items)
	}
	lines := make([]dialog.Line, len(items))
	for i, it := range items {
		lines[i] = dialog.Line{Value: it.does, Row: func(columns int) []dialog.Piece {
			return m.itemRow(it, columns)
		}}
	}
	return lines
}

// items are what can be chosen; few of the conversations if nothing is looked
// for.
func (m *model) items(few bool) []item {
	chats := m.recent()
	recent := len(chats)
	if few {
		chats = chats[:min(recent, maxRecent)]
	} else {
		known := make(map[messenger.Chat]bool, recent)
		for _, c := range chats {
			known[c] = true
		}
		if !known[messenger.Room] {
			chats = append(chats, messenger.Room)
		}
		for _, id := range m.order {
			if c := (messenger.Chat{Peer: id}); !known[c] {
				chats = append(chats, c)
			}
		}
	}
	var items []item
	for _, c := range chats {
		if c != m.open.chat || !few {
			items = append(items, m.itemOf(c))
		}
	}
	for _, spec := range command.All() {
		items = append(items, item{name: "/" + spec.Name, more: spec.Help, does: spec})
	}
	return items
}

// recent lists the conversations in which something was written, the newest
// first, but for those with people who are blocked.
func (m *model) recent() (chats []messenger.Chat) {
	for c, conv := range m.chats {
		if conv.newest > 0 && m.people[c.Peer].Standing != messenger.StandingBlocked {
			chats = append(chats, c)
		}
	}
	slices.SortFunc(chats, func(a, b messenger.Chat) int { return int(m.chats[b].newest - m.chats[a].newest) })
	return chats
}

// itemOf is a conversation in the palette.
func (m *model) itemOf(c messenger.Chat) item {
	var more []string
	if conv := m.chats[c]; conv != nil && conv.unread > 0 {
		more = append(more, fmt.Sprintf("%d unread", conv.unread))
	}
	if m.hasDraft(c) {
		more = append(more, "draft")
	}
	if c.IsRoom() {
		more = append(more, "the room of everybody near")
		return item{name: "# lan", more: strings.Join(more, " · "), does: c}
	}
	p := m.person(c.Peer)
	if p.Claimed != p.Name && p.Claimed != "" {
		more = append(more, "calls themselves "+text.Name(p.Claimed))
	}
	more = append(more, m.whereIs(p)[0])
	return item{name: label(p), more: strings.Join(more, " · "), does: c}
}

// matching are the items that fit to what is written, the best first: those
// whose names have its letters in this order, and then those of which words
// are said that begin like its.
func matching(written string, items []item) (found []item) {
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = it.name
	}
	named := make(map[int]bool)
	for _, match := range fuzzy.Find(strings.ReplaceAll(written, " ", ""), names) {
		it := items[match.Index]
		it.marks = match.MatchedIndexes
		named[match.Index] = true
		found = append(found, it)
	}
	words := strings.Fields(strings.ToLower(written))
	for i, it := range items {
		if !named[i] && begun(words, it.name+" "+it.more) {
			found = append(found, it)
		}
	}
	return found[:min(len(found), maxFound)]
}

// begun reports whether each word is the beginning of one in s.
func begun(words []string, s string) bool {
	said := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return !slices.ContainsFunc(words, func(w string) bool {
		return !slices.ContainsFunc(said, func(have string) bool { return strings.HasPrefix(have, w) })
	})
}

// itemRow draws an item: its name, in which the letters that were looked for
// stand out, and what there is to say of it.
func (m *model) itemRow(it item, columns int) []dialog.Piece {
	column := min(max(columns/3, 12), 26)
	name := m.meter.Truncate(it.name, column)
	var pieces []dialog.Piece
	add := func(s string, strong bool) {
		if n := len(pieces); n > 0 && pieces[n-1].Strong == strong {
			pieces[n-1].Text += s
		} else {
			pieces = append(pieces, dialog.Piece{Text: s, Strong: strong})
		}
	}
	for from := 0; from < len(name); {
		to := from + text.Next(name[from:])
		marked := slices.ContainsFunc(it.marks, func(at int) bool { return from <= at && at < to && strings.HasPrefix(it.name, name[:to]) })
		add(name[from:to], marked)
		from = to
	}
	if rest := columns - column - 2; rest >= 8 {
		add(text.Pad(column-m.meter.Width(name)+2)+m.meter.Truncate(it.more, rest), false)
	}
	return pieces
}

// unreadNext shows the next conversation in which something is unread, as the
// list of people goes; the open one comes last.
func (m *model) unreadNext() tea.Cmd {
	if c, ok := m.roster.NextUnread(); ok {
		m.show(c)
		return nil
	}
	switch {
	case m.open.unread > 0:
		m.open.list.End()
	case m.unread() > 0 && m.asking > 0:
		return m.carryOut(command.Requests{})
	default:
		m.say("nothing is unread elsewhere", "")
	}
	return nil
}
