package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// many is how many messages the open conversation has in the benchmarks.
const many = 100_000

func benchScreen(b *testing.B) *screen {
	f := newFake(bob, carol)
	for i := range many {
		f.add(messenger.Room, []messenger.Person{bob, carol, ann}[i%3], noon.Add(time.Duration(i-many)*time.Minute),
			fmt.Sprintf("message %d about the weather, the build and what to eat tonight, long enough to be wrapped", i))
	}
	f.read[messenger.Room] = many
	return newScreen(b, f, 120, 40)
}

// BenchmarkKey is a key with 100,000 messages in the open conversation, and
// beside it the raw baseline: the same key in a bare text area.
func BenchmarkKey(b *testing.B) {
	keys := []tea.KeyPressMsg{{Code: 'x', Text: "x"}, {Code: tea.KeyBackspace}}
	b.Run("dione", func(b *testing.B) {
		s := benchScreen(b)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.Update(keys[i%2])
			s.View()
		}
	})
	b.Run("bare", func(b *testing.B) {
		area := textarea.New()
		area.SetWidth(120)
		area.Focus()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			area, _ = area.Update(keys[i%2])
			_ = area.View()
		}
	})
}

func BenchmarkIncoming(b *testing.B) {
	s := benchScreen(b)
	m := s.fake.msgs[messenger.Room][many-1]
	m.Mine, m.From = false, bob.ID
	b.ReportAllocs()
	for b.Loop() {
		m.Row, m.Pos = m.Row+1, m.Pos+1
		s.Update(eventsMsg{messenger.MessageReceived{Message: m, From: bob}})
		s.View()
	}
}

func BenchmarkResize(b *testing.B) {
	s := benchScreen(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Update(tea.WindowSizeMsg{Width: 120 + i%2, Height: 40})
		s.View()
	}
}

func BenchmarkScroll(b *testing.B) {
	s := benchScreen(b)
	b.ReportAllocs()
	for b.Loop() {
		s.keys("pgup")
		s.View()
	}
}

// BenchmarkFirstFrame is from nothing to a frame that shows the newest of
// 100,000 messages.
func BenchmarkFirstFrame(b *testing.B) {
	f := benchScreen(b).fake
	b.ReportAllocs()
	for b.Loop() {
		if s := newScreen(b, f, 120, 40); !strings.Contains(s.View().Content, "message 99999") {
			b.Fatal("the newest message is not on the screen")
		}
	}
}

// TestKeyAllocs bounds what a key costs, however long the conversation.
func TestKeyAllocs(t *testing.T) {
	s := scrolledScreen(t, 120, 40)
	n := testing.AllocsPerRun(100, func() {
		s.Update(tea.KeyPressMsg{Code: 'x', Text: "x"})
		s.View()
	})
	if n > 250 {
		t.Errorf("a key costs %.0f allocations", n)
	}
}
