package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// came stores a message of dave with a number and a place, and tells of it.
func (s *screen) came(seq uint64, pos float64, change func(*messenger.Message)) {
	s.t.Helper()
	c := with(dave)
	s.fake.add(c, dave, noon, "number "+string(rune('0'+seq)))
	m := s.fake.set(c, func(m *messenger.Message) {
		m.Seq, m.Pos, m.Path = seq, pos, messenger.PathMailbox
		if change != nil {
			change(m)
		}
	})
	s.tell(messenger.MessageReceived{Message: m, From: someDave()})
}

// TestMissing has messages overtake others, which come later.
func TestMissing(t *testing.T) {
	s := newScreen(t, newFake(bob, someDave()), 100, 40)
	s.keys("/msg dave", "enter")
	late := func(m *messenger.Message) { m.Late = true }
	s.came(3, 1, nil)
	s.wantNot("missing") // what was before the first one nobody knows
	s.came(4, 2, nil)
	s.wantNot("missing")
	s.came(8, 3, nil)
	s.want("⋮ 3 messages of dave are missing")
	s.came(6, 2.2, late)
	s.want("⋮ 1 message of dave is missing")
	if n := strings.Count(s.text(), "is missing"); n != 2 {
		t.Errorf("%d gaps, want 2:\n%s", n, s.text())
	}
	s.came(5, 2.1, late)
	s.came(7, 2.3, late)
	s.wantNot("missing")
	s.wantFit()
	var got []string
	for row := range strings.Lines(s.text()) {
		if _, rest, ok := strings.Cut(row, "number "); ok {
			got = append(got, rest[:1])
		}
	}
	if order := strings.Join(got, ""); order != "345678" {
		t.Errorf("the order is %s", order)
	}

	room := newScreen(t, newFake(bob), 100, 40)
	for _, seq := range []uint64{1, 9} {
		m := room.fake.add(messenger.Room, bob, noon, "x")
		m.Seq = seq
		room.tell(messenger.MessageReceived{Message: m, From: bob})
	}
	room.wantNot("missing")
}

// TestOrigin looks at what stands beside messages of others.
func TestOrigin(t *testing.T) {
	s := newScreen(t, newFake(bob, someDave()), 100, 40)
	s.keys("/msg dave", "enter")
	sent := func(d time.Duration) func(*messenger.Message) {
		return func(m *messenger.Message) { m.Sent = noon.Add(-d) }
	}
	rows := func(part string) (n int) { return strings.Count(s.text(), part) }
	s.came(1, 1, sent(time.Minute))
	s.want("mailbox")
	s.wantNot("arrived")
	s.came(2, 2, sent(3*time.Hour))
	s.want("11:31", "mailbox, arrived 3 h later")
	s.came(3, 3, sent(3*time.Hour-time.Minute))
	if n := rows("arrived 3 h later"); n != 1 {
		t.Errorf("the same is said %d times:\n%s", n, s.text())
	}
	s.came(4, 4, sent(2*time.Hour))
	s.want("arrived 2 h later")
	s.came(5, 5, sent(20*time.Hour))
	s.want("18:31", "written 19 Nov, mailbox, arrived 20 h later")
	s.came(6, 6, sent(-time.Hour)) // a clock that is ahead
	s.want("written 20 Nov 15:31, mailbox")
	s.came(7, 7, func(m *messenger.Message) { m.Path = messenger.PathLAN })
	if n := rows("mailbox"); n != 5 {
		t.Errorf("the mailbox is named %d times, want 5:\n%s", n, s.text())
	}
	s.wantFit()
	s.send(tea.WindowSizeMsg{Width: 40, Height: 10})
	s.wantFit()
}

// TestStored follows an own message into the mail network and out of it.
func TestStored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newScreen(t, mailFake(), 100, 40)
		s.keys("/msg dave", "enter", "is it hot?", "enter")
		last := s.fake.set(with(dave), func(*messenger.Message) {})
		s.tell(messenger.MessageSent{Message: last})
		height := strings.Count(s.text(), "\n")
		for _, tt := range []struct {
			state            messenger.State
			acked, addressed int
			want             string
		}{
			{messenger.StateQueued, 2, 24, "…"},
			{messenger.StateStored, 3, 24, "stored 3/24"},
			{messenger.StateStored, 24, 24, "stored 24/24"},
			{messenger.StateDelivered, 1, 1, "✓"},
		} {
			m := s.fake.set(with(dave), func(m *messenger.Message) { m.State, m.Acked, m.Addressed = tt.state, tt.acked, tt.addressed })
			s.tell(messenger.StateChanged{Message: m})
			for row := range strings.Lines(s.text()) {
				if strings.Contains(row, "is it hot?") && !strings.Contains(row, tt.want+" │") {
					t.Errorf("%v %d/%d shows as %s", tt.state, tt.acked, tt.addressed, row)
				}
			}
			if n := strings.Count(s.text(), "\n"); n != height {
				t.Errorf("%v: %d rows, and %d before", tt.state, n, height)
			}
		}
	})
}

// TestOutboxChanges: what waits to be done to a message is said as that.
func TestOutboxChanges(t *testing.T) {
	for _, tt := range []struct {
		kind       messenger.Kind
		text, want string
	}{
		{messenger.KindText, "one\ntwo", "one"},
		{messenger.KindReaction, "👍", "reacts with 👍"},
		{messenger.KindReaction, "", "takes a reaction away"},
		{messenger.KindCorrection, "better", "corrects to: better"},
		{messenger.KindDeletion, "", "takes a message back"},
	} {
		if got := waitingText(messenger.Waiting{Message: messenger.Message{Kind: tt.kind, Text: tt.text}}); got != tt.want {
			t.Errorf("%v %q shows as %q, want %q", tt.kind, tt.text, got, tt.want)
		}
	}
}

// TestOutboxActs tries again, finds what is too late, and opens chats.
func TestOutboxActs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := mailFake()
		s := newScreen(t, f, 100, 40)
		s.keys("/outbox", "enter")
		s.want("stored 24/24: in the mail network until they come", "queued: no mailbox node reachable", "cannot be given up")
		s.keys("r")
		f.wantCall(t, "retry "+dave.Tag)
		s.want("trying again")
		s.keys("x")
		s.want("too late: it is on its way")
		if m := f.msgs[with(dave)][5]; m.State != messenger.StateStored {
			t.Errorf("what is on its way is %v", m.State)
		}
		s.keys("down", "down", "x")
		s.wantNot("no mailbox node reachable")
		if m := f.msgs[with(dave)][7]; m.State != messenger.StateFailed {
			t.Errorf("what is not is %v", m.State)
		}
		m := f.msgs[with(dave)][6]
		f.msgs[with(dave)][6].State = messenger.StateDelivered
		s.tell(messenger.StateChanged{Message: m})
		s.wantNot("help yourself") // the list is kept up to date
		s.keys("enter")
		if s.dialogs.Open() || s.open.chat != with(dave) {
			t.Error("Enter did not open the chat")
		}
		s.keys("/outbox retry "+f.msgs[with(dave)][5].ID.String()[:16], "enter")
		f.wantCall(t, "retry "+dave.Tag)
		s.want("trying again to reach dave")
		s.keys("/outbox retry", "enter")
		f.wantCall(t, "retry all")
		s.keys("/outbox retry fff", "enter")
		s.want("✗ no such message waits in the outbox")
	})
}
