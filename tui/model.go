// Package tui is the screen: one Bubble Tea model of parts with methods. It
// shows what the engine (net/messenger) tells, and asks it for the rest by
// commands; nothing in Update or View waits.
package tui

import (
	"context"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/chat"
	"dione/tui/composer"
	"dione/tui/config"
	"dione/tui/dialog"
	"dione/tui/roster"
	"dione/tui/text"
	"dione/tui/theme"
)

// Options configures the screen. A zero field means its default.
type Options struct {
	Now    func() time.Time         // time.Now
	Zone   *time.Location           // the local one
	Env    func(name string) string // os.Getenv
	Screen config.Screen            // how it looks and behaves
	File   *config.File             // where that is kept; nil: nowhere
	Home   string                   // directory of the profile, where nobody else reads

	// Open opens a link on the screen before which the user sits; nil: there
	// is none, and links are copied.
	Open func(ctx context.Context, target string) error
}

// conversation is what the screen knows of one chat.
type conversation struct {
	chat       messenger.Chat
	list       *chat.List
	composer   *composer.Composer
	unread     int
	mentions   int                // of them, those that name us
	read       float64            // Pos of the last message read
	mutedUntil int64              // unix milliseconds; 0 or past: it is not muted
	counted    int64              // Row of the newest message that unread takes account of
	typed      time.Time          // when the engine was asked last to say that the user writes
	writing    []messenger.Person // who writes there now
	loading    bool               // a page is asked for
	intent     *intent            // what the text in the composer is meant for; nil: for all who read on
	aim        *aim               // what is to be shown as soon as nothing else is asked for; nil: nothing
	newest     int64              // Row of the newest message; 0: none
	aside      string             // what was written before a command was begun, if not ""
	kept       time.Duration      // for how long its messages are; 0: for good
}

// answer is what a command or a key has to say to the user, shown above the
// composer until the next one.
type answer struct {
	words, hint string
	failed      bool
}

// model is the root model, the only one.
type model struct {
	client client
	opts   Options
	layout layout

	dark    bool
	profile colorprofile.Profile
	theme   theme.Theme
	meter   text.Meter

	self   messenger.Self
	net    messenger.Net
	people map[identity.ID]messenger.Person
	order  []identity.ID // of people, as the engine sorts them
	near   int           // people with a live link over the LAN
	direct int           // contacts with another live link
	asking int           // strangers elsewhere who would like to write
	chats  map[messenger.Chat]*conversation
	open   *conversation

	roster   roster.Roster
	left     []string // the roster as drawn; nil: to be drawn
	onRoster bool     // the roster has the keys, not the composer
	dialogs  dialog.Stack
	finder   *finder // nil while nobody searches
	drafts   drafts
	answer   answer
	answered []string // the answer as drawn
	blurred  bool     // another window has the keyboard
	notices  notices
	settings settings

	place      place       // where one wrote last
	completes  bool        // something is known that can stand there
	completion *completion // the list of it; nil while it is closed
	pasted     *paste      // asked about; nil: nothing
	editing    *editing    // what another editor has; nil: nothing
	shiftEnter bool        // the terminal tells Shift+Enter from Enter

	outgoing []outgoing // texts on their way to the engine, one at a time
	counting bool       // the number of waiting messages is about to be asked for
	listing  bool       // the list of people is asked for
	netKnown bool       // the state of the network has been told
}

func newModel(c client, opts Options) *model {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Zone == nil {
		opts.Zone = time.Local
	}
	if opts.Env == nil {
		opts.Env = os.Getenv
	}
	m := &model{
		client:  c,
		opts:    opts,
		dark:    true,
		profile: colorprofile.TrueColor,
		self:    c.Self(),
		people:  make(map[identity.ID]messenger.Person),
		chats:   make(map[messenger.Chat]*conversation),
		listing: true,
		drafts:  drafts{delay: draftDelay, kept: make(map[messenger.Chat]messenger.Draft)},
	}
	m.theme = m.newTheme()
	m.open = m.chat(messenger.Room)
	m.sortRoster()
	return m
}

// Init asks for what the first screen shows.
func (m *model) Init() tea.Cmd {
	m.open.loading = true // once it is known where one was
	return tea.Batch(
		tea.RequestBackgroundColor,
		setTyping(m.client, m.opts.Screen.Typing),
		loadDrafts(m.client),
		loadPeople(m.client),
		loadChats(m.client, false),
		loadNet(m.client, false),
	)
}

