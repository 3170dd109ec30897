package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// script is a user's machine in which commands run one after another. They
// share no profile with the one who runs the tests, and the chat among them
// keeps to the loopback interface.
type script struct {
	t   *testing.T
	dir string
	env []string
}

// alone keeps the chat off the LAN.
var alone = []string{"--plain", "--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0"}

func newScript(t *testing.T) *script {
	t.Parallel()
	dir := t.TempDir()
	s := &script{t: t, dir: dir}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DIONE_") {
			s.env = append(s.env, v)
		}
	}
	s.env = append(s.env, beDione+"=1", "HOME="+dir, "XDG_DATA_HOME="+s.path("data"), "XDG_RUNTIME_DIR="+dir, "LOCALAPPDATA="+s.path("data"))
	return s
}

func (s *script) path(name string) string    { return filepath.Join(s.dir, name) }
func (s *script) profile(name string) string { return filepath.Join(s.dir, "data", "dione", name) }

func (s *script) write(path, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), os.Args[0], args...)
	cmd.Env = s.env
	cmd.Dir = s.dir
	return cmd
}

// result is what a command did.
type result struct {
	t           testing.TB
	what        string
	out, stderr string
	code        int
}

func (s *script) run(args ...string) result {
	s.t.Helper()
	return s.feed("", args...)
}

