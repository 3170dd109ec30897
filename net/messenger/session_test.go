package messenger

import (
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/crypto/pqxdh"
	"dione/store"
)

func strangerContact(i int) store.Contact {
	return store.Contact{ID: identity.ID{1, byte(i >> 8), byte(i)}, Claimed: fmt.Sprint("stranger ", i)}
}

// exchange sends one message each way and waits until both know of it.
func exchange(a, b *engine, text string) {
	a.t.Helper()
	there, back := a.send(chatWith(b), text), b.send(chatWith(a), text+" back")
	b.awaitText(text)
	a.awaitText(text + " back")
	a.awaitState(there.ID, StateDelivered)
	b.awaitState(back.ID, StateDelivered)
}

// sessions returns the sessions of e with other, as stored.
func (e *engine) sessionsWith(other identity.ID) (all []store.Session) {
	e.t.Helper()
	err := e.store.View(e.t.Context(), func(tx *store.Tx) (err error) {
		all, err = tx.Sessions(other)
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return all
}

// TestLongMessage sends the longest text that is allowed: 26 packages.
func TestLongMessage(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	var want []string
	var last Message
	for i := range 40 { // more packages than one chain takes unacknowledged
		want = append(want, strings.Repeat(string(rune('a'+i%26)), MaxText-i))
		last = ann.send(chatWith(bob), want[i])
	}
	ann.awaitState(last.ID, StateDelivered)
	if got := bob.texts(chatWith(ann)); !slices.Equal(got, want) {
		t.Errorf("bob has %d texts, want %d as they were written", len(got), len(want))
	}
}

// TestBothStartAtOnce has both sides set a session up at the same time: they
// agree on one, and everything arrives once.
func TestBothStartAtOnce(t *testing.T) {
	annDir, bobDir := t.TempDir(), t.TempDir()
	ann, bob := startEngine(t, annDir, "ann"), startEngine(t, bobDir, "bob")
	meet(ann, bob)
	bob.stop()
	await(ann, "gone", func(PersonGone) bool { return true })
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint("from ann ", i))
		ann.send(chatWith(bob), want[i])
	}
	ann.stop()
	bob = startEngine(t, bobDir, "bob")
	for i := range 20 {
		bob.send(Chat{Peer: ann.Self().ID}, fmt.Sprint("from bob ", i))
	}
	ann = startEngine(t, annDir, "ann")
	meet(ann, bob)
	bob.awaitText("from ann 19")
	ann.awaitText("from bob 19")
	exchange(ann, bob, "and now")
	got := slices.DeleteFunc(bob.texts(chatWith(ann)), func(s string) bool { return !strings.HasPrefix(s, "from ann") })
	if !slices.Equal(got, want) {
		t.Errorf("bob has %q", got)
	}
	here, there := ann.sessionsWith(bob.Self().ID), bob.sessionsWith(ann.Self().ID)
	if len(here) == 0 || here[0].SID != there[0].SID {
		t.Errorf("they write in different sessions")
	}
	for _, e := range []*engine{ann, bob} {
		if waiting, err := e.Outbox(t.Context()); len(waiting) != 0 || err != nil {
			t.Errorf("%s: %d messages wait, %v", e.name, len(waiting), err)
		}
	}
}

