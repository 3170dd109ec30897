package tui

import (
	"fmt"
	"strings"

	"dione/net/messenger"
)

// welcome says once, in a room where nothing was ever said, who we are, what
// the program is doing and what to do next.
func (m *model) welcome() {
	if m.greeted {
		return
	}
	m.greeted = true
	m.sayIn(messenger.Room, fmt.Sprintf("Welcome. You are %s ·%s. This is the room of everybody near: what you write here, they read.", m.self.Name, m.self.Tag))
	m.sayIn(messenger.Room, "People appear by themselves, within a second of opening dione on this network, or in a second terminal with --home DIR. Pick one with Tab for a private chat; F1 helps.")
	m.whereabouts()
}

// whereabouts says when it changes on which interfaces we look for people, or
// why on none. Where people look every day, only trouble is worth a line.
func (m *model) whereabouts() {
	var place string
	var names []string
	for _, i := range m.net.Interfaces {
		if i.Problem == "" {
			names = append(names, i.Name)
		}
	}
	switch {
	case m.net.LANOff != "":
		place = "LAN discovery off: " + m.net.LANOff + ". People of this machine are found all the same."
	case len(names) > 0 && m.greeted:
		place = "Looking for people on " + strings.Join(names, ", ") + ". Some networks keep their devices apart; dione doctor tells what it sees."
	}
	if place != m.place && place != "" {
		m.sayIn(messenger.Room, place)
	}
	m.place = place
}
