package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// BenchmarkContacts is what a start costs with 10,000 contacts: opening the
// profile and reading all of them.
func BenchmarkContacts(b *testing.B) {
	const many = 10_000
	dir := b.TempDir()
	p, s := testProfile(b, dir)
	update(b, s, func(tx *Tx) error {
		for i := range many {
			if err := tx.PutContact(Contact{
				ID: identity.ID{1, byte(i >> 8), byte(i)}, Claimed: fmt.Sprint("claimed ", i), Petname: fmt.Sprint("petname ", i), Kept: true,
				LastSeen: at, Standing: StandingAccepted, Since: at, Addrs: []string{"/ip4/192.0.2.1/tcp/4001", "/dns4/home.example.org/tcp/4001"}, Gen: 1,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	closeAll(b, p, s)
	for b.Loop() {
		p, s := testProfile(b, dir)
		view(b, s, func(tx *Tx) error {
			all, err := tx.Contacts()
			if len(all) != many {
				return errors.Join(err, fmt.Errorf("%d contacts", len(all)))
			}
			return err
		})
		b.StopTimer()
		closeAll(b, p, s)
		b.StartTimer()
	}
}

// rawSQLite is a database as SQLite makes it, durable and neither encrypted nor
// checked, with one table of blobs.
func rawSQLite(b *testing.B) (put func(rows int, size int) error) {
	b.Helper()
	db, err := sqlite3.Open(filepath.Join(b.TempDir(), "raw.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	if err := db.Exec("PRAGMA journal_mode=wal; PRAGMA synchronous=full; PRAGMA locking_mode=exclusive; CREATE TABLE raw(id INTEGER PRIMARY KEY, v BLOB)"); err != nil {
		b.Fatal(err)
	}
	insert, _, err := db.Prepare("INSERT INTO raw(v) VALUES(?)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = insert.Close() })
	return func(rows, size int) error {
		if err := db.Exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
		for range rows {
			if err := errors.Join(insert.BindBlob(1, noise(size)), insert.Exec()); err != nil {
				return err
			}
		}
		return db.Exec("COMMIT")
	}
}

// BenchmarkSession is what private messages cost the store: a state of 1.6 KB
// rewritten, a package with it, as for one message alone, and packages made and
// acknowledged in batches of 64, as the engine has them. The baseline is bare
// SQLite, which takes blobs of the same size. They take turns, so that the disk
// treats all alike.
func BenchmarkSession(b *testing.B) {
	const batch = 64
	raw, s := rawSQLite(b), testStore(b)
	ses := Session{Peer: bob, SID: [16]byte{1}, Gen: 1, Started: at, State: noise(1600), Reset: noise(140)}
	var row int64
	update(b, s, func(tx *Tx) error {
		m := mine(Chat{Peer: bob}, benchText)
		_, err := tx.AddMessage(&m)
		row = m.Row
		return errors.Join(err, tx.Enqueue(m, []identity.ID{bob}, []byte(benchText), time.Time{}), tx.PutSession(&ses))
	})
	n := uint32(0)
	seal := func(tx *Tx, parcels int) error {
		for range parcels {
			n++
			if err := tx.PutParcel(Parcel{Session: ses.Row, Epoch: 1, N: n, Message: row, Parts: 1, Core: noise(CoreSize)}); err != nil {
				return err
			}
		}
		return tx.PutSession(&ses)
	}
	acknowledge := func(tx *Tx) error {
		var indices []ParcelIndex
		for i := n; i > n-batch; i-- {
			indices = append(indices, ParcelIndex{1, i})
		}
		_, err := tx.AckParcels(ses.Row, indices)
		return errors.Join(err, tx.PutSession(&ses))
	}
	if err := s.Update(b.Context(), func(tx *Tx) error { return seal(tx, 1) }); err != nil { // so that the message is never delivered
		b.Fatal(err)
	}
	kinds := []struct {
		name string
		per  int // messages
		do   func() error
	}{
		{"raw-2", 1, func() error { return raw(2, 1300) }},
		{"raw-65", batch, func() error { return raw(batch+1, CoreSize+100) }},
		{"state", 1, func() error { return s.Update(b.Context(), func(tx *Tx) error { return tx.PutSession(&ses) }) }},
		{"state+package", 1, func() error { return s.Update(b.Context(), func(tx *Tx) error { return seal(tx, 1) }) }},
		{"made-of-64", batch, func() error { return s.Update(b.Context(), func(tx *Tx) error { return seal(tx, batch) }) }},
		{"acknowledged-of-64", batch, func() error { return s.Update(b.Context(), acknowledge) }},
	}
	took := make([][]time.Duration, len(kinds))
	for b.Loop() {
		for i, kind := range kinds {
			start := time.Now()
			if err := kind.do(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start)/time.Duration(kind.per))
		}
	}
	for i, kind := range kinds {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Nanoseconds())/1000, "µs-p50-"+kind.name)
	}
}

// BenchmarkBackup is what a backup costs, for each of 20,000 messages.
func BenchmarkBackup(b *testing.B) {
	const messages = 20_000
	s := testStore(b)
	fillProfile(b, s)
	fillStore(b, s, messages, []identity.ID{person(20), person(21)})
	n := 0
	var out, in time.Duration
	for b.Loop() {
		n++
		dir := filepath.Join(b.TempDir(), fmt.Sprint(n))
		start := time.Now()
		exportTo(b, s, dir+".backup")
		out += time.Since(start)
		start = time.Now()
		if _, err := importFrom(b.Context(), dir, dir+".backup", backupPass, nil); err != nil {
			b.Fatal(err)
		}
		in += time.Since(start)
	}
	b.ReportMetric(float64(n*messages)/out.Seconds(), "messages/s-out")
	b.ReportMetric(float64(n*messages)/in.Seconds(), "messages/s-in")
}
