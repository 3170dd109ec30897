// Package plain is line mode: what one types comes in as lines, and every
// event goes out as one. People with screen readers, scripts and tests use it,
// so its lines are a promise; package record has them.
package plain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/record"
)

const (
	// maxWaiting bounds the lines that are sent and not committed yet.
	maxWaiting = 512

	// maxLine bounds a line of input; a message has MaxText at most.
	maxLine = 1 << 20

	// lastTime is how long the end of the input waits for the events of what
	// it had committed.
	lastTime = 2 * time.Second
)

// client is what plain mode uses of *messenger.Messenger; tests pass a fake.
type client interface {
	Events() <-chan messenger.Event
	Self() messenger.Self
	Submit(ctx context.Context, chat messenger.Chat, text string) <-chan messenger.Result
	History(ctx context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error)
	After(ctx context.Context, row int64, n int) ([]messenger.Message, error)
	Message(ctx context.Context, chat messenger.Chat, from identity.ID, id messenger.MessageID) (messenger.Message, bool, error)
	People(ctx context.Context) ([]messenger.Person, error)
	Person(ctx context.Context, id identity.ID) (messenger.Person, error)
	Resolve(ctx context.Context, name string) (messenger.Person, error)
	SetName(ctx context.Context, name string) error
	SetPetname(ctx context.Context, id identity.ID, name string) error
	Outbox(ctx context.Context) ([]messenger.Message, error)
	Cancel(ctx context.Context, chat messenger.Chat, id messenger.MessageID) error
	Retry(ctx context.Context) error
	Net(ctx context.Context) (messenger.Net, error)
}

// Options configures line mode. A zero field means its default.
type Options struct {
	JSON bool
	Now  func() time.Time // time.Now
}

// session is one run of line mode.
type session struct {
	client  client
	opts    Options
	out     *record.Writer
	chat    messenger.Chat
	waiting []<-chan messenger.Result                 // submitted, oldest first
	unsent  int                                       // submitted and committed, but not told as sent yet
	seen    int64                                     // row of the newest message told
	first   int64                                     // row of the first own message of this run; 0 before it
	open    map[messenger.MessageID]messenger.Message // own messages whose state may still change
	quit    bool
}

// Run reads lines from in and prints events to out until in ends, /quit, or
// ctx ends. What was read until then is committed.
func Run(ctx context.Context, c client, in io.Reader, out io.Writer, opts Options) error {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &session{
		client: c,
		opts:   opts,
		out:    record.NewWriter(out, opts.JSON),
		open:   make(map[messenger.MessageID]messenger.Message),
	}
	lines, readErr := readLines(ctx, in)
	for !s.quit {
		accept := lines
		if len(s.waiting) >= maxWaiting {
			accept = nil
		}
		select {
		case line, ok := <-accept:
			if !ok {
				s.quit = true
				break
			}
			s.take(ctx, line)
		case r := <-s.oldest():
			s.settle(r)
		case ev := <-c.Events():
			s.tell(ctx, ev)
			continue // flush only when nothing more waits
		case <-ctx.Done():
			return s.out.Flush()
		}
		if err := s.out.Flush(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	s.finish(ctx)
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	select {
	case err := <-readErr:
		return err
	default:
		return nil
	}
}

// readLines reads in beside, since a read cannot be given up: the goroutine
// ends with in, or at its next line after ctx.
func readLines(ctx context.Context, in io.Reader) (<-chan string, <-chan error) {
	lines, failed := make(chan string), make(chan error, 1)
	go func() {
		defer close(lines)
		sc := bufio.NewScanner(in)
		sc.Buffer(make([]byte, 0, 64<<10), maxLine)
		for sc.Scan() {
			select {
			case lines <- sc.Text():
			case <-ctx.Done():
				return
			}
		}
		if err := sc.Err(); err != nil {
			failed <- fmt.Errorf("read the input: %w", err)
		}
	}()
	return lines, failed
}

// oldest is the outcome that is due next, nil if none is.
func (s *session) oldest() <-chan messenger.Result {
	if len(s.waiting) == 0 {
		return nil
	}
	return s.waiting[0]
}

func (s *session) settle(r messenger.Result) {
	s.waiting = s.waiting[1:]
	if r.Err != nil {
		s.fail(fmt.Errorf("not sent: %w", r.Err))
		return
	}
	s.unsent++
}

// finish waits for what was submitted, and for the events that tell of it.
func (s *session) finish(ctx context.Context) {
	for len(s.waiting) > 0 {
		select {
		case r := <-s.waiting[0]:
			s.settle(r)
		case ev := <-s.client.Events():
			s.tell(ctx, ev)
		case <-ctx.Done():
			return
		}
	}
	last := time.NewTimer(lastTime)
	defer last.Stop()
	for s.unsent > 0 {
		select {
		case ev := <-s.client.Events():
			s.tell(ctx, ev)
		case <-last.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// print writes one record. What cannot be written shows with the next flush.
func (s *session) print(r record.Record) { _ = s.out.Write(s.opts.Now(), r) }

func (s *session) info(format string, args ...any) {
	s.print(record.Info{Text: fmt.Sprintf(format, args...)})
}

func (s *session) fail(err error) {
	e := record.Error{Text: err.Error()}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		e.Hint = h.Hint()
	}
	s.print(e)
}

// take does what a line says.
func (s *session) take(ctx context.Context, line string) {
	cmd, err := command.Parse(line)
	if err != nil {
		s.fail(err)
		return
	}
	if say, ok := cmd.(command.Say); ok {
		s.submit(ctx, s.chat, say.Text)
		return
	}
	if err := s.carryOut(ctx, cmd); err != nil {
		s.fail(err)
	}
}

func (s *session) submit(ctx context.Context, chat messenger.Chat, text string) {
	if text != "" {
		s.waiting = append(s.waiting, s.client.Submit(ctx, chat, text))
	}
}
