package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// This file keeps what is written in each conversation, and where one reads
// there, over restarts. The rules are:
//   - what is typed is on the disk at most a second later, and at once when
//     the user leaves;
//   - one call at a time, so that the engine has what was written last;
//   - nothing is read or kept before the screen knows what was left.

// draftDelay is how long changes of a draft are gathered before it is kept.
const draftDelay = 500 * time.Millisecond

// drafts is what the engine has of them.
type drafts struct {
	delay  time.Duration
	kept   map[messenger.Chat]messenger.Draft
	known  bool // they have been read
	due    bool // what has changed is about to be kept
	stuck  bool // the last call failed: the next key tries again
	failed bool // the user was told so
}

type (
	draftsMsg struct {
		all []messenger.Draft
		err error
	}
	keepMsg struct{}
	keptMsg struct {
		kept []messenger.Draft
		err  error
	}
)

func loadDrafts(c client) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		all, err := c.Drafts(ctx)
		return draftsMsg{all, err}
	}
}

// keepDrafts hands drafts to the engine, as far as it takes them.
func keepDrafts(c client, all []messenger.Draft) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		var msg keptMsg
		msg.kept, msg.err = setDrafts(ctx, c, all)
		return msg
	}
}

func setDrafts(ctx context.Context, c client, all []messenger.Draft) (kept []messenger.Draft, err error) {
	for _, d := range all {
		one := c.SetDraft(ctx, d)
		if err = errors.Join(err, one); one == nil {
			kept = append(kept, d)
		}
	}
	return kept, err
}

// takeDrafts puts everything where it was, and begins to read the open
// conversation there.
func (m *model) takeDrafts(msg draftsMsg) tea.Cmd {
	m.drafts.known = true
	if msg.err != nil {
		m.fail(fmt.Errorf("drafts are not there: %w", msg.err))
	}
	for _, d := range msg.all {
		m.drafts.kept[d.Chat] = d
		conv := m.chat(d.Chat)
		if conv.composer.Empty() {
			conv.composer.SetText(d.Text)
		} else {
			conv.composer.Remember(d.Text) // somebody types already
		}
		if d.Top != (messenger.Cursor{}) {
			conv.aim = &aim{at: d.Top}
		}
	}
	m.sortRoster()
	m.open.loading = true
	if at := m.open.aim; at != nil {
		m.open.aim = nil
		return loadAround(m.client, m.open.chat, *at)
	}
	return loadNewest(m.client, m.open.chat, pageSize)
}

// draft is what the user leaves in a conversation now.
func (m *model) draft(conv *conversation) messenger.Draft {
	d := messenger.Draft{Chat: conv.chat, Text: conv.composer.Text(), Top: m.drafts.kept[conv.chat].Top}
	if conv.aside != "" {
		d.Text = conv.aside // a command that is begun can be begun again
	}
	switch {
	case conv.aim != nil:
		d.Top = conv.aim.at
	case conv.loading || conv.list.Stale() || conv == m.open && m.looking():
		// It is still to be found there, or one is elsewhere for a moment.
	default:
		d.Top, _ = conv.list.Top()
	}
	return d
}

// changedDrafts returns the drafts that the engine does not have as they are.
func (m *model) changedDrafts() (all []messenger.Draft) {
	if !m.drafts.known {
		return nil
	}
	for c, conv := range m.chats {
		d := m.draft(conv)
		kept := m.drafts.kept[c]
		if d.Text != kept.Text || d.Top != kept.Top {
			all = append(all, d)
		}
	}
	return all
}

// keep has the draft of the open conversation kept soon, if it has changed.
func (m *model) keep() tea.Cmd {
	kept := m.drafts.kept[m.open.chat]
	if d := m.draft(m.open); d.Text == kept.Text && d.Top == kept.Top {
		return nil
	}
	return m.keepSoon()
}

// keepSoon has what has changed kept soon.
func (m *model) keepSoon() tea.Cmd {
	if m.drafts.due || m.drafts.stuck || !m.drafts.known {
		return nil
	}
	m.drafts.due = true
	return tea.Tick(m.drafts.delay, func(time.Time) tea.Msg { return keepMsg{} })
}

// keepNow hands the engine what has changed.
func (m *model) keepNow() tea.Cmd {
	all := m.changedDrafts()
	if len(all) == 0 {
		m.drafts.due = false
		return nil
	}
	return keepDrafts(m.client, all)
}

// takeKept notes what the engine has now. What has changed since is kept by
// the next turn.
func (m *model) takeKept(msg keptMsg) tea.Cmd {
	m.drafts.due = false
	for _, d := range msg.kept {
		m.drafts.kept[d.Chat] = d
	}
	m.drafts.stuck = msg.err != nil
	if msg.err != nil {
		if !m.drafts.failed {
			m.fail(fmt.Errorf("drafts are not kept: %w", msg.err))
		}
		m.drafts.failed = true
		return nil
	}
	m.drafts.failed = false
	if len(m.changedDrafts()) > 0 {
		return m.keepSoon()
	}
	return nil
}

// leave keeps everything as it is in the end.
func (m *model) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	_, err := setDrafts(ctx, m.client, m.changedDrafts())
	return err
}

// hasDraft reports whether something is written in a conversation and not
// sent.
func (m *model) hasDraft(c messenger.Chat) bool {
	conv := m.chats[c]
	return conv != nil && conv != m.open && !conv.composer.Empty()
}
