// Package boxtest is a mail network for tests: nodes in memory that hold
// packages by the program's own code, or fail to, or lie. Its lookups find
// what they should. It knows no other time than the clock, which is virtual in
// a test of testing/synctest.
package boxtest

import (
	"cmp"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/sim"
)

// answerTime is how long a silent node is waited for.
const answerTime = 2 * time.Second

// Lie is what a node says in the place of an honest answer; nil: nothing.
type Lie func(ask, answer dht.Message) dht.Message

// Silent is the Lie of a node that does not answer.
func Silent(_, _ dht.Message) dht.Message { return nil }

// Network is the nodes of both scopes. Its methods may be called by many
// goroutines.
type Network struct {
	mu     sync.Mutex
	rand   *rand.Rand
	nodes  [dht.Scopes][]*Node
	number uint64 // of nodes and clients so far
}

// Node is one node that holds packages.
type Node struct {
	Contact *dht.Contact
	Holder  *dht.Holder

	net    *Network
	scope  dht.Scope
	lie    atomic.Pointer[Lie]
	asked  atomic.Int64
	stones map[parcel.Address]bool // of which it was given the tombstone
}

// New returns a network of so many nodes on the internet and around, always
// the same for a seed.
func New(seed uint64, wide, near int) *Network {
	n := &Network{rand: rand.New(rand.NewPCG(seed, 0))}
	for s, count := range [dht.Scopes]int{dht.Wide: wide, dht.Near: near} {
		for range count {
			n.nodes[s] = append(n.nodes[s], n.newNode(dht.Scope(s)))
		}
	}
	return n
}

// newNode makes a node that holds nothing, in an origin of its own.
func (n *Network) newNode(s dht.Scope) *Node {
	n.number++
	var id identity.ID
	for i := 0; i < len(id); i += 8 {
		binary.BigEndian.PutUint64(id[i:], n.rand.Uint64())
	}
	from := netip.AddrFrom4([4]byte{20 + byte(n.number>>16), byte(n.number >> 8), byte(n.number), 1})
	if s == dht.Near {
		from = netip.AddrFrom4([4]byte{10, byte(n.number >> 16), byte(n.number >> 8), byte(n.number)})
	}
	node := &Node{net: n, scope: s, stones: make(map[parcel.Address]bool), Contact: dht.NewContact(id, netip.AddrPortFrom(from, 4001))}
	node.Holder = dht.NewHolder(dht.HolderConfig{
		Shelf: new(sim.Shelf), Rand: rand.New(rand.NewPCG(n.rand.Uint64(), 0)),
	})
	node.Holder.Join(neighbours{node})
	return node
}

// Nodes returns the nodes of a scope.
func (n *Network) Nodes(s dht.Scope) []*Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.nodes[s])
}

// At returns the nodes that are to hold what lies at a place.
func (n *Network) At(s dht.Scope, place [32]byte) []*Node { return n.nearest(s, place, dht.Replicas) }

func (n *Network) nearest(s dht.Scope, place dht.Key, count int) []*Node {
	all := n.Nodes(s)
	slices.SortFunc(all, func(a, b *Node) int { return place.Nearer(a.Contact.Key, b.Contact.Key) })
	return all[:min(count, len(all))]
}

// Replace takes a node away, and everything that it holds, and puts a new one
// in its place.
func (n *Network) Replace(old *Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.nodes[old.scope], old); i >= 0 {
		n.nodes[old.scope][i] = n.newNode(old.scope)
	}
}

// Churn replaces a part of the nodes of a scope.
func (n *Network) Churn(s dht.Scope, part float64) {
	for _, node := range n.Nodes(s) {
		n.mu.Lock()
		leaves := n.rand.Float64() < part
		n.mu.Unlock()
		if leaves {
			n.Replace(node)
		}
	}
}

// Repair has every node do what holders do to keep packages, as far as it is
// due.
func (n *Network) Repair() {
	for s := range dht.Scopes {
		for _, node := range n.Nodes(s) {
			for {
				due, _ := node.Holder.Repair(time.Now(), 64)
				if len(due) == 0 {
					break
				}
				for _, q := range due {
					m := n.ask(q.Scope, q.To.Key, node.asker(), q.Ask)
					node.Holder.Repaired(time.Now(), q, m)
				}
			}
		}
	}
}

func (node *Node) asker() dht.Asker {
	addr := node.Contact.Addrs[0]
	return dht.Asker{
		ID: node.Contact.ID, Node: node.Contact.Key, Addr: addr.Addr(), Port: addr.Port(),
		Scope: node.scope, From: dht.Origin(addr.Addr()), Conn: binary.BigEndian.Uint64(node.Contact.Key[:]),
	}
}

// SetLie has a node lie from now on; nil has it be honest.
func (node *Node) SetLie(lie Lie) {
	if lie == nil {
		node.lie.Store(nil)
		return
	}
	node.lie.Store(&lie)
}

// Asked tells how many questions have come to a node.
func (node *Node) Asked() int { return int(node.asked.Load()) }

// Stones counts the tombstones that a node was given.
func (node *Node) Stones() (n int) {
	node.net.mu.Lock()
	defer node.net.mu.Unlock()
	return len(node.stones)
}

// ask asks a node; nil is no answer.
func (n *Network) ask(s dht.Scope, to dht.Key, from dht.Asker, m dht.Message) dht.Message {
	all := n.Nodes(s)
	i := slices.IndexFunc(all, func(node *Node) bool { return node.Contact.Key == to })
	if i < 0 {
		return nil
	}
	node := all[i]
	node.asked.Add(1)
	from.Scope = s
	var answer dht.Message
	switch m := m.(type) {
	case dht.Store:
		answer = node.Holder.Store(time.Now(), from, m)
	case dht.Delete:
		answer = node.Holder.Delete(time.Now(), from, m)
		if p, err := parcel.Check(m.Tombstone); err == nil {
			n.mu.Lock()
			node.stones[p.Address] = true
			n.mu.Unlock()
		}
	case dht.GetMany:
		answer = node.Holder.GetMany(time.Now(), from, m)
	case dht.Offer:
		answer = node.Holder.Offer(time.Now(), from, m)
	}
	if lie := node.lie.Load(); lie != nil {
		answer = (*lie)(m, answer)
	}
	return answer
}

// neighbours is what a node knows of the others: all of them.
type neighbours struct{ node *Node }

func (v neighbours) Self() dht.Key { return v.node.Contact.Key }

func (v neighbours) Nearest(s dht.Scope, target dht.Key, count int) (all []*dht.Contact) {
	for _, node := range v.node.net.nearest(s, target, count+1) {
		if node != v.node && len(all) < count {
			all = append(all, node.Contact)
		}
	}
	return all
}

func (v neighbours) Servers(s dht.Scope) int    { return max(len(v.node.net.Nodes(s))-1, 0) }
func (neighbours) Departures(dht.Scope) float64 { return 0 }

// Client is what one process has of the network: a mailbox.Network.
type Client struct {
	Latency time.Duration // of each question; set it before the first
	Ahead   time.Duration // how far the clocks of the others are ahead, as they say

	net   *Network
	asker dht.Asker
	dark  atomic.Bool
	stats struct{ lookups, asked atomic.Int64 }
}

// Client returns a new process in a network of its own.
func (n *Network) Client() *Client {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.number++
	addr := netip.AddrFrom4([4]byte{80, byte(n.number >> 8), byte(n.number), 1})
	return &Client{net: n, asker: dht.Asker{Addr: addr, From: dht.Origin(addr), Conn: n.number}}
}

// Cut takes the process off the network, or puts it back: nobody answers it.
func (c *Client) Cut(off bool) { c.dark.Store(off) }

// Lookups and Asked tell how much the process has done.
func (c *Client) Lookups() int { return int(c.stats.lookups.Load()) }

// Asked tells how many questions it has asked of holders.
func (c *Client) Asked() int { return int(c.stats.asked.Load()) }

// Servers tells how many nodes there are in a scope.
func (c *Client) Servers(s dht.Scope) int { return len(c.net.Nodes(s)) }

// Whole reports that not all nodes are known: each is looked up.
func (c *Client) Whole(dht.Scope) bool { return false }

// Open reports that there is no connection: each question makes its own.
func (c *Client) Open(dht.Scope, dht.Key) bool { return false }

// Offset tells how far the clocks of others are ahead.
func (c *Client) Offset() time.Duration { return c.Ahead }

// wait lets the time of some questions pass.
func (c *Client) wait(ctx context.Context, silent bool) error {
	d := c.Latency
	if silent {
		d = answerTime
	}
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Lookup finds the nodes nearest to a place.
func (c *Client) Lookup(ctx context.Context, s dht.Scope, target dht.Key, _ dht.LookupConfig) (near dht.Nearby, err error) {
	c.stats.lookups.Add(1)
	if err := c.wait(ctx, c.dark.Load()); err != nil || c.dark.Load() {
		return near, err
	}
	for _, node := range c.net.nearest(s, target, 20) {
		near.Contacts = append(near.Contacts, node.Contact)
	}
	return near, nil
}

// drive does something by the program's own code, until it is done.
func drive[T any](ctx context.Context, c *Client, begin func(r *dht.Router, done func(time.Time, T))) (result T, err error) {
	now := time.Now()
	r := dht.NewRouter(dht.RouterConfig{Rand: rand.New(rand.NewPCG(1, 1))}, now)
	ended := false
	begin(r, func(_ time.Time, t T) { result, ended = t, true })
	for !ended {
		due, _ := r.Next(now)
		silent := false
		for _, q := range due {
			var answer dht.Message
			if c.stats.asked.Add(1); !c.dark.Load() {
				answer = c.net.ask(q.Scope, q.To.Key, c.asker, q.Ask)
			}
			silent = silent || answer == nil
			r.Answered(now, q, answer)
		}
		if err := c.wait(ctx, silent); err != nil {
			return result, err
		}
	}
	return result, nil
}

// PutAt puts packages at nodes.
func (c *Client) PutAt(ctx context.Context, s dht.Scope, holders []*dht.Contact, packages ...[]byte) (dht.Placed, error) {
	return drive(ctx, c, func(r *dht.Router, done func(time.Time, dht.Placed)) {
		r.PutAt(time.Now(), s, holders, packages, done)
	})
}

// GetFrom looks for packages at nodes.
func (c *Client) GetFrom(ctx context.Context, s dht.Scope, holders []*dht.Contact, hints []dht.Hint, most int) (dht.Gotten, error) {
	return drive(ctx, c, func(r *dht.Router, done func(time.Time, dht.Gotten)) {
		r.GetFrom(time.Now(), s, holders, hints, most, done)
	})
}

// Watch has a node tell of packages as they come.
func (c *Client) Watch(ctx context.Context, holder *dht.Contact, hints []dht.Hint, notice func(packages [][]byte)) (time.Duration, error) {
	var node *Node
	for s := range dht.Scopes {
		for _, x := range c.net.Nodes(s) {
			if x.Contact.Key == holder.Key {
				node = x
			}
		}
	}
	if err := c.wait(ctx, c.dark.Load() || node == nil); err != nil {
		return 0, err
	}
	if c.dark.Load() || node == nil {
		return 0, context.DeadlineExceeded
	}
	from := c.asker
	from.Scope = node.scope
	var answer dht.Message = node.Holder.Watch(time.Now(), from, dht.Watch{Hints: hints}, func(m dht.Notify) {
		if c.dark.Load() {
			return
		}
		if lie := node.lie.Load(); lie != nil {
			m, _ = (*lie)(dht.Watch{}, m).(dht.Notify)
		}
		go notice(m.Packages) // it comes over the network
	})
	if lie := node.lie.Load(); lie != nil {
		answer = (*lie)(dht.Watch{Hints: hints}, answer)
	}
	w, ok := answer.(dht.Watching)
	if !ok || w.Lease == 0 {
		return 0, cmp.Or(ctx.Err(), context.DeadlineExceeded)
	}
	return time.Duration(w.Lease) * time.Second, nil
}
