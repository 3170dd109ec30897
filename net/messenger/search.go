package messenger

import (
	"context"
	"errors"
	"strings"
	"time"

	"dione/crypto/identity"
	"dione/store"
)

type (
	// Found is a page of messages that were looked for.
	Found = store.Found
	// Hit is one of them.
	Hit = store.Hit
	// Mark is a part of its text that was looked for.
	Mark = store.Mark
	// Piece is a part of the snippet of a Hit.
	Piece = store.Piece
	// QueryError says why a query cannot be read.
	QueryError = store.QueryError
)

// me is what one calls oneself in a query.
const me = "me"

// Search returns the newest n messages of all chats that fit query, before a
// place that an earlier page has told as Next; 0 is the end. A query is words,
// all of which must occur, "words in a row", from:NAME, in:NAME, after:DATE,
// before:DATE and on:DATE. What cannot be read gives a [*QueryError], and a
// name that fits nobody or several people what [Messenger.Resolve] does.
func (m *Messenger) Search(ctx context.Context, query string, before int64, n int) (Found, error) {
	q, err := store.ParseQuery(query, time.Now())
	if err != nil {
		return Found{}, err
	}
	want := store.Wanted{Phrases: q.Phrases, After: q.After, Before: q.Before}
	if q.From != "" {
		from, err := m.named(ctx, q.From)
		if err != nil {
			return Found{}, err
		}
		want.From = &from
	}
	if q.In != "" {
		in := Room
		if q.In != Room.String() {
			if in.Peer, err = m.named(ctx, q.In); err != nil {
				return Found{}, err
			}
			if in.Peer == m.selfID {
				return Found{}, ErrSelf
			}
		}
		want.In = &in
	}
	return m.store.Search(ctx, want, before, n)
}

// named returns who is meant by a name in a query, the user included.
func (m *Messenger) named(ctx context.Context, name string) (identity.ID, error) {
	if strings.EqualFold(name, me) {
		return m.selfID, nil
	}
	if id, err := identity.Parse(name); err == nil {
		return id, nil // also of somebody who was forgotten
	}
	p, err := m.Resolve(ctx, name)
	if errors.Is(err, ErrSelf) {
		return m.selfID, nil
	}
	return p.ID, err
}
