// Package node is the DHT node as a whole: its identity, its endpoint, net/dht
// and what it holds for others on the disk. `dione node` runs one alone,
// net/messenger one beside the chat, on the same port.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dione/crypto/handshake"
	"dione/crypto/identity"
	"dione/net/address"
	"dione/net/dht"
	"dione/net/secure"
	"dione/net/wire"
	"dione/store"
)

// Mode is what part a node plays.
type Mode string

// The modes.
const (
	Auto   Mode = "auto"   // a server where others can reach it
	Server Mode = "server" // a server in any case
	Client Mode = "client" // asks, and holds nothing
	Off    Mode = "off"    // no node at all
)

const (
	// mainZeros is the work that joining the main network costs: some seconds,
	// once for each profile. A private network trusts its members.
	mainNetwork, mainZeros = "main", 16

	defaultCapacity = 512 << 20

	saveEvery = 10 * time.Minute // tables
	seedEvery = 10 * time.Minute // names of seeds are looked up again while nobody is known
	statEvery = time.Minute
)

// Config configures a Node. A zero field means its default.
type Config struct {
	Network  string         // name of the network; "main"
	Mode     Mode           // Auto; not Off
	Parcels  *store.Parcels // key, tables and packages; nil: a client, under a new key at each start
	Problem  error          // why Parcels is nil; State tells it
	Capacity int64          // bytes of packages for others; 512 MiB
	Seeds    []string       // multiaddrs, with the node's ID, to begin with
	Log      *slog.Logger   // nothing is logged if nil
}

// Node is a node of the DHT. Its methods may be called by many goroutines, and
// wait for Run where they need it.
type Node struct {
	cfg Config
	log *slog.Logger

	ready    chan struct{} // closed when what follows is set
	problem  error         // why nothing can be kept in this run
	id       identity.ID
	bound    []netip.AddrPort
	endpoint *secure.Endpoint
	dht      *dht.Node
	holder   *dht.Holder

	mu      sync.Mutex
	unknown error // of the last look-up of the seeds
}

// New returns a node that does nothing before Run.
func New(cfg Config) (*Node, error) {
	if cfg.Mode == "" {
		cfg.Mode = Auto
	}
	if cfg.Parcels == nil {
		cfg.Mode = Client
	}
	if cfg.Network == "" {
		cfg.Network = mainNetwork
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = defaultCapacity
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for _, s := range cfg.Seeds {
		if _, _, err := address.Parse(s); err != nil {
			return nil, err
		}
	}
	return &Node{cfg: cfg, log: cfg.Log, ready: make(chan struct{})}, nil
}

// zeros is what joining the network costs.
func (n *Node) zeros() int {
	if n.cfg.Network == mainNetwork {
		return mainZeros
	}
	return 0
}

// Endpoint returns what answers the nodes that dial us, nil as long as the
// node has no key.
func (n *Node) Endpoint() *secure.Endpoint {
	select {
	case <-n.ready:
		return n.endpoint
	default:
		return nil
	}
}

// key returns the node's key. The first one is searched for: see [dht.Key.Solves].
// Where it cannot be kept, the node is a client: nobody should look for it when
// it is gone.
func (n *Node) key(ctx context.Context) (identity.Key, error) {
	if n.cfg.Parcels == nil {
		n.problem = n.cfg.Problem
		return n.search(ctx)
	}
	search := func() (identity.Key, error) { return n.search(ctx) }
	key, err := n.cfg.Parcels.NodeKey(search)
	if err == nil && !dht.KeyOf(key.ID()).Solves(n.zeros()) { // it was made for another network
		if key, err = search(); err == nil {
			err = n.cfg.Parcels.SetNodeKey(key)
		}
	}
	if err == nil || ctx.Err() != nil {
		return key, err
	}
	n.log.LogAttrs(ctx, slog.LevelWarn, "the key of the node cannot be kept", slog.Any("error", err))
	n.problem, n.cfg.Mode = fmt.Errorf("keep the key of the node: %w", err), Client
	return search()
}

// search makes keys until one does for the network.
func (n *Node) search(ctx context.Context) (identity.Key, error) {
	n.log.Info("making the key of the node; in the main network this takes some seconds, once")
	for ctx.Err() == nil {
		key, err := identity.Generate(rand.Reader)
		if err != nil {
			return key, fmt.Errorf("make the key of the node: %w", err)
		}
		if dht.KeyOf(key.ID()).Solves(n.zeros()) {
			return key, nil
		}
	}
	return identity.Key{}, ctx.Err()
}

// Run takes part in the network until ctx ends. bound is where others reach us,
// all with the port of the first; nothing if they do not. It returns nil after
// an orderly end.
func (n *Node) Run(ctx context.Context, bound []netip.AddrPort) error {
	key, err := n.key(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if err := n.prepare(key, bound); err != nil {
		return err
	}
	close(n.ready)
	n.log.Info("node of the network", slog.String("node", n.id.String()), slog.String("mode", string(n.cfg.Mode)))
	n.recall()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.dht.Run(ctx) })
	g.Go(func() error { n.keepTables(ctx); return nil })
	g.Go(func() error { n.seed(ctx); return nil })
	g.Go(func() error { n.tell(ctx); return nil })
	return g.Wait()
}

