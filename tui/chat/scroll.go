package chat

import "slices"

// This file holds where the view stands. It either follows the end, or begins
// in the entry top, or in the intro if top is nil, and leaves out the first
// skip rows there: so whatever comes or goes elsewhere, it does not move.

// place returns the index of the entry at which the view begins, -1 for the
// intro, and how many of its rows are above the view.
func (l *List) place() (i, skip int) {
	if !l.follow {
		if l.top == nil {
			return -1, l.skip
		}
		if i := slices.Index(l.entries, l.top); i >= 0 {
			return i, min(l.skip, len(l.rows(i))-1)
		}
		return 0, 0 // it was dropped
	}
	rows := 0
	for i := len(l.entries) - 1; i >= 0; i-- {
		if rows += len(l.rows(i)); rows >= l.height {
			return i, rows - l.height
		}
	}
	return -1, max(0, rows+l.introRows()-l.height)
}

func (l *List) introRows() int {
	if l.atStart {
		return len(l.intro)
	}
	return 0
}

// count is how many rows part i has; -1 is the intro.
func (l *List) count(i int) int {
	if i < 0 {
		return l.introRows()
	}
	return len(l.rows(i))
}

// Scroll moves the view by rows, up if negative.
func (l *List) Scroll(by int) {
	i, skip := l.place()
	skip += by
	for skip < 0 && i >= 0 {
		i--
		skip += l.count(i)
	}
	for i < len(l.entries)-1 && skip >= l.count(i) {
		skip -= l.count(i)
		i++
	}
	l.stand(i, max(skip, 0))
}

// stand puts the beginning of the view into part i, and follows the end when
// nothing is left below.
func (l *List) stand(i, skip int) {
	l.follow, l.view = false, nil
	if l.top, l.skip = nil, skip; i >= 0 {
		l.top = l.entries[i]
	}
	l.settle()
}

// settle follows the end when the view reaches it and there is no cursor.
func (l *List) settle() {
	if l.follow {
		return
	}
	i, skip := l.place()
	rows := -skip
	for ; i < len(l.entries) && rows <= l.height; i++ {
		rows += l.count(i)
	}
	if rows > l.height || !l.atEnd {
		return
	}
	if l.chosen == 0 {
		l.End()
		return
	}
	l.follow, l.below = true, 0 // as far as the end, and stay there
	l.hold()
}

// End follows the end.
func (l *List) End() {
	l.follow, l.top, l.skip, l.below, l.chosen, l.view = true, nil, 0, 0, 0, nil
	l.trim()
}

// Home goes to the first message that the list has.
func (l *List) Home() { l.stand(-1, 0) }

// Back begins the view at the nth message from the end, as far as there is one.
func (l *List) Back(n int) {
	for i := len(l.entries) - 1; i >= 0; i-- {
		if l.entries[i].note == nil {
			if n--; n == 0 {
				l.stand(i, 0)
				return
			}
		}
	}
	l.Home()
}

// View returns height rows of width columns each.
func (l *List) View() []string {
	if l.view != nil {
		return l.view
	}
	i, skip := l.place()
	from := i
	rows := make([]string, 0, l.height)
	if i < 0 {
		if n := l.introRows(); skip < n {
			rows = append(rows, l.intro[skip:min(n, skip+l.height)]...)
		}
		i, skip = 0, 0
	}
	for ; i < len(l.entries) && len(rows) < l.height; i++ {
		drawn := l.rows(i)
		rows = append(rows, drawn[skip:min(len(drawn), skip+l.height-len(rows))]...)
		skip = 0
	}
	l.forget(from, i)
	for len(rows) < l.height {
		rows = append(rows, l.blank())
	}
	l.view = rows
	return rows
}

// forget lets go of drawn rows outside entries[from:to] when there are many.
func (l *List) forget(from, to int) {
	if l.rowsHeld <= maxRows {
		return
	}
	l.rowsHeld = 0
	for i, e := range l.entries {
		if i < from || i >= to {
			e.rows = nil
		}
		l.rowsHeld += len(e.rows)
	}
}
