package swarm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/time/rate"
)

// This file holds what lies between yamux and the encrypted connection: how
// yamux is set up, the join that makes one record of each of its frames, and
// the guard that keeps a peer from abusing it.

const (
	// window is how much a stream holds for a handler that does not read. It
	// is the smallest that yamux allows.
	window = 256 << 10

	// maxStreams is how many streams one connection has at a time, at most:
	// link and chat, and what files will need.
	maxStreams = 16

	// backlog is how many streams may wait to be looked at.
	backlog = 8

	// writeTime bounds how long a write waits for a peer that does not read.
	writeTime = 10 * time.Second

	// smallFrame is a frame whose handling costs more than its bytes. Of them
	// a peer may send smallRate a second and smallOnce at once: as many as a
	// ping-pong over a LAN makes, and a tenth of a core.
	smallFrame           = 1 << 10
	smallRate, smallOnce = 100_000, 100_000

	// maxRecord is the most that one record of the encrypted connection
	// carries, crypto/PROTOCOL.md.
	maxRecord = 65_517
)

// The header of a yamux frame.
const (
	muxHeader = 12
	muxData   = 0
	muxPing   = 2
)

func muxConfig(log *slog.Logger) *yamux.Config {
	return &yamux.Config{
		AcceptBacklog:          backlog,
		EnableKeepAlive:        false, // the link stream pings, and says goodbye
		KeepAliveInterval:      time.Minute,
		ConnectionWriteTimeout: writeTime,
		MaxStreamWindowSize:    window,
		StreamOpenTimeout:      writeTime,
		StreamCloseTimeout:     0, // what the peer does not close as well counts for maxStreams
		Logger:                 muxLog{log},
	}
}

// errAbuse says that a peer uses yamux in a way that dione never does.
var errAbuse = errors.New("yamux is abused")

// muxConn is the encrypted connection as yamux sees it. Its Read belongs to
// one goroutine and its Write to another, both of yamux.
type muxConn struct {
	net.Conn
	closed chan struct{} // closed by Close: ends a wait of Read
	once   sync.Once
	born   time.Time
	heard  atomic.Int64          // time of the last read, since born
	failed atomic.Pointer[error] // the first error of Read or Write

	// Read's
	head  [muxHeader]byte
	have  int    // bytes of head that are there
	body  uint32 // bytes of the frame's body still to come
	small *rate.Limiter

	// Write's
	held []byte // a header whose body is about to follow
}

func newMuxConn(conn net.Conn) *muxConn {
	return &muxConn{
		Conn:   conn,
		closed: make(chan struct{}),
		born:   time.Now(),
		small:  rate.NewLimiter(smallRate, smallOnce),
	}
}

// Close ends the connection and what waits on it.
func (m *muxConn) Close() error {
	m.once.Do(func() { close(m.closed) })
	return m.Conn.Close()
}

// silence is for how long nothing has come.
func (m *muxConn) silence() time.Duration {
	return time.Since(m.born) - time.Duration(m.heard.Load())
}

// err is why the connection failed, nil if it has not.
func (m *muxConn) err() error {
	if p := m.failed.Load(); p != nil {
		return *p
	}
	return nil
}

func (m *muxConn) fail(err error) error {
	m.failed.CompareAndSwap(nil, &err)
	return err
}

func (m *muxConn) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if n > 0 {
		m.heard.Store(int64(time.Since(m.born)))
		if err := m.watch(p[:n]); err != nil {
			return 0, m.fail(err)
		}
	}
	if err != nil {
		err = m.fail(err)
	}
	return n, err
}

// watch follows the frames in p. It waits when there are too many small ones,
// so that the peer is throttled by TCP, and refuses what dione never sends.
func (m *muxConn) watch(p []byte) error {
	for len(p) > 0 {
		if m.body > 0 {
			n := min(int(m.body), len(p))
			m.body -= uint32(n)
			p = p[n:]
			continue
		}
		n := copy(m.head[m.have:], p)
		m.have += n
		p = p[n:]
		if m.have < muxHeader {
			return nil
		}
		m.have = 0
		size := binary.BigEndian.Uint32(m.head[8:])
		switch m.head[1] {
		case muxData:
			if size > window {
				return fmt.Errorf("%w: a frame of %d bytes", errAbuse, size)
			}
			m.body = size
		case muxPing:
			// Each would start a goroutine; dione pings on the link stream.
			return fmt.Errorf("%w: a ping", errAbuse)
		}
		if m.body < smallFrame {
			if !m.throttle(m.small) {
				return net.ErrClosed
			}
		}
	}
	return nil
}

// throttle waits for its turn by l. It reports false when the connection is
// closed meanwhile.
func (m *muxConn) throttle(l *rate.Limiter) bool {
	d := l.Reserve().Delay()
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.closed:
		return false
	}
}

// Write holds a header back until its body comes: yamux writes them apart, and
// each write becomes an encrypted record.
func (m *muxConn) Write(p []byte) (int, error) {
	if len(m.held) == 0 && len(p) == muxHeader && p[1] == muxData && binary.BigEndian.Uint32(p[8:]) > 0 {
		m.held = append(m.held, p...)
		return len(p), nil
	}
	first := min(len(p), maxRecord-len(m.held)) // joining more would save nothing
	out := p[:first]
	if len(m.held) > 0 {
		m.held = append(m.held, out...)
		out = m.held
	}
	_, err := m.Conn.Write(out)
	m.held = m.held[:0]
	if err == nil && first < len(p) {
		_, err = m.Conn.Write(p[first:])
	}
	if err != nil {
		return 0, m.fail(err)
	}
	return len(p), nil
}

// muxLog gives the lines of yamux to the program's logger. They tell of peers
// that break rules or vanish, which the connection's end tells as well.
type muxLog struct{ log *slog.Logger }

func (l muxLog) Printf(format string, v ...any) {
	if ctx := context.Background(); l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.LogAttrs(ctx, slog.LevelDebug, "yamux", slog.String("line", fmt.Sprintf(format, v...)))
	}
}

func (l muxLog) Print(v ...any)   { l.Printf("%s", fmt.Sprint(v...)) }
func (l muxLog) Println(v ...any) { l.Printf("%s", fmt.Sprint(v...)) }
