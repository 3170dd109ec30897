package tui

// layout divides the terminal. All of it follows from the size.
type layout struct {
	width, height int
	framed        bool // there is room for a frame
	roster        int  // columns of the roster beside the chat; 0: one pane at a time
}

const (
	// onePane is the width below which one pane is shown at a time.
	onePane = 70

	// A frame takes its part of the screen; below this size it is left out.
	framedWidth, framedHeight = 20, 7
)

func newLayout(width, height int) layout {
	l := layout{width: width, height: height, framed: width >= framedWidth && height >= framedHeight}
	if l.framed && width >= onePane {
		l.roster = min(max(width/4, 20), 30)
	}
	return l
}

// pane is the width of the chat, or of the only pane, inside its frame.
func (l layout) pane() int {
	switch {
	case !l.framed:
		return l.width
	case l.roster > 0:
		return l.width - l.roster - 3
	}
	return l.width - 2
}

// low reports whether rows are too few for anything but the gist.
func (l layout) low() bool { return l.height < 16 }

// writing is how many rows the composer takes for a text of so many.
func (l layout) writing(rows int) int { return max(1, min(rows, l.height/3, 10)) }

// chatShown reports whether the chat is on the screen.
func (m *model) chatShown() bool { return m.layout.width > 0 && (m.layout.roster > 0 || !m.onRoster) }

// resize gives the parts the room that they have now.
func (m *model) resize() {
	l := m.layout
	if l.width == 0 {
		return
	}
	m.open.composer.SetSize(max(l.pane()-promptWidth-1, 3), m.meter)
	m.drawAnswer()
	m.settleCompletion()
	m.open.list.SetSize(l.pane(), m.listHeight())
	m.open.list.SetIntro(m.intro())
}

// listHeight is how many rows the messages get.
func (m *model) listHeight() int {
	rows := m.layout.height - m.layout.writing(m.open.composer.Rows()) - len(m.above())
	if m.layout.framed {
		rows -= 3 // header, the line above the composer, status
	}
	return max(rows, 0)
}
