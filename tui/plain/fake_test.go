package plain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
)

// fake is an engine with the store of a slice. Texts are committed when the
// test says so, or at once.
type fake struct {
	events chan messenger.Event
	self   messenger.Self
	people []messenger.Person

	mu       sync.Mutex
	chats    []messenger.ChatInfo
	rows     []messenger.Message // row n is at n-1
	held     []func()            // commits that wait, if hold
	hold     bool
	untold   []messenger.Event
	most     int // submissions that waited at a time
	petnames map[identity.ID]string
	retried  []identity.ID
	failWith error
}

var start = time.Date(2026, 11, 20, 14, 2, 9, 0, time.UTC)

func newFake() *fake {
	self, bob := identity.ID{1}, identity.ID{2}
	return &fake{
		events: make(chan messenger.Event),
		self:   messenger.Self{ID: self, Name: "ann", Tag: "aaaa", Addrs: []string{"/ip4/10.0.0.1/tcp/4001"}},
		people: []messenger.Person{
			{ID: bob, Name: "bob", Claimed: "bob", Tag: "bbbb", Path: messenger.PathLAN},
			{ID: identity.ID{3}, Name: "eve", Claimed: "eve", Tag: "eeee", Contact: true, LastSeen: start.UnixMilli()},
		},
		petnames: make(map[identity.ID]string),
	}
}

// add puts a message into the store.
func (f *fake) add(m messenger.Message) messenger.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	m.Row = int64(len(f.rows) + 1)
	m.ID[0], m.ID[1] = byte(m.Row>>8), byte(m.Row)
	m.Sent = start
	f.rows = append(f.rows, m)
	return m
}

// set changes the state of the message in row.
func (f *fake) set(row int64, state messenger.State, acked, addressed int) messenger.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &f.rows[row-1]
	m.State, m.Acked, m.Addressed = state, acked, addressed
	return *m
}

func (f *fake) mine(chat messenger.Chat, text string) messenger.Message {
	return f.add(messenger.Message{Chat: chat, From: f.self.ID, Mine: true, State: messenger.StateQueued, Text: text})
}

func (f *fake) theirs(chat messenger.Chat, text string) messenger.Message {
	return f.add(messenger.Message{Chat: chat, From: f.people[0].ID, State: messenger.StateReceived, Path: messenger.PathLAN, Text: text})
}

// commit lets the oldest n texts that wait be committed.
func (f *fake) commit(n int) {
	f.mu.Lock()
	do := f.held[:n]
	f.held = f.held[n:]
	f.mu.Unlock()
	for _, d := range do {
		d()
	}
}

// tell tells ev behind what waits to be told already.
func (f *fake) tell(ctx context.Context, ev messenger.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.untold = append(f.untold, ev)
	if len(f.untold) > 1 {
		return // somebody is at it
	}
	go func() {
		for next := ev; ; {
			select {
			case f.events <- next:
			case <-ctx.Done():
				return
			}
			f.mu.Lock()
			f.untold = f.untold[1:]
			done := len(f.untold) == 0
			if !done {
				next = f.untold[0]
			}
			f.mu.Unlock()
			if done {
				return
			}
		}
	}()
}

func (f *fake) Events() <-chan messenger.Event { return f.events }
func (f *fake) Self() messenger.Self           { return f.self }

func (f *fake) Submit(ctx context.Context, chat messenger.Chat, text string) <-chan messenger.Result {
	result := make(chan messenger.Result, 1)
	switch {
	case f.failWith != nil:
		result <- messenger.Result{Err: f.failWith}
		return result
	case len(text) > messenger.MaxText:
		result <- messenger.Result{Err: messenger.ErrTooLong}
		return result
	}
	do := func() {
		m := f.mine(chat, text)
		result <- messenger.Result{Message: m}
		f.tell(ctx, messenger.MessageSent{Message: m})
	}
	if f.hold {
		f.mu.Lock()
		f.held = append(f.held, do)
		f.most = max(f.most, len(f.held))
		f.mu.Unlock()
	} else {
		do()
	}
	return result
}

func (f *fake) History(_ context.Context, chat messenger.Chat, _ messenger.Cursor, n int) ([]messenger.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var in []messenger.Message
	for _, m := range f.rows {
		if m.Chat == chat && m.Kind == messenger.KindText {
			in = append(in, m)
		}
	}
	return in[max(0, len(in)-n):], nil
}

