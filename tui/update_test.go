package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"dione/net/messenger"
	"dione/tui/text"
)

// bubble runs a test in virtual time, for the command that counts the outbox
// after a while.
func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

func (f *fake) wantCall(t *testing.T, call string) {
	t.Helper()
	if !slices.Contains(f.calls, call) {
		t.Errorf("%q was not called, but %q", call, f.calls)
	}
}

func TestSend(t *testing.T) {
	f := newFake(bob)
	s := newScreen(t, f, 80, 24)
	s.keys("hello", "ctrl+j", "  there ", "alt+enter", "enter")
	f.wantCall(t, `send #lan "hello\n  there"`)
	if got := s.open.composer.Text(); got != "" {
		t.Errorf("the composer holds %q after Enter", got)
	}
	s.wantNot("hello") // not before it is on the disk and told
	s.tell(messenger.MessageSent{Message: f.msgs[messenger.Room][0]})
	s.want("me", "hello", "…")
	m := f.set(messenger.Room, func(m *messenger.Message) { m.State = messenger.StateDelivered })
	s.tell(messenger.StateChanged{Message: m})
	s.want("✓")
	s.keys("   ", "enter", "ctrl+c", "//not a command", "enter")
	f.wantCall(t, `send #lan "/not a command"`)
	if len(f.calls) != 2 {
		t.Errorf("calls %q, want two", f.calls)
	}
}

func TestSendOrder(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	var cmds []tea.Cmd
	for _, words := range []string{"one", "two", "three"} {
		s.open.composer.SetText(words)
		_, cmd := s.Update(named["enter"])
		cmds = append(cmds, cmd)
	}
	for _, i := range []int{2, 1, 0} { // however the commands are scheduled
		s.run(cmds[i])
	}
	want := []string{`send #lan "one"`, `send #lan "two"`, `send #lan "three"`}
	if !slices.Equal(s.fake.calls, want) {
		t.Errorf("sent %q, want %q", s.fake.calls, want)
	}
}

func TestSendRefused(t *testing.T) {
	f := newFake(bob)
	s := newScreen(t, f, 80, 24)
	f.refuse = errors.New("disk full")
	s.keys("precious", "enter")
	s.want("✗ not sent: disk full", "> precious")
	_, cmd := s.Update(named["enter"])
	s.keys("other")
	s.run(cmd) // it comes back while something else is written
	s.want("> other")
	s.keys("ctrl+c", "up")
	s.want("> other")
	s.keys("up")
	s.want("> precious")
}

func TestHistory(t *testing.T) {
	f := newFake(bob)
	f.add(messenger.Room, ann, ago(time.Hour), "/slash of yesterday")
	f.add(messenger.Room, bob, ago(time.Hour), "not mine")
	s := newScreen(t, f, 80, 24)
	s.keys("one", "enter", "/net", "enter", "esc", "two", "ctrl+c")
	for _, want := range []string{"two", "/net", "one", "//slash of yesterday", "//slash of yesterday"} {
		s.keys("up")
		s.want("> " + want)
	}
	s.keys("down", "down", "down", "down")
	s.want("> write to everybody near")
	s.keys("up", "up", "up", "!", "up") // it is a new text now
	s.want("> one!")
	s.keys("enter", "up")
	s.want("> one!")
	f.wantCall(t, `send #lan "one!"`)
	s.keys("ctrl+c", "/msg bob", "enter", "up") // each chat has its own
	s.want("> write to bob")
}

func TestClearAndQuit(t *testing.T) {
	s := newScreen(t, newFake(), 80, 24)
	s.keys("half a thought", "ctrl+c")
	s.wantNot("half a thought")
	s.keys("up")
	s.want("half a thought")
	s.keys("ctrl+c", "ctrl+c")
	if !s.quit {
		t.Error("Ctrl+C in an empty composer did not leave")
	}
}

