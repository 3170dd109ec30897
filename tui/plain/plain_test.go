package plain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/record"
)

// screen is where line mode prints to.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

// take returns what was printed since the last time.
func (s *screen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.buf.String()
	s.buf.Reset()
	return out
}

// run is line mode in a bubble: what is typed, told and printed.
type run struct {
	t     *testing.T
	f     *fake
	out   screen
	in    *io.PipeWriter
	ended chan error
}

func begin(t *testing.T, f *fake, opts Options) *run {
	opts.Now = func() time.Time { return start }
	in, typed := io.Pipe()
	r := &run{t: t, f: f, in: typed, ended: make(chan error, 1)}
	go func() { r.ended <- Run(t.Context(), f, in, &r.out, opts) }()
	synctest.Wait()
	return r
}

// types types lines and returns what they made print.
func (r *run) types(lines ...string) string {
	r.t.Helper()
	for _, l := range lines {
		if _, err := io.WriteString(r.in, l+"\n"); err != nil {
			r.t.Fatal(err)
		}
	}
	synctest.Wait()
	return r.out.take()
}

// tells tells events and returns what they made print.
func (r *run) tells(evs ...messenger.Event) string {
	for _, ev := range evs {
		r.f.events <- ev
	}
	synctest.Wait()
	return r.out.take()
}

func (r *run) end() {
	r.t.Helper()
	if err := r.in.Close(); err != nil {
		r.t.Fatal(err)
	}
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run = %v", err)
	}
}

func expect(t *testing.T, what, got string, want ...string) {
	t.Helper()
	all := ""
	for _, w := range want {
		all += "14:02:09 " + w + "\n"
	}
	if got != all {
		t.Errorf("%s:\n got %q\nwant %q", what, got, all)
	}
}

