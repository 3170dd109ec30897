package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file holds the outbox: what waits, why, and what can be done about it.

func outboxDialog() *dialog.Dialog {
	return &dialog.Dialog{
		Kind: dialog.Outbox, Title: "Outbox", Foot: "r tries again · x gives one up · Enter opens · Esc closes",
		Keys: []string{"r", "x", "enter"}, Empty: "Nothing waits: all that you wrote has arrived or was given up.",
	}
}

// outbox shows what waits, or does something about the one message that was
// meant.
func (m *model) outbox(msg outboxMsg) tea.Cmd {
	if msg.what == showWaiting {
		m.dialogs.Refresh(dialog.Outbox, m.outboxLines(msg.waiting))
		return nil
	}
	var found []messenger.Waiting
	for _, w := range msg.waiting {
		if strings.HasPrefix(w.ID.String(), msg.id) {
			found = append(found, w)
		}
	}
	switch {
	case len(found) == 0:
		m.fail(messenger.ErrNotWaiting)
	case len(found) > 1:
		m.fail(fmt.Errorf("%d waiting messages begin with %s", len(found), msg.id))
	case msg.what == retryOne:
		return m.retryFor(found[0])
	default:
		return cancelMessage(m.client, found[0].Message)
	}
	return nil
}

// actOnWaiting does what a key asks for about a message that waits.
func (m *model) actOnWaiting(w messenger.Waiting, act dialog.Action) tea.Cmd {
	switch {
	case act.Key == "enter":
		m.dialogs.Clear()
		m.show(w.Chat)
		return nil
	case act.Key == "r":
		m.dialogs.Say(dialog.Outbox, "trying again · Esc closes")
		return m.retryFor(w)
	case w.Sealed:
		m.dialogs.Say(dialog.Outbox, "too late: it is on its way · Esc closes")
		return nil
	}
	return cancelMessage(m.client, w.Message)
}

func (m *model) retryFor(w messenger.Waiting) tea.Cmd {
	return retry(m.client, w.Chat.Peer, label(m.person(w.Chat.Peer)))
}

// outboxLines are two rows for each message: what it says, and how far it is.
func (m *model) outboxLines(waiting []messenger.Waiting) (lines []dialog.Line) {
	sealed, column := false, 0
	for _, w := range waiting {
		column = max(column, m.meter.Width(label(m.person(w.Chat.Peer))))
	}
	// One row for the words, beside a name and a time in a dialog.
	room := max(min(m.layout.width-10, 78)-min(column, 30)-17, 12)
	for _, w := range waiting {
		words := waitingText(w)
		lines = append(lines, dialog.Line{
			Left:  label(m.person(w.Chat.Peer)),
			Right: w.Sent.In(m.opts.Zone).Format("2 Jan 15:04") + "  " + m.meter.Truncate(words, room) + "\n" + waitingWords(w),
			Value: w,
		})
		sealed = sealed || w.Sealed
	}
	if sealed {
		lines = append(lines, dialog.Line{}, dialog.Line{
			Left: "What is on its way is encrypted for them and cannot be given up: it may be with them already.",
		})
	}
	return lines
}

// waitingText is the first line of what waits, or what it does to another
// message.
func waitingText(w messenger.Waiting) string {
	words, _, _ := strings.Cut(strings.TrimSpace(text.Clean(w.Text)), "\n")
	switch {
	case w.Kind == messenger.KindReaction && words == "":
		return "takes a reaction away"
	case w.Kind == messenger.KindReaction:
		return "reacts with " + words
	case w.Kind == messenger.KindCorrection:
		return "corrects to: " + words
	case w.Kind == messenger.KindDeletion:
		return "takes a message back"
	}
	return words
}

// waitingWords say how far a message is, and why no farther.
func waitingWords(w messenger.Waiting) string {
	s := w.State.String()
	if w.State == messenger.StateStored || w.Sealed && w.Acked > 0 {
		s += fmt.Sprintf(" %d/%d", w.Acked, w.Addressed)
	}
	if w.Why != "" {
		s += ": " + text.Name(w.Why)
	}
	if w.Sealed && w.State != messenger.StateStored {
		s += ", on its way"
	}
	return s
}