func TestPaste(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	s.keys("before ")
	s.send(tea.PasteMsg{Content: "two\r\nlines\x1b[31m"})
	if got, want := s.open.composer.Text(), "before two\nlines[31m"; got != want {
		t.Errorf("the composer holds %q, want %q", got, want)
	}
	long := strings.Repeat("x", messenger.MaxText+1)
	s.keys("ctrl+c")
	s.send(tea.PasteMsg{Content: long})
	s.want("A message holds 16 KiB: this one would be 1 byte too long.")
	s.keys("enter")
	s.want("too long: limit 16 KiB", "1 byte too long")
	s.keys("enter")
	if len(s.fake.calls) > 0 || s.open.composer.Text() != long {
		t.Error("a text that is too long was sent or lost")
	}
	s.send(tea.PasteMsg{Content: strings.Repeat("y", 60<<10)})
	s.want("too long: limit 16 KiB")
	if s.open.composer.Text() != long {
		t.Error("a paste without room changed what was written")
	}
	s.wantFit()
	s.keys("backspace")
	s.want("0 bytes left")
	s.keys("enter")
	s.fake.wantCall(t, fmt.Sprintf("send #lan %q", long[1:]))
}

func TestDrafts(t *testing.T) {
	s := newScreen(t, newFake(bob, carol), 80, 24)
	s.keys("for all", "alt+down", "for bob", "ctrl+n", "for carol", "alt+up")
	s.want("> for bob")
	s.keys("alt+up")
	s.want("> for all")
	s.keys("alt+up") // the list goes round
	s.want("> for carol")
}

func TestTypedWhileChatOpens(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	s.keys("/msg bob just us")
	_, cmd := s.Update(named["enter"])
	s.keys("next")
	s.run(cmd)
	s.want("> next", "bob ·"+bob.Tag+"  LAN")
	s.fake.wantCall(t, fmt.Sprintf("send %s %q", bob.ID, "just us"))
}

func TestUnread(t *testing.T) {
	f := newFake(bob)
	s := newScreen(t, f, 80, 24)
	s.receive(messenger.Room, bob, "seen")
	f.wantCall(t, "read #lan 1")
	s.wantNot("new")

	s.send(tea.BlurMsg{})
	s.receive(messenger.Room, bob, "missed")
	s.want("1 new")
	if got := s.View().WindowTitle; got != "(1) dione" {
		t.Errorf("the title is %q", got)
	}
	if f.read[messenger.Room] != 1 {
		t.Error("read without focus")
	}
	s.send(tea.FocusMsg{})
	f.wantCall(t, "read #lan 2")
	s.want("1 new") // where reading stopped
	s.receive(messenger.Room, bob, "looked at")
	s.want("1 new")
	s.keys("answer", "enter")
	s.wantNot("1 new")

	s.keys("f1")
	s.receive(messenger.Room, bob, "behind a dialog")
	if f.read[messenger.Room] != 3 {
		t.Error("read behind a dialog")
	}
	s.keys("esc")
	if f.read[messenger.Room] != 5 {
		t.Errorf("read up to %v after the dialog, want 5", f.read[messenger.Room])
	}
}

func TestUnreadNarrow(t *testing.T) {
	s := newScreen(t, newFake(bob), 60, 20)
	s.keys("tab")
	s.receive(messenger.Room, bob, "hello")
	if len(s.fake.calls) > 0 {
		t.Error("read while the roster has the screen")
	}
	s.keys("tab")
	s.fake.wantCall(t, "read #lan 1")
}

func TestScrolledUp(t *testing.T) {
	f := newFake(bob)
	for i := range 1000 {
		f.add(messenger.Room, bob, ago(time.Hour), fmt.Sprintf("line %d.", i))
	}
	f.read[messenger.Room] = 1000
	s := newScreen(t, f, 80, 24)
	for range 80 {
		s.keys("pgup")
	}
	s.want("line 0.", "This is where it begins.")
	before := s.text()
	s.receive(messenger.Room, bob, "news")
	s.want("1 new below")
	s.wantNot("news")
	if len(f.calls) > 0 {
		t.Error("read while scrolled up")
	}
	if firstRow, _, _ := strings.Cut(s.text(), "line 5."); !strings.HasPrefix(before, firstRow[:20]) {
		t.Error("the view moved")
	}
	for range 80 {
		s.keys("pgdown")
	}
	s.want("news")
	s.wantNot("new below")
	f.wantCall(t, "read #lan 1001")
	s.keys("ctrl+home", "esc")
	s.want("news", "line 999.")
}

