package swarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"dione/crypto/identity"
	"dione/net/secure"
	"dione/net/wire"
)

// This file holds dialling. An advert of the LAN is a stranger's word, so it
// can make us knock at doors; the limits here keep that from hurting anybody.

const (
	// maxDials is how many instances of the LAN are dialled at a time.
	maxDials = 8

	// lanTime and directTime bound one dial with everything that belongs to
	// it. A LAN answers within milliseconds or not at all.
	lanTime, directTime = 2 * time.Second, 10 * time.Second

	// eyeballTime is how long one address has before the next one is tried
	// beside it (RFC 8305 recommends 250 ms for the internet).
	eyeballTime = 100 * time.Millisecond

	// minBackoff and maxBackoff bound the pause after a dial that failed.
	minBackoff, maxBackoff = time.Second, 30 * time.Second

	// maxAddrs is how many addresses of one instance are tried.
	maxAddrs = 8

	// maxTargets is how many instances are remembered; behind it those not
	// heard of for longest are forgotten.
	maxTargets = 1024

	// hostRate and hostOnce are how often one IP address is dialled a second
	// and at once, whatever adverts say: an honest host runs a few processes.
	hostRate, hostOnce = 2, 32
)

// hint is an advert of the LAN.
type hint struct {
	instance [8]byte
	addrs    []netip.AddrPort
}

// target is an instance that adverts tell of.
type target struct {
	instance [8]byte
	addrs    []netip.AddrPort
	seen     time.Time
	busy     bool // dialled, or waiting in the queue
	failures int
	notUntil time.Time // not dialled before
}

// dials is the part of the registry that dials adverts.
type dials struct {
	targets map[[8]byte]*target
	hosts   map[netip.Addr]*rate.Limiter
	queue   []*target
	running int
}

func newDials() dials {
	return dials{targets: make(map[[8]byte]*target), hosts: make(map[netip.Addr]*rate.Limiter)}
}

// Hint says that instance may be reached at addrs. It is dialled at once unless
// it is connected or has just failed. Hint never waits: what does not fit is
// dropped, and comes again with the next round of queries.
func (s *Swarm) Hint(instance [8]byte, addrs []netip.AddrPort) {
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(a netip.AddrPort) bool { return !canDial(a) })
	select {
	case s.hints <- hint{instance, addrs[:min(len(addrs), maxAddrs)]}:
	default:
	}
}

// canDial reports whether a names one host: the unspecified address would lead
// back to this one.
func canDial(a netip.AddrPort) bool {
	return a.IsValid() && a.Port() != 0 && !a.Addr().IsUnspecified() && !a.Addr().IsMulticast()
}

// hinted takes a hint.
func (s *Swarm) hinted(ctx context.Context, h hint) {
	if h.instance == s.cfg.Instance || len(h.addrs) == 0 {
		return
	}
	now := time.Now()
	t := s.targets[h.instance]
	if t == nil {
		if !s.forgetTarget() {
			return // its next advert may find room
		}
		t = &target{instance: h.instance}
		s.targets[h.instance] = t
	}
	t.addrs, t.seen = h.addrs, now
	if t.busy || s.instances[h.instance] != nil || now.Before(t.notUntil) {
		return
	}
	if s.links[PathLAN] >= s.cfg.MaxPeers {
		s.tellFull()
		return
	}
	t.busy = true
	s.queue = append(s.queue, t)
	s.dialNext(ctx)
}

// forgetTarget makes room for one more, if it can.
func (s *Swarm) forgetTarget() bool {
	if len(s.targets) < maxTargets {
		return true
	}
	var oldest *target
	for _, t := range s.targets {
		if !t.busy && (oldest == nil || t.seen.Before(oldest.seen)) {
			oldest = t
		}
	}
	if oldest == nil {
		return false // all are dialled, or wait for it
	}
	delete(s.targets, oldest.instance)
	return true
}

// dialNext dials from the queue while there is room.
func (s *Swarm) dialNext(ctx context.Context) {
	for s.running < maxDials && len(s.queue) > 0 {
		t := s.queue[0]
		s.queue = s.queue[1:]
		addrs := slices.DeleteFunc(slices.Clone(t.addrs), func(a netip.AddrPort) bool { return !s.mayDial(a.Addr()) })
		if len(addrs) == 0 || s.instances[t.instance] != nil {
			t.busy = false
			continue
		}
		s.running++
		s.wg.Go(func() {
			err := s.connect(ctx, lanTime, secure.Target{DialKey: t.instance[:]}, PathLAN, addrs, nil)
			s.post(func(ctx context.Context) { s.dialled(ctx, t, err) })
		})
	}
}

// mayDial takes one dial off the allowance of a host.
func (s *Swarm) mayDial(ip netip.Addr) bool {
	l := s.hosts[ip]
	if l == nil {
		if len(s.hosts) >= maxTargets {
			for other, l := range s.hosts {
				if l.Tokens() >= hostOnce {
					delete(s.hosts, other) // as good as new
				}
			}
		}
		if len(s.hosts) >= maxTargets {
			return false
		}
		l = rate.NewLimiter(hostRate, hostOnce)
		s.hosts[ip] = l
	}
	return l.Allow()
}

// dialled takes note of what came of a dial.
func (s *Swarm) dialled(ctx context.Context, t *target, err error) {
	s.running--
	t.busy = false
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelDebug, "dial failed", slog.Any("error", err), slog.Int("before", t.failures))
		t.backOff()
		if errors.Is(err, secure.ErrOwnID) { // in another process: our instance is not dialled
			t.notUntil = time.Now().Add(tellAgain)
			s.tellInUse(s.cfg.Self)
		}
	}
	s.dialNext(ctx)
}