const (
	firstID = "00010000000000000000000000000000"
)

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		bob := f.people[0]
		ann, him := f.self.ID.String(), bob.ID.String()
		private := messenger.Chat{Peer: bob.ID}
		mine := f.mine(private, "over\nhere")
		id := mine.ID.String()
		delivered, failed := mine, mine
		delivered.State, delivered.Acked, delivered.Addressed = messenger.StateDelivered, 1, 1
		failed.State, failed.Reason = messenger.StateFailed, "nobody near"
		theirs := f.theirs(private, "\x1b[2J")
		mine.Row, theirs.Row = 101, 102
		for _, tt := range []struct {
			ev    messenger.Event
			words string
			json  string
		}{
			{messenger.Ready{Self: f.self}, "ready " + ann + " ann aaaa /ip4/10.0.0.1/tcp/4001",
				`"kind":"ready","peer":"` + ann + `","name":"ann","tag":"aaaa","addrs":["/ip4/10.0.0.1/tcp/4001"]`},
			{messenger.PersonNear{Person: bob}, "near " + him + " bob bbbb lan",
				`"kind":"near","peer":"` + him + `","name":"bob","tag":"bbbb","path":"lan"`},
			{messenger.PersonGone{Person: bob, Path: messenger.PathDirect}, "gone " + him + " bob bbbb direct",
				`"kind":"gone","peer":"` + him + `","name":"bob","tag":"bbbb","path":"direct"`},
			{messenger.PersonRenamed{Person: bob, Was: "rob"}, "info rob is called bob ·bbbb now",
				`"kind":"info","text":"rob is called bob ·bbbb now","hint":""`},
			{messenger.MessageSent{Message: mine}, "sent " + id + " " + him + ` over\nhere`,
				`"kind":"sent","id":"` + id + `","conversation":"` + him + `","text":"over\nhere","reply_to":""`},
			{messenger.StateChanged{Message: delivered}, "state " + id + " delivered 1 1",
				`"kind":"state","id":"` + id + `","state":"delivered","stored":1,"replicas":1,"reason":""`},
			{messenger.StateChanged{Message: failed}, "state " + id + " failed 0 0 nobody near",
				`"kind":"state","id":"` + id + `","state":"failed","stored":0,"replicas":0,"reason":"nobody near"`},
			{messenger.MessageReceived{Message: theirs, From: bob}, "message " + theirs.ID.String() + " " + him + " " + him + ` bob bbbb 2026-11-20T14:02:09.000Z lan \u001b[2J`,
				`"kind":"message","id":"` + theirs.ID.String() + `","conversation":"` + him + `","from":"` + him + `","name":"bob","tag":"bbbb","text":"\u001b[2J","sent":"2026-11-20T14:02:09.000Z","path":"lan","arrived":"","late":false,"reply_to":"","mentioned":false`},
			{messenger.Notice{Text: "port 1 is taken", Hint: "wait"}, "info port 1 is taken — hint: wait",
				`"kind":"info","text":"port 1 is taken","hint":"wait"`},
			{messenger.Notice{Text: "disk full", Failed: true}, "error disk full",
				`"kind":"error","text":"disk full","hint":""`},
		} {
			words := begin(t, f, Options{})
			expect(t, fmt.Sprintf("%T", tt.ev), words.tells(tt.ev), tt.words)
			words.end()
			asJSON := begin(t, f, Options{JSON: true})
			got := asJSON.tells(tt.ev)
			if want := `{"time":"2026-11-20T14:02:09.000Z",` + tt.json + "}\n"; got != want || !json.Valid([]byte(got)) {
				t.Errorf("%T:\n got %swant %s", tt.ev, got, want)
			}
			asJSON.end()
		}
	})
}

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		bob, eve := f.people[0], f.people[1]
		him, her := bob.ID.String(), eve.ID.String()
		r := begin(t, f, Options{})
		expect(t, "blank lines", r.types("", "  ", "\r"))
		expect(t, "/history of nothing", r.types("/history"), "info nothing is written here yet")
		expect(t, "/outbox of nothing", r.types("/outbox"), "info nothing waits")
		expect(t, "text", r.types("hello"), "sent "+firstID+" #lan hello")
		expect(t, "CRLF and slashes", r.types("//who\r"), "sent 0002"+firstID[4:]+" #lan /who")
		expect(t, "/msg", r.types("/msg eve"), "chat "+her+" eve")
		expect(t, "text", r.types("psst"), "sent 0003"+firstID[4:]+" "+her+" psst")
		expect(t, "/msg with text", r.types("/msg bob hi"), "sent 0004"+firstID[4:]+" "+him+" hi")
		expect(t, "the chat stays", r.types("you?"), "sent 0005"+firstID[4:]+" "+her+" you?")
		expect(t, "/history", r.types("/history 1"), "history 0005"+firstID[4:]+" "+her+" "+f.self.ID.String()+" ann aaaa 2026-11-20T14:02:09.000Z queued you?")
		expect(t, "/search", r.types("/search i"), "hit 0004"+firstID[4:]+" "+him+" "+f.self.ID.String()+" ann aaaa queued hi")
		expect(t, "/search of nothing", r.types("/search zzz"), "info nothing found for zzz")
		expect(t, "/search for nothing", r.types("/search"), "error there is nothing to look for")
		expect(t, "/outbox", r.types("/outbox"),
			"waiting 0003"+firstID[4:]+" "+her+" eve eeee 2026-11-20T14:02:09.000Z queued psst — reason: no mailbox node reachable",
			"waiting 0004"+firstID[4:]+" "+him+" bob bbbb 2026-11-20T14:02:09.000Z queued hi — reason: no mailbox node reachable",
			"waiting 0005"+firstID[4:]+" "+her+" eve eeee 2026-11-20T14:02:09.000Z queued you? — reason: no mailbox node reachable")
		expect(t, "/outbox cancel of several", r.types("/outbox cancel 000"), `error 3 waiting messages begin with "000": /outbox lists them`)
		expect(t, "/outbox cancel", r.types("/outbox cancel 0004"))
		if f.rows[3].State != messenger.StateFailed {
			t.Error("/outbox cancel changed nothing")
		}
		expect(t, "/outbox retry", r.types("/outbox retry"), "info looking for everybody for whom something waits")
		expect(t, "/outbox retry of one", r.types("/outbox retry 0003"), "info looking for eve ·eeee, for whom it waits")
		if want := []identity.ID{{}, {3}}; !slices.Equal(f.retried, want) {
			t.Errorf("tried %v, want %v", f.retried, want)
		}
		expect(t, "/petname here", r.types("/petname evi"))
		expect(t, "/petname there", r.types("/petname bob bobby"))
		if f.petnames[eve.ID] != "evi" || f.petnames[bob.ID] != "bobby" {
			t.Errorf("petnames %v", f.petnames)
		}
		expect(t, "/settings", r.types("/settings"), "info the settings are those of the screen, in config.toml in the profile directory — hint: dione --help lists them")
		expect(t, "/mute", r.types("/mute"), "muted "+her+" eve true")
		expect(t, "/mute 8h", r.types("/mute 8h"), "muted "+her+" eve true "+start.Add(8*time.Hour).Local().Format("2006-01-02T15:04:05.000Z07:00"))
		expect(t, "/mute off", r.types("/mute off"), "muted "+her+" eve false")
		expect(t, "/retain", r.types("/retain"), "info messages of this conversation are kept until you delete them")
		expect(t, "/retain 30d", r.types("/retain 30d"), "retained "+her+" eve 2592000")
		expect(t, "/retain again", r.types("/retain"), "info messages of this conversation are kept for 30 days")
		expect(t, "/retain off", r.types("/retain off"), "retained "+her+" eve 0")
		expect(t, "/delete", r.types("/delete"),
			"info this deletes every message of the conversation eve from this disk, its words in the search and its draft",
			"info 2 messages wait here: they are given up; 0 are on their way and may still arrive",
			"info what others have stays with them; people and backups stay, and for 90 days a random number of each message; write /delete yes to do it")
		expect(t, "/delete yes", r.types("/delete yes"), "erased "+her+" eve 3")
		expect(t, "/delete #lan yes", r.types("/delete #lan yes"), "erased #lan #lan 3")
		expect(t, "/msg #lan", r.types("/msg #lan"), "chat #lan #lan")
		expect(t, "/mute of the room", r.types("/mute"), "muted #lan #lan true")
		expect(t, "/petname of the room", r.types("/petname x"), "error /petname means nobody in #lan: write /petname NAME")
		expect(t, "/who", r.types("/who"),
			"person "+him+" bob bbbb lan",
			"person "+her+" eve eeee contact "+time.UnixMilli(eve.LastSeen).Format("2006-01-02T15:04:05.000Z07:00"))
		expect(t, "/who NAME", r.types("/who bob"), "person "+him+" bob bbbb lan")
		expect(t, "/who nobody", r.types("/who zoe"), `error nobody known is called "zoe" — hint: /who lists the people you know; /add takes an address or an invitation`)
		expect(t, "/name", r.types("/name"), "info you are ann ·aaaa")
		expect(t, "/name NEW", r.types("/name anna"), "info you are anna ·aaaa")
		expect(t, "/name of nothing", r.types("/name !"), `error "!" is no name`)
		expect(t, "/net", r.types("/net"), "net /ip4/10.0.0.1/tcp/4001 links 1 queued 0 stored 0 in 300 out 400 hour 0 0 mail 0 0 measured 0")
		expect(t, "/help", r.types("/help who"), "info /who [NAME]: show who is near and whom you know, or all about one of them")
		expect(t, "unknown command", r.types("/wo"), "error no command /wo — hint: did you mean /who? (//wo sends it as text)")
		expect(t, "unknown name", r.types("/msg zoe"), `error nobody known is called "zoe" — hint: /who lists the people you know; /add takes an address or an invitation`)
		if _, err := io.WriteString(r.in, "/quit\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-r.ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		r.in.Close() // ends the goroutine that reads
	})
}

