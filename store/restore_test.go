package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

// A backup that is not as it was written becomes no profile.
func TestBackupIsDamaged(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, t.TempDir())
	fillProfile(t, s)
	in := Chat{Peer: carol}
	for i := range 40 {
		add(t, s, theirs(in, carol, uint64(i+1), strings.Repeat("x", MaxText)))
	}
	whole := filepath.Join(dir, "whole")
	exportTo(t, s, whole)
	closeAll(t, p, s)
	good := contents(t, dir)["whole"]
	const chunk = 64<<10 + 16
	cut := func(n int) []byte { return good[:n] }
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	head := vault.BackupHeadSize
	for name, tt := range map[string]struct {
		file []byte
		want error
	}{
		"empty":               {nil, vault.ErrNotBackup},
		"something else":      {[]byte(strings.Repeat("text", 100)), vault.ErrNotBackup},
		"cut in the name":     {cut(9), vault.ErrNotBackup},
		"cut in the head":     {cut(head - 1), vault.ErrBackup},
		"head alone":          {cut(head), vault.ErrBackup},
		"cut in a chunk":      {cut(head + chunk/2), vault.ErrBackup},
		"one chunk":           {cut(head + chunk), vault.ErrBackup},
		"cut in the last one": {cut(len(good) - 1), vault.ErrBackup},
		"something behind":    {append(bytes.Clone(good), 0), vault.ErrBackup},
		"other version":       {append([]byte("dione backup 2\n"), good[15:]...), vault.ErrBackupVersion},
		"head changed":        {flip(head - 1), vault.ErrPassphrase},
		"salt changed":        {flip(head - 40), vault.ErrPassphrase},
		"first chunk changed": {flip(head + 1), vault.ErrBackup},
		"end changed":         {flip(len(good) - 1), vault.ErrBackup},
	} {
		path, profile := filepath.Join(dir, "bad"), filepath.Join(dir, "profile")
		if err := os.WriteFile(path, tt.file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := importFrom(t.Context(), profile, path, backupPass, nil)
		if !errors.Is(err, tt.want) || hint(err) == "" {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if _, err := os.Stat(profile); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s: something was made: %v", name, err)
		}
	}
	if _, err := importFrom(t.Context(), filepath.Join(dir, "profile"), whole, "wrong", nil); !errors.Is(err, vault.ErrPassphrase) || hint(err) == "" {
		t.Errorf("wrong passphrase: %v", err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "gone")} {
		if _, err := OpenBackup(name); err == nil || errors.Is(err, vault.ErrBackup) {
			t.Errorf("OpenBackup(%s): %v", name, err)
		}
	}
}

