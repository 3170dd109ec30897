package cli_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// internet is some public nodes and two homes behind routers, from which
// nobody can be reached.
type internet struct {
	lab   *netns.Lab
	nodes []*exec.Cmd
	seeds []string // arguments that begin with some of the nodes

	ann, visit, bob *netns.Host // where ann lives, where bob is when he visits her, and where he lives
}

const (
	publicNodes = 20
	needed      = "24" // holders that a package has where there are enough nodes
)

func newInternet(t *testing.T, bin string) *internet {
	if _, err := exec.LookPath("nft"); err != nil && os.Getenv(netns.Require) == "" {
		t.Skip("the program nft (nftables) is missing")
	}
	at := append(make([]int, publicNodes), 1, 1, 2)
	lab := netns.NewWith(t, len(at), netns.Options{Internet: true, Split: at})
	net := &internet{lab: lab, ann: lab.Host(publicNodes), visit: lab.Host(publicNodes + 1), bob: lab.Host(publicNodes + 2)}
	for i := range publicNodes {
		addr := "/ip4/" + lab.Host(i).Addr4(0).String() + "/tcp/4001"
		printed := startNode(t, net, newHome(t, bin, lab.Host(i), "node"), addr)
		if i < 2 { // the others begin with these
			l := parseLine(t, readLine(t, printed))
			net.seeds = append(net.seeds, "--seed", addr+"/p2p/"+l.Peer)
		}
	}
	return net
}

// startNode runs a node until the test ends.
func startNode(t *testing.T, net *internet, h *home, listen string) *bufio.Reader {
	t.Helper()
	cmd := h.command(append([]string{"node", "--json", "--network", "story", "--listen", listen}, net.seeds...)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endNode(cmd) })
	net.nodes = append(net.nodes, cmd)
	return bufio.NewReader(out)
}

func readLine(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("a node ended before it listened: %v", err)
	}
	return s
}

// endNode ends a node without a chance to tidy up.
func endNode(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // what killed it is known
}

// start runs the program of h and waits until it knows so many servers.
func (net *internet) start(h *home, servers int) *app {
	h.t.Helper()
	a := h.start(append([]string{"--network", "story"}, net.seeds...)...)
	a.awaitNet("servers", func(l line) bool { return l.DHT.Servers >= servers })
	return a
}

// friends makes the profiles of ann and bob, who have met once, when bob was
// at ann's.
func (net *internet) friends(t *testing.T, bin string) (ann, bob *home) {
	ann, bob = newHome(t, bin, net.ann, "ann"), newHome(t, bin, net.visit, "bob")
	a, b := net.start(ann, 0), net.start(bob, 0)
	a.awaitNear("bob")
	b.awaitNear("ann")
	a.say("/add " + b.peer())
	b.say("/add " + a.peer())
	a.say("/msg bob see you")
	b.awaitText("see you")
	b.say("/msg ann bye")
	a.awaitText("bye")
	a.awaitDelivered("see you")
	b.awaitDelivered("bye")
	b.quit()
	a.quit()
	bob.host = net.bob
	return ann, bob
}

// write sends messages to somebody and returns the ids.
func (a *app) write(to string, texts ...string) (ids []string) {
	a.t.Helper()
	for _, text := range texts {
		a.say("/msg " + to + " " + text)
		ids = append(ids, a.await("sent "+text, func(l line) bool { return l.Kind == "sent" && l.Text == text }).ID)
	}
	return ids
}

func (a *app) awaitState(state string, ids ...string) (last line) {
	a.t.Helper()
	for _, id := range ids {
		last = a.await("message "+id+" "+state, func(l line) bool { return l.Kind == "state" && l.ID == id && l.State == state })
	}
	return last
}

// awaitMail waits for messages that have to come by the mailbox, once and in
// this order.
func (a *app) awaitMail(texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		if l := a.awaitText(text); l.Path != "mailbox" {
			a.t.Errorf("%s: %q came by %q", a.name, text, l.Path)
		}
	}
	lines, _ := a.printed()
	var got []string
	for _, l := range lines {
		if l.Kind == "message" && slices.Contains(texts, l.Text) {
			got = append(got, l.Text)
		}
	}
	if !slices.Equal(got, texts) {
		a.t.Errorf("%s got %q, want %q", a.name, got, texts)
	}
}

// mail is what the program is for: two who are never online together write to
// each other.
func mail(t *testing.T, bin string) {
	net := newInternet(t, bin)
	t.Run("story", func(t *testing.T) { net.story(t, bin) })
	t.Run("kill -9", func(t *testing.T) { net.killed(t, bin) })
	t.Run("half of the nodes are gone", func(t *testing.T) { net.halved(t, bin) })
}

