package dht

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
	"dione/crypto/parcel"
)

// village is nodes in one process: real nodes, whose connections are pipes.
type village struct {
	t     *testing.T
	ctx   context.Context
	mu    sync.Mutex
	nodes map[netip.AddrPort]*resident
	slow  time.Duration // what a dial takes
	wg    sync.WaitGroup
}

// resident is a node of a village.
type resident struct {
	*Node
	id   identity.ID
	addr netip.AddrPort // where it listens, or would
	near netip.AddrPort // where it does in a LAN, if it is in one as well
	nat  bool           // nobody reaches it
	held *heldHere
	stop context.CancelFunc
	done chan struct{}
	ctx  context.Context
}

func newVillage(t *testing.T) *village {
	return &village{t: t, ctx: t.Context(), nodes: make(map[netip.AddrPort]*resident)}
}

// settle adds a node at an address.
func (v *village) settle(n int, opts ...func(*resident, *NodeConfig)) *resident {
	var id identity.ID
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	r := &resident{
		id:   id,
		addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{20 + byte(n%100), byte(n), byte(n >> 8), 1}), 4001),
		held: &heldHere{all: make(map[[32]byte][]byte)},
		done: make(chan struct{}),
	}
	cfg := NodeConfig{
		Router: RouterConfig{ID: id, Port: 4001},
		Keep:   func(Neighbours) Keeper { return r.held },
	}
	for _, o := range opts {
		o(r, &cfg)
	}
	cfg.Dial = func(ctx context.Context, id identity.ID, addr netip.AddrPort) (net.Conn, error) {
		return v.dial(r, id, addr)
	}
	r.Node = NewNode(cfg)
	r.ctx, r.stop = context.WithCancel(v.ctx)
	v.mu.Lock()
	v.nodes[r.addr] = r
	if r.near.IsValid() {
		v.nodes[r.near] = r
	}
	v.mu.Unlock()
	v.wg.Go(func() {
		if err := r.Run(r.ctx); err != nil {
			v.t.Error(err)
		}
		close(r.done)
	})
	return r
}

func behindNAT(r *resident, _ *NodeConfig) { r.nat = true }

func at(addr string) func(*resident, *NodeConfig) {
	return func(r *resident, _ *NodeConfig) { r.addr = netip.MustParseAddrPort(addr) }
}

func (v *village) dial(from *resident, id identity.ID, addr netip.AddrPort) (net.Conn, error) {
	v.mu.Lock()
	to := v.nodes[addr]
	v.mu.Unlock()
	if to == nil || to.nat && addr == to.addr || to.ctx.Err() != nil || to.id != id {
		return nil, fmt.Errorf("nobody of that name at %s", addr)
	}
	time.Sleep(v.slow)
	whence := from.addr
	if ScopeOf(addr.Addr()) == Near && from.near.IsValid() {
		whence = from.near
	}
	a, b := net.Pipe()
	to.Serve(b, from.id, netip.AddrPortFrom(whence.Addr(), uint16(20000+rand.N(10000))))
	return a, nil
}

// leaves ends a node.
func (v *village) leaves(r *resident) {
	r.stop()
	<-r.done
	v.mu.Lock()
	delete(v.nodes, r.addr)
	v.mu.Unlock()
}

func (v *village) end() {
	for _, r := range v.nodes {
		r.stop()
	}
	v.wg.Wait()
}

func (r *resident) contact() *Contact { return NewContact(r.id, r.addr) }

// heldHere is the simplest holder.
type heldHere struct {
	mu     sync.Mutex
	all    map[[32]byte][]byte
	full   bool
	last   []Query // to be pushed before the exit
	notify func(Notify)
}

func (h *heldHere) Store(_ time.Time, _ Asker, m Store) Stored {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := parcel.Check(m.Package)
	if err != nil {
		return Stored{Result: Bad}
	}
	if h.full {
		return Stored{Result: Full}
	}
	h.all[p.Address] = m.Package
	if h.notify != nil {
		h.notify(Notify{[][]byte{m.Package}})
	}
	return Stored{Result: Kept, Until: p.Expiry}
}

func (h *heldHere) GetMany(_ time.Time, _ Asker, m GetMany) (got Got) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, hint := range m.Hints {
		for addr, b := range h.all {
			if Hint(addr[:8]) == hint {
				got.Held.Set(i)
				got.Packages = append(got.Packages, b)
			}
		}
	}
	return got
}

func (h *heldHere) Offer(time.Time, Asker, Offer) Wanted    { return Wanted{} }
func (h *heldHere) Delete(time.Time, Asker, Delete) Deleted { return Deleted{Result: Far} }

