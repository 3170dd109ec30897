package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/command"
)

// cancelMsg asks to give up the waiting message whose id begins with prefix.
type cancelMsg struct {
	prefix string
	waits  []messenger.Message
}

// carryOut does what a command says.
func (m *model) carryOut(cmd command.Command) tea.Cmd {
	switch cmd := cmd.(type) {
	case command.Help:
		m.help = true
	case command.Msg:
		if cmd.To == messenger.Room.String() {
			c := m.show(messenger.Room)
			if cmd.Text != "" {
				c = tea.Batch(c, m.write(messenger.Room, cmd.Text))
			}
			return c
		}
		return openChat(m.client, cmd.To, cmd.Text)
	case command.Who:
		m.showPeople()
	case command.History:
		m.current().list.Scroll(cmd.N)
	case command.Name:
		if cmd.New == "" {
			m.say(fmt.Sprintf("you are %s ·%s, %s", m.self.Name, m.self.Tag, m.self.ID))
			return nil
		}
		return setName(m.client, cmd.New)
	case command.Petname:
		if cmd.Who == "" && m.open.IsRoom() {
			m.fail(fmt.Errorf("/petname names nobody here: write /petname NAME NEW"))
			return nil
		}
		return setPetname(m.client, m.open, cmd.Who, cmd.New)
	case command.Net:
		return loadNet(m.client, true)
	case command.Outbox:
		return loadOutbox(m.client)
	case command.Retry:
		return retry(m.client)
	case command.Cancel:
		return findWaiting(m.client, cmd.ID)
	case command.Quit:
		m.quitting = true
		return tea.Quit
	}
	return nil
}

// cancel gives up the one waiting message that is meant.
func (m *model) cancel(msg cancelMsg) tea.Cmd {
	var found []messenger.Message
	for _, w := range msg.waits {
		if strings.HasPrefix(w.ID.String(), msg.prefix) {
			found = append(found, w)
		}
	}
	if len(found) != 1 {
		m.fail(fmt.Errorf("%d waiting messages begin with %q: /outbox lists them", len(found), msg.prefix))
		return nil
	}
	return cancelMessage(m.client, found[0])
}

func (m *model) showPeople() {
	if len(m.people) == 0 {
		m.say("nobody is known yet")
	}
	for _, p := range m.people {
		where := "away"
		if p.Connected() {
			where = pathName(p.Path)
		}
		m.say(fmt.Sprintf("%s, %s", p, where))
	}
}

func (m *model) showNet() {
	for _, a := range m.net.Addrs {
		m.say("listening at " + a)
	}
	if m.net.LANOff != "" {
		m.say("LAN discovery off: " + m.net.LANOff)
	}
	for _, i := range m.net.Interfaces {
		line := "looking on " + i.Name + " " + strings.Join(i.Addrs, " ")
		if i.Problem != "" {
			line = i.Name + ": " + i.Problem
		}
		m.say(line)
	}
	m.say(fmt.Sprintf("%d links, %s in, %s out, %d messages wait", m.net.Links, size(m.net.BytesIn), size(m.net.BytesOut), m.net.Queued))
}

func (m *model) showOutbox(waits []messenger.Message) {
	if len(waits) == 0 {
		m.say("nothing waits")
	}
	for i, w := range waits {
		if i == 20 {
			m.say(fmt.Sprintf("and %d more", len(waits)-i))
			break
		}
		p, _ := m.person(w.Chat)
		m.say(fmt.Sprintf("%s for %s, since %s: %s", w.ID.String()[:8], p, w.Sent.In(m.opts.Zone).Format("2 Jan 15:04"), firstLine(w.Text)))
	}
}

// size writes a number of bytes as people do.
func size(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}
