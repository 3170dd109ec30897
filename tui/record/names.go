package record

import (
	"dione/crypto/identity"
	"dione/net/messenger"
)

// Names tells what people are called, oneself included.
type Names struct {
	self   messenger.Self
	people map[identity.ID]messenger.Person
}

// NamesOf makes the Names of the people known.
func NamesOf(self messenger.Self, people []messenger.Person) Names {
	n := Names{self: self, people: make(map[identity.ID]messenger.Person, len(people))}
	for _, p := range people {
		n.people[p.ID] = p
	}
	return n
}

// History tells of a message as it stands now.
func (n Names) History(m messenger.Message) History {
	if m.Mine {
		return HistoryOf(m, n.self.Name, n.self.Tag)
	}
	p, ok := n.people[m.From]
	if !ok {
		p.Name, p.Tag = m.From.Tag(), m.From.Tag()
	}
	return HistoryOf(m, p.Name, p.Tag)
}
