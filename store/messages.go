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
	case m.Kind > KindDeletion:
		return fmt.Errorf("message %w: kind %d", ErrInvalid, m.Kind)
	case m.Kind == KindReaction && len(m.Text) > MaxReaction:
		return fmt.Errorf("message %w: a reaction of %d bytes", ErrInvalid, len(m.Text))
	case m.Kind == KindDeletion && m.Text != "":
		return fmt.Errorf("message %w: a deletion with a text", ErrInvalid)
	case (m.Kind == KindCorrection || m.Kind == KindDeletion) && m.Target.From != m.From:
		return fmt.Errorf("message %w: it changes what somebody else wrote", ErrInvalid)
	case m.Target.From.IsZero() != (m.Target.ID == MessageID{}), m.Kind != KindText && m.Target.From.IsZero():
		return fmt.Errorf("message %w: its target is named in part", ErrInvalid)
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

// AddMessage stores a text that is new and says whether it was. It decides
// Row, Pos and Late, gives an own one with Seq 0 its number, and cuts times to
// milliseconds. A message that is here already is known by chat, author and
// id, and stays as it was. What has changed the text before it came is done to
// it at once.
func (tx *Tx) AddMessage(m *Message) (added bool, err error) {
	if m.Kind != KindText {
		return false, fmt.Errorf("message %w: kind %d is no text", ErrInvalid, m.Kind)
	}
	added, err = tx.insert(m)
	if err != nil || !added {
		return false, err
	}
	return true, tx.settleNew(m)
}

// insert stores a message of any kind that is new and says whether it was.
func (tx *Tx) insert(m *Message) (added bool, err error) {
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
	if !m.Mine {
		if known, err := tx.isForgotten(m.ID, c.row, peer); err != nil || known {
			return false, err
		}
	}
	if err := tx.place(m, c, peer); err != nil {
		return false, err
	}
	m.Sent, m.Arrived = time.UnixMilli(m.Sent.UnixMilli()), time.UnixMilli(m.Arrived.UnixMilli())
	if added, err = tx.putMessage(m, c.row, peer); err != nil || !added {
		return false, err
	}
	if !m.Late {
		tx.s.cache.seqs[author{c.row, peer}] = m.Seq
	}
	tx.appeared(m, c)
	return true, nil
}

// putMessage writes the row of a message that is new, with its words.
func (tx *Tx) putMessage(m *Message, chat, peer int64) (added bool, err error) {
	var target, author any
	if !m.Target.From.IsZero() {
		n, err := tx.addPeer(m.Target.From)
		if err != nil {
			return false, err
		}
		target, author = m.Target.ID[:], n
	}
	if err := tx.exec(`INSERT INTO message
		(chat, uid, sender, seq, pos, late, sent, arrived, state, acked, addressed, reason, path, text, kind, target, author, deleted, mentioned)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(uid, chat, sender) DO NOTHING`,
		chat, m.ID[:], peer, int64(m.Seq), m.Pos, m.Late, m.Sent.UnixMilli(), m.Arrived.UnixMilli(), int64(m.State),
		m.Acked, m.Addressed, m.Reason, int64(m.Path), m.Text, int64(m.Kind), target, author, m.Deleted, m.Mentioned); err != nil {
		return false, err
	}
	if tx.s.db.Changes() == 0 {
		return false, nil
	}
	m.Row = tx.s.db.LastInsertRowID()
	tx.cameOn(dayOf(m.Arrived), m.Row)
	if m.Kind != KindText || m.Deleted {
		return true, nil
	}
	return true, tx.index(m.Row, chat, peer, m.Text)
}

// appeared counts a message that is new in its chat.
func (tx *Tx) appeared(m *Message, c *chat) {
	c.last = max(c.last, m.Pos)
	if m.Kind != KindText {
		return
	}
	c.line = max(c.line, m.Pos)
	if !m.Mine && m.Pos > c.read {
		c.unread++
		if m.Mentioned {
			c.mentions++
		}
		tx.changed(c)
	}
}

const messageColumns = `m.id, m.chat, m.uid, m.sender, m.seq, m.pos, m.late, m.sent, m.arrived, m.state, m.acked, m.addressed, m.reason, m.path, m.text,
	m.kind, m.target, m.author, m.edited, m.deleted, m.reacted, m.mentioned`

