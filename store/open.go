package store

import (
	"context"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	_ "github.com/ncruces/go-sqlite3/vfs/adiantum" // encrypts every page

	"dione/crypto/vault"
)

// This file opens the database. The rules were learnt from crash and soak
// tests of exactly these settings, which are kept beside:
//   - one connection, ever. Frames of the WAL straddle the cipher's blocks, so
//     a second one would read noise while the first appends;
//   - a WAL whose length is not a multiple of the cipher's block cannot be
//     opened. It is cut there first; no whole commit is lost by that;
//   - page checksums are not verified after an unclean stop until the first
//     checkpoint, so that comes first;
//   - a database gets its name when it is whole, so that an empty file under
//     that name is damage and never a reason to begin anew.

const (
	pageSize  = 4096 // also the block of the cipher
	walSuffix = "-wal"

	// cacheKiB bounds the pages in memory. A program that is 40 MB whole must
	// not spend half of that here; queries by key need few.
	cacheKiB      = 8000
	checkCacheKiB = 500
)

//go:embed schema/*.sql schema/parcels/*.sql
var schemaFiles embed.FS

// schema returns the steps of dione.db from one version to the next, from
// nothing on.
func schema() ([]string, error) { return stepsIn("schema") }

func stepsIn(dir string) ([]string, error) {
	names, err := fs.Glob(schemaFiles, dir+"/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var steps []string
	for _, name := range names {
		b, err := schemaFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, string(b))
	}
	return steps, nil
}

// Open opens the profile's database with the key that [Profile.Unlock]
// returned, and makes it at the first start. After an unclean stop it looks
// through the whole file before it returns, else later, in the background, for
// which [Store.Close] waits. Nothing is logged if log is nil.
func Open(ctx context.Context, p *Profile, key vault.Key, log *slog.Logger) (*Store, error) {
	if p.opened {
		return nil, errors.New("open store: the profile's store is open already")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	steps, err := schema()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	path := filepath.Join(p.dir, dbName)
	db, err := openFile(ctx, path, key, steps, log)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(ctx, err))
	}
	records, err := key.Records()
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	s := &Store{
		profile: p,
		log:     log,
		records: records,
		turn:    make(chan struct{}, 1),
		db:      db,
		cache:   newCache(),
		care: care{
			wake: make(chan struct{}, 1),
			quit: make(chan struct{}),
			done: make(chan struct{}),
		},
	}
	db.SetInterrupt(context.Background()) // ctx was for opening
	p.opened = true
	go s.runCare() // Close waits for it
	return s, nil
}

