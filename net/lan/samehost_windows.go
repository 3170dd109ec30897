package lan

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset is where the lock lies: behind all content, since a lock keeps
// others from reading what it covers.
const lockOffset = 1 << 30

// checkOwner and checkPrivate have nothing to do: the directory of temporary
// files is the user's own.
func checkOwner(string) error   { return nil }
func checkPrivate(string) error { return nil }

func lockFile(f *os.File) error {
	at := windows.Overlapped{Offset: lockOffset}
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
}

// isLocked reports whether another process holds the lock of f.
func isLocked(f *os.File) (bool, error) {
	at := windows.Overlapped{Offset: lockOffset}
	h := windows.Handle(f.Fd())
	err := windows.LockFileEx(h, windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, windows.UnlockFileEx(h, 0, 1, 0, &at)
}

// hostID has nothing to tell apart: there are no network namespaces.
func hostID() string { return "host" }
