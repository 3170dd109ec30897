// Package lan finds other peers on the networks of this host: by mDNS/DNS-SD
// (RFC 6762, 6763) with hashicorp/mdns, and among the processes of one user on
// one host by small files. The names, TXT keys and limits are those of
// net/PROTOCOL.md, section "Finding each other".
//
// What it finds are hints: "somebody with this instance may listen there".
// A hint proves nothing, expires nobody and costs whoever believes it one
// dial; who is really there is settled by the handshake.
package lan

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"time"
)

// Config configures [Run].
type Config struct {
	Instance   [8]byte      // random, of this run; it tells nothing about who we are
	Network    [32]byte     // peers of other networks are left alone
	Port       uint16       // TCP port at which we listen
	RuntimeDir string       // where processes of one host find each other; the user's runtime directory
	Status     func(Status) // told at start and when something changes; may be nil
	Log        *slog.Logger // nothing is logged if nil
}

// Peer is a hint at a peer.
type Peer struct {
	Instance [8]byte
	Addrs    []netip.AddrPort // best first, at most maxCandidates
}

// Status says whether discovery works, in words for the user.
type Status struct {
	Off        string // why nobody can be found by mDNS; "" if somebody can
	Interfaces []Interface
}

// Interface is how discovery stands on one network interface.
type Interface struct {
	Name    string
	Addrs   []netip.Addr
	Problem string // what does not work there, and the remedy; "" if all does
}

const (
	// maxEntries bounds the peers taken from one round of queries: a LAN has
	// fewer, a forger sends more.
	maxEntries = 256

	// maxCandidates bounds the addresses tried for one peer.
	maxCandidates = 8

	// watchEvery is how often the interfaces are looked at.
	watchEvery = 2 * time.Second

	// wakeAfter is how much longer than watchEvery the wall clock may take
	// between two looks before we take it that the machine slept.
	wakeAfter = 10 * time.Second

	// hintPause is the shortest time between two queries that somebody
	// else's query made us send.
	hintPause = 500 * time.Millisecond
)

// backend is what Run needs of the world; tests have one in memory.
type backend interface {
	// interfaces lists what can be used for discovery now.
	interfaces() ([]iface, error)
	// serve answers queries on ifs from now on, and tells what is in the way.
	serve(ifs []iface) []Interface
	// query asks once on all ifs and waits for the answers: shortly if brief.
	query(ctx context.Context, ifs []iface, brief bool) []Peer
	// asked gets a value when somebody asked for our service.
	asked() <-chan struct{}
	close()
}

// Run makes this peer known and sends hints at others to found until ctx
// ends. A value on kick asks for a burst of queries now. It returns nil then;
// trouble with the network is told in [Status] and never ends it.
func Run(ctx context.Context, cfg Config, found chan<- Peer, kick <-chan struct{}) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Status == nil {
		cfg.Status = func(Status) {}
	}
	files, err := openSameHost(cfg)
	if err != nil {
		// Others of this host may still be found by mDNS.
		cfg.Log.Warn("processes of this host cannot be found by files", slog.Any("error", err))
	}
	defer files.close()
	r := &runner{cfg: cfg, files: files, found: found, backend: newMulticast(cfg)}
	defer r.backend.close()
	r.run(ctx, kick)
	return nil
}

// runner is the state of [Run].
type runner struct {
	cfg     Config
	backend backend
	files   *sameHost // nil if there are none
	found   chan<- Peer

	ifs      []iface
	sign     string // of ifs
	status   Status
	schedule schedule
}

func (r *runner) run(ctx context.Context, kick <-chan struct{}) {
	r.look(true)
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	next := time.NewTimer(0)
	defer next.Stop()
	looked := time.Now()
	var hinted time.Time
	for {
		select {
		case <-next.C:
			r.round(ctx, r.schedule.first())
			next.Reset(r.schedule.next())
		case <-kick:
			r.schedule.reset()
			next.Reset(0)
		case now := <-watch.C:
			slept := now.Round(0).Sub(looked.Round(0)) > watchEvery+wakeAfter // by the wall clock
			looked = now
			if r.look(false) || slept {
				r.schedule.reset()
				next.Reset(0)
			}
		case <-r.backend.asked():
			// Somebody is new here. If its dial cannot reach us, ours may.
			if now := time.Now(); now.Sub(hinted) >= hintPause {
				hinted = now
				r.round(ctx, false)
			}
		case <-ctx.Done():
			return
		}
	}
}

// round asks once and passes on what it hears.
func (r *runner) round(ctx context.Context, brief bool) {
	for _, p := range r.files.read() {
		r.tell(ctx, p)
	}
	for _, p := range r.backend.query(ctx, r.ifs, brief) {
		r.tell(ctx, p)
	}
	select {
	case <-r.backend.asked(): // our own question
	default:
	}
}

func (r *runner) tell(ctx context.Context, p Peer) {
	if p.Instance == r.cfg.Instance || len(p.Addrs) == 0 {
		return
	}
	select {
	case r.found <- p:
	case <-ctx.Done():
	}
}

// look looks at the interfaces and serves them anew if they changed, which it
// reports.
func (r *runner) look(first bool) (changed bool) {
	ifs, err := r.backend.interfaces()
	if err != nil {
		r.cfg.Log.Warn("interfaces cannot be listed", slog.Any("error", err))
		return false
	}
	sign := signature(ifs)
	if sign == r.sign && !first {
		return false
	}
	r.ifs, r.sign = ifs, sign
	r.files.advertise(ifs)
	st := Status{Interfaces: r.backend.serve(ifs)}
	st.Off = off(st.Interfaces)
	r.status = st
	r.cfg.Log.Info("interfaces", slog.Int("usable", len(ifs)), slog.String("off", st.Off))
	r.cfg.Status(st)
	return true
}

// off tells in words why no interface works, or "" if one does.
func off(ifs []Interface) string {
	if len(ifs) == 0 {
		return "no network interface is up"
	}
	for _, i := range ifs {
		if i.Problem == "" {
			return ""
		}
	}
	return ifs[0].Name + ": " + ifs[0].Problem
}

// Check looks once whether discovery would work here, for reports.
func Check(ctx context.Context, log *slog.Logger) Status {
	cfg := Config{Port: 1024, Log: log}
	m := newMulticast(cfg)
	defer m.close()
	ifs, err := m.interfaces()
	if err != nil {
		return Status{Off: err.Error()}
	}
	st := Status{Interfaces: m.serve(ifs)}
	st.Off = off(st.Interfaces)
	return st
}

func instanceName(i [8]byte) string { return hex.EncodeToString(i[:]) }

func parseInstance(s string) (i [8]byte, ok bool) {
	if len(s) != 2*len(i) {
		return i, false
	}
	_, err := hex.Decode(i[:], []byte(s))
	return i, err == nil
}
