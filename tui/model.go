// Package tui is the screen: one Bubble Tea model of parts with methods. It
// shows what the engine (net/messenger) tells, and asks it for the rest by
// commands; nothing in Update waits.
package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/chat"
	"dione/tui/composer"
	"dione/tui/roster"
	"dione/tui/theme"
)

// Options configures the screen. A zero field means its default.
type Options struct {
	Now  func() time.Time // time.Now
	Zone *time.Location   // the local one
}

// focus is which part takes the keys.
type focus int

const (
	onComposer focus = iota
	onRoster
)

// conversation is what the screen knows of one chat.
type conversation struct {
	list    *chat.List
	info    messenger.ChatInfo
	loaded  bool // the newest page is there
	loading bool // a page is asked for
	draft   string
	cleared string // what Ctrl+C took away last
}

// model is the root model, the only one.
type model struct {
	client client
	opts   Options
	theme  theme.Theme
	layout layout

	self   messenger.Self
	net    messenger.Net
	people []messenger.Person
	chats  map[messenger.Chat]*conversation
	open   messenger.Chat

	composer *composer.Composer
	cursor   int // in the roster
	focus    focus
	help     bool
	helpTop  int    // first line of the help in view
	blurred  bool   // the terminal is not in front
	greeted  bool   // the welcome is in the room
	place    string // what was last said about where we look for people
	counting bool   // the number of waiting messages is about to be asked for
	quitting bool
}

func newModel(c client, opts Options) *model {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Zone == nil {
		opts.Zone = time.Local
	}
	m := &model{
		client: c,
		opts:   opts,
		theme:  theme.New(true),
		self:   c.Self(),
		chats:  make(map[messenger.Chat]*conversation),
	}
	m.composer = composer.New(m.theme)
	m.hint()
	return m
}

// Init asks for what the first screen shows.
func (m *model) Init() tea.Cmd {
	return tea.Batch(
		tea.RequestBackgroundColor,
		loadPeople(m.client),
		loadChats(m.client),
		m.load(m.open),
	)
}

// chat returns what is known of a chat, newly if need be.
func (m *model) chat(c messenger.Chat) *conversation {
	conv := m.chats[c]
	if conv == nil {
		conv = &conversation{list: chat.New(m.theme, m.opts.Zone), info: messenger.ChatInfo{Chat: c}}
		conv.list.SetSize(m.layout.chatWidth(), m.listHeight())
		m.chats[c] = conv
	}
	return conv
}

// current is the chat on the screen.
func (m *model) current() *conversation { return m.chat(m.open) }

// load asks for the newest page of a chat, if it is not there.
func (m *model) load(c messenger.Chat) tea.Cmd {
	conv := m.chat(c)
	if conv.loaded || conv.loading {
		return nil
	}
	conv.loading = true
	return loadHistory(m.client, c, messenger.Cursor{})
}

// entries is the roster now.
func (m *model) entries() []roster.Entry {
	unread := make(map[messenger.Chat]int, len(m.chats))
	for c, conv := range m.chats {
		unread[c] = conv.info.Unread
	}
	return roster.Entries(m.people, unread)
}

// person returns who has the given chat.
func (m *model) person(c messenger.Chat) (messenger.Person, bool) {
	for _, p := range m.people {
		if p.ID == c.Peer {
			return p, true
		}
	}
	return messenger.Person{ID: c.Peer, Name: c.Peer.Tag(), Tag: c.Peer.Tag()}, false
}

// item makes an entry of a message.
func (m *model) item(msg messenger.Message) *chat.Item {
	it := &chat.Item{Message: msg, At: msg.Sent}
	if !msg.Mine {
		p, _ := m.person(messenger.Chat{Peer: msg.From})
		it.Who = p.Name
	}
	return it
}

// say puts a quiet line into the chat on the screen.
func (m *model) say(note string) { m.sayIn(m.open, note) }

func (m *model) sayIn(c messenger.Chat, note string) {
	m.chat(c).list.Add(&chat.Item{Note: note, At: m.opts.Now()})
}

// fail says in the chat on the screen what failed, and the next step.
func (m *model) fail(err error) {
	m.current().list.Add(&chat.Item{Note: err.Error(), Hint: hintOf(err), Failed: true, At: m.opts.Now()})
}
