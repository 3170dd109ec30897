// Package markdown finds in a message the little markup that people write by
// habit: **bold**, *italic*, _italic_, `code`, fenced blocks, > quotes and
// links.
//
// It takes nothing away. The signs stay in the text, so that what was written
// can always be read, copied and typed again, and a * that meant something
// else has lost nothing. Only where the true host of a link is not plain from
// what is shown, words of our own are put behind it.
//
// It is pure, and its work grows with the length of the text and not faster.
package markdown

import (
	"strings"

	"dione/tui/text"
)

// Style is how a part of a text is shown: a set of the bits below.
type Style uint8

// The bits of a Style.
const (
	Bold Style = 1 << iota
	Italic
	Code
	Quote
	Mark // a sign of the markup itself
	Note // words of ours that nobody wrote
)

// Span is a part of a text, up to the byte End, in one style.
type Span struct {
	End   int
	Style Style
	Link  int // 1 + the index of the link in Doc.Links; 0: none
}

// Doc is a text and how it is shown.
type Doc struct {
	Text  string // what was given, with notes in it
	Spans []Span // cover Text from its beginning, in whole characters; none: all of it is plain
	Links []Link
}

// Parse reads a text that is clean, see [text.Clean].
func Parse(s string) Doc {
	if !strings.ContainsAny(s, "*_`>") && !strings.Contains(s, ":") {
		return Doc{Text: s}
	}
	p := parser{s: s}
	p.blocks()
	return p.doc()
}

// Links returns the links of a text, in their order.
func Links(s string) []Link { return Parse(s).Links }

// parser marks each byte of a text. Ranges of one kind do not overlap, so no
// byte is marked more often than there are kinds.
type parser struct {
	s      string
	styles []Style // of the bytes; nil while all are plain
	links  []int16 // of the bytes, as in Span; nil while there are none
	found  []Link
	notes  []note
}

// note is what stands in the text behind the byte at.
type note struct {
	at    int
	words string
}

func (p *parser) style(from, to int, st Style) {
	if p.styles == nil {
		p.styles = make([]Style, len(p.s))
	}
	for i := from; i < to; i++ {
		p.styles[i] |= st
	}
}

func (p *parser) link(from, to, number int) {
	if p.links == nil {
		p.links = make([]int16, len(p.s))
	}
	for i := from; i < to; i++ {
		p.links[i] = int16(number)
	}
}

// blocks goes through the lines.
func (p *parser) blocks() {
	unclosed := len(p.s) // a fence of so many backquotes is not closed any more
	for from := 0; from < len(p.s); {
		to := lineEnd(p.s, from)
		if n := fence(p.s[from:to]); n > 0 && n < unclosed {
			if end := p.fenced(to+1, n); end > 0 {
				p.style(from, to, Code|Mark)
				from = end
				continue
			}
			unclosed = n
		}
		body := from
		if n := quoteSign(p.s[from:to]); n > 0 {
			body += n
			p.style(from, to, Quote)
			p.style(from, body, Mark)
		}
		p.inline(body, to)
		from = to + 1
	}
}

func lineEnd(s string, from int) int {
	if i := strings.IndexByte(s[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(s)
}

// fence returns how many backquotes open a block in a line, 0 if none does.
func fence(line string) int {
	s := strings.TrimLeft(line, " ")
	n := len(s) - len(strings.TrimLeft(s, "`"))
	if n < 3 || len(line)-len(s) > 3 || strings.Contains(s[n:], "`") {
		return 0
	}
	return n
}

// fenced marks a block that begins at from, behind a fence of n backquotes, and
// returns where the text goes on. Without its end it is none, and 0 returned.
func (p *parser) fenced(from, n int) int {
	for at := from; at < len(p.s); {
		to := lineEnd(p.s, at)
		line := strings.Trim(p.s[at:to], " ")
		if len(line) >= n && strings.Trim(line, "`") == "" {
			p.style(from, at, Code)
			p.style(at, to, Code|Mark)
			p.addresses(from, at)
			return to + 1
		}
		at = to + 1
	}
	return 0
}

// quoteSign returns the length of the > and blanks that begin a quote.
func quoteSign(line string) (n int) {
	if line == "" || line[0] != '>' || len(line) > 1 && line[1] != ' ' && line[1] != '>' {
		return 0
	}
	for n < len(line) && (line[n] == '>' || line[n] == ' ') {
		n++
	}
	return n
}

// doc puts the marks together to spans.
func (p *parser) doc() Doc {
	if p.styles == nil && p.links == nil {
		return Doc{Text: p.s}
	}
	d := Doc{Links: p.found}
	var b strings.Builder
	style := func(i int) Style {
		if p.styles == nil {
			return 0
		}
		return p.styles[i]
	}
	link := func(i int) int {
		if p.links == nil {
			return 0
		}
		return int(p.links[i])
	}
	from := 0
	flush := func(to int) {
		if from < to {
			b.WriteString(p.s[from:to])
			d.Spans = append(d.Spans, Span{b.Len(), style(from), link(from)})
			from = to
		}
	}
	for i := 1; i < len(p.s); i++ {
		if len(p.notes) > 0 && p.notes[0].at == i {
			flush(i)
			b.WriteString(p.notes[0].words)
			d.Spans = append(d.Spans, Span{b.Len(), Note, 0})
			p.notes = p.notes[1:]
		} else if i > from && (style(i) != style(i-1) || link(i) != link(i-1)) {
			flush(whole(p.s, i))
		}
	}
	flush(len(p.s))
	for _, n := range p.notes { // behind the end
		b.WriteString(n.words)
		d.Spans = append(d.Spans, Span{b.Len(), Note, 0})
	}
	d.Text = b.String()
	return d
}

// whole returns the first place from i on at which a character begins. One
// that is not ASCII may belong to what stands before it.
func whole(s string, i int) int {
	if i >= len(s) || s[i] < 0x80 {
		return i
	}
	at := i - 1
	for at > 0 && s[at] >= 0x80 {
		at--
	}
	for at < i {
		at += text.Next(s[at:])
	}
	return at
}
