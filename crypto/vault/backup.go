package vault

import (
	"bufio"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"dione/crypto/kdf"
)

// This file seals what leaves the profile: a backup, under a passphrase of its
// own. The rules are those of crypto/PROTOCOL.md, section "Backups":
//   - a head in the clear says how the passphrase is stretched, and its MAC
//     tells a wrong passphrase before anything else is read;
//   - the content follows in chunks, numbered, the last one marked: none can
//     be changed, moved, left out or cut off unseen.

// What is wrong with a backup file.
var (
	// ErrNotBackup says that a file is none of dione's backups.
	ErrNotBackup = errors.New("not a backup of dione")

	// ErrBackupVersion says that another version of the program made it.
	ErrBackupVersion = errors.New("a backup of another version")

	// ErrBackup says that a backup was changed, or that its end is missing.
	ErrBackup = errors.New("the backup is damaged or not whole")
)

const (
	backupName  = "dione backup "
	backupMagic = backupName + "1\n"
	backupChunk = 64 << 10

	// BackupHeadSize is how many bytes stand before a backup's content: magic,
	// m, t, p, salt and MAC.
	BackupHeadSize = len(backupMagic) + 9 + saltSize + sha256.Size
)

// BackupHead is the head of a backup: what a passphrase is asked for.
type BackupHead struct {
	params params
	salt   []byte
	mac    []byte
}

// ReadBackupHead reads the first [BackupHeadSize] bytes of a backup. It bounds
// everything that [BackupHead.Open] will spend.
func ReadBackupHead(r io.Reader) (BackupHead, error) {
	b := make([]byte, BackupHeadSize)
	n, err := io.ReadFull(r, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return BackupHead{}, err
	}
	switch name := b[:min(n, len(backupName))]; {
	case n < len(backupMagic) || string(name) != backupName:
		return BackupHead{}, ErrNotBackup
	case string(b[:len(backupMagic)]) != backupMagic:
		return BackupHead{}, ErrBackupVersion
	case n < len(b):
		return BackupHead{}, fmt.Errorf("%w: it ends too early", ErrBackup)
	}
	h := BackupHead{mac: b[BackupHeadSize-sha256.Size:]}
	p := b[len(backupMagic):]
	h.params = params{Memory: binary.BigEndian.Uint32(p), Time: binary.BigEndian.Uint32(p[4:]), Threads: p[8]}
	h.salt = p[9 : 9+saltSize]
	if err := h.params.check(); err != nil {
		return BackupHead{}, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return h, nil
}

// encode returns the head without its MAC.
func (h *BackupHead) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte(backupMagic), h.params.Memory)
	b = binary.BigEndian.AppendUint32(b, h.params.Time)
	return append(append(b, h.params.Threads), h.salt...)
}

// Open returns the backup's key, or [ErrPassphrase]. It takes the time and
// memory of Argon2id: about 0.1 s and 64 MiB.
func (h *BackupHead) Open(passphrase []byte) (BackupKey, error) {
	if len(passphrase) == 0 {
		return BackupKey{}, ErrPassphrase
	}
	k := h.key(passphrase)
	if !hmac.Equal(k.mac(h.encode()), h.mac) {
		return BackupKey{}, ErrPassphrase
	}
	return k, nil
}

func (h *BackupHead) key(passphrase []byte) BackupKey {
	p := h.params
	return BackupKey(argon2.IDKey(passphrase, h.salt, p.Time, p.Memory, p.Threads, Size))
}

// BackupKey opens one backup. It hides itself from fmt, slog and JSON.
type BackupKey [Size]byte

// LogValue hides the key from slog.
func (BackupKey) LogValue() slog.Value { return slog.StringValue("[key]") }

