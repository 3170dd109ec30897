package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/crypto/vault"
	"dione/internal/vectors"
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
				Standing: Standing(i), Since: at, Verified: i == 2, Addrs: []string{"/a", "/b"}, Heard: []string{"/c"}, Gen: 3, Floor: 4, Invited: []byte("proof"),
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
		_, errMute := tx.Mute(in, Forever)
		_, err3 := tx.Fail(failed, "on purpose")
		ses := Session{Peer: bob, SID: [16]byte{7}, Gen: 3, Started: at, State: []byte(once[0]), Reset: []byte("reset of bob")}
		err4 := tx.PutSession(&ses)
		for n, m := range []Message{done, under} {
			p := Parcel{Session: ses.Row, Epoch: 1, N: uint32(n), Message: m.Row, Parts: 1, Core: make([]byte, CoreSize)}
			copy(p.Core, once[1])
			err4 = errors.Join(err4, tx.PutParcel(p))
		}
		_, err5 := tx.AckParcels(ses.Row, []ParcelIndex{{1, 0}})
		return errors.Join(err, err2, err3, err4, err5, errMute)
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

// vectorProfile is the profile of the vector in crypto/PROTOCOL.md.
func vectorProfile(tx *Tx) error {
	s := Session{Peer: bob, SID: [16]byte{0: 0xaa}, Gen: 2, Started: at, State: []byte("state"), Reset: []byte("reset")}
	return errors.Join(
		fixtureProfile(tx),
		tx.SetIdentityKey(bytes.Repeat([]byte{0x22}, 32)),
		tx.PutContact(Contact{
			ID: bob, Claimed: "bob", Petname: "bobby", Kept: true, LastSeen: at, Standing: StandingAccepted, Since: at, Verified: true,
			Addrs: []string{"/ip4/192.0.2.1/tcp/4001"}, Heard: []string{"/ip4/192.0.2.2/tcp/4001"}, Gen: 2, Floor: 7, Invited: bytes.Repeat([]byte{0x33}, 16),
		}),
		tx.PutSession(&s),
	)
}

// The content in the specification is what a profile is exported as, and what
// is made of it is that profile.
func TestBackupVector(t *testing.T) {
	want := vectors.Read(t, "../crypto/PROTOCOL.md", "store")["backup"]
	const first = 5 + 1 + 10 + 35 + 35 // the record with the time of the backup

	dir := t.TempDir()
	s := testStore(t)
	update(t, s, vectorProfile)
	file := filepath.Join(dir, "exported")
	exportTo(t, s, file)
	if got := contentOf(t, file); !bytes.Equal(got[first:], want[first:]) {
		t.Errorf("exported as\n%x\nwant\n%x", got, want)
	}

	file = filepath.Join(dir, "vector")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := vault.NewBackupWriter(rand.Reader, f, []byte(backupPass))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(want)
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	done, err := importFrom(t.Context(), filepath.Join(dir, "profile"), file, backupPass, nil)
	if err != nil || !done.Made.Equal(at) {
		t.Fatalf("made %v, %v", done.Made, err)
	}
	p, restored := testProfile(t, filepath.Join(dir, "profile"))
	wantFixture(t, restored)
	got, former := everythingIn(t, restored), everythingIn(t, s)
	former.Sessions[0].State = nil
	if !reflect.DeepEqual(got, former) {
		t.Errorf("restored\n%+v\nwant\n%+v", got, former)
	}
	closeAll(t, p, restored)
}
