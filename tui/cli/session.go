package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"dione/net/messenger"
	"dione/store"
	"dione/tui/config"
)

// session is an open profile with its engine, which may or may not be run.
type session struct {
	profile   *store.Profile
	store     *store.Store
	messenger *messenger.Messenger
	log       *slog.Logger
	logFile   io.Closer
}

// open opens the profile and makes its engine. On an error nothing stays open.
func open(ctx context.Context, cmd *cobra.Command, cfg config.Config) (s *session, err error) {
	s = &session{log: slog.New(slog.DiscardHandler)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
			s = nil
		}
	}()
	if cfg.Log != "" {
		f, err := os.OpenFile(cfg.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return s, hinted{fmt.Errorf("open the log: %w", err), "choose another file with --log"}
		}
		s.logFile = f
		s.log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: cfg.LogLevel}))
	}
	if s.profile, err = store.OpenProfile(cfg.Home); err != nil {
		return s, err
	}
	key, err := unlock(ctx, cmd, cfg, s.profile)
	if err != nil {
		return s, err
	}
	if s.store, err = store.Open(ctx, s.profile, key, s.log); err != nil {
		return s, err
	}
	s.messenger, err = messenger.New(messenger.Config{
		Name:        cfg.Name,
		DefaultName: cfg.DefaultName,
		Network:     cfg.Network,
		Listen:      cfg.Listen,
		NoLAN:       !cfg.LAN,
		Log:         s.log,
	}, s.store)
	return s, err
}

func (s *session) close() error {
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.profile != nil {
		errs = append(errs, s.profile.Close())
	}
	if s.logFile != nil {
		errs = append(errs, s.logFile.Close())
	}
	return errors.Join(errs...)
}
