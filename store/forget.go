package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// This file deletes messages from this disk: a whole chat because the user
// says so, or what is older than the user wants to keep. The rules are:
//   - a message goes with its words in the index, its former texts, what was
//     done to it and what was to be sent for it, and no page of the file holds
//     a piece of it any more: see care.go;
//   - what waits to be sent is not deleted: it goes when it does not wait any
//     more. Of a deleted chat nothing waits but the deletions that the user has
//     promised to others;
//   - an author's numbers go on where they were, and so do places, so that
//     nothing that comes later is taken for late, or for read;
//   - what comes once more is known for a time, though it was deleted;
//   - it is done in small steps, and a chat knows until the last one that it is
//     to be deleted: so nobody waits for it and nothing is left half done.

const (
	// knownFor is how long after it came a deleted message is known when it
	// comes again: longer than the mail network and a device that was away
	// keep one.
	knownFor = 90 * 24 * time.Hour

	// MaxKeep is the longest time for which messages may be kept, and still
	// not for good.
	MaxKeep = 100 * 366 * 24 * time.Hour

	// sweepPage is how many messages are looked at in one go.
	sweepPage = 200
)

// Retain says for how long the messages of a chat are kept; 0: for good.
func (tx *Tx) Retain(in Chat, keep time.Duration) (ChatInfo, error) {
	if keep < 0 || keep > MaxKeep {
		return ChatInfo{}, fmt.Errorf("time to keep %w: %v", ErrInvalid, keep)
	}
	if !tx.writes {
		return ChatInfo{}, errReadOnly
	}
	c, err := tx.addChat(in)
	if err != nil {
		return ChatInfo{}, err
	}
	c.keep = keep.Milliseconds()
	tx.changed(c)
	return tx.info(c)
}

// DeleteChat has every message of a chat deleted that is there now, by the next
// calls of [Tx.Sweep]. What waits is given up, but for deletions.
func (tx *Tx) DeleteChat(in Chat) error {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return err
	}
	peer, err := tx.peer(in.Peer)
	if err != nil {
		return err
	}
	which, args := "o.dest = ? AND o.expires = 0", []any{peer}
	if in.IsRoom() {
		which, args = "o.expires > 0", nil
	}
	waiting, err := tx.messages("WHERE kind <> 3 AND id IN (SELECT o.message FROM outbox o WHERE "+which+") ORDER BY id", args...)
	if err != nil {
		return err
	}
	for _, m := range waiting {
		if _, err := tx.Fail(m, "deleted"); err != nil {
			return err
		}
	}
	if err := tx.exec("DELETE FROM draft WHERE chat = ?", c.row); err != nil {
		return err
	}
	if c.doomed, err = tx.NewestRow(); err != nil {
		return err
	}
	tx.changed(c)
	return nil
}

// Swept tells what was deleted of a chat.
type Swept struct {
	Info  ChatInfo
	N     int       // texts
	Whole bool      // the chat was to be deleted, and nothing is left of it
	Until time.Time // else: what came before this
}

// Sweep deletes the next n messages that are to go, and tells whose they were
// and whether there are more.
func (tx *Tx) Sweep(now time.Time, n int) (swept []Swept, more bool, err error) {
	if err := tx.flush(); err != nil {
		return nil, false, err
	}
	var chats []*chat
	if err := tx.query("SELECT "+chatColumns+" WHERE c.doomed > 0 OR c.keep > 0", func(s *sqlite3.Stmt) error {
		chats = append(chats, tx.keepChat(s))
		return nil
	}); err != nil {
		return nil, false, err
	}
	for _, c := range chats {
		w := sweep{tx: tx, c: c, now: now, room: n, days: make(map[int64]struct{})}
		if err := w.run(); err != nil {
			return nil, false, err
		}
		n = w.room
		one := Swept{N: w.texts, Until: w.before(), Whole: c.doomed > 0 && n > 0}
		if one.Whole && !w.waits {
			c.doomed = 0
			tx.changed(c)
		}
		if w.gone == 0 && (!one.Whole || w.waits) {
			continue
		}
		if one.Info, err = tx.info(c); err != nil {
			return nil, false, err
		}
		swept = append(swept, one)
		if n == 0 {
			return swept, true, nil
		}
	}
	return swept, false, tx.exec("DELETE FROM forgotten WHERE until <= ?", now.UnixMilli())
}

// sweep is the work on one chat.
type sweep struct {
	tx     *Tx
	c      *chat
	now    time.Time
	room   int                // messages that may still be deleted
	queued map[int64]struct{} // rows that wait in the outbox
	days   map[int64]struct{} // on which what was deleted had come
	gone   int
	texts  int
	waits  bool // something that is to go is waited for
}

// errEnough ends a sweep that has done its part.
var errEnough = errors.New("enough for one step")

// before is the time before which messages are too old; zero: none is.
func (w *sweep) before() time.Time {
	if w.c.keep == 0 {
		return time.Time{}
	}
	return w.now.Add(-time.Duration(w.c.keep) * time.Millisecond)
}

func (w *sweep) run() error {
	if err := w.waiting(); err != nil {
		return err
	}
	for _, kind := range []string{"kind = 0", "kind > 0"} {
		if err := w.kind(kind); err != nil && !errors.Is(err, errEnough) {
			return err
		} else if err != nil {
			break
		}
	}
	// Of a day of which nothing is left, nobody needs to know.
	for day := range w.days {
		if err := w.tx.exec("DELETE FROM day WHERE day = ? AND NOT EXISTS(SELECT 1 FROM message WHERE id BETWEEN day.first AND day.last)", day); err != nil {
			return err
		}
	}
	return nil
}

