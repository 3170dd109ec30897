package cli_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"dione/tui/cli"
)

// TestMain lets the test binary be the program, so that its commands can be
// run without building it: it lies as dione in the PATH of the tests.
func TestMain(m *testing.M) {
	if os.Getenv(beClient) != "" {
		if err := runClient(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testscript.Main(m, map[string]func(){"dione": func() { os.Exit(cli.Main(os.Args[1:])) }})
}
