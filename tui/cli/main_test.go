package cli_test

import (
	"fmt"
	"os"
	"testing"

	"dione/tui/cli"
)

// beDione makes the test binary the program, so that its commands can be run
// without building it.
const beDione = "TEST_BINARY_IS_DIONE"

func TestMain(m *testing.M) {
	if os.Getenv(beDione) != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	if os.Getenv(beClient) != "" {
		if err := runClient(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
