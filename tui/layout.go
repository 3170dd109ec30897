package tui

// layout divides the terminal. All of it follows from the size.
type layout struct {
	width, height int
	roster        int // columns of the left pane inside its frame; 0 if there is one pane only
	framed        bool
}

const (
	// onePane is the width below which one pane is shown at a time.
	onePane = 70

	// unframed is the height below which rows are too few to spend on a frame.
	unframed = 6

	rosterWidth = 18
)

func newLayout(width, height int) layout {
	l := layout{width: width, height: height, framed: height >= unframed && width >= 12}
	if width >= onePane && l.framed {
		l.roster = rosterWidth
		if width >= 120 {
			l.roster = 24
		}
	}
	return l
}

// inner is the width of the right, or the only, pane inside its frame.
func (l layout) inner() int {
	switch {
	case !l.framed:
		return max(1, l.width)
	case l.roster > 0:
		return max(1, l.width-l.roster-3)
	}
	return max(1, l.width-2)
}

// chatWidth is what messages get: the pane less a blank at each side, and as
// wide as lines can be read.
func (l layout) chatWidth() int { return max(1, l.inner()-2) }

// resize gives the parts the room that they have now.
func (m *model) resize() {
	if m.layout.width == 0 {
		return
	}
	m.composer.SetSize(m.layout.inner()-1, max(1, m.layout.height/3))
	m.current().list.SetSize(m.layout.chatWidth(), m.listHeight())
}

// listHeight is how many rows the messages get.
func (m *model) listHeight() int {
	rows := m.layout.height - m.composer.Height()
	if m.layout.framed {
		rows -= 3 // header, the line above the composer, status
	} else {
		rows--
	}
	return max(0, rows)
}
