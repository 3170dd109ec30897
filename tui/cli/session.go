package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dione/crypto/vault"
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
			return s, fmt.Errorf("open the log: %w", err)
		}
		s.logFile = f
		s.log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: cfg.LogLevel}))
	}
	if s.profile, err = store.OpenProfile(cfg.Home); err != nil {
		return s, err
	}
	key, err := unlock(cmd, cfg, s.profile)
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

// tries is how often somebody may mistype the passphrase.
const tries = 3

// unlock gets the profile's key, with the passphrase if it has one.
func unlock(cmd *cobra.Command, cfg config.Config, p *store.Profile) (vault.Key, error) {
	if !p.NeedsPassphrase() {
		return p.Unlock(nil)
	}
	if cfg.PassphraseFile != "" {
		pass, err := readPassphraseFile(cfg.PassphraseFile)
		if err != nil {
			return vault.Key{}, err
		}
		return p.Unlock(pass)
	}
	for try := 1; ; try++ {
		pass, err := ask(cmd.ErrOrStderr(), "Passphrase: ")
		if err != nil {
			return vault.Key{}, err
		}
		key, err := p.Unlock(pass)
		if err == nil || !errors.Is(err, vault.ErrPassphrase) || try == tries {
			return key, err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), "That is not it.")
	}
}

// noTerminal says that a passphrase cannot be asked for.
type noTerminal struct{}

func (noTerminal) Error() string {
	return "the profile has a passphrase, and there is no terminal to ask for it"
}
func (noTerminal) Hint() string {
	return "write it into a file that only you can read: --passphrase-file FILE"
}

// ask reads a passphrase from the terminal, which does not show it.
func ask(w io.Writer, prompt string) ([]byte, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, noTerminal{}
	}
	fmt.Fprint(w, prompt)
	pass, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(w)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	return pass, nil
}

func readPassphraseFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// runPassphrase sets, changes or drops the passphrase.
func runPassphrase(_ context.Context, cmd *cobra.Command, cfg config.Config, _ []string) (err error) {
	p, err := store.OpenProfile(cfg.Home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	key, err := unlock(cmd, cfg, p)
	if err != nil {
		return err
	}
	w := cmd.ErrOrStderr()
	pass, err := ask(w, "New passphrase (empty: none): ")
	if err != nil {
		return err
	}
	again, err := ask(w, "The same again: ")
	if err != nil {
		return err
	}
	if !bytes.Equal(pass, again) {
		return errors.New("the two are not the same: nothing was changed")
	}
	if err := p.SetPassphrase(key, pass); err != nil {
		return err
	}
	if len(pass) == 0 {
		fmt.Fprintln(w, "The profile opens without a passphrase now.")
	} else {
		fmt.Fprintln(w, "The profile opens with the new passphrase only. It cannot be recovered.")
	}
	return nil
}
