package messenger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/net/wire"
)

func refOf(msg Message) Ref { return Ref{ID: msg.ID, From: msg.From} }

// awaitChange waits until somebody has done this to a message.
func (e *engine) awaitChange(kind Kind, fits func(MessageChanged) bool) MessageChanged {
	e.t.Helper()
	return await(e, fmt.Sprint("change of kind ", kind), func(ev MessageChanged) bool { return ev.Change.Kind == kind && fits(ev) })
}

func (e *engine) must(msg Message, err error) Message {
	e.t.Helper()
	if err != nil {
		e.t.Fatalf("%s: %v", e.name, err)
	}
	return msg
}

// TestChanges has two people answer, react, correct and take back, in private
// and in the room: the other one sees it, and is told by one event each.
func TestChanges(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	ctx := t.Context()
	for _, chats := range [][2]Chat{{chatWith(bob), chatWith(ann)}, {Room, Room}} {
		here, there := chats[0], chats[1]
		said := ann.send(here, "did the bild pass?"+here.String())
		got := bob.awaitText(said.Text).Message
		answer := bob.must(bob.Reply(ctx, there, refOf(got), "yes "+here.String()))
		if q := ann.awaitText(answer.Text).Message.ReplyTo; q == nil || q.Ref != refOf(said) || q.Text != said.Text || !q.Known {
			t.Errorf("%v: answers %+v", here, q)
		}
		like := bob.must(bob.React(ctx, there, refOf(got), "👍"))
		ev := ann.awaitChange(KindReaction, func(ev MessageChanged) bool { return ev.Message.ID == said.ID })
		if r := ev.Message.Reactions; len(r) != 1 || r[0].Text != "👍" || r[0].Mine || ev.From.ID != bob.selfID || ev.Change.ID != like.ID {
			t.Errorf("%v: reaction: %+v", here, ev)
		}
		bob.awaitState(like.ID, StateDelivered)
		ann.must(ann.Correct(ctx, here, said.ID, "did the build pass?"))
		ev = bob.awaitChange(KindCorrection, func(ev MessageChanged) bool { return ev.Message.ID == said.ID })
		if ev.Message.Text != "did the build pass?" || ev.Message.Edited.IsZero() || ev.Message.Row != got.Row {
			t.Errorf("%v: corrected: %+v", here, ev.Message)
		}
		if all, err := bob.Versions(ctx, there, refOf(got)); err != nil || len(all) != 2 || all[0].Text != said.Text {
			t.Errorf("%v: versions: %v, %v", here, all, err)
		}
		gone := ann.must(ann.Unsend(ctx, here, said.ID))
		ev = bob.awaitChange(KindDeletion, func(ev MessageChanged) bool { return ev.Message.ID == said.ID })
		if !ev.Message.Deleted || ev.Message.Text != "" {
			t.Errorf("%v: deleted: %+v", here, ev.Message)
		}
		ann.awaitState(gone.ID, StateDelivered)
		for _, e := range []*engine{ann, bob} {
			in := here
			if e == bob {
				in = there
			}
			if lines := e.texts(in); !slices.Equal(lines, []string{"", answer.Text}) {
				t.Errorf("%s has %q", e.name, lines)
			}
			infos, err := e.Chats(ctx)
			for _, info := range infos {
				if info.Chat == in && info.Unread != 1 {
					t.Errorf("%s: %v has %d unread, want 1", e.name, in, info.Unread)
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	for _, e := range []*engine{ann, bob} {
		if n := count(e, func(ev MessageReceived) bool { return ev.Message.Kind != KindText }); n > 0 {
			t.Errorf("%s was told of %d changes as of messages", e.name, n)
		}
		if n := count(e, func(MessageChanged) bool { return true }); n != 6 {
			t.Errorf("%s was told of %d changes, want 6", e.name, n)
		}
	}
}

func TestChangesRefused(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	ctx, chat := t.Context(), chatWith(bob)
	mine := ann.send(chat, "mine")
	bob.awaitText("mine")
	bob.send(chatWith(ann), "his")
	his := ann.awaitText("his").Message
	like := ann.must(ann.React(ctx, chat, refOf(his), "👍"))
	for name, tt := range map[string]struct {
		do   func() (Message, error)
		want error
	}{
		"an answer to nothing":     {func() (Message, error) { return ann.Reply(ctx, chat, Ref{ID: MessageID{1}, From: his.From}, "x") }, ErrNoMessage},
		"an answer elsewhere":      {func() (Message, error) { return ann.Reply(ctx, Room, refOf(his), "x") }, ErrNoMessage},
		"an empty answer":          {func() (Message, error) { return ann.Reply(ctx, chat, refOf(his), "") }, ErrEmpty},
		"a reaction to a reaction": {func() (Message, error) { return ann.React(ctx, chat, refOf(like), "👍") }, ErrNoMessage},
		"a word as a reaction":     {func() (Message, error) { return ann.React(ctx, chat, refOf(his), "nice") }, ErrReaction},
		"a blank as a reaction":    {func() (Message, error) { return ann.React(ctx, chat, refOf(his), " ") }, ErrReaction},
		"another's corrected":      {func() (Message, error) { return ann.Correct(ctx, chat, his.ID, "x") }, ErrNoMessage},
		"another's taken back":     {func() (Message, error) { return ann.Unsend(ctx, chat, his.ID) }, ErrNoMessage},
		"corrected to nothing":     {func() (Message, error) { return ann.Correct(ctx, chat, mine.ID, "") }, ErrEmpty},
		"corrected to too much":    {func() (Message, error) { return ann.Correct(ctx, chat, mine.ID, strings.Repeat("x", MaxText+1)) }, ErrTooLong},
	} {
		if msg, err := tt.do(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v, want %v", name, msg, err, tt.want)
		}
	}
	ann.must(ann.Unsend(ctx, chat, mine.ID))
	if _, err := ann.Correct(ctx, chat, mine.ID, "back"); !errors.Is(err, ErrDeleted) {
		t.Errorf("what is deleted is corrected: %v", err)
	}
	if _, err := ann.Unsend(ctx, chat, mine.ID); !errors.Is(err, ErrDeleted) {
		t.Errorf("what is deleted is taken back: %v", err)
	}
	bob.stop()
	await(ann, "gone", func(PersonGone) bool { return true })
	alone := ann.send(Room, "alone")
	if _, err := ann.Correct(ctx, Room, alone.ID, "still alone"); !errors.Is(err, ErrNotSent) {
		t.Errorf("what failed is corrected: %v", err)
	}
}

// TestUnsentBeforeItLeft takes a message back that nobody has: its texts never
// leave, and nobody misses its number or sees that there was one.
func TestUnsentBeforeItLeft(t *testing.T) {
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	ctx, chat := t.Context(), chatWith(bob)
	exchange(ann, bob, "hello")
	bob.stop()
	await(ann, "gone", func(PersonGone) bool { return true })
	said := ann.send(chat, "a secret")
	ann.must(ann.Correct(ctx, chat, said.ID, "another secret"))
	ann.must(ann.Unsend(ctx, chat, said.ID))
	waiting, err := ann.Outbox(ctx)
	if err != nil || len(waiting) != 3 || waiting[0].Text+waiting[1].Text+waiting[2].Text != "" {
		t.Errorf("%+v wait, %v", waiting, err)
	}
	last := ann.send(chat, "the end")
	bob = startEngine(t, bob.dir, "bob")
	keepMeeting(ann, bob)
	if got := bob.awaitText("the end").Message; got.Seq != last.Seq {
		t.Errorf("number %d, sent as %d", got.Seq, last.Seq)
	}
	all, err := bob.After(ctx, 0, 1000)
	for _, msg := range all {
		if strings.Contains(msg.Text, "secret") {
			t.Errorf("bob has %+v", msg)
		}
	}
	if texts := bob.texts(chatWith(ann)); len(texts) != 3 || err != nil { // with those of exchange
		t.Errorf("bob has %q, %v", texts, err)
	}
}

func TestMentioned(t *testing.T) {
	for _, tt := range []struct {
		text, name string
		want       bool
	}{
		{"ann?", "ann", true},
		{"@Ann look", "ann", true},
		{"hey ANN", "Ann", true},
		{"annual", "ann", false},
		{"joann", "ann", false},
		{"joann, ann", "ann", true},
		{"ann_x", "ann", false},
		{"ann2", "ann", false},
		{"ann-marie", "ann-marie", true},
		{"ÄNNE!", "änne", true},
		{"a\u0308nne", "änne", true},
		{"anne\u0301", "anne", false},
		{"STRASSE", "straße", false},
		{"", "ann", false},
		{"ann", "", false},
		{"日本 さん", "日本", true},
	} {
		if got := names(tt.text, tt.name); got != tt.want {
			t.Errorf("names(%q, %q) = %t", tt.text, tt.name, got)
		}
	}
	ann := startEngine(t, t.TempDir(), "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	said := bob.send(Room, "is ann there?")
	bob.send(Room, "is anybody?")
	bob.send(chatWith(ann), "ann?")
	ann.awaitText("is anybody?")
	ann.awaitText("ann?")
	if !ann.awaitText(said.Text).Message.Mentioned {
		t.Error("ann is not named")
	}
	infos, err := ann.Chats(t.Context())
	if err != nil || infos[0].Mentions != 1 || infos[0].Unread != 2 || infos[1].Mentions != 0 {
		t.Errorf("roster: %+v, %v", infos, err)
	}
}

func TestCleanReaction(t *testing.T) {
	for in, want := range map[string]string{
		"👍": "👍", "👍👍": "👍", " 👍 ": "👍", "x": "x", "": "", " ": "", "\x1b": "", "\x1b[31mx": "[",
		"👩‍👩‍👧‍👦": "👩‍👩‍👧‍👦", "❤️": "❤️", "\u200d": "", "\u202e👍": "👍", strings.Repeat("\u0301", 200): "", "a" + strings.Repeat("\u0301", 40): "",
	} {
		if got := wire.CleanReaction(in); got != want {
			t.Errorf("CleanReaction(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestAnyOutageOfChanges has two people write, answer, react, correct and take
// back while either is up or not, killed or not, on a link or by mail: in the
// end both have the same.
func TestAnyOutageOfChanges(t *testing.T) {
	steps := 150
	if testing.Short() {
		steps = 50
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	inWorld(t, seed, 40, func(w *world) {
		w.acquaint()
		pauses := []time.Duration{0, 0, time.Second, time.Minute, 20 * time.Minute, 5 * time.Hour}
		for range steps {
			e := w.ends[w.rng.IntN(2)]
			switch n := w.rng.IntN(20); {
			case e.engine == nil:
				e.start()
			case n < 13:
				for range 1 + w.rng.IntN(4) {
					e.change()
				}
			case n < 14:
				e.stop()
			case n < 16:
				e.crash()
			case n < 18:
				e.setAway(!e.away)
			case n < 19:
				w.part()
			default:
				if e.other().engine != nil {
					w.meet()
				}
			}
			w.pass(pauses[w.rng.IntN(len(pauses))])
			if t.Failed() {
				return
			}
		}
		for _, e := range w.ends {
			w.back(e)
		}
		for range 24 * 20 {
			if w.ends[0].idle() && w.ends[1].idle() {
				break
			}
			w.pass(time.Hour)
		}
		// Of what came over a link that was cut before its receipt left, only
		// the next link brings one.
		w.meet()
		w.pass(time.Minute)
		w.wantSame()
	})
}

// change has an end do something to one of the newest messages, or write one.
func (e *end) change() {
	e.world.t.Helper()
	ctx, rng := e.world.t.Context(), e.world.rng
	all := e.history(e.chat())
	msg := all[max(0, len(all)-1-rng.IntN(8))]
	var err error
	switch rng.IntN(8) {
	case 0, 1:
		e.write(fmt.Sprintf("%s %d %s", e.name, len(e.wrote), strings.Repeat("x", rng.IntN(1000))))
	case 2:
		_, err = e.Reply(ctx, e.chat(), refOf(msg), fmt.Sprint("answer ", len(all)))
	case 3, 4, 5:
		_, err = e.React(ctx, e.chat(), refOf(msg), []string{"", "👍", "🎉", "🙈"}[rng.IntN(4)])
	case 6:
		_, err = e.Correct(ctx, e.chat(), msg.ID, fmt.Sprintf("corrected %d %s", rng.IntN(1000), strings.Repeat("y", rng.IntN(1000))))
	case 7:
		_, err = e.Unsend(ctx, e.chat(), msg.ID)
	}
	if err != nil && !errors.Is(err, ErrNoMessage) && !errors.Is(err, ErrDeleted) && !errors.Is(err, ErrNotSent) {
		e.world.t.Errorf("%s: %v", e.name, err)
	}
}

// idle reports whether nothing of an end waits any more.
func (e *end) idle() bool {
	waiting, err := e.Outbox(context.Background())
	if err != nil {
		e.world.t.Fatal(err)
	}
	return len(waiting) == 0
}

// wantSame wants both ends to show the same, but for messages that were taken
// back before they left, and every change to be there once.
func (w *world) wantSame() {
	w.t.Helper()
	type shown struct {
		Message
		reactions map[identity.ID]string
	}
	var has [2]map[Ref]shown
	var order [2][]Ref
	for i, e := range w.ends {
		has[i] = make(map[Ref]shown)
		for _, m := range e.history(e.chat()) {
			s := shown{m, make(map[identity.ID]string)}
			for _, r := range m.Reactions {
				s.reactions[r.From] = r.Text
			}
			if _, twice := has[i][refOf(m)]; twice {
				w.t.Errorf("%s has %s twice", e.name, m.ID)
			}
			has[i][refOf(m)] = s
			if m.From == w.ends[0].id {
				order[i] = append(order[i], refOf(m))
			}
		}
	}
	lines := 0
	for i, e := range w.ends {
		for ref, here := range has[i] {
			there, ok := has[1-i][ref]
			if !ok && here.Deleted && here.Mine {
				continue
			}
			lines++
			if !ok || there.Text != here.Text || there.Deleted != here.Deleted || there.Edited.IsZero() != here.Edited.IsZero() ||
				fmt.Sprint(there.reactions) != fmt.Sprint(here.reactions) {
				w.t.Errorf("%s has %.40q %v deleted %t edited %v; the other %.40q %v deleted %t edited %v, there %t", e.name,
					here.Text, here.reactions, here.Deleted, here.Edited, there.Text, there.reactions, there.Deleted, there.Edited, ok)
			}
			if here.ReplyTo != nil && (there.ReplyTo == nil || there.ReplyTo.Ref != here.ReplyTo.Ref) {
				w.t.Errorf("%s: answers %+v, the other's %+v", e.name, here.ReplyTo, there.ReplyTo)
			}
		}
		if waiting, err := e.Outbox(w.t.Context()); err != nil || len(waiting) > 0 {
			w.t.Errorf("%s: %d wait, %v", e.name, len(waiting), err)
		}
	}
	both := slices.DeleteFunc(order[0], func(r Ref) bool { _, ok := has[1][r]; return !ok })
	if !slices.Equal(both, order[1]) {
		w.t.Error("the order is another one")
	}
	w.t.Logf("%d lines, ann has %d, bob %d", lines/2, len(has[0]), len(has[1]))
}