// TestTrust adds, invites, accepts, blocks and verifies.
func TestTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := begin(t, f, Options{Now: func() time.Time { return start }})
		bob := f.people[0]
		him := bob.ID.String()
		r.tells(messenger.PersonNear{Person: bob})
		expect(t, "/add", r.types("/add /ip4/x as zoe"), "info zoe ·zzzz is a contact now: looking for them")
		expect(t, "/add of nothing", r.types("/add zoe"), "error no address — hint: write one")
		expect(t, "/invite", r.types("/invite"), "invitation dione:abc 2026-11-20T14:02:09.000Z")
		expect(t, "/invite list", r.types("/invite list"), "invitation dione:abc 2026-11-20T14:02:09.000Z")
		expect(t, "/invite revoke", r.types("/invite revoke dione:abc"), "info the invitation is taken back")
		expect(t, "/requests", r.types("/requests"), "info nobody asks to write to you")
		asks := bob
		asks.Standing = messenger.StandingRequest
		f.people[0] = asks
		expect(t, "a request", r.tells(messenger.RequestReceived{Person: asks}), "request "+him+" bob bbbb")
		expect(t, "/requests", r.types("/requests"), "request "+him+" bob bbbb")
		expect(t, "/accept", r.types("/accept bob"), "info bob ·bbbb may write to you from anywhere")
		expect(t, "/accept of nobody", r.types("/accept"), "error /accept means nobody in #lan: write /accept NAME")
		digits := identity.SafetyGroups(messenger.SafetyNumber(f.self.ID, bob.ID))
		r.types("/msg bob")
		expect(t, "/verify", r.types("/verify"), "info safety number with bob ·bbbb: "+strings.Join(digits, " ")+
			" — hint: compare it over a call or in person; if it is the same there, /verify bob.bbbb done")
		expect(t, "/verify done", r.types("/verify done"), "info bob ·bbbb is verified")
		expect(t, "/unverify", r.types("/unverify bob"), "info bob ·bbbb is not verified any more")
		expect(t, "/block", r.types("/block"), "info bob ·bbbb is blocked")
		blocked := f.people[0]
		expect(t, "a blocked one leaves", r.tells(messenger.PersonGone{Person: blocked, Path: messenger.PathLAN}), "gone "+him+" bob bbbb lan")
		expect(t, "a blocked one comes", r.tells(messenger.PersonNear{Person: blocked}))
		expect(t, "and leaves again", r.tells(messenger.PersonGone{Person: blocked, Path: messenger.PathLAN}))
		expect(t, "/unblock", r.types("/unblock bob"), "info bob ·bbbb is not blocked any more")
		away := f.people[0]
		away.Problem = "no answer"
		expect(t, "not reached", r.tells(messenger.PersonChanged{Person: away}), "info bob ·bbbb is not reached: no answer; dione goes on trying")
		expect(t, "still not reached", r.tells(messenger.PersonChanged{Person: away}))
		away.Problem, away.Pending = "", true
		expect(t, "not accepted", r.tells(messenger.PersonChanged{Person: away}), "info bob ·bbbb has not accepted you yet: what you write waits")
		r.in.Close()
		if err := <-r.ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// TestInput feeds whole inputs that are odd in some way.
