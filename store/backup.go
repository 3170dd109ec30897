package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/cborx"
	"dione/crypto/identity"
	"dione/crypto/vault"
)

// This file writes backups, restore.go reads them. What is in one is written
// down in crypto/PROTOCOL.md, section "Backups". The rules are:
//   - a backup holds who somebody is, whom they know and what was written, and
//     nothing that may serve but once: no state of a session, no package, no
//     keys given to anybody, no invitation;
//   - private messages that were on their way wait to be sealed again;
//   - it is made while the profile is in use, in short turns, and shows the
//     profile as it was when it began, or a little later.

// MetaRestored is the name under which a profile out of a backup keeps when
// that was made, in RFC 3339.
const MetaRestored = "restored"

const (
	// backupPage is how many messages are read in one turn.
	backupPage = 500

	// maxRecord bounds one record of a backup: a message with what is to be
	// sent for it, several times over.
	maxRecord = 128 << 10
)

// The kinds of records, in the order in which they come.
const (
	kindProfile = 1 + iota
	kindMeta
	kindPerson
	kindContact
	kindSession
	kindChat
	kindMessage
)

// backupProfile comes first, once.
type backupProfile struct {
	Made      int64  `cbor:"1,keyasint"` // when the backup was
	Seed      []byte `cbor:"2,keyasint"`
	Agreement []byte `cbor:"3,keyasint,omitempty"`
}

type backupMeta struct {
	Name  string `cbor:"1,keyasint"`
	Value string `cbor:"2,keyasint"`
}

// backupPerson gives an identity the next number, from 1.
type backupPerson struct {
	ID []byte `cbor:"1,keyasint"`
}

type backupContact struct {
	Person   int      `cbor:"1,keyasint"`
	Claimed  string   `cbor:"2,keyasint"`
	Petname  string   `cbor:"3,keyasint"`
	Kept     bool     `cbor:"4,keyasint"`
	Seen     int64    `cbor:"5,keyasint"`
	Standing uint8    `cbor:"6,keyasint"`
	Since    int64    `cbor:"7,keyasint"`
	Verified bool     `cbor:"8,keyasint"`
	Addrs    []string `cbor:"9,keyasint,omitempty"`
	Gen      uint64   `cbor:"10,keyasint"`
	Floor    uint64   `cbor:"11,keyasint"`
	Invited  []byte   `cbor:"12,keyasint,omitempty"`
	Heard    []string `cbor:"13,keyasint,omitempty"`
}

type backupSession struct {
	Person  int    `cbor:"1,keyasint"`
	SID     []byte `cbor:"2,keyasint"`
	Gen     uint64 `cbor:"3,keyasint"`
	Started int64  `cbor:"4,keyasint"`
	Reset   []byte `cbor:"5,keyasint,omitempty"`
}

// backupChat gives a chat the next number, from 1.
type backupChat struct {
	Person int     `cbor:"1,keyasint"` // 0: the room
	Read   float64 `cbor:"2,keyasint"`
	Muted  int64   `cbor:"3,keyasint,omitempty"`
	Keep   int64   `cbor:"4,keyasint,omitempty"`
}

type backupMessage struct {
	Chat      int     `cbor:"1,keyasint"`
	ID        []byte  `cbor:"2,keyasint"`
	Sender    int     `cbor:"3,keyasint"`
	Seq       uint64  `cbor:"4,keyasint"`
	Pos       float64 `cbor:"5,keyasint"`
	Late      bool    `cbor:"6,keyasint"`
	Sent      int64   `cbor:"7,keyasint"`
	Arrived   int64   `cbor:"8,keyasint"`
	State     uint8   `cbor:"9,keyasint"`
	Acked     int     `cbor:"10,keyasint"`
	Addressed int     `cbor:"11,keyasint"`
	Reason    string  `cbor:"12,keyasint"`
	Path      uint8   `cbor:"13,keyasint"`
	Text      string  `cbor:"14,keyasint"`           // what it said at first
	Payload   []byte  `cbor:"15,keyasint,omitempty"` // what is to be sent for it, as long as it waits
	Kind      uint8   `cbor:"16,keyasint,omitempty"`
	Target    []byte  `cbor:"17,keyasint,omitempty"`
	Author    int     `cbor:"18,keyasint,omitempty"` // of the target
	Deleted   bool    `cbor:"19,keyasint,omitempty"`
	Mentioned bool    `cbor:"20,keyasint,omitempty"`
}

