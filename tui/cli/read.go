package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dione/net/messenger"
	"dione/store"
	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/record"
	"dione/tui/text"
)

const (
	// startTime is how long a process may have the profile before it listens
	// at the control socket, or after: it starts, ends, or only reads.
	startTime = 2 * time.Second

	retryTime = 50 * time.Millisecond
)

// answer gives every record that answers req to show: by the process that has
// the profile, or by opening it here.
func answer[T any](ctx context.Context, cmd *cobra.Command, cfg config.Config, req control.Request, show func(T) error) (err error) {
	s, err := consult(ctx, cmd, cfg, req, decoder(show))
	if err != nil || s == nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return control.Answer(ctx, s.messenger, req, func(r any) error { return show(r.(T)) })
}

// decoder gives show the records that come over the control socket.
func decoder[T any](show func(T) error) func(json.RawMessage) error {
	return func(b json.RawMessage) error {
		var r T
		if err := json.Unmarshal(b, &r); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return show(r)
	}
}

// consult has the process answer that has the profile. If there is none it opens
// the profile, and returns it.
func consult(ctx context.Context, cmd *cobra.Command, cfg config.Config, req control.Request, show func(json.RawMessage) error) (*session, error) {
	for began := time.Now(); ; {
		err := control.Ask(ctx, cfg.Home, req, show)
		if !errors.Is(err, control.ErrNobody) {
			return nil, err
		}
		s, err := open(ctx, cmd, cfg)
		var inUse *store.InUseError
		if err == nil || !errors.As(err, &inUse) || time.Since(began) > startTime {
			return s, err
		}
		select {
		case <-time.After(retryTime):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func runID(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) error {
	out := cmd.OutOrStdout()
	return answer(ctx, cmd, cfg, control.Request{What: control.ID}, func(r record.Ready) error {
		if cfg.JSON {
			return record.JSON(out, r)
		}
		_, err := fmt.Fprintf(out, "%s ·%s\n%s\n", text.Line(r.Name), r.Tag, r.Peer)
		for _, a := range r.Addrs {
			_, e := fmt.Fprintln(out, a)
			err = errors.Join(err, e)
		}
		if len(r.Addrs) == 0 {
			cmd.PrintErrln("No dione runs on this profile: start dione, and dione id prints where you can be reached.")
		}
		return err
	})
}

func runPeers(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) error {
	out := cmd.OutOrStdout()
	known := 0
	err := answer(ctx, cmd, cfg, control.Request{What: control.Peers}, func(r record.Person) error {
		known++
		if cfg.JSON {
			return record.JSON(out, r)
		}
		where := r.Path
		if where == "" {
			where = "away"
		}
		_, err := fmt.Fprintf(out, "%s ·%s\t%s\t%s\n", text.Line(r.Name), r.Tag, where, r.Peer)
		return err
	})
	if err == nil && known == 0 && !cfg.JSON {
		cmd.PrintErrln("Nobody is known yet: open dione where others do, or make an invitation with dione invite.")
	}
	return err
}

func historyCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "history PEER",
		Short: "A conversation; '#lan' is the room",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{error: errors.New("history needs one PEER: a name, a tag, a peer ID or '#lan'")}
			}
			return nil
		},
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, args []string) error {
			if n <= 0 {
				return usageError{error: fmt.Errorf("--number %d shows nothing", n)}
			}
			return runHistory(ctx, cmd, cfg, args[0], n)
		}),
	}
	cmd.Flags().IntVarP(&n, "number", "n", 100, "how many of the newest messages")
	return cmd
}

func runHistory(ctx context.Context, cmd *cobra.Command, cfg config.Config, peer string, n int) error {
	out := cmd.OutOrStdout()
	req := control.Request{What: control.History, Peer: peer, N: n}
	written := 0
	err := answer(ctx, cmd, cfg, req, func(r record.History) error {
		written++
		if cfg.JSON {
			return record.JSON(out, r)
		}
		_, err := fmt.Fprintf(out, "%s %s ·%s: %s%s\n", r.Sent.Local().Format("2006-01-02 15:04:05"), text.Line(r.Name), r.Tag, text.Line(r.Text), aside(r))
		return err
	})
	if err == nil && written == 0 && !cfg.JSON {
		cmd.PrintErrln("Nothing is written there yet.")
	}
	return err
}

// aside tells how far an own message has come, or what is unusual about the
// way of somebody else's, and what was done about it since.
func aside(r record.History) string {
	var words []string
	if r.State != messenger.StateReceived.String() {
		words = append(words, stateWords(r.State, r.Stored, r.Replicas))
	} else if r.Path != messenger.PathLAN.String() && r.Path != "" {
		words = append(words, r.Path)
	}
	if late := text.Late(r.Sent.Time, r.Arrived.Time); late != "" {
		words = append(words, late)
	}
	switch {
	case r.Deleted:
		words = append(words, "deleted")
	case !r.Edited.IsZero():
		words = append(words, "edited")
	}
	for _, one := range r.Reactions {
		words = append(words, text.Line(one.Text))
	}
	if len(words) == 0 {
		return ""
	}
	return " [" + strings.Join(words, ", ") + "]"
}
