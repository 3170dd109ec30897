// Package record is how dione tells other programs what it knows: the lines
// and JSON objects of plain mode, of --json and of the control socket.
//
// The fields and their order are a promise to scripts. New kinds and fields
// may be added; those that are here keep their meaning.
package record

import (
	"strconv"
	"time"

	"dione/net/messenger"
	"dione/tui/text"
)

// Record is one fact, as an object of JSON or a line of words.
type Record interface {
	// Kind is the word that tells what kind of record it is.
	Kind() string

	// words appends the fields as words, each behind a blank. Empty fields
	// are left out; the field that may hold blanks comes last.
	words(b []byte) []byte
}

// Time is a moment in milliseconds, written as in RFC 3339 in the local zone
// it carries; the zero Time is written as "".
type Time struct{ time.Time }

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// MarshalText writes RFC 3339 with milliseconds.
func (t Time) MarshalText() ([]byte, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.AppendFormat(nil, timeFormat), nil
}

// MarshalJSON writes RFC 3339 with milliseconds, in quotes. The one of
// time.Time, which is embedded, would write nanoseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	b, err := t.MarshalText()
	return append(append([]byte{'"'}, b...), '"'), err
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == `""` {
		*t = Time{}
		return nil
	}
	return t.Time.UnmarshalJSON(b)
}

// The records of plain mode. Their fields are in the order of its table.
type (
	// Ready says that dione listens.
	Ready struct {
		Peer  string   `json:"peer"`
		Name  string   `json:"name"`
		Tag   string   `json:"tag"`
		Addrs []string `json:"addrs"`
	}

	// Near says that a live link to somebody came up.
	Near struct {
		Peer string `json:"peer"`
		Name string `json:"name"`
		Tag  string `json:"tag"`
		Path string `json:"path"`
	}

	// Gone says that the last live link to somebody ended.
	Gone Near

	// Chat says which conversation what one types goes to from now on.
	Chat struct {
		Conversation string `json:"conversation"`
		Name         string `json:"name"`
	}

	// Muted says that a conversation is not to disturb: until then, or for good
	// if Until is zero; or that it may again.
	Muted struct {
		Conversation string `json:"conversation"`
		Name         string `json:"name"`
		Muted        bool   `json:"muted"`
		Until        Time   `json:"until"`
	}

	// Retained says for how many seconds messages of a conversation are kept on
	// this disk; 0: for good.
	Retained struct {
		Conversation string `json:"conversation"`
		Name         string `json:"name"`
		Seconds      int64  `json:"seconds"`
	}

	// Erased says that so many messages of a conversation were deleted from
	// this disk: those that came before Before, or all if it is zero.
	Erased struct {
		Conversation string `json:"conversation"`
		Name         string `json:"name"`
		Messages     int    `json:"messages"`
		Before       Time   `json:"before"`
	}

	// Sent says that an own message is committed. ReplyTo is the ID of the
	// message that it answers, or "", here and in the records that follow.
	Sent struct {
		ID           string `json:"id"`
		Conversation string `json:"conversation"`
		Text         string `json:"text"`
		ReplyTo      string `json:"reply_to"`
	}

	// Message says that somebody's message is committed. Mentioned says that it
	// names us.
	Message struct {
		ID           string `json:"id"`
		Conversation string `json:"conversation"`
		From         string `json:"from"`
		Name         string `json:"name"`
		Tag          string `json:"tag"`
		Text         string `json:"text"`
		Sent         Time   `json:"sent"`
		Path         string `json:"path"`
		Arrived      Time   `json:"arrived"`
		Late         bool   `json:"late"`
		ReplyTo      string `json:"reply_to"`
		Mentioned    bool   `json:"mentioned"`
	}

	// Missing says how many messages of somebody, before the newest one that is
	// here, have not come yet: 0 once they have.
	Missing struct {
		Conversation string `json:"conversation"`
		Name         string `json:"name"`
		Tag          string `json:"tag"`
		Missing      int    `json:"missing"`
	}

	// State says how far an own message has come.
	State struct {
		ID       string `json:"id"`
		State    string `json:"state"`
		Stored   int    `json:"stored"`
		Replicas int    `json:"replicas"`
		Reason   string `json:"reason"`
	}

	// Request says that a stranger from elsewhere would like to write.
	Request struct {
		Peer string `json:"peer"`
		Name string `json:"name"`
		Tag  string `json:"tag"`
	}

	// Invitation is a one-time invitation that is open until it expires.
	Invitation struct {
		Invitation string `json:"invitation"`
		Expires    Time   `json:"expires"`
	}

	// Info tells something in words.
	Info struct {
		Text string `json:"text"`
		Hint string `json:"hint"`
	}

	// Error tells in words what failed, and the next step.
	Error Info
)