func TestInput(t *testing.T) {
	long := strings.Repeat("x", messenger.MaxText)
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"no end of line", "a\nb", []string{"sent a", "sent b"}},
		{"CRLF", "a\r\nb\r\n", []string{"sent a", "sent b"}},
		{"byte order mark", "\ufeff//x\n\ufeff", []string{"sent /x", `sent \ufeff`}},
		{"one letter", "\xef", []string{`sent ` + "\ufffd"}},
		{"longest text", long, []string{"sent " + long}},
		{"longest text to somebody", "/msg bob " + long + "\r\n", []string{"sent " + long}},
		{"text too long", long + "x\nb", []string{"error too long: limit 16 KiB", "sent b"}},
		{"line too long", long + long + "x\nb", []string{"error too long: limit 16 KiB", "sent b"}},
		{"huge line", strings.Repeat(long, 100) + "\r\n/name\n", []string{"error too long: limit 16 KiB", "info you are ann ·aaaa"}},
		{"huge line without end", strings.Repeat(long, 100), []string{"error too long: limit 16 KiB"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out screen
			now := func() time.Time { return start }
			if err := Run(t.Context(), newFake(), strings.NewReader(tt.in), &out, Options{Now: now}); err != nil {
				t.Errorf("%s: Run = %v", tt.name, err)
			}
			got := map[string]int{} // texts are sent while errors are told already
			for l := range strings.Lines(out.take()) {
				f := strings.Fields(l)
				text := strings.Join(f[1:], " ")
				if f[1] == "sent" {
					text = "sent " + f[len(f)-1]
				}
				got[text]++
			}
			for _, w := range tt.want {
				got[w]--
				if got[w] < 0 {
					t.Errorf("%s: no %.80q", tt.name, w)
				}
			}
			for text, n := range got {
				if n > 0 {
					t.Errorf("%s: %.80q is too much", tt.name, text)
				}
			}
		})
	}
}

// TestPipelining checks that texts do not wait for each other's commits, that
// their number is bounded, and that the end of the input waits for all.
func TestPipelining(t *testing.T) {
	const n = maxWaiting + 88
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.hold = true
		var out screen
		ended := make(chan error, 1)
		go func() {
			ended <- Run(t.Context(), f, strings.NewReader(strings.Repeat("x\n", n)), &out, Options{})
		}()
		synctest.Wait()
		if f.most != maxWaiting {
			t.Errorf("%d texts wait at a time, want %d", f.most, maxWaiting)
		}
		f.commit(100)
		synctest.Wait()
		if got := strings.Count(out.take(), " sent "); got != 100 {
			t.Errorf("%d told as sent, want 100", got)
		}
		time.Sleep(time.Hour) // a slow disk is no reason to give up
		f.commit(n - 100)
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if got := strings.Count(out.take(), " sent "); got != n-100 {
			t.Errorf("%d told as sent at the end, want %d", got, n-100)
		}
	})
}

