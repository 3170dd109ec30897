package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// sealBackup makes a backup under the passphrase p, cheaply.
func sealBackup(t testing.TB, content []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := newBackupWriter(rand.Reader, &file, []byte("p"), cheap)
	if err != nil {
		t.Fatal(err)
	}
	for rest := content; len(rest) > 0; { // in pieces that fit nowhere
		n := min(len(rest), 10_007)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// openBackup reads a backup to its end.
func openBackup(file []byte, passphrase string) ([]byte, error) {
	r := bytes.NewReader(file)
	head, err := ReadBackupHead(r)
	if err != nil {
		return nil, err
	}
	key, err := head.Open([]byte(passphrase))
	if err != nil {
		return nil, err
	}
	content, err := key.NewReader(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(content)
}

func TestBackup(t *testing.T) {
	for _, n := range []int{0, 1, backupChunk - 1, backupChunk, backupChunk + 1, 2 * backupChunk, 3*backupChunk + 5} {
		content := make([]byte, n)
		_, _ = rand.Read(content)
		file := sealBackup(t, content)
		if want := BackupHeadSize + n + max(1, (n+backupChunk-1)/backupChunk)*16; len(file) != want {
			t.Errorf("%d bytes: a file of %d bytes, want %d", n, len(file), want)
		}
		if got, err := openBackup(file, "p"); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: opened as %d bytes, %v", n, len(got), err)
		}
		for _, wrong := range []string{"", "P", "p "} {
			if _, err := openBackup(file, wrong); !errors.Is(err, ErrPassphrase) {
				t.Errorf("passphrase %q: %v, want %v", wrong, err, ErrPassphrase)
			}
		}
		if _, err := openBackup(append(file, 0), "p"); !errors.Is(err, ErrBackup) {
			t.Errorf("%d bytes and one behind: %v, want %v", n, err, ErrBackup)
		}
	}
	if _, err := NewBackupWriter(rand.Reader, io.Discard, nil); err == nil {
		t.Error("a backup without a passphrase was begun")
	}
	if _, err := NewBackupWriter(strings.NewReader("short"), io.Discard, []byte("p")); err == nil {
		t.Error("a backup with a salt of 5 bytes was begun")
	}
}

// Wherever a backup is cut off, that is found out: nothing more is read than
// what was written there, and never its end.
func TestBackupTruncated(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 3*backupChunk/16)
	file := sealBackup(t, content)
	const box = backupChunk + 16
	cuts := []int{}
	for n := range BackupHeadSize + 40 {
		cuts = append(cuts, n)
	}
	for chunk := 1; chunk <= 3; chunk++ {
		for _, d := range []int{-17, -16, -15, -1, 0, 1, 15, 16, 17} {
			cuts = append(cuts, BackupHeadSize+chunk*box+d)
		}
	}
	for _, n := range cuts {
		if n >= len(file) {
			continue
		}
		want := ErrBackup
		if n < len(backupMagic) {
			want = ErrNotBackup
		}
		got, err := openBackup(file[:n], "p")
		if !errors.Is(err, want) {
			t.Errorf("cut to %d bytes: %v, want %v", n, err, want)
		}
		if !bytes.HasPrefix(content, got) {
			t.Errorf("cut to %d bytes: it reads as something else", n)
		}
	}
}

// Whatever bit is changed, and however chunks are moved, that is found out.
func TestBackupTampered(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 3*backupChunk/16)
	file := sealBackup(t, content)
	step := 1
	for bit := 0; bit < len(file)*8; bit += step {
		if bit/8 > BackupHeadSize+8 {
			step = 8*4093 + 1 // of the content, some
		}
		bad := bytes.Clone(file)
		bad[bit/8] ^= 1 << (bit % 8)
		want := []error{ErrBackup}
		switch at := bit / 8; {
		case at < len(backupName):
			want = []error{ErrNotBackup}
		case at < len(backupMagic):
			want = []error{ErrBackupVersion}
		case at < BackupHeadSize:
			want = []error{ErrPassphrase, ErrBackup} // the latter for what is out of bounds
			if p := binary.BigEndian.Uint32(bad[len(backupMagic):]); p > 1<<16 || bad[len(backupMagic)+7] > 2 {
				continue // takes long to say no
			}
		}
		if got, err := openBackup(bad, "p"); !isOne(err, want) || !bytes.HasPrefix(content, got) {
			t.Errorf("bit %d: %v, want one of %v", bit, err, want)
		}
	}
	const box = backupChunk + 16
	chunk := func(i int) []byte { return file[BackupHeadSize+i*box : BackupHeadSize+(i+1)*box] }
	head, other := file[:BackupHeadSize], sealBackup(t, content)
	for name, parts := range map[string][][]byte{
		"exchanged":        {head, chunk(1), chunk(0), chunk(2)},
		"one left out":     {head, chunk(0), chunk(2)},
		"first left out":   {head, chunk(1), chunk(2)},
		"one twice":        {head, chunk(0), chunk(0), chunk(1), chunk(2)},
		"last twice":       {head, chunk(0), chunk(1), chunk(2), chunk(2)},
		"head alone":       {head},
		"another's head":   {other[:BackupHeadSize], chunk(0), chunk(1), chunk(2)},
		"another's chunks": {head, other[BackupHeadSize:]},
	} {
		if _, err := openBackup(bytes.Join(parts, nil), "p"); !errors.Is(err, ErrBackup) {
			t.Errorf("%s: %v, want %v", name, err, ErrBackup)
		}
	}
}

