package messenger

import (
	"time"

	"dione/crypto/identity"
	"dione/store"
)

// The rows that screens show are those of the store, under the engine's name,
// so that a screen imports the engine only.
type (
	// Message is one message of a chat.
	Message = store.Message
	// MessageID names a message.
	MessageID = store.MessageID
	// Chat names a conversation; the zero Chat is the #lan room.
	Chat = store.Chat
	// ChatInfo is a chat's line in the roster.
	ChatInfo = store.ChatInfo
	// Draft is what the user has left in a chat.
	Draft = store.Draft
	// State is how far a message is known to have come.
	State = store.State
	// Standing is what a person may do.
	Standing = store.Standing
	// Path is the way by which a message came or a peer is reached.
	Path = store.Path
)

// Room is the #lan room.
var Room = store.Room

// The states, standings and paths that a screen tells apart.
const (
	StateReceived  = store.StateReceived
	StateQueued    = store.StateQueued
	StateStored    = store.StateStored
	StateDelivered = store.StateDelivered
	StateFailed    = store.StateFailed

	StandingMet      = store.StandingMet
	StandingRequest  = store.StandingRequest
	StandingAccepted = store.StandingAccepted
	StandingBlocked  = store.StandingBlocked

	PathNone    = store.PathNone
	PathLAN     = store.PathLAN
	PathDirect  = store.PathDirect
	PathRelay   = store.PathRelay
	PathMailbox = store.PathMailbox

	// Forever mutes a chat for good.
	Forever = store.Forever

	// MaxText is the longest message text, in bytes of UTF-8.
	MaxText = store.MaxText
	// MaxDraft is the longest text of a draft, in bytes of UTF-8.
	MaxDraft = store.MaxDraft
)

// Event is a fact that is already stored. Only this package makes events.
type Event interface{ event() }

type (
	// Ready says that the engine listens; it is the first event.
	Ready struct{ Self Self }

	// PersonNear says that a live link to somebody came up: of the LAN, or
	// (Person.Path) another one.
	PersonNear struct{ Person Person }

	// PersonGone says that the last live link to somebody ended. Path is the
	// one by which they had been reached.
	PersonGone struct {
		Person Person
		Path   Path
	}

	// PersonRenamed says that somebody's name changed: the one they claim or
	// the petname the user gave. Was is the name shown until now.
	PersonRenamed struct {
		Person Person
		Was    string
	}

	// PersonChanged says that something else than the name shown of a person
	// changed: their standing, whether they are verified, where they are
	// reached or why they are not, or the name they claim behind a petname.
	PersonChanged struct{ Person Person }

	// RequestReceived says that a stranger from elsewhere would like to write.
	RequestReceived struct{ Person Person }

	// MessageSent says that an own message is committed.
	MessageSent struct{ Message Message }

	// MessageReceived says that somebody's message is committed.
	MessageReceived struct {
		Message Message
		From    Person
	}

	// StateChanged says that an own message came further, or failed; also one
	// that no list shows, by its Kind. The fields of Message tell the new state.
	StateChanged struct{ Message Message }

	// MessageChanged says that a message is another one than before, because of
	// a reaction, a correction or a deletion: Change, which is a message that no
	// list shows. From is its author, zero if that is us; each one of ours is
	// told, also when all stays as it was. A Change that failed has been undone. Answers to the message that were read before still quote
	// what it was.
	MessageChanged struct {
		Message Message
		Change  Message
		From    Person
	}

	// ChangeReceived says that a change of somebody is committed by which
	// nothing is another one now: its message has not come yet, or a later change
	// of theirs has.
	ChangeReceived struct {
		Change Message
		From   Person
	}

	// ChatRead says that the user has read a chat up to Info.Read.
	ChatRead struct{ Info ChatInfo }

	// ChatMuted says that the user has muted a chat, or not any more:
	// Info.MutedUntil tells.
	ChatMuted struct{ Info ChatInfo }

	// ChatRetained says for how long the messages of a chat are kept: Info.Keep.
	ChatRetained struct{ Info ChatInfo }

	// ChatErased says that N texts of a chat were deleted from this disk: all
	// that there were when the user said so (Whole), or those that came before
	// Until and did not wait.
	ChatErased struct {
		Info  ChatInfo
		N     int
		Whole bool
		Until time.Time
	}

	// NetChanged says that how the program hears and is heard has changed.
	NetChanged struct{ Net Net }

	// Notice tells the user something in words: what happened, or (Failed)
	// what failed and why. Hint is the next step, or "".
	Notice struct {
		Text, Hint string
		Failed     bool
	}

	// Lagged says that events were dropped: read the store again.
	Lagged struct{}
)

func (Ready) event()           {}
func (PersonNear) event()      {}
func (PersonGone) event()      {}
func (PersonRenamed) event()   {}
func (PersonChanged) event()   {}
func (RequestReceived) event() {}
func (MessageSent) event()     {}
func (MessageReceived) event() {}
func (StateChanged) event()    {}
func (MessageChanged) event()  {}
func (ChangeReceived) event()  {}
func (ChatRead) event()        {}
func (ChatMuted) event()       {}
func (ChatRetained) event()    {}
func (ChatErased) event()      {}
func (NetChanged) event()      {}
func (Notice) event()          {}
func (Lagged) event()          {}

// Self is who this profile is.
type Self struct {
	ID    identity.ID
	Name  string
	Tag   string
	Addrs []string // multiaddrs with /p2p at which it listens; none while it does not
}

// Net is how the program hears and is heard.
type Net struct {
	Addrs      []string      // multiaddrs with /p2p at which it listens
	LANOff     string        // why LAN discovery does not work, in words; "" when it does
	Interfaces []Interface   // what LAN discovery does on each interface
	DHT        DHT           // its zero value while there is no node
	Links      int           // live links to people now
	Queued     int           // private messages that wait here
	Stored     int           // private messages that wait in the mail network
	BytesIn    uint64        // since start, over all links
	BytesOut   uint64        // since start, over all links
	Hour       Traffic       // of the links, in the time of Measured
	Measured   time.Duration // the last hour, or since start
}

// Interface is one network interface as LAN discovery sees it.
type Interface struct {
	Name    string
	Addrs   []string // IP addresses, with zone where needed
	Problem string   // what does not work there, in words; "" if nothing
}
