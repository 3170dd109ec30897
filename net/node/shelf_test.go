package node

import (
	"errors"
	"testing"

	"dione/net/dht"
	"dione/net/dht/shelftest"
	"dione/store"
)

// The packages on disk do all that a holder wants of them.
func TestShelf(t *testing.T) {
	shelftest.Run(t, func(t *testing.T) dht.Shelf {
		profile, err := store.OpenProfile(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		key, err := profile.Unlock(nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := store.OpenParcels(t.Context(), profile, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(p.Close(), profile.Close()); err != nil {
				t.Error(err)
			}
		})
		return shelf{p}
	})
}
