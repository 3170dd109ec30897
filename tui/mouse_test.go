package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

func clickAt(x, y int) tea.MouseClickMsg { return tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft} }

// rowOf returns the row of the screen in which a text stands.
func (s *screen) rowOf(text string) int {
	s.t.Helper()
	for i, row := range strings.Split(s.text(), "\n") {
		if strings.Contains(row, text) {
			return i
		}
	}
	s.t.Fatalf("%q is not on the screen", text)
	return 0
}

// TestClick opens whom one clicks on, and goes back to writing.
func TestClick(t *testing.T) {
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 40, Height: 10}, {Width: 18, Height: 8}} {
		t.Run(fmt.Sprintf("%dx%d", size.Width, size.Height), func(t *testing.T) {
			s := newScreen(t, newFake(bob, carol, stranger(9, "eve")), size.Width, size.Height)
			s.opts.Screen.Mouse = true
			if s.View().MouseMode == tea.MouseModeNone {
				t.Error("the mouse is not taken")
			}
			s.keys("tab")
			s.text() // it is drawn before anybody clicks
			s.send(clickAt(3, s.rowOf("carol")))
			if s.open.chat != with(carol) || s.onRoster {
				t.Errorf("open is %v, the roster has the keys: %v", s.open.chat, s.onRoster)
			}
			s.keys("tab")
			s.text()
			s.send(clickAt(3, s.rowOf("NEARBY"))) // leads nowhere
			s.send(clickAt(300, 300))
			if s.open.chat != with(carol) {
				t.Errorf("open is %v", s.open.chat)
			}
		})
	}
	s := newScreen(t, newFake(bob, stranger(9, "eve")), 80, 24)
	s.keys("tab")
	s.send(clickAt(40, 22))
	if s.onRoster {
		t.Error("a click on the composer does not go there")
	}
	s.send(clickAt(3, s.rowOf("REQUESTS")))
	s.want("STRANGERS WHO WOULD LIKE TO WRITE")
	s.send(clickAt(3, s.rowOf("# lan")))
	s.want("STRANGERS WHO WOULD LIKE TO WRITE")
}

func TestWheel(t *testing.T) {
	f := newFake(bob, carol)
	for i := range 60 {
		f.add(messenger.Room, bob, ago(time.Hour), fmt.Sprintf("line %d.", i))
	}
	f.read[messenger.Room] = 60
	s := newScreen(t, f, 80, 24)
	s.want("line 59.")
	for range 3 {
		s.send(tea.MouseWheelMsg{X: 50, Y: 5, Button: tea.MouseWheelUp})
	}
	s.wantNot("line 59.", "line 51.")
	s.want("line 50.")
	for range 3 {
		s.send(tea.MouseWheelMsg{X: 5, Y: 5, Button: tea.MouseWheelDown})
	}
	s.want("line 59.")
	s.keys("tab")
	s.send(tea.MouseWheelMsg{X: 5, Y: 5, Button: tea.MouseWheelDown})
	s.want("›● bob")
	s.keys("tab", "/who", "enter")
	s.want("› bob")
	s.send(tea.MouseWheelMsg{X: 50, Y: 5, Button: tea.MouseWheelDown})
	s.want("› carol")
}
