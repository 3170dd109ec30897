package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dione/crypto/vault"
)

// upgrade runs the steps behind version, each in its own transaction. After an
// error the connection must be closed, which undoes the step that failed.
func (c *conn) upgrade(version int, steps []string) error {
	for i := version; i < len(steps); i++ {
		err := c.Exec("BEGIN IMMEDIATE;" + steps[i] + ";PRAGMA user_version=" + strconv.Itoa(i+1) + ";COMMIT")
		if err != nil {
			return fmt.Errorf("step to version %d: %w", i+1, err)
		}
	}
	return nil
}

// migrate brings an older database to the version of steps. Before that it
// keeps a copy, without the secrets of conversations, which is there until all
// steps are done. A newer database is left alone. The connection it returns
// takes the place of db, which is closed on errors.
func migrate(ctx context.Context, db *conn, path string, key vault.Key, steps []string, log *slog.Logger) (*conn, error) {
	text, err := db.pragma("user_version")
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	version, err := strconv.Atoi(text)
	switch {
	case err != nil || version < 1:
		return nil, errors.Join(fmt.Errorf("%w: version %q", ErrDamaged, text), db.close())
	case version == len(steps):
		if err := removeCopies(path); err != nil {
			return nil, errors.Join(err, db.close())
		}
		return db, nil
	case version > len(steps):
		return nil, errors.Join(withHint("install the newer dione that this profile was last used with",
			"the database has version %d, this program knows up to %d", version, len(steps)), db.close())
	}
	log.Info("migrating the database", slog.Int("from", version), slog.Int("to", len(steps)))
	// The file is copied as it lies, closed, so that it keeps its checksums.
	if err := errors.Join(db.checkpoint(), db.close()); err != nil {
		return nil, err
	}
	kept := path + ".v" + text
	if err := keepCopy(ctx, path, kept, key); err != nil {
		return nil, fmt.Errorf("copy before migration: %w", err)
	}
	if db, err = connect(ctx, path, key, false); err != nil {
		return nil, err
	}
	if err := db.upgrade(version, steps); err != nil {
		return nil, errors.Join(withHint("report this; the database is as it was, and "+kept+" is a copy",
			"migrate: %w", err), db.close())
	}
	if err := errors.Join(db.checkpoint(), removeCopies(path)); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// secrets are what no copy may hold: what is sent must never be sent twice
// from two copies of one state.
const secrets = "DELETE FROM parcel; DELETE FROM prekey; DELETE FROM session; DELETE FROM fragment; DELETE FROM invitation; DELETE FROM outbox; DELETE FROM envelope; UPDATE chat SET waiting = 0"

// keepCopy copies a closed database and empties the secrets in the copy. The
// copy has its name only when it is whole and checked.
func keepCopy(ctx context.Context, path, kept string, key vault.Key) error {
	part := kept + partSuffix
	if err := copyFile(path, part); err != nil {
		return err
	}
	db, err := connect(ctx, part, key, false)
	if err != nil {
		return err
	}
	err = db.Exec("BEGIN IMMEDIATE;" + secrets + ";COMMIT")
	if err == nil {
		err = db.checkpoint()
	}
	if err == nil {
		err = db.quickCheck()
	}
	if err := errors.Join(err, db.close()); err != nil {
		return err
	}
	return moveInPlace(part, kept)
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(err, src.Close())
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close(), src.Close())
}

// removeCopies removes what migrations have kept, whole or not.
func removeCopies(path string) error {
	dir, name := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	removed := false
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), name+".v") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
			removed = true
		}
	}
	if !removed {
		return nil
	}
	return syncDir(dir)
}