// waiting notes what waits in the outbox.
func (w *sweep) waiting() error {
	w.queued = make(map[int64]struct{})
	query, args := "SELECT message FROM outbox WHERE expires > 0", []any(nil)
	if !w.c.of.IsRoom() {
		peer, err := w.tx.peer(w.c.of.Peer)
		if err != nil {
			return err
		}
		query, args = "SELECT message FROM outbox WHERE dest = ?", []any{peer}
	}
	return w.tx.query(query, func(s *sqlite3.Stmt) error {
		w.queued[s.ColumnInt64(0)] = struct{}{}
		return nil
	}, args...)
}

// doomed is a message that may have to go.
type doomed struct {
	row, sender, seq, arrived   int64
	uid                         []byte
	pos                         float64
	late, mine, erased, mention bool
	kind                        Kind
	text                        string
}

const doomedColumns = "id, sender, seq, arrived, uid, pos, late, state <> 0, deleted, mentioned, kind, text"

func (w *sweep) read(query string, args ...any) (all []doomed, err error) {
	err = w.tx.query("SELECT "+doomedColumns+" FROM message "+query, func(s *sqlite3.Stmt) error {
		all = append(all, doomed{
			row: s.ColumnInt64(0), sender: s.ColumnInt64(1), seq: s.ColumnInt64(2), arrived: s.ColumnInt64(3),
			uid: s.ColumnBlob(4, nil), pos: s.ColumnFloat(5), late: s.ColumnBool(6), mine: s.ColumnBool(7),
			erased: s.ColumnBool(8), mention: s.ColumnBool(9), kind: Kind(s.ColumnInt(10)), text: s.ColumnText(11),
		})
		return nil
	}, args...)
	return all, err
}

// kind goes through the messages of a kind, the oldest first, until none of
// many is too old.
func (w *sweep) kind(which string) error {
	before := w.before().UnixMilli()
	for at := (Cursor{}); ; {
		page, err := w.read("WHERE chat = ? AND "+which+" AND (pos, id) > (?, ?) ORDER BY pos, id LIMIT ?", w.c.row, at.Pos, at.Row, sweepPage)
		if err != nil {
			return err
		}
		goes := 0
		for _, m := range page {
			at = Cursor{m.pos, m.row}
			whole := m.row <= w.c.doomed
			// A deletion goes with what it deletes, which may still come.
			old := w.c.keep > 0 && m.arrived < before && m.kind != KindDeletion
			if !whole && !old {
				continue
			}
			goes++
			if _, waits := w.queued[m.row]; waits {
				w.waits = w.waits || whole
				continue
			}
			if err := w.forget(m); err != nil {
				return err
			}
		}
		if len(page) < sweepPage || goes == 0 && w.c.doomed == 0 {
			return nil
		}
	}
}

// forget deletes a message, and if it is a text what was done to it.
func (w *sweep) forget(m doomed) error {
	if w.room == 0 {
		return errEnough
	}
	if m.kind == KindText {
		changes, err := w.read("WHERE target = ? AND author = ? AND kind > 0 AND chat = ?", m.uid, m.sender, w.c.row)
		if err != nil {
			return err
		}
		for _, change := range changes {
			if _, waits := w.queued[change.row]; !waits {
				if err := w.remove(change); err != nil {
					return err
				}
			}
		}
	}
	w.room--
	return w.remove(m)
}

// remove takes one row out of every table.
func (w *sweep) remove(m doomed) error {
	tx, c := w.tx, w.c
	if m.kind == KindText && !m.erased {
		if err := tx.unindex(m.row, c.row, m.sender, m.text); err != nil {
			return err
		}
	}
	for _, query := range []string{
		"DELETE FROM original WHERE message = ?", "DELETE FROM reaction WHERE message = ?",
		"DELETE FROM envelope WHERE message = ?", "DELETE FROM message WHERE id = ?",
	} {
		if err := tx.exec(query, m.row); err != nil {
			return err
		}
	}
	if !m.late {
		if err := tx.exec(`INSERT INTO gone(chat, sender, seq) VALUES(?, ?, ?)
			ON CONFLICT(chat, sender) DO UPDATE SET seq = max(seq, excluded.seq)`, c.row, m.sender, m.seq); err != nil {
			return err
		}
	}
	if known := m.arrived + knownFor.Milliseconds(); !m.mine && known > w.now.UnixMilli() {
		if err := tx.exec("INSERT INTO forgotten(uid, chat, sender, until) VALUES(?, ?, ?, ?)", m.uid, c.row, m.sender, known); err != nil {
			return err
		}
	}
	w.gone++
	w.days[dayOf(time.UnixMilli(m.arrived))] = struct{}{}
	c.top = max(c.top, m.pos)
	tx.changed(c)
	if m.kind != KindText {
		return nil
	}
	w.texts++
	if !m.mine && m.pos > c.read {
		c.unread = max(0, c.unread-1)
		if m.mention {
			c.mentions = max(0, c.mentions-1)
		}
	}
	return nil
}

// isForgotten reports whether a message of somebody else was deleted here.
func (tx *Tx) isForgotten(id MessageID, chat, sender int64) (bool, error) {
	return tx.one("SELECT 1 FROM forgotten WHERE uid = ? AND chat = ? AND sender = ?", func(*sqlite3.Stmt) {}, id[:], chat, sender)
}