// backOff puts off the next dial: 1 s, 2 s, 4 s … 30 s, each less up to a half,
// so that many who failed together do not come again together.
func (t *target) backOff() {
	d := min(minBackoff<<min(t.failures, 5), maxBackoff)
	t.failures++
	t.notUntil = time.Now().Add(d/2 + rand.N(d/2))
}

// punish puts off the next dial of whoever has ended c for a reason that will
// hold for a while, and forgives whoever has stayed.
func (s *Swarm) punish(c *Conn) {
	t := s.targets[c.instance]
	if t == nil || c.path != PathLAN {
		return
	}
	if time.Since(c.mux.born) >= maxBackoff {
		t.failures = 0
	}
	switch {
	case c.end.kind == abused, c.end.kind == byBye && c.end.bye.Reason == wire.Broken:
		t.backOff()
	case c.end.kind == byBye && (c.end.bye.Reason == wire.InUse || c.end.bye.Reason == wire.Full):
		t.failures = 5
		t.backOff()
	}
}

// Dial returns the live connection to id, or makes one at one of addrs.
func (s *Swarm) Dial(ctx context.Context, id identity.ID, addrs []netip.AddrPort) (*Conn, error) {
	if id == s.cfg.Self {
		return nil, fmt.Errorf("dial %s: %w", id.Short(), secure.ErrOwnID)
	}
	ctx, cancel := context.WithTimeout(ctx, directTime)
	defer cancel()
	result := make(chan admission, 1)
	ask := func(context.Context) {
		if p := s.peers[id]; p != nil && p.conn != nil {
			result <- admission{conn: p.conn}
			return
		}
		result <- admission{}
	}
	select {
	case s.inbox <- ask:
	case <-s.stopped:
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a := <-result; a.conn != nil {
		return a.conn, nil
	}
	if err := s.connect(ctx, directTime, secure.Target{ID: id, DialKey: id[:]}, PathDirect, addrs, result); err != nil {
		return nil, err
	}
	select {
	case a := <-result:
		return a.conn, a.err
	case <-s.stopped:
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// redial looks at once whether a lost peer is still there. A host that refuses
// has no dione any more.
func (s *Swarm) redial(ctx context.Context, c *Conn, p *peer) {
	if time.Since(c.mux.born) < flapTime {
		return
	}
	turn := p.turns
	limit := lanTime
	if c.path == PathDirect {
		limit = directTime
	}
	s.dialAgain(ctx, c, limit, func(err error) {
		if isRefused(err) {
			s.gone(c, p, turn)
		}
	})
}

// dialAgain dials the peer of c where it is connected, or has just been, and
// lets the loop know.
func (s *Swarm) dialAgain(ctx context.Context, c *Conn, limit time.Duration, then func(error)) {
	to := secure.Target{ID: c.id, DialKey: c.id[:]}
	addr := c.addr
	if c.path == PathLAN {
		to = secure.Target{DialKey: c.instance[:]}
		if !c.dialled { // c.addr is right, but its port is none that listens
			t := s.targets[c.instance]
			if t == nil {
				return
			}
			i := slices.IndexFunc(t.addrs, func(a netip.AddrPort) bool { return a.Addr() == addr.Addr() })
			if i < 0 {
				return
			}
			addr = t.addrs[i]
		}
	} else if !c.dialled {
		return
	}
	s.wg.Go(func() {
		err := s.connect(ctx, limit, to, c.path, []netip.AddrPort{addr}, nil)
		s.post(func(context.Context) { then(err) })
	})
}

// connect dials addrs, the first that answers as the target wins, and hands the
// connection to the loop, which tells result what becomes of it.
func (s *Swarm) connect(ctx context.Context, limit time.Duration, to secure.Target, path Path, addrs []netip.AddrPort, result chan<- admission) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := s.race(ctx, to, path, addrs)
	if err != nil {
		return err
	}
	c.admitted = result
	return s.arrive(c)
}

// race tries addrs one after the other, each eyeballTime after the one before
// or as soon as that has failed, all side by side, and keeps the first that
// completes the handshake. The error is that of the last failure.
func (s *Swarm) race(ctx context.Context, to secure.Target, path Path, addrs []netip.AddrPort) (*Conn, error) {
	if len(addrs) == 0 {
		return nil, errors.New("no address to dial")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		sec  *secure.Conn
		addr netip.AddrPort
		err  error
	}
	results := make(chan result)
	next := time.NewTimer(0)
	defer next.Stop()
	var won result
	var failed error
	for started, finished := 0, 0; finished < len(addrs); {
		select {
		case <-next.C:
			addr := addrs[started]
			started++
			if started < len(addrs) {
				next.Reset(eyeballTime)
			}
			go func() { // joined: every result is received
				sec, err := s.dialOne(ctx, to, addr)
				results <- result{sec, addr, err}
			}()
		case r := <-results:
			finished++
			switch {
			case r.err != nil:
				failed = r.err
				if won.sec == nil && started < len(addrs) {
					next.Reset(0)
				}
			case won.sec != nil:
				_ = r.sec.Close() // a moment too late
			default:
				won = r
				cancel()
				next.Stop()
				finished += len(addrs) - started // those are not tried any more
			}
		}
	}
	if won.sec == nil {
		return nil, failed
	}
	return s.newConn(won.sec, path, won.addr), nil
}

func (s *Swarm) dialOne(ctx context.Context, to secure.Target, addr netip.AddrPort) (*secure.Conn, error) {
	raw, err := s.cfg.Transport.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	sec, err := s.cfg.Endpoint.Client(ctx, raw, to)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return sec, nil
}
