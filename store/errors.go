package store

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/ncruces/go-sqlite3"
)

// hintError is an error that knows the user's next step.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// Hint returns the next step, in words.
func (e *hintError) Hint() string { return e.hint }

func withHint(hint, format string, args ...any) error {
	return &hintError{fmt.Errorf(format, args...), hint}
}

var (
	// ErrDisk says that the disk took no more, or failed. The transaction did
	// not happen; the same one may succeed later.
	ErrDisk error = &hintError{
		errors.New("disk full or failing"),
		"free some space on the disk of the profile; nothing that was confirmed is lost",
	}

	// ErrDamaged says that the database cannot be read as what was written.
	ErrDamaged error = &hintError{
		errors.New("the database is damaged, or belongs to another profile.key"),
		"keep a copy of the profile directory, then put back a backup of the whole directory, or move it away to begin a new profile",
	}

	// ErrInvalid says that a row cannot be stored as it is, and why. Nothing
	// was changed by the call, and the transaction may go on.
	ErrInvalid = errors.New("cannot be stored")

	// ErrTooMany says that there are as many of something as may be.
	ErrTooMany = errors.New("too many are open")

	// ErrSealed says that a message is under way: it may have left.
	ErrSealed = errors.New("the message is under way")

	// ErrDeletion says that a deletion cannot be taken back.
	ErrDeletion = errors.New("what is deleted is gone")
)

// InUseError says that another process has the profile.
type InUseError struct {
	Dir string
	PID int // 0 if it has not written its number yet
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("profile %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("profile %s is in use by process %d", e.Dir, e.PID)
}

// Hint returns the next step, in words.
func (e *InUseError) Hint() string {
	return "use the dione that is running, or another profile with --home"
}

// explain says in the terms of this package what an error of SQLite or of a
// file means.
// ctx is the one under which the statement ran.
func explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlite3.INTERRUPT) && ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrDamaged), errors.Is(err, ErrDisk):
		return err
	case errors.Is(err, sqlite3.IOERR_DATA), errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB):
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	case errors.Is(err, sqlite3.FULL), errors.Is(err, sqlite3.IOERR), errors.Is(err, sqlite3.READONLY),
		errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (%w)", ErrDisk, err)
	case errors.Is(err, sqlite3.BUSY):
		return withHint("close the program that has dione.db open: only dione may read it",
			"another program has the database open (%w)", err)
	}
	return err
}
