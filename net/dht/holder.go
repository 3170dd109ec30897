package dht

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dione/crypto/parcel"
)

// This file holds what a node does with the packages of others. The rules are:
//   - anybody may put a package that is signed, lies near this node and is not
//     expired; nobody replaces what another has put, but by its tombstone;
//   - who is told that a package is kept is told after it is durable;
//   - a shelf that fails makes a node that holds nothing, not one that stops;
//   - no lock is held during a call of the shelf, the neighbours or a watcher,
//     but those of the address and of eviction.

const (
	defaultCapacity = 512 << 20

	maxLife       = 14 * 24 * time.Hour // of a package, where there is space
	minLife       = 3 * 24 * time.Hour  // where there is none
	maxExpiry     = 15*24*time.Hour + time.Hour
	tombstoneLife = 48 // hours beyond the expiry

	// retryShelf is how long a shelf that could not be written is left alone.
	retryShelf = time.Minute
)

// HolderConfig configures a Holder. A zero field means its default.
type HolderConfig struct {
	Shelf    Shelf
	Capacity int64         // bytes of packages; 512 MiB
	Replicas int           // servers that should hold a package, at one place; 8
	Every    time.Duration // from one round of repair to the next, half of it while many leave; 1h
	Rand     *rand.Rand    // for the times of repair, used by nobody else; seeded by chance if nil
	Log      *slog.Logger  // nothing is logged if nil
}

// Holder keeps the packages of others on a Shelf, and sees to it that those
// who are nearest have them too. It is safe for concurrent use, and has no
// goroutines and no clock. It is a [Keeper]. All of its methods but Watch, Left
// and Fullness read from the shelf and ask the neighbours, so they are not
// called by who holds a lock that those want.
type Holder struct {
	cfg  HolderConfig
	near Neighbours

	writing  sync.RWMutex // for reading while something is written, for writing while it is counted
	evicting sync.Mutex   // one makes room for all

	mu      sync.Mutex // guards what follows
	usage   usage
	down    bool      // the last write has failed
	why     error     // of that
	retry   time.Time // when the next is tried
	busy    map[[32]byte]chan struct{}
	rates   rates
	shunned shunned
	marks   map[Hint]mark
	watches watches
	rounds  rounds
}

var _ Keeper = (*Holder)(nil)

