package notify

import (
	"fmt"
	"slices"
	"strings"
)

// Text is how much a notice tells.
type Text string

// What a notice may tell. A screen is seen by others too, so names and words
// are told only to those who ask for them.
const (
	None  Text = "none" // how many messages
	Names Text = "name" // and of whom
	All   Text = "all"  // and of a single one, what it says
)

const (
	// maxNames bounds the names of a notice.
	maxNames = 3

	// maxWords bounds what a notice tells of a message, in characters.
	maxWords = 120
)

// Message is a new message, as a notice may tell of it. Its texts are clean
// and of one line each.
type Message struct {
	From      string
	Room      string // "" in a private chat
	Text      string
	Mentioned bool // it is for us by name
}

// News is the messages that nobody was told of yet. The zero News has none.
type News struct {
	n, mentions int
	names       []string // one more than are told at most
	last        Message
}

// Add takes a message in.
func (n *News) Add(m Message) {
	n.n++
	if m.Mentioned {
		n.mentions++
	}
	if len(n.names) <= maxNames && !slices.Contains(n.names, m.From) {
		n.names = append(n.names, m.From)
	}
	n.last = m
}

// Empty reports whether there is nothing to tell.
func (n *News) Empty() bool { return n.n == 0 }

// Take returns the words for all that is new, and forgets it.
func (n *News) Take(how Text) string {
	defer func() { *n = News{} }()
	switch {
	case how == All && n.n == 1:
		from := n.last.From
		if n.last.Room != "" {
			from += " in " + n.last.Room
		}
		return plain(from + ": " + short(n.last.Text))
	case how == All || how == Names:
		return plain(n.count() + " from " + n.who() + n.mentioned())
	}
	return n.count() + n.mentioned()
}

func (n *News) count() string {
	if n.n == 1 {
		return "1 new message"
	}
	return fmt.Sprintf("%d new messages", n.n)
}

func (n *News) mentioned() string {
	switch {
	case n.mentions == 0:
		return ""
	case n.n == 1:
		return ", for you"
	}
	return fmt.Sprintf(", %d for you", n.mentions)
}

func (n *News) who() string {
	last := len(n.names) - 1
	switch {
	case last >= maxNames:
		return strings.Join(n.names[:maxNames], ", ") + " and others"
	case last > 0:
		return strings.Join(n.names[:last], ", ") + " and " + n.names[last]
	}
	return n.names[0]
}

func short(s string) string {
	if r := []rune(s); len(r) > maxWords {
		return strings.TrimSpace(string(r[:maxWords-1])) + "…"
	}
	return s
}
