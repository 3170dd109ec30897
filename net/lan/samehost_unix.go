//go:build unix

package lan

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkOwner refuses what is not a directory of this user: among temporary
// files anybody may have made it before us.
func checkOwner(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at the runtime directory: %w", err)
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); !ok || int(sys.Uid) != os.Getuid() || !st.IsDir() {
		return fmt.Errorf("the runtime directory %s belongs to somebody else", dir)
	}
	return nil
}

// checkPrivate refuses a directory that others can look into or write to.
func checkPrivate(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at the runtime directory: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("the runtime directory %s is open to others; to close it: chmod 700 %[1]s", dir)
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
