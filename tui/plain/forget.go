package plain

import (
	"context"

	"dione/net/messenger"
	"dione/tui/command"
	"dione/tui/text"
)

// retain says for how long messages of the current chat are kept, or changes
// it. The event tells of that.
func (s *session) retain(ctx context.Context, cmd command.Retain) error {
	if cmd != (command.Retain{}) {
		return s.client.Retain(ctx, s.chat, cmd.For)
	}
	infos, err := s.client.Chats(ctx)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.Chat == s.chat && info.Keep > 0 {
			s.info("messages of this conversation are kept for %s", text.Span(info.Keep))
			return nil
		}
	}
	s.info("messages of this conversation are kept until you delete them")
	return nil
}

// delete deletes what was written in a chat, if the user has said yes, and
// says what that means if not.
func (s *session) delete(ctx context.Context, cmd command.Delete) error {
	chat, who, again := s.chat, messenger.Room.String(), "/delete yes"
	if cmd.Who != "" {
		again = "/delete " + cmd.Who + " yes"
		chat = messenger.Room
	}
	if cmd.Who != "" && cmd.Who != who || cmd.Who == "" && !chat.IsRoom() {
		p, err := s.meant(ctx, "delete", cmd.Who)
		if err != nil {
			return err
		}
		chat, who = messenger.Chat{Peer: p.ID}, p.Name
	}
	if cmd.Sure {
		return s.client.DeleteChat(ctx, chat) // the event tells when it is done
	}
	waiting, err := s.client.Outbox(ctx)
	if err != nil {
		return err
	}
	unsealed, sealed := 0, 0
	for _, w := range waiting {
		switch {
		case w.Chat != chat:
		case w.Sealed:
			sealed++
		default:
			unsealed++
		}
	}
	s.info("this deletes every message of the conversation %s from this disk, its words in the search and its draft", who)
	if unsealed+sealed > 0 {
		s.info("%d messages wait here: they are given up; %d are on their way and may still arrive", unsealed, sealed)
	}
	s.info("what others have stays with them; people and backups stay, and for 90 days a random number of each message; write %s to do it", again)
	return nil
}

// chatName is what a chat is called.
func (s *session) chatName(ctx context.Context, c messenger.Chat) string {
	if c.IsRoom() {
		return c.String()
	}
	return s.person(ctx, c.Peer).Name
}
