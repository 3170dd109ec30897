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

// onLine takes a line of the room. What is already here is acknowledged again
// and shown no second time.
func (m *Messenger) onLine(b *batch, p *person, l *link, payload []byte) error {
	if p == nil || l.path != PathLAN {
		// The room is the LAN's: a link from elsewhere has no business there.
		m.log.Info("line dropped: not of this network", slog.Any("peer", l.peer))
		return nil
	}
	if b.contact(p).Standing == store.StandingBlocked {
		return nil
	}
	content, err := wire.DecodeContent(payload)
	if err != nil {
		m.log.Info("line dropped", slog.Any("peer", l.peer), slog.Any("error", err))
		b.then(func() { l.conn.Close("sent a message that cannot be read") })
		return nil
	}
	if ok, err := m.receive(b, p, Room, l.path, content); err != nil || !ok {
		return err
	}
	b.ack(l, content.ID)
	return nil
}

// receive keeps what p wrote into a chat, and reports whether it can be kept
// at all.
func (m *Messenger) receive(b *batch, p *person, chat Chat, path Path, content wire.Content) (ok bool, err error) {
	msg := Message{
		Chat:    chat,
		ID:      content.ID,
		From:    p.ID,
		Seq:     content.Seq,
		Sent:    sentTime(content.Sent),
		Arrived: b.now,
		State:   StateReceived,
		Path:    path,
		Text:    content.Text,
		Kind:    Kind(content.Kind),
		Target:  targetOf(content, p.ID),
	}
	var added, changed bool
	var of Message
	if msg.Kind == KindText {
		msg.Mentioned = chat.IsRoom() && m.mentioned(msg.Text)
		added, err = b.tx.AddMessage(&msg)
	} else {
		added, of, changed, err = m.change(b, &msg)
	}
	if errors.Is(err, store.ErrInvalid) {
		m.log.Info("message dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch {
	case !added:
	case msg.Kind == KindText:
		b.then(func() { m.typed(p, chat.IsRoom()) })
		b.then(func() { m.pending.push(MessageReceived{Message: msg, From: m.shown(p)}) })
	case changed:
		b.then(func() { m.pending.push(MessageChanged{Message: of, Change: msg, From: m.shown(p)}) })
	default:
		b.then(func() { m.pending.push(ChangeReceived{Change: msg, From: m.shown(p)}) })
	}
	return true, nil
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

// change keeps what somebody did to a message.
func (m *Messenger) change(b *batch, msg *Message) (added bool, of Message, changed bool, err error) {
	switch msg.Kind {
	case KindReaction:
		msg.Text = wire.CleanReaction(msg.Text)
	case KindCorrection:
		msg.Mentioned = msg.Chat.IsRoom() && m.mentioned(msg.Text)
	}
	return b.tx.AddChange(msg)
}
