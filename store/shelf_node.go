package store

import (
	"crypto/rand"
	"fmt"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

// This file holds what the node itself keeps beside the packages. It is small,
// so it is in memory too, sealed, and outlives a file that has to be set aside.

// MaxTable is the most bytes of contacts that are kept for a scope.
const MaxTable = 1 << 20

const nodeName = "node"

var nodePlace = vault.Place{Table: nodeName, Row: 1}

func tableName(scope uint8) string { return fmt.Sprintf("table %d", scope) }

func tablePlace(scope uint8) vault.Place { return vault.Place{Table: "table", Row: int64(scope)} }

// NodeKey returns the key under which the node is known. If there is none,
// fresh makes it, which may take its time; [identity.Generate] does if fresh is
// nil.
func (p *Parcels) NodeKey(fresh func() (identity.Key, error)) (identity.Key, error) {
	key, ok, err := p.nodeKey()
	if err != nil || ok {
		return key, err
	}
	if fresh == nil {
		fresh = func() (identity.Key, error) { return identity.Generate(rand.Reader) }
	}
	if key, err = fresh(); err != nil {
		return identity.Key{}, err
	}
	return key, p.SetNodeKey(key)
}

func (p *Parcels) nodeKey() (key identity.Key, ok bool, err error) {
	seed, err := p.readSealed(nodeName, nodePlace)
	if err != nil || seed == nil {
		return identity.Key{}, false, err
	}
	key, err = identity.FromSeed(seed)
	return key, err == nil, err
}

// SetNodeKey makes key the one under which the node is known, in the place of
// another, like one that does not do for this network.
func (p *Parcels) SetNodeKey(key identity.Key) error {
	return p.writeSealed(nodeName, key.Seed(), nodePlace)
}

// Table returns the contacts that were last saved for a scope, nil if none
// were.
func (p *Parcels) Table(scope uint8) ([]byte, error) {
	return p.readSealed(tableName(scope), tablePlace(scope))
}

// SetTable saves the contacts of a scope, at most [MaxTable] bytes, in the
// place of those before.
func (p *Parcels) SetTable(scope uint8, contacts []byte) error {
	if len(contacts) > MaxTable {
		return fmt.Errorf("table %w: %d bytes", ErrInvalid, len(contacts))
	}
	return p.writeSealed(tableName(scope), contacts, tablePlace(scope))
}

func (p *Parcels) readSealed(name string, place vault.Place) (secret []byte, err error) {
	err = p.view(func() error {
		sealed, ok := p.kept[name]
		if !ok {
			return nil
		}
		if secret, err = p.records.Open(sealed, place); err != nil {
			delete(p.kept, name) // or it would go along to the fresh file
			return fmt.Errorf("read %s: %w (%w)", name, ErrDamaged, err)
		}
		return nil
	})
	return secret, err
}

func (p *Parcels) writeSealed(name string, secret []byte, place vault.Place) error {
	sealed, err := p.records.Seal(rand.Reader, secret, place)
	if err != nil {
		return err
	}
	p.writer <- struct{}{}
	defer func() { <-p.writer }()
	if err := p.write(func(*heldTx) error { return p.keep(name, sealed) }); err != nil {
		return err
	}
	_, err = p.use(func() error {
		p.kept[name] = sealed
		return nil
	})
	return err
}
