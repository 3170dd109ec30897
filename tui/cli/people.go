package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/qr"
	"dione/tui/record"
	"dione/tui/text"
)

func addCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "add MULTIADDR|INVITATION",
		Short: "Make somebody a contact, and see whether they are reached",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{error: errors.New("add needs one address, /ip4/…/tcp/…/p2p/12D3Koo…, or invitation, dione:…")}
			}
			return nil
		},
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, args []string) error {
			return runAdd(ctx, cmd, cfg, args[0], as)
		}),
	}
	cmd.Flags().StringVar(&as, "as", "", "what to call them; their own name otherwise")
	return cmd
}

func runAdd(ctx context.Context, cmd *cobra.Command, cfg config.Config, address, as string) error {
	out := cmd.OutOrStdout()
	req := control.Request{What: control.Add, Text: address, As: as}
	return answerRunning(ctx, cmd, cfg, req, func(r record.Person) error {
		if cfg.JSON {
			return record.JSON(out, r)
		}
		what := "connected (" + r.Path + ")"
		switch {
		case r.Path != "" && r.Pending:
			what += "; they have not accepted you yet, what you write waits until then"
		case r.Path != "":
		case r.Problem != "":
			what = "not reached: " + r.Problem + "; a running dione goes on trying"
		case len(r.Addrs) == 0:
			what = "no address is known"
		default:
			what = "not reached yet; a running dione goes on trying"
		}
		_, err := fmt.Fprintf(out, "%s ·%s is a contact now: %s\n%s\n", text.Line(r.Name), r.Tag, text.Line(what), r.Peer)
		return err
	})
}

func inviteCommand() *cobra.Command {
	var list bool
	var revoke string
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Make a one-time invitation, as text and QR code",
		Long:  "dione invite makes an invitation for one person: whoever uses it first becomes your contact.\nIt holds for 14 days after you were last up.",
		Args:  noArgs,
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) error {
			switch {
			case list && revoke != "":
				return usageError{error: errors.New("--list and --revoke exclude each other")}
			case list:
				return runInvitations(ctx, cmd, cfg)
			case revoke != "":
				req := control.Request{What: control.Revoke, Text: revoke}
				return answer(ctx, cmd, cfg, req, func(record.Invitation) error { return nil })
			}
			return runInvite(ctx, cmd, cfg)
		}),
	}
	cmd.Flags().BoolVar(&list, "list", false, "show the invitations that are open")
	cmd.Flags().StringVar(&revoke, "revoke", "", "take this invitation back")
	return cmd
}

func runInvitations(ctx context.Context, cmd *cobra.Command, cfg config.Config) error {
	return answer(ctx, cmd, cfg, control.Request{What: control.Invitations}, func(r record.Invitation) error {
		return showInvitation(cmd.OutOrStdout(), cfg, r)
	})
}

func runInvite(ctx context.Context, cmd *cobra.Command, cfg config.Config) error {
	out := cmd.OutOrStdout()
	return answerRunning(ctx, cmd, cfg, control.Request{What: control.Invite}, func(r record.Invitation) error {
		if f, ok := out.(*os.File); ok && !cfg.JSON && term.IsTerminal(int(f.Fd())) {
			if err := drawQR(out, strings.ToUpper(r.Invitation)); err != nil {
				return err
			}
		}
		return showInvitation(out, cfg, r)
	})
}

func showInvitation(out io.Writer, cfg config.Config, r record.Invitation) error {
	if cfg.JSON {
		return record.JSON(out, r)
	}
	_, err := fmt.Fprintf(out, "%s\nends %s\n", r.Invitation, r.Expires.Local().Format("2 January 2006"))
	return err
}

// drawQR draws a code dark on light, whatever the terminal's colours are; where
// no colours are wanted, for light letters on dark.
func drawQR(out io.Writer, code string) error {
	plain := os.Getenv("NO_COLOR") != ""
	lines, err := qr.Lines(code, plain)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if !plain {
			l = "\x1b[30;107m" + l + "\x1b[0m"
		}
		if _, err := fmt.Fprintln(out, l); err != nil {
			return err
		}
	}
	return nil
}

// answerRunning is answer for what needs the network: where no process has the
// profile, the engine runs here for as long as the answer takes.
func answerRunning[T any](ctx context.Context, cmd *cobra.Command, cfg config.Config, req control.Request, show func(T) error) (err error) {
	s, err := consult(ctx, cmd, cfg, req, decoder(show))
	if err != nil || s == nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return s.runFor(ctx, func(ctx context.Context) error {
		return control.Answer(ctx, s.messenger, req, func(r any) error { return show(r.(T)) })
	})
}

// runFor runs the engine for as long as f takes.
func (s *session) runFor(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.messenger.Run(ctx) })
	g.Go(func() error {
		defer cancel()
		return f(ctx)
	})
	g.Go(func() error { // nobody else reads them
		for {
			select {
			case <-s.messenger.Events():
			case <-ctx.Done():
				return nil
			}
		}
	})
	return g.Wait()
}
