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
		th := New(tt.dark, tt.profile)
		if got := th.Muted.Paint("x"); got != tt.muted {
			t.Errorf("%s: muted x is %q, want %q", tt.name, got, tt.muted)
		}
	}
}

// TestNoColour checks that without colours the attributes stay which set
// apart what has the focus and what is chosen.
func TestNoColour(t *testing.T) {
	th := New(true, colorprofile.ASCII)
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
	th := New(true, colorprofile.TrueColor)
	seen := map[Style]bool{}
	for i := range 256 {
		seen[th.Name([32]byte{byte(i)})] = true
	}
	if len(seen) != len(th.names) {
		t.Errorf("names come in %d styles, want %d", len(seen), len(th.names))
	}
}
