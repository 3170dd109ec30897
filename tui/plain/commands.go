package plain

import (
	"context"
	"fmt"
	"strings"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/browse"
	"dione/tui/command"
	"dione/tui/record"
)

// carryOut does what a command says.
func (s *session) carryOut(ctx context.Context, cmd command.Command) error {
	switch cmd := cmd.(type) {
	case command.Help:
		for _, c := range command.All() {
			if cmd.Topic == "" || cmd.Topic == c.Name {
				s.info("%s: %s", c.Usage, c.Help)
			}
		}
	case command.Msg:
		return s.message(ctx, cmd)
	case command.Who:
		return s.who(ctx, cmd.Who)
	case command.History:
		return s.history(ctx, cmd.N)
	case command.Search:
		return s.search(ctx, cmd.Query)
	case command.Reply, command.React, command.Correct, command.Unsend:
		return s.changeMessage(ctx, cmd)
	case command.Retain:
		return s.retain(ctx, cmd)
	case command.Delete:
		return s.delete(ctx, cmd)
	case command.Mute:
		return s.mute(ctx, cmd)
	case command.Open:
		return s.openLink(ctx, cmd.N)
	case command.Copy:
		return errNoClipboard
	case command.Settings:
		s.print(record.Info{Text: "the settings are those of the screen, in config.toml in the profile directory", Hint: "dione --help lists them"})
	case command.Edit:
		return errNoEditor
	case command.Name:
		if cmd.New != "" {
			if err := s.client.SetName(ctx, cmd.New); err != nil {
				return err
			}
		}
		self := s.client.Self()
		s.info("you are %s ·%s", self.Name, self.Tag)
	case command.Petname:
		return s.petname(ctx, cmd)
	case command.Add, command.Invite, command.Invitations, command.Revoke, command.Requests,
		command.Accept, command.Block, command.Unblock, command.Verify, command.Unverify:
		return s.carryOutTrust(ctx, cmd)
	case command.Net:
		n, err := s.client.Net(ctx)
		if err == nil {
			s.print(record.NetOf(n))
		}
		return err
	case command.Outbox:
		return s.outbox(ctx)
	case command.Retry:
		return s.retry(ctx, cmd.ID)
	case command.Cancel:
		return s.cancel(ctx, cmd.ID)
	case command.Export:
		return s.export(ctx, cmd)
	case command.Quit:
		s.quit = true
	}
	return nil
}

// mute has the current chat disturb nobody. The event tells of it.
func (s *session) mute(ctx context.Context, cmd command.Mute) error {
	until := int64(messenger.Forever)
	switch {
	case cmd.Off:
		until = 0
	case cmd.For > 0:
		until = s.opts.Now().Add(cmd.For).UnixMilli()
	}
	return s.client.Mute(ctx, s.chat, until)
}

// message writes to somebody, or makes their chat the current one.
func (s *session) message(ctx context.Context, cmd command.Msg) error {
	chat, name := messenger.Room, messenger.Room.String()
	if cmd.To != name {
		p, err := s.client.Resolve(ctx, cmd.To)
		if err != nil {
			return err
		}
		chat, name = messenger.Chat{Peer: p.ID}, p.Name
	}
	if cmd.Text != "" {
		s.submit(ctx, chat, cmd.Text)
		return nil
	}
	s.chat = chat
	s.print(record.Chat{Conversation: chat.String(), Name: name})
	return nil
}

// who tells of the person of a name, or of everybody.
func (s *session) who(ctx context.Context, name string) error {
	if name != "" {
		p, err := s.client.Resolve(ctx, name)
		if err == nil {
			s.print(record.PersonOf(p))
		}
		return err
	}
	people, err := s.client.People(ctx)
	for _, p := range people {
		s.print(record.PersonOf(p))
	}
	if err == nil && len(people) == 0 {
		s.info("nobody near yet, and nobody known")
	}
	return err
}

