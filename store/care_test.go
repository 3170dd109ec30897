package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// after is a moment of virtual time.
func after(d time.Duration) <-chan time.Time { return time.After(d) }

func walSize(t testing.TB, s *Store) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(s.profile.dir, dbName+walSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// What was erased stays in the WAL until that is emptied: after two quiet
// seconds, and not before, or a busy program would do nothing else.
func TestWALIsEmptiedWhenIdle(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, s := testProfile(t, dir)
		for range 5 {
			add(t, s, mine(Room, "x"))
			<-after(idleBefore - time.Second)
			if walSize(t, s) == 0 {
				t.Error("the WAL was emptied in the midst of work")
			}
		}
		for range 2 {
			add(t, s, mine(Room, "x"))
			<-after(idleBefore + 1)
			synctest.Wait()
			if n := walSize(t, s); n != 0 {
				t.Errorf("the WAL has %d bytes after two quiet seconds", n)
			}
		}
		closeAll(t, p, s)
	})
}

func TestWALIsEmptiedWhenBusy(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { // no time passes
		p, s := testProfile(t, dir)
		for range maxCommits - 1 {
			add(t, s, mine(Room, "x"))
		}
		if walSize(t, s) == 0 {
			t.Error("the WAL was emptied too early")
		}
		add(t, s, mine(Room, "x"))
		if n := walSize(t, s); n != 0 {
			t.Errorf("the WAL has %d bytes after %d commits", n, maxCommits)
		}
		closeAll(t, p, s)
	})
}

// A transaction that changes nothing costs no write.
func TestNothingToCommit(t *testing.T) {
	s := testStore(t)
	add(t, s, mine(Room, "x"))
	before := walSize(t, s)
	for range 10 {
		update(t, s, func(tx *Tx) error {
			_, err := tx.Chats()
			return err
		})
	}
	if now := walSize(t, s); now != before {
		t.Errorf("the WAL grew from %d to %d bytes", before, now)
	}
}

// A clean stop leaves one file, and opening it again is no repair.
func TestCleanStop(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	add(t, s, mine(Room, "x"))
	closeAll(t, p, s)
	if _, err := os.Stat(filepath.Join(dir, dbName+walSuffix)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the WAL is still there: %v", err)
	}
}

// Whoever needs the connection during the check of the file gets it.
func TestCheckGivesWay(t *testing.T) {
	s := testStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.care.checking.Store(&cancel)
	s.turn <- struct{}{} // as the check does
	got := make(chan error)
	go func() {
		got <- s.View(t.Context(), func(*Tx) error { return nil })
	}()
	<-ctx.Done()
	<-s.turn
	if err := <-got; err != nil {
		t.Error(err)
	}
	s.care.checking.Store(nil)
	if !s.checkFile() {
		t.Error("the check did not come to its end, though nobody was in its way")
	}
}

func TestClosed(t *testing.T) {
	p, s := testProfile(t, t.TempDir())
	closeAll(t, p, s)
	err := errors.Join(
		s.Update(t.Context(), func(*Tx) error { panic("ran") }),
		s.View(t.Context(), func(*Tx) error { panic("ran") }),
		s.Close(),
	)
	if !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A context that ends undoes a transaction or comes too late, and harms
// nothing that comes after it.
func TestCancelled(t *testing.T) {
	s := testStore(t)
	add(t, s, mine(Room, "before"))
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx *Tx) error {
		m := mine(Room, "undone")
		if _, err := tx.AddMessage(&m); err != nil {
			return err
		}
		cancel()
		_, err := tx.AddMessage(&m)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("AddMessage after the end = %v, want %v", err, context.Canceled)
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want %v", err, context.Canceled)
	}
	for range 3 {
		if err := s.Update(ctx, func(*Tx) error { panic("ran") }); !errors.Is(err, context.Canceled) {
			t.Errorf("Update = %v, want %v", err, context.Canceled)
		}
		if err := s.View(ctx, func(*Tx) error { panic("ran") }); !errors.Is(err, context.Canceled) {
			t.Errorf("View = %v, want %v", err, context.Canceled)
		}
	}
	// In the midst of a long query.
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = s.View(short, func(tx *Tx) error {
		_, err := number(tx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("View = %v, want %v", err, context.DeadlineExceeded)
	}
	// While another has the connection.
	s.turn <- struct{}{}
	short, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.View(short, func(*Tx) error { panic("ran") }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("View = %v, want %v", err, context.DeadlineExceeded)
	}
	<-s.turn

	add(t, s, mine(Room, "after"))
	if got := texts(history(t, s, Room)); len(got) != 2 || got[0] != "before" || got[1] != "after" {
		t.Errorf("history = %q", got)
	}
}

// A panic in a transaction undoes it and frees the connection.
func TestPanic(t *testing.T) {
	s := testStore(t)
	func() {
		defer func() { _ = recover() }()
		_ = s.Update(t.Context(), func(tx *Tx) error {
			m := mine(Room, "undone")
			_, _ = tx.AddMessage(&m)
			panic("in the midst")
		})
	}()
	add(t, s, mine(Room, "after"))
	if got := texts(history(t, s, Room)); len(got) != 1 {
		t.Errorf("history = %q", got)
	}
}

func TestViewDoesNotWrite(t *testing.T) {
	s := testStore(t)
	m := mine(Room, "x")
	for name, write := range map[string]func(*Tx) error{
		"AddMessage": func(tx *Tx) error { _, err := tx.AddMessage(&m); return err },
		"PutContact": func(tx *Tx) error { return tx.PutContact(Contact{ID: bob}) },
		"SetMeta":    func(tx *Tx) error { return tx.SetMeta("a", "b") },
		"private":    func(tx *Tx) error { p := mine(Chat{Peer: bob}, "x"); _, err := tx.AddMessage(&p); return err },
	} {
		if err := s.View(t.Context(), write); err == nil {
			t.Errorf("%s wrote inside of View", name)
		}
	}
}
