// Command paint makes pictures of a terminal: paint svg reads a screen as tmux
// capture-pane -e prints it, and writes an SVG; paint cast WIDTH HEIGHT reads
// what a program writes to its terminal, as it comes, and writes a recording
// as asciinema plays it (asciicast v2).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
	"unicode/utf8"
)

func main() {
	err := fmt.Errorf("usage: paint svg | paint cast WIDTH HEIGHT")
	switch {
	case len(os.Args) == 2 && os.Args[1] == "svg":
		err = svg(os.Stdin, os.Stdout)
	case len(os.Args) == 4 && os.Args[1] == "cast":
		err = cast(os.Stdin, os.Stdout, os.Args[2], os.Args[3])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "paint:", err)
		os.Exit(1)
	}
}

// cast writes an event for everything that comes, with its time.
func cast(in io.Reader, out io.Writer, width, height string) error {
	columns, err := strconv.Atoi(width)
	if err != nil {
		return err
	}
	rows, err := strconv.Atoi(height)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	start := time.Now()
	if err := enc.Encode(struct {
		Version   int   `json:"version"`
		Width     int   `json:"width"`
		Height    int   `json:"height"`
		Timestamp int64 `json:"timestamp"`
	}{2, columns, rows, start.Unix()}); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	kept := 0 // bytes of a sign that is not whole yet
	for {
		n, err := in.Read(buf[kept:])
		n += kept
		whole := n
		for cut := 1; cut < utf8.UTFMax && cut <= n; cut++ {
			if utf8.RuneStart(buf[n-cut]) {
				if !utf8.FullRune(buf[n-cut : n]) {
					whole = n - cut
				}
				break
			}
		}
		if whole > 0 {
			at := float64(time.Since(start).Milliseconds()) / 1000
			if err := enc.Encode([]any{at, "o", string(buf[:whole])}); err != nil {
				return err
			}
		}
		kept = copy(buf, buf[whole:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
