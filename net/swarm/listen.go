package swarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"

	"dione/crypto/handshake"
	"dione/net/secure"
)

// PortTakenError says that another program listens on a wanted port.
type PortTakenError struct {
	Port uint16
	Err  error
}

func (e *PortTakenError) Error() string {
	return fmt.Sprintf("port %d is taken by another program", e.Port)
}

func (e *PortTakenError) Unwrap() error { return e.Err }

// Transport is how bytes reach other hosts. A zero field means TCP.
type Transport struct {
	Listen func(context.Context, netip.AddrPort) (net.Listener, error)
	Dial   func(context.Context, netip.AddrPort) (net.Conn, error)
}

// listenTCP listens on addr; on the unspecified address of IPv6 it takes both
// families where the host has them.
func listenTCP(ctx context.Context, addr netip.AddrPort) (net.Listener, error) {
	where := addr.String()
	if addr.Addr().IsUnspecified() && addr.Addr().Is6() {
		where = fmt.Sprintf(":%d", addr.Port())
	}
	network := "tcp"
	if addr.Addr().Is4() {
		network = "tcp4"
	}
	lc := net.ListenConfig{KeepAlive: -1} // the link stream pings
	return lc.Listen(ctx, network, where)
}

func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr.String())
}

// Listen binds the addresses of the configuration. A port that another program
// has is a [*PortTakenError]; nothing is bound then. It must be called once
// before [Swarm.Run].
func (s *Swarm) Listen(ctx context.Context) error { return s.listen(ctx, s.cfg.Listen) }

// ListenAnyPort is Listen on any free port instead of those configured.
func (s *Swarm) ListenAnyPort(ctx context.Context) error {
	anyPort := make([]netip.AddrPort, len(s.cfg.Listen))
	for i, a := range s.cfg.Listen {
		anyPort[i] = netip.AddrPortFrom(a.Addr(), 0)
	}
	return s.listen(ctx, anyPort)
}

func (s *Swarm) listen(ctx context.Context, addrs []netip.AddrPort) error {
	if len(s.listeners) > 0 {
		return errors.New("swarm: listens already")
	}
	for _, a := range addrs {
		ln, err := s.cfg.Transport.Listen(ctx, a)
		if err != nil {
			s.closeListeners()
			if isTaken(err) {
				return &PortTakenError{Port: a.Port(), Err: err}
			}
			return fmt.Errorf("listen on %s: %w", a, err)
		}
		s.listeners = append(s.listeners, ln)
		bound, _ := AddrPort(ln.Addr())
		s.bound = append(s.bound, netip.AddrPortFrom(a.Addr(), bound.Port()))
	}
	return nil
}

func (s *Swarm) closeListeners() {
	for _, ln := range s.listeners {
		_ = ln.Close() // nothing was written to it that could be lost
	}
	s.listeners, s.bound = nil, nil
}

// Port returns the port that is listened on, the first of several; 0 before
// [Swarm.Listen].
func (s *Swarm) Port() uint16 {
	if len(s.bound) == 0 {
		return 0
	}
	return s.bound[0].Port()
}

// Bound returns the addresses that are listened on, with their true ports.
func (s *Swarm) Bound() []netip.AddrPort { return slices.Clone(s.bound) }

// AddrPort reads the address of a TCP connection or listener.
func AddrPort(a net.Addr) (netip.AddrPort, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), true
}

// accept takes connections until ctx ends.
func (s *Swarm) accept(ctx context.Context, ln net.Listener) {
	secure.Accept(ctx, ln, s.log, func(raw net.Conn) { s.wg.Go(func() { s.answer(ctx, raw) }) })
}

// answer serves one connection of a stranger up to its authentication.
func (s *Swarm) answer(ctx context.Context, raw net.Conn) {
	keys := [][]byte{s.cfg.Self[:]}
	if s.cfg.Instance != [8]byte{} {
		keys = append(keys, s.cfg.Instance[:])
	}
	sec, err := s.cfg.Endpoint.Server(ctx, raw, keys...)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelDebug, "stranger turned away", slog.Any("error", err))
		return
	}
	if sec.Realm() != handshake.Chat {
		s.cfg.Guest(ctx, sec)
		return
	}
	path := PathDirect
	if string(sec.DialKey()) == string(s.cfg.Instance[:]) {
		path = PathLAN
	}
	if err := s.arrive(s.newConn(sec, path, netip.AddrPort{})); err != nil {
		s.log.LogAttrs(ctx, slog.LevelDebug, "no link after the handshake", slog.Any("error", err))
	}
}
