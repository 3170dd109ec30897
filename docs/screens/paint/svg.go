package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The size of a cell, and the colours where a program asks for none.
const (
	cellWidth, cellHeight = 8.4, 18.0
	margin                = 12.0
	paper, ink            = "#16161e", "#c8ccd8"
)

// basic are the sixteen colours that terminals name.
var basic = [16]string{
	"#16161e", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf",
	"#5c6370", "#f07c85", "#a8d389", "#f5d08b", "#71bfff", "#d688ed", "#66c6d2", "#ffffff",
}

// look is how cells look.
type look struct {
	fg, bg                                  string // "" is the terminal's
	bold, faint, italic, underline, inverse bool
}

// run is text in one look, from a column on.
type run struct {
	look
	column, width int
	text          string
}

// svg draws lines of a screen.
func svg(in io.Reader, out io.Writer) error {
	var rows [][]run
	columns := 0
	lines := bufio.NewScanner(in)
	var now look // goes on over the ends of lines
	for lines.Scan() {
		var row []run
		var end int
		row, now, end = parse(lines.Text(), now)
		rows = append(rows, row)
		columns = max(columns, end)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	width, height := float64(columns)*cellWidth+2*margin, float64(len(rows))*cellHeight+2*margin
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.1f %.1f" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">`+"\n", width, height)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", paper)
	for y, row := range rows {
		for _, r := range row {
			r.draw(w, y)
		}
	}
	fmt.Fprintln(w, "</svg>")
	return w.Flush()
}

func (r run) draw(w io.Writer, y int) {
	fg, bg := r.fg, r.bg
	if fg == "" {
		fg = ink
	}
	if r.inverse {
		if bg == "" {
			bg = paper
		}
		fg, bg = bg, fg
	}
	x, top := margin+float64(r.column)*cellWidth, margin+float64(y)*cellHeight
	if bg != "" {
		fmt.Fprintf(w, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, top, float64(r.width)*cellWidth, cellHeight, bg)
	}
	if strings.TrimSpace(r.text) == "" {
		return
	}
	more := ""
	if r.bold {
		more += ` font-weight="bold"`
	}
	if r.italic {
		more += ` font-style="italic"`
	}
	if r.underline {
		more += ` text-decoration="underline"`
	}
	if r.faint {
		more += ` opacity="0.6"`
	}
	fmt.Fprintf(w, `<text x="%.1f" y="%.1f" fill="%s" textLength="%.1f" xml:space="preserve"%s>%s</text>`+"\n",
		x, top+cellHeight*0.76, fg, float64(r.width)*cellWidth, more, html.EscapeString(r.text))
}

// parse reads a line that begins in a look. It returns the look at its end,
// and its width.
func parse(line string, now look) (row []run, _ look, column int) {
	var state byte
	for len(line) > 0 {
		seq, width, n, next := ansi.DecodeSequence(line, state, nil)
		line, state = line[n:], next
		switch {
		case width > 0:
			if last := len(row) - 1; last >= 0 && row[last].look == now {
				row[last].text += seq
				row[last].width += width
			} else {
				row = append(row, run{now, column, width, seq})
			}
			column += width
		case strings.HasPrefix(seq, "\x1b[") && strings.HasSuffix(seq, "m"):
			now.change(strings.Split(seq[2:len(seq)-1], ";"))
		}
	}
	return row, now, column
}

// change applies what an SGR sequence says.
func (l *look) change(codes []string) {
	for len(codes) > 0 {
		n, _ := strconv.Atoi(codes[0]) // "" is 0
		codes = codes[1:]
		switch {
		case n == 0:
			*l = look{}
		case n == 1:
			l.bold = true
		case n == 2:
			l.faint = true
		case n == 3:
			l.italic = true
		case n == 4:
			l.underline = true
		case n == 7:
			l.inverse = true
		case n == 22:
			l.bold, l.faint = false, false
		case n == 23:
			l.italic = false
		case n == 24:
			l.underline = false
		case n == 27:
			l.inverse = false
		case n >= 30 && n <= 37:
			l.fg = basic[n-30]
		case n >= 90 && n <= 97:
			l.fg = basic[n-90+8]
		case n >= 40 && n <= 47:
			l.bg = basic[n-40]
		case n >= 100 && n <= 107:
			l.bg = basic[n-100+8]
		case n == 39:
			l.fg = ""
		case n == 49:
			l.bg = ""
		case n == 38:
			l.fg, codes = colour(codes)
		case n == 48:
			l.bg, codes = colour(codes)
		}
	}
}

// colour reads one of the 256 colours, or one of red, green and blue.
func colour(codes []string) (string, []string) {
	number := func(i int) int {
		n, _ := strconv.Atoi(codes[i]) // what is no number is 0
		return min(max(n, 0), 255)
	}
	switch {
	case len(codes) >= 4 && codes[0] == "2":
		return fmt.Sprintf("#%02x%02x%02x", number(1), number(2), number(3)), codes[4:]
	case len(codes) >= 2 && codes[0] == "5":
		n := number(1)
		switch {
		case n < 16:
			return basic[n], codes[2:]
		case n >= 232:
			grey := 8 + 10*(n-232)
			return fmt.Sprintf("#%02x%02x%02x", grey, grey, grey), codes[2:]
		}
		level := func(n int) int {
			if n == 0 {
				return 0
			}
			return 55 + 40*n
		}
		n -= 16
		return fmt.Sprintf("#%02x%02x%02x", level(n/36), level(n/6%6), level(n%6)), codes[2:]
	}
	return "", nil
}
