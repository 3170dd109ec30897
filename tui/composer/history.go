package composer

import "slices"

// This file holds the history: what was sent, cleared or refused here. It is
// the only place where a text goes that leaves the composer, so that nothing
// typed is ever lost.

const (
	// maxPast and maxPastBytes bound the history of one composer.
	maxPast, maxPastBytes = 200, 1 << 20
)

// history is the former texts, the oldest first, and which of them is shown.
type history struct {
	past  []string
	bytes int
	shown int // index of the former text that stands unchanged in the composer; len(past): none
}

// Remember makes s the newest of the former texts, which the keys up and down
// bring back.
func (c *Composer) Remember(s string) {
	if s == "" {
		return
	}
	h := &c.history
	if i := slices.Index(h.past, s); i >= 0 {
		h.drop(i)
	}
	h.past = append(h.past, s)
	h.bytes += len(s)
	for len(h.past) > 1 && (len(h.past) > maxPast || h.bytes > maxPastBytes) {
		h.drop(0)
	}
	h.shown = len(h.past)
}

// Precede puts texts before the former ones, which are newer: those that are
// not there yet, as far as there is room. The last of them is the newest.
func (c *Composer) Precede(texts []string) {
	h := &c.history
	for _, s := range slices.Backward(texts) {
		if s == "" || slices.Contains(h.past, s) {
			continue
		}
		if len(h.past) == maxPast || h.bytes+len(s) > maxPastBytes {
			return
		}
		h.past = slices.Insert(h.past, 0, s)
		h.bytes += len(s)
		h.shown++
	}
}

func (h *history) drop(i int) {
	h.bytes -= len(h.past[i])
	h.past = slices.Delete(h.past, i, i+1)
}

// Forget empties the history.
func (c *Composer) Forget() { c.history = history{} }

// Clear takes away what is written and remembers it.
func (c *Composer) Clear() {
	c.Remember(c.text)
	c.SetText("")
}

// recall goes through the former texts, if nothing is written or the one that
// is shown stands as it was. Behind the newest comes the empty line again.
func (c *Composer) recall(by int) bool {
	h := &c.history
	to := h.shown + by
	if c.text != "" && h.shown == len(h.past) || to < 0 || to > len(h.past) {
		return false
	}
	s := ""
	if to < len(h.past) {
		s = h.past[to]
	}
	c.SetText(s)
	h.shown = to
	return true
}

// up goes to the row above, or to the former text before: at once while the
// cursor stands where a former text has put it, else from the first row.
func (c *Composer) up() bool {
	if c.at == len(c.text) && c.recall(-1) {
		return true
	}
	return c.vertical(-1) || c.recall(-1)
}

// down goes to the row below, or from the last row to the former text behind.
func (c *Composer) down() bool { return c.vertical(+1) || c.recall(+1) }
