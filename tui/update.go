package tui

import (
	"errors"
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/chat"
	"dione/tui/command"
	"dione/tui/theme"
)

// Update takes one message. It never waits and never draws.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.layout = newLayout(msg.Width, msg.Height)
		m.resize()
	case tea.BackgroundColorMsg:
		m.setTheme(msg.IsDark())
	case tea.FocusMsg:
		m.blurred = false
	case tea.BlurMsg:
		m.blurred = true
	case tea.KeyPressMsg:
		cmd = m.press(msg)
	case tea.PasteMsg:
		if m.focus == onComposer && !m.help {
			cmd = m.composer.Update(msg)
		}
	case eventsMsg:
		cmd = m.events(msg)
	case chatsMsg:
		for _, info := range msg {
			m.chat(info.Chat).info = info
		}
		m.markUnread(m.open)
	case peopleMsg:
		m.people = msg
		m.rename()
	case netMsg:
		m.net = msg.net
		m.whereabouts()
		if msg.shown {
			m.showNet()
		}
	case historyMsg:
		m.history(msg)
	case sentMsg:
		m.sent(msg)
	case openMsg:
		cmd = m.opened(msg)
	case outboxMsg:
		m.showOutbox(msg)
	case cancelMsg:
		cmd = m.cancel(msg)
	case countMsg:
		m.counting = false
		cmd = loadNet(m.client, false)
	case doneMsg:
		if msg.note != "" {
			m.say(msg.note)
		}
	case errorMsg:
		m.fail(msg.err)
	}
	m.resize()
	return m, tea.Batch(cmd, m.older(), m.read())
}

// press takes a key.
func (m *model) press(msg tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(msg, keys.Clear):
		return m.clear()
	case key.Matches(msg, keys.Suspend):
		return tea.Suspend
	case key.Matches(msg, keys.Help):
		m.help, m.helpTop = !m.help, 0
	case m.help:
		m.pressHelp(msg)
	case key.Matches(msg, keys.Next):
		return m.step(+1)
	case key.Matches(msg, keys.Previous):
		return m.step(-1)
	case key.Matches(msg, keys.Focus):
		m.toggleFocus()
	case key.Matches(msg, keys.Up):
		m.current().list.Scroll(max(1, m.listHeight()-2))
	case key.Matches(msg, keys.Down):
		m.current().list.Scroll(-max(1, m.listHeight()-2))
	case key.Matches(msg, keys.End):
		m.current().list.ToEnd()
	case m.focus == onRoster:
		return m.pressRoster(msg)
	case key.Matches(msg, keys.Close):
		m.current().list.ToEnd()
	case key.Matches(msg, keys.Send):
		return m.enter()
	case key.Matches(msg, keys.Recall) && m.composer.Text() == "":
		m.composer.SetText(m.current().cleared)
	default:
		return m.composer.Update(msg)
	}
	return nil
}

// pressHelp takes a key while the help is open. What is typed stays.
func (m *model) pressHelp(msg tea.KeyPressMsg) {
	page := max(1, m.listHeight()-1)
	switch msg.String() {
	case "up", "k":
		m.helpTop--
	case "down", "j":
		m.helpTop++
	case "pgup":
		m.helpTop -= page
	case "pgdown", "space":
		m.helpTop += page
	case "esc", "q", "enter":
		m.help = false
	}
	m.helpTop = max(0, min(m.helpTop, len(m.helpAll(m.layout.inner()))-page))
}

func (m *model) pressRoster(msg tea.KeyPressMsg) tea.Cmd {
	entries := m.entries()
	switch msg.String() {
	case "up", "k":
		m.cursor = max(0, m.cursor-1)
	case "down", "j":
		m.cursor = min(len(entries)-1, m.cursor+1)
	case "home":
		m.cursor = 0
	case "end":
		m.cursor = len(entries) - 1
	case "enter", "right", "l":
		cmd := m.show(entries[min(m.cursor, len(entries)-1)].Chat)
		m.toggleFocus()
		return cmd
	case "esc":
		m.toggleFocus()
	}
	return nil
}

func (m *model) toggleFocus() {
	if m.focus == onRoster {
		m.focus = onComposer
	} else {
		m.focus = onRoster
		for i, e := range m.entries() {
			if e.Chat == m.open {
				m.cursor = i
			}
		}
	}
	m.composer.Focus(m.focus == onComposer)
}

// step opens the next or the previous conversation of the roster.
func (m *model) step(by int) tea.Cmd {
	entries := m.entries()
	for i, e := range entries {
		if e.Chat == m.open {
			return m.show(entries[(i+by+len(entries))%len(entries)].Chat)
		}
	}
	return m.show(messenger.Room)
}

