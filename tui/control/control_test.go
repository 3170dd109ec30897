package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/record"
)

// reader answers from memory.
type reader struct{ messages int }

var bob = messenger.Person{ID: identity.ID{2}, Name: "bob", Claimed: "bob", Tag: "bbbb", Path: messenger.PathLAN}

func (reader) Self() messenger.Self {
	return messenger.Self{ID: identity.ID{1}, Name: "ann", Tag: "aaaa"}
}

func (reader) People(context.Context) ([]messenger.Person, error) {
	return []messenger.Person{bob}, nil
}

func (reader) Resolve(_ context.Context, name string) (messenger.Person, error) {
	if name == bob.Name {
		return bob, nil
	}
	return messenger.Person{}, &messenger.UnknownPersonError{Name: name}
}

// History numbers the messages of bob's chat from 1; the room has none.
func (r reader) History(_ context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error) {
	if chat.IsRoom() {
		return nil, nil
	}
	end := r.messages
	if before.Row > 0 {
		end = int(before.Row) - 1
	}
	var page []messenger.Message
	for row := max(1, end-n+1); row <= end; row++ {
		page = append(page, messenger.Message{Row: int64(row), Pos: float64(row), Chat: chat, From: bob.ID, Text: fmt.Sprint(row)})
	}
	return page, nil
}

// Search finds the messages of bob's chat whose number is a multiple of three.
func (r reader) Search(_ context.Context, query string, before int64, n int) (found messenger.Found, err error) {
	if query == "from:zoe" {
		return found, &messenger.UnknownPersonError{Name: "zoe"}
	}
	end := r.messages
	if before > 0 {
		end = int(before) - 1
	}
	for row := end - end%3; row > 0; row -= 3 {
		if len(found.Hits) == n {
			found.Next = int64(row + 3)
			break
		}
		m := messenger.Message{Row: int64(row), Chat: messenger.Chat{Peer: bob.ID}, From: bob.ID, Text: fmt.Sprint("é ", row)}
		found.Hits = append(found.Hits, messenger.Hit{Message: m, Marks: []messenger.Mark{{From: 3, To: len(m.Text)}}})
	}
	return found, nil
}

func (reader) Person(context.Context, identity.ID) (messenger.Person, error) {
	return messenger.Person{ID: identity.ID{5}, Name: "eve", Path: messenger.PathDirect, Addrs: []string{"/ip4/…"}, Welcome: true}, nil
}

func (reader) Add(_ context.Context, address, petname string) (messenger.Person, error) {
	if address == "" {
		return messenger.Person{}, &messenger.AddressError{Text: "no address", Next: "write one"}
	}
	return messenger.Person{ID: identity.ID{5}, Name: petname, Addrs: []string{address}}, nil
}

func (reader) Invite(context.Context) (messenger.Invitation, error) {
	return messenger.Invitation{Text: "dione:abc", Expires: time.UnixMilli(1)}, nil
}

func (r reader) Invitations(ctx context.Context) ([]messenger.Invitation, error) {
	inv, err := r.Invite(ctx)
	return []messenger.Invitation{inv, inv}, err
}

func (reader) Revoke(_ context.Context, text string) error {
	if text != "dione:abc" {
		return messenger.ErrNoInvitation
	}
	return nil
}

func (reader) Send(context.Context, messenger.Chat, string) (messenger.Message, error) {
	return messenger.Message{}, messenger.ErrEmpty
}

func (reader) Message(context.Context, messenger.Chat, identity.ID, messenger.MessageID) (messenger.Message, bool, error) {
	return messenger.Message{}, false, nil
}

func (reader) After(context.Context, int64, int) ([]messenger.Message, error) { return nil, nil }
func (reader) Newest(context.Context) (int64, error)                          { return 0, nil }
func (reader) Changed() <-chan struct{}                                       { return nil }

func (reader) Net(context.Context) (messenger.Net, error) { return messenger.Net{Links: 7}, nil }

