package browse

import "os/exec"

// detach has nothing to do: rundll32 has no console.
func detach(*exec.Cmd) {}
