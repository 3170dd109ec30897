package tui

import (
	"charm.land/bubbles/v2/key"

	"dione/tui/composer"
)

// keyMap is every key of the screen that does not write.
type keyMap struct {
	Send, Newline, Complete, Edit, Focus, Next, Previous, Unread, PageUp, PageDown, Older, Newer, Start, End, Find, Palette, Help, Close, Clear, Suspend key.Binding
}

var keys = keyMap{
	Send:     bind("Enter", "send", "enter"),
	Newline:  bind("Shift+Enter", "new line; also Alt+Enter, Ctrl+J", "shift+enter", "alt+enter", "ctrl+j"),
	Complete: bind("Tab", "complete a /command, a name, an :emoji:", "tab"),
	Edit:     bind("Ctrl+X", "write on in your own editor ($VISUAL, $EDITOR); also /edit", "ctrl+x"),
	Focus:    bind("Tab", "else: between the people and the text", "tab", "shift+tab"),
	Previous: bind("Alt+↑", "conversation above; also Ctrl+P", "alt+up", "ctrl+p"),
	Next:     bind("Alt+↓", "conversation below; also Ctrl+N", "alt+down", "ctrl+n"),
	Unread:   bind("Alt+A", "next conversation with something unread", "alt+a"),
	PageUp:   bind("PgUp", "scroll back", "pgup"),
	PageDown: bind("PgDn", "scroll on", "pgdown"),
	Older:    bind("Ctrl+↑", "a cursor over the messages; also Ctrl+G", "ctrl+up", "ctrl+g"),
	Newer:    bind("Ctrl+↓", "the cursor on, and away", "ctrl+down"),
	Start:    bind("Ctrl+Home", "as far back as is loaded", "ctrl+home"),
	End:      bind("Ctrl+End", "newest message; also Esc", "ctrl+end"),
	Find:     bind("Ctrl+F", "find messages", "ctrl+f"),
	Palette:  bind("Ctrl+K", "go to a conversation, or do something, by a few letters", "ctrl+k"),
	Help:     bind("F1", "this help", "f1"),
	Close:    bind("Esc", "close, go back", "esc"),
	Clear:    bind("Ctrl+C", "clear the text, then leave", "ctrl+c"),
	Suspend:  bind("Ctrl+Z", "suspend", "ctrl+z"),
}

func bind(shown, help string, on ...string) key.Binding {
	return key.NewBinding(key.WithKeys(on...), key.WithHelp(shown, help))
}

// told returns the keys as they are told of at a terminal: one that does not
// tell Shift+Enter from Enter should not be asked for it.
func (k keyMap) told(shiftEnter bool) keyMap {
	if !shiftEnter {
		k.Newline.SetHelp("Alt+Enter", "new line; also Ctrl+J")
	}
	return k
}

// parts lists the keys in the order of the help, by what they are for.
func (k keyMap) parts() []keyPart {
	return []keyPart{
		{"WRITING", append([]key.Binding{k.Send, k.Newline, k.Complete, k.Edit}, composer.Keys()...)},
		{"MOVING", []key.Binding{k.Focus, k.Palette, k.Previous, k.Next, k.Unread, k.PageUp, k.PageDown, k.Older, k.Newer, k.Start, k.End, k.Find}},
		{"THE PROGRAM", []key.Binding{k.Help, k.Close, k.Clear, k.Suspend}},
	}
}

type keyPart struct {
	title string
	keys  []key.Binding
}
