package cli_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// twoNetworks is a lab with ann and carol on one network, bob on another, and
// a router between.
func twoNetworks(t *testing.T) *netns.Lab {
	return netns.NewWith(t, 3, netns.Options{Split: []int{0, 0, 1}})
}

// address returns the multiaddr of a that others dial, of the family of prefix.
func (a *app) address(prefix string) string {
	a.t.Helper()
	addrs := a.await("ready", func(l line) bool { return l.Kind == "ready" }).Addrs
	i := slices.IndexFunc(addrs, func(s string) bool { return strings.HasPrefix(s, prefix) })
	if i < 0 {
		a.t.Fatalf("%s has no address %s among %q", a.name, prefix, addrs)
	}
	return addrs[i]
}

func (a *app) awaitInfo(n int, words string) line {
	a.t.Helper()
	return a.awaitFrom(n, words, func(l line) bool { return l.Kind == "info" && strings.Contains(l.Text, words) })
}

// awaitDelivered waits until the message with that text, written after mark n,
// is delivered.
func (a *app) awaitDelivered(text string) {
	a.t.Helper()
	id := a.await("sent "+text, func(l line) bool { return l.Kind == "sent" && l.Text == text }).ID
	a.await(text+" delivered", func(l line) bool { return l.Kind == "state" && l.ID == id && l.State == "delivered" })
}

// friendsElsewhere adds, accepts, verifies and blocks over a router.
func friendsElsewhere(t *testing.T, bin string) {
	lab := twoNetworks(t)
	annHome := newHome(t, bin, lab.Host(0), "ann")
	ann, bob := annHome.start(), newHome(t, bin, lab.Host(2), "bob").start()
	ann.say("/add "+bob.address("/ip4/10.79.1."), "/msg "+bob.peer()+" hello over there")
	ann.awaitInfo(0, "has not accepted you yet")
	request := bob.await("a request", func(l line) bool { return l.Kind == "request" })
	if request.Peer != ann.peer() || request.Name != "ann" {
		t.Errorf("request of %+v", request)
	}
	if lines, _ := bob.printed(); slices.ContainsFunc(lines, func(l line) bool { return l.Kind == "message" }) {
		t.Error("bob reads a message of somebody whom he has not accepted")
	}
	bob.say("/accept ann")
	if l := bob.awaitText("hello over there"); l.Path != "direct" || l.From != ann.peer() {
		t.Errorf("bob got %+v", l)
	}
	ann.awaitDelivered("hello over there")
	bob.say("/msg ann hello yourself")
	ann.awaitText("hello yourself")

	// The same sixty digits on both sides.
	digits := regexp.MustCompile(`(\d{5} ){11}\d{5}`)
	ann.say("/msg bob", "/verify")
	bob.say("/verify ann")
	here, there := digits.FindString(ann.awaitInfo(0, "safety number").Text), digits.FindString(bob.awaitInfo(0, "safety number").Text)
	if here == "" || here != there {
		t.Errorf("safety numbers %q and %q", here, there)
	}
	ann.say("/verify done")
	ann.awaitInfo(0, "is verified")
	if out, err := annHome.command("peers", "--json").Output(); err != nil || !strings.Contains(string(out), `"standing":"accepted","verified":true`) {
		t.Errorf("dione peers: %s, %v", out, err)
	}

	bob.say("/block ann")
	bob.awaitInfo(0, "is blocked")
	ann.say("/msg bob are you angry?")
	ann.await("sent", func(l line) bool { return l.Kind == "sent" && l.Text == "are you angry?" })
	n := bob.mark()
	bob.say("/unblock ann")
	bob.awaitFrom(n, "what ann wrote meanwhile", func(l line) bool { return l.Kind == "message" && l.Text == "are you angry?" })
	ann.awaitDelivered("are you angry?")

	// Whoever comes back is found again, by the address.
	n = bob.mark()
	ann.kill()
	bob.awaitFrom(n, "ann gone", func(l line) bool { return l.Kind == "gone" })
	bob.say("/msg ann come back")
	ann = annHome.start()
	ann.awaitText("come back")
	bob.awaitDelivered("come back")
	ann.quit()
	bob.quit()
}

