package store

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

func TestPutBounds(t *testing.T) {
	p := aShelf(t)
	good := numbered(1)
	long, none := good, good
	long.Bytes, none.Bytes = make([]byte, MaxHeld+1), nil
	for name, items := range map[string][]Held{
		"too long":              {good, long},
		"nothing":               {none},
		"too many":              slices.Repeat([]Held{good}, MaxPut+1),
		"too many, with a drop": slices.Repeat([]Held{good}, MaxPut),
	} {
		if err := p.Put(items, [][32]byte{{}}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: Put = %v, want %v", name, err, ErrInvalid)
		}
	}
	if total, _, _ := p.Usage(); total != 0 {
		t.Errorf("%d bytes are held of what was refused", total)
	}
	if _, err := p.Find(make([][8]byte, MaxPut+1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("Find of too many = %v", err)
	}
	if err := errors.Join(p.Put(nil, nil), p.Put(slices.Repeat([]Held{good}, MaxPut), nil)); err != nil {
		t.Error(err)
	}
	if got, err := p.Items([32]byte{}, -1); got != nil || err != nil {
		t.Errorf("Items of -1 = %v, %v", got, err)
	}
	if got, err := p.Victims([32]byte{}, -1); got != nil || err != nil {
		t.Errorf("Victims of -1 bytes = %v, %v", got, err)
	}
	wantLedger(t, p)
}

// One question is never answered with more than a bounded number.
func TestAnswersAreBounded(t *testing.T) {
	p := aShelf(t)
	for i := range 3 {
		var some []Held
		for j := range MaxPut {
			h := numbered(i*MaxPut + j)
			h.Origin = numbered(0).Origin
			some = append(some, h)
		}
		if err := p.Put(some, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := p.Items([32]byte{}, 1<<30); len(got) != MaxPut || err != nil {
		t.Errorf("Items = %d of them, %v, want %d", len(got), err, MaxPut)
	}
	if got, err := p.Victims([32]byte{}, 1<<40); len(got) != maxVictims || err != nil {
		t.Errorf("Victims = %d of them, %v, want %d", len(got), err, maxVictims)
	}
	if n, err := p.Expire(at.Add(1 << 40)); n < 1 || n > maxExpire || err != nil {
		t.Errorf("Expire = %d, %v, want 1 to %d", n, err, maxExpire)
	}
}

// What many put at a time is written in few transactions, of which none is
// long, and each is durable when its Put returns.
func TestPutsShareTransactions(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		profile, p := testParcels(t, dir)
		commits := 0
		p.db.WALHook(func(*sqlite3.Conn, string, int) error { commits++; return nil })
		p.turn <- struct{}{}
		var all sync.WaitGroup
		const callers = 10 * maxBatch
		for i := range callers {
			all.Go(func() {
				h := numbered(i + 1)
				if err := p.Put([]Held{h}, nil); err != nil {
					t.Error(err)
				}
				if got, err := p.Find([][8]byte{hintOf(h)}); len(got) != 1 || err != nil {
					t.Errorf("Find of what was put = %v, %v", got, err)
				}
			})
		}
		synctest.Wait()
		<-p.turn
		all.Wait()
		if want := callers / maxBatch; commits < want || commits > want+1 {
			t.Errorf("%d commits for %d at a time, want %d", commits, callers, want)
		}
		wantLedger(t, p)
		closeShelf(t, profile, p)
	})
}

// A reader waits for one transaction at most, however many want to write.
func TestReadersComeFirst(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		profile, p := testParcels(t, dir)
		p.turn <- struct{}{}
		var all sync.WaitGroup
		var hints [][8]byte
		for i := range 10 {
			var some []Held
			for j := range maxBatch {
				some = append(some, numbered(i*maxBatch+j+1))
			}
			hints = append(hints, hintOf(some[0]))
			all.Go(func() {
				if err := p.Put(some, nil); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		all.Go(func() {
			if got, err := p.Find(hints); len(got) > 1 || err != nil {
				t.Errorf("the reader sees %d transactions, %v, want one at most", len(got), err)
			}
		})
		synctest.Wait()
		<-p.turn
		all.Wait()
		closeShelf(t, profile, p)
	})
}

// A transaction that fails tells all whose packages it held, and none is there.
func TestPutFailsWhole(t *testing.T) {
	p := aShelf(t)
	if err := p.Put([]Held{numbered(1)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.db.Exec("CREATE TRIGGER no BEFORE INSERT ON parcel WHEN NEW.expiry = 490005 BEGIN SELECT RAISE(ABORT, 'no'); END"); err != nil {
		t.Fatal(err)
	}
	err := p.Put([]Held{numbered(2), numbered(5)}, [][32]byte{numbered(1).Address})
	if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrDisk) {
		t.Errorf("Put = %v", err)
	}
	got, err := p.Find([][8]byte{hintOf(numbered(1)), hintOf(numbered(2))})
	if len(got) != 1 || err != nil {
		t.Errorf("%d packages, %v, want the first alone", len(got), err)
	}
	wantLedger(t, p)
}

func TestClosedShelf(t *testing.T) {
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	if err := profile.Close(); err == nil {
		t.Error("the profile was closed under its packages")
	}
	if _, err := OpenParcels(t.Context(), profile, *profile.key, nil); err == nil {
		t.Error("they were opened twice")
	}
	s, err := Open(t.Context(), profile, *profile.key, nil) // the chat beside it
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), p.Close(), profile.Close()); err != nil {
		t.Fatal(err)
	}
	_, err1 := p.Find([][8]byte{{}})
	_, err2 := p.Items([32]byte{}, 1)
	_, err3 := p.Victims([32]byte{}, 1)
	_, err4 := p.Expire(at)
	_, err5 := p.NodeKey(nil)
	_, err6 := p.Table(0)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, p.Put([]Held{numbered(1)}, nil), p.SetTable(0, nil), p.Close()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d = %v, want %v", i+1, err, ErrClosed)
		}
	}
}

