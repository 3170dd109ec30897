package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/chat"
	"dione/tui/dialog"
	"dione/tui/markdown"
	"dione/tui/text"
)

// This file holds the cursor over the messages: its keys, and the dialog that
// tells all about the message under it. While the cursor is there, keys that
// are not its own take it away and do what they always do.

// picking reports whether the cursor is on a message.
func (m *model) picking() bool {
	_, ok := m.open.list.Chosen()
	return ok
}

// pick moves the cursor over the messages.
func (m *model) pick(by int) {
	m.focusRoster(false)
	m.answer, m.answered = answer{}, nil
	m.open.list.Choose(by)
}

// pressPicked takes a key while the cursor is on a message. Done says that it
// was one for it.
func (m *model) pressPicked(msg tea.KeyPressMsg) (cmd tea.Cmd, done bool) {
	picked, _ := m.open.list.Chosen()
	list := m.open.list
	switch msg.String() {
	case "up", "k":
		list.Choose(-1)
	case "down", "j":
		list.Choose(+1)
	case "pgup":
		list.ChoosePage(-1)
	case "pgdown":
		list.ChoosePage(+1)
	case "esc":
		list.Unchoose()
	case "enter", "i":
		cmd = m.tell(picked)
	case "c":
		cmd = m.copy(picked.Text)
	case "o":
		cmd = m.followFirst(picked)
	case "r":
		m.answerTo(picked)
	case "+":
		m.react(picked)
	case "e", "d":
		if !picked.Mine {
			m.say("only its author can do that", "")
		} else if msg.String() == "e" {
			m.correct(picked)
		} else {
			m.unsend(picked)
		}
	default:
		list.Unchoose()
		return nil, false
	}
	return cmd, true
}

// pickWords stands in the line above the composer while the cursor is there.
func (m *model) pickWords() words {
	picked, _ := m.open.list.Chosen()
	s := "Esc · Enter more · r answer · + react · c copy"
	if len(linksOf(picked)) > 0 {
		s += " · o open"
	}
	if picked.Mine {
		s += " · e change · d delete"
	}
	return words{{m.theme.Muted, s}}
}

func linksOf(msg messenger.Message) []markdown.Link { return markdown.Links(text.Clean(msg.Text)) }

// followFirst opens the link of a message. Of several the user chooses one.
func (m *model) followFirst(msg messenger.Message) tea.Cmd {
	switch links := linksOf(msg); len(links) {
	case 0:
		m.say("there is no link in this message", "")
		return nil
	case 1:
		return m.follow(links[0].Target)
	}
	return m.tell(msg)
}

// told is what the dialog with all about a message is about.
type told struct {
	msg      messenger.Message
	versions []messenger.Version // nil: not asked for, or not there yet
}

// versionsMsg brings what a message has said.
type versionsMsg struct{ told }

// tell opens the dialog with all about a message.
func (m *model) tell(msg messenger.Message) tea.Cmd {
	m.dialogs.Push(m.details(told{msg: msg}))
	return loadVersions(m.client, msg)
}

// refreshDetails draws the dialog anew, if it is about the message.
func (m *model) refreshDetails(msg messenger.Message) tea.Cmd {
	about, ok := m.dialogs.About(dialog.Details).(told)
	if !ok || about.msg.Row != msg.Row {
		return nil
	}
	was := about.msg.Edited
	about.msg = msg
	if msg.Deleted {
		about.versions = nil
	}
	m.dialogs.Replace(m.details(about))
	if was.Equal(msg.Edited) {
		return nil
	}
	return loadVersions(m.client, msg)
}

// takeVersions shows what a message has said, if one still looks at it.
func (m *model) takeVersions(msg versionsMsg) {
	if about, ok := m.dialogs.About(dialog.Details).(told); ok && about.msg.Row == msg.msg.Row && !about.msg.Deleted {
		m.dialogs.Replace(m.details(told{about.msg, msg.versions}))
	}
}

// loadVersions asks what a message has said, if that was changed.
func loadVersions(c client, msg messenger.Message) tea.Cmd {
	if msg.Edited.IsZero() || msg.Deleted {
		return nil
	}
	return call(func(ctx context.Context) (tea.Msg, error) {
		all, err := c.Versions(ctx, msg.Chat, messenger.Ref{ID: msg.ID, From: msg.From})
		return versionsMsg{told{msg, all}}, err
	})
}

