package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"dione/crypto/vault"
)

// This file and its neighbours hold packages of strangers, in a database of
// their own: a flood of them, or its loss, touches nobody's history. The rules
// are:
//   - there is one connection, as for dione.db, and nobody has it for long:
//     each turn ends when patience does, and readers come before writers;
//   - what many put at a time is one transaction, durable before any of them
//     hears of it;
//   - what each origin holds is written with the packages, so it is exact after
//     any stop;
//   - a file that is damaged is set aside and a fresh one begun. Others hold
//     the same packages and will offer them again.

const (
	// MaxHeld is the longest package in bytes.
	MaxHeld = 1024

	// MaxPut is how many packages one Put writes and drops together, and the
	// most that one question is answered with.
	MaxPut = 1024

	// patience is how long one turn goes on with more of the same: a fifth of
	// what a reader may ever wait.
	patience = 10 * time.Millisecond
)

// Held is one package that is held for strangers.
type Held struct {
	Address   [32]byte
	Location  [32]byte
	Sum       [32]byte // SHA-256 of the core that it carries or buries
	Tombstone bool
	Expiry    uint32       // the hour that its writer has signed
	Until     time.Time    // when it is dropped, milliseconds
	Came      time.Time    // when it came here, milliseconds
	Origin    netip.Prefix // whence it came
	Bytes     []byte       // the package, 1 to MaxHeld bytes
}

// Parcels is the database of what is held for strangers. It is safe for
// concurrent use.
type Parcels struct {
	profile *Profile
	log     *slog.Logger
	path    string
	kind    kind
	records *vault.Records

	queue  putQueue
	writer chan struct{} // holds a token while somebody writes, or waits for a sync
	turn   chan struct{} // holds a token while somebody uses what follows

	db      *conn
	dbFile  *lazyFile
	walFile *lazyFile
	closed  bool
	broken  error             // why nothing can be read or written any more
	lost    error             // why what was held before was set aside
	kept    map[string][]byte // what the node keeps, sealed
	wal     int               // pages in the WAL
	tidyAt  int               // of those, when it is emptied next
	moved   bool              // all of them are in the database, perhaps not on disk
	blotted bool              // the WAL had no head when it was begun

	held ledger
}

// OpenParcels opens the profile's database of packages with the key that
// [Profile.Unlock] returned, and makes it if there is none. A damaged one it
// sets aside and begins anew. It needs no [Store]. Nothing is logged if log is
// nil.
func OpenParcels(ctx context.Context, p *Profile, key vault.Key, log *slog.Logger) (*Parcels, error) {
	if p.held {
		return nil, errors.New("open parcels: they are open already")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s, err := newParcels(p, key, log)
	if err != nil {
		return nil, fmt.Errorf("open parcels: %w", err)
	}
	err = s.open(ctx)
	if errors.Is(err, ErrDamaged) {
		err = s.beginAnew(ctx, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.path, explain(ctx, err))
	}
	p.held = true
	return s, nil
}

// begin waits for the connection and takes it.
func (p *Parcels) begin() error {
	p.turn <- struct{}{}
	switch {
	case p.closed:
		<-p.turn
		return ErrClosed
	case p.broken != nil:
		<-p.turn
		return p.broken
	}
	return nil
}

// view runs fn with the connection; it must not write.
func (p *Parcels) view(fn func() error) error {
	db, err := p.use(fn)
	if errors.Is(err, ErrDamaged) {
		p.writer <- struct{}{}
		defer func() { <-p.writer }()
		return p.replace(db, err)
	}
	return err
}

// use runs fn with the connection, and returns which one that was.
func (p *Parcels) use(fn func() error) (*conn, error) {
	if err := p.begin(); err != nil {
		return nil, err
	}
	defer func() { <-p.turn }()
	return p.db, explain(context.Background(), fn())
}

// replace sets the file of a connection aside, because of err, unless that was
// done before. It returns err with what follows from it. The caller is the
// writer.
func (p *Parcels) replace(db *conn, err error) error {
	if p.begin() != nil {
		return err
	}
	defer func() { <-p.turn }()
	if p.db == db {
		ctx := context.Background()
		if p.broken = p.beginAnew(ctx, err); p.broken != nil {
			p.broken = fmt.Errorf("begin %s anew: %w", p.path, explain(ctx, p.broken))
			return errors.Join(err, p.broken)
		}
	}
	return withHint("nothing needs to be done: what was held is lost here, and others hold it too", "%s: %w", p.path, err)
}

// Lost tells why what was held at the start, or since, was set aside as
// damaged; nil if it was not.
func (p *Parcels) Lost() error {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	return p.lost
}

// Usage tells how many bytes of packages are held, in all and for each origin.
// It does not wait for the disk.
func (p *Parcels) Usage() (total int64, origins map[netip.Prefix]int64, err error) {
	p.held.mu.RLock()
	defer p.held.mu.RUnlock()
	origins = make(map[netip.Prefix]int64, len(p.held.origins))
	for prefix, o := range p.held.origins {
		if o.bytes > 0 {
			origins[prefix] = o.bytes
		}
	}
	return p.held.total, origins, nil
}

// ledger is what each origin holds, as of the last commit. It is changed by
// who has the turn.
type ledger struct {
	mu      sync.RWMutex
	total   int64
	origins map[netip.Prefix]*origin
	rows    map[int64]*origin
}

type origin struct {
	row    int64
	prefix netip.Prefix
	bytes  int64
}

// reset forgets everything, and takes what a file says instead.
func (l *ledger) reset(all []*origin) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total, l.origins, l.rows = 0, make(map[netip.Prefix]*origin), make(map[int64]*origin)
	for _, o := range all {
		l.total += o.bytes
		l.origins[o.prefix], l.rows[o.row] = o, o
	}
}

// Close closes the file, whole and without a WAL. It waits for who reads or
// writes; who waits for its turn gets [ErrClosed].
func (p *Parcels) Close() error {
	p.writer <- struct{}{}
	defer func() { <-p.writer }()
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if p.closed {
		return ErrClosed
	}
	p.closed, p.profile.held = true, false
	if p.db == nil {
		return nil // no fresh file could be made
	}
	err := p.sync()
	p.walFile.lazy = false
	err = errors.Join(err, p.db.checkpoint())
	if err = errors.Join(explain(context.Background(), err), p.db.close()); err != nil {
		return fmt.Errorf("close parcels: %w", err)
	}
	return nil
}
