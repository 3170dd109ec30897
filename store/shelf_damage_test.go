package store

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// smallShelf makes a closed profile with a chat and n packages, and returns its
// files.
func smallShelf(t testing.TB, n int) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, smallProfile(t, 10))
	profile, p := testParcels(t, dir)
	for i := range n {
		if err := p.Put([]Held{numbered(i + 1)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	closeShelf(t, profile, p)
	return contents(t, dir)
}

// A file that cannot be opened is set aside as it is, and a fresh one begun.
// Nothing else in the profile is touched.
func TestShelfDamaged(t *testing.T) {
	good := smallShelf(t, 100)
	db := good[heldName]
	otherKey, noise := strangeBytes(t)
	for name, change := range map[string]map[string][]byte{
		"empty":              {heldName: {}},
		"one byte":           {heldName: {0}},
		"half a page":        {heldName: db[:2048]},
		"zeros":              {heldName: make([]byte, len(db))},
		"noise":              {heldName: noise(len(db))},
		"first page":         {heldName: append(noise(4096), db[4096:]...)},
		"other key":          {keyName: otherKey},
		"chat's":             {heldName: good[dbName]},
		"noise, and a WAL":   {heldName: noise(len(db)), heldName + walSuffix: noise(3 * 4096)},
		"gone, WAL is there": {heldName: nil, heldName + walSuffix: noise(3 * 4096)},
		"once more":          {heldName: {}, heldName + damagedSuffix: noise(10), heldName + damagedSuffix + walSuffix: noise(10)},
	} {
		dir := t.TempDir()
		files := make(map[string][]byte)
		for file, content := range good {
			files[file] = content
		}
		for file, content := range change {
			files[file] = content
			if content == nil {
				delete(files, file)
			}
		}
		writeFiles(t, dir, files)
		profile, p := testParcels(t, dir)
		if got, err := p.Items([32]byte{}, 10); len(got) != 0 || err != nil {
			t.Errorf("%s: %d packages, %v, want none", name, len(got), err)
		}
		if err := p.Put([]Held{numbered(1)}, nil); err != nil {
			t.Errorf("%s: Put = %v", name, err)
		}
		wantLedger(t, p)
		closeShelf(t, profile, p)
		after := contents(t, dir)
		if !bytes.Equal(after[heldName+damagedSuffix], files[heldName]) {
			t.Errorf("%s: what was set aside has %d bytes, want those %d", name, len(after[heldName+damagedSuffix]), len(files[heldName]))
		}
		if !bytes.Equal(after[heldName+damagedSuffix+walSuffix], files[heldName+walSuffix]) {
			t.Errorf("%s: the WAL set aside is not what it was", name)
		}
		for _, file := range []string{dbName, keyName} {
			if !bytes.Equal(after[file], files[file]) {
				t.Errorf("%s: %s is not what it was", name, file)
			}
		}
	}
}

// Damage that is found while the program runs is told once. Then the shelf is
// empty and goes on, and the node is who it was.
func TestShelfDamagedLater(t *testing.T) {
	good := smallShelf(t, 500)
	for name, ask := range map[string]func(*Parcels) error{
		"find": func(p *Parcels) error {
			hints := make([][8]byte, 500)
			for i := range hints {
				hints[i] = hintOf(numbered(i + 1))
			}
			_, err := p.Find(hints)
			return err
		},
		"list": func(p *Parcels) error {
			_, err := p.Items([32]byte{}, 1000)
			return err
		},
		"put": func(p *Parcels) error {
			for i := range 500 {
				if err := p.Put([]Held{numbered(i + 1)}, nil); err != nil {
					return err
				}
			}
			return nil
		},
		"many": func(p *Parcels) error {
			var all sync.WaitGroup
			errs := make([]error, 500)
			for i := range errs {
				all.Go(func() {
					_, err := p.Find([][8]byte{hintOf(numbered(i + 1))})
					errs[i] = errors.Join(err, p.Put([]Held{numbered(1000 + i)}, nil))
				})
			}
			all.Wait()
			return errors.Join(errs...)
		},
	} {
		dir := t.TempDir()
		writeFiles(t, dir, good)
		profile, p := testParcels(t, dir)
		node, err := p.NodeKey(nil)
		if err := errors.Join(err, p.SetTable(1, []byte("contacts"))); err != nil {
			t.Fatal(err)
		}
		closeShelf(t, profile, p)
		bad := contents(t, dir)[heldName]
		for page := 20; page*pageSize < len(bad); page += 5 {
			bad[page*pageSize+77] ^= 4
		}
		writeFiles(t, dir, map[string][]byte{heldName: bad})

		profile, p = testParcels(t, dir)
		if err := ask(p); !errors.Is(err, ErrDamaged) || hint(err) == "" || !strings.Contains(err.Error(), heldName) {
			t.Errorf("%s: %v, want damaged", name, err)
		}
		for range 2 {
			if err := errors.Join(ask(p), p.Put([]Held{numbered(1)}, nil)); err != nil {
				t.Errorf("%s: again: %v", name, err)
			}
			if got, err := p.NodeKey(nil); got.ID() != node.ID() || err != nil {
				t.Errorf("%s: the node is %v, %v, was %v", name, got.ID(), err, node.ID())
			}
			if got, err := p.Table(1); string(got) != "contacts" || err != nil {
				t.Errorf("%s: its contacts are %q, %v", name, got, err)
			}
			wantLedger(t, p)
			closeShelf(t, profile, p)
			profile, p = testParcels(t, dir)
		}
		closeShelf(t, profile, p)
		after := contents(t, dir)
		if len(after[heldName+damagedSuffix]) < len(bad)/2 {
			t.Errorf("%s: %d bytes were set aside of %d", name, len(after[heldName+damagedSuffix]), len(bad))
		}
		if !bytes.Equal(after[dbName], good[dbName]) {
			t.Errorf("%s: the chat's database was touched", name)
		}
	}
}

// A file of a newer program is not damaged: it stays where it is.
func TestNewerShelf(t *testing.T) {
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	if err := p.db.Exec("PRAGMA user_version=99"); err != nil {
		t.Fatal(err)
	}
	key := *profile.key
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenParcels(t.Context(), profile, key, nil); err == nil || errors.Is(err, ErrDamaged) || hint(err) == "" {
		t.Errorf("OpenParcels = %v, want a hint", err)
	}
	if err := profile.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, heldName+damagedSuffix)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was set aside: %v", err)
	}
}

