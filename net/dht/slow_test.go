package dht

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
)

// counting is a holder that counts how often it is asked for packages.
type counting struct {
	*heldHere
	asked atomic.Int64
}

func (c *counting) GetMany(now time.Time, from Asker, m GetMany) Got {
	c.asked.Add(1)
	return c.heldHere.GetMany(now, from, m)
}

// TestAttackSlowReader: who asks for much and reads nothing has us keep a few
// answers in memory, not all of them.
func TestAttackSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		held := &counting{heldHere: &heldHere{all: make(map[[32]byte][]byte)}}
		r := v.settle(1, func(_ *resident, cfg *NodeConfig) {
			cfg.Router.Server = true
			cfg.Keep = func(Neighbours) Keeper { return held }
		})
		time.Sleep(time.Second)
		ours, theirs := net.Pipe()
		r.Serve(theirs, identity.ID{9}, netip.MustParseAddrPort("50.0.0.1:50000"))
		v.wg.Go(func() {
			for id := uint32(1); ; id++ {
				if _, err := ours.Write(AppendMessage(nil, id, GetMany{Hints: []Hint{{1}}})); err != nil {
					return
				}
			}
		})
		time.Sleep(writeTime - time.Second)
		if n := held.asked.Load(); n < 1 || n > maxAnswers {
			t.Errorf("%d answers wait for somebody who does not read", n)
		}
		time.Sleep(2 * time.Second)
		if _, err := ours.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the connection lives on: %v", err)
		}
	})
}

// silent is a connection on which nothing arrives any more at either side, as
// after the machine has slept or its address has changed.
type silent struct {
	net.Conn
	dead *atomic.Bool
}

func (s silent) Write(b []byte) (int, error) {
	if s.dead.Load() {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

// TestDeadConnection: a connection on which an answer does not come, nor
// anything else, is not asked over again.
func TestDeadConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		server := v.settle(1, func(_ *resident, cfg *NodeConfig) { cfg.Router.Server = true })
		synctest.Wait() // until it runs
		var dead *atomic.Bool
		id := identity.ID{9}
		n := NewNode(NodeConfig{
			Router: RouterConfig{ID: id},
			Dial: func(context.Context, identity.ID, netip.AddrPort) (net.Conn, error) {
				a, b := net.Pipe()
				dead = new(atomic.Bool)
				theirs := silent{b, dead}
				server.Serve(theirs, id, netip.MustParseAddrPort("50.0.0.1:50000"))
				return silent{a, dead}, nil
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		v.wg.Go(func() { _ = n.Run(ctx) })
		defer stop()
		n.Hear([]*Contact{server.contact()})
		time.Sleep(time.Second)
		if n.Servers(Wide) != 1 {
			t.Fatal("the server is not known")
		}
		get := func() int {
			g, err := n.GetFrom(t.Context(), Wide, []*Contact{server.contact()}, []Hint{{1}}, 1)
			if err != nil {
				t.Fatal(err)
			}
			return g.Answered
		}
		for range 5 {
			if get() != 1 {
				t.Fatal("no answer over a new connection")
			}
			dead.Store(true)
			if get() != 0 {
				t.Fatal("an answer over a dead connection")
			}
		}
		if get() != 1 {
			t.Error("the dead connection is asked again")
		}
	})
}

// TestAttackNoise: a server that tells of more than is watched, or answers what
// was not asked, is let go.
func TestAttackNoise(t *testing.T) {
	pkg, _ := somePackage(1, Key{})
	for name, noise := range map[string]func(id uint32) []byte{
		"notices": func(uint32) []byte { return AppendMessage(nil, 0, Notify{[][]byte{pkg}}) },
		"answers": func(id uint32) []byte { return AppendMessage(nil, 1000+id, Got{Packages: [][]byte{pkg}}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var wrote, told atomic.Int64
				n := NewNode(NodeConfig{
					Router: RouterConfig{ID: identity.ID{9}},
					Dial: func(context.Context, identity.ID, netip.AddrPort) (net.Conn, error) {
						a, b := net.Pipe()
						go func() {
							f, err := readFrame(b, maxQuestion)
							if err == nil {
								_, err = b.Write(AppendMessage(nil, f.id, Watching{600}))
							}
							for err == nil && wrote.Load() < 100_000 {
								_, err = b.Write(noise(uint32(wrote.Add(1))))
							}
							_ = b.Close()
						}()
						return a, nil
					},
				})
				if _, err := n.Watch(t.Context(), someContact(1), []Hint{{1}}, func([][]byte) { told.Add(1) }); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if wrote.Load() > 2*maxTold || told.Load() > maxTold {
					t.Errorf("%d frames were read, %d notices told", wrote.Load(), told.Load())
				}
				n.pool.close()
			})
		})
	}
}

// TestAttackLate: an answer that comes when nobody waits for it any more is not
// taken for that to another question, and does not end the connection.
func TestAttackLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pkg, hint := somePackage(1, Key{})
		dials := 0
		n := NewNode(NodeConfig{
			Router: RouterConfig{ID: identity.ID{9}},
			Dial: func(context.Context, identity.ID, netip.AddrPort) (net.Conn, error) {
				dials++
				a, b := net.Pipe()
				go func() {
					defer func() { _ = b.Close() }()
					for {
						f, err := readFrame(b, maxQuestion)
						if err != nil {
							return
						}
						if f.id == 1 {
							time.AfterFunc(askTime+time.Second, func() {
								_, _ = b.Write(AppendMessage(nil, f.id, Got{Held: Bits{1}, Packages: [][]byte{pkg}}))
							})
							continue
						}
						if _, err := b.Write(AppendMessage(nil, f.id, Got{})); err != nil {
							return
						}
					}
				}()
				return a, nil
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = n.Run(ctx); close(ended) }()
		defer func() { stop(); <-ended }()
		synctest.Wait() // until it runs
		first := make(chan Gotten, 1)
		get := func() Gotten {
			g, err := n.GetFrom(t.Context(), Wide, []*Contact{someContact(1)}, []Hint{hint}, 1)
			if err != nil {
				t.Error(err)
			}
			return g
		}
		go func() { first <- get() }()
		time.Sleep(time.Second)
		for range 4 { // before, while and after the late one comes
			if g := get(); g.Answered != 1 || len(g.Packages) != 0 {
				t.Errorf("%d answers with %d packages", g.Answered, len(g.Packages))
			}
			time.Sleep(time.Second)
		}
		if g := <-first; g.Answered != 0 || len(g.Packages) != 0 {
			t.Errorf("in time: %d answers with %d packages", g.Answered, len(g.Packages))
		}
		if dials != 1 {
			t.Errorf("%d dials", dials)
		}
	})
}
