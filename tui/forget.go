package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file deletes what was written from this disk: a conversation, after it
// was said what goes and what stays, or what is older than the user wants to
// keep.

// deletion is a conversation that is asked about.
type deletion struct{ chat messenger.Chat }

type (
	deletionMsg struct { // what is to be asked about
		chat    messenger.Chat
		person  messenger.Person
		waiting []messenger.Waiting
	}
	deletedMsg struct{ chat messenger.Chat } // the engine deletes it now
)

// forget asks about the conversation that a command means, or deletes it.
func forget(c client, open messenger.Chat, cmd command.Delete) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		msg := deletionMsg{chat: open}
		var err error
		switch {
		case cmd.Who == messenger.Room.String():
			msg.chat = messenger.Room
		case cmd.Who != "":
			msg.person, err = c.Resolve(ctx, cmd.Who)
			msg.chat.Peer = msg.person.ID
		case !open.IsRoom():
			msg.person, err = c.Person(ctx, open.Peer)
		}
		if err != nil {
			return nil, err
		}
		if cmd.Sure {
			return deletedMsg{msg.chat}, c.DeleteChat(ctx, msg.chat)
		}
		msg.waiting, err = c.Outbox(ctx)
		return msg, err
	})
}

func deleteChat(c client, chat messenger.Chat) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return deletedMsg{chat}, c.DeleteChat(ctx, chat)
	})
}

func retain(c client, chat messenger.Chat, cmd command.Retain) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{}, c.Retain(ctx, chat, cmd.For)
	})
}

// deletionDialog says what goes and what stays.
func (m *model) deletionDialog(msg deletionMsg) *dialog.Dialog {
	d := &dialog.Dialog{Kind: dialog.Delete, Title: "Delete what was written in #lan?", Keys: []string{"d"}, Foot: "d deletes it · Esc leaves it", About: deletion{msg.chat}}
	who, theirs := "somebody", "What others have of it stays with them: nobody is told."
	if !msg.chat.IsRoom() {
		who = label(msg.person)
		d.Title = "Delete what you and " + who + " wrote?"
		theirs = "What " + who + " has of it stays with them, and they are not told."
	}
	add := func(words string) { d.Lines = append(d.Lines, dialog.Line{Left: words}) }
	head := func(words string) { d.Lines = append(d.Lines, dialog.Line{Left: words, Head: true}) }
	head("THIS GOES, FROM THIS DISK AND FOR GOOD")
	add("Every message of this conversation, with its reactions and former texts, its words in the search, and what you typed and did not send.")
	unsealed, sealed := 0, 0
	for _, w := range msg.waiting {
		switch {
		case w.Chat != msg.chat:
		case w.Sealed:
			sealed++
		default:
			unsealed++
		}
	}
	if unsealed > 0 {
		add(count(unsealed, "message waits", "messages wait") + " here for " + who + ": given up, never sent.")
	}
	if sealed > 0 {
		add(count(sealed, "message is", "messages are") + " on the way to " + who + ", and may still arrive.")
	}
	d.Lines = append(d.Lines, dialog.Line{})
	head("THIS STAYS")
	add(theirs)
	if !msg.chat.IsRoom() {
		add(who + " among the people you know, with keys, names and whether verified. /block is for those of whom you want nothing more.")
	}
	add("Backups that you have made. And for 90 days a random number of each message, so that one that comes twice is not shown again.")
	return d
}

// deleted empties the composer of a conversation that is being deleted: what
// is typed from now on belongs to what comes.
func (m *model) deleted(c messenger.Chat) {
	conv := m.chat(c)
	conv.composer.SetText("")
	conv.composer.Forget()
	conv.aside = ""
	m.drafts.kept[c] = messenger.Draft{Chat: c}
	if conv == m.open {
		m.say("deleting what was written here", "")
	}
}

// erased takes what the engine tells of messages that were deleted here.
func (m *model) erased(ev messenger.ChatErased) tea.Cmd {
	conv := m.chat(ev.Info.Chat)
	conv.unread, conv.mentions, conv.read, conv.newest = ev.Info.Unread, ev.Info.Mentions, ev.Info.Read, ev.Info.Last.Row
	m.endSearch()
	if !ev.Whole {
		conv.list.Forget(func(msg messenger.Message) bool {
			waits := !ev.Info.Chat.IsRoom() && (msg.State == messenger.StateQueued || msg.State == messenger.StateStored)
			return msg.Arrived.Before(ev.Until) && !waits
		})
		return nil
	}
	conv.list, conv.aim = m.newList(), nil
	if conv != m.open {
		return nil
	}
	m.say("deleted from this disk: "+count(ev.N, "message", "messages"), "")
	conv.loading = true
	return tea.Batch(loadNewest(m.client, conv.chat, pageSize), loadNet(m.client, false))
}

// retained takes for how long the messages of a conversation are kept.
func (m *model) retained(info messenger.ChatInfo) {
	conv := m.chat(info.Chat)
	conv.kept = info.Keep
	if conv == m.open {
		m.sayKept()
	}
}

// sayKept tells for how long messages of the open conversation are kept.
func (m *model) sayKept() {
	if m.open.kept == 0 {
		m.say("messages of this conversation are kept until you delete them", "/retain 30d keeps them for thirty days")
		return
	}
	m.say("messages of this conversation are kept for "+text.Span(m.open.kept)+": what is older is deleted from this disk every hour; others keep what they have",
		"/retain off keeps them for good")
}

// keptWords say in a few words for how long messages are kept, if not for good.
func keptWords(conv *conversation) string {
	if conv.kept == 0 {
		return ""
	}
	return "kept " + text.Span(conv.kept)
}
