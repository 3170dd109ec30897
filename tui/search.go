package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/composer"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file holds the search. It is a dialog that looks while one writes; from
// it one goes to a message in its place, and Esc comes back, first to the
// dialog and then to where one was.

const (
	// hitsPage is how many hits are asked for at a time.
	hitsPage = 50

	// maxHits bounds the hits that are kept: who has seen so many adds a word.
	maxHits = 2000

	// searchDelay is how long somebody who writes is waited for.
	searchDelay = 80 * time.Millisecond
)

// finder is a search, as long as its dialog is open or one looks at a hit.
type finder struct {
	dialog *dialog.Dialog
	hits   []messenger.Hit
	next   int64  // the place of the next page; 0: there is none
	query  string // what hits are of
	asked  string // what was asked for last
	asking bool   // and has not been answered
	typed  int    // counts the changes of what is written
	home   home
	away   bool // a hit was gone to
}

// home is where a search began.
type home struct {
	chat     messenger.Chat
	top      messenger.Cursor
	scrolled bool // top is the first message in view; else the view followed the end
}

// aim is a message that is to be shown in its place.
type aim struct {
	at  messenger.Cursor
	hit bool // it was looked for: what stands before it is shown, too
}

type (
	typedMsg int // nobody has written since the change of this number
	hitsMsg  struct {
		query  string
		before int64
		found  messenger.Found
		err    error
	}
)

// search opens the dialog for a query, which may be "".
func (m *model) search(query string) tea.Cmd {
	f := &finder{dialog: &dialog.Dialog{
		Kind: dialog.Search, Title: "Search", Foot: searchFoot, Input: composer.New(), Lines: searchHelp,
	}}
	f.home.chat = m.open.chat
	f.home.top, f.home.scrolled = m.open.list.Top()
	f.dialog.Input.SetText(query)
	m.endSearch()
	m.finder = f
	m.dialogs.Push(f.dialog)
	return m.ask()
}

// endSearch forgets the search. What is on the screen stays there.
func (m *model) endSearch() {
	m.finder = nil
	m.open.list.Point(0)
}

// searchFoot says what the keys do while nothing is found, hitsFoot when
// something is.
const searchFoot, hitsFoot = "Esc closes", "Enter goes there · Esc closes"

// searchHelp stands in the dialog while nothing is written.
var searchHelp = []dialog.Line{
	{Left: "WORDS, ALL OF WHICH OCCUR", Head: true},
	{Left: `"in a row"`, Right: "side by side"},
	{Left: "begin*", Right: "words that begin so; the last one always may go on"},
	{Left: "from:bob", Right: "what bob wrote; from:me is you"},
	{Left: "in:bob", Right: "in the chat with bob; in:#lan is the room"},
	{Left: "after:2026-11", Right: "what came since then; also a day, a year, today, yesterday"},
	{Left: "before:2026-11", Right: "what came before; on: is that day, month or year"},
}

// actOnSearch does what a key in the dialog asks for.
func (m *model) actOnSearch(act dialog.Action) tea.Cmd {
	f := m.finder
	if f == nil {
		return nil
	}
	if act.Key == dialog.Written {
		f.typed++
		n := f.typed
		return tea.Tick(searchDelay, func(time.Time) tea.Msg { return typedMsg(n) })
	}
	if hit, ok := act.Value.(messenger.Hit); ok && f.query == f.written() {
		m.goTo(hit)
		return nil
	}
	return m.ask()
}

func (f *finder) written() string { return strings.TrimSpace(f.dialog.Input.Text()) }

// ask looks for what is written, unless that was done.
func (m *model) ask() tea.Cmd {
	f := m.finder
	query := f.written()
	switch {
	case query == "":
		f.hits, f.next, f.query, f.asked, f.asking = nil, 0, "", "", false
		f.dialog.Title, f.dialog.Foot = "Search", searchFoot
		m.dialogs.Refresh(dialog.Search, searchHelp)
		m.dialogs.Top(dialog.Search)
		return nil
	case query == f.asked:
		return nil
	}
	f.asked, f.asking = query, true
	return loadHits(m.client, query, 0)
}

// more asks for the next page when the cursor comes near the last hit.
func (m *model) more() tea.Cmd {
	f := m.finder
	if f == nil || f.asking || f.next == 0 || len(f.hits) >= maxHits || !m.dialogs.Has(dialog.Search) || m.dialogs.Behind(dialog.Search) > hitsPage/2 {
		return nil
	}
	f.asking = true
	return loadHits(m.client, f.query, f.next)
}

