package store

import (
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// Cursor is the place of a message in its chat, for paging by key. The zero
// Cursor is no place.
type Cursor struct {
	Pos float64
	Row int64
}

// check says why m cannot be stored as it is.
func (m *Message) check() error {
	switch {
	case len(m.Text) > MaxText:
		return fmt.Errorf("message %w: too long: limit %d KiB", ErrInvalid, MaxText>>10)
	case !utf8.ValidString(m.Text):
		return fmt.Errorf("message %w: text is not UTF-8", ErrInvalid)
	case m.Seq > math.MaxInt64, m.Seq == 0 && !m.Mine:
		return fmt.Errorf("message %w: number %d", ErrInvalid, m.Seq)
	case m.From.IsZero():
		return fmt.Errorf("message %w: no author", ErrInvalid)
	case m.Mine == (m.State == StateReceived):
		return fmt.Errorf("message %w: mine is %t and its state %v", ErrInvalid, m.Mine, m.State)
	case !m.Mine && !m.Chat.IsRoom() && m.From != m.Chat.Peer:
		return fmt.Errorf("message %w: by %s in the chat with %s", ErrInvalid, m.From.Short(), m.Chat.Peer.Short())
	}
	return nil
}

// AddMessage stores a message that is new and says whether it was. It decides
// Row, Pos and Late, gives an own one with Seq 0 its number, and cuts times to
// milliseconds. A message that is here already is known by chat, author and
// id, and stays as it was.
func (tx *Tx) AddMessage(m *Message) (added bool, err error) {
	if err := m.check(); err != nil {
		return false, err
	}
	peer, err := tx.addPeer(m.From)
	if err != nil {
		return false, err
	}
	c, err := tx.addChat(m.Chat)
	if err != nil {
		return false, err
	}
	if err := tx.place(m, c, peer); err != nil {
		return false, err
	}
	m.Sent, m.Arrived = time.UnixMilli(m.Sent.UnixMilli()), time.UnixMilli(m.Arrived.UnixMilli())
	if err := tx.exec(`INSERT INTO message
		(chat, uid, sender, seq, pos, late, sent, arrived, state, acked, addressed, reason, path, text)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(uid, chat, sender) DO NOTHING`,
		c.row, m.ID[:], peer, int64(m.Seq), m.Pos, m.Late, m.Sent.UnixMilli(), m.Arrived.UnixMilli(),
		int64(m.State), m.Acked, m.Addressed, m.Reason, int64(m.Path), m.Text); err != nil {
		return false, err
	}
	if tx.s.db.Changes() == 0 {
		return false, nil
	}
	m.Row = tx.s.db.LastInsertRowID()
	if err := tx.index(m.Row, c.row, peer, m.Arrived, m.Text); err != nil {
		return false, err
	}
	c.last = max(c.last, m.Pos)
	if !m.Late {
		tx.s.cache.seqs[author{c.row, peer}] = m.Seq
	}
	if !m.Mine && m.Pos > c.read {
		c.unread++
		tx.changed(c)
	}
	return true, nil
}

const messageColumns = "m.id, m.chat, m.uid, m.sender, m.seq, m.pos, m.late, m.sent, m.arrived, m.state, m.acked, m.addressed, m.reason, m.path, m.text"

// scanMessage reads a row of messageColumns.
func (tx *Tx) scanMessage(s *sqlite3.Stmt) (Message, error) {
	m := Message{
		Row:       s.ColumnInt64(0),
		Seq:       uint64(s.ColumnInt64(4)),
		Pos:       s.ColumnFloat(5),
		Late:      s.ColumnBool(6),
		Sent:      time.UnixMilli(s.ColumnInt64(7)),
		Arrived:   time.UnixMilli(s.ColumnInt64(8)),
		State:     State(s.ColumnInt(9)),
		Acked:     s.ColumnInt(10),
		Addressed: s.ColumnInt(11),
		Reason:    s.ColumnText(12),
		Path:      Path(s.ColumnInt(13)),
		Text:      s.ColumnText(14),
	}
	m.Mine = m.State != StateReceived
	copy(m.ID[:], s.ColumnRawBlob(2))
	chat, sender := s.ColumnInt64(1), s.ColumnInt64(3)
	var err error
	if m.Chat, err = tx.chatOf(chat); err != nil {
		return Message{}, err
	}
	m.From, err = tx.peerID(sender)
	return m, err
}

// messages runs a query of messageColumns.
func (tx *Tx) messages(query string, args ...any) ([]Message, error) {
	var all []Message
	err := tx.query("SELECT "+messageColumns+" FROM message m "+query, func(s *sqlite3.Stmt) error {
		m, err := tx.scanMessage(s)
		all = append(all, m)
		return err
	}, args...)
	return all, err
}

// message runs a query of messageColumns for at most one row.
func (tx *Tx) message(query string, args ...any) (Message, bool, error) {
	all, err := tx.messages(query, args...)
	if err != nil || len(all) == 0 {
		return Message{}, false, err
	}
	return all[0], true, nil
}

// Message returns one message, if it is here.
func (tx *Tx) Message(in Chat, from identity.ID, id MessageID) (Message, bool, error) {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return Message{}, false, err
	}
	peer, err := tx.peer(from)
	if err != nil {
		return Message{}, false, err
	}
	return tx.message("WHERE uid = ? AND chat = ? AND sender = ?", id[:], c.row, peer)
}

// History returns the n messages of a chat before a place, or the newest n for
// the zero Cursor; oldest first.
func (tx *Tx) History(in Chat, before Cursor, n int) ([]Message, error) {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return nil, err
	}
	return tx.history(c, before, n)
}

func (tx *Tx) history(c *chat, before Cursor, n int) (page []Message, err error) {
	if before == (Cursor{}) {
		page, err = tx.messages("WHERE chat = ? ORDER BY pos DESC, id DESC LIMIT ?", c.row, n)
	} else {
		page, err = tx.messages("WHERE chat = ? AND (pos, id) < (?, ?) ORDER BY pos DESC, id DESC LIMIT ?",
			c.row, before.Pos, before.Row, n)
	}
	slices.Reverse(page)
	return page, err
}

// HistoryAfter returns the n messages of a chat behind a place, or the oldest
// n for the zero Cursor; oldest first.
func (tx *Tx) HistoryAfter(in Chat, after Cursor, n int) ([]Message, error) {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return nil, err
	}
	return tx.messages("WHERE chat = ? AND (pos, id) > (?, ?) ORDER BY pos, id LIMIT ?", c.row, after.Pos, after.Row, n)
}

// After returns the next n messages of all chats, in the order in which they
// were committed.
func (tx *Tx) After(row int64, n int) ([]Message, error) {
	return tx.messages("WHERE id > ? ORDER BY id LIMIT ?", row, n)
}

// NewestRow returns the row of the message committed last, 0 if there is none.
func (tx *Tx) NewestRow() (row int64, err error) {
	_, err = tx.one("SELECT coalesce(max(id), 0) FROM message", func(s *sqlite3.Stmt) { row = s.ColumnInt64(0) })
	return row, err
}
