// Package command understands what people type: text to send, or a command.
//
// It is pure and knows neither screen nor engine: the screen and plain mode
// both parse here, so that a line means the same in either, and each of them
// carries the commands out in its own way.
package command

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Command is what one input means: one of the types of this file.
type Command interface{ command() }

type (
	// Say is text for the current chat. An empty Text is a blank input, which
	// nobody sends.
	Say struct{ Text string }

	// Help lists the commands, or explains the one named Topic, if not "".
	Help struct{ Topic string }

	// Msg makes the chat with To current ("#lan" is the room) or, with a
	// Text, writes to it.
	Msg struct{ To, Text string }

	// Who lists the people known, or tells all about the one called Who.
	Who struct{ Who string }

	// History shows the last N messages of the current chat.
	History struct{ N int }

	// Search finds the messages that fit Query; "" is for the one who asks to
	// write.
	Search struct{ Query string }

	// Mute says that nothing of the current chat is to disturb: for a while, or
	// with For 0 for good; or, if Off, that it may again.
	Mute struct {
		For time.Duration
		Off bool
	}
	// Open opens the Nth link of the current chat, counted from the newest,
	// which is 1.
	Open struct{ N int }

	// Copy copies the Nth message of the current chat, counted likewise.
	Copy struct{ N int }

	// Settings shows how the screen looks and behaves, to be changed.
	Settings struct{}

	// Name shows the own name, or changes it to New, if not "".
	Name struct{ New string }

	// Petname names a person: Who, or with Who "" the one of the current
	// chat. An empty New drops the petname.
	Petname struct{ Who, New string }

	// Add makes somebody a contact, by an address or an invitation; As is a
	// petname, or "".
	Add struct{ Address, As string }

	// Invite makes an invitation.
	Invite struct{}

	// Invitations lists the open invitations.
	Invitations struct{}

	// Revoke takes an open invitation back.
	Revoke struct{ Invitation string }

	// Requests lists the strangers who would like to write.
	Requests struct{}

	// Accept takes the request of Who; "" is the one of the current chat, here
	// and in the commands that follow.
	Accept struct{ Who string }

	// Block has nothing of Who taken any more.
	Block struct{ Who string }

	// Unblock takes a block back.
	Unblock struct{ Who string }

	// Verify shows the safety number that one has with Who, or, if Done, says
	// that it was compared.
	Verify struct {
		Who  string
		Done bool
	}

	// Unverify takes a verification back.
	Unverify struct{ Who string }

	// Net shows how the program hears and is heard.
	Net struct{}

	// Reply answers the Nth newest message of others in the current chat.
	Reply struct {
		N    int
		Text string
	}

	// React sets an emoji beside the Nth newest message of others, in the place
	// of a former one; "" takes that away.
	React struct {
		N     int
		Emoji string
	}

	// Correct puts Text in the place of the Nth newest own message's.
	Correct struct {
		N    int
		Text string
	}

	// Unsend takes the Nth newest own message back.
	Unsend struct{ N int }

	// Outbox lists the messages that wait.
	Outbox struct{}

	// Retry tries to deliver now what waits for the person of the waiting
	// message whose ID begins with ID, or with ID "" all that waits.
	Retry struct{ ID string }

	// Cancel gives up the waiting message whose ID begins with ID.
	Cancel struct{ ID string }

	// Export makes a backup in File. PassFile holds its passphrase in its first
	// line; "" is for the one who asks to write it.
	Export struct{ File, PassFile string }

	// Edit writes a message in another editor; Text, if not "", is its
	// beginning.
	Edit struct{ Text string }

	// Delete deletes from this disk what was written in the chat with Who
	// ("#lan" is the room), or in the current one; Sure says that nobody need
	// be asked any more.
	Delete struct {
		Who  string
		Sure bool
	}

	// Retain keeps messages of the current chat for a time, or, if Off, for
	// good. With neither it tells for how long they are kept.
	Retain struct {
		For time.Duration
		Off bool
	}

	// Quit ends the program.
	Quit struct{}
)

