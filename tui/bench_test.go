package tui

import (
	"fmt"
	"testing"
	"time"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// long is a screen on a room of 100,000 messages, of which a page is loaded.
func long(b *testing.B) *model {
	f := busy()
	msgs := make([]messenger.Message, 100_000)
	for i := range msgs {
		msgs[i] = message(messenger.Room, i+1, id(byte(2+i%2)), time.Duration(len(msgs)-i)*time.Second, fmt.Sprintf("message %d about this and that, as people write", i))
	}
	f.history[messenger.Room] = msgs
	m := newModel(f, Options{Now: func() time.Time { return now }, Zone: time.UTC})
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	page, err := f.History(b.Context(), messenger.Room, messenger.Cursor{}, pageSize)
	if err != nil {
		b.Fatal(err)
	}
	m.Update(historyMsg{chat: messenger.Room, page: page})
	m.Update(peopleMsg(f.people))
	return m
}

// BenchmarkKey measures a key and the frame after it. The baseline is a bare
// text area of the same size.
func BenchmarkKey(b *testing.B) {
	keys := []tea.KeyPressMsg{{Code: 'a', Text: "a"}, {Code: tea.KeyBackspace}}
	b.Run("bare", func(b *testing.B) {
		a := textarea.New()
		a.SetVirtualCursor(false)
		a.SetWidth(120)
		a.SetHeight(40)
		a.Focus()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			a, _ = a.Update(keys[i%2])
			_ = a.View()
		}
	})
	b.Run("dione", func(b *testing.B) {
		m := long(b)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.Update(keys[i%2])
			_ = m.View()
		}
	})
}

// BenchmarkIncoming measures a message that comes in, with its frame.
func BenchmarkIncoming(b *testing.B) {
	m := long(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Update(eventsMsg{messenger.MessageReceived{
			Message: message(messenger.Room, 200_000+i, id(2), 0, "one more"),
			From:    m.people[0],
		}})
		_ = m.View()
	}
}

// BenchmarkResize measures a new size, with its frame.
func BenchmarkResize(b *testing.B) {
	m := long(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Update(tea.WindowSizeMsg{Width: 100 + i%50, Height: 40})
		_ = m.View()
	}
}
