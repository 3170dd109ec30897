package swarm

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
)

// two starts ann and bob; ann has the smaller ID.
func two(t *testing.T, n *memNet) (ann, bob *node) {
	t.Helper()
	a, b := newKey(t), newKey(t)
	if b.ID().Compare(a.ID()) < 0 {
		a, b = b, a
	}
	return n.start(t, a, 1), n.start(t, b, 2)
}

func (n *node) id() identity.ID { return n.key.ID() }

// join connects two nodes over the LAN, dialled by ann.
func join(t *testing.T, ann, bob *node) (*Conn, *Conn) {
	t.Helper()
	ann.hint(bob)
	return ann.up(bob.id()), bob.up(ann.id())
}

func TestConnect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		here, there := join(t, ann, bob)
		if here.Path() != PathLAN || there.Path() != PathLAN || !here.Dialled() || there.Dialled() {
			t.Errorf("paths %v and %v, dialled %v and %v", here.Path(), there.Path(), here.Dialled(), there.Dialled())
		}
		ping(t, here, "from ann")
		ping(t, there, "from bob")
		if in, out := ann.Bytes(); in == 0 || out == 0 {
			t.Errorf("Bytes = %d, %d", in, out)
		}
		// bob knows ann's instance without having dialled it.
		bob.hint(ann)
		ann.hint(bob)
		ann.quiet(time.Minute)
		bob.quiet(time.Minute)
		if n := ann.net.tried(ann.at) + ann.net.tried(bob.at); n != 1 {
			t.Errorf("dialled %d times, want once", n)
		}
	})
}

func TestBothDialAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for range 20 {
			ann, bob := two(t, newMemNet(t))
			ann.hint(bob)
			bob.hint(ann)
			time.Sleep(5 * time.Second)
			for _, n := range []*node{ann, bob} {
				var last *Conn
				for len(n.events) > 0 {
					up, ok := (<-n.events).(Up)
					if !ok {
						t.Fatalf("%s was told of more than Ups", n.id().Short())
					}
					last = up.Conn
				}
				if last == nil {
					t.Fatal("never up")
				}
				if last.Dialled() != (n == ann) {
					t.Errorf("the live connection is not the one dialled by the smaller ID")
				}
				ping(t, last, "over what is left")
			}
			ann.leave()
			bob.leave()
		}
	})
}

func TestLeaving(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		join(t, ann, bob)
		time.Sleep(time.Minute)
		start := time.Now()
		bob.leave()
		if down := ann.down(bob.id()); down.Reason != "left" || down.Path != PathLAN || time.Since(start) > 10*time.Millisecond {
			t.Errorf("%+v after %v", down, time.Since(start))
		}
	})
}

func TestKilledIsGoneAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		join(t, ann, bob)
		time.Sleep(time.Minute)
		start := time.Now()
		bob.kill()
		if down := ann.down(bob.id()); time.Since(start) > 10*time.Millisecond || !strings.HasPrefix(down.Reason, "connection lost") {
			t.Errorf("%+v after %v", down, time.Since(start))
		}
	})
}

func TestKilledAcceptorOfUnknownPort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		join(t, ann, bob)
		time.Sleep(time.Minute)
		start := time.Now()
		ann.kill() // bob has never heard where ann listens
		bob.down(ann.id())
		if d := time.Since(start); d != graceTime {
			t.Errorf("gone after %v, want %v", d, graceTime)
		}
	})
}

// The host answers no more: nobody says that the peer is gone.
func TestLostIsGoneAfterGrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		join(t, ann, bob)
		time.Sleep(time.Minute)
		start := time.Now()
		ann.net.deaf[bob.at.Addr()] = true
		ann.net.reset(bob.at.Addr())
		ann.down(bob.id())
		if d := time.Since(start); d != graceTime {
			t.Errorf("gone after %v, want %v", d, graceTime)
		}
	})
}

// A connection that breaks between two that are well is back before anybody
// was told that the peer is gone.
func TestBrokenConnectionComesBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		join(t, ann, bob)
		time.Sleep(time.Minute)
		ann.net.reset(bob.at.Addr())
		ping(t, ann.up(bob.id()), "again")
		bob.up(ann.id())
		ann.quiet(time.Minute)
		bob.quiet(time.Minute)
	})
}

func TestSilence(t *testing.T) {
	for _, path := range []Path{PathLAN, PathDirect} {
		t.Run(path.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ann, bob := two(t, newMemNet(t))
				if path == PathLAN {
					ann.hint(bob)
				} else if _, err := ann.Dial(t.Context(), bob.id(), []netip.AddrPort{bob.at}); err != nil {
					t.Fatal(err)
				}
				if c := ann.up(bob.id()); c.Path() != path {
					t.Fatalf("path %v, want %v", c.Path(), path)
				}
				bob.up(ann.id())
				ann.quiet(10 * time.Minute) // idle is not silent
				bob.quiet(0)
				start := time.Now()
				ann.net.pull(bob.at.Addr(), true)
				ann.down(bob.id())
				bob.down(ann.id())
				if d, p := time.Since(start), paces[path]; d > p.deadline || d < p.deadline-p.ping {
					t.Errorf("gone after %v, want up to %v", d, p.deadline)
				}
				ann.net.pull(bob.at.Addr(), false)
			})
		})
	}
}

func TestRestartedIsBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		join(t, ann, bob)
		time.Sleep(time.Minute)
		start := time.Now()
		bob.kill()
		ann.down(bob.id())
		bob = ann.net.start(t, bob.key, 2)
		bob.hint(ann)
		ann.up(bob.id())
		ping(t, bob.up(ann.id()), "back")
		if d := time.Since(start); d > 10*time.Millisecond {
			t.Errorf("back after %v", d)
		}
		ann.quiet(time.Minute)
	})
}

// The old connection is half open: the peer's host lost power, and its new
// process dials.
func TestRestartedWithHalfOpenConnection(t *testing.T) {
	for _, dialler := range []string{"restarted", "other"} {
		t.Run(dialler, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ann, bob := two(t, newMemNet(t))
				old, _ := join(t, ann, bob)
				time.Sleep(time.Minute)
				ann.net.pull(bob.at.Addr(), true)
				bob.leave()
				synctest.Wait() // until the network has lost that, too
				ann.net.pull(bob.at.Addr(), false)
				start := time.Now()
				again := ann.net.start(t, bob.key, 3) // no RST comes from there
				if dialler == "restarted" {
					again.hint(ann)
				} else {
					ann.hint(again)
				}
				if c := ann.up(bob.id()); c == old {
					t.Error("the dead connection is still live")
				}
				if d := time.Since(start); d > askTime {
					t.Errorf("back after %v, want %v", d, askTime)
				}
				ping(t, again.up(ann.id()), "back")
				ann.quiet(time.Minute)
			})
		})
	}
}

func TestIdentityInUseElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		here, _ := join(t, ann, bob)
		time.Sleep(time.Minute)
		thief := ann.net.start(t, bob.key, 3)
		thief.hint(ann)
		thief.up(ann.id())
		if ev := ann.next(); ev != (InUse{bob.id()}) {
			t.Errorf("ann was told %#v", ev)
		}
		if ev := thief.next(); ev != (InUse{bob.id()}) {
			t.Errorf("the second process was told %#v", ev)
		}
		if down := thief.down(ann.id()); down.Reason != "this identity is in use elsewhere" {
			t.Errorf("%+v", down)
		}
		ping(t, here, "still live")
		ann.quiet(time.Minute)
		bob.quiet(0)
	})
}

func TestOwnAdvertLeadsNowhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		ann.hint(ann)
		// The same identity under another instance: a copy of the profile.
		twin := ann.net.start(t, ann.key, 3)
		for range 100 {
			ann.hint(twin)
			time.Sleep(time.Second)
		}
		if ev := ann.next(); ev != (InUse{ann.id()}) {
			t.Errorf("event %#v, want that our identity is in use elsewhere", ev)
		}
		if n := ann.net.tried(ann.at) + ann.net.tried(twin.at); n != 1 {
			t.Errorf("dialled %d times, want once", n)
		}
		if _, err := ann.Dial(t.Context(), ann.id(), []netip.AddrPort{bob.at}); err == nil {
			t.Error("Dial of our own identity succeeded")
		}
		ann.quiet(time.Minute)
	})
}

func TestFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := newMemNet(t)
		hub := n.start(t, newKey(t), 1, func(c *Config) { c.MaxPeers = 2 })
		var peers []*node
		for i := range 4 {
			p := n.start(t, newKey(t), byte(10+i))
			p.hint(hub)
			p.up(hub.id())
			peers = append(peers, p)
			if i < 2 {
				hub.up(p.id())
			}
		}
		if ev := hub.next(); ev != (Full{2}) {
			t.Errorf("event %#v, want Full", ev)
		}
		if down := peers[3].down(hub.id()); down.Reason != "no more connections are taken" {
			t.Errorf("%+v", down)
		}
		hub.quiet(time.Minute) // said once
		peers[0].leave()
		hub.down(peers[0].id())
		time.Sleep(time.Minute)
		peers[3].hint(hub)
		hub.up(peers[3].id())
	})
}

// After a day the dialler makes a new connection, and nobody sees it. Both
// transport keys have changed by then.
func TestRenewal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		first, err := bob.Dial(t.Context(), ann.id(), []netip.AddrPort{ann.at})
		if err != nil {
			t.Fatal(err)
		}
		ann.up(bob.id())
		bob.up(ann.id())
		time.Sleep(maxAge + time.Minute)
		second := bob.up(ann.id())
		if second == first || !second.Dialled() {
			t.Error("no new connection after a day")
		}
		ann.up(bob.id())
		<-first.Done()
		ping(t, second, "next day")
		ann.quiet(time.Hour)
		bob.quiet(0)
	})
}

func TestDialReturnsTheLiveConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		live, _ := join(t, ann, bob)
		got, err := ann.Dial(t.Context(), bob.id(), []netip.AddrPort{bob.at})
		if err != nil || got != live {
			t.Errorf("Dial = %p, %v, want %p", got, err, live)
		}
		if n := ann.net.tried(bob.at); n != 1 {
			t.Errorf("dialled %d times, want once", n)
		}
	})
}

func TestDialWrongPeer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ann, bob := two(t, newMemNet(t))
		if c, err := ann.Dial(t.Context(), newKey(t).ID(), []netip.AddrPort{bob.at}); err == nil {
			t.Errorf("Dial = %v, want an error", c)
		}
		bob.quiet(time.Minute)
	})
}