func TestLagged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		bob := f.people[0]
		private := messenger.Chat{Peer: bob.ID}
		for range 37 { // history, of which nobody is told
			f.theirs(messenger.Room, "old")
		}
		waiting := f.mine(private, "waits since yesterday")
		r := begin(t, f, Options{})
		expect(t, "Lagged with nothing new", r.tells(messenger.Lagged{}), "near "+bob.ID.String()+" bob bbbb lan")
		expect(t, "Lagged again", r.tells(messenger.Lagged{}))

		sent := f.mine(messenger.Room, "mine")
		f.set(sent.Row, messenger.StateStored, 1, 2)
		theirs := f.theirs(private, "theirs")
		f.set(waiting.Row, messenger.StateDelivered, 1, 1)
		f.mu.Lock()
		f.people[0].Path = messenger.PathNone
		f.mu.Unlock()
		expect(t, "Lagged", r.tells(messenger.Lagged{}),
			"gone "+bob.ID.String()+" bob bbbb lan",
			"sent "+sent.ID.String()+" #lan mine",
			"state "+sent.ID.String()+" stored 1 2",
			"message "+theirs.ID.String()+" "+bob.ID.String()+" "+bob.ID.String()+" bob bbbb 2026-11-20T14:02:09.000Z lan theirs",
			"state "+waiting.ID.String()+" delivered 1 1")
		expect(t, "events that come after all", r.tells(
			messenger.MessageSent{Message: sent}, messenger.MessageReceived{Message: theirs, From: bob}))
		f.set(sent.Row, messenger.StateDelivered, 2, 2)
		expect(t, "Lagged once more", r.tells(messenger.Lagged{}), "state "+sent.ID.String()+" delivered 2 2")
		r.end()
	})
}

func TestBase(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 7, 8, 9, 1000, 1023, 1024, 1025} {
		f := newFake()
		for range n {
			f.theirs(messenger.Room, "x")
		}
		s := newSession(f, io.Discard, Options{})
		if err := s.begin(t.Context()); err != nil || s.base != int64(n) {
			t.Errorf("with %d rows the newest is %d (%v)", n, s.base, err)
		}
	}
}

// TestNotTold checks that the end of the input does not wait for ever for
// events that do not come.
func TestNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session{client: newFake(), out: record.NewWriter(io.Discard, false), unsent: 1}
		began := time.Now()
		if err := s.finish(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != lastTime {
			t.Errorf("waited %v, want %v", d, lastTime)
		}
	})
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in, typed := io.Pipe()
		f := newFake()
		f.hold = true
		ended := make(chan error, 1)
		go func() { ended <- Run(ctx, f, in, io.Discard, Options{}) }()
		if _, err := io.WriteString(typed, "never committed\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		typed.Close()
		synctest.Wait()
		if err := Run(ctx, f, strings.NewReader(""), io.Discard, Options{}); err != nil {
			t.Errorf("Run after the end = %v", err)
		}
	})
}

func TestFailures(t *testing.T) { synctest.Test(t, testFailures) }

func testFailures(t *testing.T) {
	boom := errors.New("boom")
	if err := Run(t.Context(), newFake(), iotest.ErrReader(boom), io.Discard, Options{}); !errors.Is(err, boom) {
		t.Errorf("Run with an input that fails = %v", err)
	}
	in, typed := io.Pipe()
	defer typed.Close()
	go func() { _, _ = io.WriteString(typed, "/name\n") }()
	if err := Run(t.Context(), newFake(), in, failing{boom}, Options{}); !errors.Is(err, boom) {
		t.Errorf("Run with an output that fails = %v", err)
	}
	f := newFake()
	f.failWith = messenger.ErrNotText
	var out screen
	if err := Run(t.Context(), f, strings.NewReader("\xff\n"), &out, Options{}); err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := out.take(); !strings.HasSuffix(got, "error not sent: it is not UTF-8 text\n") {
		t.Errorf("printed %q", got)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }
