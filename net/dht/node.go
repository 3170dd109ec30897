package dht

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	crand "crypto/rand"

	"dione/crypto/parcel"
)

const (
	askTime   = 2 * time.Second // for an answer
	backTime  = 4 * time.Second // for one that waits for a dial-back
	sweepTime = 3 * time.Second
	leaveTime = 2 * time.Second // for what is pushed to others before a graceful exit
	maxLease  = 12 * time.Minute

	repairAtATime  = 16          // questions of the keeper at a time
	minRepairPause = time.Second // between them
	maxRepairPause = 5 * time.Minute
)

// NodeConfig configures a Node.
type NodeConfig struct {
	Router RouterConfig            // Rand and Open are the node's
	Keep   func(Neighbours) Keeper // makes who answers for packages; nil: the node holds none
	Dial   Dial                    // required
	Log    *slog.Logger            // nothing is logged if nil
}

// Node is a Router on real connections. It is safe for concurrent use.
type Node struct {
	cfg    NodeConfig
	log    *slog.Logger
	keeper Keeper // nil: the node holds nothing
	pool   *pool
	served served
	wg     sync.WaitGroup

	mu     sync.Mutex
	router *Router
	kick   chan struct{} // the time of the next call of Next may have changed
	at     time.Time
	ctx    context.Context // of Run; nil before and after
	ended  chan struct{}   // closed when Run ends
}

// ErrNoServer says that no server of the network is reachable.
var ErrNoServer = errors.New("no mailbox node is reachable")

// NewNode returns a node that does nothing before Run.
func NewNode(cfg NodeConfig) *Node {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails (crypto/rand)
	n := &Node{cfg: cfg, log: cfg.Log, pool: newPool(cfg.Dial), kick: make(chan struct{}, 1), ended: make(chan struct{})}
	cfg.Router.Rand = rand.New(rand.NewChaCha8(seed))
	cfg.Router.Open = n.pool.open
	n.router = NewRouter(cfg.Router, time.Now())
	if cfg.Keep != nil {
		n.keeper = cfg.Keep(lockedTables{n})
	}
	return n
}

// Run asks and keeps up until ctx ends. Then it pushes what nobody else may
// hold to others, for two seconds at most, and returns when everything that it
// began has ended.
func (n *Node) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	n.mu.Lock()
	n.ctx = work
	n.drive()
	n.mu.Unlock()
	repair := time.NewTimer(0)
	defer repair.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	sweep := time.NewTicker(sweepTime)
	defer sweep.Stop()
	for {
		select {
		case <-n.kick:
		case <-timer.C:
			n.do(func(*Router, time.Time) {})
		case <-repair.C:
			repair.Reset(n.repair())
			continue
		case <-sweep.C:
			n.pool.sweep(time.Now())
			continue
		case <-ctx.Done():
			n.leave(work)
			n.mu.Lock()
			n.ctx = nil // nothing is begun any more
			close(n.ended)
			n.mu.Unlock()
			stop()
			n.pool.close()
			n.wg.Wait()
			return nil
		}
		n.mu.Lock()
		timer.Reset(time.Until(n.at))
		n.mu.Unlock()
	}
}

// do does something with the router and asks what it wants asked then.
func (n *Node) do(f func(r *Router, now time.Time)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n.router, time.Now())
	n.drive()
}

