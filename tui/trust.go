package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/dialog"
)

// This file holds what a user decides about people: whom to add, invite,
// accept, block and believe.

type (
	addedMsg struct { // what became of a /add
		person messenger.Person
		err    error
	}
	invitedMsg     struct{ made messenger.Invitation }
	invitationsMsg struct {
		open []messenger.Invitation
		show bool // the user has asked for them
	}
	verifyMsg struct { // a person whose safety number is to be compared
		person messenger.Person
		number string
	}
	cardMsg struct{ person messenger.Person }
)

// carryOutTrust does what a command says about whom to trust.
func (m *model) carryOutTrust(cmd command.Command) tea.Cmd {
	chat := m.open.chat
	current := m.person(chat.Peer)
	switch cmd := cmd.(type) {
	case command.Add:
		return add(m.client, cmd)
	case command.Invite:
		return invite(m.client)
	case command.Invitations:
		return loadInvitations(m.client, true)
	case command.Revoke:
		return revoke(m.client, cmd.Invitation)
	case command.Requests:
		m.dialogs.Push(m.requestsDialog())
	case command.Accept:
		if cmd.Who == "" && current.Standing != messenger.StandingRequest {
			m.dialogs.Push(m.requestsDialog())
			return nil
		}
		return accept(m.client, chat, cmd.Who)
	case command.Block:
		if m.nobody("block", cmd.Who) {
			return nil
		}
		return block(m.client, chat, cmd.Who)
	case command.Unblock:
		if cmd.Who == "" && current.Standing != messenger.StandingBlocked {
			m.dialogs.Push(m.blockedDialog())
			return nil
		}
		return unblock(m.client, chat, cmd.Who)
	case command.Verify:
		switch {
		case m.nobody("verify", cmd.Who):
			return nil
		case cmd.Done:
			return verify(m.client, chat, cmd.Who, true)
		}
		return compare(m.client, chat, cmd.Who)
	case command.Unverify:
		if m.nobody("unverify", cmd.Who) {
			return nil
		}
		return verify(m.client, chat, cmd.Who, false)
	}
	return nil
}

// nobody reports, to the user too, that a command without a name means
// nobody, because the room is open.
func (m *model) nobody(what, who string) bool {
	if who != "" || !m.open.chat.IsRoom() {
		return false
	}
	m.fail(fmt.Errorf("whom? here is everybody: write /%s NAME", what))
	return true
}

// actOn does what a key in a dialog asks for about a person.
func (m *model) actOn(id identity.ID, act dialog.Action) tea.Cmd {
	chat := messenger.Chat{Peer: id}
	switch act.Key {
	case "a":
		return accept(m.client, chat, "")
	case "b":
		return block(m.client, chat, "")
	case "u":
		if act.Kind == dialog.Verify {
			return verify(m.client, chat, "", false)
		}
		return unblock(m.client, chat, "")
	case "v":
		return compare(m.client, chat, "")
	case "y":
		return verify(m.client, chat, "", true)
	case "i":
		m.dialogs.Push(m.card(id))
	case "enter":
		if act.Kind == dialog.Requests || act.Kind == dialog.Blocked {
			m.dialogs.Push(m.card(id))
			return nil
		}
		m.dialogs.Clear()
		m.show(chat)
	}
	return nil
}

// actOnInvitation does what a key asks for about an invitation.
func (m *model) actOnInvitation(inv messenger.Invitation, act dialog.Action) tea.Cmd {
	switch act.Key {
	case "c":
		d := m.invitationDialog(inv)
		d.Foot = "copied, if your terminal permits · Esc closes"
		m.dialogs.Replace(d)
		return tea.SetClipboard(inv.Text)
	case "x":
		return revoke(m.client, inv.Text)
	case "enter":
		m.dialogs.Push(m.invitationDialog(inv))
	}
	return nil
}

// added opens the chat with a new contact. What could not be understood is
// behind Up, as all that was typed.
func (m *model) added(msg addedMsg) {
	if msg.err != nil {
		m.fail(msg.err)
		return
	}
	m.put(msg.person)
	m.renamed()
	m.dialogs.Clear()
	m.show(messenger.Chat{Peer: msg.person.ID})
	m.say(label(msg.person)+" is a contact now", "")
}

// changed takes what is new about a person, and tells what the user decided.
func (m *model) changed(p messenger.Person) {
	was, known := m.people[p.ID]
	if m.put(p) {
		m.renamed()
	}
	m.refreshPeople()
	if !known {
		return
	}
	who := label(p)
	switch {
	case p.Standing == was.Standing:
	case p.Standing == messenger.StandingBlocked:
		m.tellOf(p, who+" is blocked", "they are not told; /unblock takes it back")
	case was.Standing == messenger.StandingBlocked:
		m.tellOf(p, who+" is not blocked any more", "")
	case was.Standing == messenger.StandingRequest && p.Standing == messenger.StandingAccepted:
		m.tellOf(p, who+" is a contact now and may write to you", "")
	}
	switch {
	case p.Verified == was.Verified:
	case p.Verified:
		m.tellOf(p, who+" is verified", "their tag is not shown any more")
	default:
		m.tellOf(p, who+" is not verified any more", "")
	}
	switch {
	case p.Pending && !was.Pending:
		m.noteIn(messenger.Chat{Peer: p.ID}, who+" has not accepted you yet: what you write waits", "")
	case p.Welcome && was.Pending:
		m.noteIn(messenger.Chat{Peer: p.ID}, who+" has accepted you", "")
	}
}