var quiet = slog.New(slog.DiscardHandler)

// serve runs a server for the profile in dir until stop, or the test, ends it.
func serve(t *testing.T, dir string, r Engine) (stop func()) {
	t.Helper()
	s, err := Listen(dir, r, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-ended; err != nil {
				t.Errorf("Run = %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

// shortDir is a directory in which a socket may have its place.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func ask(t *testing.T, dir string, req Request) (lines []string, err error) {
	t.Helper()
	err = Ask(t.Context(), dir, req, func(b json.RawMessage) error {
		lines = append(lines, string(b))
		return nil
	})
	return lines, err
}

func TestRoundTrip(t *testing.T) {
	dir := shortDir(t)
	if _, err := ask(t, dir, Request{What: ID}); !errors.Is(err, ErrNobody) {
		t.Errorf("Ask of nobody = %v", err)
	}
	stop := serve(t, dir, reader{messages: 3*pageSize + 1})
	for _, tt := range []struct {
		req         Request
		n           int
		first, last string
	}{
		{Request{What: ID}, 1, `"name":"ann"`, `"addrs":[]`},
		{Request{What: Peers}, 1, `"name":"bob"`, `"path":"lan"`},
		{Request{What: Net}, 1, `"links":7`, ``},
		{Request{What: History, Peer: "#lan", N: 10}, 0, "", ""},
		{Request{What: History, Peer: "bob", N: 10}, 10, `"text":"1492"`, `"text":"1501"`},
		{Request{What: History, Peer: "bob", N: 1 << 40}, 1501, `"text":"1"`, `"text":"1501"`},
		{Request{What: History, Peer: "bob"}, 0, "", ""},
		{Request{What: Search, Text: "three", N: 2}, 2, `"text":"é 1500",`, `"chat":"bob","snippet":"é 1497","marks":[[2,6]]`},
		{Request{What: Search, Text: "three", N: 501}, 500, `"text":"é 1500"`, `"snippet":"é 3"`},
		{Request{What: Search, Text: "three"}, 0, "", ""},
		{Request{What: Add, Text: "/ip4/…", As: "eve"}, 1, `"name":"eve"`, `"path":"direct"`},
		{Request{What: Invite}, 1, `"invitation":"dione:abc"`, `"expires":"1970`},
		{Request{What: Invitations}, 2, `"invitation":"dione:abc"`, `"expires":"1970`},
		{Request{What: Revoke, Text: "dione:abc"}, 0, "", ""},
	} {
		lines, err := ask(t, dir, tt.req)
		if err != nil || len(lines) != tt.n {
			t.Errorf("%+v: %d lines, %v; want %d", tt.req, len(lines), err, tt.n)
		} else if tt.n > 0 && !(strings.Contains(lines[0], tt.first) && strings.Contains(lines[tt.n-1], tt.last)) {
			t.Errorf("%+v: %s … %s, want %s … %s", tt.req, lines[0], lines[tt.n-1], tt.first, tt.last)
		}
	}
	for _, tt := range []struct {
		req        Request
		text, hint string
	}{
		{Request{What: "secrets"}, `control: no request is called "secrets"`, ""},
		{Request{What: History, Peer: "zoe", N: 1}, `nobody known is called "zoe"`, "dione peers lists the people you know"},
		{Request{What: Search, Text: "from:zoe", N: 1}, `nobody known is called "zoe"`, "dione peers lists the people you know"},
		{Request{What: Add}, "no address", "write one"},
		{Request{What: Revoke, Text: "dione:b"}, messenger.ErrNoInvitation.Error(), "dione invite --list shows those that are"},
		{Request{What: History, Peer: "bob", N: -1}, "control: -1 messages cannot be shown", ""},
		{Request{What: Send, Peer: "zoe", For: "stored"}, `nobody known is called "zoe"`, "dione peers lists the people you know"},
		{Request{What: Send, Peer: "bob", For: "stored"}, messenger.ErrEmpty.Error(), ""},
		{Request{What: Send, Peer: "bob", For: "read"}, `control: no message is ever "read"`, ""},
		{Request{What: Send, Peer: "bob", For: "stored", Time: -1}, "control: nobody waits for -1ns", ""},
	} {
		_, err := ask(t, dir, tt.req)
		if err == nil || err.Error() != tt.text || hintOf(err) != tt.hint {
			t.Errorf("%+v: %v, hint %q", tt.req, err, hintOf(err))
		}
	}
	boom := errors.New("boom")
	if err := Ask(t.Context(), dir, Request{What: ID}, func(json.RawMessage) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("Ask = %v, want the teller's error", err)
	}
	stop()
	if _, err := ask(t, dir, Request{What: ID}); !errors.Is(err, ErrNobody) {
		t.Errorf("Ask after the end = %v", err)
	}
	if names := entries(t, dir); len(names) > 0 {
		t.Errorf("%q left behind", names)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func TestSocketIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes mean nothing here")
	}
	dir := shortDir(t)
	serve(t, dir, reader{})
	info, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestLeftBehind starts where a process was killed: in the profile's own
// directory, and in one whose path is too long.
func TestLeftBehind(t *testing.T) {
	run := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", run)
	short := shortDir(t)
	long := filepath.Join(shortDir(t), strings.Repeat("x", maxPath))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{short, long} {
		killed, err := Listen(dir, reader{}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		killed.ln.(*net.UnixListener).SetUnlinkOnClose(false)
		killed.ln.Close()
		if _, err := ask(t, dir, Request{What: ID}); !errors.Is(err, ErrNobody) {
			t.Errorf("Ask of the dead = %v", err)
		}
		stop := serve(t, dir, reader{})
		if lines, err := ask(t, dir, Request{What: ID}); err != nil || len(lines) != 1 {
			t.Errorf("Ask = %v, %v", lines, err)
		}
		stop()
		if names := append(entries(t, dir), entries(t, run)...); len(names) > 0 {
			t.Errorf("%q left behind", names)
		}
	}
	// A control.path that names something else does no harm to it.
	precious := filepath.Join(short, "precious")
	for path, text := range map[string]string{precious: "x", filepath.Join(short, pathName): precious + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, short, reader{})()
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	// Without a runtime directory the system's one for temporary files serves.
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(run, "gone"))
	serve(t, long, reader{})
	if lines, err := ask(t, long, Request{What: ID}); err != nil || len(lines) != 1 {
		t.Errorf("Ask = %v, %v", lines, err)
	}
}

func TestCannotListen(t *testing.T) {
	if _, err := Listen(filepath.Join(shortDir(t), "gone"), reader{}, quiet); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Listen = %v", err)
	}
}

func TestGarbage(t *testing.T) {
	dir := shortDir(t)
	serve(t, dir, reader{})
	for _, in := range []string{
		"", "\n", "{}\n", "null\n", "[]\n", "{\"what\":7}\n", "GET / HTTP/1.1\r\n\r\n", "\x00\xff\n",
		`{"what":"history","n":99999999999999999999}` + "\n",
		strings.Repeat("[", 2000) + "\n",
		strings.Repeat("x", 2*maxRequest),
		`{"what":"id"}`,
	} {
		conn, err := net.Dial("unix", filepath.Join(dir, socketName))
		if err != nil {
			t.Fatal(err)
		}
		// What is too long is cut off, and the rest cannot be written.
		_, _ = io.WriteString(conn, in)
		_ = conn.(*net.UnixConn).CloseWrite()
		out, _ := io.ReadAll(conn)
		conn.Close()
		if s := string(out); s != "" && !(strings.HasPrefix(s, `{"error":`) && strings.HasSuffix(s, `"end":true}`+"\n")) {
			t.Errorf("%.40q: %s", in, s)
		}
	}
	var idle []net.Conn // more than have a place, and silent
	for range 3 * maxClients {
		conn, err := net.Dial("unix", filepath.Join(dir, socketName))
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	for _, conn := range idle {
		conn.Close()
	}
	if lines, err := ask(t, dir, Request{What: ID}); err != nil || len(lines) != 1 {
		t.Errorf("Ask after all that = %v, %v", lines, err)
	}
}

// TestSlow has clients that neither ask nor listen.
func TestSlow(t *testing.T) {
	s := &Server{engine: reader{messages: 10_000}, log: quiet}
	for _, tt := range []struct {
		name, in string
		want     time.Duration
	}{
		{"never asks", "", askTime},
		{"asks half", `{"what":`, askTime},
		{"never listens", `{"what":"history","peer":"bob","n":10000}` + "\n", answerTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			defer there.Close()
			go func() { _, _ = io.WriteString(there, tt.in) }()
			began := time.Now()
			s.serve(t.Context(), here)
			if d := time.Since(began); d != tt.want {
				t.Errorf("%s: served %v, want %v", tt.name, d, tt.want)
			}
		})
	}
}

// TestOddServer asks processes that do not answer as they should.
func TestOddServer(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		nobody     bool
	}{
		{"hangs up", "", true},
		{"says garbage", "hello\n", true},
		{"breaks off", `{"record":{}}` + "\n" + `{"rec`, false},
		{"never ends", `{"record":{}}` + "\n", false},
	} {
		dir := shortDir(t)
		ln, err := net.Listen("unix", filepath.Join(dir, socketName))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, tt.says)
			conn.Close()
		}()
		_, err = ask(t, dir, Request{What: ID})
		if err == nil || errors.Is(err, ErrNobody) != tt.nobody || !tt.nobody && hintOf(err) == "" {
			t.Errorf("%s: Ask = %v", tt.name, err)
		}
		ln.Close()
	}
}

