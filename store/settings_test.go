package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// The settings are part of what was soaked: each must hold, in a new file and
// in one opened again.
func TestSettings(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		p, s := testProfile(t, dir)
		for name, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "locking_mode": "exclusive", "page_size": "4096",
			"temp_store": "2", "foreign_keys": "1", "secure_delete": "1", "trusted_schema": "0",
			"checksum_verification": "1", "user_version": "1", "encoding": "UTF-8",
		} {
			if got, err := s.db.pragma(name); got != want || err != nil {
				t.Errorf("%s = %q, %v, want %q", name, got, err, want)
			}
		}
		reserved, err := s.db.FileControl("main", sqlite3.FCNTL_RESERVE_BYTES)
		if reserved != 8 || err != nil {
			t.Errorf("%v bytes reserved, %v, want 8", reserved, err)
		}
		closeAll(t, p, s)
	}
}

func TestOtherSettingsAreRefused(t *testing.T) {
	was := settings
	defer func() { settings = was }()
	settings = append(slices.Clone(was), setting{"synchronous", "normal", "2"})
	p, err := OpenProfile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	key, err := p.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), p, key, nil); err == nil || !strings.Contains(err.Error(), "synchronous") {
		t.Errorf("Open = %v, %v, want a complaint about synchronous", s, err)
	}
}

// Nothing that a person wrote or is called lies readable in any file, while
// the program runs and after it has ended.
func TestNothingReadable(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SQLITE_TMPDIR", filepath.Join(dir, "none")) // temporary files have nowhere to be
	p, s := testProfile(t, dir)
	var seed [identity.Size]byte
	copy(seed[:], "MARKER-seed-of-the-identity-4567")
	key, err := identity.FromSeed(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	id := MessageID([]byte("MARKER-messageid"))
	in := Chat{Peer: bob}
	update(t, s, func(tx *Tx) error {
		m := mine(in, strings.Repeat("MARKER-text ", 1000))
		m.ID = id
		if _, err := tx.AddMessage(&m); err != nil {
			return err
		}
		if err := tx.Enqueue(m, []identity.ID{bob}, []byte("MARKER-envelope"), time.Time{}); err != nil {
			return err
		}
		return errors.Join(
			tx.SetIdentity(key),
			tx.SetMeta("MARKER-name", "MARKER-value"),
			tx.PutContact(Contact{ID: bob, Claimed: "MARKER-claimed", Petname: "MARKER-petname", Kept: true}),
		)
	})
	for i := range 300 { // enough for sorting and for pages to spill
		add(t, s, theirs(in, bob, uint64(i+1), strings.Repeat("MARKER-more ", 100)))
	}
	look := func(when string) {
		t.Helper()
		for name, content := range contents(t, dir) {
			if name == keyName {
				continue // in the clear by the user's choice
			}
			for _, leak := range [][]byte{[]byte("MARKER"), []byte("marker"), []byte("arker"), bob[:], seed[:], []byte("SQLite format"), []byte("CREATE TABLE")} {
				if bytes.Contains(content, leak) {
					t.Errorf("%s: %s holds %q", when, name, leak)
				}
			}
		}
	}
	look("running")
	closeAll(t, p, s)
	look("closed")
}

// The pages are encrypted under one key and the secrets in them under another:
// the database's key alone gives no identity away.
func TestSecretsAreSealed(t *testing.T) {
	s := testStore(t)
	key, err := identity.FromSeed(bytes.Repeat([]byte{0xa7}, identity.Size))
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error { return tx.SetIdentity(key) })
	enqueue(t, s, Chat{Peer: bob}, "x", bob)
	for _, query := range []string{"SELECT sealed FROM identity", "SELECT sealed FROM envelope"} {
		view(t, s, func(tx *Tx) error {
			var sealed []byte
			_, err := tx.one(query, func(row *sqlite3.Stmt) { sealed = row.ColumnBlob(0, nil) })
			if len(sealed) < 40 || bytes.Contains(sealed, key.Seed()) || bytes.Contains(sealed, []byte("envelope of")) {
				t.Errorf("%s = %x", query, sealed)
			}
			return err
		})
	}
	// A sealed secret opens nowhere else.
	update(t, s, func(tx *Tx) error {
		return tx.exec("UPDATE envelope SET sealed = (SELECT sealed FROM identity)")
	})
	err = s.View(t.Context(), func(tx *Tx) error {
		_, err := tx.Unsealed(bob, 0, 1)
		return err
	})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("Unsealed = %v, want %v", err, ErrDamaged)
	}
}

// contents reads every file below dir.
func contents(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, err2 := filepath.Rel(dir, path)
		all[name] = b
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestIdentityAndMeta(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	key, err := identity.FromSeed(bytes.Repeat([]byte{1}, identity.Size))
	if err != nil {
		t.Fatal(err)
	}
	other, err := identity.FromSeed(bytes.Repeat([]byte{2}, identity.Size))
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error {
		if _, ok, err := tx.Identity(); ok || err != nil {
			t.Errorf("identity of a new profile: %t, %v", ok, err)
		}
		if err := errors.Join(tx.SetIdentity(key), tx.SetIdentity(key)); err != nil {
			t.Errorf("SetIdentity: %v", err)
		}
		if err := tx.SetIdentity(other); err == nil {
			t.Error("SetIdentity replaced the identity")
		}
		return errors.Join(tx.SetMeta("name", "alice"), tx.SetMeta("name", "alice b"))
	})
	closeAll(t, p, s)
	p, s = testProfile(t, dir)
	view(t, s, func(tx *Tx) error {
		got, ok, err := tx.Identity()
		if !ok || got.ID() != key.ID() {
			t.Errorf("Identity = %v, %t", got.ID(), ok)
		}
		name, ok, err2 := tx.Meta("name")
		if name != "alice b" || !ok {
			t.Errorf("Meta = %q, %t", name, ok)
		}
		if v, ok, err := tx.Meta("none"); v != "" || ok || err != nil {
			t.Errorf("Meta of nothing = %q, %t, %v", v, ok, err)
		}
		return errors.Join(err, err2)
	})
	closeAll(t, p, s)
}

func TestContacts(t *testing.T) {
	s := testStore(t)
	want := Contact{ID: bob, Claimed: "bob", Petname: "bobby", Kept: true, LastSeen: at}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutContact(Contact{ID: bob}), tx.PutContact(want), tx.PutContact(Contact{ID: carol, Claimed: "carol"}))
	})
	add(t, s, theirs(Room, carol, 1, "hi"))
	view(t, s, func(tx *Tx) error {
		got, ok, err := tx.Contact(bob)
		if !reflect.DeepEqual(got, want) || !ok {
			t.Errorf("Contact = %+v, %t, want %+v", got, ok, want)
		}
		if _, ok, err := tx.Contact(person(9)); ok || err != nil {
			t.Errorf("Contact of a stranger = %t, %v", ok, err)
		}
		all, err2 := tx.Contacts()
		if len(all) != 2 {
			t.Errorf("%d contacts, want 2", len(all))
		}
		return errors.Join(err, err2)
	})
	update(t, s, func(tx *Tx) error { return tx.ForgetContacts([]identity.ID{bob, carol, person(9)}) })
	view(t, s, func(tx *Tx) error {
		all, err := tx.Contacts()
		if len(all) != 1 || !reflect.DeepEqual(all[0], want) {
			t.Errorf("contacts = %+v, want bob, who is kept", all)
		}
		return err
	})
	if got := history(t, s, Room); len(got) != 1 || got[0].From != carol {
		t.Errorf("history = %+v, want what carol wrote", got)
	}
}