func isOne(err error, of []error) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A stranger's backup cannot make us spend more than it costs to say no.
func TestBackupHeadBounds(t *testing.T) {
	for name, p := range map[string]params{
		"no memory": {0, 1, 1}, "memory < 8 lanes": {31, 1, 4}, "512 MiB": {512 << 10, 1, 1}, "no pass": {64, 0, 1},
		"17 passes": {64, 17, 1}, "no thread": {64, 1, 0}, "255 threads": {1 << 16, 1, 255},
	} {
		h := BackupHead{params: p, salt: make([]byte, saltSize)}
		if _, err := ReadBackupHead(bytes.NewReader(append(h.encode(), make([]byte, 32)...))); !errors.Is(err, ErrBackup) {
			t.Errorf("%s: %v, want %v", name, err, ErrBackup)
		}
	}
	for text, want := range map[string]error{
		"":                                     ErrNotBackup,
		"dione backup":                         ErrNotBackup,
		"dione backup 2\n":                     ErrBackupVersion,
		"dione backup 10\n":                    ErrBackupVersion,
		"SQLite format 3\x00 and so much more": ErrNotBackup,
		"dione backup 1\n":                     ErrBackup,
	} {
		if _, err := ReadBackupHead(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

// An error of the disk is none of the backup.
func TestBackupDiskFails(t *testing.T) {
	disk := errors.New("disk fails")
	file := sealBackup(t, make([]byte, 2*backupChunk))
	for _, n := range []int{0, 20, BackupHeadSize, BackupHeadSize + 100, BackupHeadSize + backupChunk + 16} {
		r := io.MultiReader(bytes.NewReader(file[:n]), &failing{disk})
		head, err := ReadBackupHead(r)
		if err == nil {
			var key BackupKey
			if key, err = head.Open([]byte("p")); err == nil {
				var content io.Reader
				if content, err = key.NewReader(r); err == nil {
					_, err = io.Copy(io.Discard, content)
				}
			}
		}
		if !errors.Is(err, disk) || errors.Is(err, ErrBackup) {
			t.Errorf("after %d bytes: %v, want %v", n, err, disk)
		}
	}
	for _, n := range []int{0, BackupHeadSize, BackupHeadSize + 1} {
		w, err := newBackupWriter(rand.Reader, &full{left: n, err: disk}, []byte("p"), cheap)
		if err == nil {
			_, err = w.Write(make([]byte, 2*backupChunk))
		}
		if !errors.Is(err, disk) {
			t.Errorf("room for %d bytes: %v, want %v", n, err, disk)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// full takes some bytes and no more.
type full struct {
	left int
	err  error
}

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	if f.left -= n; n < len(p) {
		return n, f.err
	}
	return n, nil
}

func TestBackupKeyHides(t *testing.T) {
	key := BackupKey(bytes.Repeat([]byte{0xab}, Size))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if s := fmt.Sprintf(verb, key) + fmt.Sprintf(verb, struct{ K BackupKey }{key}); strings.Contains(s, "ab") || strings.Contains(s, "171") {
			t.Errorf("%s shows the key: %s", verb, s)
		}
	}
}

// FuzzBackup reads what anybody may have made: no panic, and what is accepted
// is what was written.
func FuzzBackup(f *testing.F) {
	var file bytes.Buffer
	w, err := newBackupWriter(upFrom(0), &file, []byte("p"), cheap) // the same in each process
	if err != nil {
		f.Fatal(err)
	}
	_, err = w.Write(bytes.Repeat([]byte("x"), 1000))
	if err := errors.Join(err, w.Close()); err != nil {
		f.Fatal(err)
	}
	good := file.Bytes()
	f.Add(good)
	f.Add(good[:BackupHeadSize])
	f.Add([]byte("dione backup 2\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		head, err := ReadBackupHead(bytes.NewReader(in))
		if err != nil {
			return
		}
		if again := append(head.encode(), head.mac...); !bytes.Equal(again, in[:BackupHeadSize]) {
			t.Errorf("accepted %x, which encodes as %x", in[:BackupHeadSize], again)
		}
		if p := head.params; p.Memory*p.Time > 1<<12 {
			return // takes long
		}
		if got, err := openBackup(in, "p"); err == nil && !bytes.Equal(in, good) {
			t.Errorf("%x is accepted as %x", in, got)
		}
	})
}
