package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/dialog"
	"dione/tui/text"
)

// events takes what the engine tells.
func (m *model) events(evs []messenger.Event) tea.Cmd {
	var cmds []tea.Cmd
	for _, ev := range evs {
		switch ev := ev.(type) {
		case messenger.MessageSent:
			m.chat(ev.Message.Chat).add(ev.Message)
			cmds = append(cmds, m.count(ev.Message))
		case messenger.MessageReceived:
			m.received(ev)
			m.gather(ev)
		case messenger.PersonTyping:
			m.writes(ev)
		case messenger.MessageChanged:
			if conv := m.chat(ev.Message.Chat); conv.wanted() {
				conv.list.Update(ev.Message)
			}
			cmds = append(cmds, m.refreshDetails(ev.Message))
		case messenger.StateChanged:
			if conv := m.chat(ev.Message.Chat); conv.wanted() {
				conv.list.Update(ev.Message)
			}
			cmds = append(cmds, m.refreshDetails(ev.Message), m.count(ev.Message))
		case messenger.PersonNear:
			m.moved(ev.Person, m.people[ev.Person.ID].Path)
			cmds = append(cmds, m.list())
		case messenger.PersonGone:
			m.moved(ev.Person, ev.Path)
			cmds = append(cmds, m.list())
		case messenger.PersonRenamed:
			m.put(ev.Person)
			m.renamedTo(ev)
			cmds = append(cmds, m.list())
		case messenger.PersonChanged:
			m.changed(ev.Person)
			cmds = append(cmds, m.list())
		case messenger.RequestReceived:
			m.put(ev.Person)
			m.refreshPeople()
			cmds = append(cmds, m.list())
		case messenger.ChatRead:
			conv := m.chat(ev.Info.Chat)
			conv.unread, conv.mentions, conv.read = ev.Info.Unread, ev.Info.Mentions, ev.Info.Read
		case messenger.ChatErased:
			cmds = append(cmds, m.erased(ev))
		case messenger.ChatRetained:
			m.retained(ev.Info)
		case messenger.ChatMuted:
			m.wasMuted(ev.Info)
		case messenger.NetChanged:
			queued, stored := m.net.Queued, m.net.Stored // are counted on their own
			m.net, m.netKnown = ev.Net, true
			m.net.Queued, m.net.Stored = queued, stored
			m.dialogs.Refresh(dialog.Net, m.netLines())
		case messenger.Notice:
			m.open.list.Note(ev.Text, ev.Hint, ev.Failed)
			if !m.open.list.Following() || !m.chatShown() {
				m.answer, m.answered = answer{ev.Text, ev.Hint, ev.Failed}, nil
			}
		case messenger.Ready:
			m.self = ev.Self
			m.net.Addrs = ev.Self.Addrs
			cmds = append(cmds, loadNet(m.client, false))
		case messenger.Lagged:
			cmds = append(cmds, m.reread()...)
		}
	}
	m.sortRoster()
	return tea.Batch(cmds...)
}

// received takes a message of somebody else. What comes into a chat that is
// not being looked at is unread from there on.
func (m *model) received(ev messenger.MessageReceived) {
	conv := m.chat(ev.Message.Chat)
	if m.put(ev.From) {
		conv.list.Redraw()
	}
	conv.add(ev.Message)
	if ev.Message.Row > conv.counted {
		conv.unread++
		if ev.Message.Mentioned {
			conv.mentions++
		}
		conv.counted = ev.Message.Row
	}
	if conv == m.open && (m.blurred || !conv.list.Following() || m.dialogs.Open() || !m.chatShown()) {
		m.setRule(conv)
	}
}

// wanted reports whether the list wants to be told of messages: not before
// somebody opens the chat, when they are loaded anyway.
func (conv *conversation) wanted() bool { return conv.loading || !conv.list.Stale() }

func (conv *conversation) add(msg messenger.Message) {
	conv.newest = max(conv.newest, msg.Row)
	if conv.wanted() {
		conv.list.Add(msg)
	}
}

// moved says quietly that somebody came or left, who was reached by another
// path or none: in the room only who is of this LAN. Nothing is said of who is
// blocked.
func (m *model) moved(p messenger.Person, was messenger.Path) {
	renamed := m.put(p)
	for _, c := range []messenger.Chat{messenger.Room, {Peer: p.ID}} {
		conv := m.chats[c]
		if conv == nil {
			continue
		}
		if renamed {
			conv.list.Redraw()
		}
		now := p.Path
		if c.IsRoom() && now != messenger.PathLAN {
			now = messenger.PathNone
		}
		elsewhere := c.IsRoom() && now == messenger.PathNone && was != messenger.PathLAN
		if !elsewhere && p.Standing != messenger.StandingBlocked {
			conv.list.Presence(p.ID, now)
		}
	}
}

// renamedTo announces a new name: in the chat with them, in the room if they
// are of this LAN, and for a contact also in the chat that is open.
func (m *model) renamedTo(ev messenger.PersonRenamed) {
	p := ev.Person
	words := fmt.Sprintf("%s is now called %s", text.Name(ev.Was), label(p))
	for c := range m.chats {
		known := p.Contact && p.Standing != messenger.StandingBlocked
		if c.Peer == p.ID || c.IsRoom() && p.Near() || c == m.open.chat && known {
			m.noteIn(c, words, "")
		}
	}
	m.refreshPeople()
}

// noteIn puts a quiet line into a chat, if it is one that the screen has.
func (m *model) noteIn(c messenger.Chat, words, hint string) {
	if conv := m.chats[c]; conv != nil {
		conv.list.Redraw()
		conv.list.Note(words, hint, false)
	}
}

// list asks for everybody known, in order, unless that is being asked for.
func (m *model) list() tea.Cmd {
	if m.listing {
		return nil
	}
	m.listing = true
	return loadPeople(m.client)
}

// count asks how many messages wait, a little after one that may have changed
// it, so that a thousand changes cost one question.
func (m *model) count(msg messenger.Message) tea.Cmd {
	if msg.Chat.IsRoom() || m.counting {
		return nil
	}
	m.counting = true
	return tea.Tick(countDelay, func(time.Time) tea.Msg { return countMsg{} })
}

// reread asks for everything anew, because events were dropped. Chats that are
// not on the screen are forgotten until somebody opens them; what is written
// in them stays.
func (m *model) reread() []tea.Cmd {
	m.listing, m.open.loading = true, true
	for _, conv := range m.chats {
		if at, ok := conv.list.Top(); ok && conv.aim == nil {
			conv.aim = &aim{at: at} // as soon as it is on the screen
		}
		if conv != m.open {
			conv.list = m.newList()
		}
	}
	return []tea.Cmd{
		loadChats(m.client, false),
		loadPeople(m.client),
		loadNet(m.client, false),
		loadNewest(m.client, m.open.chat, pageSize),
	}
}
