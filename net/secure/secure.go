// Package secure turns a net.Conn into an authenticated, encrypted one: the
// handshake of crypto/PROTOCOL.md over a stream, and its records as a
// net.Conn. It bounds what strangers cost before they have proved who they
// are: their number, their rate, their time.
//
// It dials nothing, listens nowhere and keeps nobody; net/swarm does.
package secure

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"dione/crypto/handshake"
	"dione/crypto/identity"
)

const (
	// handshakeTime bounds a whole handshake.
	handshakeTime = 10 * time.Second

	// maxHandshakes bounds those of strangers under way at a time.
	maxHandshakes = 64

	// staticLife is how long one transport key is used.
	staticLife = 24 * time.Hour
)

// Errors on which callers act.
var (
	// ErrOwnID says that we reached ourselves.
	ErrOwnID = handshake.ErrOwnID
	// ErrWrongPeer says that somebody other than the one dialled answers.
	ErrWrongPeer = handshake.ErrWrongPeer
	// ErrClock says that the clocks of the two are too far apart.
	ErrClock = handshake.ErrClock
	// ErrNoAnswer says that nobody we can talk to answers. A wrong network and
	// a wrong version cannot be told apart, by design.
	ErrNoAnswer = errors.New("no dione of this network and version answers there")
	// ErrBusy says that too many strangers want a handshake now.
	ErrBusy = errors.New("too many handshakes at a time")
	// ErrExpired says that a connection has lived or carried enough and a new
	// one has to take its place.
	ErrExpired = errors.New("connection is used up: 24 hours or 64 GiB")
)

// Config configures an Endpoint. A zero field means its default.
type Config struct {
	Realm    handshake.Realm // required
	Network  [32]byte        // SHA-256 of the network's name
	Key      identity.Key    // required
	Features uint64          // bits that the other side is told
	// Beside returns the endpoint of another realm, which answers on the same
	// port; nil while there is none.
	Beside func() *Endpoint
	Built  time.Time // the program's build date, before which no clock is right
	Now    func() time.Time
	Log    *slog.Logger // nothing is logged if nil
}

// Endpoint makes secure connections of one identity in one realm. It is safe
// for concurrent use.
type Endpoint struct {
	cfg   Config
	gate  *gate
	mu    sync.Mutex
	made  time.Time
	cache *handshake.Static
}

// Target is whom a client means: ID, or, zero, whoever knows DialKey.
type Target = handshake.Target

// NewEndpoint makes an endpoint.
func NewEndpoint(cfg Config) (*Endpoint, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e := &Endpoint{cfg: cfg, gate: newGate()}
	_, err := e.static()
	return e, err
}

// static returns the transport key of today.
func (e *Endpoint) static() (*handshake.Static, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.cfg.Now().Round(0) // by the wall: its signature ages while the machine sleeps
	if e.cache != nil && now.Sub(e.made).Abs() < staticLife {
		return e.cache, nil
	}
	signed := now
	if signed.Before(e.cfg.Built) {
		signed = e.cfg.Built
	}
	s, err := handshake.NewStatic(rand.Reader, e.cfg.Key, e.cfg.Realm, e.cfg.Network, signed)
	if err != nil {
		return nil, err
	}
	e.cache, e.made = s, now
	return s, nil
}

func (e *Endpoint) config() (handshake.Config, error) {
	s, err := e.static()
	return handshake.Config{
		Realm:    e.cfg.Realm,
		Network:  e.cfg.Network,
		Static:   s,
		Features: e.cfg.Features,
		Now:      e.cfg.Now(),
		Built:    e.cfg.Built,
	}, err
}

