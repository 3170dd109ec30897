package store

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

var (
	identityPlace  = vault.Place{Table: "identity", Row: 1}
	agreementPlace = vault.Place{Table: "agreement", Row: 1}
)

// Identity returns who this profile is, if that was set.
func (tx *Tx) Identity() (identity.Key, bool, error) {
	var sealed []byte
	found, err := tx.one("SELECT sealed FROM identity", func(s *sqlite3.Stmt) { sealed = s.ColumnBlob(0, nil) })
	if err != nil || !found {
		return identity.Key{}, false, err
	}
	seed, err := tx.s.records.Open(sealed, identityPlace)
	if err != nil {
		return identity.Key{}, false, fmt.Errorf("read identity: %w (%w)", ErrDamaged, err)
	}
	key, err := identity.FromSeed(seed)
	if err != nil {
		return identity.Key{}, false, fmt.Errorf("read identity: %w", err)
	}
	return key, true, nil
}

// SetIdentity sets who this profile is, once: all that is written is written
// in that name.
func (tx *Tx) SetIdentity(key identity.Key) error {
	was, ok, err := tx.Identity()
	switch {
	case err != nil:
		return err
	case ok && was.ID() == key.ID():
		return nil
	case ok:
		return errors.New("set identity: the profile has another one")
	}
	sealed, err := tx.s.records.Seal(rand.Reader, key.Seed(), identityPlace)
	if err != nil {
		return err
	}
	return tx.exec("INSERT INTO identity(id, sealed) VALUES(1, ?)", sealed)
}

// IdentityKey returns the private half of the profile's agreement key, if that
// was set.
func (tx *Tx) IdentityKey() (key []byte, ok bool, err error) {
	var sealed []byte
	if _, err := tx.one("SELECT agreement FROM identity", func(s *sqlite3.Stmt) { sealed = s.ColumnBlob(0, nil) }); err != nil || sealed == nil {
		return nil, false, err
	}
	if key, err = tx.s.records.Open(sealed, agreementPlace); err != nil {
		return nil, false, fmt.Errorf("read the agreement key: %w (%w)", ErrDamaged, err)
	}
	return key, true, nil
}

// SetIdentityKey sets the agreement key of a profile that has none. The
// identity must be set.
func (tx *Tx) SetIdentityKey(key []byte) error {
	sealed, err := tx.s.records.Seal(rand.Reader, key, agreementPlace)
	if err != nil {
		return err
	}
	if err := tx.exec("UPDATE identity SET agreement = ? WHERE agreement IS NULL", sealed); err != nil {
		return err
	}
	if tx.s.db.Changes() != 1 {
		return errors.New("set the agreement key: there is no identity, or it has one")
	}
	return nil
}

// Meta returns a small thing that [Tx.SetMeta] keeps under a name.
func (tx *Tx) Meta(key string) (value string, ok bool, err error) {
	ok, err = tx.one("SELECT value FROM meta WHERE name = ?", func(s *sqlite3.Stmt) { value = s.ColumnText(0) }, key)
	return value, ok, err
}

// SetMeta keeps a small thing, like the name the user goes by. It goes into
// backups: what must not be in two places at a time has no place here.
func (tx *Tx) SetMeta(key, value string) error {
	return tx.exec("INSERT INTO meta(name, value) VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", key, value)
}

// DropMeta forgets a small thing.
func (tx *Tx) DropMeta(key string) error { return tx.exec("DELETE FROM meta WHERE name = ?", key) }
