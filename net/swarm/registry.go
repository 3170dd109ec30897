package swarm

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dione/crypto/identity"
	"dione/net/wire"
)

// This file holds who is connected. The rules are:
//   - only the loop touches the registry;
//   - nothing in it waits: what takes time runs beside it and posts what came
//     of it;
//   - to each Up of a peer comes one Down, and only when no connection is left.

const (
	// askTime is how long an old connection may take to prove that it lives.
	askTime = time.Second

	// graceTime is how long a peer whose connection was lost stays present
	// while nobody has said that it is gone.
	graceTime = 700 * time.Millisecond

	// renewTime is how long the announcement of a new connection holds.
	renewTime = 10 * time.Second

	// flapTime is how long a connection must have lasted for its loss to be
	// worth dialling at once; else two peers could keep each other busy.
	flapTime = time.Second

	// tellAgain is how long the user is not told again of an identity in use
	// elsewhere.
	tellAgain = 10 * time.Minute
)

// registry is the state of the loop.
type registry struct {
	peers     map[identity.ID]*peer
	instances map[[8]byte]*Conn         // live connections over the LAN
	links     map[Path]int              // live or lost a moment ago
	told      map[identity.ID]time.Time // when InUse was told
	full      bool                      // Full was told, and there was no room since
	pending   []Event
	dials
}

func newRegistry() registry {
	return registry{
		peers:     make(map[identity.ID]*peer),
		instances: make(map[[8]byte]*Conn),
		links:     make(map[Path]int),
		told:      make(map[identity.ID]time.Time),
		dials:     newDials(),
	}
}

// peer is somebody for whom an Up was told and no Down yet.
type peer struct {
	conn  *Conn // the live connection; nil while it is lost and may come back
	rival *Conn // waits until conn has proved to be dead
	path  Path
	turns int // counts Ups and losses, so that what was set off by an old one is void
}

// admission is what became of a connection: Conn is the live one.
type admission struct {
	conn *Conn
	err  error
}

// arrive greets over an authenticated connection and hands it to the loop.
func (s *Swarm) arrive(c *Conn) error {
	if err := c.greet(); err != nil {
		c.discard()
		return err
	}
	if !s.post(func(ctx context.Context) { s.admit(ctx, c) }) {
		c.discard()
		return ErrStopped
	}
	return nil
}

// admit decides on a new connection.
func (s *Swarm) admit(ctx context.Context, c *Conn) {
	s.wg.Go(func() { c.run(ctx) })
	p := s.peers[c.id]
	switch {
	case p == nil && s.links[c.path] >= s.cfg.MaxPeers:
		s.refuse(c, wire.Full)
		s.tellFull()
	case p == nil || p.conn == nil:
		s.up(ctx, c)
	case p.rival != nil:
		switch decide(s.cfg.Self, c.id, p.rival.facts(), c.facts()) {
		case keepOld:
			s.refuse(c, wire.Replaced)
		case keepNew:
			s.refuse(p.rival, wire.Replaced)
			p.rival = c
		case askOld:
			s.refuse(c, wire.InUse)
		}
	default:
		switch decide(s.cfg.Self, c.id, p.conn.facts(), c.facts()) {
		case keepOld:
			s.refuse(c, wire.Replaced)
		case keepNew:
			s.up(ctx, c)
		case askOld:
			p.rival = c
			old := p.conn
			s.wg.Go(func() {
				lives := old.answers()
				s.post(func(ctx context.Context) { s.answered(ctx, old, lives) })
			})
		}
	}
}

func (c *Conn) facts() facts {
	f := facts{
		dialler:  c.id,
		static:   c.sec.Static(),
		instance: c.instance,
		path:     c.path,
		age:      time.Since(c.mux.born),
		renewing: time.Now().Before(c.renewUntil),
	}
	if c.dialled {
		f.dialler = c.swarm.cfg.Self
	}
	return f
}

// answered ends the contest of an old connection and its rival.
func (s *Swarm) answered(ctx context.Context, old *Conn, lives bool) {
	p := s.peers[old.id]
	if p == nil || p.conn != old || p.rival == nil {
		return
	}
	rival := p.rival
	p.rival = nil
	if !lives {
		s.up(ctx, rival)
		return
	}
	s.refuse(rival, wire.InUse)
	s.tellInUse(old.id)
}

// refuse ends a connection that is not to be the live one.
func (s *Swarm) refuse(c *Conn, why wire.Reason) {
	c.finish(ended(wire.Bye{Reason: why}))
	if why == wire.Replaced {
		c.admission(admission{conn: s.peers[c.id].conn})
		return
	}
	c.admission(admission{err: fmt.Errorf("connect to %s: %s", c.id.Short(), why)})
}

