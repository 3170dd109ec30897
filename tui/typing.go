package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/text"
)

// This file holds the notice that somebody is writing: one's own and that of
// others, both only if the user has switched it on.

// typingEvery is how often the engine is asked to say that the user writes.
const typingEvery = 5 * time.Second

// typing says to whom the open chat is with that the user writes there, as
// often as that is heard. What may be a command is nobody's business.
func (m *model) typing() tea.Cmd {
	now, conv := m.opts.Now(), m.open
	if !m.opts.Screen.Typing || conv.composer.Empty() || strings.HasPrefix(conv.composer.Text(), "/") || now.Sub(conv.typed) < typingEvery {
		return nil
	}
	conv.typed = now
	c, chat := m.client, conv.chat
	return call(func(ctx context.Context) (tea.Msg, error) { return doneMsg{}, c.Typing(ctx, chat) })
}

// setTyping switches the notices in the engine.
func setTyping(c client, on bool) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) { return doneMsg{}, c.SetTyping(ctx, on) })
}

// writes takes note of who writes.
func (m *model) writes(ev messenger.PersonTyping) {
	conv := m.chat(ev.Chat)
	conv.writing = slices.DeleteFunc(conv.writing, func(p messenger.Person) bool { return p.ID == ev.Person.ID })
	if ev.Typing {
		conv.writing = append(conv.writing, ev.Person)
	}
}

// writingWords say who writes in the open chat.
func (m *model) writingWords() words {
	switch who := m.open.writing; {
	case !m.opts.Screen.Typing || len(who) == 0:
		return nil
	case len(who) == 1:
		return words{{m.theme.Muted, text.Name(who[0].Name) + " is writing…"}}
	}
	return words{{m.theme.Muted, "several people are writing…"}}
}