func TestEveryMessageIsReachable(t *testing.T) {
	f := newFake(bob)
	for i := range 900 {
		f.add(messenger.Room, bob, ago(time.Hour), fmt.Sprintf("line %d.", i))
	}
	f.read[messenger.Room] = 900
	s := newScreen(t, f, 100, 30)
	for _, key := range []string{"pgup", "pgdown"} {
		seen := make(map[int]bool)
		for range 60 {
			for _, row := range strings.Split(s.text(), "\n") {
				var n int
				if _, rest, ok := strings.Cut(row, "line "); ok {
					if _, err := fmt.Sscanf(rest, "%d.", &n); err == nil {
						seen[n] = true
					}
				}
			}
			s.keys(key)
		}
		if len(seen) != 900 {
			t.Errorf("%s shows %d of 900 messages", key, len(seen))
		}
	}
}

// TestNewsWhilePageLoads checks that nothing is lost when a page was read from
// the store before a message that is told before the page arrives.
func TestNewsWhilePageLoads(t *testing.T) {
	f := newFake(bob)
	f.add(messenger.Room, bob, noon, "old")
	m := newModel(f, testOptions())
	s := &screen{t: t, fake: f, model: m}
	m.open.loading = true // as Init leaves it
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	page := loadNewest(f, messenger.Room, pageSize)()
	s.receive(messenger.Room, bob, "in between")
	s.send(page)
	s.want("old", "in between")
}

func TestPresence(t *testing.T) {
	s := newScreen(t, newFake(), 100, 24)
	s.want("nobody near yet")
	s.fake.people = []messenger.Person{bob}
	s.tell(messenger.PersonNear{Person: bob})
	s.want("bob ·"+bob.Tag+" is here (LAN)", "● bob", "1 person near")
	s.fake.people = []messenger.Person{bob, carol}
	s.tell(messenger.PersonNear{Person: carol})
	s.want(fmt.Sprintf("bob ·%s, carol ·%s are here (LAN)", bob.Tag, carol.Tag))
	gone := bob
	gone.Path = messenger.PathNone
	s.fake.people = []messenger.Person{carol, gone}
	s.tell(messenger.PersonGone{Person: gone, Path: messenger.PathLAN})
	s.want("← bob ·"+bob.Tag+" left", "carol ·"+carol.Tag+" is here (LAN)")
	named := carol
	named.Name = "caroline"
	s.tell(messenger.PersonRenamed{Person: named, Was: "carol"})
	s.want("carol is now called caroline")
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"/hlep", []string{"✗ no command /hlep", "did you mean /help?", "> /hlep"}},
		{"/help msg", []string{"/msg NAME [TEXT]"}},
		{"/help", []string{"Help", "WRITING"}},
		{"/msg nobody", []string{`✗ nobody known is called "nobody"`, "/who lists"}},
		{"/msg bob", []string{"bob ·" + bob.Tag + "  LAN", "Only the two of you"}},
		{"/who", []string{"People", "here · LAN"}},
		{"/history 2", []string{"line 8"}},
		{"/name", []string{"you are ann ·" + ann.Tag, "12D3KooW"}},
		{"/name Ada", []string{"you are Ada now", "Ada ·"}},
		{"/petname x", []string{"✗ whom?"}},
		{"/net", []string{"Network", "wlan0", "/tcp/40123"}},
		{"/outbox", []string{"Outbox", "Nothing waits"}},
		{"/outbox retry", []string{"trying again to reach everybody for whom something waits"}},
		{"/outbox cancel 12", []string{"✗ no such message waits"}},
	} {
		f := newFake(bob)
		for i := range 10 {
			f.add(messenger.Room, bob, noon, fmt.Sprintf("line %d", i))
		}
		s := newScreen(t, f, 100, 40)
		s.keys(tt.line, "enter")
		s.want(tt.want...)
		s.wantFit()
		for _, c := range f.calls {
			if strings.HasPrefix(c, "send") {
				t.Errorf("%s was sent", tt.line)
			}
		}
	}
	f := newFake(bob)
	s := newScreen(t, f, 80, 24)
	s.keys("/petname bob uncle", "enter")
	f.wantCall(t, "petname "+bob.Tag+" uncle")
	if s.keys("/quit", "enter"); !s.quit {
		t.Error("/quit did not leave")
	}
}

