package store

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
	"dione/crypto/vault"
)

// This file holds what waits to be sent; parcels.go holds how private messages
// travel. The rules are:
//   - a message is in the outbox once for each person who has not acknowledged
//     it, so an acknowledgement that comes twice counts once;
//   - private messages wait for as long as it takes, lines of the room only
//     until they expire;
//   - what to send is kept as it was made, until nobody waits for it any more.

// unconfirmed is why a line of the room has failed.
const unconfirmed = "nobody confirmed it"

func envelopePlace(message int64) vault.Place {
	return vault.Place{Table: "envelope", Row: message}
}

// Enqueue puts an own message, just added, into the outbox of each person it
// is for. It sets the stored message's Addressed.
func (tx *Tx) Enqueue(m Message, to []identity.ID, payload []byte, expires time.Time) error {
	if m.Row == 0 || !m.Mine {
		return errors.New("enqueue: not a stored message of our own")
	}
	var ms int64
	if m.Chat.IsRoom() {
		if ms = expires.UnixMilli(); ms <= 0 || len(to) == 0 {
			return errors.New("enqueue: a line of the room is for somebody and expires")
		}
	} else if len(to) != 1 || to[0] != m.Chat.Peer || !expires.IsZero() {
		return errors.New("enqueue: a private message is for one person and never expires")
	}
	sealed, err := tx.s.records.Seal(rand.Reader, payload, envelopePlace(m.Row))
	if err != nil {
		return err
	}
	if err := tx.exec("INSERT INTO envelope(message, sealed) VALUES(?, ?)", m.Row, sealed); err != nil {
		return err
	}
	for _, id := range to {
		peer, err := tx.addPeer(id)
		if err != nil {
			return err
		}
		if err := tx.exec("INSERT INTO outbox(dest, message, expires) VALUES(?, ?, ?)", peer, m.Row, ms); err != nil {
			return err
		}
	}
	if err := tx.count(m.Chat, +1); err != nil {
		return err
	}
	return tx.exec("UPDATE message SET addressed = ? WHERE id = ?", len(to), m.Row)
}

// count keeps how many private messages of a chat wait.
func (tx *Tx) count(in Chat, d int) error {
	if in.IsRoom() {
		return nil
	}
	c, err := tx.addChat(in)
	if err != nil {
		return err
	}
	c.waiting += d
	tx.changed(c)
	return nil
}

// Lines returns the next n lines of the room for one person, in the order in
// which they were committed. Outgoing.Row is the message's.
func (tx *Tx) Lines(to identity.ID, after int64, n int) ([]Outgoing, error) {
	return tx.outgoing("o.expires > 0", to, after, n)
}

// Unsealed returns the next n private messages for one person that are in no
// package, in the order in which they were committed.
func (tx *Tx) Unsealed(to identity.ID, after int64, n int) ([]Outgoing, error) {
	return tx.outgoing("o.expires = 0 AND o.parts = 0", to, after, n)
}

func (tx *Tx) outgoing(which string, to identity.ID, after int64, n int) ([]Outgoing, error) {
	peer, err := tx.peer(to)
	if err != nil || peer == 0 {
		return nil, err
	}
	var all []Outgoing
	err = tx.query("SELECT "+messageColumns+`, o.expires, e.sealed
		FROM outbox o JOIN message m ON m.id = o.message JOIN envelope e ON e.message = o.message
		WHERE o.dest = ? AND o.message > ? AND `+which+` ORDER BY o.message LIMIT ?`, func(s *sqlite3.Stmt) error {
		m, err := tx.scanMessage(s)
		if err != nil {
			return err
		}
		out := Outgoing{Row: m.Row, To: to, Message: m, Expires: timeOf(s.ColumnInt64(messageWidth))}
		if out.Payload, err = tx.s.records.Open(s.ColumnRawBlob(messageWidth+1), envelopePlace(m.Row)); err != nil {
			return fmt.Errorf("read what to send: %w (%w)", ErrDamaged, err)
		}
		all = append(all, out)
		return nil
	}, peer, after, n)
	return all, err
}

// Waiting returns every private message that waits, in the order of commits
// and without what is to be sent.
func (tx *Tx) Waiting() ([]Outgoing, error) {
	var all []Outgoing
	// CROSS JOIN is how SQLite is told to begin with the chats.
	err := tx.query("SELECT "+messageColumns+`, o.parts FROM chat c
		CROSS JOIN outbox o ON o.dest = c.peer AND o.expires = 0 JOIN message m ON m.id = o.message
		WHERE c.waiting > 0`, func(s *sqlite3.Stmt) error {
		m, err := tx.scanMessage(s)
		all = append(all, Outgoing{Row: m.Row, To: m.Chat.Peer, Message: m, Parts: s.ColumnInt(messageWidth)})
		return err
	})
	slices.SortFunc(all, func(a, b Outgoing) int { return cmp.Compare(a.Row, b.Row) })
	return all, err
}

