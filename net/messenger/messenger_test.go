package messenger

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
	"dione/net/wire"
)

func TestPrivateChat(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)

	sent := ann.send(chatWith(bob), "did the build pass?")
	got := bob.awaitText("did the build pass?")
	if got.Message.ID != sent.ID || got.From.Name != "ann" || got.Message.Path != PathLAN || got.Message.Chat != chatWith(ann) {
		t.Errorf("bob got %+v from %+v, ann sent %+v", got.Message, got.From, sent)
	}
	if msg := ann.awaitState(sent.ID, StateDelivered); msg.Acked != 1 || msg.Addressed != 1 {
		t.Errorf("delivered to %d of %d, want 1 of 1", msg.Acked, msg.Addressed)
	}
	bob.send(chatWith(ann), "green since noon")
	ann.awaitText("green since noon")
	want := []string{"did the build pass?", "green since noon"}
	if here, there := ann.texts(chatWith(bob)), bob.texts(chatWith(ann)); !slices.Equal(here, want) || !slices.Equal(there, want) {
		t.Errorf("ann keeps %q, bob keeps %q, want %q", here, there, want)
	}
}

func TestRoom(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	if msg := ann.send(Room, "anybody?"); msg.State != StateFailed || msg.Reason != "nobody near" {
		t.Errorf("alone in the room: %v (%s), want failed: nobody near", msg.State, msg.Reason)
	}
	bob := startEngine(t, t.TempDir(), "bob")
	eve := startEngine(t, t.TempDir(), "eve")
	meet(ann, bob)
	meet(ann, eve)
	sent := ann.send(Room, "hello room")
	bob.awaitText("hello room")
	eve.awaitText("hello room")
	if msg := ann.awaitState(sent.ID, StateDelivered); msg.Acked != 2 || msg.Addressed != 2 {
		t.Errorf("delivered to %d of %d, want 2 of 2", msg.Acked, msg.Addressed)
	}
	if texts := bob.texts(Room); !slices.Equal(texts, []string{"hello room"}) {
		t.Errorf("bob, who came later, has %q", texts)
	}
}

// TestAway writes to somebody who is away, restarts, and finds all of it
// delivered once and in order when both are up.
func TestAway(t *testing.T) {
	annDir, bobDir := t.TempDir(), t.TempDir()
	ann := startEngine(t, annDir, "ann")
	bob := startEngine(t, bobDir, "bob")
	meet(ann, bob)
	bob.stop()
	await(ann, "gone", func(ev PersonGone) bool { return ev.Person.Name == "bob" })

	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf("message %d", i))
		if msg := ann.send(chatWith(bob), want[i]); msg.State != StateQueued {
			t.Fatalf("message %d is %v, want queued", i, msg.State)
		}
	}
	ann.stop()
	ann = startEngine(t, annDir, "ann")
	if waiting, err := ann.Outbox(t.Context()); err != nil || len(waiting) != len(want) {
		t.Fatalf("after the restart %d messages wait (%v), want %d", len(waiting), err, len(want))
	}
	bob = startEngine(t, bobDir, "bob")
	meet(ann, bob)
	await(ann, "the last delivered", func(ev StateChanged) bool {
		return ev.Message.Text == want[len(want)-1] && ev.Message.State == StateDelivered
	})
	if got := bob.texts(chatWith(ann)); !slices.Equal(got, want) {
		t.Errorf("bob has %d messages, want %d in order: %.200q", len(got), len(want), got)
	}
}

// TestLinkStorm cuts the link again and again during a burst: acknowledgements
// are lost, messages sent twice, and still each arrives once and in order.
func TestLinkStorm(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	keepMeeting(ann, bob)
	var want []string
	for i := range 2000 {
		want = append(want, fmt.Sprintf("message %d", i))
		result := ann.Submit(t.Context(), chatWith(bob), want[i])
		if i%700 == 100 {
			<-result
			cut(t, ann, bob)
		}
	}
	await(ann, "the last delivered", func(ev StateChanged) bool {
		return ev.Message.Text == want[len(want)-1] && ev.Message.State == StateDelivered
	})
	if got := bob.texts(chatWith(ann)); !slices.Equal(got, want) {
		t.Errorf("bob has %d messages, want %d in order", len(got), len(want))
	}
	if n := count(bob, func(MessageReceived) bool { return true }); n != len(want) {
		t.Errorf("bob was told of %d messages, want %d", n, len(want))
	}
}