// failing is a file whose syncs fail while err is set.
type failing struct {
	vfs.File
	err error
}

func (f *failing) Sync(flags vfs.SyncFlag) error {
	if f.err != nil {
		return f.err
	}
	return f.File.Sync(flags)
}

// What the disk has not taken is not confirmed, whichever sync fails; once it
// takes it, everything goes on.
func TestSyncFails(t *testing.T) {
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	wal, db := &failing{File: p.walFile.File}, &failing{File: p.dbFile.File}
	p.walFile.File, p.dbFile.File = wal, db
	put := func(n int) error { return p.Put([]Held{numbered(n)}, nil) }
	confirmed := 0
	for i := range 1000 {
		switch i % 100 {
		case 20:
			wal.err = syscall.EIO
		case 60:
			db.err = syscall.ENOSPC
		case 30, 90:
			wal.err, db.err = nil, nil
		}
		if err := put(i + 1); err == nil {
			confirmed++
		} else if !errors.Is(err, ErrDisk) {
			t.Fatalf("Put = %v, want %v", err, ErrDisk)
		} else if wal.err == nil && db.err == nil {
			t.Fatalf("Put on a good disk: %v", err)
		}
		if wal.err != nil {
			if err := put(i + 1); err == nil {
				t.Error("a Put was confirmed that was not synced")
			}
		}
	}
	if confirmed < 600 {
		t.Errorf("%d of 1000 were confirmed", confirmed)
	}
	wantLedger(t, p)
	closeShelf(t, profile, p)
}

// Gathered or not, a file reads as what was written to it.
func TestGatherFile(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 8))
	var below, want vfsutil.SliceFile
	f := &gatherFile{File: &below}
	for range rounds(20_000, 1_000_000) {
		size, err := f.Size()
		if wantSize, _ := want.Size(); err != nil || size != wantSize {
			t.Fatalf("seed %d: Size = %d, %v, want %d", seed, size, err, wantSize)
		}
		at := rnd.Int64N(size + 1)
		b := make([]byte, rnd.IntN(200))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		switch rnd.IntN(6) {
		case 0, 1: // and more of it, without a look at the size
			for range rnd.IntN(10) {
				_, err1 := f.WriteAt(b, at)
				_, err2 := want.WriteAt(b, at)
				if err := errors.Join(err1, err2); err != nil {
					t.Fatal(err)
				}
				at += int64(len(b) - rnd.IntN(3)/2*rnd.IntN(len(b)+1))
			}
			fallthrough
		case 2:
			got, wanted := make([]byte, 300), make([]byte, 300)
			at = max(0, at-int64(rnd.IntN(400)))
			n, err := f.ReadAt(got, at)
			wantN, wantErr := want.ReadAt(wanted, at)
			if n != wantN || err != wantErr || !bytes.Equal(got, wanted) {
				t.Fatalf("seed %d: ReadAt(%d) = %d, %v, want %d, %v", seed, at, n, err, wantN, wantErr)
			}
		case 3:
			err = f.Sync(0)
			if !bytes.Equal(below, want) {
				t.Fatalf("seed %d: after Sync the file has %d bytes, want %d", seed, len(below), len(want))
			}
		case 4:
			if size > 20_000 {
				err = errors.Join(f.Truncate(at), want.Truncate(at))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