// drive asks what the router wants asked; n.mu is held.
func (n *Node) drive() {
	if n.ctx == nil {
		return
	}
	due, at := n.router.Next(time.Now())
	for _, q := range due {
		ctx := n.ctx
		n.wg.Go(func() { n.ask(ctx, q) })
	}
	n.at = at
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// ask asks one question and tells the router what came of it.
func (n *Node) ask(ctx context.Context, q Query) {
	answer, to, err := n.exchange(ctx, q.To, q.Ask)
	if err != nil {
		n.log.LogAttrs(ctx, slog.LevelDebug, "no answer", slog.Any("node", q.To.Key), slog.String("question", strings.TrimPrefix(fmt.Sprintf("%T", q.Ask), "dht.")), slog.Any("error", err))
	}
	q.To = to
	n.do(func(r *Router, now time.Time) { r.Answered(now, q, answer) })
}

// exchange asks c over a connection that is open, or a new one. It returns c
// with the address at which it was reached.
func (n *Node) exchange(ctx context.Context, c *Contact, m Message) (Message, *Contact, error) {
	limit := askTime
	if p, ok := m.(Ping); ok && p.Dial {
		limit = backTime
	}
	e, err := n.pool.get(ctx, c)
	if err != nil {
		return nil, c, err
	}
	if len(c.Addrs) != 1 || c.Addrs[0] != e.addr {
		c = &Contact{ID: c.ID, Key: c.Key, Addrs: []netip.AddrPort{e.addr}}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer, err := e.link.ask(ctx, m)
	return answer, c, err
}

func (n *Node) handle(now time.Time, from Asker, m Message, answer func(Message)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx == nil {
		answer(Unsupported{})
		return
	}
	n.router.Handle(now, from, m, answer)
	n.drive()
}

func (n *Node) serves(s Scope) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.router.Serves(s)
}

// repair asks what the keeper wants asked, and tells when to do so again.
func (n *Node) repair() time.Duration {
	k := n.keeper
	if k == nil {
		return maxRepairPause
	}
	due, again := k.Repair(time.Now(), repairAtATime)
	for _, q := range due {
		n.do(func(r *Router, _ time.Time) {
			r.Ask(q, func(now time.Time, m Message) {
				// Not here, where the router is held: the keeper asks it for neighbours.
				n.wg.Go(func() { k.Repaired(now, q, m) })
			})
		})
	}
	return min(max(time.Until(again), minRepairPause), maxRepairPause)
}

// await runs begin, which calls done once, and waits for that.
func await[T any](ctx context.Context, n *Node, begin func(r *Router, now time.Time, done func(time.Time, T))) (T, error) {
	result := make(chan T, 1)
	n.do(func(r *Router, now time.Time) {
		begin(r, now, func(_ time.Time, t T) { result <- t })
	})
	select {
	case t := <-result:
		return t, nil
	case <-n.ended:
		var none T
		return none, errShut
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Hear tells of nodes to begin with. They need not be servers.
func (n *Node) Hear(contacts []*Contact) {
	n.do(func(r *Router, now time.Time) {
		for s := range Scopes {
			r.Hear(now, s, contacts)
		}
	})
}

// Lookup finds the servers of a scope nearest to a place.
func (n *Node) Lookup(ctx context.Context, s Scope, target Key, how LookupConfig) (Nearby, error) {
	return await(ctx, n, func(r *Router, now time.Time, done func(time.Time, Nearby)) { r.Lookup(now, s, target, how, done) })
}

// Put puts packages and tombstones of one location at the servers of a scope
// nearest to it. A package that nobody has taken is an error that says why;
// what holders have answered is returned all the same.
func (n *Node) Put(ctx context.Context, s Scope, location Key, packages ...[]byte) (Placed, error) {
	p, err := await(ctx, n, func(r *Router, now time.Time, done func(time.Time, Placed)) {
		r.Put(now, s, location, packages, done)
	})
	if err != nil {
		return p, err
	}
	return p, p.err()
}

// PutAt is Put at servers that are known, the nearest first. It leaves it to
// its caller what to make of the answers.
func (n *Node) PutAt(ctx context.Context, s Scope, holders []*Contact, packages ...[]byte) (Placed, error) {
	return await(ctx, n, func(r *Router, now time.Time, done func(time.Time, Placed)) {
		r.PutAt(now, s, holders, packages, done)
	})
}

// GetFrom is Get at servers that are known, and this node itself.
func (n *Node) GetFrom(ctx context.Context, s Scope, holders []*Contact, hints []Hint, most int) (Gotten, error) {
	return n.get(ctx, hints, func(r *Router, now time.Time, missing []Hint, done func(time.Time, Gotten)) {
		r.GetFrom(now, s, holders, missing, most, done)
	})
}

// Offset tells how far the clocks of others are ahead of ours: see
// [Router.Offset].
func (n *Node) Offset() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.router.Offset()
}

// Servers tells how many servers are known in a scope that have answered when
// they were asked last. Those of a network that we have left have not.
func (n *Node) Servers(s Scope) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.router.Sure(s)
}

// Open reports whether there is a connection to a server, by which asking it
// costs little.
func (n *Node) Open(s Scope, k Key) bool { return n.pool.open(s, k) }

// Whole reports whether all servers of a scope are known, so that a lookup
// asks nobody.
func (n *Node) Whole(s Scope) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.router.Whole(time.Now(), s)
}

// err says why a package of p has no holder; nil if each has one.
func (p Placed) err() error {
	if p.Servers == 0 {
		return ErrNoServer
	}
	for i, n := range p.Holders {
		if n > 0 {
			continue
		}
		why := make(map[string]int)
		for _, a := range p.Answers {
			if a.Package == i {
				why[a.Stored.Result.String()]++
			}
		}
		var words []string
		for reason, n := range why {
			words = append(words, fmt.Sprintf("%s ×%d", reason, n))
		}
		slices.Sort(words)
		return fmt.Errorf("put package %d of %d: no holder has taken it: %s", i+1, len(p.Holders), strings.Join(words, ", "))
	}
	return nil
}

