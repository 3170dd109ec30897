package tui

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

func TestSend(t *testing.T) {
	f := busy()
	s := newScreen(t, f, 80, 24)
	s.typed("hello")
	s.keys(tea.KeyPressMsg{Code: tea.KeyEnter, Mod: tea.ModAlt})
	s.typed("there")
	s.keys(enter)
	if want := []string{"hello\nthere"}; !slices.Equal(f.sent, want) || s.composer.Text() != "" {
		t.Errorf("sent %q, composer %q; want %q and nothing", f.sent, s.composer.Text(), want)
	}
	s.typed("//slash")
	s.keys(enter)
	if f.sent[len(f.sent)-1] != "/slash" {
		t.Errorf("//slash sent %q", f.sent[len(f.sent)-1])
	}
}

// TestNothingTypedIsLost fails sends and takes other ways that lose text in
// lesser programs.
func TestNothingTypedIsLost(t *testing.T) {
	f := busy()
	f.sendErr = errors.New("disk full or failing")
	s := newScreen(t, f, 80, 24)
	s.typed("precious")
	s.keys(enter)
	if got := s.composer.Text(); got != "precious" || !strings.Contains(s.content(), "disk full") {
		t.Errorf("after a send that failed the composer has %q:\n%s", got, s.content())
	}
	s.keys(tea.KeyPressMsg{Code: tea.KeyDown, Mod: tea.ModAlt})
	if s.open.IsRoom() || s.composer.Text() != "" {
		t.Errorf("the next chat is %v, its composer has %q", s.open, s.composer.Text())
	}
	s.keys(tea.KeyPressMsg{Code: tea.KeyUp, Mod: tea.ModAlt})
	if got := s.composer.Text(); got != "precious" {
		t.Errorf("back in the room the draft is %q", got)
	}
	s.keys(ctrlC)
	if s.composer.Text() != "" || s.quitting {
		t.Errorf("the first Ctrl+C left %q, quits: %v", s.composer.Text(), s.quitting)
	}
	s.keys(up)
	if got := s.composer.Text(); got != "precious" {
		t.Errorf("Up brought back %q", got)
	}
	long := strings.Repeat("x", messenger.MaxText+1)
	s.composer.SetText("")
	s.update(tea.PasteMsg{Content: long})
	f.sent = nil
	s.keys(enter)
	if s.composer.Text() != long || len(f.sent) != 0 || !strings.Contains(s.content(), "too long: limit 16 KiB") {
		t.Errorf("a paste that is too long: %d of %d bytes are left, %d messages sent", len(s.composer.Text()), len(long), len(f.sent))
	}
	s.keys(ctrlC, ctrlC)
	if !s.quitting {
		t.Error("Ctrl+C in an empty composer does not leave")
	}
}

func TestMistypedIsNotSent(t *testing.T) {
	f := newFake()
	s := newScreen(t, f, 80, 24)
	s.typed("/mgs bob")
	s.keys(enter)
	if len(f.sent) != 0 || s.composer.Text() != "/mgs bob" || !strings.Contains(s.content(), "/msg?") {
		t.Errorf("sent %q, composer %q:\n%s", f.sent, s.composer.Text(), s.content())
	}
}