// TestAttack10RolledBack goes on from an old copy of one side's profile, as
// after a restored disk or virtual machine: both notice, nothing is taken for
// delivered that is not, and they talk on in a new session.
func TestAttack10RolledBack(t *testing.T) {
	for _, tt := range []struct {
		name         string
		since        func(ann, bob *engine) // what happened since the copy
		bobIsToldOwn bool
	}{
		{"bob had written", func(ann, bob *engine) {
			for i := range 3 {
				msg := bob.send(chatWith(ann), fmt.Sprint("lost to bob ", i))
				bob.awaitState(msg.ID, StateDelivered)
			}
		}, true},
		{"bob had only read", func(ann, bob *engine) {
			msg := ann.send(chatWith(bob), "bob forgets this")
			ann.awaitState(msg.ID, StateDelivered)
		}, false},
		{"both had written", func(ann, bob *engine) { exchange(ann, bob, "since") }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bobDir, copied := t.TempDir(), t.TempDir()
			ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, bobDir, "bob")
			meet(ann, bob)
			exchange(ann, bob, "before")
			bob.stop()
			if err := os.CopyFS(copied, os.DirFS(bobDir)); err != nil {
				t.Fatal(err)
			}
			bob = startEngine(t, bobDir, "bob")
			meet(ann, bob)
			tt.since(ann, bob)
			before := ann.sessionsWith(bob.Self().ID)[0]
			bob.stop()

			// Something is in the old copy's outbox, and something in ann's.
			ann.awaitGone(bob)
			toBob := ann.send(chatWith(bob), "ann writes meanwhile")
			bob = startEngine(t, copied, "bob")
			toAnn := bob.send(chatWith(ann), "bob writes from the copy")
			meet(ann, bob)
			bob.awaitText("ann writes meanwhile")
			got := ann.awaitText("bob writes from the copy")
			if got.Message.Late {
				t.Error("what bob wrote from the copy stands among what he wrote before")
			}
			ann.awaitState(toBob.ID, StateDelivered)
			bob.awaitState(toAnn.ID, StateDelivered)
			exchange(ann, bob, "after")
			after := ann.sessionsWith(bob.Self().ID)[0]
			if after.SID == before.SID || after.Gen <= before.Gen {
				t.Errorf("the session of generation %d goes on as %d", before.Gen, after.Gen)
			}
			await(ann, "being told", func(ev Notice) bool { return strings.Contains(ev.Text, "set up anew: their profile") })
			if tt.bobIsToldOwn {
				await(bob, "being told", func(ev Notice) bool { return strings.Contains(ev.Text, "set up anew: this profile") })
			}
		})
	}
}

// awaitGone waits until e has no link to other.
func (e *engine) awaitGone(other *engine) {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		_, changed := e.events()
		if !e.person(other).Connected() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			e.t.Fatalf("%s: %s does not go", e.name, other.name)
		}
	}
}

// TestLostSession has one side lose its sessions altogether.
func TestLostSession(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	exchange(ann, bob, "before")
	keepMeeting(ann, bob)
	err := bob.do(t.Context(), func(b *batch) error {
		p := bob.people[ann.Self().ID]
		all, err := bob.sessionsOf(b, p)
		if err != nil {
			return err
		}
		for _, s := range slices.Clone(all) {
			if err := p.dropSession(b, s); err != nil {
				return err
			}
		}
		conn := p.conn
		b.then(func() { conn.Close("the test has taken the sessions") })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	exchange(ann, bob, "after")
}

// TestRefusedIntroduction has the keys gone on which a session was set up,
// before the introduction arrived.
func TestRefusedIntroduction(t *testing.T) {
	annDir, bobDir := t.TempDir(), t.TempDir()
	ann, bob := startEngine(t, annDir, "ann"), startEngine(t, bobDir, "bob")
	meet(ann, bob)
	exchange(ann, bob, "before")
	bob.stop()
	ann.awaitGone(bob)
	// As if bob had made keys, ann had used them, and bob had gone back behind
	// that: ann has a session whose introduction nobody can answer.
	err := ann.do(t.Context(), func(b *batch) error {
		p := ann.people[bob.Self().ID]
		all, err := ann.sessionsOf(b, p)
		if err != nil {
			return err
		}
		s := all[0]
		s.intro, s.number = introOnOtherKeys(t, ann)
		s.dirty = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	bob = startEngine(t, bobDir, "bob")
	err = bob.store.Update(t.Context(), func(tx *store.Tx) error {
		kept, err := tx.Sessions(ann.Self().ID)
		for _, k := range kept {
			if err == nil {
				err = tx.DropSession(k.Row)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	meet(ann, bob)
	exchange(ann, bob, "after")
}

// introOnOtherKeys is an introduction of e on keys that nobody has.
func introOnOtherKeys(t *testing.T, e *engine) ([]byte, pqxdh.Number) {
	t.Helper()
	key, err := identity.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ik, err := pqxdh.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bundle, _, err := pqxdh.NewBundle(rand.Reader, pqxdh.Self{Key: key, IK: ik}, pqxdh.ForContact(e.Self().ID))
	if err != nil {
		t.Fatal(err)
	}
	intro, _, err := pqxdh.Start(rand.Reader, e.keys, key.ID(), bundle, 2, 20000)
	if err != nil {
		t.Fatal(err)
	}
	return intro.Encode(), bundle.Number
}
