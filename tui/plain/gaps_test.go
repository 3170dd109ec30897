package plain

import (
	"testing"
	"testing/synctest"

	"dione/net/messenger"
)

// TestMissing has messages of bob come out of their order.
func TestMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		bob := f.people[0]
		comes := func(chat messenger.Chat, seq uint64) messenger.Event {
			m := f.add(messenger.Message{Chat: chat, From: bob.ID, Seq: seq, State: messenger.StateReceived, Path: messenger.PathMailbox, Text: "x"})
			return messenger.MessageReceived{Message: m, From: bob}
		}
		private := messenger.Chat{Peer: bob.ID}
		comes(private, 7) // before this run
		r := begin(t, f, Options{})
		line := func(row string) string {
			return "message 00" + row + firstID[4:] + " " + bob.ID.String() + " " + bob.ID.String() + " bob bbbb 2026-11-20T14:02:09.000Z mailbox x"
		}
		missing := "missing " + bob.ID.String() + " bob bbbb "
		r.out.take()
		expect(t, "two are skipped", r.tells(comes(private, 10)), line("02"), missing+"2")
		expect(t, "the next", r.tells(comes(private, 11)), line("03"))
		expect(t, "two and one more", r.tells(comes(private, 13)), line("04"), missing+"3")
		expect(t, "one comes", r.tells(comes(private, 9)), line("05"), missing+"2")
		expect(t, "all come", r.tells(comes(private, 8), comes(private, 12)), line("06"), missing+"1", line("07"), missing+"0")
		expect(t, "one that nobody missed", r.tells(comes(private, 3)), line("08"))
		expect(t, "very many are skipped", r.tells(comes(private, 13+maxMissing+2)), line("09"))
		expect(t, "one of those", r.tells(comes(private, 14)), line("0a"))

		r.tells(comes(messenger.Room, 1), comes(messenger.Room, 5)) // nobody misses what was said while away
		if n := len(f.rows); n != 12 {
			t.Errorf("%d messages", n)
		}
		r.end()
	})
}
