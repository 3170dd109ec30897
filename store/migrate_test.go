package store

import (
	"bytes"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

var update1 = flag.Bool("write-fixture", false, "write testdata/v1 anew: only while version 1 is not released")

// fixture is the profile that a program of version 1 left behind.
const fixture = "testdata/v1"

// fixtureProfile is what is in it.
func fixtureProfile(tx *Tx) error {
	key, err := identity.FromSeed(bytes.Repeat([]byte{0x11}, identity.Size))
	if err != nil {
		return err
	}
	if err := errors.Join(
		tx.SetIdentity(key),
		tx.SetMeta("name", "alice"),
		tx.PutContact(Contact{ID: bob, Claimed: "bob", Petname: "bobby", Kept: true, LastSeen: at}),
	); err != nil {
		return err
	}
	for i, m := range []Message{
		theirs(Room, bob, 1, "room 1"), theirs(Room, bob, 3, "room 3"), theirs(Room, bob, 2, "room 2"),
		theirs(Chat{Peer: bob}, bob, 1, "private"), mine(Chat{Peer: bob}, "waits"),
	} {
		m.ID = MessageID{15: byte(i + 1)}
		if m.Mine {
			m.From = key.ID()
		}
		if _, err := tx.AddMessage(&m); err != nil {
			return err
		}
		if m.Mine {
			if err := enqueueOnly(tx, m); err != nil {
				return err
			}
		}
	}
	_, err = tx.MarkRead(Room, 1)
	return err
}

func enqueueOnly(tx *Tx, m Message) error {
	return tx.Enqueue(m, []identity.ID{m.Chat.Peer}, []byte("envelope"), time.Time{})
}

// wantFixture looks for all that fixtureProfile has put there.
func wantFixture(t *testing.T, s *Store) {
	t.Helper()
	if got, want := texts(history(t, s, Room)), []string{"room 1", "room 2", "room 3"}; !slices.Equal(got, want) {
		t.Errorf("room = %q, want %q", got, want)
	}
	view(t, s, func(tx *Tx) error {
		key, ok, err := tx.Identity()
		if !ok || key.Seed()[0] != 0x11 {
			t.Errorf("identity: %t", ok)
		}
		name, _, err2 := tx.Meta("name")
		contact, _, err3 := tx.Contact(bob)
		if name != "alice" || contact.Petname != "bobby" || !contact.LastSeen.Equal(at) {
			t.Errorf("name %q, contact %+v", name, contact)
		}
		out, err4 := tx.Unsealed(bob, 0, 10)
		if len(out) != 1 || string(out[0].Payload) != "envelope" || out[0].Message.From != key.ID() {
			t.Errorf("outbox = %+v", out)
		}
		info, err5 := tx.ChatInfo(Room)
		if info.Read != 1 || info.Unread != 2 {
			t.Errorf("room: %+v", info)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
	wantConsistent(t, s)
}

// A profile of every released version opens and has everything.
func TestFixture(t *testing.T) {
	if *update1 {
		dir := t.TempDir()
		p, s := testProfile(t, dir)
		update(t, s, fixtureProfile)
		closeAll(t, p, s)
		if err := os.MkdirAll(fixture, 0o755); err != nil {
			t.Fatal(err)
		}
		files := contents(t, dir)
		delete(files, lockName)
		writeFiles(t, fixture, files)
	}
	dir := t.TempDir()
	writeFiles(t, dir, contents(t, fixture))
	p, s := testProfile(t, dir)
	wantFixture(t, s)
	closeAll(t, p, s)
}

// migration is a copy of the fixture, closed, and how to open it with other
// steps than the program's.
func migration(t *testing.T) (path string, key vault.Key, steps []string) {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, contents(t, fixture))
	p, err := OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = p.Unlock(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	if steps, err = schema(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, dbName), key, steps
}

func openSteps(t *testing.T, path string, key vault.Key, steps []string) (*conn, error) {
	t.Helper()
	return openFile(t.Context(), path, key, steps, slog.New(slog.DiscardHandler))
}

func TestMigrate(t *testing.T) {
	path, key, steps := migration(t)
	next := append(slices.Clone(steps),
		"CREATE TABLE added(peer INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT; INSERT INTO meta VALUES('step', '2')",
		"UPDATE meta SET value = value || '3' WHERE name = 'step'")
	db, err := openSteps(t, path, key, next)
	if err != nil {
		t.Fatal(err)
	}
	if version, err := db.pragma("user_version"); version != "3" || err != nil {
		t.Errorf("version %s, %v, want 3", version, err)
	}
	if on, err := db.pragma("checksum_verification"); on != "1" || err != nil {
		t.Errorf("checksums are %s, %v", on, err)
	}
	tx := &Tx{s: &Store{db: db, cache: newCache()}, ctx: t.Context()}
	if value, _, err := tx.Meta("step"); value != "23" || err != nil {
		t.Errorf("the steps left %q, %v, want 23", value, err)
	}
	if err := db.close(); err != nil {
		t.Fatal(err)
	}
	for name := range contents(t, filepath.Dir(path)) {
		if strings.Contains(name, ".v") {
			t.Errorf("%s was not removed after success", name)
		}
	}

	// The program of version 1 leaves it alone, and says why.
	before := contents(t, filepath.Dir(path))[dbName]
	_, err = openSteps(t, path, key, steps)
	if err == nil || !strings.Contains(err.Error(), "version 3") || hint(err) == "" || errors.Is(err, ErrDamaged) {
		t.Errorf("an older program: %v", err)
	}
	if after := contents(t, filepath.Dir(path))[dbName]; !bytes.Equal(before, after) {
		t.Error("an older program wrote to a newer database")
	}
}

// A step that fails undoes itself, says where the copy is, and the database
// goes on working with the program that it was made with.
func TestMigrationFails(t *testing.T) {
	path, key, steps := migration(t)
	next := append(slices.Clone(steps), "UPDATE meta SET value = 'lost'; DELETE FROM message; no such statement")
	for range 2 { // the copy of the first attempt is in nobody's way
		_, err := openSteps(t, path, key, next)
		if err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(hint(err), path+".v1") {
			t.Fatalf("a step that fails: %v, hint %q", err, hint(err))
		}
	}
	db, err := connect(t.Context(), path+".v1", key, false)
	if err != nil {
		t.Fatal(err)
	}
	tx := &Tx{s: &Store{db: db, cache: newCache()}, ctx: t.Context()}
	for query, want := range map[string]int64{
		"SELECT count(*) FROM message":                 5,
		"SELECT count(*) FROM outbox":                  0,
		"SELECT count(*) FROM envelope":                0,
		"SELECT sum(waiting) FROM chat":                0,
		"SELECT user_version FROM pragma_user_version": 1,
	} {
		if n, err := number(tx, query); n != want || err != nil {
			t.Errorf("copy: %s = %d, %v, want %d", query, n, err, want)
		}
	}
	if err := db.close(); err != nil {
		t.Fatal(err)
	}

	db, err = openSteps(t, path, key, steps)
	if err != nil {
		t.Fatal(err)
	}
	records, err := key.Records()
	if err != nil {
		t.Fatal(err)
	}
	wantFixture(t, &Store{db: db, cache: newCache(), records: records, turn: make(chan struct{}, 1)})
	if err := db.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".v1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}

// Wherever a migration was interrupted, the next start goes on.
func TestInterruptedMigration(t *testing.T) {
	path, key, steps := migration(t)
	next := append(slices.Clone(steps), "INSERT INTO meta VALUES('step', '2')")
	whole := contents(t, filepath.Dir(path))[dbName]
	for name, files := range map[string]map[string][]byte{
		"half a copy":       {dbName + ".v1" + partSuffix: whole[:len(whole)/3]},
		"copy not emptied":  {dbName + ".v1" + partSuffix: whole},
		"copy being opened": {dbName + ".v1" + partSuffix: whole, dbName + ".v1" + partSuffix + walSuffix: {}},
		"copied":            {dbName + ".v1": whole},
	} {
		writeFiles(t, filepath.Dir(path), map[string][]byte{dbName: whole})
		writeFiles(t, filepath.Dir(path), files)
		db, err := openSteps(t, path, key, next)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if version, err := db.pragma("user_version"); version != "2" || err != nil {
			t.Errorf("%s: version %s, %v", name, version, err)
		}
		if err := db.close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for file := range contents(t, filepath.Dir(path)) {
			if strings.Contains(file, ".v") {
				t.Errorf("%s: %s was not removed", name, file)
			}
		}
	}
}

// A first start that was interrupted is made good by the next one.
func TestInterruptedFirstStart(t *testing.T) {
	whole := smallProfile(t, 3)
	for name, files := range map[string]map[string][]byte{
		"key only":   {},
		"file made":  {dbName + partSuffix: {}},
		"half":       {dbName + partSuffix: whole[dbName][:5000], dbName + partSuffix + "-journal": whole[dbName][:512]},
		"with a WAL": {dbName + partSuffix: whole[dbName], dbName + partSuffix + walSuffix: whole[dbName][:8192]},
		"empty WAL":  {dbName + walSuffix: {}},
	} {
		dir := t.TempDir()
		writeFiles(t, dir, map[string][]byte{keyName: whole[keyName]})
		writeFiles(t, dir, files)
		p, s := testProfile(t, dir)
		if got := history(t, s, Chat{Peer: bob}); len(got) != 0 {
			t.Errorf("%s: %d messages", name, len(got))
		}
		add(t, s, mine(Room, "x"))
		closeAll(t, p, s)
		if files := contents(t, dir); len(files) != 3 {
			t.Errorf("%s: %d files, want lock, key and database", name, len(files))
		}
	}
}
