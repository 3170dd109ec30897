package store

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// These rule how much old content stays in the WAL, where nothing overwrites
// it: keys that were erased must be gone soon, not at the next start.
const (
	idleBefore   = 2 * time.Second // quiet time before the WAL is emptied
	maxCommits   = 1000            // commits after which it is emptied anyway
	checkAfter   = 10 * time.Second
	checkAgainIn = 5 * time.Second // when somebody needed the connection
)

// care is what the store does when nobody asks: it empties the WAL and, once
// after the start, checks the file. One goroutine does it.
type care struct {
	commits  int       // since the WAL was emptied
	last     time.Time // the last commit
	armed    bool      // a timer runs for it
	wake     chan struct{}
	quit     chan struct{}
	done     chan struct{}
	checking atomic.Pointer[context.CancelFunc]
}

func (c *care) giveWay() {
	if cancel := c.checking.Load(); cancel != nil {
		(*cancel)()
	}
}

func (c *care) stop() {
	close(c.quit)
	c.giveWay()
	<-c.done
}

// committed counts a commit. The caller has the connection.
func (s *Store) committed() {
	c := &s.care
	c.last = time.Now()
	if c.commits++; c.commits >= maxCommits {
		s.emptyWAL()
	}
	if !c.armed {
		c.armed = true
		c.wake <- struct{}{} // never full: armed is false only after it was taken
	}
}

// emptyWAL moves all content into the database and cuts the WAL to nothing.
func (s *Store) emptyWAL() {
	s.care.commits = 0
	if err := s.db.checkpoint(); err != nil {
		s.log.Warn("checkpoint failed", slog.Any("error", explain(context.Background(), err)))
	}
}

func (s *Store) runCare() {
	defer close(s.care.done)
	tidy := time.NewTimer(idleBefore)
	tidy.Stop()
	check := time.NewTimer(checkAfter)
	defer check.Stop()
	defer tidy.Stop()
	for {
		select {
		case <-s.care.wake:
			tidy.Reset(idleBefore)
		case <-tidy.C:
			if rest := s.tidy(); rest > 0 {
				tidy.Reset(rest)
			}
		case <-check.C:
			if !s.checkFile() {
				check.Reset(checkAgainIn)
			}
		case <-s.care.quit:
			return
		}
	}
}

// tidy empties the WAL if it was quiet for long enough, or returns how long
// that still takes.
func (s *Store) tidy() time.Duration {
	if s.begin(context.Background()) != nil {
		return 0 // closed, which empties it too
	}
	defer s.end()
	if rest := idleBefore - time.Since(s.care.last); rest > 0 {
		return rest
	}
	s.care.armed = false
	s.emptyWAL()
	return 0
}

// checkFile looks through the whole file, unless somebody needs the connection
// meanwhile. It reports whether it came to an end.
func (s *Store) checkFile() (done bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.care.checking.Store(&cancel)
	defer s.care.checking.Store(nil)
	if s.begin(ctx) != nil {
		return false
	}
	defer s.end()
	err := explain(ctx, s.db.quickCheck())
	if ctx.Err() != nil {
		return false
	}
	if errors.Is(err, ErrDamaged) {
		s.broken = err
	}
	if err != nil {
		s.log.Error("check of the database failed", slog.Any("error", err))
	}
	return true
}
