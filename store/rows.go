package store

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"dione/crypto/identity"
)

// MaxText is the longest message text in bytes of UTF-8. What is longer is a
// file. Composer, wire and store each check it.
const MaxText = 16 << 10

// MessageID names a message: 16 random bytes, the same at both ends, unique
// together with the chat and the sender.
type MessageID [16]byte

// String returns 32 hexadecimal digits.
func (id MessageID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes 32 hexadecimal digits.
func (id MessageID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads 32 hexadecimal digits.
func (id *MessageID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(id) {
		return fmt.Errorf("message id of %d characters, want %d", len(b), 2*len(id))
	}
	_, err := hex.Decode(id[:], b)
	return err
}

// Chat names a conversation: the zero Chat is the #lan room, any other one
// the private chat with Peer.
type Chat struct{ Peer identity.ID }

// Room is the #lan room.
var Room = Chat{}

// IsRoom reports whether c is the #lan room.
func (c Chat) IsRoom() bool { return c == Room }

// String returns "#lan" or the peer ID.
func (c Chat) String() string {
	if c.IsRoom() {
		return "#lan"
	}
	return c.Peer.String()
}

// State is how far a message is known to have come. It is never better than
// what is known.
type State uint8

const (
	// StateReceived is the state of every message of somebody else.
	StateReceived State = iota
	// StateQueued: durable here, acknowledged by nobody.
	StateQueued
	// StateStored: in the room, Acked of Addressed people have it. In a
	// private chat, held by that many nodes of the network.
	StateStored
	// StateDelivered: durable with everyone it is for.
	StateDelivered
	// StateFailed: it will not be delivered; Reason says why.
	StateFailed
)

// String returns the state's name as plain mode shows it.
func (s State) String() string {
	switch s {
	case StateReceived:
		return "received"
	case StateQueued:
		return "queued"
	case StateStored:
		return "stored"
	case StateDelivered:
		return "delivered"
	case StateFailed:
		return "failed"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Path is the way by which a message came or a peer is reached.
type Path uint8

// The paths, in the order in which they are preferred.
const (
	PathNone Path = iota
	PathLAN
	PathDirect
	PathRelay
	PathMailbox
)

// String returns the path's name as plain mode shows it, "" for PathNone.
func (p Path) String() string {
	return [...]string{"", "lan", "direct", "relay", "mailbox"}[min(p, PathMailbox)]
}

// Kind is what a message is.
type Kind uint8

// The kinds of messages. All but KindText change another message, their
// target, and are shown to nobody by themselves.
const (
	KindText Kind = iota
	KindReaction
	KindCorrection
	KindDeletion
)

// MaxReaction is the longest text of a reaction in bytes.
const MaxReaction = 64

// Ref names a message of a chat.
type Ref struct {
	ID   MessageID
	From identity.ID // its author
}

// Quote is the message that another one answers, as it was when that was read.
type Quote struct {
	Ref
	Text    string // how it begins, of at most 300 bytes
	Deleted bool   // by its author
	Known   bool   // it is here; if not, it may come yet
}

// Reaction is what somebody has set beside a message.
type Reaction struct {
	From identity.ID
	Mine bool
	Text string
}

// Version is one text of a message that was corrected.
type Version struct {
	Text string
	Sent time.Time // author's clock
}

// Message is one message of a chat, as stored.
type Message struct {
	Row       int64       // local and ascending in the order of commits; 0 before AddMessage
	Chat      Chat        //
	ID        MessageID   //
	From      identity.ID // author
	Mine      bool        // written here
	Seq       uint64      // the author's number in this chat, from 1
	Pos       float64     // place in the chat: sort and page by (Pos, Row)
	Late      bool        // came after a later message of its author, and stands behind its predecessor
	Sent      time.Time   // author's clock, milliseconds
	Arrived   time.Time   // our clock, milliseconds
	State     State       //
	Acked     int         // people or nodes that have it; "stored" of plain mode
	Addressed int         // people or nodes it is for; "replicas" of plain mode
	Reason    string      // why, when State is StateFailed
	Path      Path        // way by which it came; PathNone for own
	Text      string      //
	Kind      Kind        //
	Target    Ref         // what it changes, or what a text answers; zero if nothing
	Edited    time.Time   // when its author wrote the correction that Text is of; zero: never corrected
	Deleted   bool        // its author has taken it back; there is no Text any more
	Mentioned bool        // Text names us
	ReplyTo   *Quote      // what it answers, nil if nothing; set when it is read, from Target
	Reactions []Reaction  // to it; set when it is read
}

// Shows reports whether a change is what m shows now, and no later one is.
func (m Message) Shows(change Message) bool {
	if change.Target != (Ref{m.ID, m.From}) {
		return false
	}
	switch change.Kind {
	case KindReaction:
		for _, r := range m.Reactions {
			if r.From == change.From {
				return r.Text == change.Text
			}
		}
		return change.Text == ""
	case KindCorrection:
		return m.Text == change.Text && m.Edited.Equal(change.Sent)
	case KindDeletion:
		return m.Deleted
	}
	return false
}

// Standing is what a person may do.
type Standing uint8

const (
	// StandingMet: somebody met on the LAN, who may write from there.
	StandingMet Standing = iota
	// StandingRequest: somebody from elsewhere who would like to write.
	StandingRequest
	// StandingAccepted: somebody who may write from anywhere.
	StandingAccepted
	// StandingBlocked: somebody of whom nothing is taken.
	StandingBlocked
)

// String returns the standing's name as --json shows it.
func (s Standing) String() string {
	return [...]string{"met", "request", "accepted", "blocked"}[min(s, StandingBlocked)]
}

// Contact is a person that this profile has met.
type Contact struct {
	ID       identity.ID
	Claimed  string    // the name the person gives, cleaned
	Petname  string    // the name the user gives, or ""
	Kept     bool      // added by the user, or ever chatted with in private: listed under CONTACTS
	LastSeen time.Time // end of the last live link, zero if never
	Standing Standing  //
	Since    time.Time // when they came by that standing, zero for StandingMet
	Verified bool      // the user has compared safety numbers
	Addrs    []string  // multiaddrs that the user gave for them, the newest first
	Heard    []string  // multiaddrs that they told of themselves
	Gen      uint64    // highest generation of a session that either side knows
	Floor    uint64    // own messages to them get numbers above it
	Invited  []byte    // the secret of their invitation, until they have answered
}

// ChatInfo is a chat's line in the roster.
type ChatInfo struct {
	Chat     Chat
	Unread   int     // messages of others behind Read
	Mentions int     // those of them that name us
	Read     float64 // Pos of the last message read; 0 if none
	Last     Message // newest message; Row 0 if there is none

	MutedUntil int64         // unix milliseconds; 0 or past: it is not muted
	Keep       time.Duration // for how long its messages are kept; 0: for good
}

// Forever is a MutedUntil that does not end.
const Forever = math.MaxInt64

// Muted reports whether nothing of the chat is to disturb the user now.
func (i ChatInfo) Muted(now time.Time) bool { return i.MutedUntil > now.UnixMilli() }

// Session is one session with a person. Its insides are the engine's.
type Session struct {
	Row     int64 // 0 before PutSession
	Peer    identity.ID
	SID     [16]byte
	Gen     uint64
	Started time.Time
	State   []byte // nil out of a backup
	Reset   []byte // what a backup keeps
}

// ParcelIndex is the place of a package in its session.
type ParcelIndex struct{ Epoch, N uint32 }

// Parcel is one package of a private message, as it was made.
type Parcel struct {
	Session     int64 // row
	Epoch, N    uint32
	Message     int64 // row; 0: a void one
	Part, Parts int
	Core        []byte   // CoreSize bytes
	Seed        [32]byte // of the key that signs the package
	Address     [32]byte
	Mailed      Mailed
}

// CoreSize is the length of a Parcel's Core.
const CoreSize = 890

// Prekey is a bundle of keys that was given to one person, and its secret
// half, which serves once.
type Prekey struct {
	Number  [8]byte
	Peer    identity.ID
	Session int64 // row of the one for whose loss they are kept; 0: they are for the next session
	Made    time.Time
	Bundle  []byte // none of those with a Session
	Secret  []byte
}

// Invitation is one that nobody has used yet.
type Invitation struct {
	V             [16]byte // its secret
	Made, Expires time.Time
	Next          time.Time // when its offer is put into the mail network again
	Text          string
	Secret        []byte   // of the bundle in the offer
	Offer         [][]byte // packages, CoreSize bytes each
}

// Outgoing is one message on its way to one person.
type Outgoing struct {
	Row     int64 // the message's: ascending in the order of commits
	To      identity.ID
	Message Message
	Payload []byte    // what to send, kept as it was made; nil from Waiting
	Expires time.Time // zero: never
	Parts   int       // packages in which it is under way; 0: it waits to be sealed. Only from Waiting
}
