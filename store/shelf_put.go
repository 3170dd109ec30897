package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// maxBatch is how many packages one transaction writes and drops, but for the
// last Put in it.
const maxBatch = 256

// put is one call of [Parcels.Put].
type put struct {
	items []Held
	drop  [][32]byte
	err   error
	done  chan struct{} // closed when err is known
}

// putQueue holds what waits to be written, oldest first.
type putQueue struct {
	mu      sync.Mutex
	waiting []*put
}

func (q *putQueue) add(w *put) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
}

// next takes the oldest, nil if nothing waits.
func (q *putQueue) next() *put {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	w := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return w
}

// Put removes what is held under the addresses of drop and writes items down,
// in the place of what is held under theirs: all of it or, after an error,
// nothing. It is durable when Put returns; what many put at a time is written
// together.
func (p *Parcels) Put(items []Held, drop [][32]byte) error {
	if n := len(items) + len(drop); n == 0 {
		return nil
	} else if n > MaxPut {
		return fmt.Errorf("put %w: %d packages at a time", ErrInvalid, n)
	}
	for i := range items {
		if n := len(items[i].Bytes); n == 0 || n > MaxHeld {
			return fmt.Errorf("put %w: a package of %d bytes", ErrInvalid, n)
		}
	}
	w := &put{items: items, drop: drop, done: make(chan struct{})}
	p.queue.add(w)
	for {
		select {
		case <-w.done:
			return w.err
		case p.writer <- struct{}{}:
			p.writeQueued()
			<-p.writer
		}
	}
}

// writeQueued writes some of what waits, in one transaction. The caller is the
// writer.
func (p *Parcels) writeQueued() {
	first := p.queue.next()
	if first == nil {
		return // another writer took it along
	}
	batch := []*put{first}
	err := p.write(func(tx *heldTx) error {
		start, n := time.Now(), 0
		for i := 0; ; i++ {
			w := batch[i]
			if err := tx.put(w); err != nil {
				return err
			}
			if n += len(w.items) + len(w.drop); n >= maxBatch || time.Since(start) >= patience {
				return nil
			}
			next := p.queue.next()
			if next == nil {
				return nil
			}
			batch = append(batch, next)
		}
	})
	for _, w := range batch {
		w.err = err
		close(w.done)
	}
	p.tidyWAL()
}

// heldTx is a transaction that writes.
type heldTx struct {
	p      *Parcels
	fresh  map[netip.Prefix]*origin // those that it has added
	rows   map[int64]*origin        // the same
	change map[*origin]int64
}

// write runs fn in one transaction, which is durable when write returns nil.
// Others can read before the disk has it, and meanwhile. The caller is the
// writer.
func (p *Parcels) write(fn func(*heldTx) error) error {
	if err := p.sync(); err != nil {
		return err
	}
	if db, err := p.use(func() error { return p.transact(fn) }); errors.Is(err, ErrDamaged) {
		return p.replace(db, err)
	} else if err != nil {
		return err
	}
	return p.sync()
}

// sync makes the disk take what it was given, if it has not yet. The caller is
// the writer, and leaves the connection to others.
func (p *Parcels) sync() error {
	if p.walFile == nil {
		return nil
	}
	err := errors.Join(p.walFile.sync(), p.dbFile.sync())
	if err == nil && p.moved {
		// SQLite writes over the WAL next. Lest a power cut then bring a part of
		// its old content back, its head goes first. Nobody reads it any more.
		if err = errors.Join(p.walFile.blot(), p.walFile.sync()); err == nil {
			p.wal, p.tidyAt, p.moved, p.blotted = 0, tidyPages, false, true
		}
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrDisk, err)
	}
	return nil
}

