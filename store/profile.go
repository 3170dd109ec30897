package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dione/crypto/vault"
)

// The names in a profile directory.
const (
	lockName = "lock"
	keyName  = "profile.key"
	dbName   = "dione.db"
	heldName = "parcels.db"

	// partSuffix marks a file that is not finished; it takes its place by one
	// rename, or is removed at the next start.
	partSuffix = ".new"
)

// ours are the names that dione makes in its directory, by themselves or
// followed by a dot or a dash and more.
var ours = []string{lockName, keyName, dbName, heldName, "config.toml", "control", "log"}

const homeHint = "choose a directory of your own with --home"

// Profile is a profile directory that this process has to itself. It is not
// safe for concurrent use.
type Profile struct {
	dir    string
	lock   *os.File
	file   *vault.KeyFile // nil before the first start
	key    *vault.Key     // nil while locked
	opened bool           // by a Store that is not closed
	held   bool           // by Parcels that are not closed
}

// OpenProfile makes the directory if need be, keeps others out of it, and
// takes it for this process. If another process has it, the error is an
// [InUseError].
func OpenProfile(dir string) (*Profile, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open profile: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, withHint(homeHint, "make profile directory: %w", err)
	}
	if err := restrict(dir); err != nil {
		return nil, withHint(homeHint, "open profile: %w", err)
	}
	p := &Profile{dir: dir}
	if err := p.take(); err != nil {
		return nil, err
	}
	if err := p.readKeyFile(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// restrict keeps everybody else out of dir. A directory that holds something
// else than a profile is somebody's own business and is left as it is.
func restrict(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if !restricts || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !isOurs(e.Name()) {
			return fmt.Errorf("%s is open to others (%v) and holds %s, so it will not be made a profile",
				dir, info.Mode().Perm(), e.Name())
		}
	}
	return os.Chmod(dir, 0o700)
}

func isOurs(name string) bool {
	for _, prefix := range ours {
		if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || rest[0] == '.' || rest[0] == '-') {
			return true
		}
	}
	return false
}

// take locks the directory and writes down who has it.
func (p *Profile) take() error {
	f, err := os.OpenFile(filepath.Join(p.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return withHint(homeHint, "open profile: cannot write in its directory: %w", err)
	}
	ok, err := tryLock(f)
	if err != nil {
		return errors.Join(withHint(homeHint, "lock profile %s: %w", p.dir, err), f.Close())
	}
	if !ok {
		pid := readPID(f)
		if err := f.Close(); err != nil {
			return fmt.Errorf("lock profile: %w", err)
		}
		return &InUseError{Dir: p.dir, PID: pid}
	}
	p.lock = f
	// The number only helps the reader of an error message, so a disk that is
	// too full for it must not keep anybody from the history.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return nil
}

func readPID(f *os.File) int {
	b := make([]byte, 16)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return 0
	}
	return pid
}

// readKeyFile reads profile.key, if there is one, and clears up behind a
// change of it that did not come to its end.
func (p *Profile) readKeyFile() error {
	path := filepath.Join(p.dir, keyName)
	if err := os.Remove(path + partSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open profile: %w", err)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(p.dir, dbName)); err == nil {
			return withHint("put back profile.key from a backup of this profile, or move the directory away to begin a new one",
				"open profile: %s is missing, and %s cannot be read without it", path, dbName)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("open profile: %w", err)
	}
	file, err := vault.Decode(b)
	if err != nil {
		return withHint("put back profile.key from a backup of this profile, or move the directory away to begin a new one",
			"open profile: %s cannot be read: %w", path, err)
	}
	p.file = &file
	return nil
}

// Dir returns the directory's absolute path.
func (p *Profile) Dir() string { return p.dir }

// NeedsPassphrase reports whether [Profile.Unlock] needs one.
func (p *Profile) NeedsPassphrase() bool { return p.file != nil && p.file.NeedsPassphrase() }

// Unlock returns the profile's data key. At the first start it makes one, and
// profile.key with it. A wrong passphrase gives [vault.ErrPassphrase].
func (p *Profile) Unlock(passphrase []byte) (vault.Key, error) {
	if p.file == nil {
		key, err := vault.NewKey(rand.Reader)
		if err != nil {
			return vault.Key{}, err
		}
		p.key = &key
		if err := p.SetPassphrase(key, passphrase); err != nil {
			p.key = nil
			return vault.Key{}, err
		}
		return key, nil
	}
	key, err := p.file.Open(passphrase)
	if err != nil {
		return vault.Key{}, withHint("try it again, with an eye on the keyboard's layout; nobody can recover a passphrase",
			"unlock profile: %w", err)
	}
	p.key = &key
	return key, nil
}

// SetPassphrase makes passphrase the one that [Profile.Unlock] needs; with an
// empty one, the key lies in the clear again and only the directory's mode
// protects it. It needs the key that Unlock returned. Whenever it is
// interrupted, the old or the new profile.key is there whole.
func (p *Profile) SetPassphrase(key vault.Key, passphrase []byte) error {
	if p.key == nil || subtle.ConstantTimeCompare(key[:], p.key[:]) == 0 {
		return errors.New("change passphrase: not the key of this profile")
	}
	file := vault.Clear(key)
	if len(passphrase) > 0 {
		var err error
		if file, err = vault.Wrap(rand.Reader, key, passphrase); err != nil {
			return fmt.Errorf("change passphrase: %w", err)
		}
	}
	b, err := file.Encode()
	if err != nil {
		return fmt.Errorf("change passphrase: %w", err)
	}
	if err := replaceFile(filepath.Join(p.dir, keyName), b); err != nil {
		return fmt.Errorf("write %s: %w", keyName, explain(context.Background(), err))
	}
	p.file = &file
	return nil
}

// replaceFile writes path so that after a crash at any moment either the
// former content is there or the new one, whole.
func replaceFile(path string, content []byte) error {
	part := path + partSuffix
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return moveInPlace(part, path)
}

// moveInPlace gives a finished file its name, durably.
func moveInPlace(part, path string) error {
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Close lets go of the directory. What was opened in it must be closed before.
func (p *Profile) Close() error {
	if p.opened || p.held {
		return errors.New("close profile: its store is still open")
	}
	p.key = nil
	return p.lock.Close() // and with it the lock
}
