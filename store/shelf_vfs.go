package store

import (
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/ncruces/go-sqlite3/vfs/adiantum"
)

// This file puts two thin layers around the cipher, for parcels.db alone:
//   - above it, what is written to the WAL piece by piece, a frame's head and
//     its page, is gathered, so that each of the cipher's blocks is encrypted
//     once and not three times;
//   - below it, a sync can be put off until readers have the connection again.
//     Who wrote still waits for it.

// heldVFS is the name under which SQLite finds the layers.
const heldVFS = "dione-held"

func init() {
	vfs.Register(heldVFS, gatherVFS{adiantum.Wrap(lazyVFS{vfs.Find("")}, nil)})
}

type gatherVFS struct{ vfs.VFS }

func (v gatherVFS) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(v.VFS, name, flags)
	if err == nil && flags&vfs.OPEN_WAL != 0 {
		f = &gatherFile{File: f}
	}
	return f, flags, err
}

// maxGather is how many bytes are gathered: all that a usual transaction
// writes.
const maxGather = 1 << 20

// gatherFile is a WAL of which the last bytes may not be written yet. Each
// commit ends with a Sync, so those are of one that has not ended.
type gatherFile struct {
	vfs.File
	rest []byte
	at   int64 // where rest begins
}

// Unwrap returns the file beneath.
func (f *gatherFile) Unwrap() vfs.File { return f.File }

func (f *gatherFile) write() error {
	if len(f.rest) == 0 {
		return nil
	}
	_, err := f.File.WriteAt(f.rest, f.at)
	f.at += int64(len(f.rest))
	f.rest = f.rest[:0] // after an error SQLite undoes the commit
	return err
}

// WriteAt implements [vfs.File].
func (f *gatherFile) WriteAt(p []byte, off int64) (int, error) {
	if off != f.at+int64(len(f.rest)) || len(f.rest)+len(p) > maxGather {
		if err := f.write(); err != nil {
			return 0, err
		}
		f.at = off
	}
	if f.rest == nil {
		f.rest = make([]byte, 0, maxGather)
	}
	f.rest = append(f.rest, p...)
	return len(p), nil
}

// ReadAt implements [vfs.File].
func (f *gatherFile) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		if err := f.write(); err != nil {
			return 0, err
		}
	}
	return f.File.ReadAt(p, off)
}

// Size implements [vfs.File].
func (f *gatherFile) Size() (int64, error) {
	if err := f.write(); err != nil {
		return 0, err
	}
	return f.File.Size()
}

// Truncate implements [vfs.File].
func (f *gatherFile) Truncate(size int64) error {
	if err := f.write(); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync implements [vfs.File].
func (f *gatherFile) Sync(flags vfs.SyncFlag) error {
	if err := f.write(); err != nil {
		return err
	}
	return f.File.Sync(flags)
}

type lazyVFS struct{ vfs.VFS }

func (v lazyVFS) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(v.VFS, name, flags)
	if err == nil && flags&(vfs.OPEN_WAL|vfs.OPEN_MAIN_DB) != 0 {
		f = &lazyFile{File: f}
	}
	return f, flags, err
}

// lazyFile is a file whose syncs can be put off.
type lazyFile struct {
	vfs.File
	lazy  bool // Sync does nothing
	due   bool // and did nothing
	flags vfs.SyncFlag
}

// Sync implements [vfs.File].
func (f *lazyFile) Sync(flags vfs.SyncFlag) error {
	f.flags, f.due = flags, true
	if f.lazy {
		return nil
	}
	return f.sync()
}

// sync does what was put off, if anything was. If it fails it is still due.
func (f *lazyFile) sync() error {
	if !f.due {
		return nil
	}
	err := f.File.Sync(f.flags)
	f.due = err != nil
	return err
}

// blot makes the first block of a WAL unreadable, so that there is nothing in
// it, once that is synced.
func (f *lazyFile) blot() error {
	f.due = true
	_, err := f.File.WriteAt(make([]byte, pageSize), 0)
	return err
}

// lazyFiles returns the two files of a connection, beneath all layers.
func (c *conn) lazyFiles() (db, wal *lazyFile, err error) {
	for op, to := range map[sqlite3.FcntlOpcode]**lazyFile{
		sqlite3.FCNTL_FILE_POINTER:    &db,
		sqlite3.FCNTL_JOURNAL_POINTER: &wal,
	} {
		f, err := c.FileControl("main", op)
		if err != nil {
			return nil, nil, err
		}
		if file, ok := f.(vfs.File); ok {
			*to, _ = vfsutil.UnwrapFile[*lazyFile](file)
		}
	}
	if db == nil || wal == nil {
		return nil, nil, sqlite3.MISUSE
	}
	return db, wal, nil
}
