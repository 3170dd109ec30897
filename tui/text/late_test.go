package text

import (
	"testing"
	"time"
)

func TestLate(t *testing.T) {
	noon := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, ""},
		{0, ""},
		{Slack, ""},
		{Slack + time.Second, "arrived 2 min later"},
		{59 * time.Minute, "arrived 59 min later"},
		{59*time.Minute + 30*time.Second, "arrived 1 h later"},
		{3*time.Hour + 20*time.Minute, "arrived 3 h later"},
		{47 * time.Hour, "arrived 47 h later"},
		{48 * time.Hour, "arrived 2 days later"},
		{10 * 24 * time.Hour, "arrived 10 days later"},
	} {
		if got := Late(noon, noon.Add(tt.d)); got != tt.want {
			t.Errorf("Late after %v = %q, want %q", tt.d, got, tt.want)
		}
	}
	if got := Late(time.Time{}, noon) + Late(noon, time.Time{}); got != "" {
		t.Errorf("Late without a time = %q", got)
	}
}
