package secure

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// outOfFiles is a listener that fails some times between two connections.
type outOfFiles struct {
	net.Listener
	conns  chan net.Conn
	closed chan struct{}
	fails  int
}

func (l *outOfFiles) Accept() (net.Conn, error) {
	if l.fails > 0 {
		l.fails--
		return nil, errors.New("too many open files")
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *outOfFiles) Close() error { close(l.closed); return nil }

// TestAccept: a listener that fails for a while is tried again, slower and
// slower, and goes on when it can.
func TestAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ln := &outOfFiles{conns: make(chan net.Conn, 1), closed: make(chan struct{}), fails: 20}
		served := make(chan time.Time, 1)
		ended := make(chan struct{})
		begun := time.Now()
		go func() {
			Accept(ctx, ln, slog.New(slog.DiscardHandler), func(net.Conn) { served <- time.Now() })
			close(ended)
		}()
		ln.conns <- nil
		if took := (<-served).Sub(begun); took < 10*time.Second || took > 20*maxAcceptWait {
			t.Errorf("twenty failures took %v", took)
		}
		stop()
		<-ended
		<-ln.closed
	})
}
