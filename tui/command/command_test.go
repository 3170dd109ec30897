package command

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Command
	}{
		{"", Say{}},
		{" \t", Say{}},
		{"hello", Say{"hello"}},
		{" /who", Say{" /who"}},
		{"//who", Say{"/who"}},
		{"///", Say{"//"}},
		{"/who\nare you", Say{"/who\nare you"}},
		{"//a\nb", Say{"//a\nb"}},
		{"/help", Help{}},
		{"/help msg", Help{"msg"}},
		{"/help /Msg", Help{"msg"}},
		{"/msg bob", Msg{To: "bob"}},
		{"/MSG  bob·x7k2  two  words ", Msg{"bob·x7k2", "two  words"}},
		{"/msg\t#lan\thi", Msg{"#lan", "hi"}},
		{"/msg bob //x", Msg{"bob", "//x"}},
		{"/who", Who{}},
		{"/who  ", Who{}},
		{"/who bob", Who{"bob"}},
		{"/history", History{DefaultHistory}},
		{"/history 3", History{3}},
		{"/history 999999", History{MaxHistory}},
		{"/search", Search{}},
		{`/search "the build" from:bob`, Search{`"the build" from:bob`}},
		{"/mute", Mute{}},
		{"/retain", Retain{}},
		{"/retain OFF", Retain{Off: true}},
		{"/retain 30d", Retain{For: 30 * 24 * time.Hour}},
		{"/retain 1h", Retain{For: time.Hour}},
		{"/delete", Delete{}},
		{"/delete yes", Delete{Sure: true}},
		{"/delete bob", Delete{Who: "bob"}},
		{"/delete #lan yes", Delete{Who: "#lan", Sure: true}},
		{"/mute OFF", Mute{Off: true}},
		{"/mute 8h", Mute{For: 8 * time.Hour}},
		{"/mute 1d", Mute{For: 24 * time.Hour}},
		{"/mute 366d", Mute{For: 366 * 24 * time.Hour}},
		{"/settings", Settings{}},
		{"/name", Name{}},
		{"/name Ada Lovelace", Name{"Ada Lovelace"}},
		{"/petname ada", Petname{"", "ada"}},
		{"/petname bob ada", Petname{"bob", "ada"}},
		{"/petname bob -", Petname{"bob", ""}},
		{"/petname -", Petname{}},
		{"/add /ip4/10.0.0.1/tcp/1/p2p/12D3", Add{Address: "/ip4/10.0.0.1/tcp/1/p2p/12D3"}},
		{"/add dione:abc as bob", Add{"dione:abc", "bob"}},
		{"/invite", Invite{}},
		{"/invite list", Invitations{}},
		{"/invite revoke dione:abc", Revoke{"dione:abc"}},
		{"/requests", Requests{}},
		{"/accept", Accept{}},
		{"/accept bob", Accept{"bob"}},
		{"/block bob.x7k2", Block{"bob.x7k2"}},
		{"/unblock", Unblock{}},
		{"/verify", Verify{}},
		{"/verify bob", Verify{Who: "bob"}},
		{"/verify done", Verify{Done: true}},
		{"/verify bob done", Verify{"bob", true}},
		{"/unverify bob", Unverify{"bob"}},
		{"/reply yes, it  did", Reply{1, "yes, it  did"}},
		{"/reply 2 yes", Reply{2, "yes"}},
		{"/reply 42", Reply{1, "42"}},
		{"/reply 0 yes", Reply{1, "0 yes"}},
		{"/react 👍", React{1, "👍"}},
		{"/react 3 👍", React{3, "👍"}},
		{"/react off", React{N: 1}},
		{"/react 3 OFF", React{N: 3}},
		{"/correct did it pass?", Correct{1, "did it pass?"}},
		{"/correct 2 did it pass?", Correct{2, "did it pass?"}},
		{"/unsend", Unsend{1}},
		{"/unsend 2", Unsend{2}},
		{"/net", Net{}},
		{"/outbox", Outbox{}},
		{"/outbox retry", Retry{}},
		{"/outbox cancel AB12", Cancel{"ab12"}},
		{"/edit", Edit{}},
		{"/edit once upon a time", Edit{"once upon a time"}},
		{"/quit", Quit{}},
	} {
		got, err := Parse(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %#v, %v, want %#v", tt.in, got, err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ in, text, hint string }{
		{"/", "no command /", "/help shows the commands"},
		{"/hlep", "no command /hlep", "did you mean /help? "},
		{"/mgs bob secret", "no command /mgs", "did you mean /msg?"},
		{"/hist", "no command /hist", "did you mean /history?"},
		{"/exit", "no command /exit", "did you mean /quit?"},
		{"/usr/bin/env", "no command /usr/bin/env", "(//usr/bin/env sends it as text)"},
		{"/who is it", "/who cannot be read", "write /who [NAME]:"},
		{"/mute 367d", "/mute cannot be read", "write /mute [TIME|off]:"},
		{"/retain 30m", "/retain cannot be read", "write /retain [TIME|off]:"},
		{"/delete bob and carol", "/delete cannot be read", "write /delete [NAME] [yes]:"},
		{"/mute 0h", "/mute cannot be read", "write /mute [TIME|off]:"},
		{"/mute h", "/mute cannot be read", "write /mute [TIME|off]:"},
		{"/mute 1.5h", "/mute cannot be read", "write /mute [TIME|off]:"},
		{"/mute 8hü", "/mute cannot be read", "write /mute [TIME|off]:"},
		{"/msg", "/msg cannot be read", "write /msg NAME [TEXT]:"},
		{"/history 0", "/history cannot be read", "write /history [N]:"},
		{"/add", "/add cannot be read", "write /add ADDRESS [as NAME]:"},
		{"/add a b", "/add cannot be read", ""},
		{"/invite bob", "/invite cannot be read", ""},
		{"/accept a b", "/accept cannot be read", "write /accept [NAME]:"},
		{"/verify a b", "/verify cannot be read", ""},
		{"/history x", "/history cannot be read", "write /history [N]:"},
		{"/reply", "/reply cannot be read", "write /reply [N] TEXT:"},
		{"/react", "/react cannot be read", "write /react [N] EMOJI|off:"},
		{"/react so nice", "/react cannot be read", ""},
		{"/correct", "/correct cannot be read", ""},
		{"/unsend x", "/unsend cannot be read", "write /unsend [N]:"},
		{"/petname", "/petname cannot be read", "write /petname [NAME] NEW:"},
		{"/petname a b c", "/petname cannot be read", ""},
		{"/outbox drop", "/outbox cannot be read", ""},
		{"/outbox cancel", "/outbox cannot be read", ""},
		{"/help nothing", "/help cannot be read", ""},
		{"/" + strings.Repeat("x", 100), "no command /" + strings.Repeat("x", 32) + "…", "begins with //"},
	} {
		got, err := Parse(tt.in)
		var e *Error
		if !errors.As(err, &e) || got != nil {
			t.Errorf("Parse(%q) = %#v, %v, want an *Error", tt.in, got, err)
			continue
		}
		if e.Error() != tt.text || !strings.Contains(e.Hint(), tt.hint) {
			t.Errorf("Parse(%q) = %q, hint %q; want %q, hint with %q", tt.in, e.Error(), e.Hint(), tt.text, tt.hint)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "msg", 3},
		{"msg", "msg", 0},
		{"mgs", "msg", 1},
		{"hepl", "help", 1},
		{"outbx", "outbox", 1},
		{"kitten", "sitting", 3},
		{"ñet", "net", 1},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

// FuzzParse checks that a line which begins with one slash is never sent.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"hi", "/msg bob hi", "//x", "/hlep", "/\x00", "/a\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		cmd, err := Parse(in)
		if (cmd == nil) == (err == nil) {
			t.Fatalf("Parse(%q) = %#v, %v", in, cmd, err)
		}
		one := strings.HasPrefix(in, "/") && !strings.HasPrefix(in, "//") && !strings.ContainsAny(in, "\n\r")
		if say, ok := cmd.(Say); ok && one {
			t.Errorf("Parse(%q) sends %q", in, say.Text)
		}
	})
}

