//go:build unix

package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nodeHome is newAlone whose node keeps to the loopback interface, and what it
// is started with.
func nodeHome(t *testing.T) (h *home, args []string) {
	return newAlone(t), []string{"node", "--listen", "/ip4/127.0.0.1/tcp/0"}
}

const nodeAddr = `/ip4/127\.0\.0\.1/tcp/\d+/p2p/12D3KooW\w{44}`

// TestNode runs dione node as its user and a service manager do.
func TestNode(t *testing.T) {
	t.Parallel()
	h, args := nodeHome(t)
	a := h.launch(h.command(args...))
	first := a.await("its address", func(l line) bool { return l.Text != "" }).Text
	if !regexp.MustCompile(`^` + nodeAddr + `$`).MatchString(first) {
		t.Errorf("it prints %q", first)
	}
	h.run(args...).fails(4, "profile .* is in use by process .*", "use the dione that is running, or another profile with --home")
	r := h.run("doctor", "--lan=false")
	if want := "broken The profile is in use by process .*, which does not answer"; r.code != 1 || !regexp.MustCompile(want).MatchString(r.out) {
		t.Errorf("doctor: exit code %d, %s", r.code, r.out)
	}
	port := strings.Split(first, "/")[4]
	newAlone(t).run("node", "--listen", "/ip4/127.0.0.1/tcp/"+port).
		fails(1, "listen on 127.0.0.1:"+port+": bind: address already in use", "choose another address with --listen")
	a.stopNode()
	if lines, _ := a.printed(); len(lines) != 1 {
		t.Errorf("it printed %+v", lines)
	}
	if log := a.stderr.String(); !regexp.MustCompile(`(?m)^time=\S+ level=INFO msg="node of the network" node=12D3KooW\w{44} mode=auto$`).MatchString(log) || strings.Contains(log, "dione: ") {
		t.Errorf("it logged %s", log)
	}

	_, id, _ := strings.Cut(first, "/p2p/")
	a = h.launch(h.command(append(args, "--json", "--dht=server", "--listen", "/ip6/::1/tcp/"+port)...))
	ready := a.await("ready", func(l line) bool { return l.Kind == "ready" })
	if ready.Peer != id || len(ready.Addrs) != 2 || ready.Addrs[1] != "/ip6/::1/tcp/"+port+"/p2p/"+id {
		t.Errorf("with --json it is %+v", ready)
	}
	a.stopNode()
	for s := range strings.Lines(a.stderr.String()) {
		var entry struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(s), &entry); err != nil || entry.Msg == "" || entry.Level == "" {
			t.Errorf("with --json it logged %s", s)
		}
	}

	h.run("id").ok(`.+ ·.*`) // the same profile serves a chat
	h.run(append(args, "--dht=off")...).fails(1, "the mail network is off", "leave --dht=off away")
	h.run(append(args, "--seed", "/ip4/127.0.0.1/udp/1/p2p/"+id)...).fails(1, ".* cannot be dialled: only /ip4, .*", "an address looks like .*")
	h.run("node", "bob").fails(2, `dione node takes no "bob"`, helpHint)
	h.run("node", "--help").ok(`(?s).*--metrics.*`)
}

// TestMetrics reads what Prometheus would.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h, args := nodeHome(t)
	a := h.launch(h.command(append(args, "--dht=server", "--metrics", "127.0.0.1:0", "--json", "--log", h.dir+".log")...))
	a.await("ready", func(l line) bool { return l.Kind == "ready" })
	out, err := os.ReadFile(h.dir + ".log")
	where := regexp.MustCompile(`http://127\.0\.0\.1:(\d+)/metrics`).FindStringSubmatch(string(out))
	if err != nil || where == nil {
		t.Fatalf("the log tells no address: %s, %v", out, err)
	}
	answer, err := http.Get(where[0])
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/plain; version=0.0.4" {
		t.Errorf("%s, %s, %v", answer.Status, answer.Header.Get("Content-Type"), err)
	}
	family := regexp.MustCompile(`^# HELP (dione_[a-z_]+) [^\n]+\n# TYPE (dione_[a-z_]+) (gauge|counter)\n(dione_[a-z_]+) (-?[0-9.e+]+)\n`)
	values := make(map[string]string)
	for text := string(body); text != ""; {
		m := family.FindStringSubmatch(text)
		if m == nil || m[1] != m[2] || m[1] != m[4] || values[m[1]] != "" || (m[3] == "counter") != strings.HasSuffix(m[1], "_total") {
			t.Fatalf("this is no metric of its own: %.200q", text)
		}
		values[m[1]] = m[5]
		text = text[len(m[0]):]
	}
	for name, want := range map[string]string{"dione_serves": "1", "dione_holds": "1", "dione_held_bytes": "0", "dione_capacity_bytes": "5.36870912e+08", "dione_servers": "0"} {
		if values[name] != want {
			t.Errorf("%s is %q, want %s", name, values[name], want)
		}
	}
	other := newAlone(t)
	other.run("node", "--listen", "/ip4/127.0.0.1/tcp/0", "--metrics", "127.0.0.1:"+where[1], "--log", other.dir+".log").
		fails(1, "serve metrics: listen on 127.0.0.1:"+where[1]+": bind: address already in use", "choose another address with --metrics")
	other.run("node", "--listen", "/ip4/127.0.0.1/tcp/0", "--metrics", "nonsense").fails(1, "serve metrics: .*", "choose another address with --metrics")
	a.stopNode()
}

