package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"dione/crypto/vault"
)

// smallProfile makes a closed profile with n messages and returns its files.
func smallProfile(t testing.TB, n int) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	in := Chat{Peer: bob}
	for i := range n {
		add(t, s, theirs(in, bob, uint64(i+1), strconv.Itoa(i+1)+strings.Repeat(" lorem ipsum", 20)))
	}
	if err := s.db.Exec("VACUUM"); err != nil { // nobody looks into free pages
		t.Fatal(err)
	}
	closeAll(t, p, s)
	return contents(t, dir)
}

func writeFiles(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// tryOpen opens the profile in dir as the program does.
func tryOpen(dir string) (*Profile, *Store, error) {
	p, err := OpenProfile(dir)
	if err != nil {
		return nil, nil, err
	}
	key, err := p.Unlock(nil)
	if err == nil {
		var s *Store
		if s, err = Open(context.Background(), p, key, nil); err == nil {
			return p, s, nil
		}
	}
	return nil, nil, errors.Join(err, p.Close())
}

// strangeBytes returns the key file of another profile, and what makes noise.
func strangeBytes(t *testing.T) (otherKey []byte, noise func(n int) []byte) {
	t.Helper()
	key, err := vault.NewKey(strings.NewReader(strings.Repeat("other key", 9)))
	if err != nil {
		t.Fatal(err)
	}
	if otherKey, err = vault.Clear(key).Encode(); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(4, 4))
	return otherKey, func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
}

// A database that cannot be opened is said to be damaged, with the next step,
// and is left as it was: nothing is begun anew over it.
func TestDamaged(t *testing.T) {
	good := smallProfile(t, 100)
	db := good[dbName]
	otherKey, noise := strangeBytes(t)
	for name, change := range map[string]map[string][]byte{
		"empty":                {dbName: {}},
		"one byte":             {dbName: {0}},
		"half a page":          {dbName: db[:2048]},
		"zeros":                {dbName: make([]byte, len(db))},
		"noise":                {dbName: noise(len(db))},
		"text":                 {dbName: []byte(strings.Repeat("not a database. ", 1000))},
		"plain database":       {dbName: append([]byte("SQLite format 3\x00"), noise(8176)...)},
		"first page":           {dbName: append(noise(4096), db[4096:]...)},
		"other key":            {keyName: otherKey},
		"other key, and a WAL": {keyName: otherKey, dbName + walSuffix: noise(3 * 4096)},
		"gone, WAL is there":   {dbName: nil, dbName + walSuffix: noise(3 * 4096)},
	} {
		dir := t.TempDir()
		writeFiles(t, dir, good)
		for file, content := range change {
			path := filepath.Join(dir, file)
			if content == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before := contents(t, dir)
		p, s, err := tryOpen(dir)
		if err == nil {
			t.Errorf("%s: opened", name)
			closeAll(t, p, s)
			continue
		}
		if !errors.Is(err, ErrDamaged) || hint(err) == "" || !strings.Contains(err.Error(), dbName) {
			t.Errorf("%s: Open = %v, want damaged", name, err)
		}
		after := contents(t, dir)
		for _, file := range []string{dbName, keyName, dbName + walSuffix} {
			if !bytes.Equal(before[file], after[file]) {
				t.Errorf("%s: %s had %d bytes, has %d others", name, file, len(before[file]), len(after[file]))
			}
		}
	}
}

// After an unclean stop damage anywhere is found before anything is read.
func TestDamagedAfterUncleanStop(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	for i := range 50 {
		add(t, s, theirs(Room, bob, uint64(i+1), strings.Repeat("lorem ipsum ", 50)))
	}
	if err := s.db.checkpoint(); err != nil {
		t.Fatal(err)
	}
	add(t, s, mine(Room, "last"))
	files := contents(t, dir)
	closeAll(t, p, s)
	delete(files, lockName)
	for page := 1; page*pageSize < len(files[dbName]); page++ {
		dir := t.TempDir()
		bad := bytes.Clone(files[dbName])
		bad[page*pageSize+100] ^= 1
		writeFiles(t, dir, files)
		writeFiles(t, dir, map[string][]byte{dbName: bad})
		p, s, err := tryOpen(dir)
		if err == nil {
			// The WAL has this page whole, and the checkpoint has healed it.
			if got := history(t, s, Room); len(got) != 51 {
				t.Errorf("page %d: %d messages, want 51", page, len(got))
			}
			closeAll(t, p, s)
		} else if !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: Open = %v, want damaged", page, err)
		}
	}
}