func (s *session) history(ctx context.Context, n int) error {
	msgs, err := s.client.History(ctx, s.chat, messenger.Cursor{}, n)
	if err != nil {
		return err
	}
	if len(msgs) == 0 {
		s.info("nothing is written here yet")
		return nil
	}
	people, err := s.client.People(ctx)
	if err != nil {
		return err
	}
	names := record.NamesOf(s.client.Self(), people)
	for _, m := range msgs {
		s.print(names.History(m))
	}
	return nil
}

// maxHits is how many messages a search tells.
const maxHits = 50

func (s *session) search(ctx context.Context, query string) error {
	found, err := s.client.Search(ctx, query, 0, maxHits)
	if err != nil {
		return err
	}
	people, err := s.client.People(ctx)
	if err != nil {
		return err
	}
	names := record.NamesOf(s.client.Self(), people)
	for _, h := range found.Hits {
		s.print(names.Hit(h))
	}
	switch {
	case len(found.Hits) == 0:
		s.info("nothing found for %s", query)
	case found.Next != 0:
		s.info("these are the newest %d: another word, or before:DATE, finds others", maxHits)
	}
	return nil
}

// openLink tells a link of the chat, and opens it where it can be seen.
func (s *session) openLink(ctx context.Context, n int) error {
	link, err := browse.Find(ctx, s.client, s.chat, n)
	if err != nil {
		return err
	}
	s.info("%s", link.Target)
	if s.opts.Open == nil {
		return nil
	}
	return s.opts.Open(ctx, link.Target)
}

// errNoClipboard is the answer to /copy: what would reach the clipboard of a
// terminal is no line of text.
var errNoClipboard = hinted{"line mode has no clipboard", "/history prints the last messages, one a line"}

// errNoEditor is the answer to /edit: lines are read and printed while an
// editor would have the terminal.
var errNoEditor = hinted{"line mode has no editor", "dione send NAME < FILE sends what you wrote elsewhere"}

// hinted is an error with the next step.
type hinted struct{ text, hint string }

func (e hinted) Error() string { return e.text }
func (e hinted) Hint() string  { return e.hint }

func (s *session) petname(ctx context.Context, cmd command.Petname) error {
	p, err := s.meant(ctx, "petname", cmd.Who)
	if err != nil {
		return err
	}
	return s.client.SetPetname(ctx, p.ID, cmd.New)
}

func (s *session) outbox(ctx context.Context) error {
	msgs, err := s.client.Outbox(ctx)
	if err != nil {
		return err
	}
	for _, m := range msgs {
		s.print(record.WaitingOf(m, s.person(ctx, m.Chat.Peer)))
	}
	if len(msgs) == 0 {
		s.info("nothing waits")
	}
	return nil
}

// waitingOf returns the one waiting message whose id begins so.
func (s *session) waitingOf(ctx context.Context, prefix string) (found messenger.Waiting, err error) {
	msgs, err := s.client.Outbox(ctx)
	if err != nil {
		return found, err
	}
	n := 0
	for _, m := range msgs {
		if strings.HasPrefix(m.ID.String(), prefix) {
			found = m
			n++
		}
	}
	if n != 1 {
		return found, fmt.Errorf("%d waiting messages begin with %q: /outbox lists them", n, prefix)
	}
	return found, nil
}

func (s *session) cancel(ctx context.Context, prefix string) error {
	m, err := s.waitingOf(ctx, prefix)
	if err != nil {
		return err
	}
	return s.client.Cancel(ctx, m.Chat, m.ID)
}

// retry tries to deliver what waits for the person of a message, or for all.
func (s *session) retry(ctx context.Context, prefix string) error {
	if prefix == "" {
		if err := s.client.Retry(ctx, identity.ID{}); err != nil {
			return err
		}
		s.info("looking for everybody for whom something waits")
		return nil
	}
	m, err := s.waitingOf(ctx, prefix)
	if err != nil {
		return err
	}
	if err := s.client.Retry(ctx, m.Chat.Peer); err != nil {
		return err
	}
	s.info("looking for %s, for whom it waits", s.person(ctx, m.Chat.Peer))
	return nil
}