func (n *Node) prepare(key identity.Key, bound []netip.AddrPort) (err error) {
	n.id, n.bound = key.ID(), bound
	port := uint16(0)
	if len(bound) > 0 && n.cfg.Mode != Client {
		port = bound[0].Port()
	}
	n.endpoint, err = secure.NewEndpoint(secure.Config{
		Realm:   handshake.DHT,
		Network: wire.NetworkID(n.cfg.Network),
		Key:     key,
		Log:     n.log,
	})
	if err != nil {
		return fmt.Errorf("prepare the transport of the node: %w", err)
	}
	cfg := dht.NodeConfig{
		Router: dht.RouterConfig{ID: n.id, Port: port, Zeros: n.zeros(), Server: n.cfg.Mode == Server},
		Dial:   n.dial,
		Log:    n.log,
	}
	if port != 0 {
		n.holder = dht.NewHolder(dht.HolderConfig{Shelf: shelf{n.cfg.Parcels}, Capacity: n.cfg.Capacity, Log: n.log})
		cfg.Keep = func(near dht.Neighbours) dht.Keeper {
			n.holder.Join(near)
			return n.holder
		}
	}
	n.dht = dht.NewNode(cfg)
	return nil
}

// dial connects to another node, from where it can dial us back.
func (n *Node) dial(ctx context.Context, id identity.ID, addr netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	for _, b := range n.bound {
		from := b.Addr()
		if !from.IsUnspecified() && from.Is4() == addr.Addr().Is4() && from.IsLoopback() == addr.Addr().IsLoopback() {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
			break
		}
	}
	raw, err := d.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	return n.endpoint.Client(ctx, raw, secure.Target{ID: id})
}

// Serve has answered what the node at the other end of conn asks, until that or
// Run ends. conn is closed then.
func (n *Node) Serve(conn *secure.Conn) {
	from, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || n.Endpoint() == nil {
		_ = conn.Close() // nothing was said on it
		return
	}
	n.dht.Serve(conn, conn.Peer(), from.AddrPort())
}

// recall begins with the servers that were known before.
func (n *Node) recall() {
	if n.cfg.Parcels == nil {
		return
	}
	for s := range dht.Scopes {
		b, err := n.cfg.Parcels.Table(uint8(s))
		if err != nil || b == nil {
			if err != nil {
				n.log.Warn("the table of former servers cannot be read", slog.Any("error", err))
			}
			continue
		}
		contacts, err := dht.DecodeContacts(b)
		if err != nil {
			n.log.Warn("the table of former servers cannot be read", slog.Any("error", err))
			continue
		}
		slices.Reverse(contacts) // who answered last is asked first
		n.dht.Hear(contacts)
	}
}

// keepTables saves the servers that are known now and then, and at the end.
func (n *Node) keepTables(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			n.saveTables()
			return
		}
		n.saveTables()
	}
}

