package sim

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"dione/net/dht"
)

// Shelf is a dht.Shelf in memory. It keeps the bytes that it is given, without
// a copy, so that what many simulated nodes hold lies in memory once. The zero
// value is empty and takes no more than itself.
type Shelf struct {
	mu      sync.Mutex
	total   int64
	records map[dht.Hint]*record
	origins map[netip.Prefix]int64
}

var _ dht.Shelf = (*Shelf)(nil)

// record is a dht.Item without what its bytes say.
type record struct {
	address, sum [32]byte
	until, came  int64 // unix milliseconds
	origin       netip.Prefix
	bytes        []byte
	next         *record // another whose address begins in the same way
}

// Where things are in a package: crypto/PROTOCOL.md, section 9.
const (
	kindAt, tombstone = 1, 2
	expiryAt          = 2
	locationAt        = 6
)

func (r *record) location() [32]byte { return [32]byte(r.bytes[locationAt:]) }

func (r *record) item() dht.Item {
	return dht.Item{
		Address:   r.address,
		Location:  r.location(),
		Sum:       r.sum,
		Tombstone: r.bytes[kindAt] == tombstone,
		Expiry:    binary.BigEndian.Uint32(r.bytes[expiryAt:]),
		Until:     time.UnixMilli(r.until),
		Came:      time.UnixMilli(r.came),
		Origin:    r.origin,
	}
}

// Find returns the items whose address begins with one of hints.
func (s *Shelf) Find(hints []dht.Hint) (items []dht.Item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, hint := range hints {
		if r := s.records[hint]; r != nil {
			item := r.item()
			item.Bytes = r.bytes
			items = append(items, item)
		}
	}
	return items, nil
}

// Put writes items down and removes those of drop.
func (s *Shelf) Put(items []dht.Item, drop [][32]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, address := range drop {
		s.remove(address)
	}
	for _, x := range items {
		s.remove(x.Address)
		if s.records == nil {
			s.records, s.origins = make(map[dht.Hint]*record), make(map[netip.Prefix]int64)
		}
		hint := dht.Hint(x.Address[:])
		s.records[hint] = &record{x.Address, x.Sum, x.Until.UnixMilli(), x.Came.UnixMilli(), x.Origin, x.Bytes, s.records[hint]}
		s.charge(x.Origin, int64(len(x.Bytes)))
	}
	return nil
}

func (s *Shelf) remove(address [32]byte) {
	hint := dht.Hint(address[:])
	var before *record
	for r := s.records[hint]; r != nil; before, r = r, r.next {
		if r.address != address {
			continue
		}
		switch {
		case before != nil:
			before.next = r.next
		case r.next != nil:
			s.records[hint] = r.next
		default:
			delete(s.records, hint)
		}
		s.charge(r.origin, -int64(len(r.bytes)))
		return
	}
}

func (s *Shelf) charge(p netip.Prefix, n int64) {
	s.total += n
	if s.origins[p] += n; s.origins[p] == 0 {
		delete(s.origins, p)
	}
}

// all returns the records that match, in no order.
func (s *Shelf) all(match func(*record) bool) (found []*record) {
	for _, r := range s.records {
		for ; r != nil; r = r.next {
			if match(r) {
				found = append(found, r)
			}
		}
	}
	return found
}

// Expire removes what is to be kept until now at most.
func (s *Shelf) Expire(now time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	expired := s.all(func(r *record) bool { return r.until <= now.UnixMilli() })
	for _, r := range expired {
		s.remove(r.address)
	}
	return len(expired), nil
}

// Victims returns items that make room.
func (s *Shelf) Victims(self [32]byte, n int64) (items []dht.Item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var most netip.Prefix
	for p, bytes := range s.origins {
		if c := cmp.Compare(bytes, s.origins[most]); c > 0 || c == 0 && p.Compare(most) < 0 {
			most = p
		}
	}
	victims := s.all(func(r *record) bool { return r.origin == most })
	slices.SortFunc(victims, func(a, b *record) int {
		return cmp.Or(
			dht.Key(self).Nearer(b.location(), a.location()),
			cmp.Compare(a.came, b.came),
			bytes.Compare(a.address[:], b.address[:]),
		)
	})
	for _, r := range victims {
		if n <= 0 {
			break
		}
		n -= int64(len(r.bytes))
		items = append(items, r.item())
	}
	return items, nil
}

// Items returns up to n items in the order of their addresses.
func (s *Shelf) Items(after [32]byte, n int) (items []dht.Item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.all(func(r *record) bool { return bytes.Compare(r.address[:], after[:]) > 0 })
	slices.SortFunc(next, func(a, b *record) int { return bytes.Compare(a.address[:], b.address[:]) })
	for _, r := range next[:min(n, len(next))] {
		items = append(items, r.item())
	}
	return items, nil
}

// Usage tells how many bytes are held.
func (s *Shelf) Usage() (total int64, origins map[netip.Prefix]int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total, maps.Clone(s.origins), nil
}
