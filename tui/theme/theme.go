// Package theme holds every style of the screen. Colours are those of the
// terminal's own 16, so that they fit whatever palette its user likes, and
// none of them carries a meaning that a word or a sign does not carry too.
package theme

import (
	"hash/fnv"

	"charm.land/lipgloss/v2"
)

// Theme is one set of styles.
type Theme struct {
	Dark   bool
	Plain  lipgloss.Style // text
	Faint  lipgloss.Style // times, tags, borders, quiet lines
	Strong lipgloss.Style // headings, the current chat
	Good   lipgloss.Style // delivered, near
	Warn   lipgloss.Style // unread
	Bad    lipgloss.Style // failed
	Mine   lipgloss.Style // own name
	Chosen lipgloss.Style // the line under the cursor
	names  []lipgloss.Style
}

// New returns the theme for a dark or a light background.
func New(dark bool) Theme {
	pick := lipgloss.LightDark(dark)
	colour := func(light, dark string) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(pick(lipgloss.Color(light), lipgloss.Color(dark)))
	}
	t := Theme{
		Dark:   dark,
		Plain:  lipgloss.NewStyle(),
		Faint:  colour("8", "8"),
		Strong: lipgloss.NewStyle().Bold(true),
		Good:   colour("2", "10"),
		Warn:   colour("3", "11").Bold(true),
		Bad:    colour("1", "9").Bold(true),
		Mine:   colour("4", "12"),
		Chosen: lipgloss.NewStyle().Reverse(true),
	}
	for _, c := range [][2]string{{"6", "14"}, {"5", "13"}, {"2", "10"}, {"3", "11"}, {"1", "9"}} {
		t.names = append(t.names, colour(c[0], c[1]))
	}
	return t
}

// Name returns the style of somebody's name, the same each time.
func (t Theme) Name(key string) lipgloss.Style {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return t.names[h.Sum32()%uint32(len(t.names))]
}
