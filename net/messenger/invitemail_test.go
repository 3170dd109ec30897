package messenger

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/crypto/rendezvous"
	"dione/net/mailbox"
)

// TestInvitedByMail has two people become contacts, and talk, who are never
// online together.
func TestInvitedByMail(t *testing.T) {
	inWorld(t, 1, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		inv := bob.invite()
		bob.stop()

		start := time.Now()
		ann.use(inv)
		ann.told("is away: your answer to their invitation")
		t.Logf("ann has the offer %v after she has added bob", time.Since(start))
		if p := ann.knows(bob); p.Name != "bob" {
			t.Errorf("bob as ann has him: %+v", p)
		}
		ann.write("hello bob", strings.Repeat("long ", 1000))
		ann.reaches(StateStored)
		ann.stop()

		w.pass(48 * time.Hour)
		bob.start()
		bob.told("has used your invitation")
		bob.reads("hello bob")
		bob.reads(ann.wrote[1].Text)
		if bob.open() != 0 {
			t.Error("the invitation is still open")
		}
		if p := bob.knows(ann); p.Name != "ann" || p.Standing != StandingAccepted || !p.Contact {
			t.Errorf("ann as bob has her: %+v", p)
		}
		bob.write("hello ann")
		bob.reaches(StateStored)
		bob.stop()

		w.pass(24 * time.Hour)
		ann.start()
		ann.told("has accepted your answer")
		ann.reads("hello ann")
		ann.write("and on we talk")
		ann.reaches(StateStored)
		for _, msg := range ann.history(ann.chat()) {
			if msg.Mine && msg.Text != "and on we talk" && msg.State != StateDelivered {
				t.Errorf("%.20q is %v", msg.Text, msg.State)
			}
		}
		ann.stop()
		bob.start()
		bob.reads("and on we talk")
		w.pass(time.Hour)
		w.buried(inv, bob)
		w.settle(1)
		for _, e := range w.ends {
			if n := count(e.engine, func(ev Notice) bool { return ev.Failed }); n != 0 {
				t.Errorf("%s was told of %d failures", e.name, n)
			}
		}
	})
}

// TestInvitationUsedTwice: the second one is told, and nothing is left of the
// try but what was written.
func TestInvitationUsedTwice(t *testing.T) {
	for _, tt := range []struct {
		name string
		bob  func(w *world, bob *end) // between the two
	}{
		{"the host has seen the first answer", func(w *world, bob *end) {
			bob.start()
			bob.told("has used your invitation")
			w.pass(time.Minute)
			bob.stop()
		}},
		{"the host is away", func(*world, *end) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 2, 20, func(w *world) {
				t := w.t
				ann, bob, eve := w.ends[0], w.ends[1], w.third("eve")
				inv := bob.invite()
				bob.stop()
				ann.use(inv)
				ann.told("is away: your answer")
				ann.write("first")
				ann.reaches(StateStored)
				tt.bob(w, bob)
				eve.use(inv)
				eve.send(Chat{Peer: bob.id}, "second")
				eve.told("was used before, or taken back")
				if all := eve.sessionsWith(bob.id); len(all) != 0 {
					t.Errorf("eve has %d sessions left", len(all))
				}
				if waits, err := eve.Outbox(t.Context()); len(waits) != 1 || err != nil {
					t.Errorf("%d messages of eve wait, %v", len(waits), err)
				}
				bob.start()
				w.pass(2 * time.Hour)
				if texts, _ := bob.got(); !slices.Equal(texts, []string{"first"}) {
					t.Errorf("bob has %q of ann", texts)
				}
				if n := count(bob.engine, func(ev MessageReceived) bool { return ev.Message.Text == "second" }); n != 0 {
					t.Error("bob reads what eve wrote")
				}
				w.buried(inv, bob)
				if n := eve.heard("was used before"); n != 1 {
					t.Errorf("eve was told %d times", n)
				}
			})
		})
	}
}

