package cli

import (
	"testing"
	"time"

	"dione/tui/record"
)

func TestAside(t *testing.T) {
	at := record.Time{Time: time.Date(2026, 11, 20, 14, 2, 0, 0, time.UTC)}
	later := record.Time{Time: at.Add(3 * time.Hour)}
	for want, r := range map[string]record.History{
		"":                              {State: "received", Path: "lan"},
		" [mailbox, arrived 3 h later]": {State: "received", Path: "mailbox", Arrived: later},
		" [stored 24/24, edited]":       {State: "stored", Stored: 24, Replicas: 24, Edited: later},
		" [deleted]":                    {State: "received", Path: "lan", Edited: later, Deleted: true},
		" [direct, 👍, \\u001b?]":        {State: "received", Path: "direct", Reactions: []record.Reacted{{Text: "👍"}, {Text: "\x1b?"}}},
	} {
		r.Sent = at
		if r.Arrived.IsZero() {
			r.Arrived = at
		}
		if got := aside(r); got != want {
			t.Errorf("aside of %+v is %q, want %q", r, got, want)
		}
	}
}
