package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

const backupPass = "of the backup"

// once are secrets that serve but once: no backup holds any.
var once = []string{"MARKER-state", "MARKER-core", "MARKER-bundle", "MARKER-prekey", "MARKER-invitation", "MARKER-fragment"}

// fillProfile makes a profile with something of everything.
func fillProfile(t testing.TB, s *Store) {
	t.Helper()
	seed := make([]byte, identity.Size)
	seed[7] = 1 // as of self
	key, err := identity.FromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error {
		errs := []error{
			tx.SetIdentity(key), tx.SetIdentityKey([]byte("agreement key")),
			tx.SetMeta("name", "ann"), tx.SetMeta(MetaRestored, "an earlier one"),
			tx.PutInvitation(Invitation{V: [16]byte{1}, Made: at, Expires: at, Text: once[4]}),
			tx.PutPrekey(Prekey{Number: [8]byte{1}, Peer: carol, Made: at, Bundle: []byte(once[2]), Secret: []byte(once[3])}),
		}
		_, _, err := tx.AddFragment(carol, [16]byte{9}, 1, 2, []byte(once[5]), at)
		errs = append(errs, err)
		for i := range 4 {
			errs = append(errs, tx.PutContact(Contact{
				ID: person(i + 1), Claimed: fmt.Sprint("claimed ", i), Petname: fmt.Sprint("petname ", i), Kept: i%2 == 0, LastSeen: at,
				Standing: Standing(i), Since: at, Verified: i == 2, Addrs: []string{"/a", "/b"}, Heard: []string{"/c"}, Gen: 3, Floor: 4, Proof: []byte("proof"),
			}))
		}
		return errors.Join(append(errs, tx.PutContact(Contact{ID: person(9)}))...)
	})
	in := Chat{Peer: bob}
	add(t, s, theirs(Room, bob, 1, "1"), theirs(Room, bob, 4, "4"), theirs(Room, bob, 2, "late"), theirs(in, bob, 1, "hello"), theirs(in, bob, 2, "there"))
	enqueue(t, s, Room, "nobody has it", bob, carol)
	some := enqueue(t, s, Room, "bob has it", bob, carol)
	done := enqueue(t, s, in, "delivered", bob)
	failed := enqueue(t, s, in, "failed", bob)
	under := enqueue(t, s, in, "under way", bob)
	enqueue(t, s, in, "not sealed", bob)
	enqueue(t, s, Chat{Peer: carol}, "to carol", carol)
	update(t, s, func(tx *Tx) error {
		_, err := tx.Acknowledge(bob, []MessageID{some.ID})
		_, err2 := tx.MarkRead(in, 1)
		_, err3 := tx.Fail(failed, "on purpose")
		ses := Session{Peer: bob, SID: [16]byte{7}, Gen: 3, Started: at, State: []byte(once[0]), Reset: []byte("reset of bob")}
		err4 := tx.PutSession(&ses)
		for n, m := range []Message{done, under} {
			p := Parcel{Session: ses.Row, Epoch: 1, N: uint32(n), Message: m.Row, Parts: 1, Core: make([]byte, CoreSize)}
			copy(p.Core, once[1])
			err4 = errors.Join(err4, tx.PutParcel(p))
		}
		_, err5 := tx.AckParcels(ses.Row, []ParcelIndex{{1, 0}})
		return errors.Join(err, err2, err3, err4, err5)
	})
}

// exportTo writes a backup of s.
func exportTo(t testing.TB, s *Store, path string) {
	t.Helper()
	if err := s.ExportFile(t.Context(), path, []byte(backupPass), nil); err != nil {
		t.Fatal(err)
	}
}

// importFrom makes a profile in dir out of a backup, as the program does.
func importFrom(ctx context.Context, dir, path, passphrase string, progress Progress) (done Restored, err error) {
	b, err := OpenBackup(path)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.Unlock(ctx, []byte(passphrase), progress); err != nil {
		return done, err
	}
	p, err := OpenProfile(dir)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	key, err := p.Unlock(nil)
	if err != nil {
		return done, err
	}
	return Import(ctx, p, key, b, progress)
}

// everything is what a backup keeps.
type everything struct {
	ID        identity.ID
	Agreement string
	Name      string
	Contacts  []Contact
	Chats     []ChatInfo
	Messages  []Message
	Waiting   []Outgoing
	Sessions  []Session
}

func everythingIn(t testing.TB, s *Store) (all everything) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		key, _, err := tx.Identity()
		agreement, _, err2 := tx.IdentityKey()
		all.ID, all.Agreement = key.ID(), string(agreement)
		var err3, err4, err5, err6, err7 error
		all.Name, _, err3 = tx.Meta("name")
		all.Contacts, err4 = tx.Contacts()
		all.Chats, err5 = tx.Chats()
		all.Messages, err6 = tx.After(0, 1<<20)
		for _, c := range all.Contacts {
			waiting, err := tx.Unsealed(c.ID, 0, 1000)
			sessions, err2 := tx.Sessions(c.ID)
			all.Waiting, all.Sessions = append(all.Waiting, waiting...), append(all.Sessions, sessions...)
			err7 = errors.Join(err7, err, err2)
		}
		slices.SortFunc(all.Waiting, func(a, b Outgoing) int { return cmp.Compare(a.Row, b.Row) })
		return errors.Join(err, err2, err3, err4, err5, err6, err7)
	})
	return all
}

// A profile out of a backup is who it was, knows whom it knew and what was
// written, and has nothing that serves but once.
func TestBackup(t *testing.T) {
	dir, from := t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "backup")
	p, s := testProfile(t, from)
	fillProfile(t, s)
	want := everythingIn(t, s)
	var told []int64
	if err := s.ExportFile(t.Context(), file, []byte(backupPass), func(done, of int64) { told = append(told, done, of) }); err != nil {
		t.Fatal(err)
	}
	if n := int64(len(want.Messages)); !slices.Equal(told, []int64{0, n, n, n}) {
		t.Errorf("progress of the export: %v", told)
	}
	if info, err := os.Stat(file); err != nil || restricts && info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info.Mode(), err)
	}
	closeAll(t, p, s)

	restored := filepath.Join(dir, "new", "profile")
	told = nil
	done, err := importFrom(t.Context(), restored, file, backupPass, func(done, of int64) { told = append(told, of-done) })
	if err != nil {
		t.Fatal(err)
	}
	if done.ID != self || done.Contacts != 5 || done.Messages != 12 || done.Waiting != 3 || time.Since(done.Made) > time.Minute {
		t.Errorf("restored %+v", done)
	}
	if len(told) < 4 || told[len(told)-1] != 0 {
		t.Errorf("progress of the import, what is left: %v", told)
	}
	p, s = testProfile(t, restored)
	defer closeAll(t, p, s)
	wantConsistent(t, s)
	got := everythingIn(t, s)
	for i, m := range want.Messages { // what is different
		switch m.Text {
		case "nobody has it":
			want.Messages[i].State, want.Messages[i].Reason = StateFailed, "nobody confirmed it"
		case "under way":
			want.Waiting = slices.Insert(want.Waiting, 0, Outgoing{Row: m.Row, To: bob, Message: m, Payload: []byte("envelope of under way")})
		}
	}
	for i := range want.Chats {
		if want.Chats[i].Chat.IsRoom() {
			continue
		}
		want.Chats[i].Last = got.Chats[i].Last // compared with the messages
	}
	want.Sessions[0].State = nil
	for i := range reflect.TypeFor[everything]().NumField() {
		g, w := reflect.ValueOf(got).Field(i).Interface(), reflect.ValueOf(want).Field(i).Interface()
		if !reflect.DeepEqual(g, w) {
			t.Errorf("restored\n%+v\nwant\n%+v", g, w)
		}
	}
	view(t, s, func(tx *Tx) error {
		for _, table := range []string{"parcel", "prekey", "invitation", "fragment"} {
			if n, err := number(tx, "SELECT count(*) FROM "+table); n != 0 || err != nil {
				t.Errorf("%d rows of %s, %v", n, table, err)
			}
		}
		when, _, err := tx.Meta(MetaRestored)
		if when != done.Made.UTC().Format(time.RFC3339) {
			t.Errorf("%s is %q", MetaRestored, when)
		}
		return err
	})
	// It goes on from there.
	update(t, s, func(tx *Tx) error {
		ids := []MessageID{}
		for _, o := range got.Waiting {
			if o.To == bob {
				ids = append(ids, o.Message.ID)
			}
		}
		delivered, err := came(tx, bob, ids)
		if len(delivered) != 2 {
			t.Errorf("%d messages are delivered", len(delivered))
		}
		return err
	})
	m := mine(Chat{Peer: bob}, "goes on")
	add(t, s, m)
	all := history(t, s, Chat{Peer: bob})
	if last := all[len(all)-1]; last.Text != "goes on" || last.Seq != 5 {
		t.Errorf("the next message is %+v", last)
	}

	content := contentOf(t, file)
	for _, secret := range once {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("the backup holds %s", secret)
		}
	}
}

// contentOf opens a backup.
func contentOf(t testing.TB, path string) []byte {
	t.Helper()
	b, err := OpenBackup(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Unlock(t.Context(), []byte(backupPass), nil); err != nil {
		t.Fatal(err)
	}
	r, err := b.content(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Nobody else's file and nobody's profile is written over.
func TestBackupOverwritesNothing(t *testing.T) {
	dir, from := t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "backup")
	p, s := testProfile(t, from)
	if err := s.ExportFile(t.Context(), file, []byte(backupPass), nil); err == nil {
		t.Error("a profile of nobody was exported")
	}
	fillProfile(t, s)
	exportTo(t, s, file)
	before := contents(t, dir)
	for _, name := range []string{file, dir, filepath.Join(dir, "gone", "backup"), filepath.Join(file, "x")} {
		if err := s.ExportFile(t.Context(), name, []byte(backupPass), nil); err == nil || hint(err) == "" {
			t.Errorf("export to %s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.ExportFile(ctx, filepath.Join(dir, "other"), []byte(backupPass), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted export: %v", err)
	}
	if err := s.ExportFile(t.Context(), filepath.Join(dir, "other"), nil, nil); err == nil {
		t.Error("a backup without a passphrase was made")
	}
	if after := contents(t, dir); !reflect.DeepEqual(after, before) {
		t.Errorf("%d files, %d before", len(after), len(before))
	}
	closeAll(t, p, s)

	profile := contents(t, from)
	if _, err := importFrom(t.Context(), from, file, backupPass, nil); !errors.Is(err, ErrExists) || hint(err) == "" {
		t.Errorf("import over a profile: %v", err)
	}
	after := contents(t, from)
	delete(after, lockName)
	delete(profile, lockName)
	if !reflect.DeepEqual(after, profile) {
		t.Error("import changed a profile")
	}
	if err := os.Remove(filepath.Join(from, dbName)); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, from, map[string][]byte{dbName + walSuffix: []byte("x")})
	if _, err := importFrom(t.Context(), from, file, backupPass, nil); !errors.Is(err, ErrExists) {
		t.Errorf("import over a WAL: %v", err)
	}
}

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

// A backup that is made while the profile is in use is whole.
func TestExportInUse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "backup")
	s := testStore(t)
	fillProfile(t, s)
	fillStore(t, s, 3*backupPage, []identity.ID{person(20), person(21)})
	before := len(everythingIn(t, s).Messages)
	seq := uint64(0)
	if err := s.ExportFile(t.Context(), file, []byte(backupPass), func(int64, int64) {
		seq++ // from somebody new, too
		add(t, s, theirs(Room, person(30+int(seq)), 1, "meanwhile"), theirs(Chat{Peer: bob}, bob, 10+seq, "meanwhile"))
		update(t, s, func(tx *Tx) error {
			waiting, err := tx.Unsealed(carol, 0, 1)
			for _, o := range waiting {
				_, err = came(tx, carol, []MessageID{o.Message.ID})
			}
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	done, err := importFrom(t.Context(), filepath.Join(dir, "profile"), file, backupPass, nil)
	if err != nil || done.Messages != before {
		t.Errorf("restored %d messages of %d: %v", done.Messages, before, err)
	}
	p, restored := testProfile(t, filepath.Join(dir, "profile"))
	wantConsistent(t, restored)
	closeAll(t, p, restored)
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
