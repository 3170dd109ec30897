package lan

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// This file holds the second source of hints: processes of one user on one
// host, where multicast may not work at all. Each keeps a small file in a
// directory that only the user can write, and holds a lock on it while it
// lives, so that what a killed one left behind is known as stale.

const (
	// maxFile bounds what is read of another process's file.
	maxFile = 1 << 10

	// staleAfter is how old a file without a lock must be to be removed: the
	// lock of a new one follows in a moment.
	staleAfter = 10 * time.Second
)

// sameHost is this process's file and the directory it lies in. A nil one
// finds nobody.
type sameHost struct {
	cfg  Config
	dir  string
	file *os.File
	ifs  []iface
}

// RuntimeDir returns the directory in which processes of this user find each
// other, which need not exist.
func RuntimeDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "dione")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("dione-%d", os.Getuid()))
}

func openSameHost(cfg Config) (*sameHost, error) {
	dir := cfg.RuntimeDir
	if dir == "" {
		dir = RuntimeDir()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the runtime directory: %w", err)
	}
	if err := checkOwner(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, instanceName(cfg.Instance))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the file by which others of this host find us: %w", err)
	}
	s := &sameHost{cfg: cfg, dir: dir, file: f}
	if err := lockFile(f); err != nil {
		s.close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if _, err := f.WriteString(s.content()); err != nil {
		s.close()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return s, nil
}

func (s *sameHost) content() string {
	return fmt.Sprintf("v=1\nn=%s\nns=%s\np=%d\n", hex.EncodeToString(s.cfg.Network[:8]), hostID(), s.cfg.Port)
}

// advertise notes our addresses: a process that listens on one address only
// may be reached by none other.
func (s *sameHost) advertise(ifs []iface) {
	if s != nil {
		s.ifs = ifs
	}
}

func (s *sameHost) close() {
	if s == nil {
		return
	}
	if err := errors.Join(os.Remove(s.file.Name()), s.file.Close()); err != nil {
		s.cfg.Log.Debug("own file not removed", slog.Any("error", err))
	}
}

// read returns the other processes of this host and network, and removes the
// files of those that are gone.
func (s *sameHost) read() []Peer {
	if s == nil {
		return nil
	}
	d, err := os.Open(s.dir)
	if err != nil {
		s.cfg.Log.Debug("runtime directory not read", slog.Any("error", err))
		return nil
	}
	names, err := d.Readdirnames(maxEntries)
	if err = errors.Join(ignoreEOF(err), d.Close()); err != nil {
		s.cfg.Log.Debug("runtime directory not read", slog.Any("error", err))
	}
	var peers []Peer
	for _, name := range names {
		instance, ok := parseInstance(name)
		if !ok || instance == s.cfg.Instance {
			continue
		}
		port, ok := s.readFile(filepath.Join(s.dir, name))
		if ok {
			peers = append(peers, Peer{Instance: instance, Addrs: s.localAddrs(port)})
		}
	}
	return peers
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// localAddrs are those at which a process of this host may listen.
func (s *sameHost) localAddrs(port uint16) []netip.AddrPort {
	addrs := []netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port),
		netip.AddrPortFrom(netip.IPv6Loopback(), port),
	}
	for _, i := range s.ifs {
		for _, a := range i.addrs() {
			if len(addrs) < maxCandidates && !a.IsLinkLocalUnicast() {
				addrs = append(addrs, netip.AddrPortFrom(a, port))
			}
		}
	}
	return addrs
}

// readFile reads the port from the file of a living process that is in our
// network namespace and network.
func (s *sameHost) readFile(path string) (port uint16, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false // it has just been removed
	}
	defer func() { _ = f.Close() }() // only read
	if held, err := isLocked(f); err != nil || !held {
		if st, statErr := f.Stat(); err == nil && statErr == nil && time.Since(st.ModTime()) > staleAfter {
			_ = os.Remove(path) // another process may be quicker
		}
		return 0, false
	}
	return parseFile(io.LimitReader(f, maxFile), s.cfg.Network, hostID())
}

func parseFile(r io.Reader, network [32]byte, host string) (port uint16, ok bool) {
	seen := make(map[string]string)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		k, v, _ := strings.Cut(lines.Text(), "=")
		seen[k] = v
	}
	p, err := strconv.ParseUint(seen["p"], 10, 16)
	ok = lines.Err() == nil && err == nil && p >= minPort &&
		seen["v"] == "1" && seen["n"] == hex.EncodeToString(network[:8]) && seen["ns"] == host
	return uint16(p), ok
}
