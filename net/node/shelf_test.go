package node

import (
	"testing"

	"dione/net/dht"
	"dione/net/dht/shelftest"
)

// The packages on disk do all that a holder wants of them.
func TestShelf(t *testing.T) {
	shelftest.Run(t, func(t *testing.T) dht.Shelf { return shelf{openDisk(t, t.TempDir()).Parcels} })
}