func (net *internet) story(t *testing.T, bin string) {
	annHome, bobHome := net.friends(t, bin)
	first := []string{"are you asleep?", "it can wait" + strings.Repeat(", very long", 300), "call me"}
	ann := net.start(annHome, publicNodes/2)
	ids := ann.write("bob", first...)
	for _, id := range ids {
		l := ann.awaitState("stored", id)
		if l.Stored < 3 || l.Stored > l.Replicas || strconv.Itoa(l.Replicas) != needed {
			t.Errorf("message %s is stored %d/%d, want …/%s", id, l.Stored, l.Replicas, needed)
		}
	}
	ann.quit()

	bob := net.start(bobHome, publicNodes/2)
	bob.awaitMail(first...)
	answer := bob.write("ann", "I was asleep")
	bob.awaitState("stored", answer...)
	bob.quit()

	ann = net.start(annHome, 0)
	ann.awaitState("delivered", ids...)
	ann.awaitMail("I was asleep")
	again := ann.write("bob", "good")
	ann.awaitState("stored", again...)
	ann.quit()

	bob = net.start(bobHome, 0)
	bob.awaitState("delivered", answer...)
	bob.awaitMail("good")
	bob.quit()
	want := append(append([]string{"see you", "bye"}, first...), "I was asleep", "good")
	for _, h := range []*home{annHome, bobHome} {
		peer := map[*home]string{annHome: "bob", bobHome: "ann"}[h]
		if got := historyTexts(t, h, peer); !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", h.name, got, want)
		}
	}
}

// killed has either side killed at any instant while the other is away: what
// somebody was told is sent arrives once and in order.
func (net *internet) killed(t *testing.T, bin string) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	homes := [2]*home{}
	homes[0], homes[1] = net.friends(t, bin)
	var sent [2][]string
	for round := range 4 {
		i := round % 2
		a := net.start(homes[i], 3)
		for j := range 1 + random.IntN(3) {
			text := fmt.Sprintf("%s %02d%d", homes[i].name, round, j)
			a.write(homes[1-i].name, text)
			sent[i] = append(sent[i], text)
		}
		pause(time.Duration(random.IntN(5000)) * time.Millisecond) // around the put, and what it finds
		a.kill()
	}
	for round := range 3 { // without being killed each has all of it in the end
		i := round % 2
		has := historyTexts(t, homes[i], homes[1-i].name)
		a := net.start(homes[i], 3)
		if round > 0 {
			for _, text := range sent[1-i] {
				if !slices.Contains(has, text) {
					a.awaitText(text)
				}
			}
		}
		if round < 2 {
			end := homes[i].name + " end"
			a.awaitState("stored", a.write(homes[1-i].name, end)...)
			sent[i] = append(sent[i], end)
		}
		a.quit()
	}
	for i, h := range homes {
		var got []string
		for _, text := range historyTexts(t, h, homes[1-i].name) {
			if strings.HasPrefix(text, homes[1-i].name) {
				got = append(got, text)
			}
		}
		if !slices.Equal(got, sent[1-i]) {
			t.Errorf("%s has %q of %q", h.name, got, sent[1-i])
		}
	}
}

// halved loses every second node for ever after the message was stored.
func (net *internet) halved(t *testing.T, bin string) {
	annHome, bobHome := net.friends(t, bin)
	ann := net.start(annHome, publicNodes/2)
	ids := ann.write("bob", "before the flood")
	ann.awaitState("stored", ids...)
	ann.quit()
	for i, node := range net.nodes {
		if i%2 == 1 {
			endNode(node)
		}
	}
	bob := net.start(bobHome, 1)
	bob.awaitMail("before the flood")
	answer := bob.write("ann", "and after it")
	bob.awaitState("stored", answer...)
	bob.quit()
	ann = net.start(annHome, 1)
	ann.awaitState("delivered", ids...)
	ann.awaitMail("and after it")
	ann.quit()
}

// mailOnLAN has mail in an office without internet: colleagues hold it.
func mailOnLAN(t *testing.T, bin string) {
	lab := netns.NewWith(t, 5, netns.Options{})
	var homes []*home
	var apps []*app
	for i, name := range []string{"ann", "bob", "carol", "dave", "eve"} {
		homes = append(homes, newHome(t, bin, lab.Host(i), name))
		apps = append(apps, homes[i].start("--network", "office"))
	}
	ann, bob := apps[0], apps[1]
	for _, a := range apps {
		a.awaitNet("servers around", func(l line) bool { return l.DHT.Near >= 4 })
	}
	ann.say("/msg bob hello")
	bob.awaitText("hello")
	n := ann.mark()
	bob.quit()
	ann.awaitFrom(n, "bob gone", func(l line) bool { return l.Kind == "gone" && l.Name == "bob" })
	ids := ann.write("bob", "you forgot your keys", "the blue ones")
	if l := ann.awaitState("stored", ids...); l.Stored < 3 {
		t.Errorf("stored %d/%d among colleagues", l.Stored, l.Replicas)
	}
	n = apps[2].mark()
	ann.quit()
	apps[2].awaitFrom(n, "ann gone", func(l line) bool { return l.Kind == "gone" && l.Name == "ann" })
	bob = homes[1].start("--network", "office")
	bob.awaitMail("you forgot your keys", "the blue ones")
	answer := bob.write("ann", "thanks")
	bob.awaitState("stored", answer...)
	n = apps[2].mark()
	bob.quit()
	apps[2].awaitFrom(n, "bob gone", func(l line) bool { return l.Kind == "gone" && l.Name == "bob" })
	ann = homes[0].start("--network", "office")
	ann.awaitState("delivered", ids...)
	ann.awaitMail("thanks")
	for _, a := range append(apps[2:], ann) {
		a.quit()
	}
}
