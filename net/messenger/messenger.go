// Package messenger is the engine of the program: it joins the network, the
// cryptography and the store into conversations between people.
//
// One goroutine, the loop, owns everything that changes: who is near, what is
// in flight, what waits to be told. What reaches it, a frame from a peer or a
// call from a screen, is handled in batches; each batch is committed to the
// store in one transaction, and only then is anything of it acknowledged,
// shown or sent. The rules it keeps are those of net/PROTOCOL.md, section
// "Conversations".
//
// It draws nothing and knows no terminal: screens call its methods and read
// [Messenger.Events].
package messenger

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"

	"dione/crypto/handshake"
	"dione/crypto/identity"
	"dione/crypto/pqxdh"
	"dione/net/lan"
	"dione/net/node"
	"dione/net/secure"
	"dione/net/swarm"
	"dione/net/wire"
	"dione/store"
)

// Config configures a Messenger. A zero field means its default.
type Config struct {
	Name        string                // own name for this run, and kept by a new profile; the one kept
	DefaultName string                // own name of a new profile when Name is empty; "anonymous"
	Network     string                // name of the network; "main"
	Listen      []multiaddr.Multiaddr // where to listen; all addresses, on the port kept in the profile
	NoLAN       bool                  // no discovery of people on the LAN
	Node        *node.Node            // part in the DHT; nil: none
	Transport   swarm.Transport       // how others are reached; TCP
	RuntimeDir  string                // where processes of one host find each other; the user's runtime directory
	Log         *slog.Logger          // nothing is logged if nil
}

// The keys under which the engine keeps small things in the store.
const (
	metaName = "name"
	metaPort = "port"
)

// shutdownTime bounds how long a stopping engine tries to hand out what is
// already committed, mostly acknowledgements.
const shutdownTime = 2 * time.Second

// Messenger is the engine of one profile. Make it with [New], start it with
// [Messenger.Run]; its methods work while Run does, and reading ones before.
type Messenger struct {
	cfg      Config
	log      *slog.Logger
	store    *store.Store
	keys     pqxdh.Self  // who we are
	selfID   identity.ID // of keys.Key, which takes long to tell
	instance [8]byte     // of this run, for the LAN; tells nothing about who we are
	swarm    *swarm.Swarm
	events   chan Event
	calls    chan input      // from screens
	frames   chan input      // from peers
	kick     chan struct{}   // asks LAN discovery for a burst
	hints    chan lan.Peer   // from LAN discovery
	lanState chan lan.Status // from LAN discovery
	typing   typing
	self     atomic.Pointer[Self]
	listens  chan struct{}  // closed when Self has addresses
	stopped  chan struct{}  // closed when the loop has ended
	changed  bell           // rung after each commit
	chats    sync.WaitGroup // dials of contacts, and serveChat of the links that we dialled

	idle    sync.Mutex // held by whoever is the loop before Run
	running bool       // Run has begun; guarded by idle

	// Only the loop touches what follows.
	people   map[identity.ID]*person
	twins    map[twin]int
	pending  queue
	restored Notice      // that the profile was made out of a backup, until a screen has it
	todo     []input     // what follows from the batch that is being committed
	held     []input     // frames whose commit failed: kept until the disk takes them
	failing  bool        // the last commit failed
	retry    *time.Timer // when held is tried again
	asked    *time.Timer // when who was asked for keys should have answered
	dials    dials
	mails    mails
	meetings meetings
	sweeps   *time.Timer  // when messages are deleted that are to go
	swept    map[Chat]int // texts that are deleted already of chats that are being deleted
	net      Net
	meter    meter
}