// Client runs the handshake on raw, which it closes if that fails. It is done
// when the other side has said that it is, too.
func (e *Endpoint) Client(ctx context.Context, raw net.Conn, t Target) (*Conn, error) {
	c, err := e.handshake(ctx, raw, func(c *Conn) (*handshake.Handshake, error) {
		cfg, err := e.config()
		if err != nil {
			return nil, err
		}
		c.realm = e.cfg.Realm
		h, first, err := handshake.Dial(cfg, t)
		if err != nil {
			return nil, err
		}
		if _, err := raw.Write(first); err != nil {
			return nil, noAnswer(err)
		}
		for range 2 {
			if err := c.step(h); err != nil {
				return nil, noAnswer(err)
			}
		}
		return h, nil
	})
	if err != nil {
		return nil, err
	}
	c.initiator = true
	return c, nil
}

// noAnswer makes ErrNoAnswer of whatever a peer answers, silence too, unless
// it is an honest dione's answer. Some other server's greeting looks like
// garbage, and a dione that is not meant closes.
func noAnswer(err error) error {
	if errors.Is(err, ErrOwnID) || errors.Is(err, ErrWrongPeer) || errors.Is(err, ErrClock) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// Server answers a handshake on raw, of this realm or of the one beside it, which it closes without a further byte if
// that fails. In the chat realm the client has to name us by one of keys.
func (e *Endpoint) Server(ctx context.Context, raw net.Conn, keys ...[]byte) (*Conn, error) {
	from, ok := e.gate.enter(raw.RemoteAddr())
	if !ok {
		return nil, errors.Join(ErrBusy, raw.Close())
	}
	defer func() {
		if from != nil {
			e.gate.leave(from)
		}
	}()
	return e.handshake(ctx, raw, func(c *Conn) (*handshake.Handshake, error) {
		realm, err := c.in.ReadByte()
		if err != nil {
			return nil, err
		}
		if realm == byte(e.cfg.Realm) {
			return e.answer(c, keys)
		}
		if b := e.beside(); b != nil && realm == byte(b.cfg.Realm) {
			// They are counted on their own: a crowd there keeps nobody out here.
			e.gate.leave(from)
			from = nil
			guest, ok := b.gate.enter(raw.RemoteAddr())
			if !ok {
				return nil, ErrBusy
			}
			defer b.gate.leave(guest)
			return b.answer(c, nil)
		}
		return nil, fmt.Errorf("realm %q is not served", realm)
	})
}

func (e *Endpoint) beside() *Endpoint {
	if e.cfg.Beside == nil {
		return nil
	}
	return e.cfg.Beside()
}

// answer is the responder's part of the handshake.
func (e *Endpoint) answer(c *Conn, keys [][]byte) (*handshake.Handshake, error) {
	cfg, err := e.config()
	if err != nil {
		return nil, err
	}
	h, err := handshake.Answer(cfg, keys...)
	if err != nil {
		return nil, err
	}
	for range 2 {
		if err := c.step(h); err != nil {
			return nil, err
		}
	}
	c.realm = e.cfg.Realm
	return h, nil
}

// handshake bounds the time of run and makes its outcome a connection.
func (e *Endpoint) handshake(parent context.Context, raw net.Conn, run func(*Conn) (*handshake.Handshake, error)) (*Conn, error) {
	ctx, cancel := context.WithTimeout(parent, handshakeTime)
	defer cancel()
	c := &Conn{raw: raw, in: newBuffer(raw)}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) }) // ends a blocked read
	h, err := run(c)
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is set, and no one knows how far it got
	}
	if err != nil {
		switch {
		case parent.Err() != nil:
			err = fmt.Errorf("handshake: %w", parent.Err()) // not the peer's doing
		case errors.Is(err, os.ErrDeadlineExceeded):
			err = fmt.Errorf("handshake took %s: %w", handshakeTime, err)
		}
		return nil, errors.Join(err, raw.Close())
	}
	c.start(h.Session())
	return c, nil
}

// step reads one frame and sends what h answers to it.
func (c *Conn) step(h *handshake.Handshake) error {
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if n > handshake.MaxFrame {
		return fmt.Errorf("handshake frame of %d bytes, at most %d are allowed", n, handshake.MaxFrame)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(c.in, frame); err != nil {
		return err
	}
	reply, err := h.Next(frame)
	if err != nil || len(reply) == 0 {
		return err
	}
	_, err = c.raw.Write(reply)
	return err
}