func (p *Parcels) transact(fn func(*heldTx) error) error {
	// If a WAL is begun again, no frame may be written under its old head.
	p.walFile.lazy = p.wal > 0 || p.blotted
	if err := p.db.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() { // also when fn panics
		if !done {
			p.undo()
		}
	}()
	tx := &heldTx{
		p:      p,
		fresh:  make(map[netip.Prefix]*origin),
		rows:   make(map[int64]*origin),
		change: make(map[*origin]int64),
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.flush(); err != nil {
		return err
	}

	if err := p.db.exec("COMMIT"); err != nil {
		return err
	}
	done = true
	p.held.apply(tx.change)
	return nil
}

// undo rolls the running transaction back, if SQLite has not done so itself.
func (p *Parcels) undo() {
	if p.db.GetAutocommit() {
		return
	}
	if err := p.db.exec("ROLLBACK"); err != nil {
		p.broken = fmt.Errorf("cannot roll back: %w", err)
		p.log.Error("rollback failed", slog.Any("error", err))
	}
}

func (tx *heldTx) put(w *put) error {
	for _, address := range w.drop {
		if err := tx.remove(address); err != nil {
			return err
		}
	}
	for i := range w.items {
		if err := tx.remove(w.items[i].Address); err != nil {
			return err
		}
		if err := tx.add(&w.items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (tx *heldTx) add(h *Held) error {
	o, err := tx.origin(h.Origin)
	if err != nil {
		return err
	}
	if err := tx.p.db.exec(`INSERT INTO parcel(hint, spot, origin, came, until, expiry, tombstone, address, location, sum, package)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, ordered([8]byte(h.Address[:])), ordered([8]byte(h.Location[:])), o.row,
		msOf(h.Came), msOf(h.Until), int64(h.Expiry), h.Tombstone, h.Address[:], h.Location[:], h.Sum[:], h.Bytes); err != nil {
		return err
	}
	tx.change[o] += int64(len(h.Bytes))
	return nil
}

// origin returns the row of an origin, which may be new.
func (tx *heldTx) origin(prefix netip.Prefix) (*origin, error) {
	if !prefix.IsValid() {
		prefix = netip.Prefix{}
	}
	if o := tx.p.held.origins[prefix]; o != nil {
		return o, nil
	}
	if o := tx.fresh[prefix]; o != nil {
		return o, nil
	}
	b, err := prefixBytes(prefix)
	if err != nil {
		return nil, err
	}
	if err := tx.p.db.exec("INSERT INTO origin(prefix, bytes) VALUES(?, 0)", b); err != nil {
		return nil, err
	}
	o := &origin{row: tx.p.db.LastInsertRowID(), prefix: prefix}
	tx.fresh[prefix], tx.rows[o.row] = o, o
	return o, nil
}

// remove removes what is held under an address, if anything is.
func (tx *heldTx) remove(address [32]byte) error {
	var row, from, size int64
	found, err := tx.p.db.one("SELECT id, origin, length(package) FROM parcel WHERE hint = ? AND address = ?", func(s *sqlite3.Stmt) {
		row, from, size = s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)
	}, ordered([8]byte(address[:])), address[:])
	if err != nil || !found {
		return err
	}
	return tx.removeRow(row, from, size)
}

func (tx *heldTx) removeRow(row, from, size int64) error {
	o := cmp.Or(tx.p.held.rows[from], tx.rows[from])
	if o == nil {
		return fmt.Errorf("%w: a package of no origin", ErrDamaged)
	}
	if err := tx.p.db.exec("DELETE FROM parcel WHERE id = ?", row); err != nil {
		return err
	}
	tx.change[o] -= size
	return nil
}

// flush writes down what each origin holds now.
func (tx *heldTx) flush() error {
	for o, d := range tx.change {
		bytes := o.bytes + d
		query := "UPDATE origin SET bytes = ?2 WHERE id = ?1"
		if bytes <= 0 {
			query = "DELETE FROM origin WHERE id = ?1 AND ?2 = 0"
		}
		if err := tx.p.db.exec(query, o.row, bytes); err != nil {
			return err
		}
		if tx.p.db.Changes() != 1 {
			return fmt.Errorf("%w: an origin that holds %d bytes", ErrDamaged, bytes)
		}
	}
	return nil
}

// apply takes what a transaction has changed.
func (l *ledger) apply(change map[*origin]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for o, d := range change {
		l.total += d
		if o.bytes += d; o.bytes == 0 {
			delete(l.origins, o.prefix)
			delete(l.rows, o.row)
		} else {
			l.origins[o.prefix], l.rows[o.row] = o, o
		}
	}
}
