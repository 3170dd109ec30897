package store

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// This file holds what is done to messages that were written already. The
// rules are:
//   - a reaction, a correction or a deletion is a row of table message like any
//     other, so that numbers, states and the outbox are one thing for all; what
//     it does is worked out anew from those rows each time one is added or
//     fails, so it does not matter in which order they come;
//   - of one person's reactions, and of an author's corrections, the one with
//     the highest number counts, unless it failed;
//   - what comes before its target waits as a row, and is done when that comes;
//   - a deletion counts for good, and whatever the message ever said is erased
//     with it: its text, those of its corrections, and its words in the index.

// target is a text that is changed.
type target struct {
	Message
	chat, peer int64 // rows
}

// AddChange stores a reaction, a correction or a deletion that is new, as
// [Tx.AddMessage] does a text, and says whether it was. It returns the message
// that has changed by it, if any has.
func (tx *Tx) AddChange(m *Message) (added bool, of Message, changed bool, err error) {
	if m.Kind == KindText {
		return false, Message{}, false, fmt.Errorf("message %w: a text changes nothing", ErrInvalid)
	}
	if m.Kind == KindCorrection {
		if gone, err := tx.isDeleted(m.Chat, m.Target); err != nil {
			return false, Message{}, false, err
		} else if gone {
			m.Text = ""
		}
	}
	if added, err = tx.insert(m); err != nil || !added {
		return false, Message{}, false, err
	}
	of, changed, err = tx.settle(*m)
	return true, of, changed, err
}

// settle works out anew what changes like m do to their target. It returns the
// target if it is another one by it.
func (tx *Tx) settle(m Message) (of Message, changed bool, err error) {
	if m.Kind == KindDeletion {
		if err := tx.eraseCorrections(m); err != nil {
			return Message{}, false, err
		}
	}
	t, ok, err := tx.target(m.Chat, m.Target)
	if err != nil || !ok {
		return Message{}, false, err
	}
	switch m.Kind {
	case KindReaction:
		peer, err := tx.peer(m.From)
		if err != nil {
			return Message{}, false, err
		}
		changed, err = tx.settleReaction(t, peer)
		if err != nil {
			return Message{}, false, err
		}
	case KindCorrection:
		if !t.Deleted {
			changed, err = tx.settleText(t)
		}
	case KindDeletion:
		if !t.Deleted {
			changed, err = true, tx.erase(t)
		}
	}
	if err != nil || !changed {
		return Message{}, false, err
	}
	return tx.message("WHERE id = ?", t.Row)
}

// settleNew does to a text that has just come what was waiting for it.
func (tx *Tx) settleNew(m *Message) error {
	c, err := tx.chat(m.Chat)
	if err != nil {
		return err
	}
	peer, err := tx.peer(m.From)
	if err != nil {
		return err
	}
	waits := false
	kinds := [KindDeletion + 1]bool{}
	var from []int64
	if err := tx.query("SELECT DISTINCT kind, sender FROM message WHERE target = ? AND author = ? AND kind > 0 AND chat = ?",
		func(s *sqlite3.Stmt) error {
			kind := Kind(s.ColumnInt(0))
			waits, kinds[kind] = true, kinds[kind] || kind == KindReaction || s.ColumnInt64(1) == peer
			if kind == KindReaction {
				from = append(from, s.ColumnInt64(1))
			}
			return nil
		}, m.ID[:], peer, c.row); err != nil || !waits && m.Target.From.IsZero() {
		return err
	}
	t := target{*m, c.row, peer}
	for _, peer := range from {
		if _, err := tx.settleReaction(t, peer); err != nil {
			return err
		}
	}
	switch {
	case kinds[KindDeletion]:
		err = tx.erase(t)
	case kinds[KindCorrection]:
		_, err = tx.settleText(t)
	}
	if err != nil {
		return err
	}
	now, _, err := tx.message("WHERE id = ?", m.Row)
	if err == nil {
		*m = now
	}
	return err
}