func (h *heldHere) Watch(_ time.Time, _ Asker, m Watch, notify func(Notify)) Watching {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notify = notify
	return Watching{Lease: 600}
}

func (h *heldHere) Left(uint64)                                      {}
func (h *heldHere) Fullness() uint8                                  { return 7 }
func (h *heldHere) Repair(now time.Time, _ int) ([]Query, time.Time) { return nil, now.Add(time.Hour) }
func (h *heldHere) Repaired(time.Time, Query, Message)               {}
func (h *heldHere) Leave(time.Time) []Query                          { return h.last }

// somePackage returns a package of its own address at a location.
func somePackage(i int, location Key) (b []byte, hint Hint) {
	var seed parcel.Seed
	binary.BigEndian.PutUint64(seed[:], uint64(i))
	core := parcel.Core{byte(i)}
	whole := parcel.Seal(&core, seed, location, uint32(time.Now().Unix()/3600)+24)
	return whole[:], seed.Address().Hint()
}

func somePlace(i int) Key { return KeyOf(identity.ID{byte(i), byte(i >> 8), 0xff}) }

// TestNewcomer: who joins a small network knows most of it within twenty
// seconds: what it asks for itself does not hold up the sweep.
func TestNewcomer(t *testing.T) {
	for _, slow := range []time.Duration{0, time.Second} {
		t.Run(slow.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 30
				v := newVillage(t)
				defer v.end()
				v.slow = slow
				first := v.settle(0)
				for i := 1; i < n; i++ {
					v.settle(i).Hear([]*Contact{first.contact()})
				}
				time.Sleep(5 * time.Minute)
				r := v.settle(n, behindNAT)
				r.Hear([]*Contact{first.contact()})
				time.Sleep(20 * time.Second)
				if got := r.Stats().Servers[Wide]; got < n*3/5 {
					t.Errorf("it knows %d of %d", got, n)
				}
			})
		})
	}
}

// TestTinyNetworks puts and gets in the networks that there will be first.
func TestTinyNetworks(t *testing.T) {
	for _, n := range []int{2, 3, 5, 12} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newVillage(t)
				defer v.end()
				var all []*resident
				for i := range n {
					r := v.settle(i)
					if i > 0 {
						r.Hear([]*Contact{all[rand.N(i)].contact()})
					}
					all = append(all, r)
					time.Sleep(time.Second)
				}
				time.Sleep(5 * time.Minute)
				for i, r := range all {
					if st := r.Stats(); !st.Serves[Wide] || st.Servers[Wide] != n-1 || st.Serves[Near] {
						t.Errorf("node %d: %+v", i, st)
					}
				}
				for i := range 20 {
					place := somePlace(i)
					b, hint := somePackage(i, place)
					p, err := all[i%n].Put(t.Context(), Wide, place, b)
					if err != nil || p.Holders[0] != min(n-1, Replicas) || p.Servers < p.Holders[0] {
						t.Fatalf("put %d: %+v, %v", i, p, err)
					}
					g, err := all[(i+1)%n].Get(t.Context(), Wide, place, ForReading(1), []Hint{hint}, Replicas)
					if err != nil || string(g.Packages[hint]) != string(b) {
						t.Fatalf("get %d: %d of %d asked, %v", i, g.Asked, len(g.Holders), err)
					}
				}
			})
		})
	}
}

// TestAlone has a node say that nobody is there.
func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		r := v.settle(1)
		b, _ := somePackage(1, somePlace(1))
		if _, err := r.Put(t.Context(), Wide, somePlace(1), b); !errors.Is(err, ErrNoServer) {
			t.Errorf("put by a node that is alone: %v", err)
		}
		g, err := r.Get(t.Context(), Wide, somePlace(1), ForReading(1), []Hint{{1}}, 8)
		if err != nil || len(g.Packages) != 0 || g.Asked != 0 {
			t.Errorf("get by a node that is alone: %+v, %v", g, err)
		}
	})
}

// TestBehindNAT has nodes that nobody reaches be clients: they put and get,
// and are in nobody's table. Where all are, there is no server.
func TestBehindNAT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		a := v.settle(1, behindNAT)
		b := v.settle(2, behindNAT)
		a.Hear([]*Contact{b.contact()})
		b.Hear([]*Contact{a.contact()})
		time.Sleep(10 * time.Minute)
		for _, r := range []*resident{a, b} {
			if st := r.Stats(); st.Serves[Wide] || st.Servers[Wide] != 0 {
				t.Errorf("all behind NAT: %+v", st)
			}
		}
		// Two servers join, and are told of.
		c, d := v.settle(3), v.settle(4)
		d.Hear([]*Contact{c.contact()})
		a.Hear([]*Contact{c.contact()})
		b.Hear([]*Contact{d.contact()})
		time.Sleep(time.Minute)
		place := somePlace(1)
		pkg, hint := somePackage(1, place)
		if p, err := a.Put(t.Context(), Wide, place, pkg); err != nil || p.Holders[0] != 2 {
			t.Errorf("put by a client: %+v, %v", p, err)
		}
		if g, err := b.Get(t.Context(), Wide, place, ForReading(1), []Hint{hint}, 8); err != nil || len(g.Packages) != 1 {
			t.Errorf("get by a client: %+v, %v", g, err)
		}
		for _, r := range []*resident{a, b, c, d} {
			for _, known := range r.Contacts(Wide) {
				if known.ID == a.id || known.ID == b.id {
					t.Errorf("a client is in a table")
				}
			}
		}
	})
}

