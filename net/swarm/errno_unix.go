//go:build !windows

package swarm

import (
	"errors"
	"syscall"
)

// isTaken reports whether err says that another program has the port.
func isTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// isRefused reports whether err says that a living host has nobody listening.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
