package secure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"dione/crypto/handshake"
	"dione/crypto/identity"
)

const (
	// maxAge and maxBytes bound the life of one connection, in either
	// direction. Its owner replaces it before; this is the last bar.
	maxAge   = 25 * time.Hour
	maxBytes = 64<<30 + 1<<30

	// maxSpare bounds the memory that a crowd of writers leaves behind.
	maxSpare = 2 * handshake.MaxRecord
)

// Conn is an authenticated, encrypted connection. Reading and writing are safe
// for one goroutine each and for many; what many write at a time is sealed
// together.
type Conn struct {
	raw       net.Conn
	session   *handshake.Session
	initiator bool
	realm     handshake.Realm
	lean      bool // it keeps no memory for the next record
	born      time.Time
	received  atomic.Uint64
	sent      atomic.Uint64

	reading sync.Mutex
	in      *buffer
	plain   []byte // content of the newest record that nobody has read yet; lies in the buffer of in
	skip    int    // length of that record in the buffer
	readErr error  // what ended reading for good

	mu      sync.Mutex // guards what follows
	writing bool       // somebody is sealing what waits
	waits   []byte     // what others want written meanwhile
	spare   []byte     // memory for the next waits
	queued  uint64     // bytes of content ever put into waits
	flushed uint64     // bytes of it that have left
	left    *sync.Cond // flushed or writeErr has changed
	werr    error      // what ended writing for good
	record  []byte     // memory of the one that is writing
}

func (c *Conn) start(s *handshake.Session) {
	c.session = s
	if c.lean = c.realm == handshake.DHT; c.lean {
		c.in.leave()
	}
	c.born = time.Now()
	c.left = sync.NewCond(&c.mu)
}

// Peer returns who is at the other end.
func (c *Conn) Peer() identity.ID { return c.session.Peer }

// Static returns the peer's transport key: another one shows a restarted peer.
func (c *Conn) Static() [32]byte { return c.session.Static }

// Features returns the bits that the peer has told.
func (c *Conn) Features() uint64 { return c.session.Features }

// DialKey returns the key by which the initiator named the responder.
func (c *Conn) DialKey() []byte { return c.session.DialKey }

// Binding names this connection: nobody in the middle can have the same one
// with both ends.
func (c *Conn) Binding() [32]byte { return c.session.Binding }

// Realm returns in which realm the connection was made.
func (c *Conn) Realm() handshake.Realm { return c.realm }

// Initiator reports whether we dialled.
func (c *Conn) Initiator() bool { return c.initiator }

// Bytes returns how many bytes of the network the records have taken.
func (c *Conn) Bytes() (in, out uint64) { return c.received.Load(), c.sent.Load() }

// Read reads from the newest record and waits for the next when there is none.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(c.plain) == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		if err := c.await(); err != nil {
			return 0, err
		}
		if err := c.open(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.plain)
	c.plain = c.plain[n:]
	return n, nil
}

// await waits for the next record. A deadline that passes leaves what has come
// in the buffer and spoils nothing. It is apart from open for the sake of a
// small stack: that is most of what an idle connection costs.
func (c *Conn) await() error {
	if c.readErr != nil {
		return c.readErr
	}
	c.in.discard(c.skip)
	c.skip = 0
	head, err := c.in.peek(2)
	if errors.Is(err, io.EOF) && len(head) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// open opens the next record, of which the length has come, in the read buffer
// itself.
func (c *Conn) open() error {
	head, err := c.in.peek(2)
	if err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(head))
	if !handshake.IsRecordSize(n) {
		return c.breakReading(fmt.Errorf("%w: no record has %d bytes", handshake.ErrRecord, n))
	}
	record, err := c.in.peek(2 + n)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if err := c.used(c.received.Load()); err != nil {
		return c.breakReading(err)
	}
	if c.plain, err = c.session.Recv.Open(record[2:]); err != nil {
		return c.breakReading(err)
	}
	c.skip = 2 + n
	c.received.Add(uint64(2 + n))
	return nil
}

// breakReading ends the connection: after a record that is not authentic
// nothing more must be believed, answered or sent.
func (c *Conn) breakReading(err error) error {
	c.readErr = err
	_ = c.raw.Close() // the reason is err
	return err
}

// used says whether the connection has done its work.
func (c *Conn) used(bytes uint64) error {
	if bytes > maxBytes || time.Since(c.born) > maxAge {
		return ErrExpired
	}
	return nil
}

// Write seals p and sends it, at once if nobody else is writing. What others
// want written meanwhile waits and is then sealed together, by the first of
// them that wakes: nobody is kept longer than for its own bytes and those that
// came before.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.werr != nil {
		return 0, c.werr
	}
	if !c.writing && len(c.waits) == 0 {
		return c.seal(p)
	}
	c.waits = append(c.waits, p...)
	c.queued += uint64(len(p))
	for mine := c.queued; c.flushed < mine; {
		switch {
		case c.werr != nil:
			return 0, c.werr
		case c.writing:
			c.left.Wait()
		default:
			batch := c.waits
			c.waits, c.spare = c.spare[:0], nil
			n, _ := c.seal(batch) // it is c.werr, which the loop looks at
			c.flushed += uint64(n)
			if cap(batch) <= maxSpare {
				c.spare = batch
			}
		}
	}
	return len(p), nil
}

// seal sends p in records, and tells how much of it has left for certain. It
// is called with c.mu held, which it lets go while it works, and returns with
// the next one woken. Its error is the end of writing.
func (c *Conn) seal(p []byte) (int, error) {
	c.writing = true
	c.mu.Unlock()
	n, err := c.send(p)
	c.mu.Lock()
	c.writing, c.werr = false, err
	c.left.Broadcast()
	return n, err
}

func (c *Conn) send(p []byte) (sent int, err error) {
	if c.lean {
		c.record = borrow(handshake.Head + len(p))
		defer func() { giveBack(c.record); c.record = nil }()
	}
	for sent < len(p) {
		if err := c.used(c.sent.Load()); err != nil {
			return sent, err
		}
		n := min(len(p)-sent, handshake.MaxContent)
		c.record = append(c.record[:0], make([]byte, handshake.Head)...)
		c.record = c.session.Send.Seal(append(c.record, p[sent:sent+n]...))
		if _, err := c.raw.Write(c.record); err != nil {
			return sent, err // half a record may be out: nothing can follow it
		}
		c.sent.Add(uint64(len(c.record)))
		sent += n
	}
	return sent, nil
}

// Close closes the connection below, which ends every Read and Write.
func (c *Conn) Close() error { return c.raw.Close() }

// LocalAddr returns our address.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.raw.SetDeadline(t) }

// SetReadDeadline bounds Read; a Read that it ends can be tried again.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline bounds Write; a Write that it ends is the last.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }
