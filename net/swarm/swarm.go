// Package swarm keeps one live, authenticated connection to each peer: it
// listens, dials whom it is told of, keeps the better of two connections,
// notices when a peer leaves or vanishes, and hands streams to the handlers of
// their protocols. It obeys net/PROTOCOL.md, sections 1 and 3 to 5.
//
// It does not find peers (net/lan does), knows no messages of people and keeps
// nothing on disk. Only net/messenger uses it.
package swarm

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"dione/crypto/identity"
	"dione/net/secure"
)

// Handler serves one stream that the peer of conn has opened. The stream is
// closed when it returns, which it must soon after the stream's end. ctx ends
// with the swarm, not with conn: what came before the end can still be read.
type Handler func(ctx context.Context, conn *Conn, stream net.Conn)

// Guest takes over a connection that somebody has dialled in another realm
// than the swarm's, until ctx ends.
type Guest func(ctx context.Context, conn *secure.Conn)

// Config configures a Swarm. A zero field means its default.
type Config struct {
	Endpoint  *secure.Endpoint   // required
	Self      identity.ID        // required
	Listen    []netip.AddrPort   // [::]:0: all addresses of both families, any port
	Instance  [8]byte            // name of this run on the LAN; required for links over it
	MaxPeers  int                // links over the LAN at a time, and as many others; 256
	Handle    map[string]Handler // handlers of streams, by protocol
	Guest     Guest              // takes connections of another realm; required if Endpoint has one beside
	Transport Transport          // TCP
	Log       *slog.Logger       // nothing is logged if nil
}

// defaultMaxPeers is the LAN up to which everybody is connected with everybody:
// 256 idle links cost 30 MB, 1 % of a core and 75 kB/s each way for their pings.
const defaultMaxPeers = 256

// maxPending is how many events wait for their reader before peers have to.
const maxPending = 1024

// Path is the way by which a peer is connected.
type Path uint8

// The paths.
const (
	PathDirect Path = iota // dialled by its peer ID at a known address
	PathLAN                // dialled by the LAN instance of an advert
)

// String returns "direct" or "lan".
func (p Path) String() string {
	if p == PathLAN {
		return "lan"
	}
	return "direct"
}

// Event is a fact about the links to peers. Only this package makes events.
type Event interface{ event() }

type (
	// Up says that Conn is the live connection to its peer from now on, in
	// place of any former one.
	Up struct{ Conn *Conn }

	// Down says that no connection to a peer is left. Path is that of the
	// last one, Reason tells why it ended.
	Down struct {
		ID     identity.ID
		Path   Path
		Reason string
	}

	// InUse says that two processes use the identity ID at the same time and
	// the second was refused: by us, or, when ID is our own, to us.
	InUse struct{ ID identity.ID }

	// Full says that somebody is not connected because Limit others are.
	Full struct{ Limit int }
)

func (Up) event()    {}
func (Down) event()  {}
func (InUse) event() {}
func (Full) event()  {}

// ErrStopped says that the swarm has ended.
var ErrStopped = errors.New("swarm has stopped")

// Swarm keeps the connections of one process. Make it with [New], bind it with
// [Swarm.Listen], start it with [Swarm.Run].
type Swarm struct {
	cfg       Config
	log       *slog.Logger
	listeners []net.Listener
	bound     []netip.AddrPort // the listeners' addresses, with their true ports

	events  chan Event
	inbox   chan func(context.Context) // what the loop is to do, within its context
	hints   chan hint
	stopped chan struct{}  // closed when the loop has ended
	wg      sync.WaitGroup // every goroutine that Run has to join
	traffic traffic

	registry // only the loop touches it
}

// New makes a Swarm; it starts nothing.
func New(cfg Config) (*Swarm, error) {
	if cfg.Endpoint == nil || cfg.Self.IsZero() {
		return nil, errors.New("swarm: Endpoint and Self are required")
	}
	if len(cfg.Listen) == 0 {
		cfg.Listen = []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), 0)}
	}
	if cfg.MaxPeers == 0 {
		cfg.MaxPeers = defaultMaxPeers
	}
	if cfg.Transport.Listen == nil {
		cfg.Transport.Listen = listenTCP
	}
	if cfg.Transport.Dial == nil {
		cfg.Transport.Dial = dialTCP
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Swarm{
		cfg:      cfg,
		log:      cfg.Log,
		events:   make(chan Event),
		inbox:    make(chan func(context.Context)),
		hints:    make(chan hint, 2*defaultMaxPeers), // one round of adverts and more
		stopped:  make(chan struct{}),
		traffic:  traffic{live: make(map[*secure.Conn]struct{})},
		registry: newRegistry(),
	}, nil
}

// Events is where the links are told of. Somebody has to read it: when too
// many events wait, new peers do as well.
func (s *Swarm) Events() <-chan Event { return s.events }

// Bytes returns what all connections since the start have received and sent.
func (s *Swarm) Bytes() (in, out uint64) { return s.traffic.sum() }

// Run serves until ctx ends. Then it takes leave of every peer and returns nil
// once everything it started has ended.
func (s *Swarm) Run(ctx context.Context) error {
	for _, ln := range s.listeners {
		s.wg.Go(func() { s.accept(ctx, ln) })
	}
	s.loop(ctx)
	close(s.stopped)
	s.wg.Wait()
	return nil
}

// loop owns the registry.
func (s *Swarm) loop(ctx context.Context) {
	for {
		var out chan<- Event // nil, so never ready, unless something waits to be told
		var next Event
		inbox, hints := s.inbox, s.hints
		if len(s.pending) > 0 {
			out, next = s.events, s.pending[0]
		}
		if len(s.pending) >= maxPending {
			inbox, hints = nil, nil
		}
		select {
		case out <- next:
			s.pending = s.pending[1:]
		case do := <-inbox:
			do(ctx)
		case h := <-hints:
			s.hinted(ctx, h)
		case <-ctx.Done():
			return
		}
	}
}

// post gives the loop something to do, and reports whether it took it.
func (s *Swarm) post(do func(context.Context)) bool {
	select {
	case s.inbox <- do:
		return true
	case <-s.stopped:
		return false
	}
}

// traffic sums up what connections carry.
type traffic struct {
	mu      sync.Mutex
	live    map[*secure.Conn]struct{}
	in, out uint64 // of those that have ended
}

func (t *traffic) add(c *secure.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[c] = struct{}{}
}

func (t *traffic) remove(c *secure.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, c)
	in, out := c.Bytes()
	t.in, t.out = t.in+in, t.out+out
}

func (t *traffic) sum() (in, out uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in, out = t.in, t.out
	for c := range t.live {
		i, o := c.Bytes()
		in, out = in+i, out+o
	}
	return in, out
}
