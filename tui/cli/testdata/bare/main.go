// Command bare is a Bubble Tea text area and nothing else: the baseline of
// the benchmarks of the screen.
package main

import (
	"os"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
)

type model struct{ area textarea.Model }

func (m model) Init() tea.Cmd { return nil }

func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if size, ok := msg.(tea.WindowSizeMsg); ok {
		m.area.SetWidth(size.Width)
		m.area.SetHeight(size.Height)
	}
	var cmd tea.Cmd
	m.area, cmd = m.area.Update(msg)
	return m, cmd
}

func (m model) View() tea.View {
	v := tea.NewView(m.area.View())
	v.AltScreen = true
	v.Cursor = m.area.Cursor()
	return v
}

func main() {
	a := textarea.New()
	a.SetVirtualCursor(false)
	a.Placeholder = "F1 help"
	a.Focus()
	if _, err := tea.NewProgram(model{a}).Run(); err != nil {
		os.Exit(1)
	}
}
