package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/dialog"
	"dione/tui/text"
)

// carryOut does what a command says.
func (m *model) carryOut(cmd command.Command) tea.Cmd {
	switch cmd := cmd.(type) {
	case command.Help:
		m.help(cmd.Topic)
	case command.Msg:
		if cmd.To != messenger.Room.String() {
			return findPerson(m.client, cmd.To, cmd.Text)
		}
		m.show(messenger.Room)
		return m.writeTo(messenger.Room, cmd.Text)
	case command.Who:
		if cmd.Who != "" {
			return findCard(m.client, cmd.Who)
		}
		m.dialogs.Push(&dialog.Dialog{
			Kind: dialog.People, Title: "People", Foot: "Enter opens · i more · Esc closes",
			Keys: []string{"enter", "i"}, Lines: m.peopleLines(), Empty: "Nobody is known yet.",
		})
	case command.History:
		m.open.loading = true
		return loadBack(m.client, m.open.chat, cmd.N)
	case command.Reply, command.React, command.Correct, command.Unsend:
		return changeMessage(m.client, m.open.chat, cmd)
	case command.Mute:
		return m.mute(cmd)
	case command.Retain:
		if cmd == (command.Retain{}) {
			m.sayKept()
			return nil
		}
		return retain(m.client, m.open.chat, cmd)
	case command.Delete:
		return forget(m.client, m.open.chat, cmd)
	case command.Settings:
		m.settings.problem = nil
		m.dialogs.Push(m.settingsDialog())
	case command.Name:
		if cmd.New != "" {
			return setName(m.client, cmd.New)
		}
		m.say(fmt.Sprintf("you are %s ·%s", text.Name(m.self.Name), m.self.Tag), m.self.ID.String())
	case command.Petname:
		if m.nobody("petname", cmd.Who) {
			return nil
		}
		return setPetname(m.client, m.open.chat, cmd.Who, cmd.New)
	case command.Search:
		return m.search(cmd.Query)
	case command.Open:
		return findLink(m.client, m.open.chat, cmd.N)
	case command.Copy:
		return findMessage(m.client, m.open.chat, cmd.N)
	case command.Net:
		return loadNet(m.client, true)
	case command.Outbox:
		m.dialogs.Push(outboxDialog())
		return loadOutbox(m.client, showWaiting, "")
	case command.Retry:
		if cmd.ID == "" {
			return retry(m.client, identity.ID{}, "everybody for whom something waits")
		}
		return loadOutbox(m.client, retryOne, cmd.ID)
	case command.Cancel:
		return loadOutbox(m.client, cancelOne, cmd.ID)
	case command.Export:
		return export(m.client, cmd)
	case command.Edit:
		return m.edit(cmd.Text)
	case command.Quit:
		return tea.Quit
	default:
		return m.carryOutTrust(cmd)
	}
	return nil
}

// act does what a key in a dialog asks for.
func (m *model) act(act dialog.Action) tea.Cmd {
	switch act.Kind {
	case dialog.Search:
		return m.actOnSearch(act)
	case dialog.Palette:
		return m.actOnPalette(act)
	}
	switch act.Kind {
	case dialog.Details:
		return m.actOnDetails(act)
	case dialog.React:
		return m.actOnReact(act)
	}
	switch value := act.Value.(type) {
	case deletion:
		m.dialogs.Clear()
		return deleteChat(m.client, value.chat)
	case identity.ID:
		return m.actOn(value, act)
	case setting:
		return m.actOnSetting(value, act)
	case verification:
		return m.actOn(value.id, act)
	case messenger.Invitation:
		return m.actOnInvitation(value, act)
	case messenger.Message:
		return m.actOnUnsend(value)
	case messenger.Waiting:
		return m.actOnWaiting(value, act)
	case *askBackup:
		return m.actOnBackup(value)
	case pasteChoice:
		m.actOnPaste(value)
	}
	return nil
}

// help shows everything, or explains one command.
func (m *model) help(topic string) {
	for _, c := range command.All() {
		if c.Name == topic {
			m.say(c.Usage, c.Help)
			return
		}
	}
	m.dialogs.Push(m.helpDialog())
}

// signs are those beside messages and people, and what they say.
var signs = [][2]string{
	{"…", "message: safe here, nobody has it yet; person: has not accepted you yet"},
	{"2/3", "message in #lan: two of three have it"},
	{"stored 24/24", "message: 24 nodes of the mail network hold it, of 24 that could; it arrives when they come"},
	{"✓", "message: everybody has it whom it was for"},
	{"✗", "message: will not arrive"},
	{"● ○", "person: here; away, and since when"},
	{"!", "person: not reached lately; dione goes on trying"},
	{"✎", "conversation: what you write there is not sent yet"},
	{"~ ~3", "conversation: muted; three unread in it"},
	{"@1", "conversation: one of the unread messages names you"},
}

// helpDialog is made of what the program has: its keys and its commands.
func (m *model) helpDialog() *dialog.Dialog {
	d := &dialog.Dialog{Kind: dialog.Help, Title: "Help", Foot: "Esc closes"}
	for _, part := range keys.told(m.shiftEnter).parts() {
		d.Lines = append(d.Lines, dialog.Line{Left: part.title, Head: true})
		for _, k := range part.keys {
			d.Lines = append(d.Lines, dialog.Line{Left: k.Help().Key, Right: k.Help().Desc})
		}
		d.Lines = append(d.Lines, dialog.Line{})
	}
	d.Lines = append(d.Lines, dialog.Line{Left: "SIGNS", Head: true})
	for _, sign := range signs {
		d.Lines = append(d.Lines, dialog.Line{Left: sign[0], Right: sign[1]})
	}
	d.Lines = append(d.Lines, dialog.Line{}, dialog.Line{Left: "COMMANDS, typed as a message", Head: true})
	for _, c := range command.All() {
		d.Lines = append(d.Lines, dialog.Line{Left: c.Usage, Right: c.Help})
	}
	return d
}

// found opens the chat with somebody whom a command named. What was typed
// since was meant for it.
func (m *model) found(msg foundMsg) tea.Cmd {
	if m.put(msg.person) {
		m.renamed()
	}
	was := m.open
	m.show(messenger.Chat{Peer: msg.person.ID})
	if typed := was.composer.Text(); was != m.open && typed != "" && m.open.composer.Empty() {
		was.composer.SetText("")
		m.open.composer.SetText(typed)
		m.sortRoster()
	}
	return m.writeTo(m.open.chat, msg.text)
}

// writeTo sends the text of a command, if it has one.
func (m *model) writeTo(c messenger.Chat, s string) tea.Cmd {
	if s = trim(s); s == "" {
		return nil
	}
	return m.send(outgoing{chat: c, text: s})
}