// Format hides the key from every verb of fmt.
func (BackupKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// MarshalText hides a key inside a value that is logged or encoded.
func (BackupKey) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

func (k BackupKey) mac(head []byte) []byte {
	key := kdf.Key(k[:], kdf.BackupMAC)
	m := hmac.New(sha256.New, key[:])
	m.Write(head)
	return m.Sum(nil)
}

func (k BackupKey) chunks() (cipher.AEAD, error) {
	key := kdf.Key(k[:], kdf.BackupData)
	return chacha20poly1305.New(key[:])
}

// chunkNonce numbers the chunks and marks the last one. A key seals one backup
// only, so no nonce comes twice.
func chunkNonce(i uint64, last bool) []byte {
	n := make([]byte, chacha20poly1305.NonceSize)
	binary.BigEndian.PutUint64(n[3:], i)
	if last {
		n[len(n)-1] = 1
	}
	return n
}

// NewBackupWriter begins a backup in w, sealed under a passphrase. What is
// written to it is the content; the backup is whole when Close has returned
// nil. The salt comes from rand, usually crypto/rand.Reader.
func NewBackupWriter(rand io.Reader, w io.Writer, passphrase []byte) (io.WriteCloser, error) {
	return newBackupWriter(rand, w, passphrase, wrapParams)
}

func newBackupWriter(rand io.Reader, w io.Writer, passphrase []byte, p params) (io.WriteCloser, error) {
	if len(passphrase) == 0 {
		return nil, errors.New("begin a backup: empty passphrase")
	}
	h := BackupHead{params: p, salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(rand, h.salt); err != nil {
		return nil, fmt.Errorf("begin a backup: %w", err)
	}
	k := h.key(passphrase)
	aead, err := k.chunks()
	if err != nil {
		return nil, fmt.Errorf("begin a backup: %w", err)
	}
	head := h.encode()
	if _, err := w.Write(append(head, k.mac(head)...)); err != nil {
		return nil, err
	}
	return &backupWriter{w: w, aead: aead, chunk: make([]byte, 0, backupChunk+chacha20poly1305.Overhead)}, nil
}

type backupWriter struct {
	w     io.Writer
	aead  cipher.AEAD
	n     uint64 // chunks written
	chunk []byte
}

func (b *backupWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if len(b.chunk) == backupChunk { // and it was not the last
			if err := b.flush(false); err != nil {
				return n, err
			}
		}
		part := p[:min(len(p), backupChunk-len(b.chunk))]
		b.chunk, p, n = append(b.chunk, part...), p[len(part):], n+len(part)
	}
	return n, nil
}

func (b *backupWriter) flush(last bool) error {
	_, err := b.w.Write(b.aead.Seal(b.chunk[:0], chunkNonce(b.n, last), b.chunk, nil))
	b.chunk, b.n = b.chunk[:0], b.n+1
	return err
}

// Close writes the end of the backup.
func (b *backupWriter) Close() error { return b.flush(true) }

// NewReader reads the content of a backup from r, which stands behind the head
// that gave the key. Whatever is read from it is as it was written, and io.EOF
// comes only where the content ended; anything else is [ErrBackup].
func (k BackupKey) NewReader(r io.Reader) (io.Reader, error) {
	aead, err := k.chunks()
	if err != nil {
		return nil, fmt.Errorf("read a backup: %w", err)
	}
	box := make([]byte, backupChunk+chacha20poly1305.Overhead)
	return &backupReader{r: bufio.NewReaderSize(r, len(box)), aead: aead, box: box}, nil
}

type backupReader struct {
	r    *bufio.Reader
	aead cipher.AEAD
	n    uint64 // chunks read
	box  []byte
	left []byte // of the chunk in box
	end  error  // why nothing more is read
}

func (b *backupReader) Read(p []byte) (int, error) {
	for len(b.left) == 0 && b.end == nil {
		b.end = b.next()
	}
	if len(b.left) == 0 {
		return 0, b.end
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// next opens one chunk. With the last one it returns io.EOF.
func (b *backupReader) next() error {
	n, err := io.ReadFull(b.r, b.box)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	last := false
	if _, err := b.r.Peek(1); errors.Is(err, io.EOF) {
		last = true
	} else if err != nil {
		return err
	}
	if n < chacha20poly1305.Overhead || n == chacha20poly1305.Overhead && b.n > 0 { // only a backup of nothing ends in nothing
		return fmt.Errorf("%w: it ends too early", ErrBackup)
	}
	chunk, err := b.aead.Open(b.box[:0], chunkNonce(b.n, last), b.box[:n], nil)
	if err != nil {
		return ErrBackup
	}
	b.left, b.n = chunk, b.n+1
	if last {
		return io.EOF
	}
	return nil
}
