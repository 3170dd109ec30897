package theme

import (
	"image/color"
	"math"
	"testing"

	"charm.land/lipgloss/v2"
)

// contrast is that of WCAG 2, from 1 to 21.
func contrast(a, b color.Color) float64 {
	l, m := luminance(a), luminance(b)
	return (math.Max(l, m) + 0.05) / (math.Min(l, m) + 0.05)
}

func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	part := func(v uint32) float64 {
		x := float64(v) / 0xffff
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*part(r) + 0.7152*part(g) + 0.0722*part(b)
}

// TestContrast computes how well each colour can be read. The 16 colours are
// those that the terminal's user has chosen, so nobody can.
func TestContrast(t *testing.T) {
	for _, tt := range []struct {
		name  string
		dark  bool
		backs []string
		text  float64 // at least
		line  float64
	}{
		{Auto, true, []string{"#000000", "#1e1e1e"}, 4.5, 1.5},
		{Auto, false, []string{"#ffffff", "#fafafa"}, 4.5, 1.5},
		{HighContrast, true, []string{"#000000", "#1e1e1e"}, 7, 7},
		{HighContrast, false, []string{"#ffffff", "#fafafa"}, 7, 7},
	} {
		p := paletteOf(tt.name, tt.dark)
		text := map[string]shade{"muted": p.muted, "accent": p.accent, "unread": p.unread, "good": p.good, "bad": p.bad}
		for i, s := range p.names {
			text["name "+string(rune('0'+i))] = s
		}
		check := func(name string, s shade, least float64) {
			for _, c := range []string{s.ansi256, s.full} {
				for _, back := range tt.backs {
					if got := contrast(lipgloss.Color(c), lipgloss.Color(back)); got < least {
						t.Errorf("%s, dark %v: %s %s on %s has a contrast of %.2f, want %.1f", tt.name, tt.dark, name, c, back, got, least)
					}
				}
			}
		}
		for name, s := range text {
			check(name, s, tt.text)
		}
		check("line", p.line, tt.line)
	}
}