// A backup may change between the check and the import; what was interrupted
// leaves nothing that is taken for a profile.
func TestImportInterrupted(t *testing.T) {
	dir := t.TempDir()
	file, profile := filepath.Join(dir, "backup"), filepath.Join(dir, "profile")
	p, s := testProfile(t, t.TempDir())
	fillProfile(t, s)
	for i := range 40 {
		add(t, s, theirs(Chat{Peer: carol}, carol, uint64(i+1), strings.Repeat("x", MaxText)))
	}
	exportTo(t, s, file)
	closeAll(t, p, s)
	p, err := OpenProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	key, err := p.Unlock([]byte("new one"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenBackup(file)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	left := func() []string {
		names := []string{}
		for name := range contents(t, profile) {
			if strings.HasPrefix(name, dbName) {
				names = append(names, name)
			}
		}
		return names
	}
	if _, err := Import(t.Context(), p, key, b, nil); err == nil || len(left()) > 0 {
		t.Errorf("import of a locked backup: %v, left %q", err, left())
	}
	if err := b.Unlock(t.Context(), []byte(backupPass), nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Import(ctx, p, key, b, func(int64, int64) { cancel() }); !errors.Is(err, context.Canceled) || len(left()) > 0 {
		t.Errorf("interrupted import: %v, left %q", err, left())
	}
	good := contents(t, dir)["backup"]
	bad := bytes.Clone(good)
	bad[len(bad)-100] ^= 1
	writeFiles(t, dir, map[string][]byte{"backup": bad}) // the same file
	if _, err := Import(t.Context(), p, key, b, nil); !errors.Is(err, vault.ErrBackup) || len(left()) > 0 {
		t.Errorf("import of what has changed since: %v, left %q", err, left())
	}
	writeFiles(t, dir, map[string][]byte{"backup": good})
	if _, err := Import(t.Context(), p, key, b, nil); err != nil || !slices.Equal(left(), []string{dbName}) {
		t.Errorf("import after all: %v, left %q", err, left())
	}
}

// exportOnce is a child that makes a backup in dir and says how far it is.
func exportOnce(dir string) error {
	_, s, err := openChild(filepath.Join(dir, "from"))
	if err != nil {
		return err
	}
	return s.ExportFile(context.Background(), filepath.Join(dir, "new"), []byte(backupPass), say)
}

// importOnce is a child that makes a profile out of the backup in dir.
func importOnce(dir string) error {
	_, err := importFrom(context.Background(), filepath.Join(dir, "profile"), filepath.Join(dir, "backup"), backupPass, say)
	return err
}

func say(done, of int64) { fmt.Println(done, "of", of) }

// Killed at any instant, a backup is whole or not there, and so is a profile
// made of one.
func TestKilledDuringBackup(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, filepath.Join(dir, "from"))
	fillProfile(t, s)
	fillStore(t, s, 5000, []identity.ID{person(20), person(21)})
	exportTo(t, s, filepath.Join(dir, "backup"))
	closeAll(t, p, s)
	made, restored := 0, 0
	for range rounds(6, 100) {
		c := startChild(t, "export", dir)
		for range rand.IntN(14) {
			c.next()
		}
		c.kill()
		path := filepath.Join(dir, "new")
		if _, err := os.Stat(path); err == nil {
			made++
			if n := len(contentOf(t, path)); n < 5000*100 {
				t.Errorf("a backup of %d bytes", n)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}

		c = startChild(t, "import", dir)
		for range rand.IntN(60) {
			c.next()
		}
		c.kill()
		profile := filepath.Join(dir, "profile")
		there, err := HasDatabase(profile)
		if err != nil {
			t.Fatal(err)
		}
		if !there {
			if _, err := importFrom(t.Context(), profile, filepath.Join(dir, "backup"), backupPass, nil); err != nil {
				t.Fatalf("import after a kill: %v", err)
			}
		} else {
			restored++
		}
		p, s := testProfile(t, profile)
		if got := everythingIn(t, s); len(got.Messages) != 5012 || len(got.Contacts) != 5 || got.ID != self {
			t.Errorf("%d messages, %d contacts", len(got.Messages), len(got.Contacts))
		}
		wantConsistent(t, s)
		closeAll(t, p, s)
		if err := os.RemoveAll(profile); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d backups and %d profiles were whole before the kill", made, restored)
}

// FuzzRestore reads what somebody may have put into a backup under its right
// passphrase: no panic, and nothing is stored that does not fit together.
func FuzzRestore(f *testing.F) {
	dir := f.TempDir()
	p, s := testProfile(f, dir)
	fillProfile(f, s)
	file := filepath.Join(dir, "backup")
	exportTo(f, s, file)
	closeAll(f, p, s)
	content := contentOf(f, file)
	f.Add(content)
	for _, n := range []int{0, 5, 60, len(content) / 2, len(content) - 1} {
		f.Add(content[:n])
	}
	p, s = testProfile(f, f.TempDir())
	f.Cleanup(func() { closeAll(f, p, s) })
	f.Fuzz(func(t *testing.T, in []byte) {
		err := s.Update(t.Context(), func(tx *Tx) error {
			to := &restoring{tx: tx}
			r := bytes.NewReader(in)
			for {
				switch err := to.next(r); {
				case errors.Is(err, io.EOF) && r.Len() == 0:
					if err := tx.flush(); err != nil {
						return err
					}
					for _, query := range consistent {
						if n, err := number(tx, query); err != nil || n != 0 {
							t.Errorf("%s = %d, %v, want 0", query, n, err)
						}
					}
					return errUndo
				case errors.Is(err, vault.ErrBackup), errors.Is(err, sqlite3.CONSTRAINT):
					return errUndo
				case err != nil:
					return err
				}
			}
		})
		if !errors.Is(err, errUndo) {
			t.Errorf("%x: %v", in, err)
		}
	})
}