// show puts a chat on the screen. What is written in the other one stays its.
func (m *model) show(c messenger.Chat) tea.Cmd {
	m.current().draft = m.composer.Text()
	m.open = c
	m.composer.SetText(m.current().draft)
	m.hint()
	m.markUnread(c)
	m.resize()
	return m.load(c)
}

// markUnread puts the rule of new messages where reading stopped.
func (m *model) markUnread(c messenger.Chat) {
	conv := m.chat(c)
	conv.list.Mark(conv.info.Read, conv.info.Unread > 0)
}

// clear is Ctrl+C: it takes away what is written, and leaves if nothing is.
func (m *model) clear() tea.Cmd {
	if text := m.composer.Text(); text != "" && !m.help {
		m.current().cleared = text
		m.composer.SetText("")
		return nil
	}
	m.quitting = true
	return tea.Quit
}

// enter sends what is written, or carries it out.
func (m *model) enter() tea.Cmd {
	input := m.composer.Text()
	cmd, err := command.Parse(input)
	if err != nil {
		m.fail(err)
		return nil
	}
	if say, ok := cmd.(command.Say); ok {
		cmd := m.write(m.open, say.Text)
		if cmd != nil {
			m.composer.SetText("")
		}
		return cmd
	}
	m.composer.SetText("")
	return m.carryOut(cmd)
}

// write sends text to a chat. It returns nil if that cannot be sent at all.
func (m *model) write(c messenger.Chat, text string) tea.Cmd {
	text = strings.TrimRight(text, " \n")
	if text == "" {
		return nil
	}
	if len(text) > messenger.MaxText {
		m.fail(messenger.ErrTooLong)
		return nil
	}
	m.chat(c).list.ToEnd()
	return send(m.client, c, text)
}

// sent takes the outcome of a send. Events have shown a good one already.
func (m *model) sent(msg sentMsg) {
	if msg.err == nil {
		return
	}
	if m.open == msg.chat && m.composer.Text() == "" {
		m.composer.SetText(msg.text)
	} else {
		m.chat(msg.chat).cleared = msg.text
	}
	m.fail(fmt.Errorf("not sent: %w", msg.err))
}

func (m *model) opened(msg openMsg) tea.Cmd {
	chat := messenger.Chat{Peer: msg.person.ID}
	was, typed := m.current(), m.composer.Text() // typed since the command was entered: meant for the new chat
	cmd := m.show(chat)
	if typed != "" && m.composer.Text() == "" {
		was.draft = ""
		m.composer.SetText(typed)
	}
	if msg.text != "" {
		cmd = tea.Batch(cmd, m.write(chat, msg.text))
	}
	return cmd
}

// history takes a page of messages.
func (m *model) history(msg historyMsg) {
	conv := m.chat(msg.chat)
	conv.loading = false
	items := make([]*chat.Item, len(msg.page))
	for i, message := range msg.page {
		items[i] = m.item(message)
	}
	oldest := len(msg.page) < pageSize
	if (msg.before == messenger.Cursor{}) {
		conv.list.Reset(items, oldest)
		conv.loaded = true
		m.markUnread(msg.chat)
		if msg.chat.IsRoom() && len(msg.page) == 0 {
			m.welcome()
		}
		return
	}
	conv.list.Prepend(items, oldest)
}

// older asks for an older page when the view comes near its end.
func (m *model) older() tea.Cmd {
	conv := m.current()
	if !conv.loaded || conv.loading || !conv.list.WantsOlder() {
		return nil
	}
	first, ok := conv.list.First()
	if !ok {
		return nil
	}
	conv.loading = true
	return loadHistory(m.client, m.open, messenger.Cursor{Pos: first.Pos, Row: first.Row})
}

// read tells the engine what is really on the screen of somebody who looks.
func (m *model) read() tea.Cmd {
	conv := m.current()
	if m.blurred || m.help || !conv.loaded || !conv.list.Following() || conv.info.Unread == 0 || m.layout.width == 0 {
		return nil
	}
	last, ok := conv.list.Last()
	if !ok {
		return nil
	}
	conv.info.Unread, conv.info.Read = 0, last.Pos
	return markRead(m.client, m.open, last.Pos)
}

func (m *model) setTheme(dark bool) {
	if dark == m.theme.Dark {
		return
	}
	m.theme = theme.New(dark)
	m.composer.SetTheme(m.theme)
	for _, conv := range m.chats {
		conv.list.SetTheme(m.theme)
	}
}

// hint says in the empty composer where a text would go.
func (m *model) hint() {
	if m.open.IsRoom() {
		m.composer.SetHint("write to everybody near, or /help")
		return
	}
	p, _ := m.person(m.open)
	m.composer.SetHint("write to " + p.Name)
}

// rename gives items the names that their authors have now.
func (m *model) rename() {
	m.hint()
	for _, conv := range m.chats {
		conv.list.Rename(func(msg messenger.Message) string { return m.item(msg).Who })
	}
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
