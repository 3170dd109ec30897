package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/composer"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file holds what one does to the message under the cursor: answering and
// correcting it, which one writes in the composer, setting a sign beside it,
// and taking it back.

// intent is what the text in a composer is meant for, if not for everybody who
// reads the conversation from here on.
type intent struct {
	of      messenger.Message
	correct bool // else it answers
}

// answerTo has the next text answer a message.
func (m *model) answerTo(msg messenger.Message) {
	if msg.Deleted {
		m.say("it was deleted: there is nothing to answer", "")
		return
	}
	m.open.list.Unchoose()
	m.open.intent = &intent{of: msg}
}

// correct brings an own message back into the composer, to be written anew.
// What is written there is behind Up.
func (m *model) correct(msg messenger.Message) {
	if msg.Deleted {
		m.say("it was deleted: there is nothing to change", "")
		return
	}
	c := m.open.composer
	if !c.Empty() {
		c.Remember(trim(c.Text()))
	}
	m.open.list.Unchoose()
	m.open.intent = &intent{of: msg, correct: true}
	c.SetText(command.Quote(msg.Text))
}

// dropIntent forgets what the text was meant for. A correction goes with it,
// behind Up.
func (m *model) dropIntent() {
	c := m.open.composer
	if m.open.intent.correct && !c.Empty() {
		c.Remember(trim(c.Text()))
		c.SetText("")
	}
	m.open.intent = nil
}

// intentWords stand in the line above the composer.
func (m *model) intentWords() words {
	of := m.open.intent.of
	if m.open.intent.correct {
		return words{{m.theme.Unread, "changes what you wrote"}, {m.theme.Muted, " · Esc"}}
	}
	who := "yourself"
	if !of.Mine {
		who = label(m.person(of.From))
	}
	const shown = 30
	return words{{m.theme.Unread, "answers " + who}, {m.theme.Muted, ": " + m.meter.Truncate(text.Name(of.Text), shown) + " · Esc"}}
}

// write gives a text to the engine, for what it is meant.
func (i *intent) write(ctx context.Context, c client, chat messenger.Chat, s string) error {
	var err error
	switch {
	case i == nil:
		_, err = c.Send(ctx, chat, s)
	case i.correct:
		_, err = c.Correct(ctx, chat, i.of.ID, s)
	default:
		_, err = c.Reply(ctx, chat, refOf(i.of), s)
	}
	return err
}

func refOf(msg messenger.Message) messenger.Ref { return messenger.Ref{ID: msg.ID, From: msg.From} }

// signsAtHand are those that the dialog offers.
var signsAtHand = []struct{ sign, words string }{
	{"👍", "yes, good"}, {"👎", "no"}, {"❤", "love"}, {"😂", "laughing"}, {"🎉", "hooray"}, {"😮", "oh"}, {"😢", "sad"}, {"👀", "looking at it"}, {"✅", "done"},
}

// noSign takes a sign away.
const noSign = ""

// react opens the dialog of the signs to set beside a message.
func (m *model) react(msg messenger.Message) {
	if msg.Deleted {
		m.say("it was deleted", "")
		return
	}
	d := &dialog.Dialog{
		Kind: dialog.React, Title: "React", Foot: "Enter sets it · or write another · Esc closes",
		Input: composer.New(), About: msg,
	}
	for _, r := range msg.Reactions {
		if r.Mine {
			d.Lines = append(d.Lines, dialog.Line{Left: "take " + text.Name(r.Text) + " away", Value: noSign})
		}
	}
	for _, s := range signsAtHand {
		d.Lines = append(d.Lines, dialog.Line{Left: s.sign, Right: s.words, Value: s.sign})
	}
	m.dialogs.Push(d)
}

// actOnReact sets what is written, or what was chosen.
func (m *model) actOnReact(act dialog.Action) tea.Cmd {
	msg, ok := m.dialogs.About(dialog.React).(messenger.Message)
	if !ok || act.Key == dialog.Written {
		return nil
	}
	sign, _ := act.Value.(string)
	if written := m.dialogs.Written(dialog.React); written != "" {
		sign = written
	}
	m.dialogs.Clear()
	return do(func(ctx context.Context) error {
		_, err := m.client.React(ctx, msg.Chat, refOf(msg), sign)
		return err
	})
}

// unsend asks whether a message is to be taken back.
func (m *model) unsend(msg messenger.Message) {
	if msg.Deleted {
		m.say("it was deleted already", "")
		return
	}
	m.dialogs.Push(&dialog.Dialog{
		Kind: dialog.Unsend, Title: "Take it back?", About: msg, Keys: []string{"y"}, Foot: "y takes it back · Esc keeps it",
		Lines: []dialog.Line{
			{Left: m.meter.Truncate(text.Name(msg.Text), 60), Strong: true}, {},
			{Left: "It is erased here, and everybody who has it is asked to do the same. Nobody can know whether they do; that it was there stays to be seen."},
		},
	})
}

func (m *model) actOnUnsend(msg messenger.Message) tea.Cmd {
	m.dialogs.Clear()
	m.open.list.Unchoose()
	return do(func(ctx context.Context) error {
		_, err := m.client.Unsend(ctx, msg.Chat, msg.ID)
		return err
	})
}

// do makes a command of a call of which the events tell.
func do(f func(context.Context) error) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) { return doneMsg{}, f(ctx) })
}