// The records that answer a question.
type (
	// Person is somebody known; Seen is when the last live link ended.
	// Standing is "met", "request", "accepted" or "blocked"; Pending says that
	// they have not accepted us yet, Problem why they are not reached.
	Person struct {
		Peer     string   `json:"peer"`
		Name     string   `json:"name"`
		Tag      string   `json:"tag"`
		Path     string   `json:"path"`
		Contact  bool     `json:"contact"`
		Seen     Time     `json:"seen"`
		Standing string   `json:"standing"`
		Verified bool     `json:"verified"`
		Pending  bool     `json:"pending"`
		Addrs    []string `json:"addrs"`
		Problem  string   `json:"problem"`
	}

	// History is a message of a conversation as it stands now. Edited is when
	// its author wrote the text that it has, "" if that is the first one;
	// Deleted says that they took it back.
	History struct {
		ID           string `json:"id"`
		Conversation string `json:"conversation"`
		From         string `json:"from"`
		Name         string `json:"name"`
		Tag          string `json:"tag"`
		Text         string `json:"text"`
		Sent         Time   `json:"sent"`
		Path         string `json:"path"`
		State        string `json:"state"`
		Stored       int    `json:"stored"`
		Replicas     int    `json:"replicas"`
		Reason       string `json:"reason"`
		Arrived      Time   `json:"arrived"`
		Late         bool   `json:"late"`

		ReplyTo   string    `json:"reply_to"`
		Mentioned bool      `json:"mentioned"`
		Edited    Time      `json:"edited"`
		Deleted   bool      `json:"deleted"`
		Reactions []Reacted `json:"reactions"`
	}

	// Reacted is a reaction of somebody to a message.
	Reacted struct {
		From string `json:"from"`
		Text string `json:"text"`
	}

	// Hit is a message that was looked for: Chat is what its conversation is
	// called, Snippet the part of the text around the first place that was
	// looked for, and Marks where in the snippet such places begin and end, in
	// characters (code points).
	Hit struct {
		History
		Chat    string   `json:"chat"`
		Snippet string   `json:"snippet"`
		Marks   [][2]int `json:"marks"`
	}

	// Waiting is an own message that waits for somebody. Sealed says that it
	// can be cancelled no more, Reason why it waits. Change is "reaction",
	// "edited" or "deleted" if it is one, or "".
	Waiting struct {
		ID           string `json:"id"`
		Conversation string `json:"conversation"`
		Name         string `json:"name"`
		Tag          string `json:"tag"`
		Text         string `json:"text"`
		Sent         Time   `json:"sent"`
		State        string `json:"state"`
		Stored       int    `json:"stored"`
		Replicas     int    `json:"replicas"`
		Sealed       bool   `json:"sealed"`
		Reason       string `json:"reason"`
		Change       string `json:"change"`
	}

	// Progress is how far long work has come.
	Progress struct {
		Done int64 `json:"done"`
		Of   int64 `json:"of"`
	}

	// Net is how the program hears and is heard. Hour is the bytes of the links
	// in the last Measured seconds, an hour or less; that of DHT the same.
	Net struct {
		Addrs      []string    `json:"addrs"`
		Interfaces []Interface `json:"interfaces"`
		Links      int         `json:"links"`
		Queued     int         `json:"queued"`
		Stored     int         `json:"stored"`
		BytesIn    uint64      `json:"bytes_in"`
		BytesOut   uint64      `json:"bytes_out"`
		LANOff     string      `json:"lan_off"`
		DHT        DHT         `json:"dht"`
		Hour       Traffic     `json:"hour"`
		Measured   int         `json:"measured"`
	}

	// Traffic is bytes received and sent.
	Traffic struct {
		In  uint64 `json:"in"`
		Out uint64 `json:"out"`
	}

	// DHT is what our node of the mail network knows, does and holds. Mode is
	// "" while there is none.
	DHT struct {
		Mode       string  `json:"mode"`
		Servers    int     `json:"servers"`
		Near       int     `json:"near"`
		Serves     bool    `json:"serves"`
		ServesNear bool    `json:"serves_near"`
		Held       int64   `json:"held"`
		Capacity   int64   `json:"capacity"`
		Problem    string  `json:"problem"`
		Seed       string  `json:"seed"`
		BytesIn    uint64  `json:"bytes_in"`
		BytesOut   uint64  `json:"bytes_out"`
		Hour       Traffic `json:"hour"`
	}

	// Interface is one network interface as LAN discovery sees it.
	Interface struct {
		Name    string   `json:"name"`
		Addrs   []string `json:"addrs"`
		Problem string   `json:"problem"`
	}
)

