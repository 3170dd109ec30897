package plain

import (
	"testing"
	"testing/synctest"

	"dione/net/messenger"
)

// TestChanges answers, reacts, corrects and takes back, and is told what
// others do.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		bob := f.people[0]
		chat := messenger.Chat{Peer: bob.ID}
		ann, him := f.self.ID.String(), bob.ID.String()
		one, two := f.theirs(chat, "one"), f.theirs(chat, "two")
		r := begin(t, f, Options{})
		r.types("/msg bob")
		id := func(n string) string { return n + firstID[4:] }
		const at = "2026-11-20T14:02:09.000Z"
		expect(t, "/reply", r.types("/reply yes, it did"), "sent "+id("0003")+" "+him+" re:"+two.ID.String()+" yes, it did")
		expect(t, "/reply N", r.types("/reply 2 no"), "sent "+id("0004")+" "+him+" re:"+one.ID.String()+" no")
		expect(t, "/react", r.types("/react 👍"), "reaction "+id("0005")+" "+him+" "+two.ID.String()+" "+ann+" ann aaaa "+at+" 👍")
		expect(t, "/react off", r.types("/react off"), "reaction "+id("0006")+" "+him+" "+two.ID.String()+" "+ann+" ann aaaa "+at)
		expect(t, "/correct", r.types("/correct of course"), "edited "+id("0007")+" "+him+" "+id("0004")+" "+ann+" ann aaaa "+at+" of course")
		expect(t, "/unsend", r.types("/unsend 2"), "deleted "+id("0008")+" "+him+" "+id("0003")+" "+ann+" ann aaaa "+at)
		expect(t, "its state", r.tells(messenger.StateChanged{Message: f.set(8, messenger.StateDelivered, 1, 1)}), "state "+id("0008")+" delivered 1 1")
		expect(t, "text and /react", r.types("/msg #lan", "hi", "/correct hello"), "chat #lan #lan", "sent "+id("0009")+" #lan hi",
			"edited "+id("000a")+" #lan "+id("0009")+" "+ann+" ann aaaa "+at+" hello")
		expect(t, "no message", r.types("/react 👍"),
			"error no such message here: there are fewer than 1 of others — hint: /history shows the last messages; 1 is the newest that fits")
		r.types("/msg bob")
		expect(t, "no emoji", r.types("/react wonderful"),
			"error a reaction is one emoji or one letter — hint: /react 👍 sets one, /react off takes it away")
		theirs := func(seq uint64, kind messenger.Kind, text string) messenger.Message {
			m := f.theirs(chat, text)
			m.Kind, m.Seq, m.Target = kind, seq, messenger.Ref{ID: two.ID, From: bob.ID}
			f.rows[m.Row-1] = m
			return m
		}
		like := theirs(3, messenger.KindReaction, "🎉")
		expect(t, "a reaction of bob's", r.tells(messenger.MessageChanged{Change: like, From: bob}),
			"reaction "+like.ID.String()+" "+him+" "+two.ID.String()+" "+him+" bob bbbb "+at+" lan 🎉")
		expect(t, "told again", r.tells(messenger.MessageChanged{Change: like, From: bob}))
		expect(t, "one that comes to nothing", r.tells(messenger.ChangeReceived{Change: theirs(4, messenger.KindCorrection, "x"), From: bob}))
		last := theirs(5, messenger.KindText, "three")
		last.Target = messenger.Ref{}
		expect(t, "nothing is missing", r.tells(messenger.MessageReceived{Message: last, From: bob}),
			"message "+last.ID.String()+" "+him+" "+him+" bob bbbb "+at+" lan three")
		theirs(6, messenger.KindReaction, "🎉") // which does not count, as far as the store says
		gone := theirs(7, messenger.KindDeletion, "")
		f.rows[two.Row-1].Deleted = true
		expect(t, "after a gap in the events", r.tells(messenger.Lagged{}),
			"near "+him+" bob bbbb lan",
			"deleted "+gone.ID.String()+" "+him+" "+two.ID.String()+" "+him+" bob bbbb "+at+" lan")
		r.end()
	})
}
