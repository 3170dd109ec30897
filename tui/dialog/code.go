package dialog

import (
	"unicode/utf8"

	"dione/tui/qr"
	"dione/tui/text"
)

const (
	// codeGap is the room between a QR code and the lines beside it, minBeside
	// what these need.
	codeGap, minBeside = 2, 24
)

// code is a QR code as drawn last.
type code struct {
	inverted bool
	rows     []string
}

// place draws the QR code for height rows. If it is to stand beside the lines,
// they get the width that is left; there are no rows if there is no room.
func (d *drawing) place(height int) (rows []string, beside bool) {
	rows = d.draw(d.th.Code == "" && d.th.Dark)
	if len(rows) == 0 {
		return nil, false
	}
	width := utf8.RuneCountInString(rows[0])
	if len(rows) == height+1 {
		rows = rows[:height] // the last row is all margin
	}
	if len(rows) > height || width > d.width {
		return nil, false
	}
	beside = width+codeGap+minBeside <= d.width
	left, right := 0, codeGap
	if beside {
		d.width -= width + codeGap
	} else {
		left = (d.width - width) / 2
		right = d.width - width - left
	}
	painted := make([]string, len(rows))
	for i, r := range rows {
		painted[i] = text.Pad(left) + d.th.Code.Paint(r) + text.Pad(right)
	}
	return painted, beside
}

// draw encodes the text once for each kind of terminal. What is too long for a
// code is shown as text alone.
func (d *drawing) draw(inverted bool) []string {
	if d.Code == "" {
		return nil
	}
	if d.code.rows == nil || d.code.inverted != inverted {
		rows, err := qr.Lines(d.Code, inverted)
		if err != nil {
			rows = []string{}
		}
		d.code = code{inverted, rows}
	}
	return d.code.rows
}
