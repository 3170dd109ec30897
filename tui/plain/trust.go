package plain

import (
	"context"
	"fmt"
	"strings"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/record"
)

// carryOutTrust does what a command says about whom to trust.
func (s *session) carryOutTrust(ctx context.Context, cmd command.Command) error {
	switch cmd := cmd.(type) {
	case command.Add:
		p, err := s.client.Add(ctx, cmd.Address, cmd.As)
		if err == nil {
			s.info("%s is a contact now%s", p, looking(p))
		}
		return err
	case command.Invite:
		inv, err := s.client.Invite(ctx)
		if err == nil {
			s.print(record.InvitationOf(inv))
		}
		return err
	case command.Invitations:
		open, err := s.client.Invitations(ctx)
		for _, inv := range open {
			s.print(record.InvitationOf(inv))
		}
		if err == nil && len(open) == 0 {
			s.info("no invitation is open")
		}
		return err
	case command.Revoke:
		err := s.client.Revoke(ctx, cmd.Invitation)
		if err == nil {
			s.info("the invitation is taken back")
		}
		return err
	case command.Requests:
		return s.requests(ctx)
	case command.Accept:
		return s.decide(ctx, "accept", cmd.Who, s.client.Accept)
	case command.Block:
		return s.decide(ctx, "block", cmd.Who, s.client.Block)
	case command.Unblock:
		return s.decide(ctx, "unblock", cmd.Who, s.client.Unblock)
	case command.Verify:
		return s.verify(ctx, cmd)
	case command.Unverify:
		p, err := s.meant(ctx, "unverify", cmd.Who)
		if err != nil {
			return err
		}
		return s.client.Verify(ctx, p.ID, false)
	}
	return nil
}

// looking says what happens with a contact who was just added.
func looking(p messenger.Person) string {
	switch {
	case p.Connected():
		return ", and connected"
	case len(p.Addrs) > 0:
		return ": looking for them"
	}
	return ""
}

// meant returns the person whom a command is about: the one of that name, or
// the one of the current chat.
func (s *session) meant(ctx context.Context, what, who string) (messenger.Person, error) {
	if who != "" {
		return s.client.Resolve(ctx, who)
	}
	if s.chat.IsRoom() {
		return messenger.Person{}, fmt.Errorf("/%s means nobody in %s: write /%s NAME", what, s.chat, what)
	}
	return s.client.Person(ctx, s.chat.Peer)
}

// decision is one about a person.
type decision = func(context.Context, identity.ID) error

func (s *session) decide(ctx context.Context, what, who string, do decision) error {
	p, err := s.meant(ctx, what, who)
	if err != nil {
		return err
	}
	return do(ctx, p.ID)
}

func (s *session) requests(ctx context.Context) error {
	people, err := s.client.People(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, p := range people {
		if p.Standing == messenger.StandingRequest {
			s.print(record.RequestOf(p))
			found = true
		}
	}
	if !found {
		s.info("nobody asks to write to you")
	}
	return nil
}

// verify shows a safety number, or takes the word that it was compared.
func (s *session) verify(ctx context.Context, cmd command.Verify) error {
	p, err := s.meant(ctx, "verify", cmd.Who)
	if err != nil {
		return err
	}
	if cmd.Done {
		return s.client.Verify(ctx, p.ID, true)
	}
	number := messenger.SafetyNumber(s.client.Self().ID, p.ID)
	s.print(record.Info{
		Text: fmt.Sprintf("safety number with %s: %s", p, strings.Join(identity.SafetyGroups(number), " ")),
		Hint: fmt.Sprintf("compare it over a call or in person; if it is the same there, /verify %s.%s done", p.Name, p.Tag),
	})
	return nil
}

// changed tells what is new about a person.
func (s *session) changed(p messenger.Person) {
	was, known := s.people[p.ID]
	s.people[p.ID] = p
	switch {
	case p.Standing == was.Standing || !known:
	case p.Standing == messenger.StandingAccepted && was.Standing != messenger.StandingBlocked:
		s.info("%s may write to you from anywhere", p)
	case p.Standing == messenger.StandingBlocked:
		s.info("%s is blocked", p)
	case was.Standing == messenger.StandingBlocked:
		s.info("%s is not blocked any more", p)
	}
	if p.Verified != was.Verified {
		s.info("%s is %s", p, map[bool]string{true: "verified", false: "not verified any more"}[p.Verified])
	}
	if p.Pending && !was.Pending {
		s.info("%s has not accepted you yet: what you write waits", p)
	}
	if p.Problem != was.Problem && p.Problem != "" {
		s.info("%s is not reached: %s; dione goes on trying", p, p.Problem)
	}
}
