package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dione/crypto/cborx"
	"dione/crypto/identity"
	"dione/crypto/vault"
)

// This file makes a profile out of a backup. The rules are:
//   - nothing of a backup is believed before all of it was found unchanged;
//   - it becomes a new profile, and never changes one that is there;
//   - whenever it is interrupted, there is a whole profile or none.

// restoreBatch is how many records go into one transaction.
const restoreBatch = 5000

// ErrExists says that somebody lives in the profile already.
var ErrExists error = &hintError{
	errors.New("there is a profile already"),
	"restore into another directory with --home, or move that profile away first",
}

// HasDatabase reports whether somebody lives in the profile directory dir.
func HasDatabase(dir string) (bool, error) {
	for _, name := range []string{dbName, dbName + walSuffix} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, withHint(homeHint, "look for a profile: %w", err)
		}
	}
	return false, nil
}

// Backup is a backup file, open for reading.
type Backup struct {
	f    *os.File
	size int64
	head vault.BackupHead
	key  *vault.BackupKey // nil while locked
}

// Restored says what a profile was made of.
type Restored struct {
	ID       identity.ID
	Made     time.Time // when the backup was
	Contacts int
	Messages int
	Waiting  int // own messages that will be sent
}

// OpenBackup opens a backup file.
func OpenBackup(path string) (b *Backup, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withHint("name a file that dione export has made", "open the backup: %w", err)
	}
	b = &Backup{f: f}
	info, err := f.Stat()
	if err == nil {
		b.size = info.Size()
		b.head, err = vault.ReadBackupHead(f)
	}
	if err != nil {
		return nil, errors.Join(explainBackup("open the backup "+path, err), f.Close())
	}
	return b, nil
}

// explainBackup adds the next step to an error of a backup file.
func explainBackup(what string, err error) error {
	switch {
	case errors.Is(err, vault.ErrNotBackup):
		return withHint("name a file that dione export has made", "%s: %w", what, err)
	case errors.Is(err, vault.ErrBackupVersion):
		return withHint("install the newer dione that made it", "%s: %w", what, err)
	case errors.Is(err, vault.ErrBackup):
		return withHint("copy it again from where it is kept, or take another backup; nothing was restored", "%s: %w", what, err)
	case errors.Is(err, vault.ErrPassphrase):
		return withHint("try it again, with an eye on the keyboard's layout; nobody can recover a passphrase", "%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Close closes the file.
func (b *Backup) Close() error { return b.f.Close() }

// Unlock takes the backup's passphrase and looks through the whole file. A
// wrong one gives [vault.ErrPassphrase], a file that was changed or cut
// [vault.ErrBackup].
func (b *Backup) Unlock(ctx context.Context, passphrase []byte, progress Progress) error {
	key, err := b.head.Open(passphrase)
	if err != nil {
		return explainBackup("open the backup", err)
	}
	b.key = &key
	r, err := b.content(ctx, progress)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		b.key = nil
		return explainBackup("check the backup", err)
	}
	return nil
}

// content returns a reader of the content from its beginning.
func (b *Backup) content(ctx context.Context, progress Progress) (io.Reader, error) {
	if b.key == nil {
		return nil, errors.New("the backup is locked")
	}
	if _, err := b.f.Seek(int64(vault.BackupHeadSize), io.SeekStart); err != nil {
		return nil, err
	}
	return b.key.NewReader(&watched{ctx: ctx, b: b, progress: progress})
}

// watched reads a backup file, tells how far it has come, and ends with its
// context.
type watched struct {
	ctx      context.Context
	b        *Backup
	progress Progress
	done     int64
}

func (r *watched) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.b.f.Read(p)
	r.done += int64(n)
	r.progress.tell(r.done, r.b.size-int64(vault.BackupHeadSize))
	return n, err
}

// Import makes the database of a profile that has none out of an unlocked
// backup. The key is that of [Profile.Unlock].
func Import(ctx context.Context, p *Profile, key vault.Key, b *Backup, progress Progress) (done Restored, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore: %w", explain(ctx, err))
		}
	}()
	if exists, err := HasDatabase(p.dir); err != nil || exists {
		return Restored{}, cmp.Or(err, ErrExists)
	}
	steps, err := schema()
	if err != nil {
		return Restored{}, err
	}
	path := filepath.Join(p.dir, dbName)
	if err := mainKind(key, steps).build(ctx, path, func(db *conn) error {
		done, err = restore(ctx, b, db, key, progress)
		return err
	}); err != nil {
		return Restored{}, errors.Join(err, removeAll(unfinished(path)))
	}
	return done, moveInPlace(path+partSuffix, path)
}

