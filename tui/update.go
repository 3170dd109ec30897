package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/dialog"
	"dione/tui/text"
)

// Update takes one message. It never waits.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		m.drafts.stuck = false
		cmd = m.press(msg)
	case tea.PasteMsg:
		cmd = m.paste(msg.Content)
	case tea.MouseClickMsg:
		cmd = m.click(msg)
	case tea.MouseWheelMsg:
		cmd = m.wheel(msg)
	case eventsMsg:
		cmd = m.events(msg)
	case tea.WindowSizeMsg:
		m.layout = newLayout(max(msg.Width, 0), max(msg.Height, 0))
		m.left, m.answered = nil, nil
	case tea.KeyboardEnhancementsMsg:
		m.shiftEnter = msg.SupportsKeyDisambiguation()
	case tea.FocusMsg:
		m.focused(true)
	case tea.BlurMsg:
		m.focused(false)
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		m.restyle()
	case tea.ColorProfileMsg:
		m.profile = msg.Profile
		m.restyle()
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && msg.Value != ansi.ModeNotRecognized && msg.Value != ansi.ModePermanentlyReset {
			m.meter = text.ByCluster
			m.restyle()
		}
	default:
		cmd = m.result(msg)
	}
	m.open.takeBack()
	m.settlePaste()
	m.resize()
	return m, tea.Batch(cmd, m.pages(), m.more(), m.read(), m.keep(), m.tellNews())
}

// result takes what a command has brought.
func (m *model) result(msg tea.Msg) (cmd tea.Cmd) {
	switch msg := msg.(type) {
	case chatsMsg:
		cmd = m.setChats(msg)
	case peopleMsg:
		m.setPeople(msg)
	case netMsg:
		m.net, m.netKnown = msg.net, true
		if msg.show {
			m.dialogs.Push(m.netDialog())
		} else {
			m.dialogs.Refresh(dialog.Net, m.netLines())
		}
	case pageMsg:
		m.takePage(msg)
	case deletionMsg:
		m.dialogs.Push(m.deletionDialog(msg))
	case deletedMsg:
		m.deleted(msg.chat)
	case draftsMsg:
		cmd = m.takeDrafts(msg)
	case keepMsg:
		cmd = m.keepNow()
	case keptMsg:
		cmd = m.takeKept(msg)
	case editedMsg:
		m.edited()
	case sentMsg:
		cmd = m.sent(msg)
	case typedMsg:
		if m.finder != nil && m.finder.typed == int(msg) {
			cmd = m.ask()
		}
	case hitsMsg:
		m.takeHits(msg)
	case backupMsg:
		m.dialogs.Push(backupDialog(msg.path, ""))
	case foundMsg:
		cmd = m.found(msg)
	case versionsMsg:
		m.takeVersions(msg)
	case linkMsg:
		cmd = m.follow(msg.target)
	case copyMsg:
		cmd = m.copy(msg.text)
	case unopenedMsg:
		cmd = m.copyLink(msg.target)
		m.fail(msg.err)
		m.answer.hint = copiedWords + ": " + msg.target
	case outboxMsg:
		cmd = m.outbox(msg)
	case addedMsg:
		m.added(msg)
	case invitedMsg:
		m.dialogs.Push(m.invitationDialog(msg.made))
	case invitationsMsg:
		if msg.show {
			m.dialogs.Push(m.invitationsDialog(msg.open))
		} else {
			m.say("the invitation is taken back", "")
			m.dialogs.Replace(m.invitationsDialog(msg.open))
		}
	case verifyMsg:
		m.put(msg.person)
		m.dialogs.Push(m.verifyDialog(verification{msg.person.ID, msg.number}))
	case cardMsg:
		m.put(msg.person)
		m.dialogs.Push(m.card(msg.person.ID))
	case countMsg:
		m.counting = false
		cmd = loadNet(m.client, false)
		if m.dialogs.Has(dialog.Outbox) {
			cmd = tea.Batch(cmd, loadOutbox(m.client, showWaiting, ""))
		}
	case savedMsg:
		cmd = m.saved(msg.err)
	case restedMsg:
		m.notices.resting = false
	case noticedMsg:
		m.noticed(msg.err)
	case doneMsg:
		if msg.words != "" {
			m.self = m.client.Self()
			m.say(msg.words, "")
		}
	case errorMsg:
		m.listing = false
		m.fail(msg.err)
	}
	return cmd
}

