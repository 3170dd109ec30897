package tui

import (
	"context"
	"errors"
	"fmt"
	"sync"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// maxBurst bounds the events that the screen takes at a time, so that keys are
// never far behind them.
const maxBurst = 512

// Run shows the screen until the user leaves or ctx ends, and leaves the
// terminal as it found it. Signals are the caller's: it ends ctx.
func Run(ctx context.Context, c client, opts Options) error {
	return run(ctx, c, opts, tea.WithoutSignalHandler())
}

func run(ctx context.Context, c client, opts Options, how ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	p := tea.NewProgram(newModel(c, opts), how...)
	var running sync.WaitGroup
	running.Go(func() { pump(ctx, c.Events(), p.Send) })
	running.Go(func() {
		<-ctx.Done()
		p.Quit()
	})
	last, err := p.Run()
	cancel()
	running.Wait()
	if err != nil {
		err = fmt.Errorf("show the screen: %w", err)
	}
	if m, ok := last.(*model); ok {
		m.edited() // by an editor that outlived the screen
		if kept := m.leave(); kept != nil {
			err = errors.Join(err, fmt.Errorf("keep drafts: %w", kept))
		}
	}
	return err
}

// pump hands events to the program: the first at once, and those that came
// while the program was busy together.
func pump(ctx context.Context, events <-chan messenger.Event, send func(tea.Msg)) {
	bursts := make(chan eventsMsg)
	var sending sync.WaitGroup
	sending.Go(func() {
		for burst := range bursts {
			send(burst)
		}
	})
	defer sending.Wait()
	defer close(bursts)

	var burst eventsMsg
	for {
		in, out := events, bursts
		if len(burst) == 0 {
			out = nil
		}
		if len(burst) >= maxBurst {
			in = nil // the engine keeps what comes, or says that it could not
		}
		select {
		case ev := <-in:
			burst = append(burst, ev)
		case out <- burst:
			burst = nil
		case <-ctx.Done():
			return
		}
	}
}