// backup collects records.
type backup struct {
	records bytes.Buffer
	persons map[identity.ID]int
	chats   map[Chat]int
	last    int64 // the newest message that belongs in it
}

func (b *backup) put(kind byte, record any) error {
	coded, err := cborx.Marshal(record)
	if err != nil {
		return err
	}
	if len(coded) > maxRecord {
		return fmt.Errorf("a record of kind %d has %d bytes", kind, len(coded))
	}
	b.records.WriteByte(kind)
	b.records.Write(binary.BigEndian.AppendUint32(nil, uint32(len(coded))))
	b.records.Write(coded)
	return nil
}

// Progress is told how far long work has come. It may be nil.
type Progress func(done, of int64)

func (p Progress) tell(done, of int64) {
	if p != nil {
		p(done, of)
	}
}

// ExportFile writes a backup into a new file, readable by its user alone. The
// file has its name only when it is whole.
func (s *Store) ExportFile(ctx context.Context, path string, passphrase []byte, progress Progress) (err error) {
	if err := Vacant(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+partSuffix) // with mode 0600
	if err != nil {
		return withHint(backupHint, "make the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = s.Export(ctx, f, passphrase, progress)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = Vacant(path)
	}
	if err == nil {
		err = moveInPlace(f.Name(), path)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = withHint("free some space there, or name a file on another disk", "%w", err)
	}
	return err
}

const backupHint = "name a new file in a directory in which you can write"

// Vacant refuses a name that is taken.
func Vacant(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return withHint("name another file; nothing is ever overwritten", "make the backup: %s is there already", path)
	case !errors.Is(err, fs.ErrNotExist):
		return withHint(backupHint, "make the backup: %w", err)
	}
	return nil
}

// Export writes a backup to w, sealed under a passphrase of its own. Nobody
// else has to wait for it but for moments.
func (s *Store) Export(ctx context.Context, w io.Writer, passphrase []byte, progress Progress) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("make the backup: %w", err)
		}
	}()
	out, err := vault.NewBackupWriter(rand.Reader, w, passphrase)
	if err != nil {
		return err
	}
	b := &backup{persons: make(map[identity.ID]int), chats: make(map[Chat]int)}
	if err := s.View(ctx, func(tx *Tx) error { return tx.exportBase(b) }); err != nil {
		return err
	}
	for row := int64(0); ; {
		progress.tell(row, b.last)
		if _, err := b.records.WriteTo(out); err != nil {
			return err
		}
		if row == b.last {
			return out.Close()
		}
		if err := s.View(ctx, func(tx *Tx) (err error) {
			row, err = tx.exportMessages(b, row)
			return err
		}); err != nil {
			return err
		}
	}
}

// exportBase puts everything but the messages.
func (tx *Tx) exportBase(b *backup) error {
	for _, put := range []func(*backup) error{
		tx.exportProfile, tx.exportMeta, tx.exportPersons, tx.exportContacts, tx.exportSessions, tx.exportChats,
	} {
		if err := put(b); err != nil {
			return err
		}
	}
	_, err := tx.one("SELECT coalesce(max(id), 0) FROM message", func(s *sqlite3.Stmt) { b.last = s.ColumnInt64(0) })
	return err
}

func (tx *Tx) exportProfile(b *backup) error {
	key, ok, err := tx.Identity()
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("the profile is nobody yet")
	}
	agreement, _, err := tx.IdentityKey()
	if err != nil {
		return err
	}
	return b.put(kindProfile, backupProfile{Made: time.Now().UnixMilli(), Seed: key.Seed(), Agreement: agreement})
}

func (tx *Tx) exportMeta(b *backup) error {
	return tx.query("SELECT name, value FROM meta WHERE name <> ? ORDER BY name", func(s *sqlite3.Stmt) error {
		return b.put(kindMeta, backupMeta{Name: s.ColumnText(0), Value: s.ColumnText(1)})
	}, MetaRestored)
}

func (tx *Tx) exportPersons(b *backup) error {
	return tx.query("SELECT pub FROM peer ORDER BY id", func(s *sqlite3.Stmt) error {
		id := identity.ID(s.ColumnRawBlob(0))
		b.persons[id] = len(b.persons) + 1
		return b.put(kindPerson, backupPerson{ID: id[:]})
	})
}