// TestInvitationRevoked takes an invitation back before it is used.
func TestInvitationRevoked(t *testing.T) {
	inWorld(t, 3, 20, func(w *world) {
		ann, bob := w.ends[0], w.ends[1]
		inv := bob.invite()
		bob.revoke(inv)
		bob.setAway(true)
		ann.use(inv)
		ann.told("was used before, or taken back")
		w.pass(time.Hour)
		w.buried(inv, bob)
	})
}

// TestInvitationRevokedLate takes an invitation back while an answer to it lies
// in the network, which its maker has not seen.
func TestInvitationRevokedLate(t *testing.T) {
	inWorld(t, 3, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		inv := bob.invite()
		bob.setAway(true)
		ann.use(inv)
		ann.told("is away: your answer")
		ann.write("hello")
		ann.reaches(StateStored)
		ann.setAway(true)
		bob.revoke(inv)
		bob.setAway(false)
		w.pass(time.Hour)
		bob.stop()
		ann.setAway(false)
		ann.told("was used before, or taken back")
		if all := ann.sessionsWith(bob.id); len(all) != 0 {
			t.Errorf("ann has %d sessions left", len(all))
		}
		if waits, err := ann.Outbox(t.Context()); len(waits) != 1 || err != nil {
			t.Errorf("%d messages wait, %v", len(waits), err)
		}
	})
}

// revoke takes an invitation back.
func (e *end) revoke(inv Invitation) {
	e.world.t.Helper()
	if err := e.Revoke(e.world.t.Context(), inv.Text); err != nil {
		e.world.t.Fatal(err)
	}
	e.world.pass(time.Minute)
}

// TestInvitationExpired: 14 days after its maker was last up an invitation is
// over, for both.
func TestInvitationExpired(t *testing.T) {
	inWorld(t, 4, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		inv := bob.invite()
		// It lives as long as its maker is up.
		w.pass(20 * 24 * time.Hour)
		if bob.open() != 1 {
			t.Fatal("it ended while its maker was up")
		}
		if kinds := w.lies(rendezvous.ForOffer(secretOf(t, inv), network, bob.id)); slices.Contains(kinds, 0) {
			t.Fatalf("the offer was not put again: %v", kinds)
		}
		bob.stop()
		ann.stop()
		w.pass(16 * 24 * time.Hour)
		ann.start()
		ann.use(inv)
		ann.told("nothing of their invitation is in the mail network")
		ann.write("are you there?")
		bob.start()
		if bob.open() != 0 {
			t.Error("it is still open")
		}
		bob.stop()
		w.pass(32 * 24 * time.Hour)
		ann.told("has ended: nobody has answered in 30 days")
		if n := ann.heard("nothing of their invitation"); n != 1 {
			t.Errorf("ann was told %d times", n)
		}
		if all := ann.sessionsWith(bob.id); len(all) != 0 {
			t.Errorf("ann has %d sessions left", len(all))
		}
	})
}

// TestInvitedThenMet has an answer lie in the network when the two connect: one
// session comes out of it, and all that was written arrives once.
func TestInvitedThenMet(t *testing.T) {
	inWorld(t, 5, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		inv := bob.invite()
		bob.setAway(true)
		ann.use(inv)
		ann.told("is away: your answer")
		ann.write("written to the network", "and once more")
		ann.reaches(StateStored)
		bob.setAway(false) // ann dials him, he looks for answers
		bob.reads("and once more")
		bob.write("at last")
		ann.reads("at last")
		w.settle(2)
		if bob.open() != 0 {
			t.Error("the invitation is still open")
		}
		if n := bob.heard("has used your invitation"); n != 1 {
			t.Errorf("bob was told %d times", n)
		}
		if n := count(ann.engine, func(ev Notice) bool { return ev.Failed }); n != 0 {
			t.Errorf("ann was told of %d failures", n)
		}
	})
}

