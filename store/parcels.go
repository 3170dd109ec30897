package store

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

// This file holds private messages under way: packages that were made and not
// acknowledged, and parts that came without the rest. The rules are:
//   - a package is written with the state of the session that made it, in one
//     transaction, before it leaves;
//   - a message is delivered when its last package is acknowledged.

// maxFragments is how many parts of unfinished messages one person may have
// here; beyond it the oldest message of theirs goes.
const maxFragments = 2048

func parcelPlace(session int64, epoch, n uint32) vault.Place {
	return vault.Place{Table: "parcel", Row: session, Epoch: uint64(epoch)<<32 | uint64(n)}
}

// PutParcel writes down a package of a message in the outbox, or a void one.
func (tx *Tx) PutParcel(p Parcel) error {
	if len(p.Core) != CoreSize {
		return fmt.Errorf("package %w: a core of %d bytes", ErrInvalid, len(p.Core))
	}
	secret := make([]byte, 0, CoreSize+64)
	secret = append(append(append(secret, p.Core...), p.Seed[:]...), p.Address[:]...)
	sealed, err := tx.s.records.Seal(rand.Reader, secret, parcelPlace(p.Session, p.Epoch, p.N))
	if err != nil {
		return err
	}
	if err := tx.exec("INSERT INTO parcel(session, epoch, n, message, part, parts, sealed) VALUES(?, ?, ?, ?, ?, ?, ?)",
		p.Session, int64(p.Epoch), int64(p.N), p.Message, p.Part, p.Parts, sealed); err != nil {
		return err
	}
	if p.Message == 0 {
		return nil
	}
	peer, err := tx.sessionPeer(p.Session)
	if err != nil {
		return err
	}
	return tx.exec("UPDATE outbox SET parts = parts + 1 WHERE dest = ? AND message = ?", peer, p.Message)
}

// sessionPeer returns with whom a session is.
func (tx *Tx) sessionPeer(session int64) (peer int64, err error) {
	found, err := tx.one("SELECT peer FROM session WHERE id = ?", func(s *sqlite3.Stmt) { peer = s.ColumnInt64(0) }, session)
	if err == nil && !found {
		err = fmt.Errorf("package %w: of no session", ErrInvalid)
	}
	return peer, err
}

// Parcels returns the next n packages of a session that nobody has
// acknowledged, in the order in which they were made, but for those of epoch 0.
// The zero ParcelIndex is before all.
func (tx *Tx) Parcels(session int64, after ParcelIndex, n int) ([]Parcel, error) {
	return tx.parcels("session = ? AND epoch > 0 AND (epoch, n) > (?, ?)", "epoch, n", n, session, int64(after.Epoch), int64(after.N))
}

func (tx *Tx) parcels(which, order string, n int, args ...any) ([]Parcel, error) {
	var all []Parcel
	err := tx.query(`SELECT session, epoch, n, message, part, parts, first, next, day, held, places, sealed FROM parcel
		WHERE `+which+" ORDER BY "+order+" LIMIT ?", func(s *sqlite3.Stmt) error {
		p := Parcel{
			Session: s.ColumnInt64(0),
			Epoch:   uint32(s.ColumnInt64(1)),
			N:       uint32(s.ColumnInt64(2)),
			Message: s.ColumnInt64(3),
			Part:    s.ColumnInt(4),
			Parts:   s.ColumnInt(5),
			Mailed: Mailed{
				First:  timeOf(s.ColumnInt64(6)),
				Next:   timeOf(s.ColumnInt64(7)),
				Day:    uint32(s.ColumnInt64(8)),
				Held:   s.ColumnInt(9),
				Places: s.ColumnInt(10),
			},
		}
		secret, err := tx.openRecord(s, 11, parcelPlace(p.Session, p.Epoch, p.N))
		if err != nil {
			return err
		}
		if len(secret) != CoreSize+64 {
			return ErrDamaged
		}
		p.Core = secret[:CoreSize:CoreSize]
		p.Seed, p.Address = [32]byte(secret[CoreSize:]), [32]byte(secret[CoreSize+32:])
		all = append(all, p)
		return nil
	}, append(args, n)...)
	return all, err
}

