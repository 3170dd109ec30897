package messenger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiformats/go-multiaddr"

	"dione/crypto/identity"
	"dione/net/dht"
	"dione/net/mailbox"
	"dione/net/mailbox/boxtest"
	"dione/net/swarm"
	"dione/store"
)

// This file has two engines in virtual time, with a mail network and a network
// of links in memory, whose days pass in a second.

// pipes is a network in memory by which engines have links. Nobody who is dark
// reaches anybody.
type pipes struct {
	wg sync.WaitGroup

	mu        sync.Mutex
	listeners map[netip.AddrPort]*pipeListener
	conns     map[net.Conn]netip.Addr // open ends, and whose they are
	dark      map[netip.Addr]bool
}

type pipeListener struct {
	net    *pipes
	at     netip.AddrPort
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.listeners, l.at)
	})
	return nil
}

func (l *pipeListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

// pipeConn is one end of a connection, with the addresses that TCP would have.
type pipeConn struct {
	net.Conn
	local, remote netip.AddrPort
}

func (c *pipeConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *pipeConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// newPipes returns a network without hosts.
func newPipes(t *testing.T) *pipes {
	n := &pipes{listeners: make(map[netip.AddrPort]*pipeListener), conns: make(map[net.Conn]netip.Addr), dark: make(map[netip.Addr]bool)}
	t.Cleanup(n.wg.Wait)
	return n
}

// transport is how the host with an address reaches others.
func (n *pipes) transport(host netip.Addr) swarm.Transport {
	return swarm.Transport{
		Listen: func(_ context.Context, at netip.AddrPort) (net.Listener, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			l := &pipeListener{net: n, at: at, conns: make(chan net.Conn), closed: make(chan struct{})}
			n.listeners[at] = l
			return l, nil
		},
		Dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) { return n.dial(ctx, host, to) },
	}
}

func (n *pipes) dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[to]
	if n.dark[from] || n.dark[to.Addr()] {
		l = nil
	}
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	}
	a, wireA := net.Pipe()
	b, wireB := net.Pipe()
	here := &pipeConn{a, netip.AddrPortFrom(from, 50000), to}
	select {
	case l.conns <- &pipeConn{b, to, here.local}:
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	n.conns[a], n.conns[b] = from, to.Addr()
	n.mu.Unlock()
	n.wg.Go(func() { n.carry(wireB, wireA) })
	n.wg.Go(func() { n.carry(wireA, wireB) })
	return here, nil
}

// carry moves bytes one way, with a buffer between as a socket has it.
func (n *pipes) carry(dst, src net.Conn) {
	kernel := make(chan []byte, 16)
	n.wg.Go(func() {
		defer close(kernel)
		for {
			b := make([]byte, 4<<10)
			k, err := src.Read(b)
			kernel <- b[:k]
			if err != nil {
				return
			}
		}
	})
	for b := range kernel {
		_, _ = dst.Write(b) // who is gone is noticed by its end
	}
	_ = dst.Close()
	_ = src.Close()
}

// cut takes a host off the network, or puts it back. Its connections end.
func (n *pipes) cut(host netip.Addr, off bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dark[host] = off
	for c, whose := range n.conns {
		if whose == host {
			_ = c.Close()
			delete(n.conns, c)
		}
	}
}

// world is two people and the networks by which they write to each other.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	mail  *boxtest.Network
	links *pipes
	ends  [2]*end
}

// end is one of the two: the profile, and the engine while it runs.
type end struct {
	*engine // nil while it does not
	world   *world
	name    string
	dir     string
	host    netip.Addr
	client  *boxtest.Client
	ahead   time.Duration // how far the clocks of the nodes are ahead of ours
	away    bool          // off all networks
	seen    time.Time     // when the end was last there

	id    identity.ID
	wrote []Message
}

