package store

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/ncruces/go-sqlite3"
)

const (
	// maxFind is how many packages are looked for in one turn.
	maxFind = 64

	// maxVictims is how many packages one question for victims is answered
	// with: they lie anywhere, each on a page of its own.
	maxVictims = 256

	heldColumns = "address, location, sum, tombstone, expiry, until, came, origin, "
)

// ordered turns the beginning of an address into the number that stands for it
// in the database: in the same order, though SQLite's numbers are signed.
func ordered(b [8]byte) int64 { return int64(binary.BigEndian.Uint64(b[:]) ^ 1<<63) }

// scan reads heldColumns and, behind them, the package or its length.
func (p *Parcels) scan(s *sqlite3.Stmt) (h Held, size int64, err error) {
	o := p.held.rows[s.ColumnInt64(7)]
	for i, to := range []*[32]byte{&h.Address, &h.Location, &h.Sum} {
		if b := s.ColumnRawBlob(i); copy(to[:], b) != len(to) || len(b) != len(to) {
			o = nil
		}
	}
	if o == nil {
		return Held{}, 0, fmt.Errorf("%w: a package of no address or origin", ErrDamaged)
	}
	h.Tombstone, h.Expiry = s.ColumnBool(3), uint32(s.ColumnInt64(4))
	h.Until, h.Came, h.Origin = timeOf(s.ColumnInt64(5)), timeOf(s.ColumnInt64(6)), o.prefix
	if s.ColumnType(8) == sqlite3.BLOB {
		h.Bytes = s.ColumnBlob(8, nil)
		return h, int64(len(h.Bytes)), nil
	}
	return h, s.ColumnInt64(8), nil
}

// Find returns the packages whose address begins with one of hints, at most
// one of each, in the order of hints and without what has none.
func (p *Parcels) Find(hints [][8]byte) ([]Held, error) {
	if len(hints) > MaxPut {
		return nil, fmt.Errorf("find %w: %d packages at a time", ErrInvalid, len(hints))
	}
	var all []Held
	for len(hints) > 0 {
		some := hints[:min(maxFind, len(hints))]
		hints = hints[len(some):]
		if err := p.view(func() error {
			for _, hint := range some {
				if err := p.db.query("SELECT "+heldColumns+"package FROM parcel WHERE hint = ? LIMIT 1", func(s *sqlite3.Stmt) error {
					h, _, err := p.scan(s)
					all = append(all, h)
					return err
				}, ordered(hint)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return nil, fmt.Errorf("find packages: %w", err)
		}
	}
	return all, nil
}

// Items returns up to n packages without their bytes, in the order of their
// addresses and after the one given, but at most [MaxPut].
func (p *Parcels) Items(after [32]byte, n int) ([]Held, error) {
	n = min(n, MaxPut)
	var all []Held
	for n > 0 {
		some, was := min(n, maxVictims), len(all)
		n -= some
		if err := p.view(func() error {
			return p.db.query("SELECT "+heldColumns+`length(package) FROM parcel
				WHERE (hint, address) > (?, ?) ORDER BY hint, address LIMIT ?`, func(s *sqlite3.Stmt) error {
				h, _, err := p.scan(s)
				all = append(all, h)
				return err
			}, ordered([8]byte(after[:])), after[:], some)
		}); err != nil {
			return nil, fmt.Errorf("list packages: %w", err)
		}
		if len(all)-was < some {
			break
		}
		after = all[len(all)-1].Address
	}
	return all, nil
}

// Victims returns packages that make room, without their bytes: those of the
// origin that holds the most, farthest from self first, then oldest. Of them
// as many as hold n bytes, but a few hundred at most. Distance is that of the
// first 8 bytes of the location.
func (p *Parcels) Victims(self [32]byte, n int64) ([]Held, error) {
	w := victims{p: p, self: binary.BigEndian.Uint64(self[:]), need: n}
	err := p.view(func() error {
		o := p.held.largest()
		if o == nil || n <= 0 {
			return nil
		}
		w.origin = o.row
		return w.visit(0, 1<<64-1)
	})
	if err != nil {
		return nil, fmt.Errorf("find victims: %w", err)
	}
	return w.found, nil
}

// largest returns the origin that holds the most, of equals the first.
func (l *ledger) largest() (most *origin) {
	for _, o := range l.origins {
		if most == nil || o.bytes > most.bytes || o.bytes == most.bytes && o.prefix.Compare(most.prefix) < 0 {
			most = o
		}
	}
	return most
}

// victims walks through what one origin holds, as through a binary tree of
// which it looks only at nodes where paths part.
type victims struct {
	p      *Parcels
	origin int64
	self   uint64
	need   int64
	found  []Held
}

func (w *victims) enough() bool { return w.need <= 0 || len(w.found) >= maxVictims }

// visit collects what lies between two spots, farthest first.
func (w *victims) visit(low, high uint64) error {
	if w.enough() {
		return nil
	}
	first, any, err := w.edge("ORDER BY spot LIMIT 1", low, high)
	if err != nil || !any {
		return err
	}
	last, _, err := w.edge("ORDER BY spot DESC LIMIT 1", low, high)
	if err != nil {
		return err
	}
	if first == last {
		return w.collect(first)
	}
	bit := uint64(1) << (bits.Len64(first^last) - 1) // the highest in which any differ
	middle := last &^ (bit - 1)
	far, near := [2]uint64{middle, last}, [2]uint64{first, middle - 1}
	if w.self&bit != 0 {
		far, near = near, far
	}
	if err := w.visit(far[0], far[1]); err != nil {
		return err
	}
	return w.visit(near[0], near[1])
}

// edge returns the first or last spot that is between two.
func (w *victims) edge(which string, low, high uint64) (spot uint64, any bool, err error) {
	any, err = w.p.db.one("SELECT spot FROM parcel WHERE origin = ? AND spot BETWEEN ? AND ? "+which, func(s *sqlite3.Stmt) {
		spot = uint64(s.ColumnInt64(0)) ^ 1<<63
	}, w.origin, int64(low^1<<63), int64(high^1<<63))
	return spot, any, err
}

// collect takes what lies at one spot, the oldest first.
func (w *victims) collect(spot uint64) error {
	return w.p.db.query("SELECT "+heldColumns+`length(package) FROM parcel
		WHERE origin = ? AND spot = ? ORDER BY came, id LIMIT ?`, func(s *sqlite3.Stmt) error {
		h, size, err := w.p.scan(s)
		if err == nil && !w.enough() {
			w.found = append(w.found, h)
			w.need -= size
		}
		return err
	}, w.origin, int64(spot^1<<63), maxVictims-len(w.found))
}
