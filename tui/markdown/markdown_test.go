package markdown

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dione/tui/text"
)

// show writes a text with its styles: {b …} is bold, and so on.
func show(d Doc) string {
	var b strings.Builder
	from := 0
	for _, sp := range d.Spans {
		part := d.Text[from:sp.End]
		from = sp.End
		signs := ""
		for i, sign := range "bicqmn" {
			if sp.Style&(1<<i) != 0 {
				signs += string(sign)
			}
		}
		if sp.Link > 0 {
			signs += fmt.Sprint(sp.Link)
		}
		if signs != "" {
			part = "{" + signs + " " + part + "}"
		}
		b.WriteString(part)
	}
	return b.String() + d.Text[from:]
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"note: this is plain", "note: this is plain"},
		{"**bold** text", "{bm **}{b bold}{bm **} text"},
		{"an *italic* one, _this_ too", "an {im *}{i italic}{im *} one, {im _}{i this}{im _} too"},
		{"***both***", "{bim ***}{bi both}{bim ***}"},
		{"**bold *and italic* here**", "{bm **}{b bold }{bim *}{bi and italic}{bim *}{b  here}{bm **}"},
		{"(*a*), \"*b*\"!", "({im *}{i a}{im *}), \"{im *}{i b}{im *}\"!"},
		{"**two\nlines**", "**two\nlines**"},
		{"`a*b*c` and ``x`y``", "{cm `}{c a*b*c}{cm `} and {cm ``}{c x`y}{cm ``}"},
		{"**not `over** it`", "**not {cm `}{c over** it}{cm `}"},
		{"これは**重要**です", "これは{bm **}{b 重要}{bm **}です"},
		{"👍*yes*", "👍*yes*"},

		// What is none stays as it is.
		{"a*b*c", "a*b*c"},
		{"snake_case_name and __init__", "snake_case_name and __init__"},
		{"2 * 3 * 4, 2*3*4", "2 * 3 * 4, 2*3*4"},
		{"ls *.go *.txt", "ls *.go *.txt"},
		{"a/*.go,b/*.txt", "a/*.go,b/*.txt"},
		{"char *p, *q;", "char *p, *q;"},
		{"* item\n* item", "* item\n* item"},
		{"**open", "**open"},
		{"`open", "`open"},
		{"****", "****"},
		{`\*not\* \_this\_ \` + "`x`", `\*not\* \_this\_ \` + "`x`"},
		{"*a **b* c**", "{im *}{i a **b}{im *} c**"},
		{"/* comment */", "/* comment */"},
		{"x=(*p)*(*q)", "x=(*p)*(*q)"},
		{"5 > 3", "5 > 3"},
		{">_<", ">_<"},

		{"> said\nanswer", "{qm > }{q said}\nanswer"},
		{">> he said **that**", "{qm >> }{q he said }{bqm **}{bq that}{bqm **}"},
		{">", "{qm >}"},
		{"```go\nx := *p\n```\nthen *y*", "{cm ```go}\n{c x := *p\n}{cm ```}\nthen {im *}{i y}{im *}"},
		{"```\n*never* closed", "```\n{im *}{i never}{im *} closed"},
		{"````\n```\n*a*\n```", "````\n{cm ```}\n{c *a*\n}{cm ```}"},
		{"``` a `b` ```", "``` a {cm `}{c b}{cm `} ```"},

		// A sign with something on it is not split from it.
		{"*a\u0301*\u0301 b*", "{im *}{i á*\u0301 b}{im *}"},
	} {
		in := text.Clean(tt.in)
		if got, want := show(Parse(in)), text.Clean(tt.want); got != want {
			t.Errorf("Parse(%q) is\n%q, want\n%q", tt.in, got, want)
		}
	}
}

func TestLinks(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"see https://example.org/a_b_c?x=1&y=*2#z.", "see {1 https://example.org/a_b_c?x=1&y=*2#z}."},
		{"(http://example.org)", "({1 http://example.org})"},
		{"https://en.wikipedia.org/wiki/Ada_(language)", "{1 https://en.wikipedia.org/wiki/Ada_(language)}"},
		{"<https://a.org>, https://b.org/…", "<{1 https://a.org}>, {2 https://b.org/}…"},
		{"**https://a.org**", "{bm **}{b1 https://a.org}{bm **}"},
		{"_https://a.org/x_", "{im _}{i1 https://a.org/x}{im _}"},
		{"`curl https://a.org`", "{cm `}{c curl }{c1 https://a.org}{cm `}"},
		{"```\nhttps://a.org\n```", "{cm ```}\n{c1 https://a.org}{c \n}{cm ```}"},
		{"> https://a.org", "{qm > }{q1 https://a.org}"},
		{"[the log](https://a.org/1) says", "{m [}{1 the log}{m ](}{1 https://a.org/1}{m )} says"},
		{"[a.org](https://b.org)", "{m [}a.org{m ](}{1 https://b.org}{m )}"},
		{"[x](https://a.org/b(c))", "{m [}{1 x}{m ](}{1 https://a.org/b(c)}{m )}"},
		{"[x] (https://a.org)", "[x] ({1 https://a.org})"},
		{"[x](javascript:alert(1))", "[x](javascript:alert(1))"},
		{"mailto:ann@example.org?attach=/etc/passwd", "{1 mailto:ann@example.org}?attach=/etc/passwd"},
		{"xmpp:ann@example.org/home, HTTPS://EXAMPLE.org", "{1 xmpp:ann@example.org/home}, {2 HTTPS://EXAMPLE.org}"},
		{"http://[::1]:8080/x http://10.0.0.1:80", "{1 http://[::1]:8080/x} {2 http://10.0.0.1:80}"},

		// What is none.
		{"https:// https://. https://?x mailto:x", "https:// https://. https://?x mailto:x"},
		{"xhttps://a.org file:///etc/passwd ssh://a.org", "xhttps://a.org file:///etc/passwd ssh://a.org"},
		{"https://a.org:port/", "https://a.org:port/"},
		{"https://%61.org", "https://%61.org"},
		{"https://a／b.org https://℀.org", "{1 https://a}／b.org https://℀.org"},

		// Where it leads is not plain.
		{"https://аpple.com/x", "{1 https://аpple.com/x}{n  [leads to xn--pple-43d.com]}"},
		{"https://apple.com@evil.org/", "{1 https://apple.com@evil.org/}{n  [leads to evil.org]}"},
		{"https://evil.org/דוד", "{1 https://evil.org/דוד}{n  [leads to evil.org]}"},
		{"https://ａｐｐｌｅ.com", "{1 https://ａｐｐｌｅ.com}{n  [leads to apple.com]}"},
		{"mailto:ann@exämple.org", "{1 mailto:ann@exämple.org}{n  [leads to xn--exmple-cua.org]}"},
		{"[x](https://müller.de).", "{m [}{1 x}{m ](}{1 https://müller.de}{n  [leads to xn--mller-kva.de]}{m )}."},

		// Writing without blanks.
		{"https://example.orgです", "{1 https://example.org}です"},
		{"https://example.org/wiki/東京", "{1 https://example.org/wiki/東京}"},
		{"https://example.org/a\u200b.evil.org", "{1 https://example.org/a.evil.org}"}, // as it is shown
		{"https://example.org/Käse", "{1 https://example.org/Käse}"},
	} {
		if got := show(Parse(text.Clean(tt.in))); got != text.Clean(tt.want) {
			t.Errorf("Parse(%q) is\n%q, want\n%q", tt.in, got, tt.want)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"HTTPS://Example.ORG/A", "https://example.org/A"},
		{"https://bücher.example:8080/ä?ö#ü", "https://xn--bcher-kva.example:8080/%C3%A4?%C3%B6#%C3%BC"},
		{"https://日本語.jp/x", "https://xn--wgv71a119e.jp/x"},
		{"http://a.org/x;y", "http://a.org/x;y"},
	} {
		if got := Links(tt.in); len(got) != 1 || got[0].Target != tt.want {
			t.Errorf("the links of %q are %v, want %s", tt.in, got, tt.want)
		}
	}
	long := "https://example.org/" + strings.Repeat("a", MaxLink)
	if got := Links(long + " https://b.org"); len(got) != 1 || got[0].Target != "https://b.org" {
		t.Errorf("a link of %d bytes was taken: %d links", len(long), len(got))
	}
	if got := Links(strings.Repeat("https://a.org ", 1000)); len(got) != maxLinks {
		t.Errorf("%d links of one text, want %d", len(got), maxLinks)
	}
}

