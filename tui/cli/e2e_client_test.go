package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/node"
	"dione/net/sim/netns"
)

// beClient makes the test binary a program that puts and gets packages, so
// that one can run in each host.
const beClient = "TEST_BINARY_IS_CLIENT"

// places is at how many locations each package lies, as mail does.
const places = 3

// runClient carries out what stdin says: "put A B" and "get A B" for the
// packages from A to B, "servers" for how many are known. It prints an object
// a command.
func runClient() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	n, err := node.New(node.Config{Network: mailNetwork, Mode: node.Client, Seeds: os.Args[1:]})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Run(ctx, nil) })
	d, err := n.DHT(ctx)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(line{Kind: "ready"}); err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var what string
		var from, to int
		_, _ = fmt.Sscan(in.Text(), &what, &from, &to) // servers has no numbers
		l := line{Kind: what, ID: strings.Join(strings.Fields(in.Text())[1:], " ")}
		switch what {
		case "put":
			l.Stored, l.Replicas, l.Reason = putMail(ctx, d, from, to)
		case "get":
			l.Stored, l.Replicas, l.Reason = getMail(ctx, d, from, to)
		case "servers":
			st := d.Stats()
			l.Stored, l.Replicas = st.Servers[dht.Wide], st.Servers[dht.Near]
		}
		if err := out.Encode(l); err != nil {
			return err
		}
	}
	cancel()
	return g.Wait()
}

// somePackage returns package i as it lies at one of its places.
func somePackage(i, place int) (at dht.Key, b []byte, hint dht.Hint) {
	var seed parcel.Seed
	binary.BigEndian.PutUint64(seed[:], uint64(i))
	at = dht.KeyOf(identity.ID{byte(place), byte(i), byte(i >> 8)})
	core := parcel.Core{byte(i), byte(i >> 8)}
	whole := parcel.Seal(&core, seed, at, uint32(time.Now().Unix()/3600)+24)
	return at, whole[:], seed.Address().Hint()
}

// atATime is how many packages a client puts or gets at a time.
const atATime = 8

// putMail puts packages in both scopes. It returns how many holders the worst
// of all places has, how many it could have, and the last error.
func putMail(ctx context.Context, d *dht.Node, from, to int) (worst, most int, reason string) {
	var mu sync.Mutex
	worst = int(^uint(0) >> 1)
	var g errgroup.Group
	g.SetLimit(atATime)
	for i := from; i < to; i++ {
		for place := range places {
			g.Go(func() error {
				at, b, _ := somePackage(i, place)
				holders := 0
				var errs error
				for s := range dht.Scopes {
					p, err := d.Put(ctx, s, at, b)
					errs = errors.Join(errs, err)
					if len(p.Holders) > 0 {
						holders += p.Holders[0]
					}
				}
				mu.Lock()
				defer mu.Unlock()
				worst, most = min(worst, holders), max(most, holders)
				if holders == 0 {
					reason = errs.Error()
				}
				return nil
			})
		}
	}
	_ = g.Wait() // none of them fails
	return worst, most, reason
}

// getMail looks for packages, at one place after the other. It returns how
// many were found, and how many of those at the first place.
func getMail(ctx context.Context, d *dht.Node, from, to int) (found, first int, reason string) {
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(atATime)
	for i := from; i < to; i++ {
		g.Go(func() error {
			for try := range 2 * places { // the second time with more paths
				at, b, hint := somePackage(i, try%places)
				for s := range dht.Scopes {
					got, err := d.Get(ctx, s, at, dht.ForReading(1+3*(try/places)), []dht.Hint{hint}, dht.Replicas)
					mu.Lock()
					if err != nil {
						reason = err.Error()
					}
					if p := got.Packages[hint]; len(p) == len(b) && bytes.Equal(p[len(p)-parcel.CoreSize:], b[len(b)-parcel.CoreSize:]) {
						if found++; try == 0 {
							first++
						}
						mu.Unlock()
						return nil
					}
					mu.Unlock()
				}
			}
			return nil
		})
	}
	_ = g.Wait() // none of them fails
	return found, first, reason
}

// client is a running test client.
type client struct {
	*app
}

// startClient runs a client in a host.
func startClient(t *testing.T, host *netns.Host, seeds ...string) *client {
	t.Helper()
	h := newHome(t, os.Args[0], host, "client")
	cmd := host.Command(os.Args[0], seeds...)
	cmd.Env = append(h.env, beClient+"=1")
	c := &client{app: h.launch(cmd)}
	c.await("ready", func(l line) bool { return l.Kind == "ready" })
	return c
}

// ask has the client do something and waits for the answer.
func (c *client) ask(what string, args ...int) line {
	c.t.Helper()
	n := c.mark()
	words := []string{what}
	for _, a := range args {
		words = append(words, strconv.Itoa(a))
	}
	c.say(strings.Join(words, " "))
	return c.awaitFrom(n, strings.Join(words, " "), func(l line) bool { return l.Kind == what })
}

// awaitServers waits until the client knows so many servers of a scope.
func (c *client) awaitServers(s dht.Scope, n int) {
	c.t.Helper()
	const patience = 3 * patience // who does not answer at once on a busy machine is not asked again at once
	for deadline := time.Now().Add(patience); ; pause(50 * time.Millisecond) {
		l := c.ask("servers")
		got := []int{l.Stored, l.Replicas}[s]
		if got >= n {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the client knows %d %s servers after %v, want %d; stderr: %s", got, s, patience, n, c.stderr.String())
		}
	}
}

// mustPut puts packages and wants so many holders of each.
func (c *client) mustPut(from, to, holders int) {
	c.t.Helper()
	if l := c.ask("put", from, to); l.Stored != holders {
		c.t.Errorf("put %d to %d: %d holders, at best %d, want %d; %s", from, to, l.Stored, l.Replicas, holders, l.Reason)
	}
}

// awaitHolders puts packages, a few, until each has so many holders. Each try
// is counted by the nodes, so there are not many a second.
func (c *client) awaitHolders(from, to, holders int) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; pause(400 * time.Millisecond) {
		l := c.ask("put", from, to)
		if l.Stored == holders {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("put %d to %d: %d holders after %v, want %d; %s", from, to, l.Stored, patience, holders, l.Reason)
		}
	}
}

// mustGet gets packages.
func (c *client) mustGet(from, to int) {
	c.t.Helper()
	start := time.Now()
	l := c.ask("get", from, to)
	if l.Stored != to-from {
		c.t.Errorf("get %d to %d: %d are found; %s", from, to, l.Stored, l.Reason)
	}
	c.t.Logf("get %d to %d: %d at the first place, %v", from, to, l.Replicas, time.Since(start).Round(time.Millisecond))
}