// restore fills an empty database.
func restore(ctx context.Context, b *Backup, db *conn, key vault.Key, progress Progress) (Restored, error) {
	r, err := b.content(ctx, progress)
	if err != nil {
		return Restored{}, explainBackup("read the backup", err)
	}
	records, err := key.Records()
	if err != nil {
		return Restored{}, err
	}
	s := &Store{db: db, records: records, cache: newCache(), log: slog.New(slog.DiscardHandler)}
	in := &restoring{tx: &Tx{s: s, ctx: ctx, writes: true}}
	for more := true; more; {
		if err := db.exec("BEGIN IMMEDIATE"); err != nil {
			return Restored{}, err
		}
		for n := 0; n < restoreBatch && more; n++ {
			err := in.next(r)
			if more = !errors.Is(err, io.EOF); more && err != nil {
				return Restored{}, explainBackup(fmt.Sprintf("record %d of the backup", in.n), err)
			}
		}
		if err := errors.Join(in.tx.flush(), db.exec("COMMIT")); err != nil {
			return Restored{}, err
		}
	}
	if in.done.Made.IsZero() {
		return Restored{}, explainBackup("read the backup", fmt.Errorf("%w: it holds nothing", vault.ErrBackup))
	}
	return in.done, db.quickCheck()
}

// restoring is a database on its way.
type restoring struct {
	tx      *Tx
	n       int  // records read
	kind    byte // of the last one
	persons []identity.ID
	chats   []*chat
	done    Restored
}

// odd says that a record is not what this program writes.
func odd(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{vault.ErrBackup}, args...)...)
}

// next reads one record and stores what it says, or returns io.EOF.
func (in *restoring) next(r io.Reader) error {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return odd("half a record")
		}
		return err
	}
	in.n++
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxRecord {
		return odd("%d bytes", n)
	}
	coded := make([]byte, n)
	if _, err := io.ReadFull(r, coded); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return odd("half a record")
		}
		return err
	}
	if (head[0] == kindProfile) != (in.n == 1) || head[0] < in.kind {
		return odd("kind %d", head[0])
	}
	in.kind = head[0]
	switch head[0] {
	case kindProfile:
		return read(coded, in.profile)
	case kindMeta:
		return read(coded, func(m backupMeta) error { return in.tx.SetMeta(m.Name, m.Value) })
	case kindPerson:
		return read(coded, in.person)
	case kindContact:
		return read(coded, in.contact)
	case kindSession:
		return read(coded, in.session)
	case kindChat:
		return read(coded, in.chat)
	case kindMessage:
		return read(coded, in.message)
	}
	return odd("kind %d", head[0])
}

// read decodes a record and gives it to take.
func read[T any](coded []byte, take func(T) error) error {
	var record T
	if err := cborx.Unmarshal(coded, &record, maxRecord); err != nil {
		return odd("%w", err)
	}
	return take(record)
}

func (in *restoring) profile(r backupProfile) error {
	key, err := identity.FromSeed(r.Seed)
	if err != nil || r.Made <= 0 {
		return odd("no identity")
	}
	in.done.ID, in.done.Made = key.ID(), time.UnixMilli(r.Made)
	if err := in.tx.SetIdentity(key); err != nil {
		return err
	}
	if r.Agreement != nil {
		if err := in.tx.SetIdentityKey(r.Agreement); err != nil {
			return err
		}
	}
	return in.tx.SetMeta(MetaRestored, in.done.Made.UTC().Format(time.RFC3339))
}

func (in *restoring) person(r backupPerson) error {
	if len(r.ID) != identity.Size {
		return odd("an identity of %d bytes", len(r.ID))
	}
	id := identity.ID(r.ID)
	in.persons = append(in.persons, id)
	if n, err := in.tx.addPeer(id); err != nil || n != int64(len(in.persons)) {
		return cmp.Or(err, odd("a person twice"))
	}
	return nil
}

// who returns the person of a number.
func (in *restoring) who(number int) (identity.ID, error) {
	if number < 1 || number > len(in.persons) {
		return identity.ID{}, odd("person %d of %d", number, len(in.persons))
	}
	return in.persons[number-1], nil
}

