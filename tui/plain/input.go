package plain

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"dione/net/messenger"
)

// maxLine bounds a line of input: the longest text, and as much again for the
// command in front of it.
const maxLine = 2 * messenger.MaxText

// line is one line of input, without its end.
type line struct {
	text    string
	tooLong bool // and not kept
}

// readLines reads in beside, since a read cannot be given up: the goroutine
// ends with in, or at its next line after ctx. The error, if there is one, is
// there when lines closes.
func readLines(ctx context.Context, in io.Reader) (<-chan line, <-chan error) {
	lines, failed := make(chan line), make(chan error, 1)
	go func() {
		defer close(lines)
		r := bufio.NewReaderSize(in, maxLine+len("\r\n"))
		skipMark(r)
		for {
			l, err := readLine(r)
			if err == nil || l.text != "" || l.tooLong { // the last line need not have an end
				select {
				case lines <- l:
				case <-ctx.Done():
					return
				}
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				failed <- fmt.Errorf("read the input: %w", err)
				return
			}
		}
	}()
	return lines, failed
}

// skipMark skips the byte order mark with which some programs of Windows
// begin their output: it would make text of a command.
func skipMark(r *bufio.Reader) {
	const mark = "\ufeff"
	if b, err := r.Peek(1); err != nil || b[0] != mark[0] {
		return // without waiting for more than the first letter
	}
	if b, err := r.Peek(len(mark)); err == nil && string(b) == mark {
		_, _ = r.Discard(len(mark)) // it is there
	}
}

// readLine reads up to the next line feed or the end.
func readLine(r *bufio.Reader) (line, error) {
	b, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		return line{tooLong: true}, err
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	return line{text: string(bytes.TrimSuffix(b, []byte("\r")))}, err
}
