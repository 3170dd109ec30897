package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/sync/errgroup"

	"dione/net/secure"
)

// DefaultPort is where a node alone listens if nothing else is said: it should
// be found where it was.
const DefaultPort = 4001

// Listener is where a node without a chat is reached.
type Listener struct {
	all []net.Listener
}

// Listen binds the addresses, or [DefaultPort] of all if there are none.
func Listen(ctx context.Context, addrs []multiaddr.Multiaddr) (*Listener, error) {
	where := []string{fmt.Sprintf(":%d", DefaultPort)}
	if len(addrs) > 0 {
		where = nil
		for _, a := range addrs {
			na, err := manet.ToNetAddr(a)
			if err != nil {
				return nil, fmt.Errorf("listen on %s: %w", a, err)
			}
			where = append(where, na.String())
		}
	}
	l := &Listener{}
	lc := net.ListenConfig{KeepAlive: -1} // an idle connection is let go anyway
	for _, w := range where {
		ln, err := lc.Listen(ctx, "tcp", w)
		if err != nil {
			_ = l.Close() // nothing was written to it
			var op *net.OpError
			if errors.As(err, &op) {
				err = op.Err // it names the address once more
			}
			return nil, fmt.Errorf("listen on %s: %w", w, err)
		}
		l.all = append(l.all, ln)
	}
	return l, nil
}

// Close lets go of the addresses.
func (l *Listener) Close() error {
	var errs []error
	for _, ln := range l.all {
		errs = append(errs, ln.Close())
	}
	return errors.Join(errs...)
}

// Addrs returns the bound addresses.
func (l *Listener) Addrs() []netip.AddrPort {
	var out []netip.AddrPort
	for _, ln := range l.all {
		a := ln.Addr().(*net.TCPAddr).AddrPort()
		out = append(out, netip.AddrPortFrom(a.Addr().Unmap(), a.Port()))
	}
	return out
}

// RunAlone runs the node on a port of its own until ctx ends.
func (n *Node) RunAlone(ctx context.Context, l *Listener) error {
	defer func() { _ = l.Close() }() // accept has seen to it, or ctx has ended
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Run(ctx, l.Addrs()) })
	for _, ln := range l.all {
		g.Go(func() error { n.accept(ctx, ln); return nil })
	}
	return g.Wait()
}

// accept takes connections until ctx ends.
func (n *Node) accept(ctx context.Context, ln net.Listener) {
	var wg sync.WaitGroup
	defer wg.Wait()
	secure.Accept(ctx, ln, n.log, func(raw net.Conn) { wg.Go(func() { n.answer(ctx, raw) }) })
}

func (n *Node) answer(ctx context.Context, raw net.Conn) {
	e := n.Endpoint()
	if e == nil {
		_ = raw.Close() // the node has no key yet
		return
	}
	conn, err := e.Server(ctx, raw)
	if err != nil {
		n.log.LogAttrs(ctx, slog.LevelDebug, "stranger turned away", slog.Any("error", err))
		return
	}
	n.Serve(conn)
}