// admission tells who dialled, if somebody waits for it.
func (c *Conn) admission(a admission) {
	if c.admitted != nil {
		c.admitted <- a
		c.admitted = nil
	}
}

// up makes c the live connection to its peer.
func (s *Swarm) up(ctx context.Context, c *Conn) {
	p := s.peers[c.id]
	if p == nil {
		p = &peer{}
		s.peers[c.id] = p
	} else {
		s.links[p.path]--
	}
	old := p.conn
	if old != nil {
		s.forgetInstance(old)
		old.finish(ended(wire.Bye{Reason: wire.Replaced}))
	}
	p.conn, p.path = c, c.path
	p.turns++
	s.links[c.path]++
	if c.path == PathLAN {
		s.instances[c.instance] = c
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "connected", slog.Any("peer", c.id), slog.String("path", c.path.String()),
		slog.Bool("dialled", c.dialled), slog.Any("addr", c.addr), slog.Bool("again", old != nil))
	s.emit(Up{c})
	close(c.live)
	c.admission(admission{conn: c})
}

// ended takes note of the end of a connection.
func (s *Swarm) ended(ctx context.Context, c *Conn) {
	why := c.end
	c.admission(admission{err: fmt.Errorf("connect to %s: %s", c.id.Short(), why)})
	if why.said && why.bye.Reason == wire.InUse {
		s.tellInUse(s.cfg.Self)
	}
	s.punish(c)
	p := s.peers[c.id]
	switch {
	case p == nil:
	case p.rival == c:
		p.rival = nil
	case p.conn != c: // another one is live
	case p.rival != nil:
		rival := p.rival
		p.rival = nil
		s.up(ctx, rival)
	default:
		p.conn = nil
		p.turns++
		s.forgetInstance(c)
		switch {
		case why.kind == lost:
			s.await(ctx, c, p)
			s.redial(ctx, c, p)
		case why.said && why.bye.Reason == wire.Replaced:
			s.await(ctx, c, p) // the other one is on its way to us
		default:
			s.down(c.id, why.String())
		}
	}
}

// await gives a lost peer graceTime to come back.
func (s *Swarm) await(ctx context.Context, c *Conn, p *peer) {
	turn := p.turns
	s.after(ctx, graceTime, func() { s.gone(c, p, turn) })
}

// gone ends the presence of a peer, unless something has happened since turn.
func (s *Swarm) gone(c *Conn, p *peer, turn int) {
	if s.peers[c.id] == p && p.turns == turn {
		s.down(c.id, c.end.String())
	}
}

func (s *Swarm) down(id identity.ID, reason string) {
	p := s.peers[id]
	delete(s.peers, id)
	s.links[p.path]--
	s.full = s.full && s.links[PathLAN] >= s.cfg.MaxPeers
	s.emit(Down{ID: id, Path: p.path, Reason: reason})
}

// renew makes a new connection to take the place of c, which is worn.
func (s *Swarm) renew(ctx context.Context, c *Conn) {
	p := s.peers[c.id]
	if p == nil || p.conn != c || time.Now().Before(c.renewUntil) {
		return
	}
	c.renewUntil = time.Now().Add(renewTime)
	select {
	case c.linkQueue <- wire.Renew{}:
	default:
		return // it is stuck; the next ping tries again
	}
	s.dialAgain(ctx, c, renewTime, func(error) {})
}

// renewed takes note of the peer's announcement of a new connection.
func (s *Swarm) renewed(c *Conn) { c.renewUntil = time.Now().Add(renewTime) }

func (s *Swarm) forgetInstance(c *Conn) {
	if s.instances[c.instance] == c {
		delete(s.instances, c.instance)
	}
}

func (s *Swarm) emit(ev Event) { s.pending = append(s.pending, ev) }

// tellFull says once that there is no room, until there is again.
func (s *Swarm) tellFull() {
	if !s.full {
		s.full = true
		s.emit(Full{s.cfg.MaxPeers})
	}
}

// tellInUse says that id is used twice, now and then: the other process will
// go on trying.
func (s *Swarm) tellInUse(id identity.ID) {
	now := time.Now()
	for other, at := range s.told {
		if now.Sub(at) >= tellAgain {
			delete(s.told, other)
		}
	}
	if _, told := s.told[id]; !told {
		s.told[id] = now
		s.emit(InUse{id})
	}
}

// after lets the loop do something later.
func (s *Swarm) after(ctx context.Context, d time.Duration, do func()) {
	s.wg.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			s.post(func(context.Context) { do() })
		case <-ctx.Done():
		}
	})
}