// New makes the engine of the profile in st: at the first start it makes the
// identity. It listens nowhere yet and starts nothing.
func New(cfg Config, st *store.Store) (*Messenger, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Network = cmp.Or(cfg.Network, "main")
	m := &Messenger{
		cfg:      cfg,
		log:      cfg.Log,
		store:    st,
		typing:   typing{told: make(map[Chat]time.Time), seen: make(map[identity.ID]map[bool]time.Time)},
		events:   make(chan Event),
		calls:    make(chan input, maxBatch),
		frames:   make(chan input, maxBatch),
		kick:     make(chan struct{}, 1),
		hints:    make(chan lan.Peer, 64),
		lanState: make(chan lan.Status, 1),
		listens:  make(chan struct{}),
		stopped:  make(chan struct{}),
		people:   make(map[identity.ID]*person),
		twins:    make(map[twin]int),
		dials:    dials{timer: time.NewTimer(time.Hour), ended: make(chan dialled)}, // set when the loop begins
		mails:    mails{timer: time.NewTimer(time.Hour)},
		meetings: meetings{timer: time.NewTimer(time.Hour)},
		sweeps:   time.NewTimer(time.Hour),
		swept:    make(map[Chat]int),
	}
	if cfg.NoLAN {
		m.net.LANOff = "switched off by the settings"
	}
	_, _ = rand.Read(m.instance[:]) // never fails (crypto/rand)
	name, port, err := m.load()
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	id := m.selfID
	m.self.Store(&Self{ID: id, Name: name, Tag: id.Tag()})

	endpoint, err := secure.NewEndpoint(secure.Config{
		Realm:   handshake.Chat,
		Network: wire.NetworkID(cfg.Network),
		Key:     m.keys.Key,
		Beside:  m.besideChat,
		Log:     cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the transport: %w", err)
	}
	listen, err := listenAddrs(cfg.Listen, port)
	if err != nil {
		return nil, err
	}
	m.swarm, err = swarm.New(swarm.Config{
		Endpoint:  endpoint,
		Self:      id,
		Listen:    listen,
		Instance:  m.instance,
		Handle:    map[string]swarm.Handler{chatProtocol: m.serveChat},
		Guest:     func(_ context.Context, conn *secure.Conn) { cfg.Node.Serve(conn) },
		Transport: cfg.Transport,
		Log:       cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare connections: %w", err)
	}
	return m, nil
}

// load reads who we are and whom we know, and makes the identity and the name
// of a new profile.
func (m *Messenger) load() (name string, port uint16, err error) {
	err = m.store.Update(context.Background(), func(tx *store.Tx) error {
		if err := m.loadKeys(tx); err != nil {
			return err
		}
		if name, err = m.loadName(tx); err != nil {
			return err
		}
		if err := m.readUp(tx); err != nil {
			return err
		}
		kept, ok, err := tx.Meta(metaPort)
		if err != nil {
			return err
		}
		if n, err := strconv.ParseUint(kept, 10, 16); ok && err == nil {
			port = uint16(n)
		}
		contacts, err := tx.Contacts()
		if err != nil {
			return err
		}
		for _, c := range contacts {
			m.addPerson(c)
		}
		return nil
	})
	return name, port, err
}

// loadKeys reads who we are. A new profile becomes somebody by it.
func (m *Messenger) loadKeys(tx *store.Tx) error {
	key, ok, err := tx.Identity()
	if err != nil {
		return err
	}
	if !ok {
		if key, err = identity.Generate(rand.Reader); err != nil {
			return err
		}
		if err := tx.SetIdentity(key); err != nil {
			return err
		}
	}
	m.keys.Key, m.selfID = key, key.ID()
	kept, ok, err := tx.IdentityKey()
	if err != nil {
		return err
	}
	if ok {
		m.keys.IK, err = pqxdh.IdentityFromBytes(kept)
		return err
	}
	if m.keys.IK, err = pqxdh.NewIdentity(rand.Reader); err != nil {
		return err
	}
	return tx.SetIdentityKey(m.keys.IK.Bytes())
}

// loadName reads our own name. The one given for this run is kept only by a
// profile that has none yet.
func (m *Messenger) loadName(tx *store.Tx) (string, error) {
	given := wire.CleanName(m.cfg.Name)
	kept, ok, err := tx.Meta(metaName)
	if err != nil {
		return "", err
	}
	if !ok {
		kept = cmp.Or(given, wire.CleanName(m.cfg.DefaultName), "anonymous")
		err = tx.SetMeta(metaName, kept)
	}
	return cmp.Or(given, kept), err
}

// Run listens, looks for people and serves the conversations until ctx ends,
// and then hands out what is committed and takes leave of everybody. It
// returns nil after an orderly end.
func (m *Messenger) Run(ctx context.Context) error {
	m.idle.Lock()
	m.running = true
	m.idle.Unlock()
	err := m.tellRestored(ctx)
	if err == nil {
		err = m.listen(ctx)
	}
	if err != nil {
		close(m.stopped)
		if ctx.Err() != nil {
			return nil // it was to end before it had begun
		}
		return err
	}
	// The network outlives the loop by a moment, so that acknowledgements of
	// what the loop committed last still leave.
	netCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	g, netCtx := errgroup.WithContext(netCtx)
	g.Go(func() error { return m.swarm.Run(netCtx) })
	if !m.cfg.NoLAN {
		g.Go(func() error { return m.runLAN(netCtx) })
	}
	if m.cfg.Node != nil {
		g.Go(func() error { return m.runNode(netCtx) })
	}
	loopCtx, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(netCtx, stop) // a network that failed ends the engine

	m.loop(loopCtx, netCtx)
	close(m.stopped)
	m.flush()
	cancel()
	err = g.Wait()
	m.chats.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// listen binds the kept port, or another one for this run when it is taken.
func (m *Messenger) listen(ctx context.Context) error {
	err := m.swarm.Listen(ctx)
	var taken *swarm.PortTakenError
	if errors.As(err, &taken) && len(m.cfg.Listen) == 0 {
		m.pending.push(Notice{Text: fmt.Sprintf("port %d is taken by another program: using another one for this run", taken.Port)})
		err = m.swarm.ListenAnyPort(ctx)
	} else if err == nil && len(m.cfg.Listen) == 0 {
		err = m.keepPort(ctx)
	}
	if err != nil {
		return fmt.Errorf("listen for peers: %w", err)
	}
	self := m.Self()
	self.Addrs = m.swarm.Addrs()
	m.self.Store(&self)
	close(m.listens)
	m.net.Addrs = self.Addrs
	m.pending.push(Ready{Self: self})
	return nil
}

func (m *Messenger) keepPort(ctx context.Context) error {
	return m.store.Update(ctx, func(tx *store.Tx) error {
		return tx.SetMeta(metaPort, strconv.Itoa(int(m.swarm.Port())))
	})
}

// flush gives the links a bounded time to send what is committed.
func (m *Messenger) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	for _, p := range m.people {
		if p.link != nil {
			p.link.finish(ctx)
		}
	}
}