// TestFirstServer has one node that is reached, while all others are behind
// NAT: nobody can dial it back on purpose, but that somebody has dialled it
// says enough.
func TestFirstServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		first := v.settle(1)
		time.Sleep(time.Hour)
		if first.Stats().Serves[Wide] {
			t.Error("nobody has reached it, and it is a server")
		}
		a, b := v.settle(2, behindNAT), v.settle(3, behindNAT)
		a.Hear([]*Contact{first.contact()})
		b.Hear([]*Contact{first.contact()})
		time.Sleep(time.Minute)
		if st := first.Stats(); !st.Serves[Wide] || st.Serves[Near] || st.Servers[Wide] != 0 {
			t.Errorf("the first server: %+v", st)
		}
		place := somePlace(1)
		pkg, hint := somePackage(1, place)
		if p, err := a.Put(t.Context(), Wide, place, pkg); err != nil || p.Holders[0] != 1 {
			t.Errorf("put: %+v, %v", p, err)
		}
		if g, err := b.Get(t.Context(), Wide, place, ForReading(1), []Hint{hint}, 8); err != nil || len(g.Packages) != 1 {
			t.Errorf("get: %+v, %v", g, err)
		}
	})
}

// TestScopes has one node with an address of the internet and two of a LAN:
// nobody tells the world of the LAN.
func TestScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		world := v.settle(1)
		other := v.settle(2)
		x, y := v.settle(3, at("192.168.1.3:4001")), v.settle(4, at("192.168.1.4:4001"))
		other.Hear([]*Contact{world.contact()})
		x.Hear([]*Contact{world.contact(), y.contact()})
		y.Hear([]*Contact{x.contact()})
		time.Sleep(5 * time.Minute)
		for _, r := range []*resident{world, other} {
			for _, c := range r.Contacts(Wide) {
				if c.ID == x.id || c.ID == y.id {
					t.Errorf("the world knows %s of a LAN", c.Addrs)
				}
			}
		}
		if st := x.Stats(); !st.Serves[Near] || st.Servers[Near] != 1+1 { // y, and world, which asks from outside
			t.Logf("near: %+v", st)
		}
		if names := x.Contacts(Near); !slices.ContainsFunc(names, func(c *Contact) bool { return c.ID == y.id }) {
			t.Error("two nodes of a LAN do not know each other")
		}
	})
}

// TestRefusedPut has an error say why nobody has taken a package.
func TestRefusedPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		var all []*resident
		for i := range 4 {
			r := v.settle(i)
			r.held.full = true
			if i > 0 {
				r.Hear([]*Contact{all[0].contact()})
			}
			all = append(all, r)
		}
		time.Sleep(time.Minute)
		b, _ := somePackage(1, somePlace(1))
		_, err := all[1].Put(t.Context(), Wide, somePlace(1), b)
		if err == nil || errors.Is(err, ErrNoServer) {
			t.Fatalf("all were full: %v", err)
		}
		if want := "put package 1 of 1: no holder has taken it: full ×3"; err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	})
}

// TestWatch has a holder tell of a package at once.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		a, b, c := v.settle(1), v.settle(2), v.settle(3)
		b.Hear([]*Contact{a.contact()})
		c.Hear([]*Contact{a.contact()})
		time.Sleep(time.Minute)
		place := somePlace(1)
		pkg, hint := somePackage(1, place)
		told := make(chan [][]byte, 1)
		lease, err := c.Watch(t.Context(), a.contact(), []Hint{hint}, func(p [][]byte) { told <- p })
		if err != nil || lease != 10*time.Minute {
			t.Fatal(lease, err)
		}
		time.Sleep(9 * time.Minute) // the connection lives as long as the lease
		if _, err := b.Put(t.Context(), Wide, place, pkg); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case p := <-told:
			if len(p) != 1 || string(p[0]) != string(pkg) {
				t.Errorf("told of %d packages", len(p))
			}
		default:
			t.Error("not told")
		}
	})
}
