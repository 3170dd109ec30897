package store

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/cborx"
	"dione/crypto/identity"
	"dione/crypto/vault"
)

// This file holds the sessions with people and the keys from which new ones
// begin. The rules are:
//   - a state is sealed for its row and its number, which goes up with each,
//     so that no older one can be put in its place;
//   - keys serve once: who has used them has them dropped in the same
//     transaction.

const (
	// maxInvitations is how many invitations are open at most.
	maxInvitations = 64

	// keyTime is how long keys that nobody came for and parts of messages
	// whose rest never came are kept.
	keyTime = 30 * 24 * time.Hour

	// maxSpare is how many keys are kept for the loss of one session.
	maxSpare = 2

	// maxInvitation bounds the secrets and the text of an invitation.
	maxInvitation = 8 << 10
)

func sessionPlace(table string, row int64, version uint64) vault.Place {
	return vault.Place{Table: table, Row: row, Epoch: version}
}

// Sessions returns the sessions with a person, the highest generation first,
// and of the same one the smaller id.
func (tx *Tx) Sessions(with identity.ID) ([]Session, error) {
	peer, err := tx.peer(with)
	if err != nil || peer == 0 {
		return nil, err
	}
	var all []Session
	err = tx.query(`SELECT id, sid, gen, started, version, state, reset FROM session WHERE peer = ?`, func(s *sqlite3.Stmt) error {
		one := Session{Row: s.ColumnInt64(0), Peer: with, Gen: uint64(s.ColumnInt64(2)), Started: time.UnixMilli(s.ColumnInt64(3))}
		copy(one.SID[:], s.ColumnRawBlob(1))
		version := uint64(s.ColumnInt64(4))
		var err error
		if one.State, err = tx.openRecord(s, 5, sessionPlace("session", one.Row, version)); err != nil {
			return err
		}
		one.Reset, err = tx.openRecord(s, 6, sessionPlace("reset", one.Row, 0))
		all = append(all, one)
		return err
	}, peer)
	slices.SortFunc(all, func(a, b Session) int {
		return cmp.Or(cmp.Compare(b.Gen, a.Gen), bytes.Compare(a.SID[:], b.SID[:]))
	})
	return all, err
}

// openRecord reads a sealed column, nil where it is NULL.
func (tx *Tx) openRecord(s *sqlite3.Stmt, column int, at vault.Place) ([]byte, error) {
	box := s.ColumnRawBlob(column)
	if box == nil {
		return nil, nil
	}
	secret, err := tx.s.records.Open(box, at)
	if err != nil {
		return nil, fmt.Errorf("read a record of table %s: %w (%w)", at.Table, ErrDamaged, err)
	}
	return secret, nil
}

// PutSession writes the state of a session down, of a new one all of it, and
// then sets its Row.
func (tx *Tx) PutSession(s *Session) error {
	if s.Row == 0 {
		return tx.addSession(s)
	}
	var version uint64
	if _, err := tx.one("SELECT version FROM session WHERE id = ?", func(row *sqlite3.Stmt) { version = uint64(row.ColumnInt64(0)) }, s.Row); err != nil {
		return err
	}
	state, err := tx.s.records.Seal(rand.Reader, s.State, sessionPlace("session", s.Row, version+1))
	if err != nil {
		return err
	}
	return tx.exec("UPDATE session SET version = version + 1, state = ? WHERE id = ?", state, s.Row)
}

func (tx *Tx) addSession(s *Session) error {
	peer, err := tx.addPeer(s.Peer)
	if err != nil {
		return err
	}
	if err := tx.exec("INSERT INTO session(peer, sid, gen, started, version) VALUES(?, ?, ?, ?, 0)",
		peer, s.SID[:], int64(s.Gen), s.Started.UnixMilli()); err != nil {
		return err
	}
	s.Row = tx.s.db.LastInsertRowID()
	if s.Reset != nil {
		if err := tx.PutReset(s.Row, s.Reset); err != nil {
			return err
		}
	}
	if s.State == nil {
		return nil
	}
	return tx.PutSession(s)
}

