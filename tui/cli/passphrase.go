package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dione/crypto/vault"
	"dione/store"
	"dione/tui/config"
	"dione/tui/file"
)

// tries is how often somebody may mistype the passphrase.
const tries = 3

// hinted is an error with its next step.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }
func (e hinted) Hint() string  { return e.hint }

var (
	errNoTerminal = hinted{
		errors.New("the profile has a passphrase, and there is no terminal to ask for it"),
		"write it into a file that only you can read: --passphrase-file FILE",
	}
	errNoTerminalNew = hinted{
		errors.New("there is no terminal to ask for the new passphrase"),
		"write it into a file that only you can read: --new-passphrase-file FILE",
	}
)

// unlock gets the profile's key, with the passphrase if it has one. A profile
// that is new gets the passphrase of the settings.
func unlock(ctx context.Context, cmd *cobra.Command, cfg config.Config, p *store.Profile) (vault.Key, error) {
	if cfg.PassphraseFile != "" {
		pass, err := file.Passphrase(cfg.PassphraseFile)
		if err != nil {
			return vault.Key{}, err
		}
		if len(pass) == 0 {
			return vault.Key{}, fmt.Errorf("read the passphrase: the first line of %s is empty", cfg.PassphraseFile)
		}
		return p.Unlock(pass)
	}
	if !p.NeedsPassphrase() {
		return p.Unlock(nil)
	}
	if !hasKeyboard() {
		return vault.Key{}, errNoTerminal
	}
	for try := 1; ; try++ {
		pass, err := ask(ctx, cmd.ErrOrStderr(), "Passphrase: ")
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

func hasKeyboard() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// ask reads a passphrase from the terminal, which does not show it.
func ask(ctx context.Context, w io.Writer, prompt string) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	fmt.Fprint(w, prompt)
	defer fmt.Fprintln(w)
	type result struct {
		pass []byte
		err  error
	}
	// A read cannot be given up: when ctx ends first, so does the program, and
	// the terminal must show again what is typed.
	read := make(chan result, 1)
	go func() {
		pass, err := term.ReadPassword(fd)
		read <- result{pass, err}
	}()
	select {
	case r := <-read:
		if r.err != nil {
			return nil, fmt.Errorf("read the passphrase: %w", r.err)
		}
		return r.pass, nil
	case <-ctx.Done():
		return nil, errors.Join(errors.New("interrupted at the passphrase"), term.Restore(fd, before))
	}
}

func passphraseCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "Set, change or drop the passphrase that opens the profile",
		Args:  noArgs,
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) error {
			return changePassphrase(ctx, cmd, cfg, file)
		}),
	}
	cmd.Flags().StringVar(&file, "new-passphrase-file", "", "take the new passphrase from the first line of this file; an empty one drops it")
	return cmd
}

func changePassphrase(ctx context.Context, cmd *cobra.Command, cfg config.Config, file string) (err error) {
	if file == "" && !hasKeyboard() {
		return errNoTerminalNew
	}
	p, err := store.OpenProfile(cfg.Home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	key, err := unlock(ctx, cmd, cfg, p)
	if err != nil {
		return err
	}
	w := cmd.ErrOrStderr()
	pass, err := newPassphrase(ctx, w, file, "New passphrase (empty: none): ")
	if err != nil {
		return err
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

// newPassphrase reads the new one from a file, or else asks for it twice.
func newPassphrase(ctx context.Context, w io.Writer, passFile, prompt string) ([]byte, error) {
	if passFile != "" {
		return file.Passphrase(passFile)
	}
	pass, err := ask(ctx, w, prompt)
	if err != nil {
		return nil, err
	}
	again, err := ask(ctx, w, "The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(pass, again) {
		return nil, errors.New("the two are not the same: nothing was changed")
	}
	return pass, nil
}
