// Package mailbox puts the packages of a session into the DHT and finds those
// of the other side there: at which places of the key space, at how many
// nodes, and what their answers prove. It obeys crypto/PROTOCOL.md, "Places",
// and net/PROTOCOL.md, "Mail".
//
// It keeps nothing but which nodes hold what place, and decides nothing about
// messages: net/messenger does.
package mailbox

import (
	"context"
	"crypto/sha256"
	"time"

	"dione/crypto/kdf"
	"dione/crypto/parcel"
	"dione/net/dht"
)

const (
	// Places is at how many places of a day each package lies.
	Places = 3

	// Days is for how many days packages are looked for, today included.
	Days = 14

	// Life is how long a put package is to be kept.
	Life = 14 * 24 * time.Hour

	// maxStep is how many days a chain is stepped on at most. A clock that says
	// more is wrong, and to believe it would take long.
	maxStep = 36_525
)

// DayOf returns the UTC day of a time, counted from 1970.
func DayOf(t time.Time) uint32 { return uint32(t.Unix() / (24 * 60 * 60)) }

// Chain is the location keys of what one side of a session sends, from a day
// on. What is before that nobody can tell any more.
type Chain struct {
	Key [32]byte
	Day uint32
}

// At returns the chain from a later day on; false for an earlier one, or one
// that no clock says which is right.
func (c Chain) At(day uint32) (Chain, bool) {
	if day < c.Day || day-c.Day > maxStep {
		return Chain{}, false
	}
	for c.Day < day {
		c.Key, c.Day = kdf.Key(c.Key[:], kdf.LocationDay), c.Day+1
	}
	return c, true
}

// Place is one place of the key space.
type Place = [32]byte

// Places returns the places of the chain's first day.
func (c Chain) Places() (all [Places]Place) {
	for j := range all {
		h := sha256.New()
		h.Write([]byte(kdf.LocationPlace)) // a hash never fails
		h.Write(c.Key[:])
		h.Write([]byte{byte(j)})
		h.Sum(all[j][:0])
	}
	return all
}

// Network is what the mailbox needs of the DHT, a *dht.Node.
type Network interface {
	Servers(s dht.Scope) int
	Whole(s dht.Scope) bool
	Open(s dht.Scope, k dht.Key) bool
	Offset() time.Duration
	Lookup(ctx context.Context, s dht.Scope, target dht.Key, how dht.LookupConfig) (dht.Nearby, error)
	PutAt(ctx context.Context, s dht.Scope, holders []*dht.Contact, packages ...[]byte) (dht.Placed, error)
	GetFrom(ctx context.Context, s dht.Scope, holders []*dht.Contact, hints []dht.Hint, most int) (dht.Gotten, error)
	Watch(ctx context.Context, holder *dht.Contact, hints []dht.Hint, notice func(packages [][]byte)) (time.Duration, error)
}

var _ Network = (*dht.Node)(nil)

// Letter is a package to be put.
type Letter struct {
	Core *parcel.Core
	Key  parcel.Key // of its address
}

// Count is how many nodes hold a package, of how many that could.
type Count struct{ Held, Places int }

// Add returns the sum of two counts.
func (c Count) Add(other Count) Count { return Count{c.Held + other.Held, c.Places + other.Places} }

// Enough reports whether a package is stored: at three nodes, or at all there
// are.
func Enough(held, places int) bool { return held > 0 && held >= min(3, places) }

// Outcome is what became of a letter.
type Outcome struct {
	Count Count     // where it matters: of the internet, of networks around if that is all there is
	Until time.Time // until when most of those who hold it keep it; zero if nobody does
	Read  bool      // a holder has proved that its receiver has taken it
	Clash bool      // a holder has proved that another package of its address was made: our state is an older copy
}

// Found is a package or tombstone at an address that was looked for.
type Found struct {
	parcel.Package
	Bytes []byte
}