// DropSession forgets a session. Messages in its packages wait to be sealed
// again.
func (tx *Tx) DropSession(row int64) error {
	if err := tx.Unseal(row); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM prekey WHERE session = ?", row); err != nil {
		return err
	}
	return tx.exec("DELETE FROM session WHERE id = ?", row)
}

// LoseSession forgets the state of a session, but not what a backup keeps of
// it. Messages in its packages wait to be sealed again.
func (tx *Tx) LoseSession(row int64) error {
	if err := tx.Unseal(row); err != nil {
		return err
	}
	return tx.exec("UPDATE session SET version = version + 1, state = NULL WHERE id = ?", row)
}

// PutPrekey keeps keys that are given to a person: one for the next session,
// in place of former ones, and the newest two for the loss of each session.
func (tx *Tx) PutPrekey(k Prekey) error {
	peer, err := tx.addPeer(k.Peer)
	if err != nil {
		return err
	}
	var session any
	if k.Session != 0 {
		session = k.Session
		err = tx.exec("DELETE FROM prekey WHERE session = ? AND id <= (SELECT id FROM prekey WHERE session = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
			k.Session, k.Session, maxSpare-1)
	} else {
		err = tx.exec("DELETE FROM prekey WHERE peer = ? AND session IS NULL", peer)
	}
	if err != nil {
		return err
	}
	if err := tx.exec("INSERT INTO prekey(number, peer, session, made, bundle, sealed) VALUES(?, ?, ?, ?, ?, x'')",
		k.Number[:], peer, session, k.Made.UnixMilli(), append([]byte{}, k.Bundle...)); err != nil {
		return err
	}
	row := tx.s.db.LastInsertRowID()
	sealed, err := tx.s.records.Seal(rand.Reader, k.Secret, vault.Place{Table: "prekey", Row: row})
	if err != nil {
		return err
	}
	return tx.exec("UPDATE prekey SET sealed = ? WHERE id = ?", sealed, row)
}

// Prekey returns the keys of a number, if they are here and unused.
func (tx *Tx) Prekey(number [8]byte) (Prekey, bool, error) { return tx.prekey("number = ?", number[:]) }

// PrekeyOf returns the unused keys that were given to a person for the next
// session, if there are any.
func (tx *Tx) PrekeyOf(id identity.ID) (Prekey, bool, error) {
	peer, err := tx.peer(id)
	if err != nil || peer == 0 {
		return Prekey{}, false, err
	}
	return tx.prekey("peer = ? AND session IS NULL", peer)
}

func (tx *Tx) prekey(which string, arg any) (k Prekey, ok bool, err error) {
	var peer, row int64
	var box []byte
	ok, err = tx.one("SELECT id, number, peer, session, made, bundle, sealed FROM prekey WHERE "+which, func(s *sqlite3.Stmt) {
		row, peer = s.ColumnInt64(0), s.ColumnInt64(2)
		k = Prekey{Session: s.ColumnInt64(3), Made: time.UnixMilli(s.ColumnInt64(4)), Bundle: s.ColumnBlob(5, nil)}
		copy(k.Number[:], s.ColumnRawBlob(1))
		box = s.ColumnBlob(6, nil)
	}, arg)
	if err != nil || !ok {
		return Prekey{}, false, err
	}
	if k.Secret, err = tx.s.records.Open(box, vault.Place{Table: "prekey", Row: row}); err != nil {
		return Prekey{}, false, fmt.Errorf("read given keys: %w (%w)", ErrDamaged, err)
	}
	k.Peer, err = tx.peerID(peer)
	return k, err == nil, err
}

// SpareMade returns when keys were last made for the loss of a session, if
// there are any.
func (tx *Tx) SpareMade(session int64) (at time.Time, ok bool, err error) {
	_, err = tx.one("SELECT max(made) FROM prekey WHERE session = ?", func(s *sqlite3.Stmt) {
		if ok = s.ColumnType(0) != sqlite3.NULL; ok {
			at = time.UnixMilli(s.ColumnInt64(0))
		}
	}, session)
	return at, ok, err
}

