package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"
	"lukechampine.com/adiantum"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

// pages decrypts what lies in dione.db and its WAL, as one who has the key of
// the pages would.
func pages(t testing.TB, s *Store, key vault.Key) []byte {
	t.Helper()
	pageKey := key.Pages()
	cipher := adiantum.New(pageKey[:])
	var all []byte
	files := contents(t, s.profile.dir)
	for _, name := range []string{dbName, dbName + walSuffix} {
		file := files[name]
		for at := 0; at+pageSize <= len(file); at += pageSize {
			block := bytes.Clone(file[at : at+pageSize])
			all = append(all, cipher.Decrypt(block, binary.LittleEndian.AppendUint64(nil, uint64(at)))...)
		}
	}
	if !bytes.HasPrefix(all, []byte(dbMagic)) {
		t.Fatal("the pages were not decrypted")
	}
	return all
}

// sealedNow returns every sealed record of a table.
func sealedNow(t testing.TB, s *Store, column, table string) (all [][]byte) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		return tx.query("SELECT "+column+" FROM "+table, func(row *sqlite3.Stmt) error {
			if box := row.ColumnBlob(0, nil); len(box) > 0 {
				all = append(all, box)
			}
			return nil
		})
	})
	return all
}

// left counts the pieces of records that lie in the pages. A record is looked
// for in pieces, since what was written over it may have spared a part.
func left(pages []byte, records [][]byte) (n int) {
	const piece = 24 // a nonce, or as much that only chance could repeat
	for _, r := range records {
		for at := 0; at+piece <= len(r); at += piece {
			if bytes.Contains(pages, r[at:at+piece]) {
				n++
			}
		}
	}
	return n
}

// TestAttack13SeizedDevice takes the device, with every key on it, after
// messages were sent and read: of former states of sessions, of packages that
// were acknowledged, of keys and invitations that were used, of parts that
// were put together and of what was sent, no piece is in the database or in
// its log.
func TestAttack13SeizedDevice(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, s := testProfile(t, dir)
		key := *p.key
		in := Chat{Peer: bob}
		// What stays lies around what goes, in pages of its own and in shared ones.
		fillStore(t, s, 300, []identity.ID{bob, carol})
		var erased [][]byte
		keep := func() {
			for _, at := range [][2]string{
				{"state", "session"}, {"sealed", "parcel"}, {"sealed", "prekey"}, {"bundle", "prekey"},
				{"sealed", "invitation"}, {"sealed", "envelope"}, {"data", "fragment"},
			} {
				erased = append(erased, sealedNow(t, s, at[0], at[1])...)
			}
		}
		ses := Session{Peer: bob, SID: [16]byte{1}, Gen: 1, Started: at, Reset: []byte("reset")}
		other := Session{Peer: carol, SID: [16]byte{2}, Gen: 1, Started: at, State: noise(900), Reset: []byte("reset")}
		update(t, s, func(tx *Tx) error { return tx.PutSession(&other) })
		for round := range 40 {
			m := enqueue(t, s, in, "read and forgotten", bob)
			number := [8]byte{byte(round)}
			update(t, s, func(tx *Tx) error {
				ses.State = noise(200 + 300*round) // small ones and such that fill pages
				err := tx.PutSession(&ses)
				for part := range 3 {
					err = errors.Join(err, tx.PutParcel(Parcel{Session: ses.Row, Epoch: 1, N: uint32(3*round + part), Message: m.Row, Part: part, Parts: 3, Core: noise(CoreSize)}))
				}
				_, _, err2 := tx.AddFragment(bob, [16]byte{byte(round)}, 0, 2, noise(640), at)
				return errors.Join(err, err2,
					tx.PutPrekey(Prekey{Number: number, Peer: bob, Made: at, Bundle: noise(1473), Secret: noise(2600)}),
					tx.PutInvitation(Invitation{V: [16]byte{byte(round)}, Made: at, Expires: at, Text: "dione:" + string(noise(80))}))
			})
			keep()
			if round == 0 && left(pages(t, s, key), erased) < len(erased) {
				t.Error("records that are there are not found: the search is wrong")
			}
			update(t, s, func(tx *Tx) error {
				delivered, err := tx.AckParcels(ses.Row, []ParcelIndex{{1, uint32(3 * round)}, {1, uint32(3*round + 1)}, {1, uint32(3*round + 2)}})
				if len(delivered) != 1 {
					t.Errorf("%d messages are delivered", len(delivered))
				}
				_, done, err2 := tx.AddFragment(bob, [16]byte{byte(round)}, 1, 2, noise(640), at)
				if !done {
					t.Error("a message is not whole")
				}
				return errors.Join(err, err2, tx.DropPrekey(number), tx.DropInvitation([16]byte{byte(round)}))
			})
		}
		current := sealedNow(t, s, "state", "session")
		update(t, s, func(tx *Tx) error {
			ses.State = noise(5000)
			return errors.Join(tx.PutSession(&ses), tx.DropSession(other.Row))
		})
		erased = append(erased, current...)
		<-after(idleBefore + 1)
		synctest.Wait()
		look := pages(t, s, key)
		if n := left(look, erased); n > 0 {
			t.Errorf("%d pieces of %d erased records are still there", n, len(erased))
		}
		now := sealedNow(t, s, "state", "session")
		if len(now) != 1 || left(look, now) < 100 {
			t.Errorf("%d states, of which %d pieces are found", len(now), left(look, now))
		}
		closeAll(t, p, s)
	})
	// Nor does another file hold them.
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) != 3 {
		t.Errorf("in the profile lie %q, %v", names, err)
	}
}

// A new passphrase rewrites profile.key and leaves the database as it lies.
func TestPassphraseLeavesTheDatabase(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	fillStore(t, s, 1000, []identity.ID{bob, carol})
	key := *p.key
	closeAll(t, p, s)
	before := contents(t, dir)
	stat := statOf(t, filepath.Join(dir, dbName))
	p, err := OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Unlock(nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.SetPassphrase(key, []byte("one")), p.SetPassphrase(key, []byte("two")), p.Close()); err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	if !bytes.Equal(before[dbName], after[dbName]) || statOf(t, filepath.Join(dir, dbName)) != stat {
		t.Error("the database was written")
	}
	if bytes.Equal(before[keyName], after[keyName]) || len(after) != len(before) {
		t.Errorf("%d files, %d before; or the key file is the same", len(after), len(before))
	}
	if p, err = OpenProfile(dir); err != nil {
		t.Fatal(err)
	}
	again, err := p.Unlock([]byte("two"))
	if err != nil || again != key {
		t.Fatalf("Unlock: %v, or another key", err)
	}
	if s, err = Open(context.Background(), p, again, nil); err != nil {
		t.Fatal(err)
	}
	if got := history(t, s, Chat{Peer: bob}); len(got) != 500 {
		t.Errorf("%d messages", len(got))
	}
	closeAll(t, p, s)
}

// statOf says when a file was written and how long it is.
func statOf(t testing.TB, path string) (s struct {
	when time.Time
	size int64
}) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	s.when, s.size = info.ModTime(), info.Size()
	return s
}

// noise is what a secret looks like.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
