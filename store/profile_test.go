package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dione/crypto/vault"
)

// hint returns the next step that err knows, the way its readers find it.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func TestProfileIsPrivate(t *testing.T) {
	if !restricts {
		t.Skip("file modes mean nothing here")
	}
	dir := filepath.Join(t.TempDir(), "new", "profile")
	p, s := testProfile(t, dir)
	add(t, s, mine(Room, "x"))
	for name, want := range map[string]os.FileMode{
		"": 0o700, lockName: 0o600, keyName: 0o600, dbName: 0o600, dbName + walSuffix: 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q is %v, want %v", name, got, want)
		}
	}
	closeAll(t, p, s)
}

// An open directory is closed if nobody else can have a use for it.
func TestOpenDirectory(t *testing.T) {
	if !restricts {
		t.Skip("file modes mean nothing here")
	}
	for name, ok := range map[string]bool{"": true, "config.toml": true, "log": true, "thesis.tex": false, "login": false} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "" {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p, err := OpenProfile(dir)
		info, statErr := os.Stat(dir)
		if statErr != nil {
			t.Fatal(statErr)
		}
		if ok != (err == nil) || ok != (info.Mode().Perm() == 0o700) {
			t.Errorf("directory with %q: %v, mode %v", name, err, info.Mode())
		}
		if err != nil && hint(err) == "" {
			t.Errorf("%v: no hint", err)
		}
		if p != nil {
			p.Close()
		}
	}
}

func TestProfileIsNotADirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenProfile(path); err == nil || hint(err) == "" {
		t.Errorf("OpenProfile of a file = %v", err)
	}
}

// A second process learns at once that there is a first one, and which.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, "hold", dir)
	c.expect("holding")
	start := time.Now()
	_, err := OpenProfile(dir)
	took := time.Since(start)
	var inUse *InUseError
	if !errors.As(err, &inUse) || inUse.PID != c.cmd.Process.Pid {
		t.Errorf("OpenProfile = %v, want in use by %d", err, c.cmd.Process.Pid)
	}
	if took > 100*time.Millisecond || hint(err) == "" {
		t.Errorf("took %v, hint %q", took, hint(err))
	}
	c.kill()
	p, s := testProfile(t, dir) // a dead process holds nothing
	if _, err := OpenProfile(dir); !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
		t.Errorf("OpenProfile twice = %v, want in use by %d", err, os.Getpid())
	}
	if _, err := Open(t.Context(), p, *p.key, nil); err == nil {
		t.Error("the store was opened twice")
	}
	if err := p.Close(); err == nil {
		t.Error("the profile was closed under its store")
	}
	closeAll(t, p, s)
}

func TestPassphrase(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	add(t, s, mine(Room, "x"))
	key := *p.key
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if p.NeedsPassphrase() {
		t.Error("a new profile needs a passphrase")
	}
	if err := p.SetPassphrase(vault.Key{1}, []byte("x")); err == nil {
		t.Error("a key of another profile was written")
	}
	if err := p.SetPassphrase(key, []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	p, err := OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !p.NeedsPassphrase() {
		t.Error("no passphrase is needed")
	}
	if b := contents(t, dir)[keyName]; bytes.Contains(b, key[:]) {
		t.Error("the key lies in the clear")
	}
	for _, wrong := range []string{"", "correct", "correct horse "} {
		if _, err := p.Unlock([]byte(wrong)); !errors.Is(err, vault.ErrPassphrase) {
			t.Errorf("Unlock(%q) = %v, want %v", wrong, err, vault.ErrPassphrase)
		}
	}
	if err := p.SetPassphrase(key, nil); err == nil {
		t.Error("the passphrase was changed while locked")
	}
	got, err := p.Unlock([]byte("correct horse"))
	if err != nil || got != key {
		t.Fatalf("Unlock = %v, or another key", err)
	}
	if err := p.SetPassphrase(got, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p, s = testProfile(t, dir)
	if got := history(t, s, Room); len(got) != 1 {
		t.Errorf("%d messages, want 1", len(got))
	}
	closeAll(t, p, s)
}

func TestFirstStartWithPassphrase(t *testing.T) {
	dir := t.TempDir()
	p, err := OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Unlock([]byte("p")); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err = OpenProfile(dir); err != nil || !p.NeedsPassphrase() {
		t.Fatalf("OpenProfile = %v, or no passphrase needed", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// Whatever step a change of the passphrase was interrupted at, one of the two
// files is there whole, and nothing of the other.
func TestInterruptedChange(t *testing.T) {
	dir := t.TempDir()
	p, err := OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := p.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	former := contents(t, dir)[keyName]
	if err := p.SetPassphrase(key, []byte("new")); err != nil {
		t.Fatal(err)
	}
	latter := contents(t, dir)[keyName]
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string]struct {
		file, part []byte // nil: not there
		passphrase string
	}{
		"file made":      {former, []byte{}, ""},
		"half written":   {former, latter[:len(latter)/2], ""},
		"written":        {former, latter, ""},
		"renamed":        {latter, nil, "new"},
		"back, half":     {latter, former[:3], "new"},
		"renamed again":  {former, nil, ""},
		"first, half":    {nil, former[:3], ""},
		"first, written": {nil, former, ""},
	} {
		for file, content := range map[string][]byte{keyName: state.file, keyName + partSuffix: state.part} {
			path := filepath.Join(dir, file)
			if content == nil {
				if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, err := OpenProfile(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := p.Unlock([]byte(state.passphrase))
		if err != nil || state.file != nil && got != key {
			t.Errorf("%s: Unlock = %v, or another key", name, err)
		}
		if _, ok := contents(t, dir)[keyName+partSuffix]; ok {
			t.Errorf("%s: what was not finished is still there", name)
		}
		if err := p.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The same with kill -9, at any instant.
func TestKilledDuringChange(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	add(t, s, mine(Room, "x"))
	closeAll(t, p, s)
	for i := range rounds(8, 100) {
		c := startChild(t, "passphrase", dir)
		c.expect("changing")
		time.Sleep(time.Duration(i%8) * 40 * time.Millisecond) // an instant within a change or two
		c.kill()
		p, err := OpenProfile(dir)
		if err != nil {
			t.Fatal(err)
		}
		key, err := p.Unlock([]byte("p")) // or none, which is the other state
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), p, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := history(t, s, Room); len(got) != 1 {
			t.Errorf("%d messages, want 1", len(got))
		}
		closeAll(t, p, s)
	}
}

// Without its key a database is noise. That must not be taken for a first
// start, which would make another identity.
func TestKeyFileIsGone(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	closeAll(t, p, s)
	before := contents(t, dir)[dbName]
	path := filepath.Join(dir, keyName)
	for name, content := range map[string][]byte{"missing": nil, "empty": {}, "garbage": []byte("garbage"), "long": make([]byte, 1<<20)} {
		if content == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenProfile(dir); err == nil || hint(err) == "" || !strings.Contains(err.Error(), keyName) {
			t.Errorf("%s: OpenProfile = %v", name, err)
		}
		if after := contents(t, dir); !bytes.Equal(after[dbName], before) || !bytes.Equal(after[keyName], content) {
			t.Errorf("%s: something was written", name)
		}
	}
}

func TestNoHome(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("every name can be made there")
	}
	_, err := OpenProfile("/dev/null/profile")
	if err == nil || hint(err) == "" {
		t.Errorf("OpenProfile = %v", fmt.Sprint(err))
	}
}
