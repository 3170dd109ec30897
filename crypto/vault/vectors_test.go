package vault

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"dione/crypto/kdf"
	"dione/internal/vectors"
)

// upFrom stands for a random source that counts up.
func upFrom(b byte) *strings.Reader {
	var s strings.Builder
	for range 64 {
		s.WriteByte(b)
		b++
	}
	return strings.NewReader(s.String())
}

func TestVectors(t *testing.T) {
	all := vectors.Read(t, "../PROTOCOL.md", "vault")
	key, err := NewKey(upFrom(0))
	if err != nil {
		t.Fatal(err)
	}
	pages, record := key.Pages(), kdf.Key(key[:], kdf.StoreRecord)
	heldPages, heldRecord := key.HeldPages(), kdf.Key(key[:], kdf.HeldRecord)
	wrapped, err := Wrap(upFrom(0x20), key, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := key.Records()
	if err != nil {
		t.Fatal(err)
	}
	box, err := records.Seal(upFrom(0x20), []byte("seed"), Place{"identity", 1, 7})
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	w, err := NewBackupWriter(upFrom(0x20), &backup, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte("seed"))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	vectors.Same(t, "the program", "vault", map[string][]byte{
		"data key":         key[:],
		"store db":         pages[:],
		"store record":     record[:],
		"held db":          heldPages[:],
		"held record":      heldRecord[:],
		"key file clear":   encode(t, Clear(key)),
		"key file wrapped": encode(t, wrapped),
		"record":           box,
		"backup":           backup.Bytes(),
	}, all)
}

// A key file of the specification opens, whoever made it.
func TestVectorOpens(t *testing.T) {
	all := vectors.Read(t, "../PROTOCOL.md", "vault")
	file, err := Decode(all["key file wrapped"])
	if err != nil {
		t.Fatal(err)
	}
	key, err := file.Open([]byte("correct horse"))
	if err != nil || !bytes.Equal(key[:], all["data key"]) {
		t.Errorf("Open = %v, another key or an error", err)
	}
}

// The backup of the specification opens by its words alone, without the code
// that reads backups.
func TestVectorOfBackup(t *testing.T) {
	file := vectors.Read(t, "../PROTOCOL.md", "vault")["backup"]
	head, mac, chunk := file[:40], file[40:72], file[72:]
	if string(head[:15]) != "dione backup 1\n" {
		t.Fatalf("head %q", head)
	}
	m, passes, lanes := binary.BigEndian.Uint32(head[15:]), binary.BigEndian.Uint32(head[19:]), head[23]
	kb := argon2.IDKey([]byte("correct horse"), head[24:], passes, m, lanes, 32)
	expand := func(label string) []byte {
		key, err := hkdf.Expand(sha256.New, kb, label, 32)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	h := hmac.New(sha256.New, expand("dione/1 backup mac"))
	h.Write(head)
	if got := h.Sum(nil); !bytes.Equal(got, mac) {
		t.Errorf("MAC %x, want %x", got, mac)
	}
	aead, err := chacha20poly1305.New(expand("dione/1 backup data"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := aead.Open(nil, unhex(t, "000000 0000000000000000 01"), chunk, nil); err != nil || string(got) != "seed" {
		t.Errorf("chunk: %q, %v", got, err)
	}
}

func encode(t testing.TB, f KeyFile) []byte {
	t.Helper()
	b, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
