package dht

import (
	"fmt"

	"dione/crypto/cborx"
)

// MaxSaved is how many contacts of a table are kept for the next start.
const MaxSaved = 500

// maxSavedBytes bounds an encoded table.
const maxSavedBytes = 64 << 10

// savedFrame is a table as it is kept.
type savedFrame struct {
	Version  uint8          `cbor:"1,keyasint"`
	Contacts []contactFrame `cbor:"2,keyasint,omitempty"`
}

// EncodeContacts writes contacts down, at most [MaxSaved] of them.
func EncodeContacts(contacts []*Contact) ([]byte, error) {
	f := savedFrame{Version: 1}
	for _, c := range contacts[:min(len(contacts), MaxSaved)] {
		f.Contacts = append(f.Contacts, frameOfContact(c))
	}
	b, err := cborx.Marshal(&f)
	if err != nil {
		return nil, fmt.Errorf("encode %d contacts: %w", len(f.Contacts), err)
	}
	return b, nil
}

// DecodeContacts reads what EncodeContacts wrote.
func DecodeContacts(b []byte) ([]*Contact, error) {
	var f savedFrame
	if err := cborx.Unmarshal(b, &f, maxSavedBytes); err != nil {
		return nil, fmt.Errorf("decode contacts: %w", err)
	}
	if f.Version != 1 || len(f.Contacts) > MaxSaved {
		return nil, fmt.Errorf("decode contacts: version %d, %d contacts", f.Version, len(f.Contacts))
	}
	return contactsOf(f.Contacts)
}