// DropPrekey forgets keys: they were used.
func (tx *Tx) DropPrekey(number [8]byte) error {
	return tx.exec("DELETE FROM prekey WHERE number = ?", number[:])
}

// ExpireKeys drops keys that nobody came for to begin with, and parts of messages whose rest
// never came, after 30 days.
func (tx *Tx) ExpireKeys(now time.Time) error {
	before := now.Add(-keyTime).UnixMilli()
	if err := tx.exec("DELETE FROM prekey WHERE session IS NULL AND made < ?", before); err != nil {
		return err
	}
	return tx.exec("DELETE FROM fragment WHERE made < ?", before)
}

// invitationRecord is what is sealed of an invitation.
type invitationRecord struct {
	V      [16]byte `cbor:"1,keyasint"`
	Text   []byte   `cbor:"2,keyasint"`
	Secret []byte   `cbor:"3,keyasint,omitempty"`
	Offer  [][]byte `cbor:"4,keyasint,omitempty"`
}

// PutInvitation keeps an invitation, or its new end and when its offer is put
// again. [ErrTooMany] says that as many are open as may be.
func (tx *Tx) PutInvitation(inv Invitation) error {
	open, rows, err := tx.invitations()
	if err != nil {
		return err
	}
	for i, o := range open {
		if o.V == inv.V {
			return tx.exec("UPDATE invitation SET expires = ?, next = ? WHERE id = ?", inv.Expires.UnixMilli(), msOf(inv.Next), rows[i])
		}
	}
	if len(open) >= maxInvitations {
		return fmt.Errorf("%d invitations: %w", len(open), ErrTooMany)
	}
	secret, err := cborx.Marshal(invitationRecord{inv.V, []byte(inv.Text), inv.Secret, inv.Offer})
	if err != nil {
		return err
	}
	if err := tx.exec("INSERT INTO invitation(made, expires, next, sealed) VALUES(?, ?, ?, x'')",
		inv.Made.UnixMilli(), inv.Expires.UnixMilli(), msOf(inv.Next)); err != nil {
		return err
	}
	row := tx.s.db.LastInsertRowID()
	sealed, err := tx.s.records.Seal(rand.Reader, secret, vault.Place{Table: "invitation", Row: row})
	if err != nil {
		return err
	}
	return tx.exec("UPDATE invitation SET sealed = ? WHERE id = ?", sealed, row)
}

// Invitations returns the open invitations, the oldest first.
func (tx *Tx) Invitations() ([]Invitation, error) {
	open, _, err := tx.invitations()
	return open, err
}

func (tx *Tx) invitations() (open []Invitation, rows []int64, err error) {
	err = tx.query("SELECT id, made, expires, next, sealed FROM invitation ORDER BY id", func(s *sqlite3.Stmt) error {
		row := s.ColumnInt64(0)
		secret, err := tx.openRecord(s, 4, vault.Place{Table: "invitation", Row: row})
		if err != nil {
			return err
		}
		var r invitationRecord
		if err := cborx.Unmarshal(secret, &r, maxInvitation); err != nil {
			return fmt.Errorf("read an invitation: %w (%w)", ErrDamaged, err)
		}
		open = append(open, Invitation{
			V: r.V, Made: time.UnixMilli(s.ColumnInt64(1)), Expires: time.UnixMilli(s.ColumnInt64(2)), Next: timeOf(s.ColumnInt64(3)),
			Text: string(r.Text), Secret: r.Secret, Offer: r.Offer,
		})
		rows = append(rows, row)
		return nil
	})
	return open, rows, err
}

// DropInvitation forgets an invitation: it was used, taken back or has ended.
func (tx *Tx) DropInvitation(v [16]byte) error {
	open, rows, err := tx.invitations()
	if err != nil {
		return err
	}
	for i, o := range open {
		if o.V == v {
			return tx.exec("DELETE FROM invitation WHERE id = ?", rows[i])
		}
	}
	return nil
}
