package record

import (
	"unicode/utf8"

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

// snippetLength is how many letters of a message are told around what was
// looked for.
const snippetLength = 120

// Hit tells of a message that was looked for.
func (n Names) Hit(h messenger.Hit) Hit {
	r := Hit{History: n.History(h.Message), Chat: h.Message.Chat.String(), Marks: [][2]int{}}
	if !h.Message.Chat.IsRoom() {
		r.Chat, _ = n.called(h.Message.Chat.Peer)
	}
	at := 0
	for _, p := range h.Snippet(snippetLength) {
		end := at + utf8.RuneCountInString(p.Text)
		if p.Hit {
			r.Marks = append(r.Marks, [2]int{at, end})
		}
		r.Snippet += p.Text
		at = end
	}
	return r
}

// called returns the name and the tag of somebody.
func (n Names) called(id identity.ID) (name, tag string) {
	if p, ok := n.people[id]; ok {
		return p.Name, p.Tag
	}
	return id.Tag(), id.Tag()
}

// History tells of a message as it stands now.
func (n Names) History(m messenger.Message) History {
	if m.Mine {
		return HistoryOf(m, n.self.Name, n.self.Tag)
	}
	name, tag := n.called(m.From)
	return HistoryOf(m, name, tag)
}