// tellOf says what was decided about a person in their chat, or above the
// composer where that chat is not in sight.
func (m *model) tellOf(p messenger.Person, words, hint string) {
	c := messenger.Chat{Peer: p.ID}
	m.noteIn(c, words, hint)
	if m.open.chat != c || !m.open.list.Following() || !m.chatShown() {
		m.say(words, hint)
	}
}

// refreshPeople draws the dialogs anew that show people.
func (m *model) refreshPeople() {
	m.dialogs.Refresh(dialog.People, m.peopleLines())
	m.dialogs.Refresh(dialog.Requests, m.requestLines())
	m.dialogs.Refresh(dialog.Blocked, m.blockedLines())
	if id, ok := m.dialogs.About(dialog.Card).(identity.ID); ok {
		m.dialogs.Replace(m.card(id))
	}
	if v, ok := m.dialogs.About(dialog.Verify).(verification); ok {
		m.dialogs.Replace(m.verifyDialog(v))
	}
}

// aboutPerson is a command about the person called who, or the one of chat if
// who is "".
func aboutPerson(c client, chat messenger.Chat, who string, do func(context.Context, messenger.Person) (tea.Msg, error)) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		var p messenger.Person
		var err error
		if who == "" {
			p, err = c.Person(ctx, chat.Peer)
		} else {
			p, err = c.Resolve(ctx, who)
		}
		if err != nil {
			return nil, err
		}
		return do(ctx, p)
	})
}

// accept, block, unblock and verify say nothing where they change something:
// the engine tells that.

func accept(c client, chat messenger.Chat, who string) tea.Cmd {
	return aboutPerson(c, chat, who, func(ctx context.Context, p messenger.Person) (tea.Msg, error) {
		return doneMsg{}, c.Accept(ctx, p.ID)
	})
}

func block(c client, chat messenger.Chat, who string) tea.Cmd {
	return aboutPerson(c, chat, who, func(ctx context.Context, p messenger.Person) (tea.Msg, error) {
		if p.Standing == messenger.StandingBlocked {
			return doneMsg{label(p) + " is blocked already"}, nil
		}
		return doneMsg{}, c.Block(ctx, p.ID)
	})
}

func unblock(c client, chat messenger.Chat, who string) tea.Cmd {
	return aboutPerson(c, chat, who, func(ctx context.Context, p messenger.Person) (tea.Msg, error) {
		if p.Standing != messenger.StandingBlocked {
			return doneMsg{label(p) + " is not blocked"}, nil
		}
		return doneMsg{}, c.Unblock(ctx, p.ID)
	})
}

func verify(c client, chat messenger.Chat, who string, verified bool) tea.Cmd {
	return aboutPerson(c, chat, who, func(ctx context.Context, p messenger.Person) (tea.Msg, error) {
		switch {
		case p.Verified != verified:
			return doneMsg{}, c.Verify(ctx, p.ID, verified)
		case verified:
			return doneMsg{label(p) + " is verified already"}, nil
		}
		return doneMsg{label(p) + " is not verified"}, nil
	})
}

// compare brings the safety number that we have with a person.
func compare(c client, chat messenger.Chat, who string) tea.Cmd {
	return aboutPerson(c, chat, who, func(_ context.Context, p messenger.Person) (tea.Msg, error) {
		return verifyMsg{p, messenger.SafetyNumber(c.Self().ID, p.ID)}, nil
	})
}

func findCard(c client, who string) tea.Cmd {
	return aboutPerson(c, messenger.Room, who, func(_ context.Context, p messenger.Person) (tea.Msg, error) {
		return cardMsg{p}, nil
	})
}

func add(c client, asked command.Add) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		p, err := c.Add(ctx, asked.Address, asked.As)
		return addedMsg{p, err}
	}
}

func invite(c client) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		inv, err := c.Invite(ctx)
		return invitedMsg{inv}, err
	})
}

func loadInvitations(c client, show bool) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		open, err := c.Invitations(ctx)
		slices.Reverse(open) // the newest first
		return invitationsMsg{open, show}, err
	})
}

func revoke(c client, text string) tea.Cmd {
	return call(func(ctx context.Context) (tea.Msg, error) {
		if err := c.Revoke(ctx, strings.TrimSpace(text)); err != nil {
			return nil, err
		}
		open, err := c.Invitations(ctx)
		slices.Reverse(open)
		return invitationsMsg{open: open}, err
	})
}
