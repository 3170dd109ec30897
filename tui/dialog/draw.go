package dialog

import (
	"strings"

	"dione/tui/text"
	"dione/tui/theme"
)

// maxWidth is the widest a dialog gets.
const maxWidth = 84

// drawing is what drawing a dialog needs.
type drawing struct {
	*Dialog
	th     *theme.Theme
	m      text.Meter
	box    int // columns between the borders and the blanks beside them
	width  int // of the lines
	column int // of what stands at the left
	mark   int // of the sign before the chosen line
}

// View draws the top dialog into a box of at most width and height, and
// returns its rows, which are equally wide.
func (s *Stack) View(width, height int, th *theme.Theme, m text.Meter) []string {
	if !s.Open() || width < 8 || height < 3 {
		return nil
	}
	inner := min(width, maxWidth) - 2
	d := drawing{Dialog: s.open[len(s.open)-1], th: th, m: m, box: inner - 2, width: inner - 2}
	var prompt []string
	if d.Input != nil {
		prompt = []string{d.prompt()}
		if height > inputRows {
			prompt = append(prompt, text.Pad(d.width))
		}
		height -= len(prompt)
	}
	code, beside := d.place(height - 2)
	body, at, end := d.body()
	for d.Input != nil && len(body) < min(height-2, inputRows-2) {
		body = append(body, text.Pad(d.width))
	}
	d.page = min(len(body), height-2)
	switch {
	case beside:
		d.page = min(max(len(body), len(code)), height-2)
		for len(body) < d.page {
			body = append(body, text.Pad(d.width))
		}
	case code != nil:
		body = append(append(body, text.Pad(d.width)), code...)
		d.page = min(len(body), height-2)
	case d.Code != "":
		body = append(body, text.Pad(d.width))
		for _, r := range m.Wrap("The QR code needs a larger window.", d.width) {
			body = append(body, th.Muted.Paint(d.fit(r, d.width)))
		}
		d.page = min(len(body), height-2)
	}
	if d.choosable() {
		d.top = min(max(d.top, end-d.page), at)
	}
	d.top = max(min(d.top, len(body)-d.page), 0)
	foot := d.Foot
	if len(d.Lines) == 0 {
		foot = "Esc closes"
	}
	if d.said != "" {
		foot = d.said
	}
	if d.page < len(body) {
		foot += " · ↑ ↓ more"
	}
	rows := []string{d.border("╭", d.Title, "╮", th.Accent)}
	for _, r := range prompt {
		rows = append(rows, th.Line.Paint("│")+" "+r+" "+th.Line.Paint("│"))
	}
	for i, r := range body[d.top : d.top+d.page] {
		switch {
		case beside && i < len(code):
			r = code[i] + r
		case beside:
			r = text.Pad(d.box-d.width) + r
		}
		rows = append(rows, th.Line.Paint("│")+" "+r+" "+th.Line.Paint("│"))
	}
	return append(rows, d.border("╰", foot, "╯", th.Muted))
}

func (d drawing) border(left, label, right string, st theme.Style) string {
	label = d.m.Truncate(" "+label+" ", d.box)
	rest := strings.Repeat("─", d.box+1-d.m.Width(label))
	return d.th.Line.Paint(left+"─") + st.Paint(label) + d.th.Line.Paint(rest+right)
}

// body draws the lines and tells in which row the chosen one begins and ends.
func (d *drawing) body() (rows []string, at, end int) {
	d.each = 1
	if len(d.Lines) == 0 {
		for _, s := range d.m.Wrap(d.Empty, d.width) {
			rows = append(rows, d.fit(s, d.width))
		}
		return rows, 0, 0
	}
	for _, l := range d.Lines {
		if !l.Head && l.Right != "" && l.Below == nil {
			d.column = max(d.column, d.m.Width(l.Left))
		}
	}
	d.column = min(d.column, d.width*2/5)
	if d.choosable() {
		d.mark = 2
	}
	for i, l := range d.Lines {
		chosen := d.mark > 0 && i == d.cursor
		if chosen {
			at = len(rows)
		}
		switch {
		case l.Row != nil:
			rows = append(rows, d.only(l.Row(max(d.width-d.mark, 1)), chosen))
		case l.Below != nil:
			d.each = 2
			rows = append(rows, d.ends(l.Left, l.Right, chosen), d.pieces(l.Below(max(d.width-d.mark-2, 1)), chosen))
		case l.Head:
			rows = append(rows, d.th.Muted.Paint(d.fit(l.Left, d.width)))
		case l.Strong:
			for _, s := range d.m.Wrap(l.Left, d.width-d.mark) {
				rows = append(rows, text.Pad(d.mark)+d.th.Strong.Paint(d.fit(s, d.width-d.mark)))
			}
		case l.Right == "":
			for _, s := range d.m.Wrap(l.Left, d.width-d.mark) {
				rows = append(rows, d.row("", s, chosen))
			}
		default:
			rows = append(rows, d.columns(l, chosen)...)
		}
		if chosen {
			end = len(rows)
		}
	}
	return rows, at, end
}

// columns draws a line of two columns, each wrapped in its own.
func (d *drawing) columns(l Line, chosen bool) (rows []string) {
	left := d.m.Wrap(l.Left, d.column)
	right := d.m.Wrap(l.Right, max(d.width-d.mark-d.column-2, 2))
	for i := range max(len(left), len(right)) {
		head, tail := "", ""
		if i < len(left) {
			head = left[i]
		}
		if i < len(right) {
			tail = right[i]
		}
		rows = append(rows, d.row(d.fit(head, d.column)+"  ", tail, chosen))
	}
	return rows
}

// row draws one row: what stands at the left is filled to its column already.
func (d *drawing) row(left, right string, chosen bool) string {
	sign := text.Pad(d.mark)
	left, _ = d.m.Cut(left, d.width-d.mark)
	right = d.fit(right, d.width-d.mark-d.m.Width(left))
	if chosen {
		return d.th.Chosen.Paint("› " + left + right)
	}
	return sign + d.th.Strong.Paint(left) + right
}

func (d *drawing) fit(s string, width int) string { return d.m.Show(d.m.Fit(s, width)) }
