package cli

import (
	"os"
	"syscall"
)

// endSignals end the program in an orderly way; SIGTERM stands for a console
// that is closed.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}