// TestUnread: what is on the screen of somebody who looks is read, nothing else.
func TestUnread(t *testing.T) {
	f := busy()
	s := newScreen(t, f, 80, 24)
	bob := messenger.Chat{Peer: id(2)}
	if got := f.read[messenger.Room]; got != 8 {
		t.Errorf("the room is read up to %v, want 8", got)
	}
	if _, ok := f.read[bob]; ok || s.title() != "(1) dione" {
		t.Errorf("bob's chat was read unseen: %v, title %q", ok, s.title())
	}
	receive := func(n int, chat messenger.Chat) {
		s.update(eventsMsg{messenger.MessageReceived{Message: message(chat, n, id(2), 0, "new"), From: s.people[0]}})
	}
	s.update(tea.BlurMsg{})
	receive(50, messenger.Room)
	if f.read[messenger.Room] != 8 || s.title() != "(2) dione" {
		t.Errorf("read up to %v while nobody looked, title %q", f.read[messenger.Room], s.title())
	}
	s.update(tea.FocusMsg{})
	if f.read[messenger.Room] != 50 {
		t.Errorf("read up to %v when somebody looked again, want 50", f.read[messenger.Room])
	}
	s.update(tea.WindowSizeMsg{Width: 80, Height: 12})
	s.keys(pgUp)
	receive(51, messenger.Room)
	if f.read[messenger.Room] != 50 || !strings.Contains(s.content(), "1 new below") {
		t.Errorf("read up to %v while scrolled back:\n%s", f.read[messenger.Room], s.content())
	}
	s.keys(esc)
	if f.read[messenger.Room] != 51 {
		t.Errorf("read up to %v back at the end, want 51", f.read[messenger.Room])
	}
}

func TestStateIsShown(t *testing.T) {
	f := busy()
	s := newScreen(t, f, 80, 24)
	msg := f.history[messenger.Room][7]
	msg.State, msg.Acked = messenger.StateDelivered, 2
	s.update(eventsMsg{messenger.StateChanged{Message: msg}})
	if strings.Contains(s.content(), "1/2") {
		t.Errorf("a delivered message still shows 1/2:\n%s", s.content())
	}
}

// TestPaging scrolls through a long history, which comes in pages.
func TestPaging(t *testing.T) {
	f := newFake()
	for i := range 1000 {
		f.history[messenger.Room] = append(f.history[messenger.Room], message(messenger.Room, i+1, id(2), time.Duration(1000-i)*time.Minute, fmt.Sprintf("line %d", i)))
	}
	s := newScreen(t, f, 80, 24)
	for range 100 {
		s.keys(pgUp)
	}
	if got := s.content(); !strings.Contains(got, "line 0") {
		t.Errorf("the beginning is out of reach:\n%s", got)
	}
	if s.current().list.Len() < 1000 {
		t.Errorf("%d messages are in memory, want all 1000 that were scrolled through", s.current().list.Len())
	}
}

// TestRandom presses keys and changes sizes at random: no panic, and no frame
// is ever larger than the terminal.
func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	s := newScreen(t, busy(), 80, 24)
	codes := []rune{tea.KeyEnter, tea.KeyTab, tea.KeyEscape, tea.KeyUp, tea.KeyDown, tea.KeyLeft, tea.KeyRight, tea.KeyPgUp, tea.KeyPgDown,
		tea.KeyHome, tea.KeyEnd, tea.KeyBackspace, tea.KeyDelete, tea.KeyF1, 'a', '/', ' ', '漢', 'k'}
	mods := []tea.KeyMod{0, 0, 0, tea.ModCtrl, tea.ModAlt, tea.ModShift}
	for i := range 3000 {
		switch random.IntN(12) {
		case 0:
			s.update(tea.WindowSizeMsg{Width: 1 + random.IntN(220), Height: 1 + random.IntN(70)})
		case 1:
			s.update(eventsMsg{messenger.MessageReceived{
				Message: message(messenger.Room, 1000+i, id(byte(2+random.IntN(3))), 0, strings.Repeat("漢 word ", random.IntN(60))),
				From:    s.people[0],
			}})
		default:
			k := tea.KeyPressMsg{Code: codes[random.IntN(len(codes))], Mod: mods[random.IntN(len(mods))]}
			if k.Mod == 0 && k.Code < tea.KeyExtended && k.Code > ' ' {
				k.Text = string(k.Code)
			}
			if k.Mod == tea.ModCtrl && k.Code == 'z' {
				continue
			}
			_, _ = s.model.Update(k) // commands of random keys are left undone
		}
		s.checkSize()
		if t.Failed() {
			t.Fatalf("after step %d", i)
		}
	}
}
