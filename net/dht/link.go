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
)

// errLinkEnded says that a connection has ended, or is about to.
var errLinkEnded = errors.New("the connection has ended")

// link is a connection that we have dialled: we ask, the other side answers.
type link struct {
	conn net.Conn
	free chan struct{} // a slot for each question under way

	mu      sync.Mutex
	writing sync.Mutex
	id      uint32
	waiting map[uint32]waiting
	notice  func(Notify) // of packages that are watched; nil: none are
	lease   time.Time    // until when they are
	used    time.Time    // when something was asked last
	err     error        // why it has ended
}

// waiting is a question under way: answer takes its answer.
type waiting struct {
	kind   kind
	answer chan Message
}

func newLink(conn net.Conn, now time.Time) *link {
	return &link{conn: conn, free: make(chan struct{}, maxFlight), waiting: make(map[uint32]waiting), used: now}
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
		l.noticed(n)
	} else {
		l.answered(f)
	}
	return nil
}

func (l *link) noticed(n Notify) {
	l.mu.Lock()
	tell := l.notice
	l.mu.Unlock()
	if tell != nil {
		tell(n)
	}
}

// answered hands an answer to who waits for it.
func (l *link) answered(f frame) {
	l.mu.Lock()
	w, ok := l.waiting[f.id]
	delete(l.waiting, f.id)
	l.mu.Unlock()
	if ok && (f.kind == w.kind+1 || f.kind == kindUnsupported) {
		w.answer <- f.message
	} else if ok {
		close(w.answer)
	}
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
	l.used = time.Now()
	l.mu.Unlock()
	if err := write(l.conn, &l.writing, id, m); err != nil {
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
		l.mu.Lock()
		delete(l.waiting, id)
		l.mu.Unlock()
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

// keep returns for how long it is kept when it is idle.
func (l *link) keep() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id <= 1 {
		return onceTime
	}
	return idleTime
}

// write sends one frame; frames of several goroutines follow each other.
func write(conn net.Conn, turn *sync.Mutex, id uint32, m Message) error {
	frame := AppendMessage(nil, id, m)
	turn.Lock()
	defer turn.Unlock()
	if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	n, err := conn.Write(frame)
	if err == nil && n < len(frame) {
		err = io.ErrShortWrite
	}
	return err
}