// WaitingCount returns how many private messages wait: here alone, and in the
// mail network.
func (tx *Tx) WaitingCount() (queued, stored int, err error) {
	if err := tx.flush(); err != nil {
		return 0, 0, err
	}
	if _, err := tx.one("SELECT coalesce(sum(waiting), 0) FROM chat", func(s *sqlite3.Stmt) { queued = s.ColumnInt(0) }); err != nil || queued == 0 {
		return 0, 0, err
	}
	_, err = tx.one(`SELECT count(*) FROM chat c
		CROSS JOIN outbox o ON o.dest = c.peer AND o.expires = 0 JOIN message m ON m.id = o.message
		WHERE c.waiting > 0 AND m.state = ?`, func(s *sqlite3.Stmt) { stored = s.ColumnInt(0) }, int64(StateStored))
	return queued - stored, stored, err
}

// Acknowledge takes a person's word that lines of the room are durable there.
// It returns the messages that came further by it.
func (tx *Tx) Acknowledge(from identity.ID, ids []MessageID) ([]Message, error) {
	peer, err := tx.peer(from)
	if err != nil || peer == 0 {
		return nil, err
	}
	var changed []Message
	for _, id := range ids {
		m, found, err := tx.message("WHERE uid = ? AND chat = 1 AND state <> 0", id[:])
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		ok, err := tx.acknowledged(&m, peer)
		if err != nil {
			return nil, err
		}
		if ok {
			changed = append(changed, m)
		}
	}
	return changed, nil
}

// acknowledged counts one person's acknowledgement of m, if it is a new one.
func (tx *Tx) acknowledged(m *Message, peer int64) (bool, error) {
	waited, err := tx.unqueue(*m, peer)
	if err != nil || !waited {
		return false, err
	}
	m.Acked, m.State, m.Reason = m.Acked+1, StateStored, ""
	if !m.Chat.IsRoom() {
		m.Acked, m.Addressed = 1, 1 // until now they counted nodes
	}
	if m.Acked >= m.Addressed {
		m.State = StateDelivered
		if err := tx.exec("DELETE FROM envelope WHERE message = ?", m.Row); err != nil {
			return false, err
		}
	}
	return true, tx.setState(*m)
}

// unqueue takes m out of one person's outbox, if it is there.
func (tx *Tx) unqueue(m Message, peer int64) (bool, error) {
	if err := tx.exec("DELETE FROM outbox WHERE dest = ? AND message = ?", peer, m.Row); err != nil {
		return false, err
	}
	if tx.s.db.Changes() == 0 {
		return false, nil
	}
	return true, tx.count(m.Chat, -1)
}

func (tx *Tx) setState(m Message) error {
	return tx.exec("UPDATE message SET state = ?, acked = ?, addressed = ?, reason = ? WHERE id = ?",
		int64(m.State), m.Acked, m.Addressed, m.Reason, m.Row)
}

// Fail gives an own message up, for a reason in words. It returns the message
// as it is then.
func (tx *Tx) Fail(m Message, reason string) (Message, error) {
	m, found, err := tx.message("WHERE id = ? AND state <> 0", m.Row)
	if err != nil {
		return Message{}, err
	}
	if !found {
		return Message{}, errors.New("fail: not a stored message of our own")
	}
	if m.Chat.IsRoom() {
		// The index of what expires is short: nothing stays in it for long.
		if err := tx.exec("DELETE FROM outbox WHERE expires > 0 AND message = ?", m.Row); err != nil {
			return Message{}, err
		}
	} else {
		peer, err := tx.peer(m.Chat.Peer)
		if err != nil {
			return Message{}, err
		}
		parts, waits, err := tx.sealedParts(m.Row, peer)
		if err != nil {
			return Message{}, err
		}
		if waits && parts == 0 {
			if m.Seq, err = tx.freeSeq(m); err != nil {
				return Message{}, err
			}
		}
		if _, err := tx.unqueue(m, peer); err != nil {
			return Message{}, err
		}
		if err := tx.exec("UPDATE parcel SET message = 0 WHERE message > 0 AND message = ?", m.Row); err != nil {
			return Message{}, err // what has an index has to be sent
		}
	}
	if err := tx.exec("DELETE FROM envelope WHERE message = ?", m.Row); err != nil {
		return Message{}, err
	}
	m.State, m.Reason = StateFailed, reason
	return m, tx.failed(m)
}

// failed writes down that m has failed, and takes back what it has changed.
func (tx *Tx) failed(m Message) error {
	err := tx.setState(m)
	if err == nil && m.Kind != KindText {
		_, _, err = tx.settle(m)
	}
	return err
}