// cut ends the live connection of a to b without a word, if there is one.
func cut(t *testing.T, a, b *engine) {
	t.Helper()
	err := a.do(t.Context(), func(bt *batch) error {
		if p := a.people[b.Self().ID]; p != nil && p.conn != nil {
			conn := p.conn
			bt.then(func() { conn.Close("cut by the test") })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRename(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	if err := bob.SetName(t.Context(), "robert the second"); err != nil {
		t.Fatal(err)
	}
	ev := await(ann, "renamed", func(PersonRenamed) bool { return true })
	if ev.Was != "bob" || ev.Person.Name != "robert-the-second" {
		t.Errorf("renamed from %q to %q", ev.Was, ev.Person.Name)
	}
	if err := ann.SetPetname(t.Context(), bob.Self().ID, "bobby"); err != nil {
		t.Fatal(err)
	}
	p, err := ann.Resolve(t.Context(), "bobby")
	if err != nil || p.ID != bob.Self().ID || p.Claimed != "robert-the-second" {
		t.Errorf("Resolve(bobby) = %+v, %v", p, err)
	}
	if err := bob.SetName(t.Context(), "rob"); err != nil {
		t.Fatal(err)
	}
	await(ann, "the name behind the petname", func(ev PersonChanged) bool {
		return ev.Person.Name == "bobby" && ev.Person.Claimed == "rob"
	})
	await(ann, "notice", func(ev Notice) bool { return ev.Text == p.String()+" calls themselves rob now" })
	if err := bob.SetName(t.Context(), "\u202e\t"); err == nil {
		t.Error("a name of invisible characters was taken")
	}
}

func TestCancel(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	bob.stop()
	await(ann, "gone", func(PersonGone) bool { return true })
	msg := ann.send(chatWith(bob), "never mind")
	if err := ann.Cancel(t.Context(), msg.Chat, msg.ID); err != nil {
		t.Fatal(err)
	}
	ann.awaitState(msg.ID, StateFailed)
	if err := ann.Cancel(t.Context(), msg.Chat, msg.ID); !errors.Is(err, ErrNotWaiting) {
		t.Errorf("cancelled twice: %v, want ErrNotWaiting", err)
	}
}

func TestSendRefuses(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	stranger := identity.ID{1}
	for _, tt := range []struct {
		name string
		chat Chat
		text string
		want error
	}{
		{"empty", Room, "", ErrEmpty},
		{"too long", Room, strings.Repeat("x", MaxText+1), ErrTooLong},
		{"not UTF-8", Room, "\xff\xfe", ErrNotText},
		{"oneself", chatWith(ann), "hi", ErrSelf},
	} {
		if _, err := ann.Send(t.Context(), tt.chat, tt.text); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	var unknown *UnknownPersonError
	if _, err := ann.Send(t.Context(), Chat{Peer: stranger}, "hi"); !errors.As(err, &unknown) {
		t.Errorf("to a stranger: %v, want an UnknownPersonError", err)
	}
	ann.stop()
	if _, err := ann.Send(t.Context(), Room, "too late"); !errors.Is(err, ErrStopped) {
		t.Errorf("after the end: %v, want ErrStopped", err)
	}
}

func TestReadBeforeRun(t *testing.T) {
	dir := t.TempDir()
	ann := startEngine(t, dir, "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	ann.stop()

	idle := openIdle(t, dir)
	people, err := idle.People(t.Context())
	if err != nil || len(people) != 1 || people[0].Name != "bob" || people[0].Connected() {
		t.Errorf("People = %+v, %v; want bob, away", people, err)
	}
	if self := idle.Self(); self.Name != "ann" || len(self.Addrs) != 0 {
		t.Errorf("Self = %+v, want ann without addresses", self)
	}
}

// TestLinkOutlivesTheLoop has a frame come between the end of the loop and that
// of the network: nobody takes it, and the link stays for what still leaves.
func TestLinkOutlivesTheLoop(t *testing.T) {
	m := openIdle(t, t.TempDir())
	m.frames = nil // nobody reads
	close(m.stopped)
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.readChat(ctx, &link{stream: here}) }()
		if _, err := there.Write(wire.AppendMessage(nil, wire.Hello{Name: "bob"})); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case err := <-ended:
			t.Errorf("readChat ended with the loop: %v", err)
		default:
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("readChat = %v, want %v", err, context.Canceled)
		}
	})
}

func TestSentTime(t *testing.T) {
	for _, tt := range []struct{ ms, want int64 }{
		{-1, 0},
		{0, 0},
		{1763600000000, 1763600000000},
		{1 << 62, maxSent.UnixMilli()},
	} {
		if got := sentTime(tt.ms).UnixMilli(); got != tt.want {
			t.Errorf("sentTime(%d) = %d, want %d", tt.ms, got, tt.want)
		}
	}
}

func TestQueueKeepsWhatTheStoreDoesNot(t *testing.T) {
	var q queue
	q.push(Ready{}, Notice{Text: "port taken"})
	for range maxPending {
		q.push(MessageSent{})
	}
	var got []Event
	for {
		ev, ok := q.peek()
		if !ok {
			break
		}
		got = append(got, ev)
		q.pop()
	}
	var kinds []string
	for _, ev := range got[:min(len(got), 5)] {
		kinds = append(kinds, fmt.Sprintf("%T", ev))
	}
	want := []string{"messenger.Ready", "messenger.Notice", "messenger.Lagged"}
	if len(got) > maxPending || !slices.Equal(kinds[:min(len(kinds), 3)], want) {
		t.Errorf("the queue held %d events, %q first; want %q and at most %d", len(got), kinds, want, maxPending)
	}
}

func TestByNearness(t *testing.T) {
	people := []Person{
		{Name: "stranger"},
		{Name: "contact", Contact: true},
		{Name: "direct", Path: PathDirect},
		{Name: "zoe", Path: PathLAN},
		{Name: "ann", Path: PathLAN, LastSeen: time.Now().UnixMilli()},
	}
	slices.SortFunc(people, byNearness)
	var names []string
	for _, p := range people {
		names = append(names, p.Name)
	}
	if want := []string{"ann", "zoe", "direct", "contact", "stranger"}; !slices.Equal(names, want) {
		t.Errorf("order %q, want %q", names, want)
	}
}
