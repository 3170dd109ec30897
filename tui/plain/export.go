package plain

import (
	"context"
	"errors"

	"dione/tui/command"
	"dione/tui/file"
)

// errExporting says that one backup is made at a time.
var errExporting = errors.New("a backup is being made already")

// hintedError is an error with its next step.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }
func (e hintedError) Hint() string  { return e.hint }

// exported is the outcome of a backup.
type exported struct {
	path string
	err  error
}

// export begins a backup; the chat goes on meanwhile. Nobody can be asked for
// its passphrase here.
func (s *session) export(ctx context.Context, cmd command.Export) error {
	if s.exporting != nil {
		return errExporting
	}
	path := file.Path(cmd.File)
	if cmd.PassFile == "" {
		return hintedError{errors.New("a backup needs a passphrase"), "write it into a file that only you can read: /export FILE PASSPHRASE-FILE"}
	}
	pass, err := file.Passphrase(file.Path(cmd.PassFile))
	if err != nil {
		return err
	}
	done := make(chan exported, 1)
	s.exporting = done
	go func() { done <- exported{path, s.client.Export(ctx, path, pass, nil)} }()
	return nil
}

// tellExported tells what came of a backup.
func (s *session) tellExported(e exported) {
	s.exporting = nil
	if e.err != nil {
		s.fail(e.err)
		return
	}
	s.info("the backup %s opens with its passphrase only, which cannot be recovered: keep it apart from this device", e.path)
}
