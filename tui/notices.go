package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/notify"
	"dione/tui/text"
)

// This file tells of new messages while the user looks elsewhere.

// noticePause is how long nothing more is told after a notice: what comes
// meanwhile is told together.
const noticePause = 5 * time.Second

// notices is what is still to be told, and whether it may be now.
type notices struct {
	news    notify.News
	resting bool // a notice was just told
	running bool // the user's program is
	failed  bool // it has failed, and the user knows
}

type (
	restedMsg  struct{}            // the pause after a notice is over
	noticedMsg struct{ err error } // the user's program has ended
)

// gather takes a message in of which a notice may tell. Nobody is disturbed
// while they look here, by a muted chat unless it names them, or by a stranger
// who only asks to write.
func (m *model) gather(ev messenger.MessageReceived) {
	if !m.blurred || ev.From.Standing == messenger.StandingRequest || ev.From.Standing == messenger.StandingBlocked {
		return
	}
	if m.muted(m.chat(ev.Message.Chat)) && !ev.Message.Mentioned {
		return
	}
	msg := notify.Message{From: label(ev.From), Text: text.Name(ev.Message.Text), Mentioned: ev.Message.Mentioned}
	if ev.Message.Chat.IsRoom() {
		msg.Room = ev.Message.Chat.String()
	}
	m.notices.news.Add(msg)
}

// tellNews tells what is new, unless the user was told something just now.
func (m *model) tellNews() tea.Cmd {
	n := &m.notices
	if n.resting || n.running || n.news.Empty() {
		return nil
	}
	screen := m.opts.Screen
	words := n.news.Take(notify.Text(screen.NoticeText))
	way := notify.Choose(notify.Way(screen.Notices), m.opts.Env)
	var cmd tea.Cmd
	switch way {
	case notify.Off:
		return nil
	case notify.Command:
		n.running = true
		cmd = runNotice(screen.NoticeCommand, words)
	default:
		cmd = tea.Raw(notify.Sequence(way, words, m.opts.Env))
	}
	n.resting = true
	return tea.Batch(cmd, tea.Tick(noticePause, func(time.Time) tea.Msg { return restedMsg{} }))
}

// noticed takes what became of the user's program. They are told once that it
// fails.
func (m *model) noticed(err error) {
	n := &m.notices
	n.running = false
	if err != nil && !n.failed {
		m.fail(err)
	}
	n.failed = err != nil
}

// focused says whether the user looks here. What they can see now is no news.
func (m *model) focused(on bool) {
	m.blurred = !on
	if on {
		m.notices.news = notify.News{}
	}
}

// runNotice runs the user's program.
func runNotice(program []string, words string) tea.Cmd {
	return func() tea.Msg { return noticedMsg{notify.Run(context.Background(), program, words)} }
}
