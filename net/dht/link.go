package dht

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// maxFlight is how many questions are under way on one connection.
	maxFlight = 64

	// writeTime is how long a frame may take to leave: who does not read is
	// let go.
	writeTime = 10 * time.Second

	// maxTold is how many packages a watch may bring: of each hint what lies
	// there, and the tombstone; some more, since nobody knows when it began.
	maxTold = 4 * MaxHints
)

var (
	// errLinkEnded says that a connection has ended, or is about to.
	errLinkEnded = errors.New("the connection has ended")

	errSilent = errors.New("nothing comes over the connection any more")
	errNoise  = errors.New("answers or notices that nobody has asked for")
)

// link is a connection that we have dialled: we ask, the other side answers.
type link struct {
	conn net.Conn
	free chan struct{} // a slot for each question under way
	turn turn

	mu      sync.Mutex
	id      uint32
	waiting map[uint32]waiting
	late    int          // questions whose answers may still come, and are not waited for
	notice  func(Notify) // of packages that are watched; nil: none are
	told    int          // of how many it may still be told
	lease   time.Time    // until when they are watched
	used    time.Time    // when something was asked last
	heard   time.Time    // when something came last
	err     error        // why it has ended
}

// waiting is a question under way: answer takes its answer.
type waiting struct {
	kind   kind
	answer chan Message
}

func newLink(conn net.Conn, now time.Time) *link {
	return &link{conn: conn, free: make(chan struct{}, maxFlight), turn: make(turn, 1), waiting: make(map[uint32]waiting), used: now, heard: now}
}

// read takes answers until the connection ends.
func (l *link) read() {
	in := frames{from: l.conn}
	for {
		err := in.wait()
		if err == nil {
			err = l.take(&in)
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

// take takes the frame that has come.
func (l *link) take(in *frames) error {
	f, err := in.next(maxAnswer)
	if err != nil {
		return err
	}
	if n, ok := f.message.(Notify); ok && f.id == 0 {
		return l.noticed(n)
	}
	return l.answered(f)
}

// noticed hands on a notice. Who tells of more than can have come is let go.
func (l *link) noticed(n Notify) error {
	l.mu.Lock()
	tell := l.notice
	l.heard = time.Now()
	if l.told -= len(n.Packages); l.told < 0 {
		tell = nil
	}
	l.mu.Unlock()
	if tell == nil {
		return errNoise
	}
	tell(n)
	return nil
}

// answered hands an answer to who waits for it.
func (l *link) answered(f frame) error {
	l.mu.Lock()
	w, ok := l.waiting[f.id]
	delete(l.waiting, f.id)
	l.heard = time.Now()
	if !ok {
		l.late--
	}
	noise := l.late < 0
	l.mu.Unlock()
	switch {
	case noise:
		return errNoise
	case !ok: // it is too late
	case f.kind == w.kind+1 || f.kind == kindUnsupported:
		w.answer <- f.message
	default:
		close(w.answer)
	}
	return nil
}

// end ends the connection; every question on it goes without an answer.
func (l *link) end(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = errors.Join(errLinkEnded, err)
	}
	for id, w := range l.waiting {
		delete(l.waiting, id)
		close(w.answer)
	}
	l.mu.Unlock()
	_ = l.conn.Close() // it has failed or is of no use any more
}

// ended reports whether nothing can be asked any more.
func (l *link) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil
}

// watch has notices told, of as many packages as may come in one lease.
func (l *link) watch(notice func(Notify)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notice, l.told = notice, maxTold
}

// gaveUp notes that nobody waits for an answer any more. A connection over
// which nothing has come since the question was asked is of no use: the machine
// has slept, or its address has changed, or that of the other side.
func (l *link) gaveUp(id uint32, asked time.Time) {
	l.mu.Lock()
	if _, waits := l.waiting[id]; waits {
		delete(l.waiting, id)
		l.late++
	}
	dead := !l.heard.After(asked) && time.Since(asked) >= askTime/2
	l.mu.Unlock()
	if dead {
		l.end(errSilent)
	}
}

// ask asks a question and waits for its answer.
func (l *link) ask(ctx context.Context, m Message) (Message, error) {
	select {
	case l.free <- struct{}{}:
		defer func() { <-l.free }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := waiting{m.kind(), make(chan Message, 1)}
	l.mu.Lock()
	if l.err != nil {
		defer l.mu.Unlock()
		return nil, l.err
	}
	if l.id++; l.id == 0 {
		l.id = 1
	}
	id := l.id
	l.waiting[id] = w
	asked := time.Now()
	l.used = asked
	l.mu.Unlock()
	if err := write(l.conn, l.turn, id, m); err != nil {
		l.end(err)
		return nil, err
	}
	select {
	case answer, ok := <-w.answer:
		if !ok {
			return nil, errLinkEnded
		}
		return answer, nil
	case <-ctx.Done():
		l.gaveUp(id, asked)
		return nil, ctx.Err()
	}
}

// idle reports since when nothing was asked; false while something is, or is
// watched.
func (l *link) idle(now time.Time) (since time.Time, idle bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used, len(l.waiting) == 0 && !l.lease.After(now)
}

// watches reports whether something is watched over it.
func (l *link) watches(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease.After(now)
}

// keep returns for how long it is kept when it is idle.
func (l *link) keep() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id <= 1 {
		return onceTime
	}
	return idleTime
}

// turn is whose turn it is to write to a connection: it holds one value while
// somebody does.
type turn chan struct{}

// write sends one frame; frames of several goroutines follow each other.
func write(conn net.Conn, turn turn, id uint32, m Message) error {
	frame := AppendMessage(nil, id, m)
	turn <- struct{}{}
	defer func() { <-turn }()
	if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	n, err := conn.Write(frame)
	if err == nil && n < len(frame) {
		err = io.ErrShortWrite
	}
	return err
}
