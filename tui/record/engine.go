package record

import (
	"time"

	"dione/net/messenger"
)

// This file makes records of what the engine tells.

// ReadyOf tells who self is.
func ReadyOf(self messenger.Self) Ready {
	addrs := self.Addrs
	if addrs == nil {
		addrs = []string{} // [] in JSON, not null
	}
	return Ready{Peer: self.ID.String(), Name: self.Name, Tag: self.Tag, Addrs: addrs}
}

// NearOf tells that p is connected by path.
func NearOf(p messenger.Person, path messenger.Path) Near {
	return Near{Peer: p.ID.String(), Name: p.Name, Tag: p.Tag, Path: path.String()}
}

// MutedOf tells until when a chat of that name is muted, at the moment now.
func MutedOf(info messenger.ChatInfo, name string, now time.Time) Muted {
	r := Muted{Conversation: info.Chat.String(), Name: name, Muted: info.Muted(now)}
	if r.Muted && info.MutedUntil != messenger.Forever {
		r.Until = Time{time.UnixMilli(info.MutedUntil)}
	}
	return r
}

// RetainedOf tells for how long messages of a chat of that name are kept.
func RetainedOf(info messenger.ChatInfo, name string) Retained {
	return Retained{Conversation: info.Chat.String(), Name: name, Seconds: int64(info.Keep / time.Second)}
}

// ErasedOf tells what was deleted of a chat of that name.
func ErasedOf(ev messenger.ChatErased, name string) Erased {
	r := Erased{Conversation: ev.Info.Chat.String(), Name: name, Messages: ev.N}
	if !ev.Whole {
		r.Before = Time{ev.Until}
	}
	return r
}

// SentOf tells that the own message m is committed.
func SentOf(m messenger.Message) Sent {
	return Sent{ID: m.ID.String(), Conversation: m.Chat.String(), Text: m.Text, ReplyTo: replyTo(m)}
}

// replyTo is the ID of what m answers, or "".
func replyTo(m messenger.Message) string {
	if m.ReplyTo == nil {
		return ""
	}
	return m.ReplyTo.ID.String()
}

// MessageOf tells that m of from is committed.
func MessageOf(m messenger.Message, from messenger.Person) Message {
	return Message{
		ID:           m.ID.String(),
		Conversation: m.Chat.String(),
		From:         m.From.String(),
		Name:         from.Name,
		Tag:          from.Tag,
		Text:         m.Text,
		Sent:         Time{m.Sent},
		Path:         m.Path.String(),
		Arrived:      Time{m.Arrived},
		Late:         m.Late,
		ReplyTo:      replyTo(m),
		Mentioned:    m.Mentioned,
	}
}

// MissingOf tells how many messages of p have not come yet.
func MissingOf(p messenger.Person, n int) Missing {
	return Missing{Conversation: p.ID.String(), Name: p.Name, Tag: p.Tag, Missing: n}
}

// StateOf tells how far the own message m has come.
func StateOf(m messenger.Message) State {
	return State{
		ID:       m.ID.String(),
		State:    m.State.String(),
		Stored:   m.Acked,
		Replicas: m.Addressed,
		Reason:   m.Reason,
	}
}

// PersonOf tells who p is.
func PersonOf(p messenger.Person) Person {
	r := Person{
		Peer:     p.ID.String(),
		Name:     p.Name,
		Tag:      p.Tag,
		Path:     p.Path.String(),
		Contact:  p.Contact,
		Standing: p.Standing.String(),
		Verified: p.Verified,
		Pending:  p.Pending,
		Addrs:    append([]string{}, p.Addrs...),
		Problem:  p.Problem,
	}
	if p.LastSeen != 0 {
		r.Seen = Time{time.UnixMilli(p.LastSeen)}
	}
	return r
}

// RequestOf tells that p would like to write.
func RequestOf(p messenger.Person) Request {
	return Request{Peer: p.ID.String(), Name: p.Name, Tag: p.Tag}
}

// InvitationOf tells of an open invitation.
func InvitationOf(inv messenger.Invitation) Invitation {
	return Invitation{Invitation: inv.Text, Expires: Time{inv.Expires}}
}

// HistoryOf tells of a message whose author is called name and tag.
func HistoryOf(m messenger.Message, name, tag string) History {
	r := History{
		ID:           m.ID.String(),
		Conversation: m.Chat.String(),
		From:         m.From.String(),
		Name:         name,
		Tag:          tag,
		Text:         m.Text,
		Sent:         Time{m.Sent},
		Path:         m.Path.String(),
		State:        m.State.String(),
		Stored:       m.Acked,
		Replicas:     m.Addressed,
		Reason:       m.Reason,
		Arrived:      Time{m.Arrived},
		Late:         m.Late,
		ReplyTo:      replyTo(m),
		Mentioned:    m.Mentioned,
		Edited:       Time{m.Edited},
		Deleted:      m.Deleted,
		Reactions:    make([]Reacted, len(m.Reactions)),
	}
	for i, reaction := range m.Reactions {
		r.Reactions[i] = Reacted{reaction.From.String(), reaction.Text}
	}
	return r
}

// WaitingOf tells of a message that waits for to.
func WaitingOf(m messenger.Waiting, to messenger.Person) Waiting {
	return Waiting{
		ID:           m.ID.String(),
		Conversation: m.Chat.String(),
		Name:         to.Name,
		Tag:          to.Tag,
		Text:         m.Text,
		Sent:         Time{m.Sent},
		State:        m.State.String(),
		Stored:       m.Acked,
		Replicas:     m.Addressed,
		Sealed:       m.Sealed,
		Reason:       m.Why,
		Change:       changeKind(m.Message),
	}
}

// NetOf tells how the program hears and is heard.
func NetOf(n messenger.Net) Net {
	r := Net{
		Addrs:      append([]string{}, n.Addrs...),
		Interfaces: make([]Interface, len(n.Interfaces)),
		Links:      n.Links,
		Queued:     n.Queued,
		Stored:     n.Stored,
		BytesIn:    n.BytesIn,
		BytesOut:   n.BytesOut,
		LANOff:     n.LANOff,
		DHT:        dhtOf(n.DHT),
		Hour:       Traffic(n.Hour),
		Measured:   int(n.Measured.Seconds()),
	}
	for i, in := range n.Interfaces {
		r.Interfaces[i] = Interface{Name: in.Name, Addrs: append([]string{}, in.Addrs...), Problem: in.Problem}
	}
	return r
}

func dhtOf(d messenger.DHT) DHT {
	return DHT{
		Mode:       d.Mode,
		Servers:    d.Servers,
		Near:       d.Near,
		Serves:     d.Serves,
		ServesNear: d.ServesNear,
		Held:       d.Held,
		Capacity:   d.Capacity,
		Problem:    d.Problem,
		Seed:       d.Seed,
		BytesIn:    d.BytesIn,
		BytesOut:   d.BytesOut,
		Hour:       Traffic(d.Hour),
	}
}