// TestInvitedByMailCrashes has both killed at any moment.
func TestInvitedByMailCrashes(t *testing.T) {
	for seed := range uint64(6) {
		inWorld(t, 100+seed, 12, func(w *world) {
			t := w.t
			ann, bob := w.ends[0], w.ends[1]
			inv, err := bob.Invite(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			crash := func(e *end) {
				w.pass(time.Duration(w.rng.IntN(4000)) * time.Millisecond)
				e.crash()
				e.start()
			}
			for range 3 {
				crash(bob)
			}
			w.pass(time.Minute)
			bob.setAway(true)
			ann.use(inv)
			for range 5 {
				crash(ann)
			}
			w.pass(time.Minute)
			ann.write("one", "two")
			for range 3 {
				crash(ann)
			}
			w.pass(time.Hour)
			ann.setAway(true)
			bob.setAway(false)
			for range 5 {
				crash(bob)
			}
			w.pass(time.Hour)
			bob.write("three")
			for range 3 {
				crash(bob)
			}
			w.pass(time.Hour)
			bob.setAway(true)
			ann.setAway(false)
			for range 3 {
				crash(ann)
			}
			w.pass(2 * time.Hour)
			if texts, _ := bob.got(); !slices.Equal(texts, []string{"one", "two"}) {
				t.Errorf("seed %d: bob has %q", seed, texts)
			}
			if texts, _ := ann.got(); !slices.Equal(texts, []string{"three"}) {
				t.Errorf("seed %d: ann has %q", seed, texts)
			}
			w.settle(2)
			w.buried(inv, bob)
		})
	}
}

// TestSquattedAnswer: who knows the secret can spoil an invitation, and no
// more: what is no answer makes nobody a contact.
func TestSquattedAnswer(t *testing.T) {
	inWorld(t, 6, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		inv := bob.invite()
		c := rendezvous.ForAnswer(secretOf(t, inv), network, bob.id)
		sealed, err := c.Seal(w.rand(), []byte("no introduction at all"))
		if err != nil {
			t.Fatal(err)
		}
		box := mailbox.New(w.mail.Client())
		var letters []mailbox.Letter
		for i := range sealed {
			letters = append(letters, mailbox.Letter{Core: &sealed[i].Core, Key: sealed[i].Seed.Key()})
		}
		if _, err := box.Put(t.Context(), letters, place(c), time.Now()); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		people, err := bob.People(t.Context())
		if err != nil || len(people) != 0 || bob.open() != 1 {
			t.Errorf("bob knows %d people, %v, and has %d invitations", len(people), err, bob.open())
		}
		bob.setAway(true)
		ann.use(inv)
		ann.told("was used before, or taken back")
	})
}

// TestBlockedGuest: who is blocked is accepted by no answer to an invitation,
// and is told nothing.
func TestBlockedGuest(t *testing.T) {
	inWorld(t, 7, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		w.meet()
		w.pass(time.Second)
		if err := bob.Block(t.Context(), ann.id); err != nil {
			t.Fatal(err)
		}
		w.part()
		inv := bob.invite()
		bob.setAway(true)
		ann.setAway(true)
		ann.use(inv)
		w.pass(10 * time.Second)
		ann.setAway(false)
		ann.told("is away: your answer")
		ann.write("let me in")
		ann.reaches(StateStored)
		ann.stop()
		bob.setAway(false)
		w.pass(3 * time.Hour)
		if texts, _ := bob.got(); len(texts) != 0 || bob.knows(ann).Standing != StandingBlocked || bob.open() != 1 {
			t.Errorf("bob has %q of %v, and %d invitations", texts, bob.knows(ann).Standing, bob.open())
		}
		if kinds := w.lies(rendezvous.ForAnswer(secretOf(t, inv), network, bob.id)); slices.Contains(kinds, parcel.Tombstone) {
			t.Errorf("the answer was buried: %v", kinds)
		}
	})
}
