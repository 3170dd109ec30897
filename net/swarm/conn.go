package swarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/time/rate"

	"dione/crypto/identity"
	"dione/net/secure"
	"dione/net/wire"
)

const (
	// version is that of every protocol in net/PROTOCOL.md, section 1.
	version = 1

	// headerTime is how long a peer may take to say what a stream is for.
	headerTime = 5 * time.Second

	// openRate and openOnce are how many streams a peer may open a second and
	// at once. More of them wait, and behind the backlog are reset.
	openRate, openOnce = 10, maxStreams
)

// Conn is one connection to a peer. It is live from its [Up] until the next
// one of the same peer or its end.
type Conn struct {
	swarm    *Swarm
	id       identity.ID
	path     Path
	dialled  bool
	addr     netip.AddrPort // what was dialled; else what the peer dialled from
	instance [8]byte        // the peer's, over the LAN; else zero
	sec      *secure.Conn
	mux      *muxConn
	session  *yamux.Session
	pace     pace
	wg       sync.WaitGroup // every goroutine that run has to join

	link      net.Conn              // the link stream, there once greeted
	linkRead  *wire.Reader          //
	linkQueue chan wire.LinkMessage // for writeLink
	pong      chan struct{}         // one slot: the peer has answered a ping
	goodbye   chan struct{}         // closed when the peer's Bye is read

	live chan struct{} // closed by the registry at the Up
	done chan struct{} // closed at the end, and cause is set then
	once sync.Once
	end  cause

	// Only the registry touches what follows.
	renewUntil time.Time // its dialler has said that a new one comes by then
	admitted   chan<- admission
}

// newConn makes a connection of an authenticated one. addr is what was
// dialled, or invalid. It starts yamux, which run or discard ends.
func (s *Swarm) newConn(sec *secure.Conn, path Path, addr netip.AddrPort) *Conn {
	c := &Conn{
		swarm:     s,
		id:        sec.Peer(),
		path:      path,
		dialled:   sec.Initiator(),
		addr:      addr,
		sec:       sec,
		mux:       newMuxConn(sec),
		pace:      paces[path],
		linkQueue: make(chan wire.LinkMessage, 4),
		pong:      make(chan struct{}, 1),
		goodbye:   make(chan struct{}),
		live:      make(chan struct{}),
		done:      make(chan struct{}),
	}
	open := yamux.Server
	if c.dialled {
		open = yamux.Client
		if path == PathLAN {
			c.instance = [8]byte(sec.DialKey())
		}
	} else if from, ok := AddrPort(sec.RemoteAddr()); ok {
		c.addr = from
	}
	var err error
	if c.session, err = open(c.mux, muxConfig(s.log)); err != nil {
		panic("swarm: yamux: " + err.Error()) // the configuration is constant
	}
	s.traffic.add(sec)
	return c
}

// ID returns who the peer is.
func (c *Conn) ID() identity.ID { return c.id }

// Path returns the way by which the peer is connected.
func (c *Conn) Path() Path { return c.path }

// Dialled reports whether this side has dialled.
func (c *Conn) Dialled() bool { return c.dialled }

// RemoteAddr returns the peer's network address.
func (c *Conn) RemoteAddr() net.Addr { return c.sec.RemoteAddr() }

// Bytes returns what the connection has received and sent so far.
func (c *Conn) Bytes() (in, out uint64) { return c.sec.Bytes() }

// Done is closed when the connection has ended. What its streams have received
// until then can still be read.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close ends the connection because the peer did what it may not, which reason
// says to it and to the log. It does not wait.
func (c *Conn) Close(reason string) {
	if len(reason) > wire.MaxReason {
		reason = reason[:wire.MaxReason]
	}
	c.finish(ended(wire.Bye{Reason: wire.Broken, Text: strings.ToValidUTF8(reason, "")}))
}

// Open opens a stream on which protocol is spoken.
func (c *Conn) Open(ctx context.Context, protocol string) (net.Conn, error) {
	stream, err := c.session.OpenStream()
	if err != nil {
		return nil, fmt.Errorf("open a %s stream to %s: %w", protocol, c.id.Short(), err)
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.SetWriteDeadline(time.Unix(1, 0)) })
	_, err = stream.Write(wire.AppendHeader(nil, wire.Header{Protocol: protocol, Version: version}))
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = stream.Close() // the error that counts is at hand
		return nil, fmt.Errorf("open a %s stream to %s: %w", protocol, c.id.Short(), err)
	}
	return stream, nil
}

// cause is why a connection has ended.
type cause struct {
	kind causeKind
	err  error    // of lost and abused
	bye  wire.Bye // of byBye
	said bool     // bye was the peer's; else it is ours
}

type causeKind uint8

const (
	byBye  causeKind = iota // somebody ended it
	lost                    // the transport failed or was closed: the peer may be there still
	silent                  // nothing came for too long
	abused                  // the peer broke the rules in a way that leaves no stream for a Bye
)

