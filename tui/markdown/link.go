package markdown

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxLink is the longest address that is taken for a link, in bytes.
	MaxLink = 2048

	// maxLinks bounds the links of one text, and with them the notes.
	maxLinks = 200
)

// Link is an address in a text.
type Link struct {
	Target string // in ASCII, as programs take it
	Host   string // where it really leads, in ASCII, if that is not plain from its text; else ""
}

// schemes are those that become links. What they open asks or shows, and does
// nothing by itself: a page, or a window to write to an address. Left out is
// whatever reads files (file), logs in somewhere (ssh, ftp, smb), costs money
// (tel, sms), runs something (javascript, data, ms-…) or is an application's.
var schemes = []struct {
	name string
	page bool // a host and a path follow; else an address, and nothing of ours goes with it
}{
	{"https://", true},
	{"http://", true},
	{"mailto:", false},
	{"xmpp:", false},
}

// named marks [words](address), of which the brackets are at open and close.
// The words lead there too, unless they could be taken for an address
// themselves.
func (p *parser) named(open, close, to int) int {
	from := close + 2
	end := p.address(from, to, false)
	if end == from || end == to || p.s[end] != ')' {
		return from
	}
	p.style(open, open+1, Mark)
	p.style(close, from, Mark)
	p.style(end, end+1, Mark)
	if !strings.ContainsAny(p.s[open:close], ".:/@。．｡") {
		p.link(open+1, close, len(p.found))
	}
	return end + 1
}

// addresses marks the links in code.
func (p *parser) addresses(from, to int) {
	for i := from; i < to; {
		i = max(p.address(i, to, false), i+1)
	}
}

// address marks the link that begins at i, and returns where it ends, i if
// none begins there. An underscore at its end is none of it if one is open.
func (p *parser) address(i, to int, open bool) int {
	if i == to || strings.IndexByte("hHmMxX", p.s[i]) < 0 || i > 0 && isName(p.s[i-1]) || len(p.found) == maxLinks {
		return i
	}
	for _, scheme := range schemes {
		n := len(scheme.name)
		if to-i <= n || !strings.EqualFold(p.s[i:i+n], scheme.name) {
			continue
		}
		end := whereEnds(p.s[:to], i+n, open, scheme.page)
		if end-i > MaxLink {
			return end // too long to be one: nor is a part of it
		}
		l, ok := newLink(scheme.name, p.s[i+n:end], scheme.page)
		if !ok {
			return i
		}
		p.found = append(p.found, l)
		p.link(i, end, len(p.found))
		if l.Host != "" {
			p.notes = append(p.notes, note{end, " [leads to " + l.Host + "]"})
		}
		return end
	}
	return i
}

// isName reports whether c may stand in the name of a scheme.
func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'
}

// whereEnds returns where an address ends of which the first byte behind its
// scheme is at from.
func whereEnds(s string, from int, open, page bool) int {
	end, last := from, rune('/')
	round, square := 0, 0 // brackets that are closed too often, if negative
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		if !inAddress(r, last) || r == '?' && !page {
			break
		}
		switch r {
		case '(':
			round++
		case ')':
			round--
		case '[':
			square++
		case ']':
			square--
		}
		last = r
		end += size
	}
	// A whole character: what joins the last one does not stay behind.
	for end > from && whole(s, end) != end {
		_, size := utf8.DecodeLastRuneInString(s[from:end])
		end -= size
	}
	// What ends a sentence or closes a bracket around it is none of it.
	for ; end > from; end-- {
		switch c := s[end-1]; {
		case c == ')' && round < 0:
			round++
		case c == ']' && square < 0:
			square++
		case strings.IndexByte(".,;:!?'*~", c) >= 0, c == '_' && open:
		default:
			return end
		}
	}
	return end
}

// inAddress reports whether r may stand in an address behind last. Writing
// without blanks goes on behind an address as if it were part of it: it is
// taken for that only where a part of the address begins.
func inAddress(r, last rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r > ' ' && r != 0x7f && strings.IndexByte("\"<>\\^`{|}", byte(r)) < 0
	case dense(r):
		return (last >= utf8.RuneSelf || !unicode.IsLetter(last) && !unicode.IsNumber(last)) && isText(r)
	}
	return isText(r)
}

func isText(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.Mn, unicode.Mc, unicode.So) && !isFiller(r)
}

// isFiller reports whether r is a letter that nobody sees.
func isFiller(r rune) bool {
	return r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x2800 || r == 0x34f || r == 0x17b4 || r == 0x17b5 ||
		r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef
}

// newLink makes a link of what stands behind its scheme.
func newLink(scheme, rest string, page bool) (l Link, ok bool) {
	if !page {
		name, host, found := strings.Cut(rest, "@")
		if !found || name == "" || host == "" {
			return l, false
		}
		l.Target = scheme + escape(rest)
		if domain, _, _ := strings.Cut(host, "/"); !isASCII(domain) {
			l.Host, ok = asciiHost(domain)
			return l, ok
		}
		u, err := url.Parse(l.Target)
		return l, err == nil && u.Opaque != ""
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	user, host := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, host = authority[:i+1], authority[i+1:]
	}
	plain := user == "" && isASCII(host) && !strings.ContainsFunc(path, isRightToLeft)
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i:]
	}
	if name, ok = asciiHost(name); !ok {
		return l, false
	}
	l.Target = scheme + escape(user) + name + port + escape(path)
	u, err := url.Parse(l.Target)
	if err != nil || u.Hostname() == "" || len(l.Target) > MaxLink {
		return Link{}, false
	}
	if !plain {
		l.Host = name + port
	}
	return l, true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isRightToLeft reports whether r is of a script that runs to the left, which
// on some terminals moves the words beside it.
func isRightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff || r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}

// escape writes what is not ASCII as %xx.
func escape(s string) string {
	if isASCII(s) {
		return s
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
