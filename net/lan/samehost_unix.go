//go:build unix

package lan

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// checkOwner refuses a directory that somebody else could write to: in the
// common temporary directory anybody may have made it before us.
func checkOwner(dir string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return fmt.Errorf("look at the runtime directory: %w", err)
	}
	if int(st.Uid) != os.Getuid() || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o077 != 0 {
		return fmt.Errorf("the runtime directory %s is open to others", dir)
	}
	return nil
}

func lockFile(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// isLocked reports whether the process that made f holds its lock.
func isLocked(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err // closing f unlocks it
}

// hostID tells network namespaces apart where there are such: what listens in
// another one cannot be reached by loopback.
func hostID() string {
	ns, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return "host" // not Linux
	}
	return ns
}