// The examples of RFC 3492, section 7.1.
func TestPunycode(t *testing.T) {
	for in, want := range map[string]string{
		"他们为什么不说中文":                    "ihqwcrb4cv8a8dqg056pqjye",
		"почемужеонинеговорятпорусски": "b1abfaaepdrnnbgefbadotcwatmq2g4l",
		"3年b組金八先生":                     "3b-ww4c5e180e575a65lsy2b",
		"ひとつ屋根の下2":                     "2-u9tlzr9756bt3uc0v",
		"münchen":                      "mnchen-3ya",
	} {
		if got := punycode(in); got != want {
			t.Errorf("punycode(%q) = %q, want %q", in, got, want)
		}
	}
}

// hostile are texts that are long to read in a careless way.
func hostile(n int) []string {
	var all []string
	for _, s := range []string{
		"*a ", "**a ", "_a ", "`", "` ", "`` ` ", "[", "](", "[a](", "[a](https://", "https://", "https://a", "https://a.org/",
		"> ", "```\n", "````\n```\n", "\\", "*a* ", "a(", "https://a.org/(", "mailto:a@", "é*", "https://é", "漢", "\u0301", "https://漢\u200d",
	} {
		all = append(all, strings.Repeat(s, n/len(s)))
	}
	return append(all, "https://"+strings.Repeat("é", n/2), "https://a.org/"+strings.Repeat(")", n), strings.Repeat("`", n)+"\n"+strings.Repeat("` ", n))
}

