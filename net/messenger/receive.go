package messenger

import (
	"errors"
	"log/slog"
	"time"

	"dione/net/wire"
	"dione/store"
)

// maxSent is the last moment that a written time may name, the end of the
// year 9999: what is later cannot be written down everywhere (RFC 3339).
var maxSent = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// onContent takes what a peer wrote into a chat. What is already here is
// acknowledged again and shown no second time.
func (m *Messenger) onContent(b *batch, p *person, l *link, chat Chat, payload []byte) error {
	if p == nil || chat.IsRoom() && l.path != PathLAN {
		// The room is the LAN's: a link from elsewhere has no business there.
		m.log.Info("line dropped: not of this network", slog.Any("peer", l.peer))
		return nil
	}
	content, err := wire.DecodeContent(payload)
	if err != nil {
		m.log.Info("message dropped", slog.Any("peer", l.peer), slog.Any("error", err))
		b.then(func() { l.conn.Close("sent a message that cannot be read") })
		return nil
	}
	msg := Message{
		Chat:    chat,
		ID:      content.ID,
		From:    l.peer,
		Seq:     content.Seq,
		Sent:    sentTime(content.Sent),
		Arrived: b.now,
		State:   StateReceived,
		Path:    l.path,
		Text:    content.Text,
	}
	if !chat.IsRoom() {
		if err := m.keep(b, p); err != nil {
			return err
		}
	}
	added, err := b.tx.AddMessage(&msg)
	if errors.Is(err, store.ErrInvalid) {
		m.log.Info("message dropped", slog.Any("peer", l.peer), slog.Any("error", err))
		b.then(func() { l.conn.Close("sent a message that cannot be kept") })
		return nil
	}
	if err != nil {
		return err
	}
	b.ack(l, msg.ID)
	if added {
		b.tell(MessageReceived{Message: msg, From: m.shown(p)})
	}
	return nil
}

// sentTime reads a peer's clock, which may say anything.
func sentTime(ms int64) time.Time {
	t := time.UnixMilli(ms)
	if ms < 0 {
		return time.UnixMilli(0)
	}
	if t.After(maxSent) {
		return maxSent
	}
	return t
}
