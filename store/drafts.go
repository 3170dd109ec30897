package store

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
)

// MaxDraft is the longest text of a draft in bytes of UTF-8: more than a
// message may have, so that one that is too long can be cut down later.
const MaxDraft = 64 << 10

// Draft is what the user has left in a chat: a text that is not sent, and the
// place where they read.
type Draft struct {
	Chat Chat
	Text string
	Top  Cursor // the first message in view; zero: the view follows the end
}

// SetDraft keeps what the user has left in a chat, in place of what it was.
func (tx *Tx) SetDraft(d Draft) error {
	if len(d.Text) > MaxDraft || !utf8.ValidString(d.Text) {
		return fmt.Errorf("draft %w: %d bytes, of %d, or not UTF-8", ErrInvalid, len(d.Text), MaxDraft)
	}
	nothing := d.Text == "" && d.Top == Cursor{}
	c, err := tx.chat(d.Chat)
	if err != nil || c == nil && nothing {
		return err
	}
	if nothing {
		return tx.exec("DELETE FROM draft WHERE chat = ?", c.row)
	}
	if c, err = tx.addChat(d.Chat); err != nil {
		return err
	}
	return tx.exec(`INSERT INTO draft(chat, text, pos, row) VALUES(?, ?, ?, ?)
		ON CONFLICT(chat) DO UPDATE SET text = excluded.text, pos = excluded.pos, row = excluded.row`,
		c.row, d.Text, d.Top.Pos, d.Top.Row)
}

// DraftSent drops the draft of a chat if it is the text that was sent there,
// but for blanks around it.
func (tx *Tx) DraftSent(in Chat, text string) error {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return err
	}
	var draft string
	found, err := tx.one("SELECT text FROM draft WHERE chat = ? AND text <> ''",
		func(s *sqlite3.Stmt) { draft = s.ColumnText(0) }, c.row)
	if err != nil || !found || strings.TrimSpace(draft) != strings.TrimSpace(text) {
		return err
	}
	return tx.exec("DELETE FROM draft WHERE chat = ?", c.row)
}

// Drafts returns what the user has left, in all chats.
func (tx *Tx) Drafts() (all []Draft, err error) {
	err = tx.query("SELECT chat, text, pos, row FROM draft ORDER BY chat", func(s *sqlite3.Stmt) error {
		d := Draft{Text: s.ColumnText(1), Top: Cursor{Pos: s.ColumnFloat(2), Row: s.ColumnInt64(3)}}
		var err error
		d.Chat, err = tx.chatOf(s.ColumnInt64(0))
		all = append(all, d)
		return err
	})
	return all, err
}
