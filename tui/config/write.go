package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// File is the configuration file as it was read, into which settings are
// written. Whoever else changes it meanwhile is not overwritten.
type File struct {
	path   string
	origin map[string]string

	mu   sync.Mutex
	seen []byte    // as it was read or written last; nil: there was none
	undo []version // before each change
}

// version is what stood in the file, or that a change of it has failed.
type version struct {
	data   []byte
	failed bool
}

// File returns the configuration file that was read.
func (c Config) File() *File {
	return &File{path: filepath.Join(c.Home, FileName), origin: c.origin, seen: c.read}
}

// Path is where the file is, or would be.
func (f *File) Path() string { return f.path }

// Origin returns what said a setting at the start: a flag, a variable, or
// FileName; "" is nobody.
func (f *File) Origin(name string) string { return f.origin[name] }

// Overridden returns the flag or the variable that beats what stands in the
// file for a setting; "" if none does.
func (f *File) Overridden(name string) string {
	if o := f.origin[name]; o != FileName {
		return o
	}
	return ""
}

// ChangedError says that the file is not what dione has read.
type ChangedError struct{}

func (e *ChangedError) Error() string {
	return FileName + " was changed since dione read it: nothing is written"
}

// Hint tells the next step.
func (e *ChangedError) Hint() string {
	return "it holds for this run; start dione again to have what stands in the file"
}

// Set writes a setting. All else in the file stays as it is. Values are as
// Config has them.
func (f *File) Set(name, value string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name && s.inFile })
	if i < 0 {
		return fmt.Errorf("no setting is called %q", name)
	}
	next, err := changed(f.seen, settings[i], value)
	if err == nil {
		err = f.put(next)
	} else {
		err = fmt.Errorf("write %s: %w", f.path, err)
	}
	f.undo = append(f.undo, version{f.seen, err != nil})
	if err == nil {
		f.seen = next
	}
	return err
}

// Undo takes back what Set did last, to the byte. It does nothing if that has
// failed, or there is nothing to take back.
func (f *File) Undo() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.undo) == 0 {
		return nil
	}
	last := f.undo[len(f.undo)-1]
	f.undo = f.undo[:len(f.undo)-1]
	if last.failed {
		return nil
	}
	if err := f.put(last.data); err != nil {
		return err
	}
	f.seen = last.data
	return nil
}

// put makes data the file, nil none, if it is still as it was seen.
func (f *File) put(data []byte) error {
	path, err := filepath.EvalSymlinks(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(f.path); err == nil {
			return fmt.Errorf("%s leads to a file that does not exist", f.path)
		}
		path, err = f.path, nil
	}
	if err != nil {
		return err
	}
	now, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		now = nil
	case err != nil:
		return err
	case now == nil:
		now = []byte{}
	}
	if !bytes.Equal(now, f.seen) || (now == nil) != (f.seen == nil) {
		return &ChangedError{}
	}
	if data == nil {
		return os.Remove(path)
	}
	mode := fs.FileMode(0o600)
	if now != nil {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if mode = info.Mode().Perm(); mode&0o200 == 0 {
			return fmt.Errorf("%s may not be written", path)
		}
	}
	return replace(path, data, mode)
}

// replace writes a file beside path and gives it its name.
func replace(path string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	t, err := os.CreateTemp(dir, "."+FileName+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(t.Name()))
		}
	}()
	_, err = t.Write(data)
	if err = errors.Join(err, t.Chmod(mode), t.Sync(), t.Close()); err != nil {
		return err
	}
	if err = os.Rename(t.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // a directory cannot be synced everywhere
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}