// AckParcels takes the other side's word that packages of a session are
// durable there. It returns the messages that are delivered by it.
func (tx *Tx) AckParcels(session int64, acked []ParcelIndex) (delivered []Message, err error) {
	peer, err := tx.sessionPeer(session)
	if err != nil {
		return nil, err
	}
	for _, i := range acked {
		var message int64
		found, err := tx.one("SELECT message FROM parcel WHERE session = ? AND epoch = ? AND n = ?",
			func(s *sqlite3.Stmt) { message = s.ColumnInt64(0) }, session, int64(i.Epoch), int64(i.N))
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if err := tx.exec("DELETE FROM parcel WHERE session = ? AND epoch = ? AND n = ?", session, int64(i.Epoch), int64(i.N)); err != nil {
			return nil, err
		}
		if message == 0 {
			continue
		}
		m, ok, err := tx.partDelivered(message, peer)
		if err != nil {
			return nil, err
		}
		if ok {
			delivered = append(delivered, m)
		}
	}
	return delivered, nil
}

// partDelivered counts one package of a message down, and reports whether it
// was the last.
func (tx *Tx) partDelivered(message, peer int64) (Message, bool, error) {
	if err := tx.exec("UPDATE outbox SET parts = parts - 1 WHERE dest = ? AND message = ? AND parts > 0", peer, message); err != nil {
		return Message{}, false, err
	}
	left := 0
	found, err := tx.one("SELECT parts FROM outbox WHERE dest = ? AND message = ?", func(s *sqlite3.Stmt) { left = s.ColumnInt(0) }, peer, message)
	if err != nil || !found || left > 0 {
		return Message{}, false, err
	}
	m, found, err := tx.message("WHERE id = ?", message)
	if err != nil || !found {
		return Message{}, false, err
	}
	ok, err := tx.acknowledged(&m, peer)
	return m, ok, err
}

// Unseal drops the packages of a session. Their messages wait to be sealed
// again, in another one.
func (tx *Tx) Unseal(session int64) error {
	peer, err := tx.sessionPeer(session)
	if err != nil {
		return err
	}
	if err := tx.exec(`UPDATE outbox SET parts = 0 WHERE dest = ?
		AND message IN (SELECT message FROM parcel WHERE session = ? AND message > 0)`, peer, session); err != nil {
		return err
	}
	return tx.exec("DELETE FROM parcel WHERE session = ?", session)
}

// AddFragment keeps one part of a message from a person. With the last one it
// returns the whole, and keeps nothing of it.
func (tx *Tx) AddFragment(from identity.ID, message [16]byte, part, parts int, data []byte, now time.Time) (whole []byte, done bool, err error) {
	peer, err := tx.addPeer(from)
	if err != nil {
		return nil, false, err
	}
	known := 0
	if _, err := tx.one("SELECT parts FROM fragment WHERE peer = ? AND uid = ? LIMIT 1",
		func(s *sqlite3.Stmt) { known = s.ColumnInt(0) }, peer, message[:]); err != nil {
		return nil, false, err
	}
	if known != 0 && known != parts {
		return nil, false, fmt.Errorf("part %w: of %d, others of %d", ErrInvalid, parts, known)
	}
	if err := tx.roomForFragment(peer, message); err != nil {
		return nil, false, err
	}
	if err := tx.exec("INSERT INTO fragment(peer, uid, part, parts, made, data) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		peer, message[:], part, parts, now.UnixMilli(), data); err != nil {
		return nil, false, err
	}
	have := 0
	if err := tx.query("SELECT data FROM fragment WHERE peer = ? AND uid = ? ORDER BY part", func(s *sqlite3.Stmt) error {
		have++
		whole = append(whole, s.ColumnRawBlob(0)...)
		return nil
	}, peer, message[:]); err != nil || have < parts {
		return nil, false, err
	}
	return whole, true, tx.exec("DELETE FROM fragment WHERE peer = ? AND uid = ?", peer, message[:])
}

// roomForFragment drops the oldest unfinished message of a person who has too
// many parts here, but not the one that goes on.
func (tx *Tx) roomForFragment(peer int64, message [16]byte) error {
	n := 0
	if _, err := tx.one("SELECT count(*) FROM fragment WHERE peer = ?", func(s *sqlite3.Stmt) { n = s.ColumnInt(0) }, peer); err != nil || n < maxFragments {
		return err
	}
	var oldest []byte
	if _, err := tx.one("SELECT uid FROM fragment WHERE peer = ? AND uid <> ? ORDER BY made LIMIT 1",
		func(s *sqlite3.Stmt) { oldest = s.ColumnBlob(0, nil) }, peer, message[:]); err != nil {
		return err
	}
	return tx.exec("DELETE FROM fragment WHERE peer = ? AND uid = ?", peer, oldest)
}
