package messenger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"dione/crypto/identity"
	"dione/net/swarm"
	"dione/net/wire"
	"dione/store"
)

// This file holds a chat stream: one reader and one writer a live link. The
// reader hands frames to the loop and waits while the loop is busy, so a peer
// that floods us is slowed down by TCP; the writer sends all that waits in
// one write.

const (
	// chatProtocol is the name of the stream, net/PROTOCOL.md.
	chatProtocol = "chat"

	// helloTime is how long a peer may take to say its name.
	helloTime = 5 * time.Second

	// lingerTime is how long a link whose chat stream has ended may wait for
	// the end of its connection, which tells why.
	lingerTime = 2 * time.Second

	// byteRate and byteBurst are what one peer may send us, in bytes a
	// second and at once: some 10,000 short messages a second, and a disk
	// that fills slowly enough for its owner to notice.
	byteRate, byteBurst = 4 << 20, 16 << 20

	// roomRate and roomBurst bound the lines of one peer in the room, which
	// nobody asked for: no person writes so fast, no paste is so long.
	roomRate, roomBurst = 100, 2000

	// nameEvery and nameBurst bound how often a peer may change its name, which
	// is announced to the user each time.
	nameEvery, nameBurst = 10 * time.Second, 5

	// setupEvery and setupBurst bound how often a peer may have us make keys
	// or sessions, each of which costs a transaction and some curve points.
	setupEvery, setupBurst = 2 * time.Second, 20

	// maxUnsent bounds what waits for a peer that does not read: a full
	// window of messages and the acknowledgements of one.
	maxUnsent = 4 << 20
)

// link is one live chat stream.
type link struct {
	peer   identity.ID
	path   Path
	conn   *swarm.Conn
	stream net.Conn

	mu     sync.Mutex
	buf    []byte        // encoded frames that wait for the writer
	closed bool          // nothing more is taken
	wake   chan struct{} // one slot: buf or closed has changed
	wrote  chan struct{} // closed when the writer has ended

	// Only the loop touches what follows.
	greeted bool              // its Hello is committed
	ended   bool              // its end is handled
	cursor  int64             // row of the newest line of the room in flight
	drained bool              // no line waits behind it
	flight  map[MessageID]int // size of each line sent and not acknowledged
	load    int               // sum of those sizes
	private privateLink
	told    int // how often it told of nodes
}

func newLink(conn *swarm.Conn, stream net.Conn) *link {
	return &link{
		peer:   conn.ID(),
		path:   pathOf(conn),
		conn:   conn,
		stream: stream,
		wake:   make(chan struct{}, 1),
		wrote:  make(chan struct{}),
		flight: make(map[MessageID]int),
		private: privateLink{
			sent: make(map[int64]store.ParcelIndex),
		},
	}
}

func pathOf(conn *swarm.Conn) Path {
	if conn.Path() == swarm.PathLAN {
		return PathLAN
	}
	return PathDirect
}

// serveChat runs the chat stream of conn until it ends. It is called by swarm
// for a stream that the peer opened, and by openChat for our own.
func (m *Messenger) serveChat(ctx context.Context, conn *swarm.Conn, stream net.Conn) {
	l := newLink(conn, stream)
	defer context.AfterFunc(ctx, func() { _ = stream.Close() })()
	var writer sync.WaitGroup
	writer.Go(l.write)
	l.push(wire.Hello{Name: m.Self().Name})

	err := m.readChat(ctx, l)
	m.deliver(ctx, frame{link: l})
	_ = stream.Close() // the reader's error tells more
	l.close()
	writer.Wait()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
		// The connection is about to end as well, and how it ends tells
		// whether the peer took leave or vanished.
		linger := time.NewTimer(lingerTime)
		defer linger.Stop()
		select {
		case <-conn.Done():
		case <-ctx.Done():
		case <-linger.C:
			conn.Close("chat stream closed")
		}
		return
	}
	m.log.Info("chat stream ended", slog.Any("peer", l.peer), slog.Any("error", err))
	conn.Close(err.Error())
}