func (Say) command()         {}
func (Help) command()        {}
func (Msg) command()         {}
func (Who) command()         {}
func (History) command()     {}
func (Search) command()      {}
func (Mute) command()        {}
func (Open) command()        {}
func (Copy) command()        {}
func (Settings) command()    {}
func (Name) command()        {}
func (Petname) command()     {}
func (Add) command()         {}
func (Invite) command()      {}
func (Invitations) command() {}
func (Revoke) command()      {}
func (Requests) command()    {}
func (Accept) command()      {}
func (Block) command()       {}
func (Unblock) command()     {}
func (Verify) command()      {}
func (Unverify) command()    {}
func (Net) command()         {}
func (Reply) command()       {}
func (React) command()       {}
func (Correct) command()     {}
func (Unsend) command()      {}
func (Outbox) command()      {}
func (Retry) command()       {}
func (Cancel) command()      {}
func (Export) command()      {}
func (Edit) command()        {}
func (Delete) command()      {}
func (Retain) command()      {}
func (Quit) command()        {}

// DefaultHistory and MaxHistory are how many messages /history shows when not
// told, and at most.
const (
	DefaultHistory = 20
	MaxHistory     = 1000
)

// Error is an input that looks like a command and is none. It is shown where
// it was typed and sent to nobody.
type Error struct{ text, hint string }

// Error says what is wrong.
func (e *Error) Error() string { return e.text }

// Hint is the next step.
func (e *Error) Hint() string { return e.hint }

// Parse reads one input: a line of plain mode, or what the composer holds.
//
// Only one line that begins with a slash can be a command; a second slash
// makes it text again, less the first slash. All else is text as it is. The
// error is always an [*Error].
func Parse(input string) (Command, error) {
	if strings.TrimSpace(input) == "" {
		return Say{}, nil
	}
	if !strings.HasPrefix(input, "/") || strings.ContainsAny(input, "\n\r") {
		return Say{Text: input}, nil
	}
	if strings.HasPrefix(input, "//") {
		return Say{Text: input[1:]}, nil
	}
	word, rest := cut(input[1:])
	spec, ok := find(word)
	if !ok {
		return nil, unknown(input, word)
	}
	cmd, ok := spec.parse(rest)
	if !ok {
		return nil, &Error{
			text: fmt.Sprintf("/%s cannot be read", spec.Name),
			hint: fmt.Sprintf("write %s: %s", spec.Usage, spec.Help),
		}
	}
	return cmd, nil
}

// Quote returns what one types to send text: Parse makes Say{text} of it.
func Quote(text string) string {
	if strings.HasPrefix(text, "/") && !strings.ContainsAny(text, "\n\r") {
		return "/" + text
	}
	return text
}

// Spec describes one command to people.
type Spec struct {
	Name  string // without the slash
	Usage string // how it is written
	Help  string // what it does, in one line

	parse func(rest string) (cmd Command, ok bool)
}

// All returns every command in the order in which help shows them.
func All() []Spec {
	return []Spec{
		{"help", "/help [COMMAND]", "show what can be typed", parseHelp},
		{"msg", "/msg NAME [TEXT]", "open the chat with somebody, or write to them; /msg #lan is the room", parseMsg},
		{"who", "/who [NAME]", "show who is near and whom you know, or all about one of them", parseWho(func(who string) Command { return Who{who} })},
		{"history", "/history [N]", "show the last messages of this chat", parseHistory},
		{"search", "/search [WORDS]", `find messages: all words, "words in a row", from:NAME in:NAME after:DATE before:DATE`, parseSearch},
		{"mute", "/mute [TIME|off]", "let this chat disturb you no more: for good, or for 30m, 8h, 1d, 2w", parseMute},
		{"open", "/open [N]", "open the newest link of this chat, or the Nth from the end", parseCount(func(n int) Command { return Open{n} })},
		{"copy", "/copy [N]", "copy the newest message, or the Nth from the end", parseCount(func(n int) Command { return Copy{n} })},
		{"reply", "/reply [N] TEXT", "answer the newest message of others, or the Nth from the end", parseReply},
		{"react", "/react [N] EMOJI|off", "set an emoji beside the newest message of others, or take it away", parseReact},
		{"correct", "/correct [N] TEXT", "put another text in the place of your newest message", parseCorrect},
		{"unsend", "/unsend [N]", "take your newest message back: erased here, and others are asked to erase it", parseCount(func(n int) Command { return Unsend{n} })},
		{"settings", "/settings", "change the theme, the mouse, notices and your name", bare(Settings{})},
		{"name", "/name [NEW]", "show or change your own name", parseName},
		{"petname", "/petname [NAME] NEW", "call somebody what you like; - drops it", parsePetname},
		{"add", "/add ADDRESS [as NAME]", "make somebody a contact, by an address /ip4/…/p2p/… or an invitation dione:…", parseAdd},
		{"invite", "/invite [list|revoke INVITATION]", "make a one-time invitation for somebody", parseInvite},
		{"requests", "/requests", "show the strangers who would like to write to you", bare(Requests{})},
		{"accept", "/accept [NAME]", "let a stranger write to you", parseWho(func(who string) Command { return Accept{who} })},
		{"block", "/block [NAME]", "take nothing of somebody any more, without a word to them", parseWho(func(who string) Command { return Block{who} })},
		{"unblock", "/unblock [NAME]", "take a block back", parseWho(func(who string) Command { return Unblock{who} })},
		{"verify", "/verify [NAME] [done]", "compare safety numbers with somebody; done says that they are equal", parseVerify},
		{"unverify", "/unverify [NAME]", "take a verification back", parseWho(func(who string) Command { return Unverify{who} })},
		{"net", "/net", "show addresses, interfaces and traffic", bare(Net{})},
		{"outbox", "/outbox [retry [ID]|cancel ID]", "show what waits to be delivered, try again, or give a message up", parseOutbox},
		{"export", "/export FILE [PASSPHRASE-FILE]", "make a backup of all that is here, under a passphrase of its own", parseExport},
		{"edit", "/edit [TEXT]", "write in your own editor, the one that VISUAL or EDITOR names; what you write there comes back here", parseEdit},
		{"retain", "/retain [TIME|off]", "delete messages of this chat from this disk when they are older: 12h, 30d, 8w", parseRetain},
		{"delete", "/delete [NAME] [yes]", "delete what was written in a chat from this disk; asks first, unless you say yes", parseDelete},
		{"quit", "/quit", "leave", bare(Quit{})},
	}
}

// OfPerson reports whether the command, without a name, is about the person of
// the current chat, so that it needs one in the room.
func (s Spec) OfPerson() bool {
	switch s.Name {
	case "block", "verify", "unverify":
		return true
	}
	return false
}

func find(word string) (Spec, bool) {
	for _, s := range All() {
		if strings.EqualFold(s.Name, word) {
			return s, true
		}
	}
	return Spec{}, false
}

func bare(cmd Command) func(string) (Command, bool) {
	return func(rest string) (Command, bool) { return cmd, rest == "" }
}

func parseHelp(rest string) (Command, bool) {
	spec, known := find(strings.TrimPrefix(rest, "/"))
	return Help{Topic: spec.Name}, known || rest == ""
}

func parseMsg(rest string) (Command, bool) {
	to, text := cut(rest)
	return Msg{To: to, Text: text}, to != ""
}

func parseHistory(rest string) (Command, bool) {
	if rest == "" {
		return History{N: DefaultHistory}, true
	}
	n, err := strconv.Atoi(rest)
	return History{N: min(n, MaxHistory)}, err == nil && n > 0
}

// parseCount reads a number from 1 to MaxHistory, which is 1 if not told.
func parseCount(cmd func(n int) Command) func(string) (Command, bool) {
	return func(rest string) (Command, bool) {
		if rest == "" {
			return cmd(1), true
		}
		n, err := strconv.Atoi(rest)
		return cmd(n), err == nil && n > 0 && n <= MaxHistory
	}
}

func parseSearch(rest string) (Command, bool) { return Search{Query: rest}, true }

// maxMute is the longest time that is not for good.
const maxMute = 366 * 24 * time.Hour

func parseMute(rest string) (Command, bool) {
	switch {
	case rest == "":
		return Mute{}, true
	case strings.EqualFold(rest, "off"):
		return Mute{Off: true}, true
	}
	d, ok := parseTime(rest, maxMute)
	return Mute{For: d}, ok
}

