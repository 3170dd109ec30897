package store

import (
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

const contactColumns = `p.pub, c.claimed, c.petname, c.kept, c.seen, c.standing, c.since, c.verified, c.addrs, c.heard, c.gen, c.floor, c.invited
	FROM contact c JOIN peer p ON p.id = c.peer`

func scanContact(s *sqlite3.Stmt) Contact {
	c := Contact{
		Claimed:  s.ColumnText(1),
		Petname:  s.ColumnText(2),
		Kept:     s.ColumnBool(3),
		LastSeen: timeOf(s.ColumnInt64(4)),
		Standing: Standing(s.ColumnInt(5)),
		Since:    timeOf(s.ColumnInt64(6)),
		Verified: s.ColumnBool(7),
		Addrs:    lines(s.ColumnText(8)),
		Heard:    lines(s.ColumnText(9)),
		Gen:      uint64(s.ColumnInt64(10)),
		Floor:    uint64(s.ColumnInt64(11)),
		Invited:  s.ColumnBlob(12, nil),
	}
	copy(c.ID[:], s.ColumnRawBlob(0))
	return c
}

// lines splits what is kept one a line.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// timeOf reads unix milliseconds, of which 0 is the zero time; msOf writes it.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func msOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Contacts returns everybody met, in no order.
func (tx *Tx) Contacts() ([]Contact, error) {
	var all []Contact
	err := tx.query("SELECT "+contactColumns, func(s *sqlite3.Stmt) error {
		all = append(all, scanContact(s))
		return nil
	})
	return all, err
}

// Contact returns one person, if they were met.
func (tx *Tx) Contact(id identity.ID) (c Contact, ok bool, err error) {
	ok, err = tx.one("SELECT "+contactColumns+" WHERE p.pub = ?", func(s *sqlite3.Stmt) { c = scanContact(s) }, id[:])
	return c, ok, err
}

// PutContact writes down what is known of a person now. It makes no chat.
func (tx *Tx) PutContact(c Contact) error {
	peer, err := tx.addPeer(c.ID)
	if err != nil {
		return err
	}
	var invited any
	if c.Invited != nil {
		invited = c.Invited
	}
	return tx.exec(`INSERT INTO contact(peer, claimed, petname, kept, seen, standing, since, verified, addrs, heard, gen, floor, invited)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET claimed = excluded.claimed, petname = excluded.petname, kept = excluded.kept,
			seen = excluded.seen, standing = excluded.standing, since = excluded.since, verified = excluded.verified,
			addrs = excluded.addrs, heard = excluded.heard, gen = excluded.gen, floor = excluded.floor, invited = excluded.invited`,
		peer, c.Claimed, c.Petname, c.Kept, msOf(c.LastSeen), int64(c.Standing), msOf(c.Since), c.Verified,
		strings.Join(c.Addrs, "\n"), strings.Join(c.Heard, "\n"), int64(c.Gen), int64(c.Floor), invited)
}

// OldestRequests returns whose requests to forget so that keep are left, the
// oldest first.
func (tx *Tx) OldestRequests(keep int) (ids []identity.ID, err error) {
	n, requests := 0, "FROM contact c JOIN peer p ON p.id = c.peer WHERE c.standing = 1"
	if _, err := tx.one("SELECT count(*) FROM contact WHERE standing = 1", func(s *sqlite3.Stmt) { n = s.ColumnInt(0) }); err != nil {
		return nil, err
	}
	if n <= keep {
		return nil, nil
	}
	err = tx.query("SELECT p.pub "+requests+" ORDER BY c.since LIMIT ?", func(s *sqlite3.Stmt) error {
		ids = append(ids, identity.ID(s.ColumnRawBlob(0)))
		return nil
	}, n-keep)
	return ids, err
}

// ForgetContacts drops what is known of people, but not of those who are kept
// or of whom the user has decided or has to decide something.
// What they wrote stays.
func (tx *Tx) ForgetContacts(ids []identity.ID) error {
	for _, id := range ids {
		peer, err := tx.peer(id)
		if err != nil {
			return err
		}
		if err := tx.exec("DELETE FROM contact WHERE peer = ? AND NOT kept AND standing = 0", peer); err != nil {
			return err
		}
	}
	return nil
}
