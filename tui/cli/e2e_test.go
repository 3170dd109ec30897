package cli_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// TestEndToEnd builds the program and runs it on several hosts of one network.
func TestEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	bin := build(t)
	for _, tt := range []struct {
		name string
		run  func(*testing.T, string)
	}{
		{"room and private chat", roomAndPrivateChat},
		{"leave, kill and return", leaveKillReturn},
		{"kill -9 in a burst", killInBurst},
		{"cable pulled", cablePulled},
		{"same host without a network", sameHost},
		{"one family", oneFamily},
		{"signals", signals},
		{"full disk", fullDisk},
		{"bad homes", badHomes},
		{"friends elsewhere", friendsElsewhere},
		{"invited", invited},
		{"kill -9 in set-up", killInSetUp},
		{"backup and restore", backUpAndRestore},
		{"mail", mail},
		{"mail on a LAN", mailOnLAN},
		{"nodes come and go", nodesComeAndGo},
		{"small networks", smallNetworks},
		{"behind routers", behindRouters},
		{"chats only", chatsOnly},
		{"screens in tmux", screens},
		{"friends in tmux", friendsOnScreen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, bin) })
	}
}

func roomAndPrivateChat(t *testing.T, bin string) {
	lab := netns.New(t, 3)
	ann := newHome(t, bin, lab.Host(0), "ann").start()
	bob := newHome(t, bin, lab.Host(1), "bob").start()
	eve := newHome(t, bin, lab.Host(2), "eve").start()
	for _, a := range []*app{ann, bob, eve} {
		for _, other := range []*app{ann, bob, eve} {
			if other != a {
				if l := a.awaitNear(other.name); l.Path != "lan" || l.Peer != other.peer() {
					t.Errorf("%s: %s is near by %q as %s", a.name, other.name, l.Path, l.Peer)
				}
			}
		}
	}
	ann.say("hello room")
	for _, a := range []*app{bob, eve} {
		if l := a.awaitText("hello room"); l.Conversation != "#lan" || l.From != ann.peer() || l.Name != "ann" {
			t.Errorf("%s got %+v", a.name, l)
		}
	}
	ann.await("delivered to both", func(l line) bool {
		return l.Kind == "state" && l.State == "delivered" && l.Stored == 2 && l.Replicas == 2
	})

	bob.say("/msg ann", "first line", "/msg #lan", "back in the room")
	if l := ann.awaitText("first line"); l.Conversation != bob.peer() || l.Path != "lan" {
		t.Errorf("ann got %+v", l)
	}
	eve.awaitText("back in the room")
	lines, _ := eve.printed()
	if slices.ContainsFunc(lines, func(l line) bool { return l.Text == "first line" }) {
		t.Error("eve reads a private chat of others")
	}
	for _, a := range []*app{ann, bob, eve} {
		a.quit()
	}
}

func leaveKillReturn(t *testing.T, bin string) {
	lab := netns.New(t, 2)
	ann := newHome(t, bin, lab.Host(0), "ann").start()
	bobHome := newHome(t, bin, lab.Host(1), "bob")
	gone := func(l line) bool { return l.Kind == "gone" && l.Name == "bob" }
	near := func(l line) bool { return l.Kind == "near" && l.Name == "bob" }

	bob := bobHome.start()
	ann.awaitNear("bob")
	n := ann.mark()
	bob.quit()
	ann.awaitFrom(n, "bob gone after leaving", gone)

	n = ann.mark()
	bob = bobHome.start()
	ann.awaitFrom(n, "bob back", near)
	n = ann.mark()
	bob.kill()
	ann.awaitFrom(n, "bob gone after kill -9", gone)

	n = ann.mark()
	bob = bobHome.start()
	ann.awaitFrom(n, "bob back after kill -9", near)
	bob.awaitNear("ann")
	second := bobHome.command("--plain")
	out, err := second.CombinedOutput()
	if err == nil || second.ProcessState.ExitCode() != 4 || !strings.Contains(string(out), "hint:") {
		t.Errorf("second process on one profile: %v, %s", err, out)
	}
	bob.quit()
	ann.quit()
}

// oneFamily meets on networks that have IPv4 or IPv6 only, and on two LANs at
// a time.
func oneFamily(t *testing.T, bin string) {
	for _, tt := range []struct {
		name string
		opts netns.Options
	}{
		{"IPv4 only", netns.Options{NoIPv6: true}},
		{"IPv6 only", netns.Options{NoIPv4: true}},
		{"two LANs", netns.Options{LANs: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lab := netns.NewWith(t, 2, tt.opts)
			ann := newHome(t, bin, lab.Host(0), "ann").start()
			bob := newHome(t, bin, lab.Host(1), "bob").start()
			ann.awaitNear("bob")
			bob.awaitNear("ann")
			ann.say("/msg bob hello")
			bob.awaitText("hello")
			ann.quit()
			bob.quit()
		})
	}
}