// parseTime reads a time such as 30m, 8h, 1d or 2w.
func parseTime(s string, most time.Duration) (time.Duration, bool) {
	unit, ok := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if !ok || err != nil || n < 1 || n > int(most/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// Messages are kept for an hour at least, and for ten years at most, if not
// for good.
const minRetain, maxRetain = time.Hour, 10 * 366 * 24 * time.Hour

func parseRetain(rest string) (Command, bool) {
	switch {
	case rest == "":
		return Retain{}, true
	case strings.EqualFold(rest, "off"):
		return Retain{Off: true}, true
	}
	d, ok := parseTime(rest, maxRetain)
	return Retain{For: d}, ok && d >= minRetain
}

func parseDelete(rest string) (Command, bool) {
	words := strings.Fields(rest)
	var cmd Delete
	if n := len(words); n > 0 && words[n-1] == "yes" {
		cmd.Sure, words = true, words[:n-1]
	}
	if len(words) == 1 {
		cmd.Who = words[0]
	}
	return cmd, len(words) <= 1
}

func parseEdit(rest string) (Command, bool) { return Edit{Text: rest}, true }

func parseName(rest string) (Command, bool) {
	return Name{New: rest}, true // the engine makes one word of several
}

func parsePetname(rest string) (Command, bool) {
	words := strings.Fields(rest)
	if len(words) != 1 && len(words) != 2 {
		return nil, false
	}
	var cmd Petname
	if len(words) == 2 {
		cmd.Who = words[0]
	}
	if last := words[len(words)-1]; last != "-" {
		cmd.New = last
	}
	return cmd, true
}

func parseAdd(rest string) (Command, bool) {
	words := strings.Fields(rest)
	switch {
	case len(words) == 1:
		return Add{Address: words[0]}, true
	case len(words) == 3 && strings.EqualFold(words[1], "as"):
		return Add{Address: words[0], As: words[2]}, true
	}
	return nil, false
}

// countAndText reads a text with a number before it, which is 1 if there is
// none. A number alone is a text.
func countAndText(rest string) (n int, text string) {
	word, text := cut(rest)
	if n, err := strconv.Atoi(word); err == nil && n > 0 && text != "" {
		return n, text
	}
	return 1, rest
}

func parseReply(rest string) (Command, bool) {
	n, text := countAndText(rest)
	return Reply{n, text}, text != ""
}

func parseReact(rest string) (Command, bool) {
	n, emoji := countAndText(rest)
	if strings.EqualFold(emoji, "off") {
		return React{N: n}, true
	}
	return React{n, emoji}, emoji != "" && !strings.ContainsAny(emoji, " \t")
}

func parseCorrect(rest string) (Command, bool) {
	n, text := countAndText(rest)
	return Correct{n, text}, text != ""
}

func parseInvite(rest string) (Command, bool) {
	action, text := cut(rest)
	switch {
	case action == "":
		return Invite{}, true
	case action == "list" && text == "":
		return Invitations{}, true
	case action == "revoke" && text != "":
		return Revoke{Invitation: text}, true
	}
	return nil, false
}

// parseWho reads at most one name.
func parseWho(cmd func(who string) Command) func(string) (Command, bool) {
	return func(rest string) (Command, bool) { return cmd(rest), !strings.ContainsAny(rest, " \t") }
}

func parseVerify(rest string) (Command, bool) {
	words := strings.Fields(rest)
	var cmd Verify
	if n := len(words); n > 0 && words[n-1] == "done" {
		cmd.Done, words = true, words[:n-1]
	}
	if len(words) == 1 {
		cmd.Who = words[0]
	}
	return cmd, len(words) <= 1
}

func parseOutbox(rest string) (Command, bool) {
	action, id := cut(rest)
	switch {
	case action == "":
		return Outbox{}, true
	case action == "retry" && !strings.ContainsAny(id, " \t"):
		return Retry{ID: strings.ToLower(id)}, true
	case action == "cancel" && id != "" && !strings.ContainsAny(id, " \t"):
		return Cancel{ID: strings.ToLower(id)}, true
	}
	return nil, false
}

func parseExport(rest string) (Command, bool) {
	file, pass := cut(rest)
	return Export{File: file, PassFile: pass}, file != "" && !strings.ContainsAny(pass, " \t")
}

// cut splits off the first word; what follows keeps its inner blanks, which
// belong to a text, but not those around it.
func cut(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], strings.TrimSpace(s[i:])
	}
	return s, ""
}