// Kind returns "ready".
func (Ready) Kind() string { return "ready" }

// Kind returns "near".
func (Near) Kind() string { return "near" }

// Kind returns "gone".
func (Gone) Kind() string { return "gone" }

// Kind returns "chat".
func (Chat) Kind() string { return "chat" }

// Kind returns "retained".
func (Retained) Kind() string { return "retained" }

// Kind returns "erased".
func (Erased) Kind() string { return "erased" }

// Kind returns "muted".
func (Muted) Kind() string { return "muted" }

// Kind returns "sent".
func (Sent) Kind() string { return "sent" }

// Kind returns "message".
func (Message) Kind() string { return "message" }

// Kind returns "missing".
func (Missing) Kind() string { return "missing" }

// Kind returns "state".
func (State) Kind() string { return "state" }

// Kind returns "request".
func (Request) Kind() string { return "request" }

// Kind returns "invitation".
func (Invitation) Kind() string { return "invitation" }

// Kind returns "info".
func (Info) Kind() string { return "info" }

// Kind returns "error".
func (Error) Kind() string { return "error" }

// Kind returns "person".
func (Person) Kind() string { return "person" }

// Kind returns "history".
func (History) Kind() string { return "history" }

// Kind returns "hit".
func (Hit) Kind() string { return "hit" }

// Kind returns "waiting".
func (Waiting) Kind() string { return "waiting" }

// Kind returns "net".
func (Net) Kind() string { return "net" }

func (r Ready) words(b []byte) []byte {
	return appendWords(appendWords(b, r.Peer, r.Name, r.Tag), r.Addrs...)
}
func (r Near) words(b []byte) []byte { return appendWords(b, r.Peer, r.Name, r.Tag, r.Path) }
func (r Gone) words(b []byte) []byte { return Near(r).words(b) }
func (r Chat) words(b []byte) []byte { return appendWords(b, r.Conversation, r.Name) }
func (r Sent) words(b []byte) []byte {
	return appendWords(b, r.ID, r.Conversation, answers(r.ReplyTo), r.Text)
}

func (r Retained) words(b []byte) []byte {
	return appendWords(b, r.Conversation, r.Name, strconv.FormatInt(r.Seconds, 10))
}

func (r Erased) words(b []byte) []byte {
	return appendWords(b, r.Conversation, r.Name, strconv.Itoa(r.Messages), r.Before.String())
}

func (r Muted) words(b []byte) []byte {
	return appendWords(b, r.Conversation, r.Name, strconv.FormatBool(r.Muted), r.Until.String())
}

func (r Message) words(b []byte) []byte {
	return appendWords(b, r.ID, r.Conversation, r.From, r.Name, r.Tag, r.Sent.String(), r.Path, answers(r.ReplyTo), r.Text)
}

func (r State) words(b []byte) []byte {
	return appendWords(b, r.ID, r.State, strconv.Itoa(r.Stored), strconv.Itoa(r.Replicas), r.Reason)
}

func (r Missing) words(b []byte) []byte {
	return appendWords(b, r.Conversation, r.Name, r.Tag, strconv.Itoa(r.Missing))
}

func (r Request) words(b []byte) []byte { return appendWords(b, r.Peer, r.Name, r.Tag) }