func (in *restoring) contact(r backupContact) error {
	id, err := in.who(r.Person)
	if err != nil {
		return err
	}
	if Standing(r.Standing) > StandingBlocked || r.Gen > math.MaxInt64 || r.Floor > math.MaxInt64 || strings.Contains(strings.Join(append(r.Addrs, r.Heard...), ""), "\n") {
		return odd("a contact with values out of range")
	}
	in.done.Contacts++
	return in.tx.PutContact(Contact{
		ID:       id,
		Claimed:  r.Claimed,
		Petname:  r.Petname,
		Kept:     r.Kept,
		LastSeen: timeOf(r.Seen),
		Standing: Standing(r.Standing),
		Since:    timeOf(r.Since),
		Verified: r.Verified,
		Addrs:    r.Addrs,
		Gen:      r.Gen,
		Floor:    r.Floor,
		Invited:  r.Invited,
		Heard:    r.Heard,
	})
}

func (in *restoring) session(r backupSession) error {
	id, err := in.who(r.Person)
	if err != nil {
		return err
	}
	if len(r.SID) != 16 || r.Gen > math.MaxInt64 {
		return odd("a session with values out of range")
	}
	return in.tx.PutSession(&Session{Peer: id, SID: [16]byte(r.SID), Gen: r.Gen, Started: time.UnixMilli(r.Started), Reset: r.Reset})
}

func (in *restoring) chat(r backupChat) error {
	var of Chat
	if r.Person != 0 {
		id, err := in.who(r.Person)
		if err != nil {
			return err
		}
		of.Peer = id
	}
	if known, err := in.tx.chat(of); err != nil || (known != nil) != of.IsRoom() || of.IsRoom() && len(in.chats) > 0 {
		return cmp.Or(err, odd("a chat twice"))
	}
	c, err := in.tx.addChat(of)
	if err != nil {
		return err
	}
	if !(r.Read >= 0) || math.IsInf(r.Read, 0) {
		return odd("a chat read to %v", r.Read)
	}
	if r.Muted < 0 {
		return odd("a chat muted until %d", r.Muted)
	}
	if r.Keep < 0 || r.Keep > MaxKeep.Milliseconds() {
		return odd("a chat kept for %d", r.Keep)
	}
	c.read, c.muted, c.keep = r.Read, r.Muted, r.Keep
	in.tx.changed(c)
	in.chats = append(in.chats, c)
	return nil
}

func (in *restoring) message(r backupMessage) error {
	from, err := in.who(r.Sender)
	if err != nil {
		return err
	}
	if r.Chat < 1 || r.Chat > len(in.chats) {
		return odd("chat %d of %d", r.Chat, len(in.chats))
	}
	c := in.chats[r.Chat-1]
	m := Message{
		Chat: c.of, From: from, Mine: r.State != uint8(StateReceived), Seq: r.Seq, Pos: r.Pos, Late: r.Late,
		Sent: time.UnixMilli(r.Sent), Arrived: time.UnixMilli(r.Arrived), State: State(r.State), Acked: r.Acked, Addressed: r.Addressed,
		Reason: r.Reason, Path: Path(r.Path), Text: r.Text, Kind: Kind(r.Kind), Deleted: r.Deleted, Mentioned: r.Mentioned,
	}
	if r.Author != 0 || r.Target != nil {
		if m.Target.From, err = in.who(r.Author); err != nil || len(r.Target) != len(m.Target.ID) {
			return cmp.Or(err, odd("a target of %d bytes", len(r.Target)))
		}
		copy(m.Target.ID[:], r.Target)
	}
	waits := r.Payload != nil
	switch {
	case m.check() != nil:
		return odd("%w", m.check())
	case m.Mine != (from == in.done.ID), m.State > StateFailed, Path(r.Path) > PathMailbox, m.Seq == 0,
		len(r.ID) != len(m.ID), !(r.Pos > 0) || math.IsInf(r.Pos, 0),
		r.Acked < 0 || r.Acked > r.Addressed, waits && c.of.IsRoom(), waits != (m.State == StateQueued),
		m.Deleted && (m.Kind != KindText || m.Text != ""):
		return odd("a message with values out of range")
	}
	copy(m.ID[:], r.ID)
	if added, err := in.tx.putMessage(&m, c.row, int64(r.Sender)); err != nil || !added {
		return cmp.Or(err, odd("a message twice"))
	}
	in.tx.appeared(&m, c)
	if m.Kind == KindText {
		in.done.Messages++
		err = in.tx.settleNew(&m)
	} else {
		_, _, err = in.tx.settle(m)
	}
	if err != nil {
		return err
	}
	if waits {
		in.done.Waiting++
		return in.tx.Enqueue(m, []identity.ID{c.of.Peer}, r.Payload, time.Time{})
	}
	return nil
}