// target returns the text that is named, if it is here.
func (tx *Tx) target(in Chat, ref Ref) (t target, ok bool, err error) {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return target{}, false, err
	}
	peer, err := tx.peer(ref.From)
	if err != nil || peer == 0 {
		return target{}, false, err
	}
	m, ok, err := tx.message("WHERE uid = ? AND chat = ? AND sender = ? AND kind = 0", ref.ID[:], c.row, peer)
	return target{m, c.row, peer}, ok, err
}

// settleReaction reports whether the reaction of a person to t is another one
// than before.
func (tx *Tx) settleReaction(t target, peer int64) (changed bool, err error) {
	var text, was string
	mine := false
	if _, err := tx.one(`SELECT text, state <> 0 FROM message WHERE target = ? AND author = ? AND kind > 0 AND kind = 1 AND sender = ? AND chat = ?
		AND state <> 4 ORDER BY seq DESC LIMIT 1`,
		func(s *sqlite3.Stmt) { text, mine = s.ColumnText(0), s.ColumnBool(1) }, t.ID[:], t.peer, peer, t.chat); err != nil {
		return false, err
	}
	if _, err := tx.one("SELECT text FROM reaction WHERE message = ? AND peer = ?",
		func(s *sqlite3.Stmt) { was = s.ColumnText(0) }, t.Row, peer); err != nil || text == was {
		return false, err
	}
	if text == "" {
		err = tx.exec("DELETE FROM reaction WHERE message = ? AND peer = ?", t.Row, peer)
	} else {
		err = tx.exec(`INSERT INTO reaction(message, peer, mine, text) VALUES(?, ?, ?, ?)
			ON CONFLICT(message, peer) DO UPDATE SET text = excluded.text`, t.Row, peer, mine, text)
	}
	if err != nil {
		return false, err
	}
	return true, tx.exec("UPDATE message SET reacted = EXISTS(SELECT 1 FROM reaction WHERE message = ?) WHERE id = ?", t.Row, t.Row)
}

// settleText reports whether the text of t is another one than before.
func (tx *Tx) settleText(t target) (changed bool, err error) {
	was, first := t.Message, t.Text
	if !t.Edited.IsZero() {
		if _, err := tx.one("SELECT text FROM original WHERE message = ?", func(s *sqlite3.Stmt) { first = s.ColumnText(0) }, t.Row); err != nil {
			return false, err
		}
	}
	t.Text, t.Edited = first, time.Time{}
	corrected, err := tx.one(`SELECT text, sent, mentioned FROM message WHERE target = ? AND author = ? AND kind > 0 AND kind = 2 AND sender = ? AND chat = ?
		AND state <> 4 AND text <> '' ORDER BY seq DESC LIMIT 1`, func(s *sqlite3.Stmt) {
		t.Text, t.Mentioned = s.ColumnText(0), s.ColumnBool(2)
		t.Edited = time.UnixMilli(max(1, s.ColumnInt64(1)))
	}, t.ID[:], t.peer, t.peer, t.chat)
	if err != nil || t.Text == was.Text && t.Edited.Equal(was.Edited) {
		return false, err
	}
	switch {
	case !corrected:
		err = tx.exec("DELETE FROM original WHERE message = ?", t.Row)
	case was.Edited.IsZero():
		err = tx.exec("INSERT INTO original(message, text) VALUES(?, ?)", t.Row, first)
	}
	if err != nil {
		return false, err
	}
	return true, tx.rewrite(t, was)
}

// rewrite puts t in the place of what it was.
func (tx *Tx) rewrite(t target, was Message) error {
	if err := tx.unindex(t.Row, t.chat, t.peer, was.Text); err != nil {
		return err
	}
	if !t.Deleted {
		if err := tx.index(t.Row, t.chat, t.peer, t.Text); err != nil {
			return err
		}
	}
	if err := tx.exec("UPDATE message SET text = ?, edited = ?, deleted = ?, mentioned = ? WHERE id = ?",
		t.Text, msOf(t.Edited), t.Deleted, t.Mentioned, t.Row); err != nil {
		return err
	}
	c, err := tx.chat(t.Chat)
	if err != nil || t.Mentioned == was.Mentioned || t.Mine || t.Pos <= c.read {
		return err
	}
	if c.mentions--; t.Mentioned {
		c.mentions += 2
	}
	c.mentions = max(0, c.mentions)
	tx.changed(c)
	return nil
}

