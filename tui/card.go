package tui

import (
	"fmt"
	"strings"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/chat"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file holds the dialogs about people.

// where says by which way p is reached, or why not and since when, in ever
// fewer words. The first wording is complete.
func (m *model) whereIs(p messenger.Person) []string {
	problem, seen := text.Name(p.Problem), ""
	if p.LastSeen != 0 {
		seen = "last seen " + chat.Since(m.time(p.LastSeen), m.opts.Now().In(m.opts.Zone))
	}
	path := chat.PathName(p.Path)
	switch {
	case p.Standing == messenger.StandingBlocked:
		return []string{"blocked"}
	case p.Standing == messenger.StandingRequest && !p.Near():
		return []string{"asks to write to you", "asks"}
	case p.Pending:
		return []string{path + " · waiting to be accepted", "waiting to be accepted", "not accepted yet"}
	case p.Connected():
		return []string{path}
	case seen != "" && problem != "":
		return []string{seen + " · " + problem, seen}
	case seen != "":
		return []string{seen}
	case problem != "":
		return []string{"not reached: " + problem, "not reached"}
	}
	return []string{"away"}
}

// standing says what p may do.
func standing(p messenger.Person) string {
	switch {
	case p.Standing == messenger.StandingBlocked:
		return "blocked: nothing of theirs is taken, and they are not told"
	case p.Standing == messenger.StandingRequest:
		return "asks to write to you from elsewhere, and waits for your word"
	case p.Standing == messenger.StandingAccepted || p.Contact:
		return "contact: may write to you from anywhere"
	}
	return "met on the LAN: may write to you from there"
}

func (m *model) peopleLines() (lines []dialog.Line) {
	for _, id := range m.order {
		p := m.people[id]
		if p.Standing == messenger.StandingBlocked {
			continue
		}
		words := m.whereIs(p)[0]
		if p.Connected() {
			words = "here · " + words
		}
		if p.Verified {
			words = "verified · " + words
		}
		if p.Petname != "" && p.Claimed != "" && p.Claimed != p.Petname {
			words += " · calls themselves " + text.Name(p.Claimed)
		}
		lines = append(lines, dialog.Line{Left: label(p), Right: words, Value: id})
	}
	return lines
}

func (m *model) requestsDialog() *dialog.Dialog {
	return &dialog.Dialog{
		Kind: dialog.Requests, Title: "Requests", Foot: "a accepts · b blocks · Enter tells more · Esc later",
		Keys: []string{"a", "b", "enter"}, Lines: m.requestLines(), Empty: "No stranger asks to write to you.",
	}
}

func (m *model) requestLines() (lines []dialog.Line) {
	for _, id := range m.order {
		p := m.people[id]
		if p.Standing != messenger.StandingRequest {
			continue
		}
		if lines == nil {
			lines = []dialog.Line{{Left: "STRANGERS WHO WOULD LIKE TO WRITE", Head: true}}
		}
		words := "here now"
		if !p.Connected() {
			words = "away"
			if p.LastSeen != 0 {
				words = "last seen " + chat.Since(m.time(p.LastSeen), m.opts.Now().In(m.opts.Zone))
			}
		}
		lines = append(lines, dialog.Line{Left: label(p), Right: words, Value: id})
	}
	if lines != nil {
		lines = append(lines, dialog.Line{}, dialog.Line{
			Left: "They chose their names themselves. They hear nothing from here until you accept, and nothing if you block.",
		})
	}
	return lines
}

func (m *model) blockedDialog() *dialog.Dialog {
	return &dialog.Dialog{
		Kind: dialog.Blocked, Title: "Blocked", Foot: "u unblocks · Enter tells more · Esc closes",
		Keys: []string{"u", "enter"}, Lines: m.blockedLines(), Empty: "Nobody is blocked.",
	}
}

func (m *model) blockedLines() (lines []dialog.Line) {
	for _, id := range m.order {
		if p := m.people[id]; p.Standing == messenger.StandingBlocked {
			lines = append(lines, dialog.Line{Left: label(p), Right: id.String(), Value: id})
		}
	}
	return lines
}

// card tells all that is known of a person.
func (m *model) card(id identity.ID) *dialog.Dialog {
	p := m.person(id)
	d := &dialog.Dialog{
		Kind: dialog.Card, Title: text.Name(p.Name) + " ·" + p.Tag, About: id,
		Keys: []string{"enter", "v", "b"}, Foot: "Enter opens · v verifies · b blocks · Esc closes",
	}
	switch p.Standing {
	case messenger.StandingRequest:
		d.Keys, d.Foot = []string{"a", "b", "v"}, "a accepts · b blocks · v verifies · Esc later"
	case messenger.StandingBlocked:
		d.Keys, d.Foot = []string{"u"}, "u unblocks · Esc closes"
	}
	add := func(left, right string) {
		if right != "" {
			d.Lines = append(d.Lines, dialog.Line{Left: left, Right: right})
		}
	}
	add("peer ID", id.String())
	if p.Petname != "" {
		add("your name for them", text.Name(p.Petname))
	}
	add("name they claim", text.Name(p.Claimed))
	add("tag", p.Tag)
	add("standing", standing(p))
	verified := "no: /verify compares safety numbers"
	if p.Verified {
		verified = "yes: you have compared safety numbers"
	}
	add("verified", verified)
	words := "here · "
	if !p.Connected() {
		words = ""
	}
	if p.Standing == messenger.StandingMet || p.Standing == messenger.StandingAccepted {
		add("now", words+m.whereIs(p)[0])
	}
	if conv := m.chats[messenger.Chat{Peer: id}]; conv != nil && conv.kept > 0 {
		add("messages", "kept for "+text.Span(conv.kept)+", then deleted from this disk; /retain changes it")
	}
	for i, a := range p.Addrs {
		if i == 0 {
			d.Lines = append(d.Lines, dialog.Line{}, dialog.Line{Left: "LOOKED FOR AT", Head: true})
		}
		d.Lines = append(d.Lines, dialog.Line{Left: text.Name(a)})
	}
	return d
}

// verification is what the user compares with a person.
type verification struct {
	id     identity.ID
	number string
}

func (m *model) verifyDialog(v verification) *dialog.Dialog {
	p := m.person(v.id)
	d := &dialog.Dialog{
		Kind: dialog.Verify, Title: "Verify " + label(p), About: v, Code: v.number,
		Keys: []string{"y"}, Foot: "y they are the same · Esc closes",
	}
	groups := identity.SafetyGroups(v.number)
	const each = 4
	for i := 0; i < len(groups); i += each {
		d.Lines = append(d.Lines, dialog.Line{Left: strings.Join(groups[i:min(i+each, len(groups))], " "), Strong: true})
	}
	say := func(format string, args ...any) {
		d.Lines = append(d.Lines, dialog.Line{}, dialog.Line{Left: fmt.Sprintf(format, args...)})
	}
	name := text.Name(p.Name)
	if p.Verified {
		d.Keys, d.Foot = []string{"u"}, "u takes it back · Esc closes"
		say("✓ You have verified %s.", name)
	} else {
		say("Not verified yet. Call %s or meet them: /verify there shows the same 60 digits and the same code.", name)
	}
	say("If they differ, one of you has the wrong key: somebody may sit between you.")
	return d
}

func (m *model) invitationDialog(inv messenger.Invitation) *dialog.Dialog {
	ends := inv.Expires.In(m.opts.Zone).Format("2 January")
	return &dialog.Dialog{
		Kind: dialog.Invite, Title: "Invitation", Code: inv.QR, About: inv,
		Keys: []string{"c"}, Foot: "c copies the text · Esc closes",
		Lines: []dialog.Line{
			{Left: inv.Text, Strong: true},
			{},
			{Left: "Give it to one person, by a way that you trust: whoever uses it first becomes your contact."},
			{},
			{Left: "They write /add and the text, while you are up and can be reached from there (/net)."},
			{},
			{Left: "Ends on " + ends + ", later if you use dione meanwhile."},
			{},
			{Left: "dione invite --list prints it, to be copied by hand."},
		},
	}
}

func (m *model) invitationsDialog(open []messenger.Invitation) *dialog.Dialog {
	d := &dialog.Dialog{
		Kind: dialog.Invitations, Title: "Open invitations", Foot: "Enter shows it · x takes it back · Esc closes",
		Keys: []string{"enter", "x"}, Empty: "No invitation is open. /invite makes one.",
	}
	const tail = 12 // the beginning is that of all our invitations
	for _, inv := range open {
		d.Lines = append(d.Lines, dialog.Line{
			Left:  "dione:…" + inv.Text[max(len(inv.Text)-tail, 0):],
			Right: "ends on " + inv.Expires.In(m.opts.Zone).Format("2 January"),
			Value: inv,
		})
	}
	return d
}
