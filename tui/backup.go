package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/composer"
	"dione/tui/dialog"
	"dione/tui/file"
	"dione/tui/text"
)

// This file makes backups: a dialog asks for the passphrase of one, twice, and
// the chat goes on while it is made.

// exportTime bounds the making of a backup, which is seconds for a million
// messages.
const exportTime = time.Hour

// askBackup is what the dialog of a backup is about.
type askBackup struct {
	path  string
	first string // the passphrase as it was written first; "" before that

	dialog *dialog.Dialog
}

type backupMsg struct{ path string } // nothing is there yet

// export begins with a backup: by its dialog, unless a file holds the
// passphrase.
func export(c client, cmd command.Export) tea.Cmd {
	path := file.Path(cmd.File)
	return func() tea.Msg {
		if err := messenger.Vacant(path); err != nil {
			return errorMsg{err}
		}
		if cmd.PassFile == "" {
			return backupMsg{path}
		}
		pass, err := file.Passphrase(file.Path(cmd.PassFile))
		if err != nil {
			return errorMsg{err}
		}
		return makeBackup(c, path, pass)()
	}
}

func makeBackup(c client, path string, pass []byte) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), exportTime)
		defer cancel()
		if err := c.Export(ctx, path, pass, nil); err != nil {
			return errorMsg{err}
		}
		return doneMsg{fmt.Sprintf("the backup %s is made: keep it apart from this device", text.Line(path))}
	}
}

// backupDialog asks for a passphrase.
func backupDialog(path, first string) *dialog.Dialog {
	d := &dialog.Dialog{
		Kind: dialog.Backup, Title: "Passphrase for the backup", Foot: "Enter goes on · Esc closes",
		Input: composer.New(), Hide: true,
		Lines: []dialog.Line{
			{Left: text.Line(path) + " will hold who you are, whom you know and what was written."},
			{},
			{Left: "Who has it and opens it can be you: take several random words. Nobody can recover them."},
		},
	}
	if first != "" {
		d.Title = "The same passphrase again"
	}
	d.About = &askBackup{path, first, d}
	return d
}

// actOnBackup takes what was written.
func (m *model) actOnBackup(ask *askBackup) tea.Cmd {
	switch pass := ask.dialog.Input.Text(); {
	case pass == "":
		ask.dialog.Foot = "a backup needs a passphrase · Esc closes"
	case ask.first == "":
		m.dialogs.Replace(backupDialog(ask.path, pass))
	case pass != ask.first:
		d := backupDialog(ask.path, "")
		d.Foot = "the two were not the same · Esc closes"
		m.dialogs.Replace(d)
	default:
		m.dialogs.Clear()
		m.say("the backup is being made", "")
		return makeBackup(m.client, ask.path, []byte(pass))
	}
	return nil
}
