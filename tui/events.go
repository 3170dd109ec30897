package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/chat"
)

// events takes what the engine tells.
func (m *model) events(evs []messenger.Event) tea.Cmd {
	var cmds []tea.Cmd
	people := false
	for _, ev := range evs {
		switch ev := ev.(type) {
		case messenger.Ready:
			m.self = ev.Self
			m.net.Addrs = ev.Self.Addrs
			cmds = append(cmds, loadNet(m.client, false))
		case messenger.PersonNear:
			people = true
			m.put(ev.Person)
			m.sayIn(messenger.Room, fmt.Sprintf("%s is here (%s)", ev.Person, pathName(ev.Person.Path)))
		case messenger.PersonGone:
			people = true
			m.put(ev.Person)
			m.sayIn(messenger.Room, fmt.Sprintf("%s has left", ev.Person))
		case messenger.PersonRenamed:
			people = true
			m.put(ev.Person)
			m.sayIn(messenger.Room, fmt.Sprintf("%s is called %s now", ev.Was, ev.Person))
		case messenger.MessageSent:
			m.add(ev.Message)
			cmds = append(cmds, m.countQueued(ev.Message)...)
		case messenger.MessageReceived:
			m.put(ev.From)
			conv := m.add(ev.Message)
			conv.info.Unread++
		case messenger.StateChanged:
			m.chat(ev.Message.Chat).list.Update(ev.Message)
			cmds = append(cmds, m.countQueued(ev.Message)...)
		case messenger.ChatRead:
			m.chat(ev.Info.Chat).info.Read = ev.Info.Read
			m.chat(ev.Info.Chat).info.Unread = ev.Info.Unread
		case messenger.NetChanged:
			queued := m.net.Queued
			m.net = ev.Net
			m.net.Queued = queued
			m.self.Addrs = ev.Net.Addrs
			m.whereabouts()
		case messenger.Notice:
			m.current().list.Add(&chat.Item{Note: ev.Text, Hint: ev.Hint, Failed: ev.Failed, At: m.opts.Now()})
		case messenger.Lagged:
			for c, conv := range m.chats {
				conv.loaded = false
				cmds = append(cmds, m.load(c))
			}
			cmds = append(cmds, loadChats(m.client))
			people = true
		}
	}
	if people {
		cmds = append(cmds, loadPeople(m.client))
	}
	return tea.Batch(cmds...)
}

// countQueued asks how much waits when a private message may have changed it.
func (m *model) countQueued(msg messenger.Message) []tea.Cmd {
	if msg.Chat.IsRoom() || m.counting {
		return nil
	}
	m.counting = true
	return []tea.Cmd{tea.Tick(200*time.Millisecond, func(time.Time) tea.Msg { return countMsg{} })}
}

// countMsg asks for the number of waiting messages.
type countMsg struct{}

// add puts a message into its chat, if the screen has it.
func (m *model) add(msg messenger.Message) *conversation {
	conv := m.chat(msg.Chat)
	conv.info.Last = msg
	if conv.loaded {
		conv.list.Add(m.item(msg))
	}
	return conv
}

// put keeps what is newly known of a person.
func (m *model) put(p messenger.Person) {
	for i := range m.people {
		if m.people[i].ID == p.ID {
			m.people[i] = p
			return
		}
	}
	m.people = append(m.people, p)
}

func pathName(p messenger.Path) string {
	if p == messenger.PathLAN {
		return "LAN"
	}
	return p.String()
}
