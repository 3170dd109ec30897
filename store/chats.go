package store

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// chat is a row of table chat, and the place of its last message. Transactions
// count in it and write it once, in flush.
type chat struct {
	row      int64
	of       Chat
	read     float64
	unread   int
	mentions int
	waiting  int
	muted    int64
	keep     int64 // milliseconds, 0: for good
	doomed   int64
	top      float64 // highest pos of what was deleted
	line     float64 // highest pos of a text, 0 if there is none
	last     float64 // of a message of any kind, deleted ones too
}

const chatColumns = `c.id, p.pub, c.read, c.unread, c.mentions, c.waiting, c.muted, c.keep, c.doomed, c.top,
	coalesce((SELECT max(m.pos) FROM message m WHERE m.chat = c.id AND m.kind = 0), 0),
	coalesce((SELECT max(m.pos) FROM message m WHERE m.chat = c.id AND m.kind > 0), 0)
	FROM chat c LEFT JOIN peer p ON p.id = c.peer`

// keepChat returns the row's entry in the cache, which is the newer of the two.
func (tx *Tx) keepChat(s *sqlite3.Stmt) *chat {
	c := &chat{
		row:      s.ColumnInt64(0),
		read:     s.ColumnFloat(2),
		unread:   s.ColumnInt(3),
		mentions: s.ColumnInt(4),
		waiting:  s.ColumnInt(5),
		muted:    s.ColumnInt64(6),
		keep:     s.ColumnInt64(7),
		doomed:   s.ColumnInt64(8),
		top:      s.ColumnFloat(9),
		line:     s.ColumnFloat(10),
	}
	c.last = max(c.line, s.ColumnFloat(11), c.top, c.read)
	copy(c.of.Peer[:], s.ColumnRawBlob(1))
	if kept := tx.s.cache.chats[c.of]; kept != nil {
		return kept
	}
	tx.s.cache.chats[c.of], tx.s.cache.byRow[c.row] = c, c.of
	return c
}

// chat returns the chat's row, nil if nothing was ever written in it.
func (tx *Tx) chat(of Chat) (*chat, error) {
	if c := tx.s.cache.chats[of]; c != nil {
		return c, nil
	}
	var c *chat
	keep := func(s *sqlite3.Stmt) { c = tx.keepChat(s) }
	if of.IsRoom() {
		_, err := tx.one("SELECT "+chatColumns+" WHERE c.id = 1", keep)
		return c, err
	}
	_, err := tx.one("SELECT "+chatColumns+" WHERE p.pub = ?", keep, of.Peer[:])
	return c, err
}

// addChat is chat for one that may be new.
func (tx *Tx) addChat(of Chat) (*chat, error) {
	c, err := tx.chat(of)
	if err != nil || c != nil {
		return c, err
	}
	peer, err := tx.addPeer(of.Peer)
	if err != nil {
		return nil, err
	}
	if err := tx.exec("INSERT INTO chat(peer) VALUES(?)", peer); err != nil {
		return nil, err
	}
	c = &chat{row: tx.s.db.LastInsertRowID(), of: of}
	tx.s.cache.chats[of], tx.s.cache.byRow[c.row] = c, of
	return c, nil
}

// chatOf returns which chat stands in a row.
func (tx *Tx) chatOf(row int64) (Chat, error) {
	if of, ok := tx.s.cache.byRow[row]; ok {
		return of, nil
	}
	found, err := tx.one("SELECT "+chatColumns+" WHERE c.id = ?", func(s *sqlite3.Stmt) { tx.keepChat(s) }, row)
	if err == nil && !found {
		err = ErrDamaged // a foreign key holds it
	}
	return tx.s.cache.byRow[row], err
}

// changed has flush write the chat's row.
func (tx *Tx) changed(c *chat) { tx.s.cache.dirty[c] = struct{}{} }

// flush writes what the transaction has counted.
func (tx *Tx) flush() error {
	for c := range tx.s.cache.dirty {
		if err := tx.exec("UPDATE chat SET read = ?, unread = ?, mentions = ?, waiting = ?, muted = ?, keep = ?, doomed = ?, top = ? WHERE id = ?",
			c.read, c.unread, c.mentions, c.waiting, c.muted, c.keep, c.doomed, c.top, c.row); err != nil {
			return err
		}
		delete(tx.s.cache.dirty, c)
	}
	return tx.flushDays()
}

// info is what a roster shows of the chat.
func (tx *Tx) info(c *chat) (ChatInfo, error) {
	info := ChatInfo{Chat: c.of, Unread: c.unread, Mentions: c.mentions, Read: c.read, MutedUntil: c.muted, Keep: time.Duration(c.keep) * time.Millisecond}
	last, err := tx.history(c, Cursor{}, 1)
	if len(last) > 0 {
		info.Last = last[0]
	}
	return info, err
}

// Chats returns the room, and then every private chat in which something was
// written or that was muted, the one with the newest message first.
func (tx *Tx) Chats() ([]ChatInfo, error) {
	var all []*chat
	err := tx.query("SELECT "+chatColumns, func(s *sqlite3.Stmt) error {
		all = append(all, tx.keepChat(s))
		return nil
	})
	if err != nil {
		return nil, err
	}
	infos := make([]ChatInfo, len(all))
	for i, c := range all {
		if infos[i], err = tx.info(c); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(infos, func(a, b ChatInfo) int {
		switch {
		case a.Chat.IsRoom():
			return -1
		case b.Chat.IsRoom():
			return 1
		}
		return cmp.Compare(b.Last.Row, a.Last.Row)
	})
	return infos, nil
}

// ChatInfo returns one chat's line in the roster, an empty one if nothing was
// written in it.
func (tx *Tx) ChatInfo(of Chat) (ChatInfo, error) {
	c, err := tx.chat(of)
	if err != nil || c == nil {
		return ChatInfo{Chat: of}, err
	}
	return tx.info(c)
}

// MarkRead says that the user has read everything up to pos. Reading never
// goes backwards.
func (tx *Tx) MarkRead(of Chat, pos float64) (ChatInfo, error) {
	if !tx.writes {
		return ChatInfo{}, errReadOnly
	}
	c, err := tx.chat(of)
	if err != nil || c == nil {
		return ChatInfo{Chat: of}, err
	}
	pos = min(pos, c.line)
	if math.IsNaN(pos) || pos <= c.read {
		return tx.info(c)
	}
	if pos == c.line {
		c.unread, c.mentions = 0, 0
	} else {
		var n, mentions int
		// What was read just now is little; what is unread may be much.
		_, err := tx.one("SELECT count(*), coalesce(sum(mentioned), 0) FROM message WHERE chat = ? AND kind = 0 AND pos > ? AND pos <= ? AND state = 0",
			func(s *sqlite3.Stmt) { n, mentions = s.ColumnInt(0), s.ColumnInt(1) }, c.row, c.read, pos)
		if err != nil {
			return ChatInfo{}, err
		}
		c.unread, c.mentions = max(0, c.unread-n), max(0, c.mentions-mentions)
	}
	c.read = pos
	tx.changed(c)
	return tx.info(c)
}

// Mute says that nothing of a chat is to disturb the user until then, in unix
// milliseconds; 0 takes it back.
func (tx *Tx) Mute(of Chat, until int64) (ChatInfo, error) {
	if !tx.writes {
		return ChatInfo{}, errReadOnly
	}
	c, err := tx.addChat(of)
	if err != nil {
		return ChatInfo{}, err
	}
	c.muted = max(until, 0)
	tx.changed(c)
	return tx.info(c)
}