// A headless node needs nothing but the directory.
func TestShelfAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	profile, p := testParcels(t, dir)
	if _, err := OpenProfile(dir); !errors.As(err, new(*InUseError)) {
		t.Errorf("a second one: %v, want it in use", err)
	}
	closeShelf(t, profile, p)
	names := slices.Sorted(maps.Keys(contents(t, dir)))
	if want := []string{lockName, heldName, keyName}; !slices.Equal(names, want) {
		t.Errorf("the directory holds %v, want %v", names, want)
	}
}

func TestShelfSettings(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		profile, p := testParcels(t, dir)
		for name, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "locking_mode": "exclusive", "page_size": "4096", "auto_vacuum": "2",
			"temp_store": "2", "secure_delete": "2", "trusted_schema": "0", "checksum_verification": "1",
			"user_version": "1", "wal_autocheckpoint": "0",
		} {
			if got, err := p.db.pragma(name); got != want || err != nil {
				t.Errorf("%s = %q, %v, want %q", name, got, err, want)
			}
		}
		closeShelf(t, profile, p)
	}
}

// Nothing of what is held, whence it came or who the node is lies readable in
// a file.
func TestShelfIsNotReadable(t *testing.T) {
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	key, err := identity.FromSeed([]byte("MARKER-seed-of-the-node's-key-45"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.SetNodeKey(key), p.SetTable(0, []byte(strings.Repeat("MARKER-table ", 100)))); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		h := numbered(i)
		copy(h.Address[8:], "MARKER-address")
		copy(h.Location[8:], "MARKER-location")
		h.Bytes = []byte(strings.Repeat("MARKER", 100))
		if err := p.Put([]Held{h}, nil); err != nil {
			t.Fatal(err)
		}
	}
	look := func(when string) {
		t.Helper()
		for name, content := range contents(t, dir) {
			for _, leak := range []string{"MARKER", "SQLite format", "CREATE TABLE"} {
				if name != keyName && bytes.Contains(content, []byte(leak)) {
					t.Errorf("%s: %s holds %q", when, name, leak)
				}
			}
		}
	}
	look("open")
	// Who has the pages has neither the key nor the contacts.
	for name, sealed := range p.kept {
		if bytes.Contains(sealed, []byte("MARKER")) {
			t.Errorf("%s is not sealed", name)
		}
	}
	closeShelf(t, profile, p)
	look("closed")
}

// No statement that runs for a package looks through a table or sorts one:
// each goes by an index, hints by that of the first 8 bytes of an address.
func TestShelfPlans(t *testing.T) {
	p := aShelf(t)
	many := make([]Held, 50)
	for i := range many {
		many[i] = numbered(i)
		many[i].Origin = many[0].Origin
	}
	before := maps.Clone(p.db.stmts)
	err := p.Put(many, [][32]byte{{}})
	_, err2 := p.Find([][8]byte{{}})
	_, err3 := p.Items([32]byte{}, 10)
	_, err4 := p.Victims([32]byte{}, 1<<20)
	_, err5 := p.Expire(at.Add(time.Minute))
	if err := errors.Join(err, err2, err3, err4, err5, p.SetTable(0, nil)); err != nil {
		t.Fatal(err)
	}
	used := make(map[string]int)
	for query := range maps.Clone(p.db.stmts) {
		if first := strings.Fields(query)[0]; before[query] != nil || !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT"}, first) {
			continue
		}
		if err := p.db.query("EXPLAIN QUERY PLAN "+query, func(row *sqlite3.Stmt) error {
			step := row.ColumnText(3)
			used[step]++
			// What shares its first 8 bytes is sorted: it is few, if there is any.
			if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "TEMP B-TREE") && step != "USE TEMP B-TREE FOR LAST TERM OF ORDER BY" {
				t.Errorf("%s\n%s", query, step)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"SEARCH parcel USING INDEX parcel_hint (hint=?)",
		"SEARCH parcel USING INDEX parcel_hint (hint>?)",
		"SEARCH parcel USING INDEX parcel_until (until<?)",
		"SEARCH parcel USING COVERING INDEX parcel_spot (origin=? AND spot>? AND spot<?)",
		"SEARCH parcel USING INDEX parcel_spot (origin=? AND spot=?)",
	} {
		if used[want] == 0 {
			t.Errorf("no plan has %q: %v", want, slices.Sorted(maps.Keys(used)))
		}
	}
}

// What expires leaves no large file behind.
func TestShelfShrinks(t *testing.T) {
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	path := filepath.Join(dir, heldName)
	size := func() int64 {
		t.Helper()
		if err := p.db.checkpoint(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	const n = 10 * MaxPut
	for i := range n / MaxPut {
		var some []Held
		for j := range MaxPut {
			h := random(i*MaxPut + j)
			h.Until = h.Came.Add(14*24*time.Hour + rand.N(10*time.Minute))
			some = append(some, h)
		}
		if err := p.Put(some, nil); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		total, _, err := p.Usage()
		if err != nil {
			t.Fatal(err)
		}
		got := size()
		t.Logf("%d bytes of packages in a file of %d", total, got)
		if got > total*8/5+(slackPages+64)*pageSize {
			t.Errorf("%d bytes of packages in a file of %d", total, got)
		}
	}
	check()
	for _, part := range []int{2, 10} {
		for {
			removed, err := p.Expire(at.Add(14*24*time.Hour + (n-n/time.Duration(part))*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if removed == 0 {
				break
			}
		}
		check()
	}
	wantLedger(t, p)
	closeShelf(t, profile, p)
}