// ExpireOutbox gives up what has waited until now. It returns the messages
// that failed by it: those that nobody has.
func (tx *Tx) ExpireOutbox(now time.Time) ([]Message, error) {
	// SQLite takes no index of expires > 0 for a bound it does not know.
	const expired = "expires > 0 AND expires <= ?"
	over, err := tx.messages("WHERE id IN (SELECT message FROM outbox WHERE "+expired+") ORDER BY id", now.UnixMilli())
	if err != nil {
		return nil, err
	}
	if len(over) == 0 {
		return nil, nil
	}
	if err := tx.exec("DELETE FROM outbox WHERE "+expired, now.UnixMilli()); err != nil {
		return nil, err
	}
	var failed []Message
	for _, m := range over {
		if err := tx.exec("DELETE FROM envelope WHERE message = ?", m.Row); err != nil {
			return nil, err
		}
		if m.Acked > 0 {
			continue
		}
		m.State, m.Reason = StateFailed, unconfirmed
		if err := tx.failed(m); err != nil {
			return nil, err
		}
		failed = append(failed, m)
	}
	return failed, nil
}

// Cancel gives up a private message that still waits, because the user says
// so. It reports whether it did; [ErrSealed] says that it is too late, and
// [ErrDeletion] that a deletion has been done already.
func (tx *Tx) Cancel(in Chat, id MessageID) (Message, bool, error) {
	if in.IsRoom() {
		return Message{}, false, nil
	}
	peer, err := tx.peer(in.Peer)
	if err != nil {
		return Message{}, false, err
	}
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return Message{}, false, err
	}
	m, ok, err := tx.message("WHERE uid = ? AND chat = ? AND state <> 0", id[:], c.row)
	if err != nil || !ok {
		return Message{}, false, err
	}
	parts, ok, err := tx.sealedParts(m.Row, peer)
	switch {
	case err != nil || !ok:
		return Message{}, false, err
	case parts > 0:
		return Message{}, false, ErrSealed
	case m.Kind == KindDeletion:
		return Message{}, false, ErrDeletion
	}
	m, err = tx.Fail(m, "cancelled")
	return m, err == nil, err
}

// sealedParts returns in how many packages a private message is under way, and
// whether it waits at all.
func (tx *Tx) sealedParts(message, peer int64) (parts int, waits bool, err error) {
	waits, err = tx.one("SELECT parts FROM outbox WHERE dest = ? AND message = ?", func(s *sqlite3.Stmt) { parts = s.ColumnInt(0) }, peer, message)
	return parts, waits, err
}

// freeSeq takes its number from a private message that nobody else will ever
// see, so that nobody misses it: it shares the one before it, and keeps its
// own where there is none.
func (tx *Tx) freeSeq(m Message) (uint64, error) {
	seq := m.Seq
	if _, err := tx.one(`SELECT b.seq FROM message m JOIN message b ON b.chat = m.chat AND b.sender = m.sender AND b.seq < m.seq AND b.late = 0
		WHERE m.id = ? ORDER BY b.seq DESC LIMIT 1`, func(s *sqlite3.Stmt) { seq = uint64(s.ColumnInt64(0)) }, m.Row); err != nil {
		return 0, err
	}
	a, err := tx.author(m)
	if err != nil {
		return 0, err
	}
	gone, err := tx.goneSeq(a)
	if err != nil {
		return 0, err
	}
	if gone < m.Seq && (gone > seq || seq == m.Seq && gone > 0) {
		seq = gone // the one before it was deleted here
	}
	clear(tx.s.cache.seqs)
	return seq, tx.exec("UPDATE message SET seq = ? WHERE id = ?", int64(seq), m.Row)
}

// Renumber changes the number of an own message that nobody else has, and what
// to send for it. The order of ours must stay what it is.
func (tx *Tx) Renumber(m Message, seq uint64, payload []byte) error {
	sealed, err := tx.s.records.Seal(rand.Reader, payload, envelopePlace(m.Row))
	if err != nil {
		return err
	}
	if err := tx.exec("UPDATE envelope SET sealed = ? WHERE message = ?", sealed, m.Row); err != nil {
		return err
	}
	clear(tx.s.cache.seqs)
	return tx.exec("UPDATE message SET seq = ? WHERE id = ? AND state <> 0", int64(seq), m.Row)
}

// GiveUp fails every private message that waits for a person, for a reason in
// words, and returns them as they are then.
func (tx *Tx) GiveUp(to identity.ID, reason string) (failed []Message, err error) {
	peer, err := tx.peer(to)
	if err != nil || peer == 0 {
		return nil, err
	}
	waiting, err := tx.messages("JOIN outbox o ON o.message = m.id WHERE o.dest = ? AND o.expires = 0 ORDER BY o.message", peer)
	if err != nil {
		return nil, err
	}
	for _, m := range waiting {
		if m, err = tx.Fail(m, reason); err != nil {
			return nil, err
		}
		failed = append(failed, m)
	}
	return failed, nil
}
