package store

import (
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

const contactColumns = "p.pub, c.claimed, c.petname, c.kept, c.seen FROM contact c JOIN peer p ON p.id = c.peer"

func scanContact(s *sqlite3.Stmt) Contact {
	c := Contact{Claimed: s.ColumnText(1), Petname: s.ColumnText(2), Kept: s.ColumnBool(3)}
	copy(c.ID[:], s.ColumnRawBlob(0))
	if ms := s.ColumnInt64(4); ms != 0 {
		c.LastSeen = time.UnixMilli(ms)
	}
	return c
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
	var seen int64
	if !c.LastSeen.IsZero() {
		seen = c.LastSeen.UnixMilli()
	}
	return tx.exec(`INSERT INTO contact(peer, claimed, petname, kept, seen) VALUES(?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET claimed = excluded.claimed, petname = excluded.petname, kept = excluded.kept, seen = excluded.seen`,
		peer, c.Claimed, c.Petname, c.Kept, seen)
}

// ForgetContacts drops what is known of people, but not of those who are kept.
// What they wrote stays.
func (tx *Tx) ForgetContacts(ids []identity.ID) error {
	for _, id := range ids {
		peer, err := tx.peer(id)
		if err != nil {
			return err
		}
		if err := tx.exec("DELETE FROM contact WHERE peer = ? AND NOT kept", peer); err != nil {
			return err
		}
	}
	return nil
}