func (tx *Tx) exportContacts(b *backup) error {
	return tx.query("SELECT "+contactColumns, func(s *sqlite3.Stmt) error {
		c := scanContact(s)
		return b.put(kindContact, backupContact{
			Person:   b.persons[c.ID],
			Claimed:  c.Claimed,
			Petname:  c.Petname,
			Kept:     c.Kept,
			Seen:     msOf(c.LastSeen),
			Standing: uint8(c.Standing),
			Since:    msOf(c.Since),
			Verified: c.Verified,
			Addrs:    c.Addrs,
			Gen:      c.Gen,
			Floor:    c.Floor,
			Invited:  c.Invited,
			Heard:    c.Heard,
		})
	})
}

func (tx *Tx) exportSessions(b *backup) error {
	return tx.query("SELECT id, peer, sid, gen, started, reset FROM session ORDER BY id", func(s *sqlite3.Stmt) error {
		id, err := tx.peerID(s.ColumnInt64(1))
		if err != nil {
			return err
		}
		reset, err := tx.openRecord(s, 5, sessionPlace("reset", s.ColumnInt64(0), 0))
		if err != nil {
			return err
		}
		return b.put(kindSession, backupSession{
			Person:  b.persons[id],
			SID:     s.ColumnBlob(2, nil),
			Gen:     uint64(s.ColumnInt64(3)),
			Started: s.ColumnInt64(4),
			Reset:   reset,
		})
	})
}

func (tx *Tx) exportChats(b *backup) error {
	return tx.query("SELECT "+chatColumns+" ORDER BY c.id", func(s *sqlite3.Stmt) error {
		c := tx.keepChat(s)
		b.chats[c.of] = len(b.chats) + 1
		return b.put(kindChat, backupChat{Person: b.persons[c.of.Peer], Read: c.read, Muted: c.muted, Keep: c.keep})
	})
}

// exportMessages puts the messages of the next page and returns the last one's
// row.
func (tx *Tx) exportMessages(b *backup, after int64) (last int64, err error) {
	last = b.last
	n := 0
	err = tx.query("SELECT "+messageColumns+`, e.sealed, o.text FROM message m
		LEFT JOIN envelope e ON e.message = m.id LEFT JOIN original o ON o.message = m.id
		WHERE m.id > ? AND m.id <= ? ORDER BY m.id LIMIT ?`, func(s *sqlite3.Stmt) error {
		m, err := tx.scanMessage(s)
		if err != nil {
			return err
		}
		if !m.Edited.IsZero() {
			m.Text = s.ColumnText(messageWidth + 1)
		}
		var payload []byte
		if !m.Chat.IsRoom() {
			if payload, err = tx.openRecord(s, messageWidth, envelopePlace(m.Row)); err != nil {
				return err
			}
		}
		if n++; n == backupPage {
			last = m.Row
		}
		return b.putMessage(m, payload)
	}, after, b.last, backupPage)
	return last, err
}

func (b *backup) putMessage(m Message, payload []byte) error {
	switch {
	case payload != nil: // what was under way waits again
		m.State, m.Acked = StateQueued, 0
	case m.State == StateQueued: // a line of the room, whose time will be over
		m.State, m.Reason = StateFailed, unconfirmed
	}
	var target []byte
	if !m.Target.From.IsZero() {
		target = m.Target.ID[:]
	}
	return b.put(kindMessage, backupMessage{
		Chat:      b.chats[m.Chat],
		ID:        m.ID[:],
		Sender:    b.persons[m.From],
		Seq:       m.Seq,
		Pos:       m.Pos,
		Late:      m.Late,
		Sent:      m.Sent.UnixMilli(),
		Arrived:   m.Arrived.UnixMilli(),
		State:     uint8(m.State),
		Acked:     m.Acked,
		Addressed: m.Addressed,
		Reason:    m.Reason,
		Path:      uint8(m.Path),
		Text:      m.Text,
		Payload:   payload,
		Kind:      uint8(m.Kind),
		Target:    target,
		Author:    b.persons[m.Target.From],
		Deleted:   m.Deleted,
		Mentioned: m.Mentioned,
	})
}