// openFile opens the database at path, in its newest version.
func openFile(ctx context.Context, path string, key vault.Key, steps []string, log *slog.Logger) (*conn, error) {
	unclean, err := fixWAL(path + walSuffix)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && unclean:
		return nil, fmt.Errorf("%w: it is missing, and %s is there", ErrDamaged, filepath.Base(path+walSuffix))
	case errors.Is(err, fs.ErrNotExist):
		if err := mainKind(key, steps).create(ctx, path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	if err := tryKey(path, key.Pages()); err != nil {
		return nil, err
	}
	db, err := connect(ctx, path, key, false)
	if err != nil {
		return nil, err
	}
	if unclean {
		log.Info("unclean stop before: checking the database")
		if err := db.quickCheck(); err != nil {
			return nil, errors.Join(err, db.close())
		}
	}
	if db, err = migrate(ctx, db, path, key, steps, log); err != nil {
		return nil, err
	}
	// The WAL was just made, and SQLite leaves its name to chance.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// fixWAL cuts a WAL that ends within a block of the cipher, and reports
// whether one was left behind, so that the last stop was not a clean one.
func fixWAL(path string) (unclean bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && size%pageSize != 0 {
		if err = f.Truncate(size - size%pageSize); err == nil {
			err = f.Sync()
		}
	}
	return size > 0, errors.Join(err, f.Close())
}

// kind is what the two files of a profile differ in.
type kind struct {
	vfs      string
	key      [vault.Size]byte // of the pages
	first    string           // to be said while a file has no page yet
	settings []setting
	words    bool     // it has a full-text index
	steps    []string // of the schema, from nothing on
}

func mainKind(key vault.Key, steps []string) kind {
	return kind{vfs: "adiantum", key: key.Pages(), settings: settings, words: true, steps: steps}
}

// create makes the database and moves it to path when it is whole.
func (k kind) create(ctx context.Context, path string) error {
	if err := k.build(ctx, path, func(*conn) error { return nil }); err != nil {
		return err
	}
	return moveInPlace(path+partSuffix, path)
}

// build makes the database under the name that it has until it is whole, and
// has fill put into it what it begins with.
func (k kind) build(ctx context.Context, path string, fill func(*conn) error) error {
	if err := removeAll(append(unfinished(path), path+walSuffix)); err != nil {
		return err
	}
	db, err := k.connect(ctx, path+partSuffix, true)
	if err != nil {
		return err
	}
	err = db.upgrade(0, k.steps)
	if err == nil {
		err = fill(db)
	}
	if err == nil {
		err = db.checkpoint() // which also makes it durable
	}
	return errors.Join(err, db.close())
}

// unfinished returns the names of a database that is not whole.
func unfinished(path string) []string {
	part := path + partSuffix
	return []string{part, part + walSuffix, part + "-journal"}
}

func removeAll(names []string) error {
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// connect opens a file of dione.db's kind.
func connect(ctx context.Context, path string, key vault.Key, fresh bool) (*conn, error) {
	return mainKind(key, nil).connect(ctx, path, fresh)
}

// connect opens one file with the settings of its kind. Only a file that is
// fresh may be, and must be, without content.
func (k kind) connect(ctx context.Context, path string, fresh bool) (*conn, error) {
	raw, err := sqlite3.OpenContext(ctx, k.uri(path))
	if err != nil {
		return nil, err
	}
	raw.SetInterrupt(ctx)
	c := &conn{Conn: raw, stmts: make(map[string]*sqlite3.Stmt)}
	if err := c.configure(k, fresh); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// uri names a file for SQLite, which gives new ones beside it the same mode as
// the file named by modeof.
func (k kind) uri(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	query := url.Values{"vfs": {k.vfs}, "modeof": {filepath.Join(filepath.Dir(path), lockName)}}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: slashed, RawQuery: query.Encode()}).String()
}

// setting is one PRAGMA and what it must say once all are set.
type setting struct{ name, value, want string }

var settings = []setting{
	{"journal_mode", "wal", "wal"},
	{"locking_mode", "exclusive", "exclusive"},
	{"synchronous", "full", "2"}, // less loses confirmed commits when the power goes
	{"temp_store", "memory", "2"},
	{"cache_size", "-" + strconv.Itoa(cacheKiB), "-" + strconv.Itoa(cacheKiB)},
	{"foreign_keys", "on", "1"},
	{"secure_delete", "on", "1"},
	{"trusted_schema", "off", "0"},
	{"page_size", "", strconv.Itoa(pageSize)},
	{"checksum_verification", "", "1"},
}

// configure gives the connection its key and settings, and reads back that
// they hold.
func (c *conn) configure(k kind, fresh bool) error {
	if err := c.Exec("PRAGMA hexkey='" + hex.EncodeToString(k.key[:]) + "'"); err != nil {
		return errors.New("the key was not taken") // the cause may quote the statement
	}
	if err := c.Exec("PRAGMA locking_mode=exclusive; PRAGMA page_size=" + strconv.Itoa(pageSize)); err != nil {
		return err
	}
	if k.words {
		if err := fts5.Register(c.Conn); err != nil {
			return err
		}
	}
	pages, err := c.pragma("page_count")
	if err != nil {
		return err
	}
	if fresh != (pages == "0") {
		return fmt.Errorf("%w: it has %s pages", ErrDamaged, pages)
	}
	if fresh {
		if err := c.Exec(k.first); err != nil {
			return err
		}
		if err := c.EnableChecksums("main"); err != nil {
			return err
		}
	}
	var set strings.Builder
	for _, s := range k.settings {
		if s.value != "" {
			fmt.Fprintf(&set, "PRAGMA %s=%s;", s.name, s.value)
		}
	}
	if err := c.Exec(set.String()); err != nil {
		return err
	}
	if on, err := c.pragma("checksum_verification"); err != nil {
		return err
	} else if on != "1" {
		if err := c.checkpoint(); err != nil {
			return err
		}
	}
	for _, s := range k.settings {
		got, err := c.pragma(s.name)
		if err != nil {
			return err
		}
		if got != s.want {
			return fmt.Errorf("setting %s is %q, want %q", s.name, got, s.want)
		}
	}
	reserved, err := c.FileControl("main", sqlite3.FCNTL_RESERVE_BYTES)
	if err != nil {
		return err
	}
	if reserved != 8 {
		return fmt.Errorf("%v bytes reserved in a page, want 8 for its checksum", reserved)
	}
	return nil
}

func (c *conn) pragma(name string) (value string, err error) {
	s, _, err := c.Prepare("PRAGMA " + name)
	if err != nil {
		return "", err
	}
	if s.Step() {
		value = s.ColumnText(0)
	}
	return value, errors.Join(s.Err(), s.Close())
}