// erase leaves nothing of t but that it was there.
func (tx *Tx) erase(t target) error {
	was := t.Message
	t.Text, t.Edited, t.Deleted, t.Mentioned = "", time.Time{}, true, false
	if err := tx.exec("DELETE FROM original WHERE message = ?", t.Row); err != nil {
		return err
	}
	return tx.rewrite(t, was)
}

// eraseCorrections erases the texts by which the target of a deletion was
// corrected.
func (tx *Tx) eraseCorrections(deletion Message) error {
	c, err := tx.chat(deletion.Chat)
	if err != nil {
		return err
	}
	peer, err := tx.peer(deletion.From)
	if err != nil {
		return err
	}
	return tx.exec("UPDATE message SET text = '' WHERE target = ? AND author = ? AND kind > 0 AND kind = 2 AND sender = ? AND chat = ?",
		deletion.Target.ID[:], peer, peer, c.row)
}

// isDeleted reports whether a deletion of a message is here.
func (tx *Tx) isDeleted(in Chat, ref Ref) (bool, error) {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return false, err
	}
	peer, err := tx.peer(ref.From)
	if err != nil || peer == 0 {
		return false, err
	}
	return tx.one("SELECT 1 FROM message WHERE target = ? AND author = ? AND kind > 0 AND kind = 3 AND sender = ? AND chat = ? LIMIT 1",
		func(*sqlite3.Stmt) {}, ref.ID[:], peer, peer, c.row)
}

// Resend changes what is sent for a message to those who have not got it yet.
func (tx *Tx) Resend(m Message, payload []byte) error {
	sealed, err := tx.s.records.Seal(rand.Reader, payload, envelopePlace(m.Row))
	if err != nil {
		return err
	}
	return tx.exec("UPDATE envelope SET sealed = ? WHERE message = ?", sealed, m.Row)
}

// Corrections returns the own corrections of an own message that were not
// delivered to everybody yet.
func (tx *Tx) Corrections(of Message) ([]Message, error) {
	t, ok, err := tx.target(of.Chat, Ref{of.ID, of.From})
	if err != nil || !ok {
		return nil, err
	}
	return tx.messages("WHERE target = ? AND author = ? AND kind > 0 AND kind = 2 AND sender = ? AND chat = ? AND state BETWEEN 1 AND 2",
		t.ID[:], t.peer, t.peer, t.chat)
}

// Versions returns what a message said, the oldest text first and the one that
// it has now last: one if it was never corrected, none if it is not here or
// deleted.
func (tx *Tx) Versions(in Chat, from identity.ID, id MessageID) ([]Version, error) {
	t, ok, err := tx.target(in, Ref{id, from})
	if err != nil || !ok || t.Deleted {
		return nil, err
	}
	all := []Version{{Text: t.Text, Sent: t.Sent}}
	if t.Edited.IsZero() {
		return all, nil
	}
	if _, err := tx.one("SELECT text FROM original WHERE message = ?", func(s *sqlite3.Stmt) { all[0].Text = s.ColumnText(0) }, t.Row); err != nil {
		return nil, err
	}
	return all, tx.query(`SELECT text, sent FROM message WHERE target = ? AND author = ? AND kind > 0 AND kind = 2 AND sender = ? AND chat = ?
		AND state <> 4 AND text <> '' ORDER BY seq`, func(s *sqlite3.Stmt) error {
		all = append(all, Version{Text: s.ColumnText(0), Sent: time.UnixMilli(s.ColumnInt64(1))})
		return nil
	}, t.ID[:], t.peer, t.peer, t.chat)
}