// messageWidth is how many there are of them.
const messageWidth = 22

// scanMessage reads a row of messageColumns. What stands elsewhere is read by
// complete.
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
		Kind:      Kind(s.ColumnInt(15)),
		Edited:    timeOf(s.ColumnInt64(18)),
		Deleted:   s.ColumnBool(19),
		Mentioned: s.ColumnBool(21),
	}
	m.Mine = m.State != StateReceived
	copy(m.ID[:], s.ColumnRawBlob(2))
	copy(m.Target.ID[:], s.ColumnRawBlob(16))
	chat, sender, author := s.ColumnInt64(1), s.ColumnInt64(3), s.ColumnInt64(17)
	if s.ColumnBool(20) {
		m.Reactions = []Reaction{} // to be read
	}
	var err error
	if m.Chat, err = tx.chatOf(chat); err != nil {
		return Message{}, err
	}
	if author != 0 {
		if m.Target.From, err = tx.peerID(author); err != nil {
			return Message{}, err
		}
	}
	m.From, err = tx.peerID(sender)
	return m, err
}

// complete reads what stands beside the rows of messages.
func (tx *Tx) complete(all []Message) error {
	for i := range all {
		if err := tx.completeOne(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) completeOne(m *Message) error {
	if m.Reactions != nil {
		if err := tx.query("SELECT peer, text, mine FROM reaction WHERE message = ?", func(s *sqlite3.Stmt) error {
			from, err := tx.peerID(s.ColumnInt64(0))
			m.Reactions = append(m.Reactions, Reaction{From: from, Text: s.ColumnText(1), Mine: s.ColumnBool(2)})
			return err
		}, m.Row); err != nil {
			return err
		}
	}
	if m.Kind != KindText || m.Target.From.IsZero() {
		return nil
	}
	m.ReplyTo = &Quote{Ref: m.Target}
	c, err := tx.chat(m.Chat)
	if err != nil {
		return err
	}
	peer, err := tx.peer(m.Target.From)
	if err != nil {
		return err
	}
	_, err = tx.one("SELECT text, deleted FROM message WHERE uid = ? AND chat = ? AND sender = ? AND kind = 0", func(s *sqlite3.Stmt) {
		m.ReplyTo.Text, m.ReplyTo.Deleted, m.ReplyTo.Known = beginning(s.ColumnText(0)), s.ColumnBool(1), true
	}, m.Target.ID[:], c.row, peer)
	return err
}

// beginning cuts a text to what is quoted of it.
func beginning(s string) string {
	const long = 300
	if len(s) <= long {
		return s
	}
	end := long
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// messages runs a query of messageColumns.
func (tx *Tx) messages(query string, args ...any) ([]Message, error) {
	var all []Message
	err := tx.query("SELECT "+messageColumns+" FROM message m "+query, func(s *sqlite3.Stmt) error {
		m, err := tx.scanMessage(s)
		all = append(all, m)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	return all, tx.complete(all)
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
		page, err = tx.messages("WHERE chat = ? AND kind = 0 ORDER BY pos DESC, id DESC LIMIT ?", c.row, n)
	} else {
		page, err = tx.messages("WHERE chat = ? AND kind = 0 AND (pos, id) < (?, ?) ORDER BY pos DESC, id DESC LIMIT ?",
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
	return tx.messages("WHERE chat = ? AND kind = 0 AND (pos, id) > (?, ?) ORDER BY pos, id LIMIT ?", c.row, after.Pos, after.Row, n)
}

// After returns the next n messages of all chats and of every kind, in the
// order in which they were committed, as they are now.
func (tx *Tx) After(row int64, n int) ([]Message, error) {
	return tx.messages("WHERE id > ? ORDER BY id LIMIT ?", row, n)
}

// NewestRow returns the row of the message committed last, 0 if there is none.
func (tx *Tx) NewestRow() (row int64, err error) {
	_, err = tx.one("SELECT coalesce(max(id), 0) FROM message", func(s *sqlite3.Stmt) { row = s.ColumnInt64(0) })
	return row, err
}
