package dht

import (
	"net/netip"
	"time"

	"dione/crypto/identity"
)

// Shelf is where a holder keeps packages. Its methods may be called by many
// goroutines at once. *store.Parcels is one; net/sim has one in memory.
type Shelf interface {
	// Find returns the items whose address begins with one of hints, at most
	// one of each, in the order of hints and without what has none.
	Find(hints []Hint) ([]Item, error)

	// Put writes items down, in the place of what is held under the same
	// addresses, and removes those of drop, all at once. It returns when that
	// is durable; what many put at a time is written together.
	Put(items []Item, drop [][32]byte) error

	// Expire removes what is to be kept until now at most, a few items at a
	// time, and tells how many; 0 when nothing is left to remove.
	Expire(now time.Time) (int, error)

	// Victims returns items that make room, without their bytes: those of the
	// origin that holds the most, farthest from self first, then oldest. Of
	// them as many as hold n bytes.
	Victims(self [32]byte, n int64) ([]Item, error)

	// Items returns up to n items without their bytes, in the order of their
	// addresses and after the one given.
	Items(after [32]byte, n int) ([]Item, error)

	// Usage tells how many bytes are held, in all and for each origin.
	Usage() (total int64, origins map[netip.Prefix]int64, err error)
}

// Item is one package as it lies on a shelf.
type Item struct {
	Address   [32]byte
	Location  [32]byte
	Sum       [32]byte // SHA-256 of the core that it carries or buries
	Tombstone bool
	Expiry    uint32       // the hour that its writer has signed
	Until     time.Time    // when it is dropped
	Came      time.Time    // when it came here
	Origin    netip.Prefix // whence it came
	Bytes     []byte       // the package
}

// Asker is who asks a holder.
type Asker struct {
	ID    identity.ID  // public key of the node
	Node  Key          // KeyOf(ID)
	Addr  netip.Addr   // whence it asks
	Port  uint16       // and from which port
	Scope Scope        // in which it reached us
	From  netip.Prefix // Origin of its address
	Conn  uint64       // one connection, as long as the process lives
}

// Query is a question that a state machine wants asked.
type Query struct {
	Scope Scope
	To    *Contact
	Ask   Message
	Token uint64 // by which its asker knows it again
}

// Keeper is what a node needs of its holder, a *Holder. Questions come from
// many goroutines at once; each is answered when what it says is durable.
type Keeper interface {
	Store(now time.Time, from Asker, m Store) Stored
	GetMany(now time.Time, from Asker, m GetMany) Got
	Offer(now time.Time, from Asker, m Offer) Wanted
	Delete(now time.Time, from Asker, m Delete) Deleted

	// Watch answers with the lease. Until it ends, another Watch of the same
	// connection or Left, notify is called with what comes. It does not block.
	Watch(now time.Time, from Asker, m Watch, notify func(Notify)) Watching

	// Left says that a connection has ended.
	Left(conn uint64)

	// Fullness tells how full the space for packages is, in percent; 255 if it
	// cannot be written.
	Fullness() uint8

	// Repair returns the questions that are due, at most n of them, and when to
	// call it again. Each is asked once, and its end is told to Repaired. m is
	// nil if there was no answer; what is to be asked after it Repair tells.
	Repair(now time.Time, n int) (due []Query, next time.Time)
	Repaired(now time.Time, q Query, m Message)

	// Leave returns what is to be pushed to others before a graceful exit:
	// Stores and Deletes of packages that this node may be the last to hold.
	Leave(now time.Time) []Query
}

// Neighbours is what a holder needs of the node's tables.
type Neighbours interface {
	// Self is where the node is.
	Self() Key

	// Nearest returns the up to n servers nearest to a place that are known in
	// a scope, nearest first, the node itself not among them. In the wide scope
	// no two are of one origin, where the network is large enough.
	Nearest(s Scope, target Key, n int) []*Contact

	// Servers tells how many servers are known in a scope.
	Servers(s Scope) int

	// Departures tells which part of the neighbours has left in the last hour.
	Departures(s Scope) float64
}
