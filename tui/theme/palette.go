package theme

// shade is one colour for each kind of terminal. The first, of 16, follows the
// palette that the terminal's user chose.
type shade struct{ ansi, ansi256, full string }

// palette is the colours for one background.
type palette struct {
	line, muted, accent, unread, good, bad shade
	names                                  [6]shade
}

// paletteOf returns the colours of a theme.
func paletteOf(name string, dark bool) *palette {
	switch {
	case name == HighContrast && dark:
		return &starkOnDark
	case name == HighContrast:
		return &starkOnLight
	case dark:
		return &onDark
	}
	return &onLight
}

// The colours have one lightness each, so that no name shouts. The contrast of
// each with its background is computed in a test.
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
			{"6", "24", "#0b7285"}, {"5", "91", "#8a3fb0"}, {"2", "58", "#4a7317"},
			{"3", "130", "#a5520c"}, {"1", "125", "#b02a5b"}, {"4", "61", "#4a4fc0"},
		},
	}
	starkOnDark = palette{
		line:   shade{"7", "252", "#d0d0d0"},
		muted:  shade{"15", "254", "#e4e4e4"},
		accent: shade{"14", "123", "#87ffff"},
		unread: shade{"11", "227", "#ffff5f"},
		good:   shade{"10", "120", "#87ff87"},
		bad:    shade{"9", "217", "#ffafaf"},
		names: [6]shade{
			{"14", "159", "#afffff"}, {"13", "225", "#ffd7ff"}, {"10", "157", "#afffaf"},
			{"11", "229", "#ffffaf"}, {"9", "224", "#ffd7d7"}, {"15", "189", "#d7d7ff"},
		},
	}
	starkOnLight = palette{
		line:   shade{"0", "238", "#444444"},
		muted:  shade{"0", "236", "#303030"},
		accent: shade{"4", "18", "#000087"},
		unread: shade{"1", "52", "#5f2f00"},
		good:   shade{"0", "22", "#005f00"},
		bad:    shade{"1", "52", "#7a0000"},
		names: [6]shade{
			{"4", "23", "#004f4f"}, {"5", "53", "#5f005f"}, {"0", "22", "#2f4f00"},
			{"1", "52", "#5f2f00"}, {"5", "52", "#6f0037"}, {"4", "18", "#1f1f87"},
		},
	}
)
