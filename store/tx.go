package store

import (
	"context"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// Tx is a transaction of [Store.Update] or [Store.View]. It is valid until the
// function that got it returns, and only in its goroutine.
type Tx struct {
	s      *Store
	ctx    context.Context // only while the function runs: SQLite asks it during long queries
	writes bool
}

var errReadOnly = errors.New("write inside of View")

func (tx *Tx) exec(query string, args ...any) error {
	if !tx.writes {
		return errReadOnly
	}
	return explain(tx.ctx, tx.s.db.exec(query, args...))
}

func (tx *Tx) query(query string, row func(*sqlite3.Stmt) error, args ...any) error {
	return explain(tx.ctx, tx.s.db.query(query, row, args...))
}

func (tx *Tx) one(query string, row func(*sqlite3.Stmt), args ...any) (found bool, err error) {
	found, err = tx.s.db.one(query, row, args...)
	return found, explain(tx.ctx, err)
}

// peer returns the number under which id stands in other rows, 0 if it has
// none.
func (tx *Tx) peer(id identity.ID) (int64, error) {
	if n, ok := tx.s.cache.peers[id]; ok {
		return n, nil
	}
	var n int64
	found, err := tx.one("SELECT id FROM peer WHERE pub = ?", func(s *sqlite3.Stmt) { n = s.ColumnInt64(0) }, id[:])
	if err != nil || !found {
		return 0, err
	}
	tx.s.cache.peers[id], tx.s.cache.ids[n] = n, id
	return n, nil
}

// addPeer is peer for an id that may be new.
func (tx *Tx) addPeer(id identity.ID) (int64, error) {
	n, err := tx.peer(id)
	if err != nil || n != 0 {
		return n, err
	}
	if err := tx.exec("INSERT INTO peer(pub) VALUES(?)", id[:]); err != nil {
		return 0, err
	}
	n = tx.s.db.LastInsertRowID()
	tx.s.cache.peers[id], tx.s.cache.ids[n] = n, id
	return n, nil
}

// peerID is the inverse of peer.
func (tx *Tx) peerID(n int64) (identity.ID, error) {
	if id, ok := tx.s.cache.ids[n]; ok {
		return id, nil
	}
	var id identity.ID
	found, err := tx.one("SELECT pub FROM peer WHERE id = ?", func(s *sqlite3.Stmt) { copy(id[:], s.ColumnRawBlob(0)) }, n)
	if err == nil && !found {
		err = ErrDamaged // a foreign key holds it
	}
	if err != nil {
		return identity.ID{}, err
	}
	tx.s.cache.peers[id], tx.s.cache.ids[n] = n, id
	return id, nil
}
