package swarm

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isTaken reports whether err says that another program, or Windows itself,
// has the port.
func isTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

// isRefused reports whether err says that a living host has nobody listening.
func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