func (f *fake) After(ctx context.Context, row int64, n int) ([]messenger.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	from := min(int(row), len(f.rows))
	return slices.Clone(f.rows[from:min(from+n, len(f.rows))]), nil
}

func (f *fake) Message(_ context.Context, chat messenger.Chat, from identity.ID, id messenger.MessageID) (messenger.Message, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.rows {
		if m.Chat == chat && m.From == from && m.ID == id {
			return m, true, nil
		}
	}
	return messenger.Message{}, false, nil
}

func (f *fake) People(context.Context) ([]messenger.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.people), nil
}

func (f *fake) Person(_ context.Context, id identity.ID) (messenger.Person, error) {
	for _, p := range f.people {
		if p.ID == id {
			return p, nil
		}
	}
	return messenger.Person{}, &messenger.UnknownPersonError{Name: id.String()}
}

func (f *fake) Resolve(_ context.Context, name string) (messenger.Person, error) {
	for _, p := range f.people {
		if p.Name == name {
			return p, nil
		}
	}
	return messenger.Person{}, &messenger.UnknownPersonError{Name: name}
}

func (f *fake) SetName(_ context.Context, name string) error {
	if name == "!" {
		return fmt.Errorf("%q is no name", name)
	}
	f.self.Name = name
	return nil
}

func (f *fake) SetPetname(_ context.Context, id identity.ID, name string) error {
	f.petnames[id] = name
	return nil
}

func (f *fake) Outbox(context.Context) ([]messenger.Waiting, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var waiting []messenger.Waiting
	for _, m := range f.rows {
		if m.Mine && !m.Chat.IsRoom() && m.State == messenger.StateQueued {
			waiting = append(waiting, messenger.Waiting{Message: m, Why: "no mailbox node reachable"})
		}
	}
	return waiting, nil
}

func (f *fake) Cancel(_ context.Context, chat messenger.Chat, id messenger.MessageID) error {
	for _, m := range f.rows {
		if m.Chat == chat && m.ID == id {
			f.set(m.Row, messenger.StateFailed, 0, 1)
			return nil
		}
	}
	return errors.New("not there")
}

func (f *fake) Retry(_ context.Context, to identity.ID) error {
	f.retried = append(f.retried, to)
	return nil
}

func (f *fake) Net(context.Context) (messenger.Net, error) {
	return messenger.Net{Addrs: f.self.Addrs, Links: 1, BytesIn: 300, BytesOut: 400}, nil
}

func (f *fake) Add(_ context.Context, address, petname string) (messenger.Person, error) {
	if !strings.HasPrefix(address, "/ip4/") {
		return messenger.Person{}, &messenger.AddressError{Text: "no address", Next: "write one"}
	}
	return messenger.Person{ID: identity.ID{9}, Name: cmp.Or(petname, "zoe"), Tag: "zzzz", Addrs: []string{address}}, nil
}

func (f *fake) Invite(context.Context) (messenger.Invitation, error) {
	return messenger.Invitation{Text: "dione:abc", QR: "DIONE:ABC", Expires: start}, nil
}

func (f *fake) Invitations(ctx context.Context) ([]messenger.Invitation, error) {
	inv, err := f.Invite(ctx)
	return []messenger.Invitation{inv}, err
}

func (f *fake) Revoke(_ context.Context, text string) error {
	if text != "dione:abc" {
		return messenger.ErrNoInvitation
	}
	return nil
}

// change sets something about a person and tells of it.
func (f *fake) change(ctx context.Context, id identity.ID, set func(*messenger.Person)) error {
	for i := range f.people {
		if p := &f.people[i]; p.ID == id {
			set(p)
			f.tell(ctx, messenger.PersonChanged{Person: *p})
		}
	}
	return nil
}

func (f *fake) Accept(ctx context.Context, id identity.ID) error {
	return f.change(ctx, id, func(p *messenger.Person) { p.Standing = messenger.StandingAccepted })
}

func (f *fake) Chats(context.Context) ([]messenger.ChatInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chats, nil
}

func (f *fake) DeleteChat(ctx context.Context, chat messenger.Chat) error {
	f.tell(ctx, messenger.ChatErased{Info: messenger.ChatInfo{Chat: chat}, N: 3, Whole: true})
	return nil
}