// inWorld runs f in virtual time, in a world with so many nodes.
func inWorld(t *testing.T, seed uint64, nodes int, f func(w *world)) {
	t.Helper()
	empty := func() { runtime.GC(); runtime.GC() } // yamux keeps timers in a global pool, and none may leave its bubble
	empty()
	defer empty()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, rng: rand.New(rand.NewPCG(seed, 5)), mail: boxtest.New(seed, nodes, 0), links: newPipes(t),
		}
		for i, name := range []string{"ann", "bob"} {
			w.ends[i] = &end{world: w, name: name, dir: quickDir(t), host: netip.AddrFrom4([4]byte{80, 1, byte(i + 1), 1})}
			w.ends[i].start()
		}
		f(w)
	})
}

// quickDir is t.TempDir in memory, where there is such a disk: thousands of
// commits need not wait for a real one.
func quickDir(t *testing.T) string {
	t.Helper()
	const memory = "/dev/shm"
	dir, err := os.MkdirTemp(memory, "dione-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// start runs the engine of an end.
func (e *end) start() {
	e.world.t.Helper()
	e.client = e.world.mail.Client()
	e.client.Latency, e.client.Ahead = 50*time.Millisecond, e.ahead
	e.engine = startEngineWith(e.world.t, e.dir, e.name, func(cfg *Config) func() {
		cfg.Listen = []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/" + e.host.String() + "/tcp/4001")}
		cfg.Transport = e.world.links.transport(e.host)
		cfg.Log = nil
		return func() {}
	})
	e.id = e.Self().ID
	e.setAway(e.away)
	e.joinMail(mailbox.New(e.client))
}

// stop ends the engine in an orderly way.
func (e *end) stop() {
	if e.engine != nil {
		e.engine.stop()
		e.engine = nil
	}
}

// setAway takes the end off all networks, or puts it back.
func (e *end) setAway(away bool) {
	e.away = away
	e.world.links.cut(e.host, away)
	if e.client != nil {
		e.client.Cut(away)
	}
}

// copyProfile copies the profile as it is between two commits.
func (e *end) copyProfile(after func()) (dir string) {
	e.world.t.Helper()
	dir = quickDir(e.world.t)
	if e.engine == nil {
		if err := os.CopyFS(dir, os.DirFS(e.dir)); err != nil {
			e.world.t.Fatal(err)
		}
		return dir
	}
	err := e.do(e.world.t.Context(), func(*batch) error {
		after()
		return os.CopyFS(dir, os.DirFS(e.dir))
	})
	if err != nil {
		e.world.t.Fatal(err)
	}
	return dir
}

// crash is kill -9: nothing that happens after this instant is seen by
// anybody, on the disk or in the network.
func (e *end) crash() {
	e.world.t.Helper()
	was, old := e.away, e.dir
	e.dir = e.copyProfile(func() { e.setAway(true) })
	e.stop()
	if err := os.RemoveAll(old); err != nil {
		e.world.t.Fatal(err)
	}
	e.away = was
}

// other is who is on the other side.
func (e *end) other() *end {
	if e == e.world.ends[0] {
		return e.world.ends[1]
	}
	return e.world.ends[0]
}

// chat is the conversation with the other side, as this end has it.
func (e *end) chat() Chat { return Chat{Peer: e.other().id} }

// write has the end write messages.
func (e *end) write(texts ...string) {
	e.world.t.Helper()
	for _, text := range texts {
		e.wrote = append(e.wrote, e.send(e.chat(), text))
	}
}

// meet has both be near each other for a moment, as on a LAN.
func (w *world) meet() {
	w.t.Helper()
	hint(w.ends[0].engine, w.ends[1].engine)
	synctest.Wait()
}

// part ends the links between the two.
func (w *world) part() {
	for _, e := range w.ends {
		w.links.cut(e.host, true)
	}
	synctest.Wait()
	for _, e := range w.ends {
		w.links.cut(e.host, e.away)
	}
}

// acquaint has the two meet and write to each other once.
func (w *world) acquaint() {
	w.t.Helper()
	w.meet()
	for _, e := range w.ends {
		e.write("hello from " + e.name)
	}
	for _, e := range w.ends {
		e.awaitState(e.wrote[0].ID, StateDelivered)
	}
	w.part()
}

// pass lets time pass, in which nodes come and go: a fifth of them a day.
func (w *world) pass(d time.Duration) {
	for d > 0 {
		step := min(d, 6*time.Hour)
		time.Sleep(step)
		d -= step
		if step >= time.Hour {
			w.mail.Churn(dht.Wide, 0.2*step.Hours()/24)
			w.mail.Repair()
		}
	}
}

// got returns what an end has of the other, in the order of its screen.
func (e *end) got() (texts []string, ids map[MessageID]bool) {
	e.world.t.Helper()
	ids = make(map[MessageID]bool)
	for _, m := range e.history(e.chat()) {
		if !m.Mine {
			texts = append(texts, m.Text)
			ids[m.ID] = true
		}
	}
	return texts, ids
}

// check wants no message said to be delivered that the other side has not, and
// nothing there twice. It reports whether all is delivered.
func (w *world) check() (all bool) {
	w.t.Helper()
	all = true
	for _, e := range w.ends {
		if e.engine == nil || e.other().engine == nil {
			return false
		}
		texts, ids := e.other().got()
		if len(ids) != len(texts) {
			w.t.Errorf("%s has %d messages, %d of them different", e.other().name, len(texts), len(ids))
		}
		mine := 0
		for _, m := range e.history(e.chat()) {
			if !m.Mine {
				continue
			}
			mine++
			if m.State == StateDelivered && !ids[m.ID] {
				w.t.Errorf("%s: %.20q is said to be delivered, and %s has not got it", e.name, m.Text, e.other().name)
			}
			if m.State == StateFailed {
				w.t.Errorf("%s: %.20q has failed: %s", e.name, m.Text, m.Reason)
			}
			all = all && m.State == StateDelivered
		}
		if mine != len(e.wrote) {
			w.t.Errorf("%s has %d own messages, and wrote %d", e.name, mine, len(e.wrote))
		}
	}
	return all
}

// settle has both be up until all is delivered, and wants it to be complete,
// in order and there once.
func (w *world) settle(days int) {
	w.t.Helper()
	for _, e := range w.ends {
		w.back(e)
	}
	from := time.Now()
	for !w.check() {
		if time.Since(from) > time.Duration(days)*24*time.Hour {
			break
		}
		w.pass(10 * time.Minute)
	}
	w.t.Logf("all is delivered %v after both are back", time.Since(from))
	for _, e := range w.ends {
		texts, _ := e.other().got()
		var want []string
		for _, m := range e.wrote {
			want = append(want, m.Text)
		}
		if !slices.Equal(texts, want) {
			w.t.Errorf("%s has %d messages of %d as they were written: %s", e.other().name, len(texts), len(want), differ(texts, want))
		}
		for _, m := range e.history(e.chat()) {
			if m.Mine && m.State != StateDelivered {
				w.t.Errorf("%s: %.20q of %v is %v %d/%d, %s", e.name, m.Text, m.Sent, m.State, m.Acked, m.Addressed, e.fate(m))
				break
			}
		}
	}
}

// fate tells what became of a message, for a test that fails.
func (e *end) fate(m Message) (told string) {
	for _, o := range e.other().history(e.other().chat()) {
		if o.ID == m.ID {
			told = fmt.Sprintf("%s has it since %v", e.other().name, o.Arrived)
		}
	}
	err := e.store.View(e.world.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Sessions(e.other().id)
		for _, s := range all {
			parcels, err := tx.Parcels(s.Row, store.ParcelIndex{}, 1<<20)
			if err != nil {
				return err
			}
			for _, one := range parcels {
				if one.Message == m.Row {
					told += fmt.Sprintf("; package %d.%d: %+v", one.Epoch, one.N, one.Mailed)
				}
			}
		}
		return err
	})
	if err != nil {
		e.world.t.Fatal(err)
	}
	return told
}

// differ says where two lists begin to differ.
func differ(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("number %d is %.20q, want %.20q", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("they differ in length after %d", min(len(got), len(want)))
}