// openChat opens the chat stream of a connection that we dialled.
func (m *Messenger) openChat(ctx context.Context, conn *swarm.Conn) {
	stream, err := conn.Open(ctx, chatProtocol)
	if err != nil {
		m.log.Info("chat stream not opened", slog.Any("peer", conn.ID()), slog.Any("error", err))
		conn.Close("chat stream not opened")
		return
	}
	m.serveChat(ctx, conn, stream)
}

// readChat hands every frame of l to the loop, Hello first.
func (m *Messenger) readChat(ctx context.Context, l *link) error {
	r := wire.NewReader(l.stream)
	size := rate.NewLimiter(byteRate, byteBurst)
	lines := rate.NewLimiter(roomRate, roomBurst)
	names := rate.NewLimiter(rate.Every(nameEvery), nameBurst)
	setups := rate.NewLimiter(rate.Every(setupEvery), setupBurst)
	if err := l.stream.SetReadDeadline(time.Now().Add(helloTime)); err != nil {
		return err
	}
	for first := true; ; first = false {
		msg, n, err := r.ReadMessage()
		if err != nil {
			return err
		}
		_, hello := msg.(wire.Hello)
		if first && !hello {
			return fmt.Errorf("first frame is %T, want a hello", msg)
		}
		if first {
			if err := l.stream.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
		}
		if err := size.WaitN(ctx, n); err != nil {
			return err
		}
		var slow error
		switch msg.(type) {
		case wire.Room:
			slow = lines.Wait(ctx)
		case wire.Hello:
			slow = names.Wait(ctx)
		case wire.Ask, wire.Keys, wire.Intro, wire.Refused, wire.Sync:
			slow = setups.Wait(ctx)
		}
		if slow != nil {
			return slow
		}
		if !m.deliver(ctx, frame{link: l, msg: msg}) {
			<-ctx.Done() // the loop has ended, and what it has committed still leaves
			return ctx.Err()
		}
	}
}

// deliver gives in to the loop, and reports whether it took it.
func (m *Messenger) deliver(ctx context.Context, in input) bool {
	select {
	case m.frames <- in:
		return true
	case <-m.stopped:
		return false
	case <-ctx.Done():
		return false
	}
}

// push queues msgs for the writer. A peer that lets too much wait loses its
// link; what it has not acknowledged it gets over the next one.
func (l *link) push(msgs ...wire.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	for _, msg := range msgs {
		l.buf = wire.AppendMessage(l.buf, msg)
	}
	if len(l.buf) > maxUnsent {
		l.closed, l.buf = true, nil
		l.conn.Close("does not read what is sent to it")
	}
	l.signal()
}

// acknowledge tells the peer which of its messages are durable here.
func (l *link) acknowledge(ids []MessageID) {
	for len(ids) > 0 {
		n := min(len(ids), wire.MaxAck)
		ack := wire.Ack{IDs: make([][16]byte, n)}
		for i, id := range ids[:n] {
			ack.IDs[i] = id
		}
		l.push(ack)
		ids = ids[n:]
	}
}

// write is the writer: it sends what waits until the link is closed and
// nothing waits any more, or the stream fails, which the reader reports.
func (l *link) write() {
	defer close(l.wrote)
	var spare []byte
	for range l.wake {
		l.mu.Lock()
		buf, closed := l.buf, l.closed
		l.buf = spare[:0]
		l.mu.Unlock()
		if len(buf) > 0 {
			if _, err := l.stream.Write(buf); err != nil {
				l.close()
				return
			}
		}
		if spare = buf; cap(spare) > 64<<10 {
			spare = nil // a burst must not keep its memory
		}
		if closed {
			return
		}
	}
}

// close lets the writer end once it has sent what waits.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.signal()
}

// signal wakes the writer; l.mu is held.
func (l *link) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// finish sends what waits, as far as ctx lets it.
func (l *link) finish(ctx context.Context) {
	l.close()
	select {
	case <-l.wrote:
	case <-ctx.Done():
	}
}
