package record

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var moment = time.Date(2026, 11, 20, 14, 2, 9, 123456789, time.FixedZone("", 3600))

const (
	ada = "12D3KooWAda"
	bob = "12D3KooWBob"
	id  = "000102030405060708090a0b0c0d0e0f"

	other = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
)

// kinds is one record of each kind with the lines it is promised to give.
var kinds = []struct {
	r           Record
	words, json string
}{
	{
		Ready{ada, "ada", "x7k2", []string{"/ip4/192.168.1.5/tcp/4001/p2p/12D3KooWAda"}},
		"14:02:09 ready 12D3KooWAda ada x7k2 /ip4/192.168.1.5/tcp/4001/p2p/12D3KooWAda",
		`"kind":"ready","peer":"12D3KooWAda","name":"ada","tag":"x7k2","addrs":["/ip4/192.168.1.5/tcp/4001/p2p/12D3KooWAda"]`,
	},
	{
		Near{bob, "bob", "k2x7", "lan"},
		"14:02:09 near 12D3KooWBob bob k2x7 lan",
		`"kind":"near","peer":"12D3KooWBob","name":"bob","tag":"k2x7","path":"lan"`,
	},
	{
		Gone{bob, "bob", "k2x7", "lan"},
		"14:02:09 gone 12D3KooWBob bob k2x7 lan",
		`"kind":"gone","peer":"12D3KooWBob","name":"bob","tag":"k2x7","path":"lan"`,
	},
	{
		Chat{"#lan", "#lan"},
		"14:02:09 chat #lan #lan",
		`"kind":"chat","conversation":"#lan","name":"#lan"`,
	},
	{
		Muted{bob, "bob", true, Time{moment}},
		"14:02:09 muted 12D3KooWBob bob true 2026-11-20T14:02:09.123+01:00",
		`"kind":"muted","conversation":"12D3KooWBob","name":"bob","muted":true,"until":"2026-11-20T14:02:09.123+01:00"`,
	},
	{
		Retained{bob, "bob", 2592000},
		"14:02:09 retained 12D3KooWBob bob 2592000",
		`"kind":"retained","conversation":"12D3KooWBob","name":"bob","seconds":2592000`,
	},
	{
		Erased{bob, "bob", 12, Time{moment}},
		"14:02:09 erased 12D3KooWBob bob 12 2026-11-20T14:02:09.123+01:00",
		`"kind":"erased","conversation":"12D3KooWBob","name":"bob","messages":12,"before":"2026-11-20T14:02:09.123+01:00"`,
	},
	{
		Sent{id, "#lan", "did the\nbuild <pass>?", ""},
		"14:02:09 sent " + id + ` #lan did the\nbuild <pass>?`,
		`"kind":"sent","id":"` + id + `","conversation":"#lan","text":"did the\nbuild <pass>?","reply_to":""`,
	},
	{
		Message{id, bob, bob, "bob", "k2x7", "green since noon", Time{moment}, "lan", Time{moment}, true, "", true},
		"14:02:09 message " + id + " 12D3KooWBob 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 lan green since noon",
		`"kind":"message","id":"` + id + `","conversation":"12D3KooWBob","from":"12D3KooWBob","name":"bob","tag":"k2x7","text":"green since noon","sent":"2026-11-20T14:02:09.123+01:00","path":"lan","arrived":"2026-11-20T14:02:09.123+01:00","late":true,"reply_to":"","mentioned":true`,
	},
	{
		Message{ID: id, Conversation: "#lan", From: bob, Name: "bob", Tag: "k2x7", Text: "yes", Sent: Time{moment}, Path: "lan", ReplyTo: other},
		"14:02:09 message " + id + " #lan 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 lan re:" + other + " yes",
		`"kind":"message","id":"` + id + `","conversation":"#lan","from":"12D3KooWBob","name":"bob","tag":"k2x7","text":"yes","sent":"2026-11-20T14:02:09.123+01:00","path":"lan","arrived":"","late":false,"reply_to":"` + other + `","mentioned":false`,
	},
	{
		Reaction{id, "#lan", other, ada, bob, "bob", "k2x7", "👍", Time{moment}, "lan"},
		"14:02:09 reaction " + id + " #lan " + other + " 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 lan 👍",
		`"kind":"reaction","id":"` + id + `","conversation":"#lan","message":"` + other + `","author":"12D3KooWAda","from":"12D3KooWBob","name":"bob","tag":"k2x7","text":"👍","sent":"2026-11-20T14:02:09.123+01:00","path":"lan"`,
	},
	{
		Edited{id, bob, other, bob, bob, "bob", "k2x7", "green since noon", Time{moment}, "mailbox"},
		"14:02:09 edited " + id + " 12D3KooWBob " + other + " 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 mailbox green since noon",
		`"kind":"edited","id":"` + id + `","conversation":"12D3KooWBob","message":"` + other + `","author":"12D3KooWBob","from":"12D3KooWBob","name":"bob","tag":"k2x7","text":"green since noon","sent":"2026-11-20T14:02:09.123+01:00","path":"mailbox"`,
	},
	{
		Deleted{id, bob, other, ada, ada, "ada", "x7k2", "", Time{moment}, ""},
		"14:02:09 deleted " + id + " 12D3KooWBob " + other + " 12D3KooWAda ada x7k2 2026-11-20T14:02:09.123+01:00",
		`"kind":"deleted","id":"` + id + `","conversation":"12D3KooWBob","message":"` + other + `","author":"12D3KooWAda","from":"12D3KooWAda","name":"ada","tag":"x7k2","text":"","sent":"2026-11-20T14:02:09.123+01:00","path":""`,
	},
	{
		Missing{bob, "bob", "k2x7", 2},
		"14:02:09 missing 12D3KooWBob bob k2x7 2",
		`"kind":"missing","conversation":"12D3KooWBob","name":"bob","tag":"k2x7","missing":2`,
	},
	{
		State{id, "delivered", 1, 1, ""},
		"14:02:09 state " + id + " delivered 1 1",
		`"kind":"state","id":"` + id + `","state":"delivered","stored":1,"replicas":1,"reason":""`,
	},
	{
		State{id, "failed", 0, 0, "nobody near"},
		"14:02:09 state " + id + " failed 0 0 nobody near",
		`"kind":"state","id":"` + id + `","state":"failed","stored":0,"replicas":0,"reason":"nobody near"`,
	},
	{
		Info{"nobody near yet", ""},
		"14:02:09 info nobody near yet",
		`"kind":"info","text":"nobody near yet","hint":""`,
	},
	{
		Error{"no command /hlep", "did you mean /help?"},
		"14:02:09 error no command /hlep — hint: did you mean /help?",
		`"kind":"error","text":"no command /hlep","hint":"did you mean /help?"`,
	},
	{
		Person{bob, "bob", "k2x7", "", true, Time{moment}, "met", false, false, []string{}, ""},
		"14:02:09 person 12D3KooWBob bob k2x7 contact 2026-11-20T14:02:09.123+01:00",
		`"kind":"person","peer":"12D3KooWBob","name":"bob","tag":"k2x7","path":"","contact":true,"seen":"2026-11-20T14:02:09.123+01:00","standing":"met","verified":false,"pending":false,"addrs":[],"problem":""`,
	},
	{
		Person{bob, "bob", "k2x7", "direct", true, Time{}, "accepted", true, true, []string{"/ip4/10.0.0.1/tcp/1"}, "no answer"},
		"14:02:09 person 12D3KooWBob bob k2x7 direct contact accepted verified pending /ip4/10.0.0.1/tcp/1 no answer",
		`"kind":"person","peer":"12D3KooWBob","name":"bob","tag":"k2x7","path":"direct","contact":true,"seen":"","standing":"accepted","verified":true,"pending":true,"addrs":["/ip4/10.0.0.1/tcp/1"],"problem":"no answer"`,
	},
	{
		Request{bob, "bob", "k2x7"},
		"14:02:09 request 12D3KooWBob bob k2x7",
		`"kind":"request","peer":"12D3KooWBob","name":"bob","tag":"k2x7"`,
	},
	{
		Invitation{"dione:abc", Time{moment}},
		"14:02:09 invitation dione:abc 2026-11-20T14:02:09.123+01:00",
		`"kind":"invitation","invitation":"dione:abc","expires":"2026-11-20T14:02:09.123+01:00"`,
	},
	{
		History{id, "#lan", bob, "bob", "k2x7", "hi", Time{moment}, "lan", "received", 0, 0, "", Time{moment}, false, "", false, Time{}, false, []Reacted{}},
		"14:02:09 history " + id + " #lan 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 lan received hi",
		`"kind":"history","id":"` + id + `","conversation":"#lan","from":"12D3KooWBob","name":"bob","tag":"k2x7","text":"hi","sent":"2026-11-20T14:02:09.123+01:00","path":"lan","state":"received","stored":0,"replicas":0,"reason":"","arrived":"2026-11-20T14:02:09.123+01:00","late":false,"reply_to":"","mentioned":false,"edited":"","deleted":false,"reactions":[]`,
	},
	{
		History{ID: id, Conversation: "#lan", From: bob, Name: "bob", Tag: "k2x7", Text: "hi", Sent: Time{moment}, State: "received", ReplyTo: other, Edited: Time{moment}, Reactions: []Reacted{{ada, "👍"}, {bob, "🎉"}}},
		"14:02:09 history " + id + " #lan 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 received re:" + other + " edited hi — reactions: 👍 🎉",
		`"kind":"history","id":"` + id + `","conversation":"#lan","from":"12D3KooWBob","name":"bob","tag":"k2x7","text":"hi","sent":"2026-11-20T14:02:09.123+01:00","path":"","state":"received","stored":0,"replicas":0,"reason":"","arrived":"","late":false,"reply_to":"` + other + `","mentioned":false,"edited":"2026-11-20T14:02:09.123+01:00","deleted":false,"reactions":[{"from":"12D3KooWAda","text":"👍"},{"from":"12D3KooWBob","text":"🎉"}]`,
	},
	{
		Hit{History{id, "#lan", bob, "bob", "k2x7", "oh hi\nyou", Time{moment}, "lan", "received", 0, 0, "", Time{moment}, false, "", false, Time{}, false, []Reacted{}}, "#lan", "oh hi you", [][2]int{{3, 5}}},
		"14:02:09 hit " + id + " #lan 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 lan received oh hi you",
		`"kind":"hit","id":"` + id + `","conversation":"#lan","from":"12D3KooWBob","name":"bob","tag":"k2x7","text":"oh hi\nyou","sent":"2026-11-20T14:02:09.123+01:00","path":"lan","state":"received","stored":0,"replicas":0,"reason":"","arrived":"2026-11-20T14:02:09.123+01:00","late":false,"reply_to":"","mentioned":false,"edited":"","deleted":false,"reactions":[],"chat":"#lan","snippet":"oh hi you","marks":[[3,5]]`,
	},
	{
		Waiting{id, bob, "bob", "k2x7", "are you there?", Time{moment}, "queued", 0, 1, false, "no mailbox node reachable", ""},
		"14:02:09 waiting " + id + " 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 queued are you there? — reason: no mailbox node reachable",
		`"kind":"waiting","id":"` + id + `","conversation":"12D3KooWBob","name":"bob","tag":"k2x7","text":"are you there?","sent":"2026-11-20T14:02:09.123+01:00","state":"queued","stored":0,"replicas":1,"sealed":false,"reason":"no mailbox node reachable","change":""`,
	},
	{
		Waiting{id, bob, "bob", "k2x7", "hi", Time{moment}, "stored", 23, 24, true, "", "edited"},
		"14:02:09 waiting " + id + " 12D3KooWBob bob k2x7 2026-11-20T14:02:09.123+01:00 stored 23 24 sealed edited hi",
		`"kind":"waiting","id":"` + id + `","conversation":"12D3KooWBob","name":"bob","tag":"k2x7","text":"hi","sent":"2026-11-20T14:02:09.123+01:00","state":"stored","stored":23,"replicas":24,"sealed":true,"reason":"","change":"edited"`,
	},
	{
		Net{Addrs: []string{"/ip4/10.0.0.1/tcp/4001"}, Interfaces: []Interface{{"eth0", []string{"10.0.0.1"}, "no multicast"}}, Links: 2, Queued: 1, BytesIn: 300, BytesOut: 400},
		"14:02:09 net /ip4/10.0.0.1/tcp/4001 interface eth0 10.0.0.1 no multicast links 2 queued 1 stored 0 in 300 out 400 hour 0 0 mail 0 0 measured 0",
		`"kind":"net","addrs":["/ip4/10.0.0.1/tcp/4001"],"interfaces":[{"name":"eth0","addrs":["10.0.0.1"],"problem":"no multicast"}],"links":2,"queued":1,"stored":0,"bytes_in":300,"bytes_out":400,"lan_off":"","dht":{"mode":"","servers":0,"near":0,"serves":false,"serves_near":false,"held":0,"capacity":0,"problem":"","seed":"","bytes_in":0,"bytes_out":0,"hour":{"in":0,"out":0}},"hour":{"in":0,"out":0},"measured":0`,
	},
	{
		Net{Interfaces: []Interface{}, Addrs: []string{}, DHT: DHT{"auto", 40, 3, true, false, 5 << 20, 512 << 20, "", "", 7, 8, Traffic{5, 6}}, Hour: Traffic{3, 4}, Measured: 60},
		"14:02:09 net links 0 queued 0 stored 0 in 0 out 0 dht auto servers 40 near 3 serves held 5242880 capacity 536870912 in 7 out 8 hour 3 4 mail 5 6 measured 60",
		`"kind":"net","addrs":[],"interfaces":[],"links":0,"queued":0,"stored":0,"bytes_in":0,"bytes_out":0,"lan_off":"","dht":{"mode":"auto","servers":40,"near":3,"serves":true,"serves_near":false,"held":5242880,"capacity":536870912,"problem":"","seed":"","bytes_in":7,"bytes_out":8,"hour":{"in":5,"out":6}},"hour":{"in":3,"out":4},"measured":60`,
	},
}

func TestKinds(t *testing.T) {
	for _, tt := range kinds {
		for _, asJSON := range []bool{false, true} {
			want := tt.words + "\n"
			if asJSON {
				want = `{"time":"2026-11-20T14:02:09.123+01:00",` + tt.json + "}\n"
			}
			var out bytes.Buffer
			w := NewWriter(&out, asJSON)
			if err := w.Write(moment, tt.r); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != want {
				t.Errorf("%s, JSON %v:\n got %s want %s", tt.r.Kind(), asJSON, got, want)
			}
		}
	}
}

// TestHostileText checks that what a peer wrote stays on its line and does
// nothing to a terminal, in either form.
func TestHostileText(t *testing.T) {
	const evil = "a\x1b[2Jb\rc\nd\u009b31m\u202eexe\x7f\x00\u2067"
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		w := NewWriter(&out, asJSON)
		if err := w.Write(moment, Message{Name: evil, Text: evil}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if i := strings.IndexAny(line, "\x1b\r\n\u009b\u202e\x7f\x00\u2067"); i >= 0 {
			t.Errorf("JSON %v: %q left in %q", asJSON, line[i], line)
		}
		var back Message
		if asJSON {
			if err := json.Unmarshal([]byte(line), &back); err != nil || back.Text != evil {
				t.Errorf("text read back is %q (%v), want %q", back.Text, err, evil)
			}
		}
	}
}