func (r Invitation) words(b []byte) []byte { return appendWords(b, r.Invitation, r.Expires.String()) }

func (r Info) words(b []byte) []byte {
	b = appendWords(b, r.Text)
	if r.Hint != "" {
		b = appendWords(b, "— hint:", r.Hint)
	}
	return b
}

func (r Error) words(b []byte) []byte { return Info(r).words(b) }

func (r Person) words(b []byte) []byte {
	b = appendWords(b, r.Peer, r.Name, r.Tag, r.Path, word(r.Contact, "contact"), r.Seen.String())
	b = appendWords(b, word(r.Standing != messenger.StandingMet.String(), r.Standing), word(r.Verified, "verified"), word(r.Pending, "pending"))
	return appendWords(appendWords(b, r.Addrs...), r.Problem)
}

func (r History) words(b []byte) []byte {
	b = appendWords(b, r.ID, r.Conversation, r.From, r.Name, r.Tag, r.Sent.String(), r.Path, r.State)
	b = appendWords(b, answers(r.ReplyTo), word(!r.Edited.IsZero(), "edited"), word(r.Deleted, "deleted"), r.Text)
	for i, reaction := range r.Reactions {
		b = appendWords(b, word(i == 0, "— reactions:"), reaction.Text)
	}
	return b
}

func (r Hit) words(b []byte) []byte {
	return appendWords(b, r.ID, r.Conversation, r.From, r.Name, r.Tag, r.Arrived.String(), r.Path, r.State, r.Snippet)
}

func (r Waiting) words(b []byte) []byte {
	b = appendWords(b, r.ID, r.Conversation, r.Name, r.Tag, r.Sent.String(), r.State)
	if r.Stored > 0 {
		b = appendWords(b, strconv.Itoa(r.Stored), strconv.Itoa(r.Replicas))
	}
	b = appendWords(b, word(r.Sealed, "sealed"), r.Change, r.Text)
	if r.Reason != "" {
		b = appendWords(b, "— reason:", r.Reason)
	}
	return b
}

func (r Net) words(b []byte) []byte {
	b = appendWords(b, r.Addrs...)
	for _, i := range r.Interfaces {
		b = appendWords(b, "interface", i.Name)
		b = appendWords(b, i.Addrs...)
		b = appendWords(b, i.Problem)
	}
	b = appendWords(b, "links", strconv.Itoa(r.Links), "queued", strconv.Itoa(r.Queued), "stored", strconv.Itoa(r.Stored))
	b = appendWords(b, "in", strconv.FormatUint(r.BytesIn, 10), "out", strconv.FormatUint(r.BytesOut, 10))
	b = appendWords(b, r.LANOff)
	if d := r.DHT; d.Mode != "" {
		b = appendWords(b, "dht", d.Mode, "servers", strconv.Itoa(d.Servers), "near", strconv.Itoa(d.Near))
		b = appendWords(b, word(d.Serves, "serves"), word(d.ServesNear, "serves_near"), "held", strconv.FormatInt(d.Held, 10), "capacity", strconv.FormatInt(d.Capacity, 10))
		b = appendWords(b, "in", strconv.FormatUint(d.BytesIn, 10), "out", strconv.FormatUint(d.BytesOut, 10), d.Problem)
	}
	b = appendWords(b, "hour", strconv.FormatUint(r.Hour.In, 10), strconv.FormatUint(r.Hour.Out, 10))
	b = appendWords(b, "mail", strconv.FormatUint(r.DHT.Hour.In, 10), strconv.FormatUint(r.DHT.Hour.Out, 10))
	return appendWords(b, "measured", strconv.Itoa(r.Measured))
}

// String returns RFC 3339 with milliseconds, "" for the zero Time.
func (t Time) String() string {
	b, _ := t.MarshalText() // never fails
	return string(b)
}

// answers says which message is answered.
func answers(id string) string {
	if id == "" {
		return ""
	}
	return "re:" + id
}

// word is said if it is so.
func word(is bool, word string) string {
	if !is {
		return ""
	}
	return word
}

func appendWords(b []byte, words ...string) []byte {
	for _, w := range words {
		if w != "" {
			b = append(append(b, ' '), text.Line(w)...)
		}
	}
	return b
}