// invited uses an invitation on the command line, over IPv6, twice.
func invited(t *testing.T, bin string) {
	lab := twoNetworks(t)
	bobHome, carolHome := newHome(t, bin, lab.Host(2), "bob"), newHome(t, bin, lab.Host(1), "carol")
	bob := bobHome.start("--listen", "/ip6/"+lab.Host(2).Addr6(1).String()+"/tcp/4001")
	out, err := bobHome.command("invite", "--json").Output()
	if err != nil {
		t.Fatalf("dione invite: %v", err)
	}
	text := parseLine(t, string(out)).Invitation
	if !strings.HasPrefix(text, "dione:") {
		t.Fatalf("invitation %q", out)
	}
	// carol adds without a dione running: it dials for as long as that takes.
	got, err := carolHome.command("add", text, "--as", "bobby", "--name", "carol").Output()
	if err != nil || !strings.Contains(string(got), "bobby") || !strings.Contains(string(got), "connected (direct)") || strings.Contains(string(got), "not accepted") {
		t.Errorf("dione add: %s, %v", got, err)
	}
	carol := carolHome.start()
	carol.awaitNear("bobby")
	carol.say("/msg bobby thank you")
	bob.awaitText("thank you")
	carol.awaitDelivered("thank you")
	if lines, _ := bob.printed(); slices.ContainsFunc(lines, func(l line) bool { return l.Kind == "request" }) {
		t.Error("bob is asked about somebody whom he has invited")
	}
	// The second one is a stranger.
	ann := newHome(t, bin, lab.Host(0), "ann").start()
	ann.say("/add " + text)
	bob.await("a request of ann", func(l line) bool { return l.Kind == "request" && l.Peer == ann.peer() })
	bob.say("/add " + text)
	bob.await("an error", func(l line) bool { return l.Kind == "error" && strings.Contains(l.Text, "your own invitation") })
	for _, a := range []*app{ann, bob, carol} {
		a.quit()
	}
}

// killInSetUp kills either side at any instant while a session is set up:
// whatever was committed by then, they talk in the end.
func killInSetUp(t *testing.T, bin string) {
	lab := twoNetworks(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for round := range 8 {
		annHome, bobHome := newHome(t, bin, lab.Host(0), "ann"), newHome(t, bin, lab.Host(2), "bob")
		listen := []string{"--listen", "/ip4/" + lab.Host(2).Addr4(1).String() + "/tcp/4001"}
		ann, bob := annHome.start(), bobHome.start(listen...)
		ann.say("/add "+bob.address("/ip4/"), "/msg "+bob.peer()+" one")
		ann.await("sent", func(l line) bool { return l.Kind == "sent" })
		if round%2 == 0 {
			// Everything but the user's word is there already.
			bob.await("a request", func(l line) bool { return l.Kind == "request" })
			bob.say("/accept "+ann.peer(), "/msg "+ann.peer()+" two")
		}
		pause(time.Duration(random.IntN(60)) * time.Millisecond)
		if round%4 < 2 {
			ann.kill()
			ann = annHome.start()
		} else {
			bob.kill()
			bob = bobHome.start(listen...)
		}
		pause(time.Duration(random.IntN(60)) * time.Millisecond)
		bob.kill()
		bob = bobHome.start(listen...)
		bob.say("/add "+ann.address("/ip4/"), "/msg "+ann.peer()+" three")
		ann.awaitText("three")
		ann.say("/msg " + bob.peer() + " four")
		bob.awaitText("four")
		ann.awaitDelivered("four")
		ann.quit()
		bob.quit()
		if got := historyTexts(t, bobHome, ann.peer()); !slices.Contains(got, "one") || !slices.Contains(got, "four") || len(got) != len(slices.Compact(slices.Sorted(slices.Values(got)))) {
			t.Errorf("round %d: bob's history is %q", round, got)
		}
	}
}

// pause lets the programs run for a moment: the instant at which they are
// killed is what is random here, nothing is waited for.
func pause(d time.Duration) { <-time.After(d) }
