// Package browse finds the links of a conversation and hands them to the
// program that the user's desktop has for them.
package browse

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"dione/net/messenger"
	"dione/tui/markdown"
	"dione/tui/text"
)

const (
	// pageSize is how many messages are read at a time, and maxBack how many
	// are read for one link.
	pageSize, maxBack = 100, 10_000

	// patience is how long a program is watched that opens a link. One that
	// has not failed by then is the browser itself.
	patience = 2 * time.Second
)

// history is what Find uses of *messenger.Messenger.
type history interface {
	History(ctx context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error)
}

// NoLinkError says that a conversation has fewer links than were asked for.
type NoLinkError struct {
	Links int  // that it has
	More  bool // there are older messages, in which none was looked for
}

func (e *NoLinkError) Error() string {
	switch {
	case e.More && e.Links == 0:
		return fmt.Sprintf("there is no link in the last %d messages", maxBack)
	case e.More:
		return fmt.Sprintf("there are only %d links in the last %d messages", e.Links, maxBack)
	case e.Links == 0:
		return "there is no link in this conversation"
	case e.Links == 1:
		return "there is only 1 link in this conversation"
	}
	return fmt.Sprintf("there are only %d links in this conversation", e.Links)
}

// Hint tells the next step.
func (e *NoLinkError) Hint() string {
	return "links begin with https://, http://, mailto: or xmpp:; 1 is the newest"
}

// Find returns the nth link of a conversation, counted from the newest, which
// is 1.
func Find(ctx context.Context, h history, chat messenger.Chat, n int) (markdown.Link, error) {
	var before messenger.Cursor
	found := 0
	for read := 0; read < maxBack; read += pageSize {
		page, err := h.History(ctx, chat, before, pageSize)
		if err != nil {
			return markdown.Link{}, err
		}
		for _, m := range slices.Backward(page) {
			for _, l := range slices.Backward(markdown.Links(text.Clean(m.Text))) {
				if found++; found == n {
					return l, nil
				}
			}
		}
		if len(page) < pageSize {
			return markdown.Link{}, &NoLinkError{Links: found}
		}
		before = messenger.Cursor{Pos: page[0].Pos, Row: page[0].Row}
	}
	return markdown.Link{}, &NoLinkError{Links: found, More: true}
}

// Opener returns what opens a link on the screen before which the user sits,
// or nil if none can be reached from here: over ssh it would open on the
// machine at the other end, unless X comes along.
func Opener(env func(string) string) func(context.Context, string) error {
	if !hasScreen(runtime.GOOS, env) {
		return nil
	}
	return Open
}

func hasScreen(system string, env func(string) string) bool {
	switch system {
	case "windows", "darwin":
		return env("SSH_CONNECTION") == "" && env("SSH_TTY") == ""
	}
	return env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
}

// program returns what opens a link on a system. There is no shell, and a
// link begins with its scheme: it can be no option.
func program(system, target string) []string {
	switch system {
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", target}
	case "darwin":
		return []string{"open", target}
	}
	return []string{"xdg-open", target}
}

// Open hands a link to the desktop. It waits a little, in order to tell of a
// failure; the browser lives on, also when dione ends.
func Open(ctx context.Context, target string) error {
	return run(ctx, program(runtime.GOOS, target), patience)
}

func run(ctx context.Context, args []string, patience time.Duration) error {
	cmd := exec.Command(args[0], args[1:]...)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("open the link: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the program, of which nothing more is wanted
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("open the link: %s: %w", args[0], err)
		}
	case <-time.After(patience):
	case <-ctx.Done():
	}
	return nil
}
