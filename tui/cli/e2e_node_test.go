package cli_test

import (
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dione/net/dht"
	"dione/net/sim/netns"
)

// nodesComeAndGo has thirty nodes on an internet. Half of them are killed and
// replaced, and what they held is read all the same.
func nodesComeAndGo(t *testing.T, bin string) {
	const n, mails = 30, 100
	lab := netns.NewWith(t, n+2, netns.Options{Internet: true})
	nodes := make([]*app, n)
	start := func(from, to int, seed string) {
		for i := from; i < to; i++ {
			nodes[i] = newHome(t, bin, lab.Host(i), "node").startNode("--dht=server", "--seed", seed)
		}
		for i := from; i < to; i++ {
			nodes[i].nodeAt(lab.Host(i).Addr4(0))
		}
	}
	nodes[0] = newHome(t, bin, lab.Host(0), "node").startNode()
	start(1, n, nodes[0].nodeAt(lab.Host(0).Addr4(0)))
	writer := startClient(t, lab.Host(n), nodes[0].nodeAt(lab.Host(0).Addr4(0)))
	writer.awaitServers(dht.Wide, n/2)
	writer.mustPut(0, mails, dht.Replicas)

	survivor := nodes[n-1].nodeAt(lab.Host(n - 1).Addr4(0))
	for _, a := range nodes[:n/2] {
		a.kill()
	}
	start(0, n/2, survivor)
	reader := startClient(t, lab.Host(n+1), survivor)
	reader.awaitServers(dht.Wide, n/2)
	reader.mustGet(0, mails)
	writer.mustGet(0, mails)
	writer.mustPut(mails, 2*mails, dht.Replicas)
	reader.mustGet(mails, 2*mails)

	// The others leave in order: what they alone still hold they hand on.
	for i := n / 2; i < n; i++ {
		nodes[i].stopNode()
		start(i, i+1, nodes[0].nodeAt(lab.Host(0).Addr4(0)))
	}
	last := startClient(t, lab.Host(n), nodes[0].nodeAt(lab.Host(0).Addr4(0)))
	last.awaitServers(dht.Wide, n/2)
	last.mustGet(0, 2*mails)

	var all sync.WaitGroup
	for _, a := range nodes {
		all.Go(a.stopNode)
	}
	all.Wait()
}

// smallNetworks has one node on an internet, then two, three and five.
func smallNetworks(t *testing.T, bin string) {
	sizes := []int{1, 2, 3, 5}
	lab := netns.NewWith(t, 5+1, netns.Options{Internet: true})
	var nodes []*app
	var seed string
	for i, size := range sizes {
		for n := len(nodes); n < size; n++ {
			h := newHome(t, bin, lab.Host(n), "node")
			if n == 0 {
				nodes = append(nodes, h.startNode())
				seed = nodes[0].nodeAt(lab.Host(0).Addr4(0))
			} else {
				nodes = append(nodes, h.startNode("--seed", seed))
			}
		}
		writer, reader := startClient(t, lab.Host(5), seed), startClient(t, lab.Host(5), seed)
		writer.awaitHolders(3*i, 3*i+3, size)
		reader.awaitServers(dht.Wide, 1)
		reader.mustGet(0, 3*i+3)
	}
	for _, a := range nodes {
		a.stopNode()
	}
}

// behindRouters has everybody behind home routers: there is no server, and
// that is said. One that is reached is enough for all.
func behindRouters(t *testing.T, bin string) {
	lab := netns.NewWith(t, 5, netns.Options{Internet: true, Split: []int{0, 1, 1, 2, 2}})
	server := lab.Host(0)
	home := newHome(t, bin, server, "node")
	first := home.startNode("--dht=server")
	seed := first.nodeAt(server.Addr4(0))
	first.stopNode()
	hidden := []*app{
		newHome(t, bin, lab.Host(1), "node").startNode("--seed", seed),
		newHome(t, bin, lab.Host(3), "node").startNode("--seed", seed),
	}
	for i, a := range hidden {
		a.nodeAt(lab.Host(1 + 2*i).Addr4(1 + i))
	}
	writer, reader := startClient(t, lab.Host(2), seed), startClient(t, lab.Host(4), seed)
	if l := writer.ask("put", 0, 3); l.Stored != 0 || !strings.Contains(l.Reason, "no mailbox node is reachable") {
		t.Errorf("put without a server: %d holders, %q", l.Stored, l.Reason)
	}
	first = home.startNode()
	if again := first.nodeAt(server.Addr4(0)); again != seed {
		t.Errorf("the server came back as %s, and was %s", again, seed)
	}
	writer.awaitHolders(0, 3, 1)
	reader.awaitServers(dht.Wide, 1)
	reader.mustGet(0, 3)
	// A chat hears of it from another one of its network.
	ann := newHome(t, bin, lab.Host(1), "ann").start("--seed", seed)
	bob := newHome(t, bin, lab.Host(2), "bob").start()
	bob.awaitNet("a server of the internet", func(l line) bool { return l.DHT.Servers == 1 && l.DHT.Near > 0 && !l.DHT.Serves })
	ann.quit()
	bob.quit()
	for _, a := range append(hidden, first) {
		a.stopNode()
	}
}

// chatsOnly has people of a LAN that no internet is behind: they tell each
// other of their nodes, which serve each other.
func chatsOnly(t *testing.T, bin string) {
	lab := netns.NewWith(t, 3, netns.Options{NoRoute: true})
	var all []*app
	for i, name := range []string{"ann", "bob", "eve"} {
		all = append(all, newHome(t, bin, lab.Host(i), name).start())
	}
	for _, a := range all {
		a.awaitNet("two servers", func(l line) bool { return l.DHT.Near == 2 && l.DHT.ServesNear && !l.DHT.Serves })
	}
	for _, a := range all {
		a.quit()
	}
}

// awaitNet asks /net until the answer fits.
func (a *app) awaitNet(what string, fits func(line) bool) {
	a.t.Helper()
	for deadline := time.Now().Add(patience); ; pause(50 * time.Millisecond) {
		n := a.mark()
		a.say("/net")
		l := a.awaitFrom(n, "net", func(l line) bool { return l.Kind == "net" })
		if fits(l) {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%s: no %s after %v: %+v", a.name, what, patience, l.DHT)
		}
	}
}

// startNode runs dione node in h. addr returns where it is reached.
func (h *home) startNode(args ...string) *app {
	h.t.Helper()
	a := h.launch(h.command(append([]string{"node", "--json"}, args...)...))
	return a
}

// multiaddr waits for the address of a node that begins with a prefix.
func (a *app) nodeAt(addr netip.Addr) string { return a.address("/ip4/" + addr.String() + "/") }

// stopNode ends a node as a service manager does.
func (a *app) stopNode() {
	a.t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	a.awaitExit(0)
}
