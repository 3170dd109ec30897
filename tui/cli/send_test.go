//go:build unix

package cli_test

import (
	"bufio"
	"strings"
	"syscall"
	"testing"
)

// notReached are arguments of somebody who finds nobody by themselves.
var notReached = []string{"--lan=false", "--dht", "off", "--listen", "/ip4/127.0.0.1/tcp/0"}

// feed runs a command in h with an input.
func (h *home) feed(in string, args ...string) result {
	h.t.Helper()
	cmd := h.command(args...)
	var out, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		h.t.Fatal(err)
	}
	return result{h.t, "dione " + strings.Join(args, " "), out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// TestSendAndTail has scripts write and follow: with a dione that runs, and
// without one.
func TestSendAndTail(t *testing.T) {
	t.Parallel()
	annHome, bobHome := newAlone(t), newAlone(t)
	bobHome.name = "bob"
	bobHome.run("tail").fails(1, "no dione runs on this profile", "start dione, or dione --plain, which prints what comes by itself")
	annHome.run(append([]string{"send", "bob", "hi"}, notReached...)...).fails(1, `nobody known is called "bob"`, "dione peers lists the people you know")

	ann, bob := annHome.start(notReached...), bobHome.start(notReached...)
	ann.say("/add " + bob.await("ready", isReady).Addrs[0] + " as bob")
	bob.await("a request", func(l line) bool { return l.Kind == "request" })
	bob.say("/accept ann")
	ann.say("/msg bob hello")
	bob.awaitText("hello")

	follow := bobHome.command("tail", "--json")
	printed, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(printed)
	// A tail tells of what comes once it has begun: what is written until then
	// may not be in it, so it is written again.
	first := make(chan string, 1)
	go func() {
		s, _ := lines.ReadString('\n') // "" fails the test below
		first <- s
	}()
	for done := false; !done; {
		annHome.run("send", "bob", "--wait", "delivered", "psst").ok("delivered\n")
		select {
		case s := <-first:
			if l := parseLine(t, s); l.Kind != "message" || l.Text != "psst" || l.Name != "ann" || l.Path != "direct" {
				t.Errorf("tail printed %s", s)
			}
			done = true
		default:
		}
	}
	annHome.feed("two\nlines\n", "send", "bob", "--json", "--wait", "delivered").ok(
		`\{"time":".*","kind":"sent","id":"\w+",.*"text":"two\\nlines",.*\}\n(?:\{.*"state":"queued".*\}\n)?\{.*"kind":"state",.*"state":"delivered",.*\}\n`)
	for s := ""; !strings.Contains(s, `"text":"two\nlines"`); {
		if s, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if err := follow.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := follow.Wait(); err != nil {
		t.Errorf("tail ended with %v", err)
	}
	annHome.run("send", "#lan", "anybody?").fails(1, "not sent: nobody near", "the room is whoever is near now: .*")
	annHome.run("send", "bob", strings.Repeat("\x01", 16<<10), "--wait", "delivered").ok("delivered\n")

	// Bob is away: it waits, in the process that runs and without one.
	bob.quit()
	ann.await("bob gone", func(l line) bool { return l.Kind == "gone" })
	annHome.run("send", "bob", "waits", "--wait", "queued").ok("queued\n")
	annHome.run("send", "bob", "waits", "--timeout", "200ms").fails(3, "not stored within 200ms: queued", "it waits in the outbox of the dione that runs, which goes on")
	ann.quit()
	annHome.run(append([]string{"send", "bob", "from nowhere", "--timeout", "200ms"}, notReached...)...).
		fails(3, "not stored within 200ms: queued", "it waits in the outbox, and goes on when dione runs again")

	// He is back, and gets it from an engine that runs for that alone.
	bob = bobHome.start("--lan=false", "--dht", "off", "--listen", addrOf(bob))
	annHome.run(append([]string{"send", "bob", "the last one", "--wait", "delivered"}, notReached...)...).ok("delivered\n")
	bob.awaitText("from nowhere")
	bob.awaitText("the last one")
	bob.quit()
}

func isReady(l line) bool { return l.Kind == "ready" }

// addrOf returns where a listens, without its peer ID.
func addrOf(a *app) string {
	addr, _, _ := strings.Cut(a.await("ready", isReady).Addrs[0], "/p2p/")
	return addr
}
