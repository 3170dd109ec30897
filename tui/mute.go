package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/command"
)

// This file holds what it means that a conversation is muted: it gives no
// notice, is not counted in the title, and its badge is quiet but there. A
// message of the room that names us counts all the same.

func (m *model) mute(cmd command.Mute) tea.Cmd {
	until := int64(messenger.Forever)
	switch {
	case cmd.Off:
		until = 0
	case cmd.For > 0:
		until = m.opts.Now().Add(cmd.For).UnixMilli()
	}
	return muteChat(m.client, m.open.chat, until)
}

func muteChat(c client, chat messenger.Chat, until int64) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		return doneMsg{}, c.Mute(ctx, chat, until)
	})
}

// wasMuted takes what the engine tells of a muted conversation.
func (m *model) wasMuted(info messenger.ChatInfo) {
	conv := m.chat(info.Chat)
	conv.mutedUntil = info.MutedUntil
	if conv != m.open {
		return
	}
	if words := m.mutedWords(conv); len(words) > 0 {
		but := ""
		if conv.chat.IsRoom() {
			but = ", unless somebody names you"
		}
		m.say(words[0]+": it gives no notice and does not count in the title"+but, "/mute off takes it back")
	} else {
		m.say("not muted", "")
	}
}

// muted reports whether the conversation is not to disturb now.
func (m *model) muted(conv *conversation) bool {
	return conv.mutedUntil > m.opts.Now().UnixMilli()
}

// mutedWords say until when a conversation is muted, in ever fewer words; none
// if it is not.
func (m *model) mutedWords(conv *conversation) []string {
	switch {
	case !m.muted(conv):
		return nil
	case conv.mutedUntil == messenger.Forever:
		return []string{"muted"}
	}
	until, now := m.time(conv.mutedUntil), m.opts.Now().In(m.opts.Zone)
	layout := "2 January 15:04"
	if until.Sub(now) < 24*time.Hour {
		layout = "15:04"
	}
	return []string{"muted until " + until.Format(layout), "muted"}
}
