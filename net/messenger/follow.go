package messenger

import (
	"context"
	"sync"

	"dione/store"
)

// bell wakes those who follow what is committed. The zero bell is ready.
type bell struct {
	mu   sync.Mutex
	next chan struct{} // nil while nobody listens
}

// wait returns a channel that is closed with the next ring.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// Changed returns a channel that is closed after the next commit. Who follows
// the store beside the reader of [Messenger.Events] asks for it, then reads,
// and waits: so nothing is missed.
func (m *Messenger) Changed() <-chan struct{} { return m.changed.wait() }

// Newest returns the row of the message committed last, 0 if there is none.
func (m *Messenger) Newest(ctx context.Context) (row int64, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		row, err = tx.NewestRow()
		return err
	})
	return row, err
}
