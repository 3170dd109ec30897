package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/dialog"
	"dione/tui/text"
)

// carryOut does what a command says.
func (m *model) carryOut(cmd command.Command) tea.Cmd {
	switch cmd := cmd.(type) {
	case command.Help:
		m.help(cmd.Topic)
	case command.Msg:
		if cmd.To != messenger.Room.String() {
			return findPerson(m.client, cmd.To, cmd.Text)
		}
		m.show(messenger.Room)
		return m.writeTo(messenger.Room, cmd.Text)
	case command.Who:
		if cmd.Who != "" {
			return findCard(m.client, cmd.Who)
		}
		m.dialogs.Push(&dialog.Dialog{
			Kind: dialog.People, Title: "People", Foot: "Enter opens · i more · Esc closes",
			Keys: []string{"enter", "i"}, Lines: m.peopleLines(), Empty: "Nobody is known yet.",
		})
	case command.History:
		m.open.loading = true
		return loadBack(m.client, m.open.chat, cmd.N)
	case command.Name:
		if cmd.New != "" {
			return setName(m.client, cmd.New)
		}
		m.say(fmt.Sprintf("you are %s ·%s", text.Name(m.self.Name), m.self.Tag), m.self.ID.String())
	case command.Petname:
		if m.nobody("petname", cmd.Who) {
			return nil
		}
		return setPetname(m.client, m.open.chat, cmd.Who, cmd.New)
	case command.Net:
		return loadNet(m.client, true)
	case command.Outbox:
		m.dialogs.Push(&dialog.Dialog{
			Kind: dialog.Outbox, Title: "Outbox", Foot: "r tries again · x gives one up · Esc closes",
			Keys: []string{"r", "x"}, Empty: "Nothing waits: all that you wrote has arrived or was given up.",
		})
		return loadOutbox(m.client, "")
	case command.Retry:
		return retry(m.client)
	case command.Cancel:
		return loadOutbox(m.client, cmd.ID)
	case command.Quit:
		return tea.Quit
	default:
		return m.carryOutTrust(cmd)
	}
	return nil
}

// act does what a key in a dialog asks for.
func (m *model) act(act dialog.Action) tea.Cmd {
	switch value := act.Value.(type) {
	case identity.ID:
		return m.actOn(value, act)
	case verification:
		return m.actOn(value.id, act)
	case messenger.Invitation:
		return m.actOnInvitation(value, act)
	case messenger.Message: // Outbox
		if act.Key == "x" {
			return cancelMessage(m.client, value)
		}
		return retry(m.client)
	}
	return nil
}

// help shows everything, or explains one command.
func (m *model) help(topic string) {
	for _, c := range command.All() {
		if c.Name == topic {
			m.say(c.Usage, c.Help)
			return
		}
	}
	m.dialogs.Push(helpDialog())
}

// signs are those beside messages and people, and what they say.
var signs = [][2]string{
	{"…", "message: safe here, nobody has it yet; person: has not accepted you yet"},
	{"2/3", "message in #lan: two of three have it"},
	{"✓", "message: everybody has it whom it was for"},
	{"✗", "message: will not arrive"},
	{"● ○", "person: here; away, and since when"},
	{"!", "person: not reached lately; dione goes on trying"},
}

// helpDialog is made of what the program has: its keys and its commands.
func helpDialog() *dialog.Dialog {
	d := &dialog.Dialog{Kind: dialog.Help, Title: "Help", Foot: "Esc closes"}
	for _, part := range keys.parts() {
		d.Lines = append(d.Lines, dialog.Line{Left: part.title, Head: true})
		for _, k := range part.keys {
			d.Lines = append(d.Lines, dialog.Line{Left: k.Help().Key, Right: k.Help().Desc})
		}
		d.Lines = append(d.Lines, dialog.Line{})
	}
	d.Lines = append(d.Lines, dialog.Line{Left: "SIGNS", Head: true})
	for _, sign := range signs {
		d.Lines = append(d.Lines, dialog.Line{Left: sign[0], Right: sign[1]})
	}
	d.Lines = append(d.Lines, dialog.Line{}, dialog.Line{Left: "COMMANDS, typed as a message", Head: true})
	for _, c := range command.All() {
		d.Lines = append(d.Lines, dialog.Line{Left: c.Usage, Right: c.Help})
	}
	return d
}

// found opens the chat with somebody whom a command named. What was typed
// since was meant for it.
func (m *model) found(msg foundMsg) tea.Cmd {
	if m.put(msg.person) {
		m.renamed()
	}
	was := m.open
	m.show(messenger.Chat{Peer: msg.person.ID})
	if typed := was.composer.Text(); was != m.open && typed != "" && m.open.composer.Empty() {
		was.composer.SetText("")
		m.open.composer.SetText(typed)
	}
	return m.writeTo(m.open.chat, msg.text)
}