// TestDoctorOfMail has dione doctor tell of the mail network.
func TestDoctorOfMail(t *testing.T) {
	t.Parallel()
	nh, args := nodeHome(t)
	server := nh.launch(nh.command(args...))
	seed := server.await("its address", func(l line) bool { return l.Text != "" }).Text
	h := newAlone(t)
	alone := []string{"--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0"}
	a := h.start(append(alone, "--seed", seed)...)
	a.awaitNet("a server", func(l line) bool { return l.DHT.Near == 1 })
	const ok = `(?:ok .*\n)*ok     `
	h.run("doctor", "--lan=false", "--seed", seed).ok(ok + `The seed ` + nodeAddr + ` can be reached\.
ok     The mail network is reached; servers known: 0 on the internet, 1 near\.
`)
	a.quit()
	server.stopNode()
	r := h.run("doctor", "--lan=false", "--seed", seed, "--seed", strings.Replace(seed, "/ip4/127.0.0.1", "/dns4/gone.invalid", 1))
	if r.code != 1 || !regexp.MustCompile(`broken The seed `+nodeAddr+` is not reached: .*\n       hint: ask who runs it, or name another one with --seed\nbroken The seed /dns4/gone\.invalid/\S+ is not found: .*\n`).MatchString(r.out) {
		t.Errorf("doctor without its seeds: exit code %d, %s%s", r.code, r.out, r.stderr)
	}

	b := newAlone(t).start(alone...)
	b.awaitNet("a node", func(l line) bool { return l.DHT.Mode == "auto" })
	b.run("doctor", "--lan=false").ok(ok + `No server of the mail network is known: .*\n`)
	b.quit()
}

// TestNoPackages has a profile in which the packages of others cannot be kept:
// people are reached without them, a node has nothing to do.
func TestNoPackages(t *testing.T) {
	t.Parallel()
	h, args := nodeHome(t)
	h.run("id").ok(`.*`)
	db := filepath.Join(h.dir, "parcels.db")
	if err := os.WriteFile(db, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(db+".damaged", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.run(args...).fails(1, `open .*parcels\.db: set the damaged file aside: .*`, "")
	r := h.run("doctor", "--lan=false")
	if r.code != 1 || !regexp.MustCompile(`broken Packages of the mail network cannot be held: .*parcels\.db.*\n       hint: .*\n`).MatchString(r.out) {
		t.Errorf("doctor: exit code %d, %s%s", r.code, r.out, r.stderr)
	}
	a := h.start("--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0")
	a.await("word of it", func(l line) bool {
		return l.Kind == "error" && strings.Contains(l.Text, "packages for others cannot be held: ")
	})
	a.awaitNet("a client", func(l line) bool { return l.DHT.Mode == "client" && l.DHT.Problem != "" })
	a.quit()

	if err := os.RemoveAll(db + ".damaged"); err != nil {
		t.Fatal(err)
	}
	a = h.start("--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0")
	a.await("word of it", func(l line) bool {
		return l.Kind == "info" && strings.Contains(l.Text, "packages held for others are lost: ")
	})
	a.awaitNet("a node", func(l line) bool { return l.DHT.Mode == "auto" && l.DHT.Problem == "" })
	a.quit()
}
