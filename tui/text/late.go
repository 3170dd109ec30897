package text

import (
	"fmt"
	"time"
)

// Slack is how much later than it was written a message may arrive, and how
// far two clocks may differ, before that is worth a word.
const Slack = 2 * time.Minute

// Late says how much later than it was written something arrived, "" if it is
// not worth a word.
func Late(written, arrived time.Time) string {
	d := arrived.Sub(written)
	const day = 24 * time.Hour
	switch {
	case written.IsZero() || arrived.IsZero() || d <= Slack:
		return ""
	case d < 59*time.Minute+30*time.Second:
		return fmt.Sprintf("arrived %d min later", d.Round(time.Minute)/time.Minute)
	case d < 47*time.Hour+30*time.Minute:
		return fmt.Sprintf("arrived %d h later", d.Round(time.Hour)/time.Hour)
	}
	return fmt.Sprintf("arrived %d days later", d.Round(day)/day)
}