// writeTo sends the text of a command, if it has one.
func (m *model) writeTo(c messenger.Chat, s string) tea.Cmd {
	if s = trim(s); s == "" {
		return nil
	}
	return m.send(outgoing{c, s})
}

// outbox shows what waits, or gives up the one message that was meant.
func (m *model) outbox(msg outboxMsg) tea.Cmd {
	if msg.cancel == "" {
		m.dialogs.Refresh(dialog.Outbox, m.outboxLines(msg.waiting))
		return nil
	}
	var found []messenger.Message
	for _, w := range msg.waiting {
		if strings.HasPrefix(w.ID.String(), msg.cancel) {
			found = append(found, w)
		}
	}
	switch len(found) {
	case 1:
		return cancelMessage(m.client, found[0])
	case 0:
		m.fail(messenger.ErrNotWaiting)
	default:
		m.fail(fmt.Errorf("%d waiting messages begin with %s", len(found), msg.cancel))
	}
	return nil
}

func (m *model) outboxLines(waiting []messenger.Message) (lines []dialog.Line) {
	for _, w := range waiting {
		words, _, _ := strings.Cut(strings.TrimSpace(text.Clean(w.Text)), "\n")
		lines = append(lines, dialog.Line{
			Left:  label(m.person(w.Chat.Peer)),
			Right: w.Sent.In(m.opts.Zone).Format("2 Jan 15:04") + "  " + m.meter.Truncate(words, 60),
			Value: w,
		})
	}
	return lines
}

func (m *model) netDialog() *dialog.Dialog {
	return &dialog.Dialog{Kind: dialog.Net, Title: "Network", Foot: "Esc closes", Lines: m.netLines()}
}

// mailLines tell of the part in the mail network.
func mailLines(d messenger.DHT) []dialog.Line {
	lines := []dialog.Line{{}, {Left: "MAIL NETWORK", Head: true}}
	if d.Mode == "" {
		return append(lines, dialog.Line{Left: "no part in it, or not yet"})
	}
	part := "client: nobody has reached us from outside"
	switch {
	case d.Mode == "client":
		part = "client, as configured"
	case d.Serves && d.ServesNear:
		part = "server for the internet and the networks around"
	case d.Serves:
		part = "server for the internet"
	case d.ServesNear:
		part = "server for the networks around"
	}
	lines = append(lines,
		dialog.Line{Left: "our part", Right: part},
		dialog.Line{Left: "servers known", Right: fmt.Sprintf("%d on the internet, %d near", d.Servers, d.Near)},
	)
	if d.Seed != "" {
		lines = append(lines, dialog.Line{Left: "seed", Right: "✗ " + text.Name(d.Seed)})
	}
	if d.Problem != "" {
		lines = append(lines, dialog.Line{Left: "held for others", Right: "✗ " + text.Name(d.Problem)})
	} else if d.Capacity > 0 {
		lines = append(lines, dialog.Line{Left: "held for others", Right: size(uint64(d.Held)) + " of " + size(uint64(d.Capacity))})
	}
	return append(lines, dialog.Line{Left: "received, sent", Right: size(d.BytesIn) + ", " + size(d.BytesOut) + " since the start"})
}

func (m *model) netLines() []dialog.Line {
	lan := "on"
	if m.net.LANOff != "" {
		lan = "off: " + m.net.LANOff
	}
	lines := []dialog.Line{
		{Left: "LAN discovery", Right: lan},
		{Left: "people connected", Right: fmt.Sprint(m.net.Links)},
		{Left: "messages waiting", Right: fmt.Sprint(m.net.Queued)},
		{Left: "received, sent", Right: size(m.net.BytesIn) + ", " + size(m.net.BytesOut) + " since the start"},
	}
	lines = append(lines, mailLines(m.net.DHT)...)
	for i, a := range m.net.Addrs {
		if i == 0 {
			lines = append(lines, dialog.Line{}, dialog.Line{Left: "LISTENING AT", Head: true})
		}
		lines = append(lines, dialog.Line{Left: text.Name(a)})
	}
	for i, in := range m.net.Interfaces {
		if i == 0 {
			lines = append(lines, dialog.Line{}, dialog.Line{Left: "LOOKING FOR PEOPLE ON", Head: true})
		}
		what := strings.Join(in.Addrs, ", ")
		if in.Problem != "" {
			what = "✗ " + in.Problem
		}
		lines = append(lines, dialog.Line{Left: text.Name(in.Name), Right: text.Name(what)})
	}
	return lines
}

// size writes a number of bytes as people do; each unit is 1,024 times the one
// before, as in the settings.
func size(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}
