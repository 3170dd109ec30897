package store

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// This file keeps the files small. Room that packages leave is used again; what
// is more than a slack goes back to the disk, a few pages at a time.

const (
	// maxExpire is how many packages one turn removes.
	maxExpire = 64

	// tidyPages is how many pages the WAL has before it is emptied: few, since
	// nobody can read meanwhile.
	tidyPages = 256

	// A file may have so many free pages, and one in slackPart of all.
	slackPages = 256
	slackPart  = 32

	// vacuumPages is how many free pages go at a time, vacuumTurns how often
	// one call does that at most.
	vacuumPages = 16
	vacuumTurns = 50
)

// Expire removes what is to be kept until now at most, a few packages at a
// time, and tells how many; 0 when nothing is left to remove. Then it gives
// room back to the disk.
func (p *Parcels) Expire(now time.Time) (n int, err error) {
	p.writer <- struct{}{}
	defer func() { <-p.writer }()
	if err := p.write(func(tx *heldTx) (err error) {
		n, err = tx.expire(now)
		return err
	}); err != nil {
		return 0, fmt.Errorf("remove old packages: %w", err)
	}
	p.tidyWAL()
	for range vacuumTurns {
		more, err := p.vacuum()
		if err != nil {
			return n, fmt.Errorf("give room back: %w", err)
		}
		p.tidyWAL()
		if !more || n > 0 {
			break
		}
	}
	return n, nil
}

func (tx *heldTx) expire(now time.Time) (n int, err error) {
	type old struct{ row, from, size int64 }
	var all []old
	if err := tx.p.db.query("SELECT id, origin, length(package) FROM parcel WHERE until <= ? ORDER BY until LIMIT ?", func(s *sqlite3.Stmt) error {
		all = append(all, old{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)})
		return nil
	}, now.UnixMilli(), maxExpire); err != nil {
		return 0, err
	}
	for start := time.Now(); n < len(all) && (n == 0 || time.Since(start) < patience); n++ {
		if err := tx.removeRow(all[n].row, all[n].from, all[n].size); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// vacuum gives some free pages back to the disk, if there are too many, and
// reports whether there still are. The caller is the writer.
func (p *Parcels) vacuum() (more bool, err error) {
	surplus := 0

	err = p.write(func(*heldTx) error {
		if surplus, err = p.surplus(); err != nil {
			return err
		}
		for start := time.Now(); surplus > 0 && time.Since(start) < patience; surplus -= vacuumPages {
			if err := p.db.exec("PRAGMA incremental_vacuum(" + strconv.Itoa(vacuumPages) + ")"); err != nil {
				return err
			}
		}
		return nil
	})
	return surplus > 0, err
}

// surplus counts the free pages that are too many.
func (p *Parcels) surplus() (int, error) {
	var n [2]int
	for i, name := range []string{"PRAGMA freelist_count", "PRAGMA page_count"} {
		if _, err := p.db.one(name, func(s *sqlite3.Stmt) { n[i] = s.ColumnInt(0) }); err != nil {
			return 0, err
		}
	}
	return n[0] - slackPages - n[1]/slackPart, nil
}

// tidyWAL moves what is in the WAL into the database once that is enough. The
// WAL keeps its size, and is written from its beginning again. The caller is
// the writer.
func (p *Parcels) tidyWAL() {
	if p.wal < p.tidyAt || p.sync() != nil {
		return
	}
	_, err := p.use(func() error {
		p.tidyAt = p.wal + tidyPages // if this fails, not at every commit
		p.dbFile.lazy = true
		defer func() { p.dbFile.lazy = false }()
		all, done, err := p.db.WALCheckpoint("main", sqlite3.CHECKPOINT_PASSIVE)
		p.moved = err == nil && all == done
		return err
	})
	if err = errors.Join(err, p.sync()); err != nil {
		p.log.Warn("checkpoint of held packages failed", slog.Any("error", err))
	}
}