func (n *Node) saveTables() {
	if n.cfg.Parcels == nil {
		return
	}
	for s := range dht.Scopes {
		contacts := n.dht.Contacts(s)
		if len(contacts) == 0 {
			continue // what was known before is better than nothing
		}
		b, err := dht.EncodeContacts(contacts)
		if err == nil {
			err = n.cfg.Parcels.SetTable(uint8(s), b)
		}
		if err != nil {
			n.log.Warn("the table of servers cannot be saved", slog.Any("error", err))
		}
	}
}

// seed begins with the nodes that the user has named, as long as no others are
// known.
func (n *Node) seed(ctx context.Context) {
	if len(n.cfg.Seeds) == 0 {
		return
	}
	tick := time.NewTicker(seedEvery)
	defer tick.Stop()
	for {
		var err error
		if st := n.dht.Stats(); st.Servers[dht.Wide]+st.Servers[dht.Near] == 0 {
			if err = n.Hear(ctx, n.cfg.Seeds); err != nil && ctx.Err() == nil {
				n.log.LogAttrs(ctx, slog.LevelWarn, "a seed is not found", slog.Any("error", err))
			}
		}
		n.mu.Lock()
		n.unknown = err
		n.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Hear tells of nodes, as multiaddrs with their IDs: what somebody else has
// said of them, or the user. Names are looked up, which may take a while. The
// error is that of the last name which has no address.
func (n *Node) Hear(ctx context.Context, nodes []string) (err error) {
	if _, err := n.DHT(ctx); err != nil {
		return err
	}
	for _, s := range nodes {
		where, id, bad := address.Parse(s)
		if bad != nil || id == n.id {
			continue // one that this version does not know, or ourselves
		}
		addrs, bad := address.LookUp(ctx, []string{where})
		var dns *net.DNSError
		if errors.As(bad, &dns) {
			bad = fmt.Errorf("%s: %s", dns.Name, dns.Err)
		}
		if bad != nil {
			err = fmt.Errorf("find the node %s: %w", s, bad)
		}
		if len(addrs) > 0 {
			n.dht.Hear([]*dht.Contact{dht.NewContact(id, addrs[:min(len(addrs), dht.MaxAddrs)]...)})
		}
	}
	return err
}

// tell logs what the node knows and does, when it has changed.
func (n *Node) tell(ctx context.Context) {
	tick := time.NewTicker(statEvery)
	defer tick.Stop()
	var last dht.Stats
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if st := n.dht.Stats(); st.Servers != last.Servers || st.Serves != last.Serves {
			n.log.Info("network", slog.Int("servers", st.Servers[dht.Wide]), slog.Int("near", st.Servers[dht.Near]),
				slog.Bool("server", st.Serves[dht.Wide]), slog.Bool("near server", st.Serves[dht.Near]))
			last = st
		}
	}
}

// State is what a node knows, does and holds.
type State struct {
	dht.Stats
	ID       identity.ID
	Mode     Mode
	Held     int64 // bytes of packages for others
	Capacity int64
	Err      error // why none can be kept now; nil if they can, or are not to be
	Lost     error // why those that were held before are lost; nil if they are not
	Unknown  error // why a seed that the user has named is not to be found
}

// State returns what the node knows and does now; false before it has a key,
// with no more than what is wrong.
func (n *Node) State() (State, bool) {
	if n.Endpoint() == nil {
		return State{Err: n.cfg.Problem}, false
	}
	st := State{Stats: n.dht.Stats(), ID: n.id, Mode: n.cfg.Mode, Err: n.problem}
	if n.holder != nil {
		st.Capacity = n.cfg.Capacity
		st.Held = n.holder.Held()
		st.Err = n.holder.Problem()
	}
	if n.cfg.Parcels != nil {
		st.Lost = n.cfg.Parcels.Lost()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	st.Unknown = n.unknown
	return st, true
}

// DHT returns the node's part in the network once it has a key.
func (n *Node) DHT(ctx context.Context) (*dht.Node, error) {
	select {
	case <-n.ready:
		return n.dht, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
