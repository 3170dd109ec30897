package tui

import (
	"fmt"
	"strings"

	"dione/net/messenger"
	"dione/tui/chat"
	"dione/tui/text"
	"dione/tui/theme"
)

// paragraph is words in one style; "" is an empty row.
type paragraph struct {
	style theme.Style
	words string
}

// intro is what stands above the first message of the open chat, in rows as
// wide as the pane.
func (m *model) intro() []string {
	var paragraphs []paragraph
	switch {
	case !m.open.list.Empty():
		paragraphs = []paragraph{{m.theme.Muted, "This is where it begins."}}
	case m.open.chat.IsRoom():
		paragraphs = m.welcome()
	default:
		paragraphs = m.beginning()
	}
	width := m.layout.pane()
	var rows []string
	if !m.layout.low() {
		rows = append(rows, text.Pad(width))
	}
	for _, p := range paragraphs {
		if p.words == "" && m.layout.low() {
			continue
		}
		for _, s := range m.meter.Wrap(p.words, min(width-4, 76)) {
			if n := width - 2 - m.meter.Width(s); n >= 0 {
				rows = append(rows, "  "+p.style.Paint(m.meter.Show(s))+text.Pad(n))
			}
		}
	}
	if m.layout.low() {
		return rows
	}
	return append(rows, text.Pad(width))
}

// welcome says in the empty room who we are, what the program is doing, who
// is near, and what to do next.
func (m *model) welcome() []paragraph {
	th := &m.theme
	ps := []paragraph{
		{th.Strong, fmt.Sprintf("Welcome, %s ·%s", text.Name(m.self.Name), m.self.Tag)},
		{},
	}
	if !m.layout.low() {
		ps = append(ps,
			paragraph{"", "This is the room of everybody near: what you write here, all of them read. Every link is encrypted and authenticated."},
			paragraph{})
	}
	var names []string
	for _, id := range m.order {
		if p := m.people[id]; p.Near() && p.Standing != messenger.StandingBlocked {
			names = append(names, label(p))
		}
	}
	switch {
	case len(names) > 0:
		ps = append(ps, paragraph{th.Good, "● " + count(len(names), "person is", "people are") + " near: " + few(names)})
	case m.net.LANOff != "":
		ps = append(ps, paragraph{th.Bad, "✗ nobody can be found: LAN discovery is off. " + sentence(text.Name(m.net.LANOff))})
	default:
		ps = append(ps, paragraph{th.Strong, "○ nobody near yet"})
	}
	ps = append(ps, m.listening()...)
	if m.layout.low() {
		return append(ps, paragraph{th.Muted, "Open dione on another machine of this network. F1 helps."})
	}
	return append(ps,
		paragraph{},
		paragraph{th.Muted, "Open dione on another machine of this network, or here in a second terminal: dione --home DIR. Machines in different networks, or a Wi-Fi that keeps its guests apart, do not see each other."},
		paragraph{},
		paragraph{th.Muted, "For a friend elsewhere, /invite makes an invitation; /add takes one, or an address."},
		paragraph{},
		paragraph{th.Muted, "Tab goes to the people · F1 shows every key and command"},
	)
}

// listening says on which interfaces people are looked for, and on which that
// does not work.
func (m *model) listening() (ps []paragraph) {
	if !m.netKnown || m.net.LANOff != "" {
		return nil
	}
	var on []string
	for _, in := range m.net.Interfaces {
		if in.Problem != "" {
			ps = append(ps, paragraph{m.theme.Unread, fmt.Sprintf("! %s: %s", text.Name(in.Name), text.Name(in.Problem))})
			continue
		}
		on = append(on, strings.TrimSpace(text.Name(in.Name)+" "+firstAddr(in)))
	}
	if len(on) == 0 {
		return append(ps, paragraph{m.theme.Muted, "No network interface is up: only this machine is searched."})
	}
	return append(ps, paragraph{m.theme.Muted, "Looking for people on " + few(on) + "."})
}

func firstAddr(in messenger.Interface) string {
	if len(in.Addrs) == 0 {
		return ""
	}
	return "(" + text.Name(in.Addrs[0]) + ")"
}

// beginning says in an empty private chat what will happen to what is written.
func (m *model) beginning() []paragraph {
	p := m.person(m.open.chat.Peer)
	th := &m.theme
	ps := []paragraph{
		{th.Strong, label(p)},
		{},
	}
	if p.Standing == messenger.StandingBlocked {
		return append(ps, paragraph{th.Muted, "Blocked: nothing of theirs is taken, and they are not told. /unblock takes it back."})
	}
	ps = append(ps, paragraph{"", "Only the two of you read what is written here."})
	switch {
	case p.Standing == messenger.StandingRequest:
		ps = append(ps, paragraph{th.Unread, "They ask to write to you. /accept, or an answer, makes them a contact; /block keeps them out. They are told nothing until you accept."})
	case p.Pending:
		ps = append(ps, paragraph{th.Muted, "● here, over " + chat.PathName(p.Path) + ", but they have not accepted you yet: what you write waits until they do."})
	case p.Connected():
		ps = append(ps, paragraph{th.Good, "● here now, over " + chat.PathName(p.Path)})
	case p.Problem != "":
		ps = append(ps, paragraph{th.Muted, "○ not reached: " + text.Name(p.Problem) + ". dione goes on trying. " + m.keeping(p)})
	case len(p.Addrs) > 0:
		ps = append(ps, paragraph{th.Muted, "○ away: dione looks for them whenever it runs. " + m.keeping(p)})
	default:
		ps = append(ps, paragraph{th.Muted, "○ away. " + m.keeping(p)})
	}
	switch {
	case p.Verified:
		return append(ps, paragraph{th.Good, "✓ verified: you have compared safety numbers"})
	case m.layout.low():
		return ps
	}
	return append(ps, paragraph{th.Muted, "/verify compares safety numbers: then you know that nobody sits between you."})
}

// keeping says what becomes of what is written to somebody who is away.
func (m *model) keeping(p messenger.Person) string {
	const here = "What you write waits here, also over restarts, until you are both up."
	switch {
	case !p.Mail:
		return here + " Once you have met, the mail network takes it too."
	case m.net.DHT.Mode == "":
		return here
	case !m.net.DHT.Open():
		return here + " No mailbox node is reachable now."
	}
	return "What you write is left in the mail network, encrypted, and they get it when they come, also if you are gone by then."
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// few joins the first of many names.
func few(names []string) string {
	const shown = 5
	if n := len(names) - shown; n > 1 {
		return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ")
}

// sentence begins s with a capital and ends it with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
