package secure

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// The wait after an accept that failed, as after too many open files.
const minAcceptWait, maxAcceptWait = 5 * time.Millisecond, time.Second

// Accept gives each connection that comes to serve, which must not block, until
// ctx ends; ln is closed then. It outlives every other error: a process that is
// out of files today has some tomorrow.
func Accept(ctx context.Context, ln net.Listener, log *slog.Logger, serve func(raw net.Conn)) {
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	wait := minAcceptWait
	for ctx.Err() == nil {
		raw, err := ln.Accept()
		if err == nil {
			wait = minAcceptWait
			serve(raw)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if wait == minAcceptWait || wait == maxAcceptWait {
			log.LogAttrs(ctx, slog.LevelWarn, "accept failed", slog.Any("error", err))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, maxAcceptWait)
	}
}
