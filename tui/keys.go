package tui

import "charm.land/bubbles/v2/key"

// keyMap is every key of the screen that is not writing.
type keyMap struct {
	Send, Newline, Focus, Next, Previous, Up, Down, End, Help, Close, Clear, Recall, Suspend key.Binding
}

var keys = keyMap{
	Send:     bind("Enter", "send", "enter"),
	Newline:  bind("Alt+Enter", "new line; also Shift+Enter and Ctrl+J", "alt+enter", "shift+enter", "ctrl+j"),
	Focus:    bind("Tab", "between people and text", "tab", "shift+tab"),
	Next:     bind("Alt+↓", "next conversation; also Ctrl+N", "alt+down", "ctrl+n"),
	Previous: bind("Alt+↑", "previous conversation; also Ctrl+P", "alt+up", "ctrl+p"),
	Up:       bind("PgUp", "scroll back", "pgup"),
	Down:     bind("PgDn", "scroll on", "pgdown"),
	End:      bind("Ctrl+End", "newest message", "ctrl+end"),
	Recall:   bind("↑", "in an empty line: what was cleared last", "up"),
	Help:     bind("F1", "this help", "f1"),
	Close:    bind("Esc", "close what is open", "esc"),
	Clear:    bind("Ctrl+C", "clear the text, then leave", "ctrl+c"),
	Suspend:  bind("Ctrl+Z", "suspend", "ctrl+z"),
}

func bind(shown, help string, on ...string) key.Binding {
	return key.NewBinding(key.WithKeys(on...), key.WithHelp(shown, help))
}

// all lists the keys in the order of the help.
func (k keyMap) all() []key.Binding {
	return []key.Binding{k.Send, k.Newline, k.Focus, k.Previous, k.Next, k.Up, k.Down, k.End, k.Recall, k.Help, k.Close, k.Clear, k.Suspend}
}
