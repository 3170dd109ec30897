// Package notify tells the user of new messages while they look elsewhere: by
// a sequence that their terminal turns into a notice, by the bell, or by a
// program of theirs.
//
// It knows neither the screen nor the engine: whoever calls it decides when
// the user looks elsewhere. What it is given is clean already, and it lets no
// control character out all the same.
package notify

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Way is how a notice reaches the user.
type Way string

// The ways. OSC 9, 99 and 777 are sequences that terminals understand: which
// of them depends on the terminal.
const (
	Auto    Way = "auto"
	OSC9    Way = "osc9"
	OSC99   Way = "osc99"
	OSC777  Way = "osc777"
	Bell    Way = "bell"
	Command Way = "command"
	Off     Way = "off"
)

// Choose returns the way that Auto, or "", means where the variables are those
// of env; another way means itself. A terminal that is not known to show
// notices has the bell, and so has one behind tmux or screen: what they let
// through is a setting of theirs, but a bell marks the window there.
func Choose(w Way, env func(string) string) Way {
	if w != Auto && w != "" {
		return w
	}
	term, program := env("TERM"), env("TERM_PROGRAM")
	switch {
	case multiplexed(env):
		return Bell
	case env("KITTY_WINDOW_ID") != "" || strings.Contains(term, "kitty"):
		return OSC99
	case program == "iTerm.app" || env("LC_TERMINAL") == "iTerm2":
		return OSC9
	case program == "ghostty" || program == "WezTerm",
		strings.Contains(term, "ghostty"), strings.HasPrefix(term, "wezterm"),
		strings.HasPrefix(term, "foot"), strings.HasPrefix(term, "contour"):
		return OSC777
	}
	return Bell
}

// multiplexed reports whether another program stands between us and the
// terminal.
func multiplexed(env func(string) string) bool {
	term := env("TERM")
	return env("TMUX") != "" || env("STY") != "" || strings.HasPrefix(term, "tmux") || strings.HasPrefix(term, "screen")
}

// screenLimit is the longest sequence that screen lets through at a time.
const screenLimit = 768

// Sequence returns what to write to the terminal for a notice, "" for a way
// that writes nothing there. Tmux and screen are asked to pass it on.
func Sequence(w Way, words string, env func(string) string) string {
	words = plain(words)
	var seq string
	switch Choose(w, env) {
	case OSC9:
		// A digit after the 9 would be another command to some terminals.
		seq = ansi.Notify("dione: " + words)
	case OSC99:
		// One id, so that a notice takes the place of the one before.
		seq = ansi.DesktopNotification("dione", "i=dione", "d=0", "p=title") +
			ansi.DesktopNotification(words, "i=dione", "d=1", "p=body", "o=unfocused")
	case OSC777:
		seq = "\x1b]777;notify;dione;" + strings.ReplaceAll(words, ";", ",") + "\x07"
	case Bell:
		return "\a"
	default:
		return ""
	}
	switch {
	case env("TMUX") != "":
		return ansi.TmuxPassthrough(seq)
	case env("STY") != "":
		return ansi.ScreenPassthrough(seq, screenLimit)
	}
	return seq
}

// plain returns s without control characters and without what is not UTF-8.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' {
			return -1
		}
		return r
	}, s)
}
