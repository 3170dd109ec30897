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
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
)

// Config configures [Run].
type Config struct {
	Instance   [8]byte      // random, of this run; it tells nothing about who we are
	Network    [32]byte     // peers of other networks are left alone
	Port       uint16       // TCP port at which we listen
	RuntimeDir string       // where processes of one host find each other; [RuntimeDir]()
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
	SameHost   string // why other processes of this host cannot be found without a network; "" if they can
}

// Interface is how discovery stands on one network interface.
type Interface struct {
	Name    string
	Addrs   []netip.Addr
	Problem string // why nobody can be found there, and the remedy; "" if somebody can
}

// Run makes this peer known and sends hints at others to found until ctx
// ends. A value on kick asks for a burst of queries now. It returns nil then;
// trouble with the network is told in [Status] and never ends it.
func Run(ctx context.Context, cfg Config, found chan<- Peer, kick <-chan struct{}) error {
	cfg = cfg.complete()
	m := newMulticast(cfg)
	defer m.close()
	files := newSameHost(cfg)
	defer files.close()
	newRunner(cfg, m, files, found).run(ctx, kick)
	return nil
}

// Check looks whether discovery works here, by asking on every interface until
// this host has heard itself. It is for reports, and is done in a second.
func Check(ctx context.Context, log *slog.Logger) Status {
	cfg := Config{Instance: newInstance(), Port: minPort, Log: log}.complete()
	m := newMulticast(cfg)
	defer m.close()
	files := newSameHost(cfg)
	defer files.close()
	r := newRunner(cfg, m, files, nil)
	r.look()
	for range deafAfter {
		r.judge(m.query(ctx, r.ifs, queryTime))
		if ctx.Err() != nil || !slices.ContainsFunc(r.missed, func(n int) bool { return n > 0 }) {
			break
		}
	}
	return r.status
}

func (cfg Config) complete() Config {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Status == nil {
		cfg.Status = func(Status) {}
	}
	if cfg.RuntimeDir == "" {
		cfg.RuntimeDir = RuntimeDir()
	}
	return cfg
}

// echoes reports whether a host hears what it asks itself. Windows leaves that
// to the receiver, and Go has it off.
const echoes = runtime.GOOS != "windows"

func newInstance() (i [8]byte) {
	rand.Read(i[:]) // never fails
	return i
}

// instanceName is how an advert and a file name a peer.
func instanceName(i [8]byte) string { return hex.EncodeToString(i[:]) }

// parseInstance reads an instance as instanceName writes it, and only so.
func parseInstance(s string) (i [8]byte, ok bool) {
	if len(s) != 2*len(i) {
		return i, false
	}
	_, err := hex.Decode(i[:], []byte(s))
	return i, err == nil && instanceName(i) == s
}