func FuzzRequest(f *testing.F) {
	for _, req := range []Request{{What: ID}, {What: History, Peer: "bob", N: 3}, {What: "x", N: -1},
		{What: Send, Peer: "bob", Text: "x", For: "stored", Time: time.Second}, {What: Tail}} {
		b, err := json.Marshal(req)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("{\"what\":\"history\",\"peer\":\"\xff\u202e\"}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		req, err := parseRequest(in)
		if err != nil {
			return
		}
		b, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseRequest(b); err != nil || !reflect.DeepEqual(again, req) {
			t.Errorf("%q is %+v, and %s is %+v (%v)", in, req, b, again, err)
		}
		err = Answer(t.Context(), reader{messages: 3}, req, func(r any) error {
			if r == nil {
				return errors.New("enough")
			}
			if _, ok := r.(record.Record); !ok {
				t.Errorf("%T is no record", r)
			}
			return nil
		})
		if err != nil && err.Error() == "" {
			t.Errorf("%q: an error without words", in)
		}
	})
}

func (r reader) Export(_ context.Context, path string, passphrase []byte, progress func(done, of int64)) error {
	if len(passphrase) == 0 {
		return messenger.ErrOpenBackup
	}
	progress(1, 2)
	progress(2, 2)
	return nil
}

func TestExport(t *testing.T) {
	dir := shortDir(t)
	defer serve(t, dir, reader{})()
	var got []string
	tell := func(b json.RawMessage) error {
		got = append(got, string(b))
		return nil
	}
	req := Request{What: Export, Text: "/backup", Secret: []byte("words")}
	if err := Ask(t.Context(), dir, req, tell); err != nil || strings.Join(got, " ") != `{"done":1,"of":2} {"done":2,"of":2}` {
		t.Errorf("it told %q, %v", got, err)
	}
	if err := Ask(t.Context(), dir, Request{What: Export, Text: "/backup"}, tell); err == nil || hintOf(err) != "take several random words" {
		t.Errorf("without a passphrase: %v", err)
	}
	if err := Ask(t.Context(), dir, Request{What: Export, Text: "backup", Secret: []byte("words")}, tell); err == nil {
		t.Error("a path from elsewhere is taken")
	}
}
