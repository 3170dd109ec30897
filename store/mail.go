package store

import (
	"crypto/rand"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// This file holds which packages are in the mail network, and which were taken
// out of it. The rules are:
//   - a package is put there until it is acknowledged, as often as it takes;
//   - of what was taken out a tombstone is put in its place, and kept here
//     until the network has it.

// stoneSize is the length of a tombstone.
const stoneSize = 166

// burialTime is how long a tombstone is put again that nobody takes: no holder
// has the package any longer then.
const burialTime = 16 * 24 * time.Hour

// maxBurials is how many wait at most; beyond it the oldest go.
const maxBurials = 4096

// Mailed is what the mail network has of a package.
type Mailed struct {
	First  time.Time // when it took it first; zero: never
	Next   time.Time // when it is put there again
	Day    uint32    // at whose places it was put last
	Held   int       // by so many nodes then
	Places int       // of so many that could
}

// PutMailed notes what the mail network has of a package that nobody has
// acknowledged. It does nothing for one that somebody has.
func (tx *Tx) PutMailed(session int64, at ParcelIndex, m Mailed) error {
	return tx.exec("UPDATE parcel SET first = ?, next = ?, day = ?, held = ?, places = ? WHERE session = ? AND epoch = ? AND n = ?",
		msOf(m.First), msOf(m.Next), int64(m.Day), m.Held, m.Places, session, int64(at.Epoch), int64(at.N))
}

// DueParcels returns the next n packages of a session that are to be put into
// the mail network by now, in the order in which they were made.
func (tx *Tx) DueParcels(session int64, now time.Time, n int) ([]Parcel, error) {
	return tx.parcels("session = ? AND epoch > 0 AND next <= ?", "epoch, n", n, session, now.UnixMilli())
}

// MailAgain has every package for a person that nobody has acknowledged put
// into the mail network again by now.
func (tx *Tx) MailAgain(to identity.ID, now time.Time) error {
	peer, err := tx.peer(to)
	if err != nil || peer == 0 {
		return err
	}
	return tx.exec("UPDATE parcel SET next = ? WHERE next > ? AND session IN (SELECT id FROM session WHERE peer = ?)",
		now.UnixMilli(), now.UnixMilli(), peer)
}

// MailedParcels returns the newest n packages of a session that are in the
// mail network and that nobody has acknowledged.
func (tx *Tx) MailedParcels(session int64, n int) ([]Parcel, error) {
	return tx.parcels("session = ? AND epoch > 0 AND first > 0", "epoch DESC, n DESC", n, session)
}

// IntroParcels returns the packages of epoch 0 of a session, those by which
// the other side is to learn of it. They lie elsewhere than all others, and no
// link carries them.
func (tx *Tx) IntroParcels(session int64) ([]Parcel, error) {
	return tx.parcels("session = ? AND epoch = 0", "n", 64, session)
}

// DropIntro forgets the packages of epoch 0 of a session: the other side knows
// of it.
func (tx *Tx) DropIntro(session int64) error {
	return tx.exec("DELETE FROM parcel WHERE session = ? AND epoch = 0", session)
}

// NextMail returns when a package of a session is due to be put again; false
// if there is none.
func (tx *Tx) NextMail(session int64) (at time.Time, ok bool, err error) {
	_, err = tx.one("SELECT min(next) FROM parcel WHERE session = ?", func(s *sqlite3.Stmt) {
		if ok = s.ColumnType(0) != sqlite3.NULL; ok {
			at = time.UnixMilli(s.ColumnInt64(0))
		}
	}, session)
	return at, ok, err
}

// MailHeld counts again by how many nodes a message of the outbox is held: as
// many as hold its worst package. enough says from how many on it is stored.
// It returns the message if that has changed.
func (tx *Tx) MailHeld(message int64, enough func(held, places int) bool) (m Message, changed bool, err error) {
	held, places := 0, 0
	if _, err := tx.one("SELECT min(held), min(places) FROM parcel WHERE message > 0 AND message = ?", func(s *sqlite3.Stmt) {
		held, places = s.ColumnInt(0), s.ColumnInt(1)
	}, message); err != nil {
		return Message{}, false, err
	}
	m, ok, err := tx.message("WHERE id = ?", message)
	if err != nil || !ok || m.State != StateQueued && m.State != StateStored {
		return Message{}, false, err
	}
	state := StateQueued
	if enough(held, places) {
		state = StateStored
	}
	if m.State == StateStored {
		state = StateStored // it was, and what holders have does not get worse by a put
	}
	if m.State == state && m.Acked == held && m.Addressed == places {
		return Message{}, false, nil
	}
	m.State, m.Acked, m.Addressed = state, held, places
	return m, true, tx.setState(m)
}

// never is later than anything that is ever due.
const never = 1<<63 - 1

// FailMail gives up messages of which the network has had a package since
// before a time, for a reason in words, and returns them as they are then.
func (tx *Tx) FailMail(before time.Time, reason string) (failed []Message, err error) {
	old, err := tx.messages("WHERE id IN (SELECT message FROM parcel WHERE message > 0 AND first > 0 AND first < ?) ORDER BY id", before.UnixMilli())
	if err != nil {
		return nil, err
	}
	for _, m := range old {
		if m, err = tx.Fail(m, reason); err != nil {
			return nil, err
		}
		failed = append(failed, m)
	}
	return failed, tx.exec("UPDATE parcel SET next = ? WHERE first > 0 AND first < ?", int64(never), before.UnixMilli())
}

// Burial is tombstones of one package, one for each of its places.
type Burial struct {
	Row    int64
	Made   time.Time
	Tries  int
	Stones [][]byte
}

// AddBurial keeps tombstones until the mail network has them.
func (tx *Tx) AddBurial(stones [][]byte, now time.Time) error {
	var all []byte
	for _, s := range stones {
		if len(s) != stoneSize {
			return ErrInvalid
		}
		all = append(all, s...)
	}
	if err := tx.exec("INSERT INTO burial(made, next, tries, stones) VALUES(?, ?, 0, ?)", now.UnixMilli(), now.UnixMilli(), all); err != nil {
		return err
	}
	return tx.exec("DELETE FROM burial WHERE id <= ?", tx.s.db.LastInsertRowID()-maxBurials)
}

// DueBurials returns the next n burials that are due by now.
func (tx *Tx) DueBurials(now time.Time, n int) (due []Burial, err error) {
	err = tx.query("SELECT id, made, tries, stones FROM burial WHERE next <= ? ORDER BY next LIMIT ?", func(s *sqlite3.Stmt) error {
		b := Burial{Row: s.ColumnInt64(0), Made: time.UnixMilli(s.ColumnInt64(1)), Tries: s.ColumnInt(2)}
		all := s.ColumnBlob(3, nil)
		if len(all)%stoneSize != 0 {
			return ErrDamaged
		}
		for ; len(all) > 0; all = all[stoneSize:] {
			b.Stones = append(b.Stones, all[:stoneSize:stoneSize])
		}
		due = append(due, b)
		return nil
	}, now.UnixMilli(), n)
	return due, err
}

// Buried forgets a burial: the network has it.
func (tx *Tx) Buried(row int64) error { return tx.exec("DELETE FROM burial WHERE id = ?", row) }

// BuryLater has a burial tried again, unless it is too late for it.
func (tx *Tx) BuryLater(row int64, next time.Time) error {
	if err := tx.exec("DELETE FROM burial WHERE id = ? AND made < ?", row, next.Add(-burialTime).UnixMilli()); err != nil {
		return err
	}
	return tx.exec("UPDATE burial SET next = ?, tries = tries + 1 WHERE id = ?", next.UnixMilli(), row)
}

// PutReset replaces what a backup keeps of a session.
func (tx *Tx) PutReset(session int64, reset []byte) error {
	sealed, err := tx.s.records.Seal(rand.Reader, reset, sessionPlace("reset", session, 0))
	if err != nil {
		return err
	}
	return tx.exec("UPDATE session SET reset = ? WHERE id = ?", sealed, session)
}
