package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const (
	// Variable is the environment variable in which a program is given the
	// words of a notice.
	Variable = "DIONE_NOTICE"

	// runTime bounds how long it may take.
	runTime = 10 * time.Second
)

// Run runs the user's program with its arguments, and waits for its end. There
// is no shell, and the words are no argument: nothing in them can be an option
// or a command. It has no terminal to write to.
func Run(ctx context.Context, program []string, words string) error {
	if len(program) == 0 {
		return errors.New("no notice-command is set")
	}
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], program[1:]...)
	cmd.Env = append(os.Environ(), Variable+"="+plain(words))
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil && err != nil:
		return fmt.Errorf("notice-command: %s did not end within %v", program[0], runTime)
	case err != nil:
		return fmt.Errorf("notice-command: %w", err)
	}
	return nil
}
