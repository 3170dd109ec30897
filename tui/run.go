package tui

import (
	"context"
	"errors"
	"fmt"
	"sync"

	tea "charm.land/bubbletea/v2"

	"dione/net/messenger"
)

// maxBurst bounds the events that the screen takes at a time.
const maxBurst = 512

// Run shows the screen until the user leaves or ctx ends, and leaves the
// terminal as it was.
func Run(ctx context.Context, c client, opts Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := tea.NewProgram(newModel(c, opts), tea.WithContext(ctx), tea.WithoutSignalHandler())
	var pumping sync.WaitGroup
	pumping.Go(func() { pump(ctx, c.Events(), p.Send) })
	_, err := p.Run()
	cancel()
	pumping.Wait()
	if errors.Is(err, tea.ErrProgramKilled) && errors.Is(err, context.Canceled) {
		return nil // ctx has ended
	}
	if err != nil {
		return fmt.Errorf("show the screen: %w", err)
	}
	return nil
}

// pump hands events to the program: the first at once, and what has come
// meanwhile together with it.
func pump(ctx context.Context, events <-chan messenger.Event, send func(tea.Msg)) {
	for {
		var burst eventsMsg
		select {
		case ev := <-events:
			burst = append(burst, ev)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(burst) < maxBurst; {
			select {
			case ev := <-events:
				burst = append(burst, ev)
			default:
				more = false
			}
		}
		send(burst)
	}
}
