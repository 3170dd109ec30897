package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/record"
)

const (
	maxMessages = 1_000_000 // of one answer
	pageSize    = 500
)

// MaxWait is how long the answer to Send waits at most.
const MaxWait = 30 * 24 * time.Hour

// The requests.
const (
	ID      = "id"
	Peers   = "peers"
	History = "history"
	Net     = "net"
	Search  = "search"

	Add         = "add"
	Invite      = "invite"
	Invitations = "invitations"
	Revoke      = "revoke"

	Send = "send"
	Tail = "tail"

	Export = "export"
)

// addTime is how long an answer to Add waits to see whether the new contact is
// reached, lookEvery how often it looks.
const addTime, lookEvery = 12 * time.Second, 50 * time.Millisecond

// Request is a question.
type Request struct {
	What string        `json:"what"`           // one of the requests
	Peer string        `json:"peer,omitempty"` // of History and Send: "#lan" or a NAME
	N    int           `json:"n,omitempty"`    // of History and Search: how many of the newest
	Text string        `json:"text,omitempty"` // of Add: an address or an invitation; of Revoke: an invitation; of Send; of Search: a query; of Export: where the file is to be
	As   string        `json:"as,omitempty"`   // of Add: a petname
	For  string        `json:"for,omitempty"`  // of Send: the state that is waited for
	Time time.Duration `json:"time,omitempty"` // of Send: for how long; 0: as long as it takes

	Secret []byte `json:"secret,omitempty"` // of Export: the passphrase of the backup
}

// streams reports whether answers come as things happen.
func (r Request) streams() bool { return r.What == Send || r.What == Tail || r.What == Export }

// parseRequest reads what another process asks.
func parseRequest(line []byte) (req Request, err error) {
	if err := json.Unmarshal(line, &req); err != nil {
		return Request{}, fmt.Errorf("control: no request: %w", err)
	}
	if req.N < 0 {
		return Request{}, fmt.Errorf("control: %d messages cannot be shown", req.N)
	}
	if req.Time < 0 || req.Time > MaxWait {
		return Request{}, fmt.Errorf("control: nobody waits for %v", req.Time)
	}
	return req, nil
}

// Engine is what questions are answered from; *messenger.Messenger is one.
type Engine interface {
	Self() messenger.Self
	People(ctx context.Context) ([]messenger.Person, error)
	Resolve(ctx context.Context, name string) (messenger.Person, error)
	History(ctx context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error)
	Search(ctx context.Context, query string, before int64, n int) (messenger.Found, error)
	Net(ctx context.Context) (messenger.Net, error)
	Person(ctx context.Context, id identity.ID) (messenger.Person, error)
	Add(ctx context.Context, address, petname string) (messenger.Person, error)
	Invite(ctx context.Context) (messenger.Invitation, error)
	Invitations(ctx context.Context) ([]messenger.Invitation, error)
	Revoke(ctx context.Context, text string) error

	Send(ctx context.Context, chat messenger.Chat, text string) (messenger.Message, error)
	Message(ctx context.Context, chat messenger.Chat, from identity.ID, id messenger.MessageID) (messenger.Message, bool, error)
	After(ctx context.Context, row int64, n int) ([]messenger.Message, error)
	Newest(ctx context.Context) (row int64, err error)
	Changed() <-chan struct{}

	Export(ctx context.Context, path string, passphrase []byte, progress func(done, of int64)) error
}