// TestLinear reads sixteen times as much in about sixteen times as long.
func TestLinear(t *testing.T) {
	took := func(s string) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			Parse(s)
			best = min(best, time.Since(start))
		}
		return best
	}
	const short = 1 << 12
	shorts, longs := hostile(short), hostile(short*16)
	for i := range shorts {
		a, b := took(text.Clean(shorts[i])), took(text.Clean(longs[i]))
		if b > 16*8*max(a, 50*time.Microsecond) {
			t.Errorf("%.20q: %v, and %v for 16 times as much", shorts[i], a, b)
		}
	}
}

// check holds what is true of every text: nothing is lost, and what is in one
// style are whole characters.
func check(t *testing.T, in string) {
	t.Helper()
	s := text.Clean(in)
	d := Parse(s)
	starts := map[int]bool{len(d.Text): true}
	for i := 0; i < len(d.Text); i += text.Next(d.Text[i:]) {
		starts[i] = true
	}
	var kept strings.Builder
	from := 0
	for _, sp := range d.Spans {
		if sp.End <= from || sp.End > len(d.Text) || !starts[sp.End] || sp.Link < 0 || sp.Link > len(d.Links) {
			t.Fatalf("%q: span %v behind %d", s, sp, from)
		}
		if sp.Style&Note == 0 {
			kept.WriteString(d.Text[from:sp.End])
		}
		from = sp.End
	}
	if d.Spans == nil {
		kept.WriteString(d.Text)
	} else if from != len(d.Text) {
		t.Fatalf("%q: the spans end at %d of %d", s, from, len(d.Text))
	}
	if kept.String() != s {
		t.Fatalf("%q became %q", s, kept.String())
	}
	if text.Clean(s) == s && text.Clean(d.Text) != d.Text {
		t.Fatalf("%q: %q is not clean", s, d.Text)
	}
	for _, l := range d.Links {
		if len(l.Target) > 3*MaxLink || !isASCII(l.Target) || strings.ContainsAny(l.Target, " \n\x1b\x07\x7f\"<>\\^`{|}") {
			t.Fatalf("%q: the link %q", s, l.Target)
		}
		ok := false
		for _, scheme := range schemes {
			ok = ok || strings.HasPrefix(l.Target, scheme.name) && len(l.Target) > len(scheme.name)
		}
		if !ok {
			t.Fatalf("%q: the link %q", s, l.Target)
		}
	}
}

func TestHostile(t *testing.T) {
	for _, s := range hostile(1 << 12) {
		check(t, s)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range hostile(64) {
		f.Add(s)
	}
	f.Add("**a** *b* _c_ `d` [e](https://f.org/g) > h\n> i\n```\nj\n```\nmailto:a@é.org https://u@h.org/א")
	f.Fuzz(check)
}
