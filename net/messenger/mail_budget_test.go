package messenger

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiformats/go-multiaddr"

	"dione/crypto/handshake"
	"dione/crypto/identity"
	"dione/net/mailbox"
	"dione/net/mailbox/boxtest"
	"dione/net/secure"
	"dione/net/wire"
)

// TestDay simulates a day of somebody with 100 contacts, 10 of them active,
// and prints what mail has cost: see docs/simulation.md.
func TestDay(t *testing.T) {
	if testing.Short() {
		t.Skip("runs an engine for two days")
	}
	const mega, contacts, active = 1e6, 100, 10
	for _, tt := range []struct {
		nodes int
		days  int // of which the mean counts: chance has it that they differ by a tenth
		limit float64
	}{{400, 4, 10 * mega}, {10_000, 1, 25 * mega}} {
		t.Run(fmt.Sprint(tt.nodes, " nodes"), func(t *testing.T) {
			var bytes, cpu float64
			for range tt.days {
				got := day(t, tt.nodes, contacts, active)
				percent := 100 * got.cpu.Seconds() / (24 * time.Hour).Seconds()
				t.Logf("%d nodes, %d contacts, %d of them active: %.2f MB in a day, %.2f MB of them for connections; %.3f %% of a processor; questions %v; connections %v",
					tt.nodes, contacts, active, float64(got.Bytes)/mega, float64(got.Handshakes)/mega, percent, got.Asked, got.Dials)
				bytes += float64(got.Bytes) / float64(tt.days)
				cpu += percent / float64(tt.days)
			}
			if bytes > tt.limit {
				t.Errorf("%.2f MB are above the budget", bytes/mega)
			}
			if cpu > 0.5 {
				t.Errorf("%.2f %% of a processor are above the budget", cpu)
			}
		})
	}
}

const (
	// dialCost is what one connection takes of a processor, at least: nobody
	// really connects here.
	dialCost = time.Millisecond

	// talks is how many messages an active contact sends in the day, each of
	// which is answered.
	talks = 1
)

// cost is what a day has cost: bytes, and the time of a processor, that of the
// friends and of the nodes included.
type cost struct {
	boxtest.Meter
	cpu time.Duration
}

// day runs an engine for a day, in virtual time, and tells what it cost. It is
// a client of the network and has no link to anybody.
func day(t *testing.T, nodes, contacts, active int) (c cost) {
	shake := handshakeBytes(t)
	empty := func() { runtime.GC(); runtime.GC() } // as in inWorld
	empty()
	defer empty()
	synctest.Test(t, func(t *testing.T) {
		large := boxtest.NewLarge(1, nodes)
		large.Handshake = shake
		links := newPipes(t)
		start := func(name string, host netip.Addr) *engine {
			return startEngineWith(t, quickDir(t), name, func(cfg *Config) func() {
				cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/" + host.String() + "/tcp/4001")}
				cfg.Transport = links.transport(host)
				cfg.Log = nil
				return func() {}
			})
		}
		here := netip.MustParseAddr("80.1.0.1")
		user := start("user", here)
		var friends []*engine
		for i := range contacts {
			host := netip.AddrFrom4([4]byte{80, 2, byte(i), 1})
			friend := start(fmt.Sprint("friend ", i), host)
			acquaint(user, friend)
			links.cut(host, true)
			if i < active {
				friends = append(friends, friend)
			} else {
				friend.stop()
			}
		}
		links.cut(here, true)
		time.Sleep(25 * time.Hour) // since they have met: nobody is active any more
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		me := large.Process(ctx)
		user.joinMail(mailbox.New(me))
		for _, friend := range friends {
			friend.joinMail(mailbox.New(large.Process(ctx)))
		}
		for i, friend := range friends {
			talk(friend, user, fmt.Sprint("first ", i))
		}
		time.Sleep(time.Hour)
		before, began := me.Meter(), time.Now()
		used := processorTime()
		for i, friend := range friends {
			for n := range talks {
				talk(friend, user, fmt.Sprint(i, " number ", n))
				time.Sleep(time.Minute)
			}
			time.Sleep(time.Until(began.Add(24 * time.Hour * time.Duration(i+1) / time.Duration(len(friends)))))
		}
		c.Meter = me.Meter().Sub(before)
		c.cpu = processorTime() - used
		for _, n := range c.Dials {
			c.cpu += time.Duration(n) * dialCost
		}
	})
	return c
}

// joinMail begins with the mail of an engine.
func (e *engine) joinMail(box *mailbox.Box) {
	e.t.Helper()
	err := e.do(e.t.Context(), func(b *batch) error {
		b.then(func() { e.beginMail(box) })
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// talk has a write to b, and b answer, and waits until both know of it.
func talk(a, b *engine, text string) {
	a.t.Helper()
	for _, pair := range [][2]*engine{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		sent := from.send(chatWith(to), text)
		for begun := time.Now(); ; time.Sleep(10 * time.Second) {
			all := from.history(chatWith(to))
			if all[len(all)-1].State == StateDelivered {
				break
			}
			if time.Since(begun) > 4*time.Hour { // two looks, an hour and a half apart, at most
				from.t.Fatalf("%s: %q is %v after %v; %s has %q", from.name, text, all[len(all)-1].State, time.Since(begun), to.name, to.texts(chatWith(from)))
			}
		}
		to.awaitText(sent.Text)
	}
}

// processorTime is what the process has taken of all processors so far.
func processorTime() time.Duration {
	runtime.GC() // which brings the numbers up to date
	all := []metrics.Sample{{Name: "/cpu/classes/user:cpu-seconds"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(all)
	return time.Duration((all[0].Value.Float64() + all[1].Value.Float64()) * float64(time.Second))
}

// handshakeBytes tells how many bytes a connection of two nodes takes before
// the first question.
func handshakeBytes(t *testing.T) int {
	t.Helper()
	endpoint := func() (*secure.Endpoint, identity.Key) {
		key, err := identity.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		e, err := secure.NewEndpoint(secure.Config{Realm: handshake.DHT, Network: wire.NetworkID("test"), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return e, key
	}
	client, _ := endpoint()
	server, key := endpoint()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	answered := make(chan error, 1)
	go func() {
		raw, err := ln.Accept()
		if err == nil {
			var conn *secure.Conn
			if conn, err = server.Server(t.Context(), raw); err == nil {
				defer conn.Close()
				_, err = conn.Write([]byte{1})
			}
		}
		answered <- err
	}()
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	counted := &countedConn{Conn: raw}
	conn, err := client.Client(t.Context(), counted, secure.Target{ID: key.ID()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := conn.Read(one); err != nil {
		t.Fatal(err)
	}
	const record = 2 + 16 + 256
	n := counted.n - record
	t.Logf("a handshake takes %d bytes", n)
	return n
}

// countedConn counts what goes over a connection.
type countedConn struct {
	net.Conn
	n int
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n += n
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n += n
	return n, err
}
