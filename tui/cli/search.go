package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dione/net/messenger"
	"dione/store"
	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/record"
	"dione/tui/text"
)

// notFoundError says that no message fits.
type notFoundError struct{ query string }

func (e notFoundError) Error() string { return "nothing found for " + text.Line(e.query) }

// Hint says what may be wrong with the query.
func (notFoundError) Hint() string {
	return "every word must occur; a * behind the beginning of a word stands for the rest: dione help search"
}

func searchCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "search WORDS",
		Short: "Find messages, the newest first",
		Long: `dione search finds the messages in which all WORDS occur, in any order and whatever their case and
accents, the newest first. The last word also stands for longer ones that begin with it.

  build log          both words
  '"build log"'      side by side; the inner quotes are for dione
  buil*              words that begin so, from three letters on
  from:bob           what bob wrote; from:me is you
  in:bob             in the chat with bob; in:#lan is the room
  after:2026-11-20   what came on that day or later; also 2026-11, 2026, today, yesterday
  before:2026-11     what came before that month began
  on:yesterday       on that day, in that month or year

Exit codes: 0 something was found, 1 nothing was, or it failed, 2 usage.`,
		Args: func(_ *cobra.Command, args []string) error {
			_, err := store.ParseQuery(strings.Join(args, " "), time.Now())
			var odd *store.QueryError
			if errors.As(err, &odd) {
				return usageError{err, odd.Hint()}
			}
			return err
		},
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, args []string) error {
			if n <= 0 {
				return usageError{error: fmt.Errorf("--number %d shows nothing", n)}
			}
			return runSearch(ctx, cmd, cfg, strings.Join(args, " "), n)
		}),
	}
	cmd.Flags().IntVarP(&n, "number", "n", 50, "how many of the newest")
	return cmd
}

func runSearch(ctx context.Context, cmd *cobra.Command, cfg config.Config, query string, n int) error {
	out := cmd.OutOrStdout()
	f, ok := out.(*os.File)
	bold := ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	found := 0
	err := answer(ctx, cmd, cfg, control.Request{What: control.Search, Text: query, N: n + 1}, func(r record.Hit) error {
		if found++; found > n { // was asked for only to know whether there is one
			return nil
		}
		if cfg.JSON {
			return record.JSON(out, r)
		}
		_, err := fmt.Fprintf(out, "%s %s%s\n", r.Arrived.Local().Format("2006-01-02 15:04"), hitWhere(r), hitText(r, bold))
		return err
	})
	switch {
	case err != nil:
		return err
	case found == 0:
		return notFoundError{query}
	case found > n:
		cmd.PrintErrf("There are older ones: -n %d shows more, and before:DATE those before a day.\n", 10*n)
	}
	return nil
}

// hitWhere tells who wrote a message, and in which conversation where that is
// not the one with them.
func hitWhere(r record.Hit) string {
	who := text.Line(r.Name) + " ·" + r.Tag
	switch {
	case r.Conversation == messenger.Room.String():
		who += " in " + r.Conversation
	case r.State != messenger.StateReceived.String():
		who += " to " + text.Line(r.Chat)
	}
	return who + ": "
}

// hitText is the snippet, in which a terminal shows what was looked for.
func hitText(r record.Hit, bold bool) string {
	if !bold {
		return text.Line(r.Snippet)
	}
	letters := []rune(r.Snippet)
	var b strings.Builder
	at := 0
	for _, m := range r.Marks {
		if at <= m[0] && m[0] <= m[1] && m[1] <= len(letters) {
			b.WriteString(text.Line(string(letters[at:m[0]])) + "\x1b[1;4m" + text.Line(string(letters[m[0]:m[1]])) + "\x1b[0m")
			at = m[1]
		}
	}
	return b.String() + text.Line(string(letters[at:]))
}
