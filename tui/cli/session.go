package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"dione/crypto/vault"
	"dione/net/messenger"
	"dione/net/node"
	"dione/store"
	"dione/tui/config"
)

// session is an open profile with its engine, which may or may not be run.
type session struct {
	profile   *store.Profile
	store     *store.Store
	parcels   *store.Parcels // nil without a node
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
	key, err := s.openProfile(ctx, cmd, cfg)
	if err != nil {
		return s, err
	}
	if s.store, err = store.Open(ctx, s.profile, key, s.log); err != nil {
		return s, err
	}
	problem := s.openParcels(ctx, cfg, key)
	if problem != nil { // people are reached without the packages of others
		s.log.Warn("packages for others cannot be held", slog.Any("error", problem))
	}
	n, err := s.openNode(cfg, problem)
	if err != nil {
		return s, err
	}
	s.messenger, err = messenger.New(messenger.Config{
		Name:        cfg.Name,
		DefaultName: cfg.DefaultName,
		Network:     cfg.Network,
		Listen:      cfg.Listen,
		NoLAN:       !cfg.LAN,
		Node:        n,
		Log:         s.log,
	}, s.store)
	return s, err
}

// openProfile opens the log and the profile, and returns the profile's key.
func (s *session) openProfile(ctx context.Context, cmd *cobra.Command, cfg config.Config) (key vault.Key, err error) {
	if cfg.Log != "" {
		f, err := os.OpenFile(cfg.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return key, hinted{fmt.Errorf("open the log: %w", err), "choose another file with --log"}
		}
		s.logFile = f
		s.log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: cfg.LogLevel}))
	}
	if s.profile, err = store.OpenProfile(cfg.Home); err != nil {
		return key, err
	}
	return unlock(ctx, cmd, cfg, s.profile)
}

// openParcels opens what the profile holds for others, if it does.
func (s *session) openParcels(ctx context.Context, cfg config.Config, key vault.Key) (err error) {
	if cfg.DHT == string(node.Off) {
		return nil
	}
	s.parcels, err = store.OpenParcels(ctx, s.profile, key, s.log)
	return err
}

// openNode makes the part that the profile takes in the DHT, nil if none.
// problem says why it cannot hold anything.
func (s *session) openNode(cfg config.Config, problem error) (*node.Node, error) {
	if cfg.DHT == string(node.Off) {
		return nil, nil
	}
	return node.New(node.Config{
		Network:  cfg.Network,
		Mode:     node.Mode(cfg.DHT),
		Parcels:  s.parcels,
		Problem:  problem,
		Capacity: cfg.DHTStore,
		Seeds:    cfg.Seeds,
		Log:      s.log,
	})
}

func (s *session) close() error {
	var errs []error
	if s.parcels != nil {
		errs = append(errs, s.parcels.Close())
	}
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
