package text

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{30 * 24 * time.Hour, "30 days"}, {24 * time.Hour, "1 day"}, {36 * time.Hour, "36 hours"}, {time.Minute, "1 minute"}, {1500 * time.Millisecond, "1.5s"}, {0, "0s"},
	} {
		if got := Span(tt.d); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.d, got, tt.want)
		}
	}
}
