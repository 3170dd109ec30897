package messenger

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/multiformats/go-multiaddr"

	"dione/net/address"
	"dione/net/node"
	"dione/store"
)

const mailNetwork = "mail"

// startNodes runs n nodes of the DHT on loopback, each at an address of its
// own, until the test ends. It returns where the first is reached.
func startNodes(t testing.TB, n int) (seed string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	for i := range n {
		l, err := node.Listen(ctx, []multiaddr.Multiaddr{multiaddr.StringCast(fmt.Sprintf("/ip4/127.9.%d.1/tcp/0", i+1))})
		if err != nil {
			t.Fatal(err)
		}
		d, closeAll := openNode(t, t.TempDir(), seed)
		wg.Go(func() {
			if err := d.RunAlone(ctx, l); err != nil {
				t.Errorf("node: %v", err)
			}
			closeAll()
		})
		if _, err := d.DHT(ctx); err != nil {
			t.Fatal(err)
		}
		if st, _ := d.State(); i == 0 {
			seed = address.Format(l.Addrs()[0], st.ID)
		}
	}
	return seed
}

// openNode makes a node on a new profile in dir.
func openNode(t testing.TB, dir, seed string) (d *node.Node, closeAll func()) {
	t.Helper()
	profile, err := store.OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := profile.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	parcels, err := store.OpenParcels(t.Context(), profile, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := node.Config{Network: mailNetwork, Parcels: parcels}
	if seed != "" {
		cfg.Seeds = []string{seed}
	}
	if d, err = node.New(cfg); err != nil {
		t.Fatal(err)
	}
	return d, func() {
		if err := parcels.Close(); err != nil {
			t.Error(err)
		}
		if err := profile.Close(); err != nil {
			t.Error(err)
		}
	}
}

// mailer starts an engine that takes part in the network of seed, at another
// address each time: who has met it before does not reach it.
func mailer(t testing.TB, dir, name, seed string, run int) *engine {
	t.Helper()
	return startEngineWith(t, dir, name, func(cfg *Config) (closeMore func()) {
		cfg.Network = mailNetwork
		cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast(fmt.Sprintf("/ip4/127.8.%d.%d/tcp/0", len(name), run))}
		nodeDir := t.TempDir()
		d, closeAll := openNode(t, nodeDir, seed)
		cfg.Node = d
		return closeAll
	})
}

// acquaint has a and b meet and set up a session.
func acquaint(a, b *engine) {
	a.t.Helper()
	meet(a, b)
	sent := a.send(chatWith(b), "hello")
	a.awaitState(sent.ID, StateDelivered)
}

// apart are two who have met, and do not reach each other any more.
func apart(t testing.TB, seed string) (ann, bob *engine) {
	annDir, bobDir := t.TempDir(), t.TempDir()
	ann, bob = mailer(t, annDir, "ann", seed, 1), mailer(t, bobDir, "bobby", seed, 1)
	acquaint(ann, bob)
	ann.stop()
	bob.stop()
	return mailer(t, annDir, "ann", seed, 2), mailer(t, bobDir, "bobby", seed, 2)
}

// BenchmarkMail measures what people wait for who are both up, and do not
// reach each other but through 30 nodes: until a message is stored, and until
// the other side shows it. One of them is 10 contacts' worth of mail away.
func BenchmarkMail(b *testing.B) {
	seed := startNodes(b, 30)
	ann, bob := apart(b, seed)
	warm := ann.send(chatWith(bob), "warm")
	ann.awaitState(warm.ID, StateDelivered)
	var stored, shown, delivered []time.Duration
	for i := 0; b.Loop(); i++ {
		text := fmt.Sprint("mail ", i)
		start := time.Now()
		sent := ann.send(chatWith(bob), text)
		ann.awaitState(sent.ID, StateStored)
		stored = append(stored, time.Since(start))
		bob.awaitText(text)
		shown = append(shown, time.Since(start))
		ann.awaitState(sent.ID, StateDelivered)
		delivered = append(delivered, time.Since(start))
	}
	for unit, d := range map[string][]time.Duration{"ms-stored": stored, "ms-shown": shown, "ms-delivered": delivered} {
		b.ReportMetric(float64(median(d).Microseconds())/1000, unit)
	}
}

// BenchmarkReturn measures the start of somebody who was away while 10 people
// wrote: until all of it is there.
func BenchmarkReturn(b *testing.B) {
	const people = 10
	seed := startNodes(b, 30)
	bobDir := b.TempDir()
	bob := mailer(b, bobDir, "bobby", seed, 1)
	var all []*engine
	var dirs []string
	for i := range people {
		dir := b.TempDir()
		dirs = append(dirs, dir)
		all = append(all, mailer(b, dir, fmt.Sprintf("%0*d", 10+i, i), seed, 1))
		acquaint(all[i], bob)
	}
	run := 1
	var back []time.Duration
	for i := 0; b.Loop(); i++ {
		bob.stop()
		for j, e := range all {
			sent := e.send(chatWith(bob), fmt.Sprint("mail ", i, " of ", j))
			e.awaitState(sent.ID, StateStored)
			e.stop()
		}
		run++
		start := time.Now()
		bob = mailer(b, bobDir, "bobby", seed, run)
		for j := range all {
			bob.awaitText(fmt.Sprint("mail ", i, " of ", j))
		}
		back = append(back, time.Since(start))
		for j := range all {
			all[j] = mailer(b, dirs[j], all[j].name, seed, run)
		}
	}
	b.ReportMetric(float64(median(back).Microseconds())/1000, "ms-back")
}
