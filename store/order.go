package store

import (
	"math"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// This file decides where a message stands in its chat. The rules are:
//   - what comes in the order of its author gets the next whole number;
//   - what comes late stands directly behind the whole number of its
//     predecessor, in the lower half of the gap, or, if its author has no
//     earlier message, in the upper half of the gap before the first one;
//   - within a gap, the author's numbers decide, so late messages need no
//     order among themselves and no place is ever halved.
//
// A place never changes. With steps of 2^-21, places are exact up to chats of
// 2^31 messages. What is late by more than maxGap numbers shares the last
// place of its gap with others like it, in the order in which they came.
const (
	placeStep = 1.0 / (1 << 21)
	maxGap    = 1<<20 - 1
)

// behind returns the place of a message that is d numbers later than the one
// at the whole number base.
func behind(base float64, d uint64) float64 {
	return base + float64(min(d, maxGap))*placeStep
}

// before returns the place of a message that is d numbers earlier than the
// author's first one, at the whole number first.
func before(first float64, d uint64) float64 {
	return first - float64(min(d, maxGap))*placeStep
}

// place decides where m stands in c and whether it is late. Its author is
// known by the number peer.
func (tx *Tx) place(m *Message, c *chat, peer int64) error {
	newest, err := tx.newestSeq(author{c.row, peer})
	if err != nil {
		return err
	}
	if m.Seq == 0 {
		m.Seq = newest + 1
	}
	if m.Late = m.Seq < newest; !m.Late {
		m.Pos = math.Floor(c.last) + 1
		return nil
	}
	found, err := tx.one(`SELECT pos, seq FROM message WHERE chat = ? AND sender = ? AND seq <= ? AND late = 0
		ORDER BY seq DESC LIMIT 1`, func(s *sqlite3.Stmt) {
		m.Pos = behind(s.ColumnFloat(0), m.Seq-uint64(s.ColumnInt64(1)))
	}, c.row, peer, int64(m.Seq))
	if err != nil || found {
		return err
	}
	found, err = tx.one(`SELECT pos, seq FROM message WHERE chat = ? AND sender = ? AND late = 0
		ORDER BY seq LIMIT 1`, func(s *sqlite3.Stmt) {
		m.Pos = before(s.ColumnFloat(0), uint64(s.ColumnInt64(1))-m.Seq)
	}, c.row, peer)
	if !found {
		m.Pos = math.Floor(c.last) + 1 // those that it would stand between were deleted here
	}
	return err
}

// NewestSeq returns an author's highest number in a chat, 0 if there is no
// message.
func (tx *Tx) NewestSeq(in Chat, from identity.ID) (uint64, error) {
	c, err := tx.chat(in)
	if err != nil || c == nil {
		return 0, err
	}
	peer, err := tx.peer(from)
	if err != nil || peer == 0 {
		return 0, err
	}
	return tx.newestSeq(author{c.row, peer})
}

// newestSeq returns the author's highest number in the chat, 0 if there is no
// message and was none. The highest one was never late.
func (tx *Tx) newestSeq(a author) (uint64, error) {
	if seq, ok := tx.s.cache.seqs[a]; ok {
		return seq, nil
	}
	var seq uint64
	_, err := tx.one("SELECT max(seq) FROM message WHERE chat = ? AND sender = ? AND late = 0",
		func(s *sqlite3.Stmt) { seq = uint64(s.ColumnInt64(0)) }, a.chat, a.peer)
	if err == nil {
		gone, err2 := tx.goneSeq(a)
		seq, err = max(seq, gone), err2
	}
	if err == nil {
		tx.s.cache.seqs[a] = seq
	}
	return seq, err
}

// goneSeq returns the author's highest number among the messages of the chat
// that were deleted here.
func (tx *Tx) goneSeq(a author) (seq uint64, err error) {
	_, err = tx.one("SELECT seq FROM gone WHERE chat = ? AND sender = ?", func(s *sqlite3.Stmt) { seq = uint64(s.ColumnInt64(0)) }, a.chat, a.peer)
	return seq, err
}

// author returns whose message m is, and in which chat.
func (tx *Tx) author(m Message) (a author, err error) {
	c, err := tx.addChat(m.Chat)
	if err != nil {
		return a, err
	}
	peer, err := tx.addPeer(m.From)
	return author{c.row, peer}, err
}
