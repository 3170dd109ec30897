package chat

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"dione/net/messenger"
	"dione/tui/markdown"
	"dione/tui/theme"
)

// maxHang is how far the rows of a quote are moved in at most, below its sign.
const maxHang = 8

// drawText writes the text of a message, from n on and up to the column right.
// It returns the rows that are full, and the one that is not.
func (l *List) drawText(n *line, m messenger.Message, f flags, right int) (rest *line, rows []string) {
	indent := l.indent()
	doc := l.content(m)
	b := body{doc: doc, row: m.Row, look: &l.look, strong: m.Mentioned && !m.Deleted}
	hang := 0
	for at := 0; ; {
		if at == 0 || doc.Text[at-1] == '\n' {
			hang = b.hang(at)
		} else {
			n.to(indent + min(hang, right-indent-2))
		}
		s := doc.Text[at:]
		end, next := l.look.Meter.Break(s, right-n.width)
		b.put(n, at, at+end)
		if next == len(s) && (next == end || s[next-1] != '\n') {
			return n, rows
		}
		at += next
		rows = append(rows, l.end(n))
		n = l.begin(f)
		n.to(indent)
	}
}

// body is the text of a message while it is drawn, from its beginning on.
type body struct {
	doc  markdown.Doc
	row  int64
	look *Look
	next int // index of the span to draw from

	strong bool // all of it stands out
}

// put writes the text from:to.
func (b *body) put(n *line, from, to int) {
	if b.doc.Spans == nil {
		n.put(b.style(markdown.Span{}), b.doc.Text[from:to])
		return
	}
	for from < to {
		span := b.at(from)
		end := min(span.End, to)
		b.open(n, span.Link)
		n.put(b.style(span), b.doc.Text[from:end])
		if span.Link > 0 {
			n.b.WriteString(ansi.ResetHyperlink())
		}
		from = end
	}
}

// at returns the span in which the byte i is.
func (b *body) at(i int) markdown.Span {
	for b.doc.Spans[b.next].End <= i {
		b.next++
	}
	return b.doc.Spans[b.next]
}

// open begins a link. Its pieces have one name, by which a terminal knows that
// they are one. A semicolon would end the target: for who draws the frame it
// cannot be told from the one that does.
func (b *body) open(n *line, number int) {
	if number == 0 {
		return
	}
	target := b.doc.Links[number-1].Target
	if strings.Contains(target, ";") {
		return
	}
	n.b.WriteString(ansi.SetHyperlink(target, "id="+strconv.FormatInt(b.row, 36)+"-"+strconv.Itoa(number)))
}

// hang returns how far the rows of the line that begins at i are moved in
// behind its first.
func (b *body) hang(i int) int {
	const sign = markdown.Quote | markdown.Mark
	if b.doc.Spans == nil || i == len(b.doc.Text) {
		return 0
	}
	if span := b.at(i); span.Style&sign == sign {
		return min(b.look.Meter.Width(b.doc.Text[i:span.End]), maxHang)
	}
	return 0
}

// style returns how a span is drawn. That its signs stand in the text says the
// same without colours.
func (b *body) style(span markdown.Span) theme.Style {
	th := b.look.Theme
	switch {
	case span.Style&markdown.Note != 0:
		return th.Unread
	case span.Style&markdown.Mark != 0:
		return th.Muted
	}
	var st theme.Style
	switch {
	case span.Style&markdown.Code != 0:
		st = th.Source
	case span.Style&markdown.Quote != 0:
		st = th.Muted
	}
	if span.Link > 0 {
		st += th.Link
	}
	if span.Style&markdown.Bold != 0 || b.strong {
		st += th.Strong
	}
	if span.Style&markdown.Italic != 0 {
		st += th.Italic
	}
	return st
}
