package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the lock of f for this process, or reports that another has
// it. The locked byte lies far behind the end of the file, since Windows keeps
// others from reading what is locked, and they want to read the number of the
// process.
func tryLock(f *os.File) (ok bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// syncDir does nothing: NTFS logs names itself, and Windows cannot sync a
// directory.
func syncDir(string) error { return nil }

// restricts reports whether this system's file modes keep others out. On
// Windows the user's own folder does.
const restricts = false
