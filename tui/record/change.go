package record

import "dione/net/messenger"

// Change is what the records of changes have in common: somebody's reaction to
// a message, or what its author has done to it. ID is its own, Message that of
// the message, whose author is Author. Text is the emoji, "" for one taken
// away, or the new text; a deletion has none.
type Change struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	Message      string `json:"message"`
	Author       string `json:"author"`
	From         string `json:"from"`
	Name         string `json:"name"`
	Tag          string `json:"tag"`
	Text         string `json:"text"`
	Sent         Time   `json:"sent"`
	Path         string `json:"path"`
}

// The records of changes. All of them are told when they are committed, one's
// own too.
type (
	// Reaction says that somebody has set or taken away a reaction.
	Reaction Change

	// Edited says that the author has corrected a message.
	Edited Change

	// Deleted says that the author has taken a message back.
	Deleted Change
)

// Kind returns "reaction".
func (Reaction) Kind() string { return "reaction" }

// Kind returns "edited".
func (Edited) Kind() string { return "edited" }

// Kind returns "deleted".
func (Deleted) Kind() string { return "deleted" }

func (r Change) words(b []byte) []byte {
	return appendWords(b, r.ID, r.Conversation, r.Message, r.From, r.Name, r.Tag, r.Sent.String(), r.Path, r.Text)
}

func (r Reaction) words(b []byte) []byte { return Change(r).words(b) }
func (r Edited) words(b []byte) []byte   { return Change(r).words(b) }
func (r Deleted) words(b []byte) []byte  { return Change(r).words(b) }

// ChangeOf tells of a change whose author is called name and tag.
func ChangeOf(m messenger.Message, name, tag string) Record {
	c := Change{
		ID:           m.ID.String(),
		Conversation: m.Chat.String(),
		Message:      m.Target.ID.String(),
		Author:       m.Target.From.String(),
		From:         m.From.String(),
		Name:         name,
		Tag:          tag,
		Text:         m.Text,
		Sent:         Time{m.Sent},
		Path:         m.Path.String(),
	}
	switch m.Kind {
	case messenger.KindReaction:
		return Reaction(c)
	case messenger.KindCorrection:
		return Edited(c)
	}
	return Deleted(c)
}

// changeKind is the kind of the record of m, if it is a change or was taken
// back.
func changeKind(m messenger.Message) string {
	switch {
	case m.Kind == messenger.KindText && !m.Deleted:
		return ""
	case m.Kind == messenger.KindText:
		return Deleted{}.Kind()
	}
	return ChangeOf(m, "", "").Kind()
}
