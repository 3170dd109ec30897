package messenger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"dione/crypto/identity"
)

// A deleted chat is gone here and nowhere else; what was deleted waits no
// more, and the two go on writing to each other.
func TestDeleteChat(t *testing.T) {
	annDir, bobDir := t.TempDir(), t.TempDir()
	ann, bob := startEngine(t, annDir, "ann"), startEngine(t, bobDir, "bob")
	meet(ann, bob)
	const n = 3 * forgetStep / 2 // several steps
	for i := range n {
		ann.send(chatWith(bob), fmt.Sprint("to bob ", i))
	}
	bob.awaitText(fmt.Sprint("to bob ", n-1))
	last := bob.send(chatWith(ann), "to ann")
	ann.awaitText("to ann")
	bob.awaitState(last.ID, StateDelivered)
	bob.stop()
	ann.awaitGone(bob)
	ann.send(chatWith(bob), "never to be read")

	if err := ann.DeleteChat(t.Context(), chatWith(bob)); err != nil {
		t.Fatal(err)
	}
	done := await(ann, "the deletion", func(ev ChatErased) bool { return ev.Whole })
	if done.Info.Chat != chatWith(bob) || done.N != n+2 || done.Info.Last.Row != 0 {
		t.Errorf("told %+v", done)
	}
	if waiting, err := ann.Outbox(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("%d messages wait, %v", len(waiting), err)
	}
	if msgs, err := ann.History(t.Context(), chatWith(bob), Cursor{}, 10); err != nil || len(msgs) != 0 {
		t.Errorf("%d messages are left, %v", len(msgs), err)
	}
	if p, err := ann.Person(t.Context(), bob.Self().ID); err != nil || !p.Contact {
		t.Errorf("bob is %+v, %v", p, err)
	}

	bob = startEngine(t, bobDir, "bob")
	meet(ann, bob)
	ann.awaitState(ann.send(chatWith(bob), "hello again").ID, StateDelivered)
	msgs, err := bob.History(t.Context(), chatWith(ann), Cursor{}, 1000)
	if err != nil || len(msgs) != n+2 {
		t.Fatalf("bob has %d messages, %v", len(msgs), err)
	}
	if got := msgs[n+1]; got.Text != "hello again" || got.Late || got.Seq != n+1 {
		t.Errorf("the last one is %+v", got)
	}
	var unknown *UnknownPersonError
	if err := ann.DeleteChat(t.Context(), Chat{Peer: identity.ID{1}}); !errors.As(err, &unknown) {
		t.Errorf("the chat with a stranger: %v", err)
	}
}

// What is too old goes at the start and when the user says so.
func TestRetain(t *testing.T) {
	dir := t.TempDir()
	ann := startEngine(t, dir, "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	ann.awaitState(ann.send(chatWith(bob), "soon gone").ID, StateDelivered)
	if err := ann.Retain(t.Context(), chatWith(bob), time.Hour); err != nil {
		t.Fatal(err)
	}
	await(ann, "the time", func(ev ChatRetained) bool { return ev.Info.Chat == chatWith(bob) && ev.Info.Keep == time.Hour })
	if msgs, err := ann.History(t.Context(), chatWith(bob), Cursor{}, 10); err != nil || len(msgs) != 1 {
		t.Errorf("%d messages are left, %v", len(msgs), err)
	}
	if err := ann.Retain(t.Context(), chatWith(bob), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	await(ann, "the deletion", func(ev ChatErased) bool { return ev.Info.Chat == chatWith(bob) })
	ann.awaitState(ann.send(chatWith(bob), "gone at the next start").ID, StateDelivered)
	ann.stop()
	ann = startEngine(t, dir, "ann")
	if ev := await(ann, "the deletion", func(ev ChatErased) bool { return ev.Info.Chat == chatWith(bob) }); ev.N != 1 || ev.Whole {
		t.Errorf("told %+v", ev)
	}
	if msgs, err := ann.History(t.Context(), chatWith(bob), Cursor{}, 10); err != nil || len(msgs) != 0 {
		t.Errorf("%d messages are left, %v", len(msgs), err)
	}
}
