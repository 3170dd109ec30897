// Package file reads what people name: paths as they type them, and the files
// in which their passphrases are. It imports nothing of the program.
package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLine bounds the first line of a file.
const maxLine = 4 << 10

// Path is a path as people type it: a ~ at its beginning is their home.
func Path(typed string) string {
	if rest, ok := strings.CutPrefix(typed, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if home, err := os.UserHomeDir(); err == nil {
			return home + rest
		}
	}
	return typed
}

// Passphrase returns the first line of a file, which may be empty.
func Passphrase(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &fileError{fmt.Errorf("read the passphrase: %w", err)}
	}
	defer func() { _ = f.Close() }() // only read
	line, err := bufio.NewReader(io.LimitReader(f, maxLine+1)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	if len(line) > maxLine {
		return nil, fmt.Errorf("read the passphrase: the first line of %s is longer than %d bytes", path, maxLine)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// fileError is a file that cannot be opened.
type fileError struct{ error }

func (e *fileError) Unwrap() error { return e.error }

// Hint is the next step.
func (*fileError) Hint() string { return "name a file that you can read" }
