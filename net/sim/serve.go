package sim

import (
	"slices"

	"dione/net/dht"
)

// smallTable is how many servers the table of a node holds without a limit.
const smallTable = 500

// Contacts returns all nodes.
func (s *Static) Contacts() []*dht.Contact { return s.contacts }

// Nearest returns the n nodes nearest to a place, nearest first.
func (s *Static) Nearest(place dht.Key, n int) []*dht.Contact {
	near := nearest(s.contacts, place, n)
	return near[:min(n, len(near))]
}

// Found is what a node says to the question for a place, in a network whose
// nodes know all others as long as those are few; nil if it says nothing, or
// is none of these.
func (s *Static) Found(node, place dht.Key) dht.Message {
	i, ok := s.index[node]
	switch {
	case !ok:
		return nil
	case len(s.contacts) > smallTable:
		return s.answer(i, place, dht.MaxContacts)
	}
	all := s.Nearest(place, dht.MaxContacts+1)
	all = slices.DeleteFunc(all, func(c *dht.Contact) bool { return c.Key == node })
	return dht.Found{Contacts: all[:min(len(all), dht.MaxContacts)]}
}
