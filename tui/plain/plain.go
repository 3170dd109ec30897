// Package plain is line mode: what one types comes in as lines, and every
// event goes out as one. People with screen readers, scripts and tests use it,
// so its lines are a promise; package record has them.
package plain

import (
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

	// maxBurst bounds the events that are printed before the next line of
	// input has its turn, and before the reader sees them.
	maxBurst = 256

	// lastTime is how long the end of the input waits for each next event of
	// what it had committed.
	lastTime = 2 * time.Second
)

// client is what plain mode uses of *messenger.Messenger; tests pass a fake.
type client interface {
	Events() <-chan messenger.Event
	Self() messenger.Self
	Submit(ctx context.Context, chat messenger.Chat, text string) <-chan messenger.Result
	Find(ctx context.Context, chat messenger.Chat, n int, fits func(messenger.Message) bool) (messenger.Message, error)
	Reply(ctx context.Context, chat messenger.Chat, to messenger.Ref, text string) (messenger.Message, error)
	React(ctx context.Context, chat messenger.Chat, to messenger.Ref, emoji string) (messenger.Message, error)
	Correct(ctx context.Context, chat messenger.Chat, id messenger.MessageID, text string) (messenger.Message, error)
	Unsend(ctx context.Context, chat messenger.Chat, id messenger.MessageID) (messenger.Message, error)
	History(ctx context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error)
	Search(ctx context.Context, query string, before int64, n int) (messenger.Found, error)
	After(ctx context.Context, row int64, n int) ([]messenger.Message, error)
	Message(ctx context.Context, chat messenger.Chat, from identity.ID, id messenger.MessageID) (messenger.Message, bool, error)
	People(ctx context.Context) ([]messenger.Person, error)
	Person(ctx context.Context, id identity.ID) (messenger.Person, error)
	Resolve(ctx context.Context, name string) (messenger.Person, error)
	Mute(ctx context.Context, chat messenger.Chat, until int64) error
	Chats(ctx context.Context) ([]messenger.ChatInfo, error)
	DeleteChat(ctx context.Context, chat messenger.Chat) error
	Retain(ctx context.Context, chat messenger.Chat, keep time.Duration) error
	SetName(ctx context.Context, name string) error
	SetPetname(ctx context.Context, id identity.ID, name string) error
	Outbox(ctx context.Context) ([]messenger.Waiting, error)
	Cancel(ctx context.Context, chat messenger.Chat, id messenger.MessageID) error
	Retry(ctx context.Context, to identity.ID) error
	Net(ctx context.Context) (messenger.Net, error)
	Add(ctx context.Context, address, petname string) (messenger.Person, error)
	Invite(ctx context.Context) (messenger.Invitation, error)
	Invitations(ctx context.Context) ([]messenger.Invitation, error)
	Revoke(ctx context.Context, text string) error
	Accept(ctx context.Context, id identity.ID) error
	Block(ctx context.Context, id identity.ID) error
	Unblock(ctx context.Context, id identity.ID) error
	Verify(ctx context.Context, id identity.ID, verified bool) error
	Export(ctx context.Context, path string, passphrase []byte, progress func(done, of int64)) error
}

// Options configures line mode. A zero field means its default.
type Options struct {
	JSON bool
	Now  func() time.Time // time.Now

	// Open opens a link on the screen before which the user sits; nil: there
	// is none, and a link is only told.
	Open func(ctx context.Context, target string) error
}

// session is one run of line mode.
type session struct {
	client  client
	opts    Options
	out     *record.Writer
	chat    messenger.Chat
	waiting []<-chan messenger.Result                 // submitted, oldest first
	ready   bool                                      // the engine has said that it is
	unsent  int                                       // submitted and committed, but not told as sent yet
	base    int64                                     // row of the newest message at the start: nobody is told of it
	seen    int64                                     // row of the newest message told
	first   int64                                     // row of the first own message of this run; 0 before it
	open    map[messenger.MessageID]messenger.Message // own messages whose state may still change, without their texts
	near    map[identity.ID]messenger.Path            // who was told to be here
	people  map[identity.ID]messenger.Person          // what was told of people last
	gaps    map[identity.ID]*gap                      // which of their messages are missing
	quit    bool

	exporting <-chan exported // tells what came of the backup that is being made; nil: none is
}

func newSession(c client, out io.Writer, opts Options) *session {
	return &session{
		client: c,
		opts:   opts,
		out:    record.NewWriter(out, opts.JSON),
		open:   make(map[messenger.MessageID]messenger.Message),
		near:   make(map[identity.ID]messenger.Path),
		people: make(map[identity.ID]messenger.Person),
		gaps:   make(map[identity.ID]*gap),
	}
}

// Run reads lines from in and prints events to out until in ends or /quit;
// then it waits for the commit of what was read. The end of ctx ends it at
// once: what was not told as sent by then may not be.
func Run(ctx context.Context, c client, in io.Reader, out io.Writer, opts Options) error {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := newSession(c, out, opts)
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if s.exporting != nil {
			<-s.exporting // so that it leaves nothing half made
		}
	}()
	if err := s.begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	lines, readErr := readLines(ctx, in)
	for !s.quit {
		accept := lines
		if len(s.waiting) >= maxWaiting {
			accept = nil
		}
		select {
		case l, ok := <-accept:
			if ok {
				s.take(ctx, l)
			} else {
				s.quit = true
			}
		case r := <-s.oldest():
			s.settle(r)
		case e := <-s.exporting:
			s.tellExported(e)
		case ev := <-c.Events():
			s.tell(ctx, ev)
		case <-ctx.Done():
			s.quit = true
		}
		if err := s.out.Flush(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if err := s.finish(ctx); err != nil {
		return err
	}
	select {
	case err := <-readErr:
		return err
	default:
		return nil
	}
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
		s.fail(r.Err)
		return
	}
	s.unsent++
}

// finish waits for what was submitted, and for the events that tell of it: of
// what the engine has to say at its start, too.
func (s *session) finish(ctx context.Context) error {
	last := time.NewTimer(lastTime)
	defer last.Stop()
	for len(s.waiting) > 0 || s.unsent > 0 || !s.ready || s.exporting != nil {
		select {
		case r := <-s.oldest():
			s.settle(r)
			last.Reset(lastTime)
		case e := <-s.exporting:
			s.tellExported(e)
			last.Reset(lastTime)
		case ev := <-s.client.Events():
			s.tell(ctx, ev)
			last.Reset(lastTime)
		case <-last.C:
			if len(s.waiting) == 0 && s.exporting == nil {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
		if err := s.out.Flush(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
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
func (s *session) take(ctx context.Context, l line) {
	if l.tooLong {
		s.fail(messenger.ErrTooLong)
		return
	}
	cmd, err := command.Parse(l.text)
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
