// Package theme holds every style of the screen in one [Theme].
//
// No style carries a meaning alone: a word or a sign always says it too, so
// that nothing is lost with NO_COLOR or to eyes that see colours differently.
package theme

import (
	"image/color"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// Style is the escape sequence that begins a style; "" is plain text.
type Style string

// Paint returns s in the style. What follows is plain again.
func (st Style) Paint(s string) string {
	if st == "" || s == "" {
		return s
	}
	return string(st) + s + ansi.ResetStyle
}

// Theme is one set of styles.
type Theme struct {
	Line   Style // borders and rules
	Muted  Style // times, tags, quiet lines
	Accent Style // what has the focus
	Strong Style // titles, the open chat
	Unread Style // badges and the rule above new messages
	Good   Style // delivered, connected
	Bad    Style // failed
	Mine   Style // own name
	Chosen Style // the line under the cursor
	Hint   Style // the next step, the text of an empty composer
	Found  Style // what was looked for, on any of the others
	Italic Style // stressed, on any of the others
	Link   Style // leads elsewhere, on any of the others
	Source Style // code in a message
	Code   Style // a QR code, dark on light; without colours it is drawn in those of the terminal

	Dark   bool        // the background is dark
	Cursor color.Color // nil: the terminal's own
	names  [6]Style
}

// shade is one colour for each kind of terminal. The first, of 16, follows the
// palette that the terminal's user chose.
type shade struct{ ansi, ansi256, full string }

// palette is the colours for one background.
type palette struct {
	line, muted, accent, unread, good, bad shade
	names                                  [6]shade
}

// The colours have one lightness each, so that no name shouts.
var (
	onDark = palette{
		line:   shade{"8", "239", "#434a59"},
		muted:  shade{"7", "246", "#8f98a8"},
		accent: shade{"12", "111", "#7fb0f5"},
		unread: shade{"11", "179", "#e2b66b"},
		good:   shade{"10", "114", "#8cc98f"},
		bad:    shade{"9", "210", "#f08a8a"},
		names: [6]shade{
			{"14", "80", "#6fcfd6"}, {"13", "176", "#cf9be6"}, {"10", "150", "#a9d389"},
			{"11", "216", "#f0b08a"}, {"9", "211", "#f29bb5"}, {"12", "147", "#a5b0f5"},
		},
	}
	onLight = palette{
		line:   shade{"7", "250", "#c3c8d2"},
		muted:  shade{"8", "242", "#667080"},
		accent: shade{"4", "26", "#2457c5"},
		unread: shade{"3", "130", "#9a5b00"},
		good:   shade{"2", "28", "#2c7a36"},
		bad:    shade{"1", "124", "#b3261e"},
		names: [6]shade{
			{"6", "30", "#0b7285"}, {"5", "91", "#8a3fb0"}, {"2", "64", "#4a7317"},
			{"3", "130", "#a5520c"}, {"1", "125", "#b02a5b"}, {"4", "61", "#4a4fc0"},
		},
	}
)

// New returns the theme for a dark or a light background and for what the
// terminal can show.
func New(dark bool, profile colorprofile.Profile) Theme {
	p := onLight
	if dark {
		p = onDark
	}
	choose := lipgloss.Complete(profile)
	tint := func(s shade) color.Color {
		if profile < colorprofile.ANSI {
			return nil
		}
		return choose(lipgloss.Color(s.ansi), lipgloss.Color(s.ansi256), lipgloss.Color(s.full))
	}
	colour := func(s shade, attrs ...ansi.Attr) Style {
		st := ansi.NewStyle(attrs...)
		if c := tint(s); c != nil {
			st = st.ForegroundColor(c)
		}
		if len(st) == 0 {
			return ""
		}
		return Style(st.String())
	}
	t := Theme{
		Line:   colour(p.line),
		Muted:  colour(p.muted),
		Accent: colour(p.accent, ansi.AttrBold),
		Strong: Style(ansi.NewStyle(ansi.AttrBold).String()),
		Unread: colour(p.unread, ansi.AttrBold),
		Good:   colour(p.good),
		Bad:    colour(p.bad, ansi.AttrBold),
		Mine:   colour(p.accent),
		Chosen: Style(ansi.NewStyle(ansi.AttrReverse).String()),
		Found:  Style(ansi.NewStyle(ansi.AttrBold, ansi.AttrUnderline).String()),
		Italic: Style(ansi.NewStyle(ansi.AttrItalic).String()),
		Link:   Style(ansi.NewStyle(ansi.AttrUnderline).String()),
		Source: colour(p.names[0]),
		Hint:   colour(p.muted, ansi.AttrItalic),
		Dark:   dark,
		Cursor: tint(p.accent),
	}
	if ink, paper := tint(shade{"0", "16", "#000000"}), tint(shade{"15", "231", "#ffffff"}); ink != nil {
		t.Code = Style(ansi.NewStyle().ForegroundColor(ink).BackgroundColor(paper).String())
	}
	for i, s := range p.names {
		t.names[i] = colour(s)
	}
	return t
}

// Name returns the style of the name of the person with the given key, the
// same each time.
func (t *Theme) Name(key [32]byte) Style { return t.names[int(key[0])%len(t.names)] }
