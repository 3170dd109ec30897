package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/browse"
	"dione/tui/text"
)

// This file holds what leaves the screen for other programs: links that are
// opened, and texts that are copied. A terminal does not tell whether it took
// what it was given to copy, so nobody is told that it did.

// copiedWords say what is known of a copy.
const copiedWords = "copied, if your terminal permits"

type (
	linkMsg     struct{ target string } // a link to follow
	copyMsg     struct{ text string }   // a message to copy
	unopenedMsg struct {                // a link that could not be opened
		target string
		err    error
	}
)

// follow opens a link, or copies it where there is no screen to open it on.
func (m *model) follow(target string) tea.Cmd {
	if m.opts.Open == nil {
		m.say("no screen to open it on from here: "+copiedWords, target)
		return m.copyLink(target)
	}
	m.say("opening "+target, "")
	return openLink(m.opts.Open, target)
}

// copy gives the text of a message to the terminal. A terminal may paste it
// elsewhere: nothing in it does more than write.
func (m *model) copy(s string) tea.Cmd {
	if s = text.Input(s); s == "" {
		m.say("there is no text to copy", "")
		return nil
	}
	const shown = 60
	m.say(copiedWords, m.meter.Truncate(text.Name(s), shown))
	return tea.SetClipboard(s)
}

func (m *model) copyLink(target string) tea.Cmd { return tea.SetClipboard(target) }

func findLink(c client, chat messenger.Chat, n int) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		link, err := browse.Find(ctx, c, chat, n)
		return linkMsg{link.Target}, err
	})
}

func openLink(open func(context.Context, string) error, target string) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		if err := open(ctx, target); err != nil {
			return unopenedMsg{target, err}
		}
		return doneMsg{}
	}
}

// findMessage brings the nth message of a chat from its end.
func findMessage(c client, chat messenger.Chat, n int) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		page, err := c.History(ctx, chat, messenger.Cursor{}, n)
		switch {
		case err != nil:
			return nil, err
		case len(page) < n:
			return nil, fmt.Errorf("this conversation has %s", count(len(page), "message only", "messages only"))
		}
		return copyMsg{page[0].Text}, nil
	})
}
