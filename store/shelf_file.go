package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/vault"
)

// damagedSuffix marks a parcels.db that was set aside. There is at most one.
const damagedSuffix = ".damaged"

// heldCacheKiB bounds the pages in memory: enough for the upper pages of each
// index of 500,000 packages.
const heldCacheKiB = 4000

// heldSettings are those of parcels.db. What is removed from it was ciphertext
// to begin with, so it is overwritten only where that costs nothing.
var heldSettings = []setting{
	{"auto_vacuum", "", "2"},
	{"journal_mode", "wal", "wal"},
	{"locking_mode", "exclusive", "exclusive"},
	{"synchronous", "full", "2"}, // one sync for all that is put at a time
	{"temp_store", "memory", "2"},
	{"cache_size", "-" + strconv.Itoa(heldCacheKiB), "-" + strconv.Itoa(heldCacheKiB)},
	{"secure_delete", "fast", "2"},
	{"trusted_schema", "off", "0"},
	{"page_size", "", strconv.Itoa(pageSize)},
	{"checksum_verification", "", "1"},
}

func newParcels(profile *Profile, key vault.Key, log *slog.Logger) (*Parcels, error) {
	steps, err := stepsIn("schema/parcels")
	if err != nil {
		return nil, err
	}
	records, err := key.HeldRecords()
	if err != nil {
		return nil, err
	}
	return &Parcels{
		profile: profile,
		log:     log,
		path:    filepath.Join(profile.dir, heldName),
		kind: kind{
			vfs:      heldVFS,
			key:      key.HeldPages(),
			first:    "PRAGMA auto_vacuum=incremental",
			settings: heldSettings,
			steps:    steps,
		},
		records: records,
		writer:  make(chan struct{}, 1),
		turn:    make(chan struct{}, 1),
	}, nil
}

// open opens the file, makes it if there is none, and reads what is kept in
// memory. It is not looked through: damage is found by whoever reads it, since
// every page has a checksum.
func (p *Parcels) open(ctx context.Context) error {
	unclean, err := fixWAL(p.path + walSuffix)
	if err != nil {
		return err
	}
	_, err = os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && unclean:
		return fmt.Errorf("%w: it is missing, and its WAL is there", ErrDamaged)
	case errors.Is(err, fs.ErrNotExist):
		err = p.kind.create(ctx, p.path)
	}
	if err != nil {
		return err
	}
	if err := tryKey(p.path, p.kind.key); err != nil {
		return err
	}
	db, err := p.kind.connect(ctx, p.path, false)
	if err != nil {
		return explain(ctx, err)
	}
	if err := p.take(db); err != nil {
		return errors.Join(explain(ctx, err), db.close())
	}
	// The WAL was just made, and SQLite leaves its name to chance.
	if err := syncDir(filepath.Dir(p.path)); err != nil {
		return errors.Join(err, db.close())
	}
	db.SetInterrupt(context.Background()) // ctx was for opening
	p.db = db
	return nil
}

// take brings a file to the newest version and reads what is kept in memory.
func (p *Parcels) take(db *conn) error {
	text, err := db.pragma("user_version")
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(text)
	switch {
	case err != nil || version < 1:
		return fmt.Errorf("%w: version %q", ErrDamaged, text)
	case version > len(p.kind.steps):
		return withHint("install the newer dione that this profile was last used with",
			"it has version %d, this program knows up to %d", version, len(p.kind.steps))
	}
	if err := db.upgrade(version, p.kind.steps); err != nil {
		return err
	}
	// The WAL is emptied in turns of its own, not at the end of a commit.
	if err := db.WALAutoCheckpoint(0); err != nil {
		return err
	}
	db.WALHook(func(_ *sqlite3.Conn, _ string, pages int) error {
		p.wal = pages
		return nil
	})
	p.wal, p.tidyAt, p.moved, p.blotted = 0, tidyPages, false, false
	if err := errors.Join(p.readOrigins(db), p.readKept(db)); err != nil {
		return err
	}
	p.dbFile, p.walFile, err = db.lazyFiles()
	return err
}

func (p *Parcels) readOrigins(db *conn) error {
	var all []*origin
	err := db.query("SELECT id, prefix, bytes FROM origin", func(s *sqlite3.Stmt) error {
		o := &origin{row: s.ColumnInt64(0), bytes: s.ColumnInt64(2)}
		if b := s.ColumnRawBlob(1); len(b) > 0 && o.prefix.UnmarshalBinary(b) != nil || o.bytes <= 0 {
			return fmt.Errorf("%w: origin %x holds %d bytes", ErrDamaged, b, o.bytes)
		}
		all = append(all, o)
		return nil
	})
	if err == nil {
		p.held.reset(all)
	}
	return err
}

// prefixBytes is how an origin is stored.
func prefixBytes(prefix netip.Prefix) ([]byte, error) {
	if !prefix.IsValid() {
		return []byte{}, nil
	}
	return prefix.MarshalBinary()
}

// beginAnew sets the file aside, for a reason, and opens a fresh one. What the
// node keeps goes along, if it could ever be read.
func (p *Parcels) beginAnew(ctx context.Context, reason error) error {
	p.lost = reason
	if p.db != nil {
		_ = p.db.close() // what is left of it is in the file
		p.db, p.dbFile, p.walFile = nil, nil, nil
	}
	if err := setAside(p.path); err != nil {
		return fmt.Errorf("set the damaged file aside: %w", err)
	}
	p.log.Warn("packages held for others are lost: their file is damaged and was set aside",
		slog.String("now", p.path+damagedSuffix), slog.Any("error", reason))
	kept := p.kept
	if err := p.open(ctx); err != nil {
		return err
	}
	for name, sealed := range kept {
		if err := p.keep(name, sealed); err != nil {
			return err
		}
		p.kept[name] = sealed
	}
	return nil
}

// setAside gives a database another name, with its WAL, in the place of what
// was set aside before.
func setAside(path string) error {
	for _, suffix := range []string{"", walSuffix} {
		aside := path + damagedSuffix + suffix
		if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Rename(path+suffix, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(filepath.Dir(path))
}

// keep writes down something that the node keeps. The caller has the
// connection.
func (p *Parcels) keep(name string, sealed []byte) error {
	return p.db.exec("INSERT INTO kept(name, sealed) VALUES(?, ?) ON CONFLICT DO UPDATE SET sealed = excluded.sealed", name, sealed)
}

func (p *Parcels) readKept(db *conn) error {
	p.kept = make(map[string][]byte)
	return db.query("SELECT name, sealed FROM kept", func(s *sqlite3.Stmt) error {
		p.kept[s.ColumnText(0)] = s.ColumnBlob(1, nil)
		return nil
	})
}
