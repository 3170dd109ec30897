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
	names  []Style
}

// Choice says how a theme is to look. The zero Choice is Auto.
type Choice struct {
	Name string
	Own  map[string][]string // colours in place of the theme's, by Styles: "#rrggbb" or "0" to "255"
}

// The names of themes. Those that do not say so are dark or light as the
// terminal's background is.
const (
	Auto         = "auto"
	Dark         = "dark"
	Light        = "light"
	Sixteen      = "16-colour"     // those of the terminal's user alone
	HighContrast = "high-contrast" // at least 7:1
)

// Styles returns the names of the styles that may have colours of one's own.
// "names" may have several, which people's names get in turn.
func Styles() []string {
	return []string{"accent", "bad", "chosen", "found", "good", "hint", "italic", "line", "link", "mine", "muted", "names", "source", "strong", "unread"}
}

// New returns the theme that is chosen, for a dark or a light background and
// for what the terminal can show.
func New(c Choice, dark bool, profile colorprofile.Profile) Theme {
	switch c.Name {
	case Dark:
		dark = true
	case Light:
		dark = false
	case Sixteen:
		profile = min(profile, colorprofile.ANSI)
	}
	p := paletteOf(c.Name, dark)
	b := brush{c.Own, profile}
	t := Theme{
		Line:   b.style("line", p.line),
		Muted:  b.style("muted", p.muted),
		Accent: b.style("accent", p.accent, ansi.AttrBold),
		Strong: b.style("strong", shade{}, ansi.AttrBold),
		Unread: b.style("unread", p.unread, ansi.AttrBold),
		Good:   b.style("good", p.good),
		Bad:    b.style("bad", p.bad, ansi.AttrBold),
		Mine:   b.style("mine", p.accent),
		Chosen: b.style("chosen", shade{}, ansi.AttrReverse),
		Found:  b.style("found", shade{}, ansi.AttrBold, ansi.AttrUnderline),
		Italic: b.style("italic", shade{}, ansi.AttrItalic),
		Link:   b.style("link", shade{}, ansi.AttrUnderline),
		Source: b.style("source", p.names[0]),
		Hint:   b.style("hint", p.muted, ansi.AttrItalic),
		Dark:   dark,
		Cursor: b.colour("accent", p.accent),
	}
	if ink, paper := b.tint(shade{"0", "16", "#000000"}), b.tint(shade{"15", "231", "#ffffff"}); ink != nil {
		t.Code = Style(ansi.NewStyle().ForegroundColor(ink).BackgroundColor(paper).String())
	}
	for _, own := range c.Own["names"] {
		t.names = append(t.names, paint(b.own(own)))
	}
	for i := 0; len(c.Own["names"]) == 0 && i < len(p.names); i++ {
		t.names = append(t.names, paint(b.tint(p.names[i])))
	}
	return t
}

// brush makes styles.
type brush struct {
	colours map[string][]string // the user's own
	profile colorprofile.Profile
}

func (b brush) style(name string, s shade, attrs ...ansi.Attr) Style {
	return paint(b.colour(name, s), attrs...)
}

// colour returns the user's own colour of a style, or else the theme's.
func (b brush) colour(name string, s shade) color.Color {
	if own := b.colours[name]; len(own) > 0 {
		return b.own(own[0])
	}
	return b.tint(s)
}

func (b brush) own(c string) color.Color { return b.profile.Convert(lipgloss.Color(c)) }

// tint returns what of a shade the terminal can show: nil if nothing.
func (b brush) tint(s shade) color.Color {
	if b.profile < colorprofile.ANSI || s == (shade{}) {
		return nil
	}
	return lipgloss.Complete(b.profile)(lipgloss.Color(s.ansi), lipgloss.Color(s.ansi256), lipgloss.Color(s.full))
}

func paint(c color.Color, attrs ...ansi.Attr) Style {
	st := ansi.NewStyle(attrs...)
	if c != nil {
		st = st.ForegroundColor(c)
	}
	if len(st) == 0 {
		return ""
	}
	return Style(st.String())
}

// Name returns the style of the name of the person with the given key, the
// same each time.
func (t *Theme) Name(key [32]byte) Style { return t.names[int(key[0])%len(t.names)] }
