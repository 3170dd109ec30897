package control

import (
	"context"
	"errors"
	"path/filepath"

	"dione/tui/record"
)

// errNoPath says that a file was named from where another process is.
var errNoPath = errors.New("control: a backup needs an absolute path")

// export makes a backup and tells how far it is, until whoever asked goes away.
func export(ctx context.Context, r Engine, req Request, tell func(any) error) error {
	if !filepath.IsAbs(req.Text) {
		return errNoPath
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var gone error
	err := r.Export(ctx, req.Text, req.Secret, func(done, of int64) {
		if gone == nil {
			gone = errors.Join(tell(record.Progress{Done: done, Of: of}), tell(nil))
		}
		if gone != nil {
			cancel()
		}
	})
	return errors.Join(gone, err)
}
