package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"dione/net/messenger"
	"dione/net/swarm"
	"dione/tui"
	"dione/tui/browse"
	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/editor"
	"dione/tui/plain"
)

// runChat is dione alone: the screen, or line mode.
func runChat(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) (err error) {
	if !cfg.Plain && !hasScreen() {
		cfg.Plain = true
		fmt.Fprintln(cmd.ErrOrStderr(), "dione: no terminal here: line mode (--plain)")
	}
	s, err := open(ctx, cmd, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := editor.Sweep(cfg.Home); err != nil {
		return fmt.Errorf("remove a text that was being edited: %w", err)
	}
	server, err := control.Listen(cfg.Home, s.messenger, s.log)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.messenger.Run(ctx) })
	g.Go(func() error { return unlessStopped(server.Run(ctx)) })
	g.Go(func() error {
		defer cancel() // whoever leaves the screen leaves the program
		if cfg.Plain {
			return unlessStopped(plain.Run(ctx, s.messenger, cmd.InOrStdin(), cmd.OutOrStdout(), plain.Options{JSON: cfg.JSON, Open: browse.Opener(os.Getenv)}))
		}
		return unlessStopped(tui.Run(ctx, s.messenger, tui.Options{Screen: cfg.Screen, Home: cfg.Home, File: cfg.File(), Open: browse.Opener(os.Getenv)}))
	})
	if err := g.Wait(); err != nil {
		var taken *swarm.PortTakenError
		if errors.As(err, &taken) {
			return hinted{err, "choose another port with --listen, or give none"}
		}
		return err
	}
	sayWaiting(cmd.ErrOrStderr(), s.messenger)
	return nil
}

// unlessStopped returns err, nil if it only says that the engine has stopped:
// the engine itself says why.
func unlessStopped(err error) error {
	if errors.Is(err, messenger.ErrStopped) {
		return nil
	}
	return err
}

// sayWaiting tells whoever leaves how many messages wait, and where.
func sayWaiting(w io.Writer, m *messenger.Messenger) {
	waiting, err := m.Outbox(context.Background())
	if err != nil {
		return
	}
	queued, stored := 0, 0
	for _, one := range waiting {
		if one.State == messenger.StateStored {
			stored++
		} else {
			queued++
		}
	}
	switch {
	case queued == 1:
		fmt.Fprintln(w, "dione: 1 message waits here for somebody who is away; it goes on when dione runs again")
	case queued > 1:
		fmt.Fprintf(w, "dione: %d messages wait here for people who are away; they go on when dione runs again\n", queued)
	}
	switch {
	case stored == 1:
		fmt.Fprintln(w, "dione: 1 message is in the mail network; it arrives without you")
	case stored > 1:
		fmt.Fprintf(w, "dione: %d messages are in the mail network; they arrive without you\n", stored)
	}
}

// hasScreen reports whether there is a terminal that can show one.
func hasScreen() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"
}
