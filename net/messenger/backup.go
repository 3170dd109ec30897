package messenger

import (
	"context"

	"dione/store"
)

// ErrOpenBackup says that a backup without a passphrase was wanted.
var ErrOpenBackup error = openBackupError{}

type openBackupError struct{}

func (openBackupError) Error() string {
	return "a backup needs a passphrase: who has the backup and opens it can be you"
}
func (openBackupError) Hint() string { return "take several random words" }

// Vacant refuses a path at which no backup can be made, since it is taken.
func Vacant(path string) error { return store.Vacant(path) }

// Export writes a backup of the profile into a new file, under a passphrase of
// its own, while the chat goes on. progress, which may be nil, is told how far
// it has come; a ctx that ends leaves no file.
func (m *Messenger) Export(ctx context.Context, path string, passphrase []byte, progress func(done, of int64)) error {
	if len(passphrase) == 0 {
		return ErrOpenBackup
	}
	return m.store.ExportFile(ctx, path, passphrase, progress)
}
