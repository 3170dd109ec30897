package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dione/crypto/vault"
	"dione/net/messenger"
	"dione/store"
	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/file"
	"dione/tui/record"
)

var errNoBackupPassphrase = hinted{
	errors.New("there is no terminal to ask for the passphrase of the backup"),
	"write it into a file that only you can read: --backup-passphrase-file FILE",
}

// backupCommand is export or import, which differ in what they do with FILE.
func backupCommand(use, short, long string, run func(ctx context.Context, cmd *cobra.Command, cfg config.Config, path, passFile string) error) *cobra.Command {
	var passFile string
	cmd := &cobra.Command{
		Use:   use + " FILE",
		Short: short,
		Long:  long,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
				return usageError{error: fmt.Errorf("%s needs the name of one file", use)}
			}
			return nil
		},
		RunE: withConfig(func(ctx context.Context, cmd *cobra.Command, cfg config.Config, args []string) error {
			err := run(ctx, cmd, cfg, args[0], passFile)
			if errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: interrupted, nothing was made", use)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&passFile, "backup-passphrase-file", "", "take the passphrase of the backup from the first line of this file")
	return cmd
}

func exportCommand() *cobra.Command {
	return backupCommand("export", "Make a backup of the profile, under a passphrase of its own",
		"dione export writes who you are, whom you know and what was written into one encrypted file.\n"+
			"It can be made while dione runs. It holds no running session and no invitation: after dione import sessions are set up anew.", runExport)
}

func importCommand() *cobra.Command {
	return backupCommand("import", "Make a profile out of a backup, where there is none",
		"dione import makes the profile of a backup, and never changes one that is there. Do not go on\n"+
			"with the former profile elsewhere: an identity is for one running dione at a time.", runImport)
}

func runExport(ctx context.Context, cmd *cobra.Command, cfg config.Config, path, passFile string) error {
	there, err := store.HasDatabase(cfg.Home)
	if err != nil {
		return err
	}
	if !there {
		return hinted{fmt.Errorf("there is no profile in %s", cfg.Home), "name another directory with --home"}
	}
	if err := store.Vacant(path); err != nil {
		return err
	}
	if passFile == "" && !hasKeyboard() {
		return errNoBackupPassphrase
	}
	w := cmd.ErrOrStderr()
	err = exportRunning(ctx, w, cfg, path, passFile)
	if errors.Is(err, control.ErrNobody) {
		err = exportHere(ctx, cmd, cfg, path, passFile)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "The backup %s opens with its passphrase only, which cannot be recovered. Keep it apart from this device.\n", path)
	return nil
}

// backupPassphrase reads the passphrase of a new backup.
func backupPassphrase(ctx context.Context, w io.Writer, passFile string) ([]byte, error) {
	pass, err := newPassphrase(ctx, w, passFile, "Passphrase for the backup: ")
	if err == nil && len(pass) == 0 {
		err = messenger.ErrOpenBackup
	}
	return pass, err
}

// exportRunning has the process that has the profile make the backup.
func exportRunning(ctx context.Context, w io.Writer, cfg config.Config, path, passFile string) error {
	// Nobody is asked for a passphrase before there is somebody to use it.
	if err := control.Ask(ctx, cfg.Home, control.Request{What: control.ID}, func(json.RawMessage) error { return nil }); err != nil {
		return err
	}
	pass, err := backupPassphrase(ctx, w, passFile)
	if err != nil {
		return err
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	m := newMeter(w, "Writing")
	return m.end(control.Ask(ctx, cfg.Home, control.Request{What: control.Export, Text: whole, Secret: pass},
		decoder(func(r record.Progress) error {
			m.show(r.Done, r.Of)
			return nil
		})))
}

// exportHere makes the backup of a profile that no process has.
func exportHere(ctx context.Context, cmd *cobra.Command, cfg config.Config, path, passFile string) (err error) {
	p, err := store.OpenProfile(cfg.Home)
	var inUse *store.InUseError
	if errors.As(err, &inUse) {
		return hinted{err, "quit the dione that is running, make the backup, and start it again"}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	key, err := unlock(ctx, cmd, cfg, p)
	if err != nil {
		return err
	}
	w := cmd.ErrOrStderr()
	pass, err := backupPassphrase(ctx, w, passFile)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, p, key, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	m := newMeter(w, "Writing")
	return m.end(st.ExportFile(ctx, path, pass, m.show))
}

func runImport(ctx context.Context, cmd *cobra.Command, cfg config.Config, path, passFile string) (err error) {
	if there, err := store.HasDatabase(cfg.Home); err != nil || there {
		return cmp.Or(err, store.ErrExists)
	}
	b, err := store.OpenBackup(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	w := cmd.ErrOrStderr()
	if err := unlockBackup(ctx, w, b, passFile); err != nil {
		return err
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
	m := newMeter(w, "Restoring")
	done, err := store.Import(ctx, p, key, b, m.show)
	if err := m.end(err); err != nil {
		return err
	}
	waiting := ""
	if done.Waiting > 0 {
		waiting = fmt.Sprintf(", %d of them to be sent", done.Waiting)
	}
	fmt.Fprintf(w, "Restored from the backup of %s: you are ·%s, with %s and %s%s.\n", done.Made.Local().Format("2 January 2006 15:04"),
		done.ID.Tag(), count(done.Contacts, "person", "people"), count(done.Messages, "message", "messages"), waiting)
	fmt.Fprintln(w, "Sessions are set up anew, by mail or when you meet. Do not go on with the former profile elsewhere.")
	if !p.NeedsPassphrase() {
		fmt.Fprintln(w, "The profile opens without a passphrase: dione passphrase sets one.")
	}
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// unlockBackup asks for the passphrase of a backup, unless a file holds it.
func unlockBackup(ctx context.Context, w io.Writer, b *store.Backup, passFile string) error {
	m := newMeter(w, "Checking")
	if passFile != "" {
		pass, err := file.Passphrase(passFile)
		if err != nil {
			return err
		}
		return m.end(b.Unlock(ctx, pass, m.show))
	}
	if !hasKeyboard() {
		return errNoBackupPassphrase
	}
	for try := 1; ; try++ {
		pass, err := ask(ctx, w, "Passphrase of the backup: ")
		if err != nil {
			return err
		}
		err = m.end(b.Unlock(ctx, pass, m.show))
		if err == nil || !errors.Is(err, vault.ErrPassphrase) || try == tries {
			return err
		}
		fmt.Fprintln(w, "That is not it.")
	}
}

// meter shows on a terminal how far long work has come.
type meter struct {
	w    io.Writer
	what string
	on   bool
	last time.Time // when it was drawn
}

// meterEvery is how often it is drawn; work that is shorter shows none.
const meterEvery = 200 * time.Millisecond

func newMeter(w io.Writer, what string) *meter {
	f, ok := w.(*os.File)
	return &meter{w: w, what: what, on: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

func (m *meter) show(done, of int64) {
	if m.on && time.Since(m.last) > meterEvery {
		m.last = time.Now()
		fmt.Fprintf(m.w, "\r%s: %d %%", m.what, 100*done/max(of, 1))
	}
}

// end clears the meter away and returns err.
func (m *meter) end(err error) error {
	if m.on {
		fmt.Fprintf(m.w, "\r%*s\r", len(m.what)+len(": 100 %"), "")
	}
	return err
}