func TestOutboxDialog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(bob, dave)
		f.add(with(dave), ann, noon, "waits")
		s := newScreen(t, f, 80, 24)
		s.send(countMsg{})
		s.want("1 queued")
		s.keys("/outbox", "enter")
		s.want("waits")
		s.keys("x")
		s.want("Nothing waits")
		if m := f.msgs[with(dave)][0]; m.State != messenger.StateFailed {
			t.Errorf("the message is %s", m.State)
		}
		s.tell(messenger.StateChanged{Message: f.msgs[with(dave)][0]})
		s.wantNot("1 queued")
	})
}

// TestOverlay has dialogs stand above the chat, in terminals of either measure:
// what is beside them stays.
func TestOverlay(t *testing.T) {
	for _, value := range []ansi.ModeSetting{ansi.ModeReset, ansi.ModeNotRecognized} {
		f := newFake(bob)
		for range 60 {
			f.add(messenger.Room, bob, noon, strings.Repeat("雪 0123456789 ", 12))
		}
		s := &screen{t: t, fake: f, model: newModel(f, testOptions())}
		s.drafts.delay = 0
		s.run(s.Init())
		s.send(tea.ModeReportMsg{Mode: ansi.ModeUnicodeCore, Value: value})
		for _, width := range []int{90, 91, 120} {
			s.send(tea.WindowSizeMsg{Width: width, Height: 40})
			before := strings.Split(s.text(), "\n")
			s.keys("/net", "enter")
			s.wantFit()
			for i, row := range strings.Split(s.text(), "\n") {
				was, is := []rune(before[i]), []rune(row)
				if i > 0 && string(was[len(was)-2:]) != string(is[len(is)-2:]) {
					t.Errorf("%d columns: row %d ends in %q, and ended in %q", width, i, string(is[len(is)-2:]), string(was[len(was)-2:]))
				}
			}
			s.keys("esc")
		}
	}
}

func TestPeopleDialog(t *testing.T) {
	s := newScreen(t, newFake(bob, carol), 80, 24)
	s.keys("/who", "enter", "down", "enter")
	s.want("carol ·" + carol.Tag + "  LAN")
	if s.dialogs.Open() {
		t.Error("the dialog is still open")
	}
}

func TestRosterKeys(t *testing.T) {
	s := newScreen(t, newFake(bob, carol), 80, 24)
	s.keys("tab", "down", "down", "enter")
	s.want("> write to carol")
	s.keys("tab", "up", "x")
	if s.onRoster || s.open.composer.Text() != "x" {
		t.Error("what is typed in the roster does not reach the composer")
	}
}

func TestNotice(t *testing.T) {
	s := newScreen(t, newFake(), 100, 30)
	s.tell(messenger.Notice{Text: "nothing can be saved now: disk full", Hint: "make room", Failed: true})
	s.want("✗ nothing can be saved now: disk full", "make room")
}

func TestLagged(t *testing.T) {
	f := newFake(bob)
	s := newScreen(t, f, 80, 24)
	s.keys("draft")
	f.add(messenger.Room, bob, noon, "dropped from the events")
	s.tell(messenger.Lagged{})
	s.want("dropped from the events", "> draft")
}

func TestGraphemes(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	if s.meter != text.ByCluster {
		t.Fatal("the terminal's grapheme clusters are not used")
	}
	s.send(tea.PasteMsg{Content: "a👨\u200d👩\u200d👧\u200d👦e\u0301"})
	s.keys("backspace", "backspace")
	if got := s.open.composer.Text(); got != "a" {
		t.Errorf("two characters deleted leave %q, want a", got)
	}
	old := newModel(newFake(bob), Options{})
	old.Update(tea.ModeReportMsg{Mode: ansi.ModeUnicodeCore, Value: ansi.ModeNotRecognized})
	if old.meter != text.ByRune {
		t.Error("clusters are used on a terminal that does not know them")
	}
}