func TestTime(t *testing.T) {
	for _, tt := range []struct {
		in   Time
		want string
	}{
		{Time{}, `""`},
		{Time{moment}, `"2026-11-20T14:02:09.123+01:00"`},
	} {
		b, err := json.Marshal(tt.in)
		if string(b) != tt.want || err != nil {
			t.Errorf("Marshal(%v) = %s, %v, want %s", tt.in, b, err, tt.want)
		}
		var back Time
		if err := json.Unmarshal(b, &back); err != nil || !back.Equal(tt.in.Truncate(time.Millisecond)) {
			t.Errorf("Unmarshal(%s) = %v, %v", b, back, err)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("hello")
	f.Add("\x1b]0;title\a\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, asJSON := range []bool{false, true} {
			w := NewWriter(nil, asJSON)
			b, err := w.encode(moment, Sent{Text: s})
			if err != nil || bytes.Count(b, []byte("\n")) != 1 || b[len(b)-1] != '\n' || !utf8.Valid(b) {
				t.Errorf("JSON %v: %q gives %q, %v: not one line", asJSON, s, b, err)
			}
			if asJSON && !json.Valid(b) {
				t.Errorf("%q gives %q: not JSON", s, b)
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, asJSON := range []bool{false, true} {
		b.Run(map[bool]string{false: "words", true: "json"}[asJSON], func(b *testing.B) {
			w := NewWriter(discard{}, asJSON)
			m := Message{id, bob, bob, "bob", "k2x7", strings.Repeat("word ", 20), Time{moment}, "lan", Time{}, false, "", false}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(moment, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