// Get looks for packages of one location in a scope, at most of its holders
// until all are found. What is missing is not in the result. What the node
// holds itself is looked through first: in a small network it is the holder of
// what its own user waits for.
func (n *Node) Get(ctx context.Context, s Scope, location Key, how LookupConfig, hints []Hint, most int) (Gotten, error) {
	return n.get(ctx, hints, func(r *Router, now time.Time, missing []Hint, done func(time.Time, Gotten)) {
		r.Get(now, s, location, how, missing, most, done)
	})
}

func (n *Node) get(ctx context.Context, hints []Hint, begin func(r *Router, now time.Time, missing []Hint, done func(time.Time, Gotten))) (Gotten, error) {
	own := n.own(hints)
	missing := slices.DeleteFunc(slices.Clone(hints), func(h Hint) bool { return own[h] != nil })
	if len(missing) == 0 {
		return Gotten{Packages: own}, nil
	}
	g, err := await(ctx, n, func(r *Router, now time.Time, done func(time.Time, Gotten)) { begin(r, now, missing, done) })
	if err == nil {
		maps.Copy(g.Packages, own)
	}
	return g, err
}

// own returns what the node holds itself.
func (n *Node) own(hints []Hint) map[Hint][]byte {
	found := make(map[Hint][]byte)
	if n.keeper == nil {
		return found
	}
	self := Asker{ID: n.router.cfg.ID, Node: n.router.Self(), Scope: Near}
	for part := range slices.Chunk(hints, MaxHints) {
		for _, b := range n.keeper.GetMany(time.Now(), self, GetMany{Hints: part}).Packages {
			if p, err := parcel.Check(b); err == nil {
				found[p.Address.Hint()] = b
			}
		}
	}
	return found
}

// Watch has a holder tell of packages as soon as they come, in the place of
// those that were watched there before; none end that. It returns for how long.
// notice must not block.
func (n *Node) Watch(ctx context.Context, holder *Contact, hints []Hint, notice func(packages [][]byte)) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime+askTime)
	defer cancel()
	e, err := n.pool.get(ctx, holder)
	if err != nil {
		return 0, fmt.Errorf("watch at node %s: %w", holder.Key, err)
	}
	e.link.watch(func(m Notify) { notice(m.Packages) })
	answer, err := e.link.ask(ctx, Watch{Hints: hints})
	if err != nil {
		return 0, fmt.Errorf("watch at node %s: %w", holder.Key, err)
	}
	w, ok := answer.(Watching)
	if !ok || w.Lease == 0 {
		return 0, fmt.Errorf("watch at node %s: it does not", holder.Key)
	}
	lease := min(time.Duration(w.Lease)*time.Second, maxLease)
	e.link.mu.Lock()
	e.link.lease = time.Now().Add(lease)
	e.link.mu.Unlock()
	return lease, nil
}

// lockedTables is what a holder needs of the tables, under the node's lock.
type lockedTables struct{ n *Node }

func (h lockedTables) Self() Key { return h.n.router.Self() }

func (h lockedTables) Nearest(s Scope, target Key, n int) []*Contact {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	return h.n.router.Nearest(s, target, n)
}

func (h lockedTables) Servers(s Scope) int {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	return h.n.router.Servers(s)
}

func (h lockedTables) Departures(s Scope) float64 {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	return h.n.router.Departures(s)
}

// Contacts returns the servers that are known in a scope, those that answered
// last first.
func (n *Node) Contacts(s Scope) []*Contact {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.router.Contacts(s)
}

// Stats is what a node knows and does.
type Stats struct {
	Servers  [Scopes]int  // that are known
	Serves   [Scopes]bool // whether it is one itself
	Links    int          // connections that it has dialled
	Guests   int          // connections of others
	Asked    uint64       // questions since the start
	Silent   uint64       // of those, without an answer
	BytesIn  uint64       // of the network, since the start
	BytesOut uint64
}

// Stats returns what the node knows and does now.
func (n *Node) Stats() Stats {
	n.mu.Lock()
	st := Stats{Asked: n.router.Counts().Asked, Silent: n.router.Counts().Silent}
	for s := range Scopes {
		st.Servers[s], st.Serves[s] = n.router.Servers(s), n.router.Serves(s)
	}
	n.mu.Unlock()
	st.Links = n.pool.len()
	n.served.mu.Lock()
	st.Guests = n.served.total
	n.served.mu.Unlock()
	in, out := n.pool.sum.bytes()
	in2, out2 := n.served.sum.bytes()
	st.BytesIn, st.BytesOut = in+in2, out+out2
	return st
}