// Answer gives every record that answers req to tell. A nil record says that
// nothing more is known now: what was told is to be handed out.
func Answer(ctx context.Context, r Engine, req Request, tell func(any) error) error {
	switch req.What {
	case ID:
		return tell(record.ReadyOf(r.Self()))
	case Peers:
		people, err := r.People(ctx)
		for _, p := range people {
			if err := tell(record.PersonOf(p)); err != nil {
				return err
			}
		}
		return err
	case History:
		return history(ctx, r, req, tell)
	case Search:
		return search(ctx, r, req, tell)
	case Net:
		n, err := r.Net(ctx)
		if err != nil {
			return err
		}
		return tell(record.NetOf(n))
	case Add:
		p, err := add(ctx, r, req)
		if err != nil {
			return err
		}
		return tell(record.PersonOf(p))
	case Invite:
		inv, err := r.Invite(ctx)
		if err != nil {
			return err
		}
		return tell(record.InvitationOf(inv))
	case Invitations:
		open, err := r.Invitations(ctx)
		for _, inv := range open {
			if err := tell(record.InvitationOf(inv)); err != nil {
				return err
			}
		}
		return err
	case Revoke:
		err := r.Revoke(ctx, req.Text)
		if errors.Is(err, messenger.ErrNoInvitation) {
			return lineError{err, "dione invite --list shows those that are"}
		}
		return err
	case Send:
		return send(ctx, r, req, tell)
	case Tail:
		return tail(ctx, r, tell)
	case Export:
		return export(ctx, r, req, tell)
	}
	return fmt.Errorf("control: no request is called %q", req.What)
}

// add makes somebody a contact and waits a while for what comes of the dial: a
// link and what the other side says to it, or why there is none.
func add(ctx context.Context, r Engine, req Request) (messenger.Person, error) {
	p, err := r.Add(ctx, req.Text, req.As)
	if err != nil {
		return p, err
	}
	limit := time.NewTimer(addTime)
	defer limit.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for len(p.Addrs) > 0 && !p.Welcome && !p.Pending && p.Problem == "" {
		select {
		case <-look.C:
		case <-limit.C:
			return p, nil
		case <-ctx.Done():
			return p, ctx.Err()
		}
		if p, err = r.Person(ctx, p.ID); err != nil {
			return p, err
		}
	}
	return p, nil
}

// lineError is an error with the next step on a command line, where /who and
// the like are none.
type lineError struct {
	error
	hint string
}

func (e lineError) Unwrap() error { return e.error }
func (e lineError) Hint() string  { return e.hint }

// chatOf returns the chat that "#lan" or a NAME means.
func chatOf(ctx context.Context, r Engine, name string) (messenger.Chat, error) {
	if name == messenger.Room.String() {
		return messenger.Room, nil
	}
	p, err := r.Resolve(ctx, name)
	return messenger.Chat{Peer: p.ID}, named(err)
}

// named gives an error of a name the hint that helps on a command line.
func named(err error) error {
	var unknown *messenger.UnknownPersonError
	if errors.As(err, &unknown) {
		return lineError{err, "dione peers lists the people you know"}
	}
	return err
}

func history(ctx context.Context, r Engine, req Request, tell func(any) error) error {
	chat, err := chatOf(ctx, r, req.Peer)
	if err != nil {
		return err
	}
	people, err := r.People(ctx)
	if err != nil {
		return err
	}
	// Pages come newest first, and are told oldest first.
	var pages [][]messenger.Message
	before := messenger.Cursor{}
	for left := min(req.N, maxMessages); left > 0; {
		page, err := r.History(ctx, chat, before, min(left, pageSize))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		pages = append(pages, page)
		before = messenger.Cursor{Pos: page[0].Pos, Row: page[0].Row}
		left -= len(page)
	}
	names := record.NamesOf(r.Self(), people)
	for i := len(pages) - 1; i >= 0; i-- {
		for _, m := range pages[i] {
			if err := tell(names.History(m)); err != nil {
				return err
			}
		}
	}
	return nil
}

// search tells the newest messages that fit first.
func search(ctx context.Context, r Engine, req Request, tell func(any) error) error {
	people, err := r.People(ctx)
	if err != nil {
		return err
	}
	names := record.NamesOf(r.Self(), people)
	place := int64(0)
	for left := min(req.N, maxMessages); left > 0; {
		found, err := r.Search(ctx, req.Text, place, min(left, pageSize))
		if err != nil {
			return named(err)
		}
		for _, h := range found.Hits {
			if err := tell(names.Hit(h)); err != nil {
				return err
			}
		}
		if place = found.Next; place == 0 {
			break
		}
		left -= len(found.Hits)
	}
	return nil
}
