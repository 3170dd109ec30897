package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"
)

// Writer writes records, one a line. It is not safe for concurrent use.
type Writer struct {
	out  *bufio.Writer
	json bool
	line []byte
	buf  bytes.Buffer
	enc  *json.Encoder // to buf
}

// NewWriter returns a Writer to w of JSON objects, or of words.
func NewWriter(w io.Writer, asJSON bool) *Writer {
	r := &Writer{out: bufio.NewWriterSize(w, 64<<10), json: asJSON}
	r.enc = json.NewEncoder(&r.buf)
	r.enc.SetEscapeHTML(false)
	return r
}

// Write appends one line of r, which happened at t. It reaches the reader
// with the next Flush at the latest.
func (w *Writer) Write(t time.Time, r Record) error {
	line, err := w.encode(t, r)
	if err != nil {
		return err
	}
	_, err = w.out.Write(line)
	return err
}

// Flush hands out what is written.
func (w *Writer) Flush() error { return w.out.Flush() }

func (w *Writer) encode(t time.Time, r Record) ([]byte, error) {
	b := w.line[:0]
	if w.json {
		w.buf.Reset()
		if err := w.enc.Encode(r); err != nil {
			return nil, fmt.Errorf("encode %s: %w", r.Kind(), err)
		}
		b = append(b, `{"time":"`...)
		b = t.AppendFormat(b, timeFormat)
		b = append(b, `","kind":"`...)
		b = append(b, r.Kind()...)
		b = append(b, `",`...)
		b = appendVisible(b, w.buf.Bytes()[1:]) // behind its "{"; the newline is there
	} else {
		b = t.AppendFormat(b, "15:04:05 ")
		b = append(b, r.Kind()...)
		b = append(r.words(b), '\n')
	}
	w.line = b
	return b, nil
}

// JSON writes r alone, as an object on one line: the answer to a question
// needs neither time nor kind.
func JSON(w io.Writer, r any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return err
	}
	_, err := w.Write(appendVisible(nil, buf.Bytes()))
	return err
}

// appendVisible appends JSON with the escapes that encoding/json does not
// make: DEL, C1 controls and the marks that turn the direction of text, all
// of which would act on a terminal that shows the line.
func appendVisible(dst, src []byte) []byte {
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		if r == 0x7f || 0x80 <= r && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) {
			dst = fmt.Appendf(dst, `\u%04x`, r)
		} else {
			dst = append(dst, src[:n]...)
		}
		src = src[n:]
	}
	return dst
}
