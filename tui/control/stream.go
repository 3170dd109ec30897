package control

import (
	"context"
	"fmt"
	"time"

	"dione/net/messenger"
	"dione/tui/record"
)

// This file holds the answers that come as things happen. The rules are:
//   - the store is read again after each commit, so no event is kept for anybody;
//   - a sign of life goes out every few seconds, so that either side soon
//     knows when the other is gone;
//   - only a few are given at a time.

// beatTime is how long an answer may say nothing.
const beatTime = 5 * time.Second

// Reached reports whether a message has come as far as a state or further. One
// that has failed has come nowhere.
func Reached(state, want string) bool {
	far := map[string]int{
		messenger.StateQueued.String():    1,
		messenger.StateStored.String():    2,
		messenger.StateDelivered.String(): 3,
	}
	return far[want] > 0 && far[state] >= far[want]
}

// send writes a message, and tells how far it comes until it has come far
// enough, has failed, or the time is up.
func send(ctx context.Context, r Engine, req Request, tell func(any) error) error {
	if !Reached(messenger.StateDelivered.String(), req.For) {
		return fmt.Errorf("control: no message is ever %q", req.For)
	}
	chat, err := chatOf(ctx, r, req.Peer)
	if err != nil {
		return err
	}
	if err := tell(nil); err != nil { // whoever does not hear of it knows that nothing was done
		return err
	}
	m, err := r.Send(ctx, chat, req.Text)
	if err != nil {
		return err
	}
	if err := tell(record.SentOf(m)); err != nil {
		return err
	}
	if req.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, req.Time)
		defer cancel()
	}
	for told := false; ; {
		changed := r.Changed()
		now, ok, err := r.Message(ctx, chat, m.From, m.ID)
		if err == nil && ok && (!told || now.State != m.State || now.Acked != m.Acked || now.Addressed != m.Addressed) {
			m, told = now, true
			err = tell(record.StateOf(m))
		}
		switch {
		case ctx.Err() != nil:
			return nil // what is known was told
		case err != nil:
			return err
		case m.State == messenger.StateFailed, Reached(m.State.String(), req.For):
			return nil
		}
		if err := wait(ctx, changed, tell); err != nil {
			return err
		}
	}
}

// Tailed is one answer to Tail: one of its fields.
type Tailed struct {
	Message  *record.Message  `json:"message,omitempty"`
	Reaction *record.Reaction `json:"reaction,omitempty"`
	Edited   *record.Edited   `json:"edited,omitempty"`
	Deleted  *record.Deleted  `json:"deleted,omitempty"`
}

// Record returns the field that is set, nil if none is.
func (t Tailed) Record() record.Record {
	switch {
	case t.Message != nil:
		return *t.Message
	case t.Reaction != nil:
		return *t.Reaction
	case t.Edited != nil:
		return *t.Edited
	case t.Deleted != nil:
		return *t.Deleted
	}
	return nil
}

// tailed makes the answer for what p wrote. It reports whether there is any:
// not for a change that does not count.
func tailed(ctx context.Context, r Engine, m messenger.Message, p messenger.Person) (t Tailed, ok bool, err error) {
	if m.Kind == messenger.KindText {
		told := record.MessageOf(m, p)
		return Tailed{Message: &told}, true, nil
	}
	of, _, err := r.Message(ctx, m.Chat, m.Target.From, m.Target.ID)
	if err != nil || !of.Shows(m) {
		return Tailed{}, false, err
	}
	switch c := record.ChangeOf(m, p.Name, p.Tag).(type) {
	case record.Reaction:
		t.Reaction = &c
	case record.Edited:
		t.Edited = &c
	case record.Deleted:
		t.Deleted = &c
	}
	return t, true, nil
}

// tail tells everything of others that is committed from now on.
func tail(ctx context.Context, r Engine, tell func(any) error) error {
	row, err := r.Newest(ctx)
	if err != nil {
		return err
	}
	for {
		changed := r.Changed()
		page, err := r.After(ctx, row, pageSize)
		if err != nil {
			return err
		}
		for _, m := range page {
			if row = m.Row; m.Mine {
				continue
			}
			p, err := r.Person(ctx, m.From)
			if err != nil {
				p = messenger.Person{Name: m.From.Tag(), Tag: m.From.Tag()}
			}
			t, ok, err := tailed(ctx, r, m, p)
			if err == nil && ok {
				err = tell(t)
			}
			if err != nil {
				return err
			}
		}
		if len(page) == pageSize {
			continue
		}
		if err := wait(ctx, changed, tell); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// wait hands out what was told and waits for a commit, or for the end of ctx,
// which is no error.
func wait(ctx context.Context, changed <-chan struct{}, tell func(any) error) error {
	beat := time.NewTicker(beatTime)
	defer beat.Stop()
	for {
		if err := tell(nil); err != nil {
			return err
		}
		select {
		case <-changed:
			return nil
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
	}
}
