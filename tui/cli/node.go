package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"dione/crypto/identity"
	"dione/net/address"
	"dione/net/node"
	"dione/tui/config"
	"dione/tui/record"
)

func nodeCommand() *cobra.Command {
	var metrics string
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Serve the mail network, without a chat",
		Long: "dione node holds messages for people who are away, and helps others to find each other. It needs no\n" +
			"chat identity. Its multiaddrs, which it prints, are seeds for others: dione --seed MULTIADDR.\n" +
			"It listens at port 4001 unless --listen says otherwise.",
		Args: noArgs,
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) error {
			return runNode(ctx, cmd, cfg, metrics)
		}),
	}
	cmd.Flags().StringVar(&metrics, "metrics", "", "serve metrics for Prometheus at this ADDRESS, such as 127.0.0.1:9464")
	return cmd
}

func runNode(ctx context.Context, cmd *cobra.Command, cfg config.Config, metrics string) (err error) {
	if cfg.DHT == string(node.Off) {
		return hinted{errors.New("the mail network is off"), "leave --dht=off away"}
	}
	s := &session{log: nodeLog(cmd.ErrOrStderr(), cfg)}
	defer func() { err = errors.Join(err, s.close()) }()
	key, err := s.openProfile(ctx, cmd, cfg)
	if err != nil {
		return err
	}
	if err := s.openParcels(ctx, cfg, key); err != nil {
		return err // nothing else is its work
	}
	n, err := s.openNode(cfg, nil)
	if err != nil {
		return err
	}
	listener, err := node.Listen(ctx, cfg.Listen)
	if err != nil {
		return hinted{err, "choose another address with --listen"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	if metrics != "" {
		serve, err := serveMetrics(ctx, metrics, n, s.log)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		g.Go(serve)
	}
	g.Go(func() error {
		defer cancel()
		return n.RunAlone(ctx, listener)
	})
	g.Go(func() error {
		if _, err := n.DHT(ctx); err != nil {
			return nil // it has ended before
		}
		st, _ := n.State()
		return sayReady(cmd.OutOrStdout(), cfg, st.ID, listener.Addrs())
	})
	return g.Wait()
}

// nodeLog is where a node tells what it does, if not in a file.
func nodeLog(w io.Writer, cfg config.Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.JSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// sayReady tells where a node is reached.
func sayReady(w io.Writer, cfg config.Config, id identity.ID, bound []netip.AddrPort) error {
	r := record.Ready{Peer: id.String(), Tag: id.Tag()}
	for _, a := range address.Reached(bound) {
		r.Addrs = append(r.Addrs, address.Format(a, id))
	}
	if cfg.JSON {
		out := record.NewWriter(w, true)
		return errors.Join(out.Write(time.Now(), r), out.Flush())
	}
	for _, a := range r.Addrs {
		if _, err := fmt.Fprintln(w, a); err != nil {
			return err
		}
	}
	return nil
}
