// Package store keeps a profile on disk: who it is, whom it has met, what was
// written and what still has to be sent. One SQLite database, encrypted as a
// whole, holds all of it, and a change is durable before anybody hears of it.
//
// A [Profile] is the directory, locked and restricted to its user; a [Store]
// is the database in it. Only net/messenger and the command line open them.
// Beside it [Parcels] hold what the node keeps for strangers, in a second one.
// What a session or an envelope holds is bytes to this package.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

// Store is a profile's database. It is safe for concurrent use; transactions
// run one after another, since there is one connection (see open.go).
type Store struct {
	profile *Profile
	log     *slog.Logger
	records *vault.Records
	turn    chan struct{} // holds a token while somebody uses what follows

	db     *conn
	cache  cache
	closed bool
	broken error // what the check of the file found; nothing is written after it

	care care
}

// ErrClosed says that the store was closed before.
var ErrClosed = errors.New("the store is closed")

// cache keeps what each message asks for, as of the last commit and the
// transaction that is running. It is dropped when one is undone.
type cache struct {
	peers map[identity.ID]int64
	ids   map[int64]identity.ID
	chats map[Chat]*chat
	byRow map[int64]Chat
	seqs  map[author]uint64 // highest number of each author in each chat
	dirty map[*chat]struct{}
	days  map[int64]rows // messages that are new in the transaction, by the day on which they came
}

type author struct{ chat, peer int64 }

func newCache() cache {
	return cache{
		peers: make(map[identity.ID]int64),
		ids:   make(map[int64]identity.ID),
		chats: make(map[Chat]*chat),
		byRow: make(map[int64]Chat),
		seqs:  make(map[author]uint64),
		dirty: make(map[*chat]struct{}),
		days:  make(map[int64]rows),
	}
}

// Update runs fn in one transaction, which is durable when Update returns nil
// and did not happen otherwise. A ctx that ends before fn does undoes it; one
// that ends later comes too late. fn must not use the store but through its Tx.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	if s.broken != nil {
		return fmt.Errorf("write: %w", s.broken)
	}
	before := s.db.TotalChanges()
	if err := s.db.exec("BEGIN IMMEDIATE"); err != nil {
		return explain(ctx, err)
	}
	done := false
	defer func() { // also when fn panics
		if !done {
			s.undo()
		}
	}()
	tx := &Tx{s: s, ctx: ctx, writes: true}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.db.SetInterrupt(context.Background()) // from here on the answer must be known
	if err := s.db.exec("COMMIT"); err != nil {
		return explain(ctx, err)
	}
	done = true
	if s.db.TotalChanges() != before {
		s.committed()
	}
	return nil
}

// undo rolls the running transaction back, if SQLite has not done so itself.
func (s *Store) undo() {
	s.cache = newCache()
	s.db.SetInterrupt(context.Background())
	if s.db.GetAutocommit() {
		return
	}
	if err := s.db.exec("ROLLBACK"); err != nil {
		s.broken = fmt.Errorf("cannot roll back: %w", err)
		s.log.Error("rollback failed", slog.Any("error", err))
	}
}

// View runs fn, which must not write. It sees one state of the database.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	return fn(&Tx{s: s, ctx: ctx})
}

// begin waits for the connection and takes it.
func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	default:
		s.care.giveWay()
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.closed {
		<-s.turn
		return ErrClosed
	}
	s.db.SetInterrupt(ctx)
	return nil
}

func (s *Store) end() {
	s.db.SetInterrupt(context.Background())
	<-s.turn
}

// Close ends what the store does in the background and closes the file, whole
// and without a WAL. It waits for transactions that are running.
func (s *Store) Close() error {
	if err := s.begin(context.Background()); err != nil {
		return err
	}
	s.closed = true
	s.end()
	s.care.stop()
	err := s.db.checkpoint()
	err = errors.Join(explain(context.Background(), err), s.db.close())
	s.profile.opened = false
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
