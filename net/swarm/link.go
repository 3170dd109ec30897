package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/time/rate"

	"dione/net/wire"
)

// This file holds the link stream of a connection: who is there, ping, pong,
// renewal and goodbye.

// pace is how often a connection is tried, and for how long it may be silent.
type pace struct{ ping, deadline time.Duration }

var paces = [...]pace{
	// Home routers forget a connection after a few minutes of silence.
	PathDirect: {30 * time.Second, 75 * time.Second},
	// A pulled cable shows within 3.5 s; one lost packet is no pulled cable.
	PathLAN: {time.Second, 3500 * time.Millisecond},
}

const (
	// linkProtocol is the name of the stream.
	linkProtocol = "link"

	// greetTime bounds what comes between the handshake and the first frames
	// of the link stream.
	greetTime = 5 * time.Second

	// byeTime is how long a leaving side waits for its Bye to be heard.
	byeTime = 300 * time.Millisecond

	// linkRate and linkOnce are how many link frames a peer may send a second
	// and at once; more of them wait until the stream's window is full.
	linkRate, linkOnce = 10, 20

	// maxAge and maxBytes are what a connection is used for, at most, before
	// its dialler makes a new one (crypto/PROTOCOL.md, section 4).
	maxAge   = 24 * time.Hour
	maxBytes = 64 << 30
)

// greet opens the link stream: the dialler begins it, over the LAN with its
// instance, so that its adverts lead nowhere while it is connected.
func (c *Conn) greet() error {
	// yamux has waits that no deadline ends, but closing ends them all.
	timeout := time.AfterFunc(greetTime, func() { _ = c.mux.Close() })
	defer timeout.Stop()
	if err := c.openLink(); err != nil {
		return fmt.Errorf("greet %s: %w", c.id.Short(), err)
	}
	return nil
}

func (c *Conn) openLink() error {
	if c.dialled {
		stream, err := c.session.OpenStream()
		if err != nil {
			return err
		}
		c.link, c.linkRead = stream, wire.NewLinkReader(stream)
		first := wire.AppendHeader(nil, wire.Header{Protocol: linkProtocol, Version: version})
		if c.path == PathLAN {
			first = wire.AppendLink(first, wire.Instance{ID: c.swarm.cfg.Instance})
		}
		_, err = stream.Write(first)
		return err
	}
	stream, err := c.session.AcceptStream()
	if err != nil {
		return err
	}
	h, err := wire.ReadHeader(stream)
	if err != nil {
		return err
	}
	if h.Protocol != linkProtocol || h.Version != version {
		return fmt.Errorf("first stream speaks %q version %d, want %q version %d", h.Protocol, h.Version, linkProtocol, version)
	}
	c.link, c.linkRead = stream, wire.NewLinkReader(stream)
	if c.path != PathLAN {
		return nil
	}
	msg, _, err := c.linkRead.ReadLink()
	if err != nil {
		return err
	}
	first, ok := msg.(wire.Instance)
	if !ok {
		return fmt.Errorf("link stream begins with %T, want an instance", msg)
	}
	c.instance = first.ID
	return nil
}

// readLink serves the link stream until its end.
func (c *Conn) readLink() {
	limit := rate.NewLimiter(linkRate, linkOnce)
	for {
		msg, _, err := c.linkRead.ReadLink()
		if err != nil {
			if !c.session.IsClosed() { // else keep tells why
				c.Close(linkError(err))
			}
			return
		}
		switch msg := msg.(type) {
		case wire.Ping:
			select {
			case c.linkQueue <- wire.Pong{}:
			case <-c.done:
			}
		case wire.Pong:
			select {
			case c.pong <- struct{}{}:
			default:
			}
		case wire.Renew:
			if c.dialled {
				c.Close("renews what it has not dialled")
				return
			}
			c.swarm.post(func(context.Context) { c.swarm.renewed(c) })
		case wire.Bye:
			close(c.goodbye)
			c.finish(cause{said: true, bye: msg})
			return
		case wire.Instance:
			c.Close("tells its instance out of place")
			return
		}
		if !c.mux.throttle(limit) {
			return
		}
	}
}

func linkError(err error) string {
	if errors.Is(err, io.EOF) {
		return "link stream ended"
	}
	return err.Error()
}

// writeLink is the only writer of the link stream. The last it writes is the
// goodbye, if this side ends the connection.
func (c *Conn) writeLink() {
	for {
		select {
		case msg := <-c.linkQueue:
			if _, err := c.link.Write(wire.AppendLink(nil, msg)); err != nil {
				c.finish(cause{kind: lost, err: err})
				return
			}
		case <-c.done:
			if c.end.ours() {
				_, _ = c.link.Write(wire.AppendLink(nil, c.end.bye)) // else the peer will notice without
			}
			return
		}
	}
}

// answers pings the peer and reports whether it answers within askTime.
func (c *Conn) answers() bool {
	select {
	case <-c.pong: // of an earlier ping
	default:
	}
	timer := time.NewTimer(askTime)
	defer timer.Stop()
	select {
	case c.linkQueue <- wire.Ping{}:
	case <-timer.C:
		return false
	case <-c.done:
		return false
	}
	select {
	case <-c.pong:
		return true
	case <-timer.C:
		return false
	case <-c.done:
		return false
	}
}

// takeLeave waits until the peer has heard why this side ends the connection:
// what is closed with unread data in it takes back what was written last.
func (c *Conn) takeLeave() {
	if !c.end.ours() {
		return
	}
	timer := time.NewTimer(byeTime)
	defer timer.Stop()
	select {
	case <-c.session.CloseChan():
	case <-c.goodbye: // both leave at once
	case <-timer.C:
	}
}

// worn reports whether this side has to make a new connection to take the
// place of this one.
func (c *Conn) worn() bool {
	in, out := c.sec.Bytes()
	return c.dialled && (time.Since(c.mux.born) >= maxAge || in >= maxBytes || out >= maxBytes)
}