// ours reports whether this side has ended the connection, and has to say so.
func (c cause) ours() bool { return c.kind == byBye && !c.said }

// ended is that this side ends the connection, as bye says.
func ended(bye wire.Bye) cause { return cause{bye: bye} }

func (c cause) String() string {
	switch {
	case c.kind == silent:
		return "nothing heard any more"
	case c.kind == abused:
		return fmt.Sprintf("%s: %s", wire.Broken, c.err)
	case c.kind == lost:
		return "connection lost: " + c.err.Error()
	case c.said && c.bye.Text != "":
		return fmt.Sprintf("%s: %q", c.bye.Reason, c.bye.Text) // a stranger's text
	case c.bye.Text != "":
		return fmt.Sprintf("%s: %s", c.bye.Reason, c.bye.Text)
	}
	return c.bye.Reason.String()
}

// finish ends the connection for the first cause given. It does not wait.
func (c *Conn) finish(why cause) {
	c.once.Do(func() {
		c.end = why
		close(c.done)
	})
}

// discard ends a connection that never ran.
func (c *Conn) discard() {
	_ = c.session.Close() // always nil
	c.swarm.traffic.remove(c.sec)
}

// run keeps the connection until its end and joins all that serves it. The
// link stream is there already.
func (c *Conn) run(ctx context.Context) {
	c.wg.Go(c.readLink)
	c.wg.Go(c.writeLink)
	c.wg.Go(func() { c.acceptStreams(ctx) })
	c.keep(ctx)
	c.swarm.log.LogAttrs(ctx, slog.LevelInfo, "connection ended", slog.Any("peer", c.id), slog.String("reason", c.end.String()))
	c.swarm.post(func(ctx context.Context) { c.swarm.ended(ctx, c) })
	c.takeLeave()
	_ = c.session.Close() // always nil; ends every read and write
	c.wg.Wait()
	c.swarm.traffic.remove(c.sec)
}

// keep pings, and waits for the end, which it finds out itself when it is the
// peer's silence or the transport's.
func (c *Conn) keep(ctx context.Context) {
	timer := time.NewTimer(c.pace.ping)
	defer timer.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ctx.Done():
			c.finish(ended(wire.Bye{Reason: wire.Leaving}))
			return
		case <-c.session.CloseChan():
			c.finish(c.failure())
			return
		case <-timer.C:
		}
		quiet := c.mux.silence()
		if quiet >= c.pace.deadline {
			c.finish(cause{kind: silent})
			return
		}
		next := c.pace.ping - quiet
		if next <= 0 {
			select {
			case c.linkQueue <- wire.Ping{}:
			default: // the last ones have not left yet
			}
			next = min(c.pace.ping, c.pace.deadline-quiet)
		}
		if c.worn() {
			c.swarm.post(func(ctx context.Context) { c.swarm.renew(ctx, c) })
		}
		timer.Reset(next)
	}
}

// failure is why yamux has given up.
func (c *Conn) failure() cause {
	err := c.mux.err()
	switch {
	case err == nil:
		return cause{kind: abused, err: errors.New("not a stream of yamux")}
	case errors.Is(err, errAbuse):
		return cause{kind: abused, err: err}
	}
	return cause{kind: lost, err: err}
}

// acceptStreams serves the streams that the peer opens, once the registry has
// chosen this connection.
func (c *Conn) acceptStreams(ctx context.Context) {
	select {
	case <-c.live:
	case <-c.done:
		return
	}
	limit := rate.NewLimiter(openRate, openOnce)
	for {
		stream, err := c.session.AcceptStream()
		if err != nil {
			return // keep tells why
		}
		if c.session.NumStreams() > maxStreams {
			c.Close("too many streams")
			return
		}
		c.wg.Go(func() { c.serveStream(ctx, stream) })
		if !c.mux.throttle(limit) {
			return
		}
	}
}

// serveStream gives one stream to the handler of its protocol.
func (c *Conn) serveStream(ctx context.Context, stream *yamux.Stream) {
	defer stream.Close()
	_ = stream.SetReadDeadline(time.Now().Add(headerTime)) // always nil
	h, err := wire.ReadHeader(stream)
	_ = stream.SetReadDeadline(time.Time{})
	if err != nil {
		c.swarm.log.LogAttrs(ctx, slog.LevelDebug, "stream without header", slog.Any("peer", c.id), slog.Any("error", err))
		return
	}
	handle := c.swarm.cfg.Handle[h.Protocol]
	if handle == nil || h.Version != version {
		c.swarm.log.LogAttrs(ctx, slog.LevelDebug, "stream of an unknown protocol", slog.Any("peer", c.id),
			slog.String("protocol", h.Protocol), slog.Uint64("version", h.Version))
		return
	}
	handle(ctx, c, stream)
}
