package theme

import (
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
)

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name    string
		dark    bool
		profile colorprofile.Profile
		muted   string
	}{
		{"dark, all colours", true, colorprofile.TrueColor, "\x1b[38;2;143;152;168mx\x1b[m"},
		{"light, all colours", false, colorprofile.TrueColor, "\x1b[38;2;102;112;128mx\x1b[m"},
		{"dark, 256", true, colorprofile.ANSI256, "\x1b[38;5;246mx\x1b[m"},
		{"dark, 16", true, colorprofile.ANSI, "\x1b[37mx\x1b[m"},
		{"light, 16", false, colorprofile.ANSI, "\x1b[90mx\x1b[m"},
		{"no colour", true, colorprofile.ASCII, "x"},
	} {
		th := New(Choice{}, tt.dark, tt.profile)
		if got := th.Muted.Paint("x"); got != tt.muted {
			t.Errorf("%s: muted x is %q, want %q", tt.name, got, tt.muted)
		}
	}
}

// TestNoColour checks that without colours the attributes stay which set
// apart what has the focus and what is chosen.
func TestNoColour(t *testing.T) {
	th := New(Choice{}, true, colorprofile.ASCII)
	for name, st := range map[string]Style{"accent": th.Accent, "strong": th.Strong, "chosen": th.Chosen, "bad": th.Bad} {
		if got := st.Paint("x"); got == "x" || strings.Contains(got, "38;") {
			t.Errorf("%s: x is %q, want an attribute and no colour", name, got)
		}
	}
	if th.Cursor != nil {
		t.Errorf("the cursor is %v, want the terminal's own", th.Cursor)
	}
}

func TestName(t *testing.T) {
	th := New(Choice{}, true, colorprofile.TrueColor)
	seen := map[Style]bool{}
	for i := range 256 {
		seen[th.Name([32]byte{byte(i)})] = true
	}
	if len(seen) != len(th.names) {
		t.Errorf("names come in %d styles, want %d", len(seen), len(th.names))
	}
}

// TestChoice checks each theme, and that own colours take the places of its
// own, in as many colours as the terminal has.
func TestChoice(t *testing.T) {
	own := map[string][]string{"muted": {"#ff0000"}, "chosen": {"208"}, "names": {"1", "#00ff00"}}
	for _, tt := range []struct {
		name    string
		choice  Choice
		dark    bool
		profile colorprofile.Profile
		muted   string
	}{
		{"dark on light", Choice{Name: Dark}, false, colorprofile.TrueColor, "\x1b[38;2;143;152;168mx\x1b[m"},
		{"light on dark", Choice{Name: Light}, true, colorprofile.TrueColor, "\x1b[38;2;102;112;128mx\x1b[m"},
		{"16 of many", Choice{Name: Sixteen}, true, colorprofile.TrueColor, "\x1b[37mx\x1b[m"},
		{"16 of none", Choice{Name: Sixteen}, true, colorprofile.ASCII, "x"},
		{"high contrast", Choice{Name: HighContrast}, true, colorprofile.TrueColor, "\x1b[38;2;228;228;228mx\x1b[m"},
		{"high contrast, light, 256", Choice{Name: HighContrast}, false, colorprofile.ANSI256, "\x1b[38;5;236mx\x1b[m"},
		{"own", Choice{Name: Light, Own: own}, true, colorprofile.TrueColor, "\x1b[38;2;255;0;0mx\x1b[m"},
		{"own, 256", Choice{Own: own}, true, colorprofile.ANSI256, "\x1b[38;5;196mx\x1b[m"},
		{"own, 16", Choice{Name: Sixteen, Own: own}, true, colorprofile.TrueColor, "\x1b[91mx\x1b[m"},
		{"own, none", Choice{Own: own}, true, colorprofile.ASCII, "x"},
	} {
		th := New(tt.choice, tt.dark, tt.profile)
		if got := th.Muted.Paint("x"); got != tt.muted {
			t.Errorf("%s: muted x is %q, want %q", tt.name, got, tt.muted)
		}
	}
	th := New(Choice{Own: own}, true, colorprofile.TrueColor)
	if got, want := th.Chosen.Paint("x"), "\x1b[7;38;5;208mx\x1b[m"; got != want {
		t.Errorf("chosen x is %q, want %q", got, want)
	}
	a, b := th.Name([32]byte{0}), th.Name([32]byte{1})
	if len(th.names) != 2 || a == b || b != th.Name([32]byte{3}) {
		t.Errorf("names come in %q and %q", a, b)
	}
}
