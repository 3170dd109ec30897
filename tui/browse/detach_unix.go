//go:build unix

package browse

import (
	"os/exec"
	"syscall"
)

// detach gives the program a session of its own: it has nothing of our
// terminal, not even its end.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