func (m *model) details(about told) *dialog.Dialog {
	msg := about.msg
	d := &dialog.Dialog{Kind: dialog.Details, Title: "Message", About: about, Keys: []string{"c"}, Foot: "c copies the text · Esc closes"}
	add := func(left, right string) {
		if right != "" {
			d.Lines = append(d.Lines, dialog.Line{Left: left, Right: right})
		}
	}
	add("from", m.author(msg))
	add("peer ID", msg.From.String())
	add("written", m.moment(msg.Sent))
	if !msg.Mine {
		arrived := m.moment(msg.Arrived)
		if late := text.Late(msg.Sent, msg.Arrived); late != "" {
			arrived += ", " + strings.TrimPrefix(late, "arrived ")
		}
		if msg.Late {
			arrived += ", after later ones"
		}
		add("arrived", arrived)
	}
	add("path", pathWords(msg))
	add("state", m.stateWords(msg))
	add("ID", msg.ID.String())
	if q := msg.ReplyTo; q != nil {
		add("answers", m.named(q.From)+", "+q.ID.String())
	}
	if !msg.Edited.IsZero() && !msg.Deleted {
		add("edited", m.moment(msg.Edited))
	}
	if msg.Deleted {
		add("deleted", "by its author; who had it before may have kept it")
	}
	links := linksOf(msg)
	if len(links) > 0 {
		d.Lines = append(d.Lines, dialog.Line{}, dialog.Line{Left: "LINKS", Head: true})
		d.Keys = append(d.Keys, "enter", "o")
		d.Foot = "Enter opens the link · c copies the text · Esc closes"
	}
	for _, l := range links {
		d.Lines = append(d.Lines, dialog.Line{Left: l.Target, Value: l})
	}
	if len(msg.Reactions) > 0 && !msg.Deleted {
		d.Lines = append(d.Lines, dialog.Line{}, dialog.Line{Left: "REACTIONS", Head: true})
		for _, r := range msg.Reactions {
			add(text.Name(r.Text), m.named(r.From))
		}
	}
	if len(about.versions) > 1 {
		d.Lines = append(d.Lines, dialog.Line{}, dialog.Line{Left: "WHAT IT SAID BEFORE", Head: true})
		for _, v := range about.versions[:len(about.versions)-1] {
			add(v.Sent.In(m.opts.Zone).Format("2 Jan 15:04:05"), text.Clean(v.Text))
		}
	}
	return d
}

// named is somebody's name with their tag, or that it is us.
func (m *model) named(id identity.ID) string {
	if id == m.self.ID {
		return "you"
	}
	return label(m.person(id))
}

// author is who wrote a message, with their tag in any case: here one looks to
// be sure.
func (m *model) author(msg messenger.Message) string {
	if msg.Mine {
		return text.Name(m.self.Name) + " ·" + m.self.Tag + ", you"
	}
	p := m.person(msg.From)
	s := text.Name(p.Name) + " ·" + p.Tag
	if p.Verified {
		s += ", verified"
	}
	return s
}

func (m *model) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(m.opts.Zone).Format("Monday 2 January 2006, 15:04:05")
}

// pathWords tell the way by which a message came.
func pathWords(msg messenger.Message) string {
	switch msg.Path {
	case messenger.PathNone:
		return ""
	case messenger.PathMailbox:
		return "by the mail network"
	case messenger.PathLAN:
		return "over the LAN"
	}
	return chat.PathName(msg.Path)
}

// stateWords tell how far an own message has come.
func (m *model) stateWords(msg messenger.Message) string {
	have := fmt.Sprintf("%d of %d nodes of the mail network hold it", msg.Acked, msg.Addressed)
	if msg.Chat.IsRoom() {
		have = fmt.Sprintf("%d of the %s it was for have it", msg.Acked, count(msg.Addressed, "person", "people"))
	}
	switch msg.State {
	case messenger.StateQueued:
		return "queued: safe here, nobody is known to have it"
	case messenger.StateStored:
		return "stored: " + have
	case messenger.StateDelivered:
		if msg.Chat.IsRoom() {
			return "delivered: " + have
		}
		return "delivered: it is on their disk"
	case messenger.StateFailed:
		return "failed: " + text.Name(msg.Reason)
	}
	return ""
}

// actOnDetails does what a key in the dialog asks for.
func (m *model) actOnDetails(act dialog.Action) tea.Cmd {
	about, ok := m.dialogs.About(dialog.Details).(told)
	if !ok {
		return nil
	}
	msg := about.msg
	switch act.Key {
	case "c":
		cmd := m.copy(msg.Text)
		m.dialogs.Say(dialog.Details, copiedWords)
		return cmd
	case "enter", "o":
		if link, ok := act.Value.(markdown.Link); ok {
			m.dialogs.Clear()
			return m.follow(link.Target)
		}
	}
	return nil
}