// takeHits takes what was found, if it is still what is looked for.
func (m *model) takeHits(msg hitsMsg) {
	f := m.finder
	if f == nil || msg.query != f.asked {
		return
	}
	f.asking = false
	if msg.err != nil {
		f.hits, f.next, f.query, f.asked = nil, 0, msg.query, "" // Enter asks again
		f.dialog.Title, f.dialog.Empty = "Search", text.Name(msg.err.Error())
		if hint := hintOf(msg.err); hint != "" {
			f.dialog.Empty += ". " + text.Name(hint)
		}
		m.refreshHits()
		return
	}
	if msg.before == 0 {
		f.hits, f.query = nil, msg.query
		m.dialogs.Top(dialog.Search)
	}
	f.hits, f.next = append(f.hits, msg.found.Hits...), msg.found.Next
	f.dialog.Empty = "Nothing found: every word must occur, and the last one may go on."
	switch {
	case len(f.hits) == 0:
		f.dialog.Title = "Search"
	case f.next != 0:
		f.dialog.Title = fmt.Sprintf("Search · more than %d found", len(f.hits))
	default:
		f.dialog.Title = fmt.Sprintf("Search · %d found", len(f.hits))
	}
	m.refreshHits()
}

// refreshHits draws the hits anew.
func (m *model) refreshHits() {
	if m.finder == nil || m.finder.query == "" {
		return
	}
	lines := make([]dialog.Line, len(m.finder.hits))
	for i, h := range m.finder.hits {
		lines[i] = dialog.Line{
			Left: m.hitWho(h.Message), Right: m.hitWhen(h.Message), Value: h,
			Below: func(columns int) []dialog.Piece { return pieces(h.Snippet(columns)) },
		}
	}
	m.finder.dialog.Lines, m.finder.dialog.Foot = lines, hitsFoot
	m.dialogs.Refresh(dialog.Search, lines)
}

// hitWho says who wrote a message, and to whom.
func (m *model) hitWho(msg messenger.Message) string {
	who := "me"
	if !msg.Mine {
		who = label(m.person(msg.From))
	}
	switch {
	case msg.Chat.IsRoom():
		return who + " in " + messenger.Room.String()
	case msg.Mine:
		return who + " to " + label(m.person(msg.Chat.Peer))
	}
	return who
}

func (m *model) hitWhen(msg messenger.Message) string {
	at, now := msg.Arrived.In(m.opts.Zone), m.opts.Now().In(m.opts.Zone)
	switch {
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		return at.Format("15:04")
	case at.Year() == now.Year():
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006")
}

// pieces cleans a snippet. What stands out does so in whole characters.
func pieces(snippet []messenger.Piece) (all []dialog.Piece) {
	var joined strings.Builder
	ends := make([]int, len(snippet)) // of the pieces in joined
	for i, p := range snippet {
		joined.WriteString(strings.ReplaceAll(text.Clean(p.Text), "\n", " "))
		ends[i] = joined.Len()
	}
	s := joined.String()
	piece := 0
	for from := 0; from < len(s); {
		to := from + text.Next(s[from:])
		strong := false
		for ; piece < len(ends) && ends[piece] <= from; piece++ {
		}
		for i := piece; i < len(ends) && (i == piece || ends[i-1] < to); i++ {
			strong = strong || snippet[i].Hit
		}
		if n := len(all); n > 0 && all[n-1].Strong == strong {
			all[n-1].Text += s[from:to]
		} else {
			all = append(all, dialog.Piece{Text: s[from:to], Strong: strong})
		}
		from = to
	}
	return all
}

// goTo shows a hit in its place. The dialog is gone, and Esc brings it back.
func (m *model) goTo(hit messenger.Hit) {
	f := m.finder
	f.away = true
	m.dialogs.Clear()
	m.show(hit.Message.Chat)
	m.finder = f
	m.focusRoster(false)
	m.answer, m.answered = answer{}, nil
	m.open.list.Point(hit.Message.Row)
	m.open.aim = &aim{messenger.Cursor{Pos: hit.Message.Pos, Row: hit.Message.Row}, true}
}

// looking reports whether one looks at a hit.
func (m *model) looking() bool {
	return m.finder != nil && m.finder.away && !m.dialogs.Has(dialog.Search)
}

// back opens the dialog again.
func (m *model) back() { m.dialogs.Push(m.finder.dialog) }

// searchClosed goes back to where a search began, when its dialog was closed.
func (m *model) searchClosed() {
	f := m.finder
	if f == nil || m.dialogs.Has(dialog.Search) {
		return
	}
	m.endSearch()
	if !f.away {
		return
	}
	m.show(f.home.chat)
	if f.home.scrolled {
		m.open.aim = &aim{at: f.home.top}
	} else {
		m.open.list.End()
	}
}

func loadHits(c client, query string, before int64) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		found, err := c.Search(ctx, query, before, hitsPage)
		return hitsMsg{query, before, found, err}
	}
}

// loadAround asks for the messages on either side of one.
func loadAround(c client, chat messenger.Chat, at aim) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		msg := pageMsg{chat: chat, where: around, at: at.at, hit: at.hit}
		older, err := c.History(ctx, chat, at.at, pageSize)
		if err != nil {
			msg.err = err
			return msg
		}
		// With the message itself, which is the first behind the row before it.
		newer, err := c.HistoryAfter(ctx, chat, messenger.Cursor{Pos: at.at.Pos, Row: at.at.Row - 1}, pageSize)
		msg.page, msg.err = append(older, newer...), err
		msg.short, msg.end = len(older) < pageSize, len(newer) < pageSize
		return msg
	}
}