// killInBurst kills both sides again and again while ann writes a thousand
// private messages: what she was told is sent arrives once and in order.
func killInBurst(t *testing.T, bin string) {
	lab := netns.New(t, 2)
	annHome := newHome(t, bin, lab.Host(0), "ann")
	bobHome := newHome(t, bin, lab.Host(1), "bob")
	ann, bob := annHome.start(), bobHome.start()
	ann.awaitNear("bob")
	bobID := bob.peer()

	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	var sent []string
	const rounds, each = 5, 200
	for round := range rounds {
		text := func(i int) string { return fmt.Sprintf("%04d", round*each+i) }
		ann.say("/msg " + bobID)
		for i := range each {
			ann.say(text(i))
		}
		victim := []*app{ann, bob}[round%2]
		if round%2 == 0 {
			after := text(random.IntN(each))
			ann.await("sent "+after, func(l line) bool { return l.Kind == "sent" && l.Text == after })
		} else {
			bob.await("a message of the burst", func(l line) bool { return l.Kind == "message" && l.Text >= text(0) })
		}
		victim.kill()
		if victim == ann {
			lines, _ := ann.printed()
			sent = append(sent, sentTexts(lines)...)
			ann = annHome.start()
		} else {
			bob = bobHome.start()
		}
		ann.awaitNear("bob")
	}
	lines, _ := ann.printed()
	sent = append(sent, sentTexts(lines)...)
	ann.say("/msg "+bobID, "the end")
	bob.awaitText("the end")
	ann.await("the end sent", func(l line) bool { return l.Kind == "sent" && l.Text == "the end" })
	sent = append(sent, "the end")
	ann.quit()
	bob.quit()

	got := historyTexts(t, bobHome, ann.peer())
	missing := 0
	for _, text := range sent {
		if !slices.Contains(got, text) {
			missing++
		}
	}
	if missing > 0 || !slices.IsSorted(got) {
		t.Errorf("%d of %d sent messages are missing; in order: %v", missing, len(sent), slices.IsSorted(got))
	}
	if dup := len(got) - len(slices.Compact(slices.Clone(got))); dup > 0 {
		t.Errorf("%d messages came twice", dup)
	}
}

func sentTexts(lines []line) (texts []string) {
	for _, l := range lines {
		if l.Kind == "sent" {
			texts = append(texts, l.Text)
		}
	}
	return texts
}

// cablePulled takes bob's cable away and puts it back: ann sees him leave,
// what she writes meanwhile waits, and arrives when he is back.
func cablePulled(t *testing.T, bin string) {
	lab := netns.New(t, 2)
	ann := newHome(t, bin, lab.Host(0), "ann").start()
	bob := newHome(t, bin, lab.Host(1), "bob").start()
	ann.awaitNear("bob")
	bob.awaitNear("ann")
	n := ann.mark()
	lab.Host(1).LinkDown()
	ann.awaitFrom(n, "bob gone", func(l line) bool { return l.Kind == "gone" && l.Name == "bob" })
	ann.say("/msg bob are you there?")
	id := ann.await("sent", func(l line) bool { return l.Kind == "sent" && l.Text == "are you there?" }).ID
	n = ann.mark()
	lab.Host(1).LinkUp()
	ann.awaitFrom(n, "bob back", func(l line) bool { return l.Kind == "near" && l.Name == "bob" })
	bob.awaitText("are you there?")
	ann.await("delivered", func(l line) bool { return l.Kind == "state" && l.ID == id && l.State == "delivered" })
	ann.quit()
	bob.quit()
}

// sameHost is everybody's first try: two terminals on one machine, here one
// that has no network at all.
func sameHost(t *testing.T, bin string) {
	lab := netns.New(t, 1)
	host := lab.Host(0)
	host.LinkDown()
	annHome, bobHome := newHome(t, bin, host, "ann"), newHome(t, bin, host, "bob")
	bobHome.env = annHome.env // one user: one home, one runtime directory
	ann, bob := annHome.start(), bobHome.start()
	ann.awaitNear("bob")
	bob.awaitNear("ann")
	bob.say("/msg ann psst")
	ann.awaitText("psst")
	ann.quit()
	bob.quit()
}

func signals(t *testing.T, bin string) {
	lab := netns.New(t, 1)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		h := newHome(t, bin, lab.Host(0), "ann")
		a := h.start()
		a.say("last words")
		a.await("sent", func(l line) bool { return l.Kind == "sent" })
		if err := a.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		a.awaitExit(0)
		if got := historyTexts(t, h, "#lan"); !slices.Equal(got, []string{"last words"}) {
			t.Errorf("%v: the history is %q", sig, got)
		}
	}
}

// historyTexts asks the program for a conversation, oldest first.
func historyTexts(t *testing.T, h *home, peer string) []string {
	t.Helper()
	cmd := h.command("history", peer, "--json", "-n", "100000")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dione history %s: %v", peer, err)
	}
	var texts []string
	for s := range strings.Lines(string(out)) {
		texts = append(texts, parseLine(t, s).Text)
	}
	return texts
}
