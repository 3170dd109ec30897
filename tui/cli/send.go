package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"dione/net/messenger"
	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/record"
	"dione/tui/text"
)

// lateError says that a message has not come as far as it should in time.
type lateError struct {
	want  string
	after time.Duration // 0: whoever waited went away
	state record.State
	gone  bool // the engine ran here, and does not any more
}

func (e *lateError) Error() string {
	is := stateWords(e.state.State, e.state.Stored, e.state.Replicas)
	if e.after == 0 {
		return fmt.Sprintf("not %s yet: %s", e.want, is)
	}
	return fmt.Sprintf("not %s within %v: %s", e.want, e.after, is)
}

// Hint says what happens to the message now.
func (e *lateError) Hint() string {
	switch {
	case e.state.State == messenger.StateStored.String():
		return "it lies in the mail network until they come"
	case e.gone:
		return "it waits in the outbox, and goes on when dione runs again"
	}
	return "it waits in the outbox of the dione that runs, which goes on"
}

// stateWords tells a state as people read it.
func stateWords(state string, stored, replicas int) string {
	if state == messenger.StateStored.String() {
		return fmt.Sprintf("%s %d/%d", state, stored, replicas)
	}
	return state
}

func sendCommand() *cobra.Command {
	var want string
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "send PEER [TEXT]",
		Short: "Write to somebody, and wait until the message is safe",
		Long: "dione send writes TEXT, or what comes on standard input, to PEER: a name, a tag, a peer ID or '#lan'.\n" +
			"It waits until the message is queued (on this disk), stored (held by the mail network, or with\n" +
			"some of a room) or delivered (on the disks of all it is for), and says how far it came.\n" +
			"Exit codes: 0 that far, 1 failed, 2 usage, 3 not in time.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || strings.TrimSpace(args[0]) == "" {
				return usageError{error: errors.New("send needs a PEER: a name, a tag, a peer ID or '#lan'")}
			}
			return nil
		},
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, args []string) error {
			if !control.Reached(messenger.StateDelivered.String(), want) {
				return usageError{error: fmt.Errorf("--wait %q: it takes queued, stored or delivered", want)}
			}
			if limit < 0 || limit > control.MaxWait {
				return usageError{error: fmt.Errorf("--timeout %v: it takes 0, for no limit, to %v", limit, control.MaxWait)}
			}
			words, err := textOf(cmd.InOrStdin(), args[1:])
			if err != nil {
				return usageError{error: err}
			}
			return runSend(ctx, cmd, cfg, control.Request{What: control.Send, Peer: args[0], Text: words, For: want, Time: limit})
		}),
	}
	cmd.Flags().StringVar(&want, "wait", messenger.StateStored.String(), "wait until it is queued, stored or delivered")
	cmd.Flags().DurationVar(&limit, "timeout", 30*time.Second, "how long to wait for that; 0: as long as it takes")
	return cmd
}

// textOf returns what is to be sent: the arguments, or what in has, less the
// line feeds at its end.
func textOf(in io.Reader, args []string) (string, error) {
	words := strings.Join(args, " ")
	if len(args) == 0 {
		b, err := io.ReadAll(io.LimitReader(in, messenger.MaxText+1024))
		if err != nil {
			return "", fmt.Errorf("read standard input: %w", err)
		}
		words = strings.TrimRight(string(b), "\r\n")
	}
	switch {
	case strings.TrimSpace(words) == "":
		return "", messenger.ErrEmpty
	case len(words) > messenger.MaxText:
		return "", messenger.ErrTooLong
	case !utf8.ValidString(words):
		return "", messenger.ErrNotText
	}
	return words, nil
}

// runSend has the message sent by the process that has the profile, or here,
// where the engine runs until the wait is over.
func runSend(ctx context.Context, cmd *cobra.Command, cfg config.Config, req control.Request) error {
	out := record.NewWriter(cmd.OutOrStdout(), true)
	var state record.State
	tell := func(r record.Record) error {
		if s, ok := r.(record.State); ok {
			state = s
		}
		if !cfg.JSON {
			return nil
		}
		return errors.Join(out.Write(time.Now(), r), out.Flush())
	}
	begun := false
	s, err := consult(ctx, cmd, cfg, req, func(b json.RawMessage) error { // it is sent, and then comes further
		if begun {
			return decoder(func(r record.State) error { return tell(r) })(b)
		}
		begun = true
		return decoder(func(r record.Sent) error { return tell(r) })(b)
	})
	here := s != nil
	if err == nil && here {
		err = s.runFor(ctx, func(ctx context.Context) error {
			return control.Answer(ctx, s.messenger, req, func(r any) error {
				if r == nil {
					return nil
				}
				return tell(r.(record.Record))
			})
		})
		err = errors.Join(err, s.close())
	}
	switch {
	case err != nil && ctx.Err() == nil:
		return err
	case state.State == messenger.StateFailed.String():
		err := fmt.Errorf("not sent: %s", text.Line(state.Reason))
		if req.Peer == messenger.Room.String() {
			return hinted{err, "the room is whoever is near now: dione peers tells; a person is written to when away, too"}
		}
		return err
	case control.Reached(state.State, req.For):
		if cfg.JSON {
			return nil
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), stateWords(state.State, state.Stored, state.Replicas))
		return err
	case ctx.Err() != nil && state.State == "":
		return errors.New("not sent: interrupted")
	case ctx.Err() != nil:
		req.Time = 0
	}
	return &lateError{want: req.For, after: req.Time, state: state, gone: here}
}

func tailCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tail",
		Short: "Follow the messages that come in",
		Long:  "dione tail prints every message that comes to the dione that runs, until it ends or Ctrl+C.",
		Args:  noArgs,
		RunE:  withConfig(runTail),
	}
}

func runTail(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) error {
	out := record.NewWriter(cmd.OutOrStdout(), cfg.JSON)
	err := control.Ask(ctx, cfg.Home, control.Request{What: control.Tail}, decoder(func(t control.Tailed) error {
		r := t.Record()
		if r == nil {
			return nil // of a newer dione
		}
		return errors.Join(out.Write(time.Now(), r), out.Flush())
	}))
	switch {
	case ctx.Err() != nil:
		return nil // it was to end
	case errors.Is(err, control.ErrNobody):
		return hinted{control.ErrNobody, "start dione, or dione --plain, which prints what comes by itself"}
	}
	return err
}
