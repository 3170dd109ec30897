package lan

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// This file holds the second source of hints: processes of one user on one
// host, where multicast may not work at all. Each keeps a small file in a
// directory that only the user can write. The rules are:
//   - a process locks its file before it writes it, and for as long as it
//     lives, so that what a killed one left behind is known as stale;
//   - a reader tries the lock only of a file that is whole, so that it never
//     holds a lock which the owner is about to take;
//   - the file names the network namespace: another one's loopback is not ours.

const (
	// maxFile bounds what is read of another process's file.
	maxFile = 1 << 10

	// staleAfter is how old a file that is not whole must be to be removed:
	// its process may be about to write it.
	staleAfter = 10 * time.Second
)

// RuntimeDir returns the directory in which processes of this user find each
// other, which need not exist. It lies in the user's runtime directory, or in
// the directory of temporary files where there is no such.
func RuntimeDir() string {
	// One that is set but missing is made. Under sudo it may be another
	// user's, who would be locked out of what we make there.
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && os.MkdirAll(dir, 0o700) == nil && checkOwner(dir) == nil {
		return filepath.Join(dir, "dione")
	}
	if dir := fmt.Sprintf("/run/user/%d", os.Getuid()); runtime.GOOS == "linux" && checkOwner(dir) == nil {
		return filepath.Join(dir, "dione")
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(os.TempDir(), "dione")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("dione-%d", os.Getuid()))
}

// sameHost is this process's file and the directory it lies in.
type sameHost struct {
	cfg  Config
	host string   // hostID()
	file *os.File // nil while err says why there is none
	err  error
}

func newSameHost(cfg Config) *sameHost {
	s := &sameHost{cfg: cfg, host: hostID()}
	s.open()
	return s
}

// problem tells in words why no file could be made, or "".
func (s *sameHost) problem() string {
	if s.err == nil {
		return ""
	}
	return s.err.Error()
}

func (s *sameHost) path() string {
	return filepath.Join(s.cfg.RuntimeDir, instanceName(s.cfg.Instance))
}

// open makes our file.
func (s *sameHost) open() {
	if s.err = s.create(); s.err != nil {
		s.close()
	}
}

func (s *sameHost) create() (err error) {
	if err := os.MkdirAll(s.cfg.RuntimeDir, 0o700); err != nil {
		return fmt.Errorf("make the runtime directory: %w", err)
	}
	if err := checkOwner(s.cfg.RuntimeDir); err != nil {
		return err
	}
	if err := checkPrivate(s.cfg.RuntimeDir); err != nil {
		return err
	}
	if s.file, err = os.OpenFile(s.path(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return fmt.Errorf("make the file by which others of this host find us: %w", err)
	}
	if err := lockFile(s.file); err != nil {
		return fmt.Errorf("lock %s: %w", s.path(), err)
	}
	if _, err := s.file.WriteString(encodeFile(s.cfg.Network, s.host, s.cfg.Port)); err != nil {
		return fmt.Errorf("write %s: %w", s.path(), err)
	}
	return nil
}

// close removes our file, after it is closed: Windows demands that order.
func (s *sameHost) close() {
	if s.file == nil {
		return
	}
	err := errors.Join(s.file.Close(), os.Remove(s.path()))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.cfg.Log.Debug("own file not removed", slog.Any("error", err))
	}
	s.file = nil
}

// read returns the other processes of this host and network, and removes the
// files of those that are gone. Ours is made anew if it is missing: runtime
// directories are emptied when a user logs out, temporary ones by their age.
func (s *sameHost) read(ifs []iface) []Peer {
	if _, err := os.Stat(s.path()); err != nil || s.file == nil {
		s.close()
		s.open()
	}
	if s.err != nil {
		return nil
	}
	names, err := names(s.cfg.RuntimeDir)
	if err != nil {
		s.cfg.Log.Debug("runtime directory not read", slog.Any("error", err))
	}
	var peers []Peer
	for _, name := range names {
		instance, ok := parseInstance(name)
		if !ok || instance == s.cfg.Instance {
			continue
		}
		if port, ok := s.readFile(filepath.Join(s.cfg.RuntimeDir, name)); ok {
			peers = append(peers, Peer{Instance: instance, Addrs: localAddrs(port, ifs)})
		}
	}
	return peers
}

// names returns up to maxPeers names of files in dir.
func names(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(maxPeers)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, errors.Join(err, d.Close())
}

// localAddrs are those at which a process of this host may listen: if not on
// all of them, then on loopback or that of one interface.
func localAddrs(port uint16, ifs []iface) []netip.AddrPort {
	addrs := []netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port),
		netip.AddrPortFrom(netip.IPv6Loopback(), port),
	}
	for _, i := range ifs {
		for _, a := range i.addrs() {
			if len(addrs) < maxCandidates && !a.IsLinkLocalUnicast() {
				addrs = append(addrs, netip.AddrPortFrom(a, port))
			}
		}
	}
	return addrs
}

// readFile reads the port from the file of a living process that is on our
// host and network.
func (s *sameHost) readFile(path string) (port uint16, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false // it has just been removed
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	network, host, port, whole := parseFile(string(content))
	stale := false
	if err == nil && whole {
		held, lockErr := isLocked(f)
		stale, err = lockErr == nil && !held, lockErr
	} else if st, statErr := f.Stat(); statErr == nil {
		stale = time.Since(st.ModTime()) > staleAfter
	}
	if err = errors.Join(err, f.Close()); err != nil {
		s.cfg.Log.Debug("file of another process not read", slog.Any("error", err))
		return 0, false
	}
	if stale {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.cfg.Log.Debug("stale file not removed", slog.Any("error", err))
		}
		return 0, false
	}
	return port, whole && network == networkName(s.cfg.Network) && host == s.host
}

// encodeFile makes what a file holds, of which parseFile takes no part for
// the whole.
func encodeFile(network [32]byte, host string, port uint16) string {
	return fmt.Sprintf("dione 1\n%s\n%s\n%d\n", networkName(network), host, port)
}

// parseFile reads what encodeFile wrote, and only that.
func parseFile(content string) (network, host string, port uint16, whole bool) {
	lines := strings.Split(content, "\n")
	if len(lines) != 5 || lines[0] != "dione 1" || lines[4] != "" {
		return "", "", 0, false
	}
	p, err := strconv.ParseUint(lines[3], 10, 16)
	if err != nil || p == 0 || strconv.FormatUint(p, 10) != lines[3] {
		return "", "", 0, false
	}
	return lines[1], lines[2], uint16(p), true
}