// A changed bit is found when it is read, or by the check in the background;
// never is something else read than what was written.
func TestFlippedBits(t *testing.T) {
	files := smallProfile(t, 400)
	in := Chat{Peer: bob}
	rnd := rand.New(rand.NewPCG(5, 5))
	for range rounds(40, 2000) {
		bad := bytes.Clone(files[dbName])
		bit := rnd.IntN(len(bad) * 8)
		bad[bit/8] ^= 1 << (bit % 8)
		dir := t.TempDir()
		writeFiles(t, dir, files)
		writeFiles(t, dir, map[string][]byte{dbName: bad})
		p, s, err := tryOpen(dir)
		if errors.Is(err, ErrDamaged) {
			continue
		}
		if err != nil {
			t.Fatalf("bit %d: %v", bit, err)
		}
		var got []Message
		err = s.View(t.Context(), func(tx *Tx) (err error) {
			got, err = tx.History(in, Cursor{}, 1000)
			return err
		})
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("bit %d: History = %v", bit, err)
		}
		for i, m := range got {
			if err == nil && !strings.HasPrefix(m.Text, strconv.Itoa(i+1)+" ") {
				t.Errorf("bit %d: message %d is %.20q", bit, i+1, m.Text)
			}
		}
		if err := explain(t.Context(), s.db.quickCheck()); !errors.Is(err, ErrDamaged) {
			t.Errorf("bit %d: the check finds nothing (%v)", bit, err)
		}
		if err := errors.Join(s.Close(), p.Close()); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("bit %d: close: %v", bit, err)
		}
	}
}

// The check in the background finds damage that nobody has read. Then the log
// says so, and nothing more is written.
func TestDamageFoundLater(t *testing.T) {
	files := smallProfile(t, 400)
	bad := files[dbName]
	bad[len(bad)/2] ^= 1
	dir := t.TempDir()
	writeFiles(t, dir, files)
	synctest.Test(t, func(t *testing.T) {
		p, err := OpenProfile(dir)
		if err != nil {
			t.Fatal(err)
		}
		key, err := p.Unlock(nil)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		s, err := Open(t.Context(), p, key, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		<-after(checkAfter + 1)
		synctest.Wait()
		err = s.Update(t.Context(), func(tx *Tx) error { return tx.SetMeta("a", "b") })
		if !errors.Is(err, ErrDamaged) || hint(err) == "" {
			t.Errorf("Update = %v, want damaged", err)
		}
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log says %q", log.String())
		}
		view(t, s, func(tx *Tx) error { // what can be read is
			_, err := tx.History(Chat{Peer: bob}, Cursor{}, 1)
			return err
		})
		if err := errors.Join(s.Close(), p.Close()); err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
}

// A copy has its checksums, also when it is larger than the cache, where a
// plain backup loses them.
func TestCopyKeepsChecksums(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	key := *p.key
	body := strings.Repeat("lorem ipsum ", 1000)
	const n = cacheKiB*1024/12000 + 300
	for i := 0; i < n; i += 100 {
		var batch []Message
		for j := i; j < min(n, i+100); j++ {
			batch = append(batch, theirs(Room, bob, uint64(j+1), fmt.Sprint(j+1, " ", body)))
		}
		add(t, s, batch...)
	}
	secret := enqueue(t, s, Chat{Peer: bob}, "waits", bob)
	closeAll(t, p, s)
	path, kept := filepath.Join(dir, dbName), filepath.Join(dir, "copy")
	if err := keepCopy(t.Context(), path, kept, key); err != nil {
		t.Fatal(err)
	}
	whole := contents(t, dir)["copy"]
	if len(whole) <= cacheKiB*1024 {
		t.Fatalf("a copy of %d bytes is not larger than the cache", len(whole))
	}
	rnd := rand.New(rand.NewPCG(6, 6))
	for i := range rounds(12, 400) {
		bad := bytes.Clone(whole)
		bit := rnd.IntN(len(bad) * 8)
		if i > 0 { // the first one is whole
			bad[bit/8] ^= 1 << (bit % 8)
		}
		if err := os.WriteFile(kept, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		err := readCopy(t, kept, key, n, secret.ID)
		if i == 0 && err != nil {
			t.Fatalf("the copy: %v", err)
		}
		if i > 0 && !errors.Is(err, ErrDamaged) {
			t.Errorf("bit %d changed: %v, want damaged", bit, err)
		}
	}
}

// readCopy reads all of a copy, and looks for the secrets it must not have.
func readCopy(t testing.TB, path string, key vault.Key, n int, id MessageID) error {
	db, err := connect(t.Context(), path, key, false)
	if err != nil {
		return explain(t.Context(), err)
	}
	s := &Store{db: db, cache: newCache()}
	tx := &Tx{s: s, ctx: t.Context()}
	err = errors.Join(func() error {
		for row := int64(0); ; {
			page, err := tx.After(row, 100)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, m := range page {
				if row++; m.ID != id && !strings.HasPrefix(m.Text, strconv.Itoa(int(row))+" ") {
					t.Errorf("row %d is %.20q", row, m.Text)
				}
			}
		}
	}(), explain(t.Context(), db.quickCheck()))
	if err == nil {
		if rows, err2 := number(tx, "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM envelope) + (SELECT sum(waiting) FROM chat)"); rows != 0 || err2 != nil {
			t.Errorf("%d secrets in the copy, %v", rows, err2)
		}
		if m, _, err2 := tx.Message(Room, bob, MessageID{}); err2 != nil || m.Row != 0 {
			t.Errorf("message of nobody: %+v, %v", m, err2)
		}
		if rows, err2 := number(tx, "SELECT count(*) FROM message"); int(rows) != n+1 || err2 != nil {
			t.Errorf("%d messages in the copy, %v, want %d", rows, err2, n+1)
		}
	}
	return errors.Join(err, explain(t.Context(), db.close()))
}