func TestQuote(t *testing.T) {
	for _, text := range []string{"hello", "/net", "//", "/two\nlines", " /net"} {
		if cmd, err := Parse(Quote(text)); cmd != (Say{text}) || err != nil {
			t.Errorf("Parse(Quote(%q)) = %#v, %v", text, cmd, err)
		}
	}
}

func TestSlotAt(t *testing.T) {
	for _, tt := range []struct {
		line, word string
		want       string // kinds and words; "" where nothing is expected
	}{
		{"/", "", "COMMAND"},
		{"/ver", "ver", "COMMAND"},
		{"//", "", ""},
		{"/net\n", "", ""},
		{"hello ", "", ""},
		{"/net ", "", ""},
		{"/nett ", "", ""},
		{"/help i", "i", "COMMAND"},
		{"/msg ", "", "NAME"},
		{"/MSG b", "b", "NAME"},
		{"/msg bob ", "", "TEXT"},
		{"/msg bob hello th", "th", "TEXT"},
		{"/verify d", "d", "NAME done"},
		{"/verify bob ", "", "done"},
		{"/verify bob done ", "", ""},
		{"/invite ", "", "list revoke"},
		{"/invite list ", "", ""},
		{"/invite revoke ", "", "INVITATION"},
		{"/outbox  r", "r", "retry cancel"},
		{"/outbox retry ", "", "ID"},
		{"/outbox cancel 1 ", "", ""},
		{"/add x ", "", "as"},
		{"/petname ", "", "NAME NEW"},
	} {
		slot, ok := SlotAt(tt.line)
		got := strings.Join(append(slices.Clone(slot.Kinds), slot.Words...), " ")
		if got != tt.want || ok != (tt.want != "") || ok && slot.Word != tt.word || ok && tt.line[slot.From:] != tt.word {
			t.Errorf("SlotAt(%q) = %+v, want %q", tt.line, slot, tt.want)
		}
	}
	g := grammar{"A|b [c|d E] F"}
	var got []string
	want := func(s string) { got = append(got, s) }
	r := g.sequence(false)
	r(nil, want, func([]string) {})
	r([]string{"x"}, want, func([]string) {})
	r([]string{"b", "d"}, want, func([]string) {})
	if s := strings.Join(got, " "); s != "A b c d F E E" {
		t.Errorf("wanted %q", s)
	}
}