// feed runs dione with an input.
func (s *script) feed(in string, args ...string) result {
	s.t.Helper()
	cmd := s.command(args...)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return result{s.t, "dione " + strings.Join(args, " "), out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ok wants exit code 0, nothing told as an error, and an output that fits.
func (r result) ok(out string) {
	r.t.Helper()
	if r.code != 0 || strings.Contains(r.stderr, "hint:") {
		r.t.Errorf("%s: exit code %d, %s", r.what, r.code, r.stderr)
	}
	if !regexp.MustCompile(`(?s)\A(?:` + out + `)\z`).MatchString(r.out) {
		r.t.Errorf("%s printed\n%swant\n%s", r.what, r.out, out)
	}
}

// fails wants an exit code, nothing on stdout, and what failed and the next
// step ("": none is known) on stderr.
func (r result) fails(code int, failed, hint string) {
	r.t.Helper()
	want := `\Adione: ` + failed + `\n`
	if hint != "" {
		want += `hint: ` + hint + `\n`
	}
	if r.code != code || r.out != "" || !regexp.MustCompile(want+`\z`).MatchString(r.stderr) {
		r.t.Errorf("%s: exit code %d, %s%swant %d, %s", r.what, r.code, r.out, r.stderr, code, want)
	}
}

const helpHint = "dione --help tells how it is written"

func TestUsage(t *testing.T) {
	s := newScript(t)
	for _, tt := range []struct {
		args         []string
		failed, hint string
	}{
		{[]string{"bogus"}, `no command is called "bogus"`, helpHint},
		{[]string{"dcotor"}, `no command is called "dcotor"`, `did you mean dione doctor\?`},
		{[]string{"help", "bogus"}, `no command is called "bogus"`, helpHint},
		{[]string{"completion", "bogus"}, `unknown command "bogus" for "dione completion"`, helpHint},
		{[]string{"completion", "bash", "x"}, `unknown command "x" for "dione completion bash"`, helpHint},
		{[]string{"--bogus"}, `unknown flag: --bogus`, helpHint},
		{[]string{"id", "-x"}, `unknown shorthand flag: 'x' in -x`, helpHint},
		{[]string{"id", "me"}, `dione id takes no "me"`, helpHint},
		{[]string{"version", "2"}, `dione version takes no "2"`, helpHint},
		{[]string{"--name"}, `flag needs an argument: --name`, helpHint},
		{[]string{"--lan=maybe"}, `--lan: "maybe" is neither true nor false`, helpHint},
		{[]string{"history"}, `history needs one PEER: a name, a tag, a peer ID or '#lan'`, helpHint},
		{[]string{"history", "a", "b"}, `history needs one PEER: .*`, helpHint},
		{[]string{"history", " "}, `history needs one PEER: .*`, helpHint},
		{[]string{"history", "#lan", "-n", "x"}, `--number: "x" is no number`, helpHint},
		{[]string{"history", "#lan", "-n", "0"}, `--number 0 shows nothing`, helpHint},
		{[]string{"search"}, `there is nothing to look for`, `write words, .*`},
		{[]string{"search", "...", "!"}, `there is nothing to look for`, `write words, .*`},
		{[]string{"search", "x", "on:monday"}, `on:monday is no date`, `write a day as 2026-11-20, .*`},
		{[]string{"search", "x", "-n", "0"}, `--number 0 shows nothing`, helpHint},
		{[]string{"send"}, `send needs a PEER: .*`, helpHint},
		{[]string{"send", " ", "hi"}, `send needs a PEER: .*`, helpHint},
		{[]string{"send", "bob"}, `nothing to send`, helpHint}, // standard input is empty
		{[]string{"send", "bob", " "}, `nothing to send`, helpHint},
		{[]string{"send", "bob", strings.Repeat("x", 16<<10+1)}, `too long: limit 16 KiB`, helpHint},
		{[]string{"send", "bob", "\xff"}, `not sent: it is not UTF-8 text`, helpHint},
		{[]string{"send", "bob", "hi", "--wait", "read"}, `--wait "read": it takes queued, stored or delivered`, helpHint},
		{[]string{"send", "bob", "hi", "--timeout", "soon"}, `--timeout: "soon" is no time, such as 30s or 5m`, helpHint},
		{[]string{"send", "bob", "hi", "--timeout", "-1s"}, `--timeout -1s: it takes 0, for no limit, to 720h0m0s`, helpHint},
		{[]string{"tail", "bob"}, `dione tail takes no "bob"`, helpHint},
	} {
		s.run(tt.args...).fails(2, tt.failed, tt.hint)
	}
	if _, err := os.Stat(s.path("data")); err == nil {
		t.Error("a mistyped command made a profile")
	}
	s.run("--help").ok(`.*USAGE.*history PEER.*--passphrase-file.*`)
	for _, args := range [][]string{{"help", "history"}, {"history", "--help"}} {
		s.run(args...).ok(`.*dione history PEER.*--number.*`)
	}
	s.run("--version").ok(`dione version .*, protocol dione/1\n`)
	s.run("completion", "bash").ok(`# bash completion .*`)
}

func TestSettings(t *testing.T) {
	s := newScript(t)
	const hint = "change or remove it; dione --help lists the settings"
	for _, tt := range []struct {
		args   []string
		failed string
	}{
		{[]string{"--listen", "localhost:80"}, `--listen: "localhost:80" is no multiaddr, .*`},
		{[]string{"--listen", "/ip4/127.0.0.1/udp/1"}, `--listen: "/ip4/127.0.0.1/udp/1" cannot be listened at: write /ip4/.*`},
		{[]string{"--log-level", "loud"}, `--log-level: "loud" is none of debug, info, warn and error`},
		{[]string{"--network", ""}, `--network: a network needs a name`},
		{[]string{"--home", ""}, `--home: a profile directory needs a name`},
	} {
		s.run(append(tt.args, "id")...).fails(2, tt.failed, hint)
	}
	s.env = append(s.env, "DIONE_LAN=perhaps")
	s.run("id").fails(2, `DIONE_LAN: "perhaps" is neither true nor false`, hint)
	s.run("version").ok(`dione \S+, commit .+, go\S+, protocol dione/1\n`)
	s.env = append(s.env, "DIONE_LAN=", "DIONE_JSON=1")
	s.run("version").ok(`\{"version":".+","commit":".+","go":"go.+","protocol":"dione/1"\}\n`)
	s.env = append(s.env, "DIONE_JSON=")
	for text, failed := range map[string]string{
		"name = 'a'\ncolour = 'red'\n": `.*config\.toml, line 2: no setting is called "colour"`,
		"lan = 'maybe'\n":              `.*config\.toml, line 1: .*`,
		"lan = \n":                     `.*config\.toml, line 1: .*`,
		"network = ''\n":               `config\.toml, network: a network needs a name`,
	} {
		s.write(s.profile("config.toml"), text)
		s.run("id").fails(2, failed, hint)
		s.run("version").ok(`dione .*`)
	}
	s.write(s.profile("config.toml"), "name = 'of the file'\n")
	s.run("id").ok(`of-the-file ·.*`)
	s.env = append(s.env, "DIONE_NAME=of-the-variable")
	s.run("id").ok(`of-the-variable ·.*`)
	s.run("id", "--name", "of-the-flag").ok(`of-the-flag ·.*`)
	s.run("id", "--log", s.path("gone/log")).fails(1, `open the log: .*`, "choose another file with --log")
}

func TestReading(t *testing.T) {
	s := newScript(t)
	const peer = `12D3KooW\w{44}`
	first := s.run("id", "--name", "ann")
	first.ok(`ann ·[a-z2-7]{4}\n` + peer + `\n`)
	if again := s.run("id", "--name", "ann"); again.out != first.out {
		t.Errorf("another identity: %s, then %s", first.out, again.out)
	}
	s.run("id", "--json").ok(`\{"peer":"` + peer + `","name":".+","tag":"[a-z2-7]{4}","addrs":\[\]\}\n`)
	s.run("peers").ok("")
	s.run("peers", "--json").ok("")
	s.run("history", "#lan").ok("")
	s.run("history", "bob").fails(1, `nobody known is called "bob"`, "dione peers lists the people you know")
	me := strings.Fields(first.out)[2]
	s.run("history", me).fails(1, "that is you", "")

	s.feed("hi\\there\n/history 1\n", append(alone, "--name", "ann")...).ok(
		`(?:.* ready .*\n)?.* sent [0-9a-f]{32} #lan hi\\\\there\n(?s:.*)`)
	s.run("history", "#lan").ok(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .+ ·[a-z2-7]{4}: hi\\\\there \[failed\]\n`)
	s.run("history", "#lan", "--json").ok(`\{"id":"[0-9a-f]{32}","conversation":"#lan","from":"` + peer + `",.*"text":"hi\\\\there",.*"reason":"nobody near",.*\}\n`)
	const line = `\d{4}-\d\d-\d\d \d\d:\d\d ann ·[a-z2-7]{4} in #lan: hi\\\\there\n`
	s.run("search", "HI").ok(line)
	s.run("search", "from:me", "in:#lan", `"hi there"`, "on:today").ok(line)
	s.run("search", "the*", "--json").ok(`\{"id":"[0-9a-f]{32}","conversation":"#lan",.*"chat":"#lan","snippet":"hi\\\\there","marks":\[\[3,8\]\]\}\n`)
	s.run("search", "hi", "before:today").fails(1, `nothing found for hi before:today`, "every word must occur; .*")
	s.run("search", "hi", "from:bob").fails(1, `nobody known is called "bob"`, "dione peers lists the people you know")
	s.feed("hi again\n", append(alone, "--name", "ann")...).ok(`(?s).*`)
	if r := s.run("search", "hi", "-n", "1"); !strings.Contains(r.out, "hi again") || strings.Count(r.out, "\n") != 1 || !strings.Contains(r.stderr, "older ones") {
		t.Errorf("the newest one: %s%s", r.out, r.stderr)
	}
	s.run("id", "--home", s.path("other")).ok(`.*` + peer + `\n`)
	if _, err := os.Stat(s.path("other/profile.key")); err != nil {
		t.Error(err)
	}
}

func TestNoProfile(t *testing.T) {
	s := newScript(t)
	s.write(s.path("file"), "x")
	const hint = "choose a directory of your own with --home"
	s.run("id", "--home", s.path("file")).fails(1, `make profile directory: .*`, hint)
	s.run("id", "--home", filepath.Join(s.path("file"), "x")).fails(1, `make profile directory: .*`, hint)
	s.run(append(alone, "--home", s.path("file"))...).fails(1, `make profile directory: .*`, hint)

	s.run("id").ok(`.*`)
	db, err := os.ReadFile(s.profile("dione.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(s.profile("dione.db"), strings.Repeat("x", len(db)))
	s.run("id").fails(1, `.*damaged.*`, `keep a copy of the profile directory.*`)
	s.write(s.profile("profile.key"), "garbage")
	const put = "put back profile.key from a backup .*"
	s.run("id").fails(1, `.*profile\.key cannot be read.*`, put)
	s.run("passphrase", "--new-passphrase-file", s.path("file")).fails(1, `.*profile\.key cannot be read.*`, put)
	doctor := s.run("doctor", "--lan=false")
	if doctor.code != 1 || !strings.HasPrefix(doctor.out, "broken The profile ") || !strings.Contains(doctor.out, "hint: put back profile.key") || doctor.stderr != "" {
		t.Errorf("doctor: exit code %d, %s%s", doctor.code, doctor.out, doctor.stderr)
	}
}

func TestPassphrase(t *testing.T) {
	s := newScript(t)
	for name, text := range map[string]string{"one": "correct horse\r\nignored\n", "two": "battery staple", "empty": "", "long": strings.Repeat("x", 5000)} {
		s.write(s.path(name), text)
	}
	closed := func() {
		t.Helper()
		s.run("id").fails(1, "the profile has a passphrase, and there is no terminal to ask for it", "write it into a file that only you can read: --passphrase-file FILE")
		s.run(alone...).fails(1, "the profile has a passphrase, and .*", "write it .*")
	}
	s.run("passphrase").fails(1, "there is no terminal to ask for the new passphrase", "write it into a file that only you can read: --new-passphrase-file FILE")
	id := s.run("id").out
	change := func(now, next, says string) {
		t.Helper()
		args := []string{"passphrase", "--new-passphrase-file", next}
		if now != "" {
			args = append(args, "--passphrase-file", now)
		}
		r := s.run(args...)
		if r.ok(""); r.stderr != says+"\n" {
			t.Errorf("%s said %q, want %q", r.what, r.stderr, says)
		}
	}
	const set = "The profile opens with the new passphrase only. It cannot be recovered."
	change("", "one", set)
	closed()
	if got := s.run("id", "--passphrase-file", "one").out; got != id {
		t.Errorf("id %q, want %q", got, id)
	}
	change("one", "two", set)
	s.run("id", "--passphrase-file", "one").fails(1, "unlock profile: .*", "try it again.*")
	s.run("passphrase", "--passphrase-file", "one", "--new-passphrase-file", "empty").fails(1, "unlock profile: .*", "try it again.*")
	s.run("id", "--passphrase-file", "gone").fails(1, "read the passphrase: .*", "name a file that you can read")
	s.run("id", "--passphrase-file", "empty").fails(1, "read the passphrase: the first line of empty is empty", "")
	s.run("id", "--passphrase-file", "long").fails(1, "read the passphrase: the first line of long is longer than 4096 bytes", "")
	closed()
	s.env = append(s.env, "DIONE_PASSPHRASE_FILE=two")
	s.feed("x\n", alone...).ok(`(?s).* sent .* #lan x\n.*`)
	change("two", "empty", "The profile opens without a passphrase now.")
	s.env = append(s.env, "DIONE_PASSPHRASE_FILE=")
	if got := s.run("id").out; got != id {
		t.Errorf("id %q, want %q", got, id)
	}

	// A new profile gets the passphrase that it is started with.
	s.run("id", "--home", "new", "--passphrase-file", "one").ok(`.*`)
	s.run("id", "--home", "new").fails(1, "the profile has a passphrase, .*", "write it .*")
}

func TestDoctor(t *testing.T) {
	s := newScript(t)
	s.run("doctor", "--lan=false", "--name", "ann").ok(`ok     The profile .+ opens: you are ann ·[a-z2-7]{4}\.
ok     Ports can be opened\.
ok     LAN discovery is switched off by the settings\.
ok     Packages of the mail network can be held\.
`)
	s.run("doctor", "--lan=false", "--json", "--dht=off").ok(`(?:\{"ok":true,"text":".+","hint":""\}\n){3}` +
		`\{"ok":true,"text":"The mail network is switched off by the settings\.","hint":""\}\n`)
}

func TestLog(t *testing.T) {
	s := newScript(t)
	s.feed("x\n", append(alone, "--log", "my.log", "--log-level", "debug")...).ok(`(?s).*`)
	info, err := os.Stat(s.path("my.log"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		t.Errorf("mode of the log is %v", info.Mode())
	}
}
