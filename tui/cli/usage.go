package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a command line that cannot be understood.
type usageError struct {
	error
	hint string // ""; says where to read on
}

func (e usageError) Unwrap() error { return e.error }

// Hint is the next step.
func (e usageError) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	return "dione --help tells how it is written"
}

// asUsage makes a usageError of err, unless it is one.
func asUsage(err error) error {
	var usage usageError
	if errors.As(err, &usage) {
		return err
	}
	return usageError{error: err}
}

// flagError says in words what pflag found.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError{error: err}
	}
	what := "is not what it takes"
	switch invalid.GetFlag().Value.Type() {
	case "bool":
		what = "is neither true nor false"
	case "duration":
		what = "is no time, such as 30s or 5m"
	case "int":
		what = "is no number"
	}
	return usageError{error: fmt.Errorf("--%s: %q %s", invalid.GetFlag().Name, invalid.GetValue(), what)}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{error: fmt.Errorf("%s takes no %q", cmd.CommandPath(), args[0])}
	}
	return nil
}

// noCommand refuses what follows root and is none of its commands.
func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean dione " + near[0] + "?"
	}
	return usageError{fmt.Errorf("no command is called %q", args[0]), hint}
}

// noTopic refuses what is no command that help could explain.
func noTopic(root *cobra.Command, args []string) error {
	_, rest, err := root.Find(args)
	if err != nil || len(rest) == 0 {
		return err
	}
	return noCommand(root, rest)
}
