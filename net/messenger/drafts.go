package messenger

import (
	"context"

	"dione/store"
)

// Drafts returns what the user has left in all chats: texts that are not sent,
// and places.
func (m *Messenger) Drafts(ctx context.Context) (all []Draft, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		all, err = tx.Drafts()
		return err
	})
	return all, err
}

// SetDraft keeps what the user has left in a chat, in place of what it was. It
// is durable when SetDraft returns, and it works until the store is closed:
// the engine has no part in it but that a text that is sent is no draft.
func (m *Messenger) SetDraft(ctx context.Context, d Draft) error {
	return m.store.Update(ctx, func(tx *store.Tx) error { return tx.SetDraft(d) })
}
