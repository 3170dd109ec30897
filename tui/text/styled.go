package text

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// This file measures what is styled already: escape sequences take no column.

// Width returns the columns that s takes.
func Width(s string) int { return ansi.StringWidth(s) }

// Truncate cuts s to width columns, the last of which is then an ellipsis.
func Truncate(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, "…")
}

// Fit cuts or fills s to exactly width columns.
func Fit(s string, width int) string {
	s = Truncate(s, width)
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}
