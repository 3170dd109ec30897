package plain

import (
	"context"

	"dione/net/messenger"
	"dione/tui/record"
)

// This file tells how many messages of a person are missing: numbers that they
// have skipped, as far as is known from what came in this run.

// maxMissing bounds the numbers that are remembered of one person; beyond it
// nothing is said any more, since nothing right could be.
const maxMissing = 4096

// gap is what is missing of one person's messages.
type gap struct {
	newest  uint64 // highest number that came; 0: unknown
	missing map[uint64]struct{}
	lost    bool // there were too many
}

// received tells of a message of somebody, and of those missing before it.
func (s *session) received(ctx context.Context, m messenger.Message, from messenger.Person) {
	s.seen = m.Row
	s.print(record.MessageOf(m, from))
	s.number(ctx, m, from)
}

// number takes the number of what somebody wrote, of whatever kind.
func (s *session) number(ctx context.Context, m messenger.Message, from messenger.Person) {
	if m.Chat.IsRoom() {
		return // what was written there while nobody was near is missed by nobody
	}
	g := s.gaps[m.From]
	if g == nil {
		g = &gap{newest: s.before(ctx, m), missing: make(map[uint64]struct{})}
		s.gaps[m.From] = g
	}
	if n, changed := g.take(m.Seq); changed {
		s.print(record.MissingOf(from, n))
	}
}

// before returns the highest number of the author of m that was committed
// before it, 0 if there is none near the end of the chat.
func (s *session) before(ctx context.Context, m messenger.Message) (newest uint64) {
	const near = 100
	page, err := s.client.History(ctx, m.Chat, messenger.Cursor{}, near)
	if err != nil {
		return 0
	}
	last, err := s.client.After(ctx, max(0, m.Row-near), near) // with changes, which History leaves out
	if err != nil {
		return 0
	}
	for _, other := range append(page, last...) {
		if other.Chat == m.Chat && other.From == m.From && other.Row < m.Row {
			newest = max(newest, other.Seq)
		}
	}
	return newest
}

// take notes that a message has come, and returns how many are missing now and
// whether that is something else than before.
func (g *gap) take(seq uint64) (missing int, changed bool) {
	if g.newest == 0 {
		g.newest = seq
	}
	if seq <= g.newest {
		_, changed = g.missing[seq]
		delete(g.missing, seq)
		return len(g.missing), changed && !g.lost
	}
	skipped := seq - g.newest - 1
	if skipped > maxMissing-uint64(len(g.missing)) {
		g.lost = true
		clear(g.missing)
	}
	if !g.lost {
		for n := g.newest + 1; n < seq; n++ {
			g.missing[n] = struct{}{}
		}
	}
	g.newest = seq
	return len(g.missing), skipped > 0 && !g.lost
}
