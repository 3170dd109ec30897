//go:build unix

package cli

import (
	"os"
	"syscall"
)

// endSignals end the program in an orderly way.
var endSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
