package chat

import "dione/net/messenger"

// This file holds the cursor that goes over the messages. While it is there
// the view stands still, whatever comes.

// Choose moves the cursor by so many messages, back if negative; the first
// time it goes to the newest one in view. Moved on behind the newest message
// of all, it is gone. It reports whether there is a cursor.
func (l *List) Choose(by int) bool {
	i := l.chosenAt()
	if i < 0 {
		i = l.lastInView()
	} else {
		i = l.beside(i, by)
	}
	if i < 0 || i == len(l.entries) {
		l.Unchoose()
		return false
	}
	l.choose(i)
	return true
}

// ChoosePage moves the cursor by about a view.
func (l *List) ChoosePage(by int) {
	i := l.chosenAt()
	if i < 0 {
		return
	}
	for rows := 0; rows < l.height-2; {
		next := l.beside(i, by)
		if next < 0 || next == len(l.entries) {
			break
		}
		i = next
		rows += len(l.rows(i))
	}
	l.choose(i)
}

// Chosen returns the message under the cursor.
func (l *List) Chosen() (msg messenger.Message, ok bool) {
	if i := l.chosenAt(); i >= 0 {
		return l.entries[i].msg, true
	}
	return msg, false
}

// Unchoose takes the cursor away.
func (l *List) Unchoose() {
	if l.chosen != 0 {
		l.chosen, l.view = 0, nil
		l.settle()
	}
}

// chosenAt returns the index of the message under the cursor, -1 if there is
// none.
func (l *List) chosenAt() int {
	if l.chosen == 0 {
		return -1
	}
	for i := len(l.entries) - 1; i >= 0; i-- {
		if e := l.entries[i]; e.note == nil && e.msg.Row == l.chosen {
			return i
		}
	}
	return -1
}

// beside returns the index of the message so many before or behind entry i. At
// the beginning it is the first one; behind the newest of all it is
// len(l.entries).
func (l *List) beside(i, by int) int {
	step := 1
	if by < 0 {
		step = -1
	}
	at := i
	for by != 0 {
		if at += step; at < 0 {
			return i
		}
		if at == len(l.entries) {
			if !l.atEnd {
				return i
			}
			return at
		}
		if l.entries[at].note == nil {
			i = at
			by -= step
		}
	}
	return i
}

// lastInView returns the index of the last message in view, -1 if there is none.
func (l *List) lastInView() int {
	i, skip := l.place()
	rows, last := -skip, -1
	for ; i < len(l.entries) && rows < l.height; i++ {
		if i >= 0 && l.entries[i].note == nil {
			last = i
		}
		rows += l.count(i)
	}
	return last
}

// choose puts the cursor on entry i and brings it into view.
func (l *List) choose(i int) {
	l.hold()
	l.chosen, l.view = l.entries[i].msg.Row, nil
	l.reveal(i)
}

// hold makes the view stand where it is.
func (l *List) hold() {
	if i, skip := l.place(); l.follow {
		l.follow, l.top, l.skip = false, nil, skip
		if i >= 0 {
			l.top = l.entries[i]
		}
	}
}

// reveal moves the view as little as brings entry i into it, or its beginning
// if it is larger.
func (l *List) reveal(i int) {
	at, skip := l.place()
	if i < at || i == at && skip > 0 {
		l.stand(i, 0)
		return
	}
	rows := -skip
	for ; at <= i; at++ {
		rows += l.count(at)
	}
	if over := rows - l.height; over > 0 {
		if own := l.count(i); own >= l.height {
			l.stand(i, 0)
		} else {
			l.Scroll(over)
		}
	}
}
