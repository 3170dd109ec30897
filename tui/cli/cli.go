// Package cli is the command line: it reads the settings, opens the profile,
// starts the engine and the screen or line mode on it, and turns every error
// into words, a next step and an exit code.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"

	"dione/store"
	"dione/tui/config"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitLate   = 3
	exitInUse  = 4
)

// Main runs dione with the given arguments and returns its exit code.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals...)
	defer stop()
	// A second signal finds the default again and kills.
	context.AfterFunc(ctx, stop)

	root := newRoot()
	root.SetArgs(args)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { report(os.Stderr, help(ctx, cmd)) })
	// What fails before a command begins is the command line, whoever says so.
	begun := false
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	err := root.ExecuteContext(ctx)
	if err != nil && !begun {
		err = asUsage(err)
	}
	report(os.Stderr, err)
	return exitCode(err)
}

// help shows a command's page. Only that is left to fang: it asks the terminal
// for its colours, and a terminal that does not answer would hold up, and
// stain, what has to be told when something fails.
func help(ctx context.Context, cmd *cobra.Command) error {
	root := newRoot()
	root.SetArgs(append(strings.Fields(cmd.CommandPath())[1:], "--help"))
	return fang.Execute(ctx, root, fang.WithoutVersion(), fang.WithoutManpage())
}

// errReported is an error that has been told already.
var errReported = errors.New("reported")

func exitCode(err error) int {
	var usage usageError
	var setting *config.Error
	var inUse *store.InUseError
	var late *lateError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage), errors.As(err, &setting):
		return exitUsage
	case errors.As(err, &late):
		return exitLate
	case errors.As(err, &inUse):
		return exitInUse
	}
	return exitFailed
}

// report tells on w what failed, and the next step.
func report(w io.Writer, err error) {
	if err == nil || errors.Is(err, errReported) {
		return
	}
	fmt.Fprintf(w, "dione: %v\n", err)
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		fmt.Fprintf(w, "hint: %s\n", h.Hint())
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dione",
		Short: "Chat with whoever is near, end-to-end encrypted, without a server",
		Long: "dione opens the chat. It finds the people of your network by itself; what is written\n" +
			"goes to them over authenticated, encrypted links, and is kept encrypted on this disk.",
		Version:       version().String(),
		SilenceErrors: true, // Main reports them
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          withConfig(runChat),
	}
	config.AddFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	root.AddCommand(
		&cobra.Command{Use: "id", Short: "Who you are and where you can be reached", Args: noArgs, RunE: withConfig(runID)},
		&cobra.Command{Use: "peers", Short: "The people you know, and who is near", Args: noArgs, RunE: withConfig(runPeers)},
		historyCommand(),
		searchCommand(),
		addCommand(),
		inviteCommand(),
		sendCommand(),
		tailCommand(),
		nodeCommand(),
		passphraseCommand(),
		exportCommand(),
		importCommand(),
		&cobra.Command{Use: "doctor", Short: "What works, what does not, and what to do about it", Args: noArgs, RunE: withConfig(runDoctor)},
		completionCommand(),
		manCommand(),
		&cobra.Command{Use: "version", Short: "Version, commit, Go, protocol", Args: noArgs, RunE: runVersion},
	)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Args = func(_ *cobra.Command, args []string) error { return noTopic(root, args) }
		}
	}
	addCompletions(root)
	return root
}

// withConfig gives a command the settings.
func withConfig(run func(context.Context, *cobra.Command, config.Config, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cfg, err := config.Load(cmd.Flags(), os.LookupEnv)
		if err != nil {
			return err
		}
		return run(cmd.Context(), cmd, cfg, args)
	}
}
