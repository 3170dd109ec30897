package tui

import (
	"fmt"
	"strings"

	"dione/net/messenger"
)

// welcome says once, in the room, who we are, what the program is doing and
// what to do next.
func (m *model) welcome() {
	if m.greeted || m.layout.width == 0 {
		return
	}
	m.greeted = true
	m.sayIn(messenger.Room, fmt.Sprintf("You are %s ·%s. This is the room of everybody near: what you write here, they read.", m.self.Name, m.self.Tag))
	m.sayIn(messenger.Room, "Open dione on another machine of this network, or in a second terminal with --home DIR. Tab shows the people, F1 helps.")
}

// whereabouts says on which interfaces we look for people, or why on none.
func (m *model) whereabouts() {
	if m.net.LANOff != "" {
		m.sayIn(messenger.Room, "LAN discovery off: "+m.net.LANOff)
		return
	}
	var names []string
	for _, i := range m.net.Interfaces {
		if i.Problem == "" {
			names = append(names, i.Name)
		}
	}
	if len(names) > 0 {
		m.sayIn(messenger.Room, "Looking for people on "+strings.Join(names, ", ")+".")
	}
}