// setChats takes how much is unread. Where a message was told that came after
// the count, it is asked for once more.
func (m *model) setChats(msg chatsMsg) (cmd tea.Cmd) {
	for _, info := range msg.infos {
		conv := m.chat(info.Chat)
		if conv.counted > info.Last.Row && !msg.again {
			cmd = loadChats(m.client, true)
			continue
		}
		conv.newest = max(conv.newest, info.Last.Row)
		conv.kept = info.Keep
		conv.unread, conv.read, conv.counted = info.Unread, info.Read, max(conv.counted, info.Last.Row)
		conv.mentions, conv.mutedUntil = info.Mentions, info.MutedUntil
	}
	m.open.list.SetBelow(m.open.unread)
	m.setRule(m.open)
	m.sortRoster()
	return cmd
}

func (m *model) setPeople(all []messenger.Person) {
	m.listing = false
	m.people = make(map[identity.ID]messenger.Person, len(all))
	m.order = m.order[:0]
	for _, p := range all {
		m.put(p)
	}
	m.renamed()
	m.refreshPeople()
}

// renamed draws anew whatever shows names.
func (m *model) renamed() {
	m.sortRoster()
	for _, conv := range m.chats {
		conv.list.Redraw()
	}
	m.refreshHits()
}

// takePage puts a page of messages into its list.
func (m *model) takePage(msg pageMsg) {
	conv := m.chat(msg.chat)
	conv.loading = false
	if msg.err != nil {
		m.fail(msg.err)
		return
	}
	switch msg.where {
	case newest:
		conv.remember(msg.page)
		conv.list.Reset(msg.page, msg.short)
		m.setRule(conv)
		if msg.back > 0 {
			conv.list.Back(msg.back)
		}
	case older:
		conv.remember(msg.page)
		conv.list.Prepend(msg.page, msg.short)
	case newer:
		conv.list.Append(msg.page, msg.short)
	case around:
		conv.list.ShowAround(msg.page, msg.at, msg.hit, msg.short, msg.end)
		conv.list.SetBelow(conv.unread)
		m.setRule(conv)
	}
}

// remember puts what was sent in former days behind what was sent today, for
// the key up.
func (conv *conversation) remember(page []messenger.Message) {
	var sent []string
	for _, msg := range page {
		if msg.Mine {
			sent = append(sent, command.Quote(msg.Text))
		}
	}
	conv.composer.Precede(sent)
}

// pages asks for what the view comes near to.
func (m *model) pages() tea.Cmd {
	conv := m.open
	if conv.loading || m.layout.width == 0 {
		return nil
	}
	var cmd tea.Cmd
	if conv.aim != nil {
		cmd, conv.aim = loadAround(m.client, conv.chat, *conv.aim), nil
	} else if conv.list.Stale() {
		cmd = loadNewest(m.client, conv.chat, pageSize)
	} else if before, ok := conv.list.Older(); ok {
		cmd = loadOlder(m.client, conv.chat, before)
	} else if after, ok := conv.list.Newer(); ok {
		cmd = loadNewer(m.client, conv.chat, after)
	}
	conv.loading = cmd != nil
	return cmd
}

// read tells the engine what somebody has really seen: the newest message is
// on the screen, to stay, nothing lies above it, and the terminal has the focus.
func (m *model) read() tea.Cmd {
	conv := m.open
	if conv.unread == 0 || conv.loading || m.blurred || m.dialogs.Open() || !m.chatShown() || m.listHeight() == 0 || !conv.list.Following() {
		return nil
	}
	last, ok := conv.list.Last()
	if !ok {
		return nil
	}
	conv.unread, conv.mentions, conv.read = 0, 0, last.Pos
	m.sortRoster()
	return markRead(m.client, conv.chat, last.Pos)
}

// setRule puts the rule of new messages where reading stopped, if something is
// unread. A rule that nothing unread follows stays, until the user goes
// elsewhere or writes.
func (m *model) setRule(conv *conversation) {
	if conv.unread > 0 {
		conv.list.SetRule(conv.read, conv.unread)
	}
}

// show puts a chat on the screen. What is written in the other one stays there.
func (m *model) show(c messenger.Chat) {
	if c == m.open.chat {
		return
	}
	if !m.dialogs.Has(dialog.Search) {
		m.endSearch()
	}
	m.open.aim = nil
	m.open.list.Unchoose()
	m.open.list.SetRule(0, 0)
	m.open.list.Rest(pageSize)
	m.open = m.chat(c)
	m.answer, m.answered = answer{}, nil
	m.setRule(m.open)
	m.sortRoster()
}

// focusRoster gives the keys to the roster or to the composer.
func (m *model) focusRoster(on bool) {
	m.onRoster = on
	m.roster.Focus(on)
	m.left = nil
}
