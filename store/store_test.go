package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// testProfile opens the profile in dir, with no passphrase, until the test
// ends or closes it.
func testProfile(t testing.TB, dir string) (*Profile, *Store) {
	t.Helper()
	p, err := OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := p.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), p, key, nil)
	if err != nil {
		_ = p.Close()
		t.Fatal(err)
	}
	return p, s
}

func testStore(t testing.TB) *Store {
	t.Helper()
	p, s := testProfile(t, t.TempDir())
	t.Cleanup(func() { closeAll(t, p, s) })
	return s
}

func closeAll(t testing.TB, p *Profile, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close store: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("close profile: %v", err)
	}
}

func update(t testing.TB, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// person returns the identity of somebody by number.
func person(n int) identity.ID {
	var seed [identity.Size]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n)+1)
	key, err := identity.FromSeed(seed[:])
	if err != nil {
		panic(err)
	}
	return key.ID()
}

var (
	self  = person(0)
	bob   = person(1)
	carol = person(2)
	at    = time.UnixMilli(1_790_000_000_000)
)

func newID() (id MessageID) {
	_, _ = rand.Read(id[:])
	return id
}

// mine is a new message of our own.
func mine(in Chat, text string) Message {
	return Message{Chat: in, ID: newID(), From: self, Mine: true, State: StateQueued, Sent: at, Arrived: at, Text: text}
}

// theirs is a new message of somebody else.
func theirs(in Chat, from identity.ID, seq uint64, text string) Message {
	return Message{Chat: in, ID: newID(), From: from, Seq: seq, Sent: at, Arrived: at, Path: PathLAN, Text: text}
}

// errUndo undoes a transaction.
var errUndo = errors.New("undo")

// number runs a query of one number.
func number(tx *Tx, query string, args ...any) (n int64, err error) {
	_, err = tx.one(query, func(s *sqlite3.Stmt) { n = s.ColumnInt64(0) }, args...)
	return n, err
}
