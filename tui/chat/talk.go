package chat

import (
	"fmt"
	"strings"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/markdown"
	"dione/tui/text"
)

// This file draws what messages have to do with one another: what one answers,
// what was set beside it, and what became of its text.

// putQuote writes the first words of the message that m answers, and whose it
// is, in the rest of a row.
func (l *List) putQuote(n *line, m messenger.Message, right int) {
	q := m.ReplyTo
	words := "…" // it is not here
	switch {
	case q.Deleted:
		words = "deleted"
	case q.Known:
		words = text.Name(begin(q.Text))
	}
	who := l.called(q.From, m.Chat.IsRoom())
	n.put(l.look.Theme.Muted, l.look.Meter.Truncate("╭ "+who+": "+words, right-n.width))
}

// maxQuote is how much of a message is read for a quote, in bytes.
const maxQuote = 300

func begin(s string) string {
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + "…"
	}
	return s
}

// called is somebody's name, with their tag where several people write.
func (l *List) called(id identity.ID, several bool) string {
	if id == l.look.Self {
		return "me"
	}
	p := l.look.Who(id)
	if !several {
		return text.Name(p.Name)
	}
	return text.Name(p.Name) + text.Tag(p.Tag, p.Verified)
}

// content is the text of a message as it is drawn.
func (l *List) content(m messenger.Message) markdown.Doc {
	if m.Deleted {
		words := "deleted by " + l.called(m.From, m.Chat.IsRoom())
		if m.Mine {
			words = "deleted by you"
		}
		return markdown.Doc{Text: words, Spans: []markdown.Span{{End: len(words), Style: markdown.Mark}}}
	}
	doc := markdown.Parse(text.Clean(m.Text))
	if !m.Edited.IsZero() {
		if doc.Spans == nil && doc.Text != "" {
			doc.Spans = []markdown.Span{{End: len(doc.Text)}}
		}
		doc.Text += " (edited)"
		doc.Spans = append(doc.Spans, markdown.Span{End: len(doc.Text), Style: markdown.Mark})
	}
	return doc
}

// Reactions are the signs that people have set beside a message, each with
// how often it was, in the order of their first.
func Reactions(m messenger.Message) string {
	var signs []string
	count := make(map[string]int)
	mine := ""
	for _, r := range m.Reactions {
		sign := text.Name(r.Text)
		if count[sign]++; count[sign] == 1 {
			signs = append(signs, sign)
		}
		if r.Mine {
			mine = sign
		}
	}
	for i, sign := range signs {
		signs[i] = fmt.Sprintf("%s %d", sign, count[sign])
		if sign == mine {
			signs[i] += " (you)"
		}
	}
	return strings.Join(signs, "  ")
}

// requote draws the answers to m with what it says now.
func (l *List) requote(m messenger.Message) {
	for _, e := range l.entries {
		if q := e.msg.ReplyTo; q != nil && q.ID == m.ID && q.From == m.From {
			e.msg.ReplyTo = &messenger.Quote{Ref: q.Ref, Text: m.Text, Deleted: m.Deleted, Known: true}
			l.rowsHeld -= len(e.rows)
			e.rows, l.view = nil, nil
		}
	}
}