func (f *fake) Retain(ctx context.Context, chat messenger.Chat, keep time.Duration) error {
	f.mu.Lock()
	f.chats = []messenger.ChatInfo{{Chat: chat, Keep: keep}}
	f.mu.Unlock()
	f.tell(ctx, messenger.ChatRetained{Info: messenger.ChatInfo{Chat: chat, Keep: keep}})
	return nil
}

func (f *fake) Mute(ctx context.Context, chat messenger.Chat, until int64) error {
	f.tell(ctx, messenger.ChatMuted{Info: messenger.ChatInfo{Chat: chat, MutedUntil: until}})
	return nil
}

func (f *fake) Block(ctx context.Context, id identity.ID) error {
	return f.change(ctx, id, func(p *messenger.Person) { p.Standing = messenger.StandingBlocked })
}

func (f *fake) Unblock(ctx context.Context, id identity.ID) error {
	return f.change(ctx, id, func(p *messenger.Person) { p.Standing = messenger.StandingMet })
}

func (f *fake) Verify(ctx context.Context, id identity.ID, verified bool) error {
	return f.change(ctx, id, func(p *messenger.Person) { p.Verified = verified })
}

// Search finds the texts that hold query, the newest first.
func (f *fake) Search(_ context.Context, query string, _ int64, n int) (found messenger.Found, err error) {
	if query == "" {
		return found, errors.New("there is nothing to look for")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.rows) - 1; i >= 0; i-- {
		m := f.rows[i]
		at := strings.Index(m.Text, query)
		switch {
		case at < 0:
		case len(found.Hits) == n:
			found.Next = found.Hits[n-1].Message.Row
			return found, nil
		default:
			found.Hits = append(found.Hits, messenger.Hit{Message: m, Marks: []messenger.Mark{{From: at, To: at + len(query)}}})
		}
	}
	return found, nil
}

func (f *fake) Export(_ context.Context, path string, passphrase []byte, _ func(done, of int64)) error {
	if string(passphrase) == "" {
		return messenger.ErrOpenBackup
	}
	return os.WriteFile(path, passphrase, 0o600)
}

func (f *fake) Find(ctx context.Context, chat messenger.Chat, n int, fits func(messenger.Message) bool) (messenger.Message, error) {
	msgs, err := f.History(ctx, chat, messenger.Cursor{}, 1000)
	for _, m := range slices.Backward(msgs) {
		if m.Kind == messenger.KindText && fits(m) {
			if n--; n == 0 {
				return m, err
			}
		}
	}
	return messenger.Message{}, messenger.ErrNoMessage
}

func (f *fake) Reply(ctx context.Context, chat messenger.Chat, to messenger.Ref, text string) (messenger.Message, error) {
	m := f.add(messenger.Message{
		Chat: chat, From: f.self.ID, Mine: true, State: messenger.StateQueued, Text: text, Target: to, ReplyTo: &messenger.Quote{Ref: to},
	})
	f.tell(ctx, messenger.MessageSent{Message: m})
	return m, nil
}

// does has the user change a message.
func (f *fake) does(ctx context.Context, kind messenger.Kind, chat messenger.Chat, of messenger.Ref, text string) (messenger.Message, error) {
	m := f.add(messenger.Message{Chat: chat, From: f.self.ID, Mine: true, State: messenger.StateQueued, Kind: kind, Target: of, Text: text})
	f.tell(ctx, messenger.MessageChanged{Change: m})
	return m, nil
}

func (f *fake) React(ctx context.Context, chat messenger.Chat, to messenger.Ref, emoji string) (messenger.Message, error) {
	if len(emoji) > 8 {
		return messenger.Message{}, messenger.ErrReaction
	}
	return f.does(ctx, messenger.KindReaction, chat, to, emoji)
}

func (f *fake) Correct(ctx context.Context, chat messenger.Chat, id messenger.MessageID, text string) (messenger.Message, error) {
	return f.does(ctx, messenger.KindCorrection, chat, messenger.Ref{ID: id, From: f.self.ID}, text)
}

func (f *fake) Unsend(ctx context.Context, chat messenger.Chat, id messenger.MessageID) (messenger.Message, error) {
	return f.does(ctx, messenger.KindDeletion, chat, messenger.Ref{ID: id, From: f.self.ID}, "")
}