// chat returns what is known of a chat, newly if need be.
func (m *model) chat(c messenger.Chat) *conversation {
	conv := m.chats[c]
	if conv == nil {
		conv = &conversation{chat: c, list: m.newList(), composer: composer.New()}
		m.chats[c] = conv
	}
	return conv
}

// look is how lists draw.
func (m *model) look() chat.Look {
	return chat.Look{Theme: &m.theme, Meter: m.meter, Zone: m.opts.Zone, Now: m.opts.Now, Who: m.person, Self: m.self.ID}
}

// person returns what is known of somebody: their tag at least.
func (m *model) person(id identity.ID) messenger.Person {
	if p, ok := m.people[id]; ok {
		return p
	}
	return messenger.Person{ID: id, Name: id.Tag(), Tag: id.Tag()}
}

// label is a person's name and, until they are verified, tag, clean.
func label(p messenger.Person) string { return text.Name(p.Name) + text.Tag(p.Tag, p.Verified) }

// put keeps what is newly known of a person, and reports whether that changes
// how they are shown.
func (m *model) put(p messenger.Person) (renamed bool) {
	was, known := m.people[p.ID]
	m.people[p.ID] = p
	if !known {
		m.order = append(m.order, p.ID)
	}
	return !known || was.Name != p.Name || was.Tag != p.Tag || was.Verified != p.Verified
}

// sortRoster gives the roster what it shows now.
func (m *model) sortRoster() {
	people := make([]messenger.Person, len(m.order))
	m.near, m.direct, m.asking = 0, 0, 0
	for i, id := range m.order {
		p := m.people[id]
		people[i] = p
		if p.Standing == messenger.StandingRequest {
			m.asking++
		}
		switch {
		case p.Standing == messenger.StandingBlocked:
		case p.Near():
			m.near++
		case p.Connected() && p.Contact:
			m.direct++
		}
	}
	now := m.opts.Now().In(m.opts.Zone)
	entries := roster.Sort(people,
		func(c messenger.Chat) int {
			if conv := m.chats[c]; conv != nil {
				return conv.unread
			}
			return 0
		},
		func(p messenger.Person) []string {
			return roster.Away(p, func(t time.Time) string { return chat.Since(t.In(m.opts.Zone), now) })
		})
	for i := range entries {
		e := &entries[i]
		e.Draft = !e.Requests && m.hasDraft(e.Chat)
		if conv := m.chats[e.Chat]; conv != nil && !e.Requests {
			e.Muted, e.Mentions = m.muted(conv), conv.mentions
		}
	}
	m.roster.Set(entries)
	m.roster.Open(m.open.chat)
	m.left = nil
}

// unread is how many messages wait to be read, in all chats but those with
// people who are blocked. Of a muted one only those count that name us.
func (m *model) unread() (n int) {
	for _, conv := range m.chats {
		n += m.counts(conv)
	}
	return n
}

// mentions is how many of the unread messages name us.
func (m *model) mentions() (n int) {
	for _, conv := range m.chats {
		if m.counts(conv) > 0 {
			n += conv.mentions
		}
	}
	return n
}

// counts is how many of the messages of a chat count as unread.
func (m *model) counts(conv *conversation) int {
	blocked := conv != m.open && m.people[conv.chat.Peer].Standing == messenger.StandingBlocked
	switch {
	case blocked:
		return 0
	case m.muted(conv):
		return conv.mentions
	}
	return conv.unread
}

// restyle draws everything anew, after a change of colours or of measure.
func (m *model) restyle() {
	m.theme = m.newTheme()
	for _, conv := range m.chats {
		conv.list.SetLook(m.look())
	}
	m.left, m.answered = nil, nil
}

// newTheme returns the theme that the user has chosen.
func (m *model) newTheme() theme.Theme {
	screen := m.opts.Screen
	return theme.New(theme.Choice{Name: screen.Theme, Own: screen.Colours}, m.dark, m.profile)
}

// say answers the user, and fail tells them what failed.
func (m *model) say(words, hint string) { m.answer, m.answered = answer{words: words, hint: hint}, nil }

func (m *model) fail(err error) {
	m.answer, m.answered = answer{words: err.Error(), hint: hintOf(err), failed: true}, nil
}

func (m *model) newList() *chat.List { return chat.New(m.look()) }

// time is a moment in unix milliseconds, in the zone of the screen.
func (m *model) time(ms int64) time.Time { return time.UnixMilli(ms).In(m.opts.Zone) }