// NewHolder returns a holder of what lies on its shelf already. Before anything
// else it has to be told of its neighbours, see [Holder.Join].
func NewHolder(cfg HolderConfig) *Holder {
	if cfg.Capacity == 0 {
		cfg.Capacity = defaultCapacity
	}
	if cfg.Replicas == 0 {
		cfg.Replicas = Replicas
	}
	if cfg.Every == 0 {
		cfg.Every = repairEvery
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Holder{cfg: cfg}
	h.count(time.Time{})
	return h
}

// Join tells the holder of the tables of its node.
func (h *Holder) Join(near Neighbours) { h.near = near }

// count reads from the shelf how much it holds.
func (h *Holder) count(now time.Time) {
	h.writing.Lock()
	defer h.writing.Unlock()
	total, origins, err := h.cfg.Shelf.Usage()
	if err != nil {
		h.failed(now, "count packages", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usage = usageOf(total, origins)
}

// failed tells of an error of the shelf. Until retry it is not written to.
func (h *Holder) failed(now time.Time, what string, err error) {
	h.mu.Lock()
	first := !h.down
	h.down, h.why, h.retry = true, err, now.Add(retryShelf)
	h.mu.Unlock()
	if first {
		h.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "packages of others cannot be kept", slog.String("at", what), slog.Any("err", err))
	}
}

// writable reports whether it makes sense to write to the shelf. Of those who
// ask while it fails, one a minute has to try.
func (h *Holder) writable(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down && now.Before(h.retry) {
		return false
	}
	if h.down {
		h.retry = now.Add(retryShelf)
	}
	return true
}

// put writes to the shelf, and finds out whether it fails.
func (h *Holder) put(now time.Time, items []Item, drop [][32]byte) bool {
	if err := h.cfg.Shelf.Put(items, drop); err != nil {
		h.failed(now, "write packages", err)
		return false
	}
	h.mu.Lock()
	again := h.down
	h.down, h.why = false, nil
	h.mu.Unlock()
	if again {
		h.cfg.Log.LogAttrs(context.Background(), slog.LevelInfo, "packages of others are kept again")
	}
	return true
}

// probe finds out whether a shelf that has failed can be written again.
func (h *Holder) probe(now time.Time) {
	h.mu.Lock()
	due := h.down && !now.Before(h.retry)
	h.mu.Unlock()
	if !due || !h.writable(now) {
		return
	}
	items, err := h.cfg.Shelf.Items([32]byte{}, 1)
	if err != nil || len(items) == 0 {
		return // the next package to come is the probe
	}
	defer h.lock(items[0].Address)()
	if x, err := h.find(now, items[0].Address); err == nil && x.there {
		h.put(now, []Item{x.Item}, nil)
	}
}

// lock waits until nobody else changes what is held under an address.
func (h *Holder) lock(address [32]byte) (unlock func()) {
	h.mu.Lock()
	for h.busy[address] != nil {
		wait := h.busy[address]
		h.mu.Unlock()
		<-wait
		h.mu.Lock()
	}
	if h.busy == nil {
		h.busy = make(map[[32]byte]chan struct{})
	}
	done := make(chan struct{})
	h.busy[address] = done
	h.mu.Unlock()
	h.writing.RLock()
	return func() {
		h.writing.RUnlock()
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.busy, address)
		close(done)
	}
}

// held is what lies under an address.
type held struct {
	Item
	there bool // something does
	stale bool // it is to be dropped
}

func (h *Holder) find(now time.Time, address [32]byte) (held, error) {
	items, err := h.cfg.Shelf.Find([]Hint{Hint(address[:])})
	if err != nil {
		h.failed(now, "read packages", err)
		return held{}, err
	}
	if len(items) == 0 || items[0].Address != address {
		return held{}, nil
	}
	return held{items[0], true, !items[0].Until.After(now)}, nil
}

// live reports whether something lies there that counts.
func (x *held) live() bool { return x.there && !x.stale }

// far reports whether so many servers are nearer to a place that it is no
// affair of this node.
func (h *Holder) far(s Scope, place Key) bool {
	return h.nearer(place, h.near.Nearest(s, place, neighbours)) >= neighbours
}

// nearer counts those who are nearer to a place than we are.
func (h *Holder) nearer(place Key, contacts []*Contact) (n int) {
	self := h.near.Self()
	for _, c := range contacts {
		if place.Nearer(c.Key, self) < 0 {
			n++
		}
	}
	return n
}

// neighbour reports whether the asker is one of the servers nearest to us.
func (h *Holder) neighbour(from Asker) bool {
	for _, c := range h.near.Nearest(from.Scope, h.near.Self(), neighbours) {
		if c.Key == from.Node {
			return true
		}
	}
	return false
}

// timely reports whether an expiry lies in the future, but not too far; slack
// is how many hours longer it counts.
func timely(now time.Time, expiry, slack uint32) bool {
	return now.Before(atHour(int64(expiry)+int64(slack))) && !atHour(int64(expiry)).After(now.Add(maxExpiry))
}

func atHour(hour int64) time.Time { return time.Unix(3600*hour, 0) }

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// Store holds a package, or says why not.
func (h *Holder) Store(now time.Time, from Asker, m Store) Stored {
	repair, ok := h.admit(now, from, h.neighbour(from))
	if !ok {
		return Stored{Result: Quota}
	}
	p, err := parcel.Check(m.Package)
	if err != nil || p.Kind != parcel.Data || !timely(now, p.Expiry, 0) {
		return Stored{Result: Bad}
	}
	if h.far(from.Scope, p.Location) {
		return Stored{Result: Far}
	}
	if !h.writable(now) {
		return Stored{Result: Full}
	}
	defer h.lock(p.Address)()
	old, err := h.find(now, p.Address)
	switch {
	case err != nil:
		return Stored{Result: Full}
	case old.live() && old.Tombstone:
		return Stored{Result: Gone, Proof: old.Bytes}
	case old.live() && old.Sum != p.Sum:
		return Stored{Result: Other, Proof: old.Bytes}
	}
	until, ok := h.until(now, p.Expiry, repair)
	if old.live() {
		return h.refresh(now, old.Item, p, m.Package, until)
	}
	hint := p.Address.Hint()
	if !ok {
		h.shun(now, hint)
		return Stored{Result: Full}
	}
	item := Item{
		Address: p.Address, Location: p.Location, Sum: p.Sum, Expiry: p.Expiry,
		Until: atHour(until), Came: now, Origin: from.From, Bytes: m.Package,
	}
	if r := h.add(now, item, old, repair); r != Kept {
		return Stored{Result: r}
	}
	h.tell(now, hint, m.Package)
	return Stored{Result: Kept, Until: uint32(until)}
}

// refresh keeps longer what is held already. Who came first is charged for it:
// nobody can have another's package counted among his own.
func (h *Holder) refresh(now time.Time, old Item, p parcel.Package, b []byte, until int64) Stored {
	until = max(until, hourOf(old.Until))
	if p.Expiry > old.Expiry || until > hourOf(old.Until) {
		item := old
		item.Until = atHour(until)
		if p.Expiry > old.Expiry {
			item.Expiry, item.Location, item.Bytes = p.Expiry, p.Location, b
		}
		if !h.put(now, []Item{item}, nil) {
			return Stored{Result: Full}
		}
	}
	return Stored{Result: Kept, Until: uint32(until)}
}

// add puts an item where nothing counts that is held.
func (h *Holder) add(now time.Time, item Item, old held, repair bool) Result {
	if r := h.reserve(now, &item, repair); r != Kept {
		return r
	}
	if !h.put(now, []Item{item}, nil) {
		h.charge(item.Origin, -item.size())
		return Full
	}
	if old.there {
		h.charge(old.Origin, -old.size())
	}
	return Kept
}

// size is how many bytes an item takes.
func (x *Item) size() int64 {
	if x.Tombstone {
		return parcel.TombstoneSize
	}
	return parcel.Size
}

// Delete puts a tombstone in the place of a package. Where none is held it is
// kept as a package would be: others may bring the package later.
func (h *Holder) Delete(now time.Time, from Asker, m Delete) Deleted {
	repair, ok := h.admit(now, from, h.neighbour(from))
	if !ok {
		return Deleted{Result: Quota}
	}
	p, err := parcel.Check(m.Tombstone)
	if err != nil || p.Kind != parcel.Tombstone || !timely(now, p.Expiry, tombstoneLife) {
		return Deleted{Result: Bad}
	}
	return h.bury(now, from, p, m.Tombstone, repair, false)
}

// bury puts a tombstone; only where its package is held if held is set.
func (h *Holder) bury(now time.Time, from Asker, p parcel.Package, b []byte, repair, only bool) Deleted {
	if !h.writable(now) {
		return Deleted{Result: Full}
	}
	defer h.lock(p.Address)()
	old, err := h.find(now, p.Address)
	if err != nil {
		return Deleted{Result: Full}
	}
	until := int64(p.Expiry) + tombstoneLife
	item := Item{
		Address: p.Address, Location: p.Location, Sum: p.Sum, Tombstone: true, Expiry: p.Expiry,
		Until: atHour(until), Came: now, Origin: from.From, Bytes: b,
	}
	switch {
	case !old.live():
		if only || h.far(from.Scope, p.Location) {
			return Deleted{Result: Far}
		}
		if r := h.add(now, item, old, repair); r != Kept {
			return Deleted{Result: r}
		}
	case old.Tombstone && old.Sum != p.Sum:
		return Deleted{Result: Other}
	case old.Tombstone:
		if p.Expiry <= old.Expiry {
			return Deleted{Result: Kept, Until: uint32(hourOf(old.Until))}
		}
		item.Origin, item.Came, item.Until = old.Origin, old.Came, later(item.Until, old.Until)
		if !h.put(now, []Item{item}, nil) {
			return Deleted{Result: Full}
		}
		return Deleted{Result: Kept, Until: uint32(hourOf(item.Until))}
	default:
		// It outlives what it buries: an old package that comes again finds it.
		item.Origin, item.Until = old.Origin, later(item.Until, atHour(int64(old.Expiry)+tombstoneLife))
		if !h.put(now, []Item{item}, nil) {
			return Deleted{Result: Full}
		}
		h.charge(old.Origin, item.size()-old.size())
	}
	h.tell(now, p.Address.Hint(), b)
	return Deleted{Result: Kept, Until: uint32(hourOf(item.Until))}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lookUp returns what counts of what is held under hints.
func (h *Holder) lookUp(now time.Time, hints []Hint) (map[Hint]Item, error) {
	items, err := h.cfg.Shelf.Find(hints)
	if err != nil {
		h.failed(now, "read packages", err)
		return nil, err
	}
	found := make(map[Hint]Item, len(items))
	for _, x := range items {
		if x.Until.After(now) {
			found[Hint(x.Address[:])] = x
		}
	}
	return found, nil
}

// GetMany returns what is held of what is asked for. A hint that is asked for
// twice counts once.
func (h *Holder) GetMany(now time.Time, _ Asker, m GetMany) (got Got) {
	found, err := h.lookUp(now, m.Hints)
	if err != nil {
		return Got{}
	}
	room, fits := MaxPackages, true
	for i, hint := range m.Hints {
		x, ok := found[hint]
		if !ok {
			continue
		}
		delete(found, hint)
		got.Held.Set(i)
		if fits = fits && len(x.Bytes) <= room; fits {
			got.Packages = append(got.Packages, x.Bytes)
			room -= len(x.Bytes)
		}
	}
	return got
}

// Left says that a connection has ended.
func (h *Holder) Left(conn uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.rates.conns, conn)
	h.watches.end(conn)
}

// Fullness tells how full the space for packages is, in percent; 255 if it
// cannot be written.
func (h *Holder) Fullness() uint8 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return 255
	}
	return uint8(min(100, h.usage.total*100/h.cfg.Capacity))
}

// Held tells how many bytes of packages are held.
func (h *Holder) Held() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.usage.total
}

// Problem tells why packages cannot be kept now, nil if they can.
func (h *Holder) Problem() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.why
}

// hintBits is a hint as a number, for maps that have many.
func hintBits(h Hint) uint64 { return binary.BigEndian.Uint64(h[:]) }
