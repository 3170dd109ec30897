package tui

import (
	"fmt"
	"slices"
	"testing"

	"dione/tui/config"
	"dione/tui/notify"
	"dione/tui/theme"
)

// TestSettingsFit checks that the settings know what the parts understand.
func TestSettingsFit(t *testing.T) {
	if want := []string{theme.Auto, theme.Dark, theme.Light, theme.Sixteen, theme.HighContrast}; !slices.Equal(config.Themes, want) {
		t.Errorf("themes %q, want %q", config.Themes, want)
	}
	if want := theme.Styles(); !slices.Equal(config.Styles(), want) {
		t.Errorf("styles %q, want %q", config.Styles(), want)
	}
	ways := fmt.Sprint([]notify.Way{notify.Auto, notify.OSC9, notify.OSC99, notify.OSC777, notify.Bell, notify.Command, notify.Off})
	if got := fmt.Sprint(config.NoticeWays); got != ways {
		t.Errorf("notices %s, want %s", got, ways)
	}
	texts := fmt.Sprint([]notify.Text{notify.None, notify.Names, notify.All})
	if got := fmt.Sprint(config.NoticeTexts); got != texts {
		t.Errorf("notice texts %s, want %s", got, texts)
	}
}
