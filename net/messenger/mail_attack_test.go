package messenger

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
)

// TestAttack10RolledBackByMail goes on from an old copy of one side's profile
// while the two meet by the mailbox alone: what the nodes hold proves it to the
// writer, who is told, and says nothing to be delivered that is not.
func TestAttack10RolledBackByMail(t *testing.T) {
	for name, taken := range map[string]bool{"bob has taken it": true, "it lies there": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, 40, func(w *world) {
				ann, bob := w.ends[0], w.ends[1]
				w.acquaint()
				if !taken {
					bob.stop()
				}
				old := ann.copyProfile(func() {})
				ann.write("lost to ann")
				ann.awaitState(ann.wrote[1].ID, StateStored)
				if taken {
					ann.awaitState(ann.wrote[1].ID, StateDelivered)
				}
				ann.stop()
				ann.dir = old
				ann.wrote = ann.wrote[:1]
				ann.start()
				ann.write("from the copy")
				await(ann.engine, "being told", func(ev Notice) bool { return strings.Contains(ev.Text, "this profile is an older copy") })
				w.pass(time.Hour)
				w.back(bob)
				w.check()

				// When they meet it arrives, once.
				w.meet()
				bob.awaitText("from the copy")
				ann.awaitState(ann.wrote[1].ID, StateDelivered)
				w.check()
				if got, _ := bob.got(); !slices.Contains(got, "lost to ann") && taken || len(got) > 3 {
					w.t.Errorf("bob has %q", got)
				}
			})
		})
	}
}

// TestAttack11HolderSaysGone has every node claim that the receiver has taken
// what is put, without a proof: it stays what it is.
func TestAttack11HolderSaysGone(t *testing.T) {
	inWorld(t, 4, 30, func(w *world) {
		w.acquaint()
		ann, bob := w.ends[0], w.ends[1]
		bob.stop()
		nodes := w.mail.Nodes(dht.Wide)
		for i, node := range nodes {
			node.SetLie(func(ask, answer dht.Message) dht.Message {
				if _, ok := ask.(dht.Store); ok {
					return dht.Stored{Result: []dht.Result{dht.Gone, dht.Other}[i%2]}
				}
				return answer
			})
		}
		ann.write("hello?")
		w.pass(10 * time.Minute)
		for _, m := range ann.history(ann.chat()) {
			if m.Text == "hello?" && (m.State != StateQueued || m.Acked != 0) {
				w.t.Errorf("it is %v %d/%d", m.State, m.Acked, m.Addressed)
			}
		}
		for _, node := range nodes {
			node.SetLie(nil)
		}
		w.settle(1)
	})
}

// TestAttackReplayedMail has every node give what it was ever given, again and
// again, as if nobody had taken it: it is there once, also after a kill.
func TestAttackReplayedMail(t *testing.T) {
	inWorld(t, 10, 30, func(w *world) {
		w.acquaint()
		ann, bob := w.ends[0], w.ends[1]
		var mu sync.Mutex
		given := make(map[parcel.Address][]byte)
		replayed := 0
		for _, node := range w.mail.Nodes(dht.Wide) {
			node.SetLie(func(ask, answer dht.Message) dht.Message {
				mu.Lock()
				defer mu.Unlock()
				switch ask := ask.(type) {
				case dht.Store:
					if p, err := parcel.Check(ask.Package); err == nil {
						given[p.Address] = ask.Package
					}
				case dht.Delete:
					return dht.Deleted{Result: dht.Kept, Until: 1 << 20}
				case dht.GetMany:
					got := dht.Got{}
					for _, whole := range given {
						replayed++
						got.Packages = append(got.Packages, whole)
					}
					return got
				}
				return answer
			})
		}
		bob.stop()
		ann.write("one", "two")
		ann.awaitState(ann.wrote[2].ID, StateStored)
		bob.start()
		bob.awaitText("two")
		bob.write("and back")
		ann.awaitText("and back")
		for range 2 {
			w.pass(3 * time.Hour)
			bob.crash()
			bob.start()
		}
		w.pass(time.Hour)
		w.check()
		if got, _ := bob.got(); !slices.Equal(got, []string{"hello from ann", "one", "two"}) {
			w.t.Errorf("bob has %q", got)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(given) < 3 || replayed < 20 {
			w.t.Errorf("of %d packages %d were replayed", len(given), replayed)
		}
	})
}

// TestBlockedByMail: mail of somebody who is blocked is not looked for, not
// taken and not buried; they see it stored, as if nobody was there.
func TestBlockedByMail(t *testing.T) {
	inWorld(t, 5, 40, func(w *world) {
		w.acquaint()
		ann, bob := w.ends[0], w.ends[1]
		if err := bob.Block(w.t.Context(), ann.id); err != nil {
			w.t.Fatal(err)
		}
		asked := bob.client.Asked()
		ann.write("are you angry?")
		ann.awaitState(ann.wrote[1].ID, StateStored)
		w.pass(2 * time.Hour)
		if n := bob.client.Asked() - asked; n > 0 {
			w.t.Errorf("bob asks %d questions for the sake of somebody blocked", n)
		}
		if got, _ := bob.got(); len(got) != 1 {
			w.t.Errorf("bob has %q", got)
		}
		if n := count(ann.engine, func(ev StateChanged) bool {
			return ev.Message.ID == ann.wrote[1].ID && ev.Message.State == StateDelivered
		}); n > 0 {
			w.t.Error("ann is told that it is delivered")
		}
		w.pass(3 * 24 * time.Hour)
		if err := bob.Unblock(w.t.Context(), ann.id); err != nil {
			w.t.Fatal(err)
		}
		ann.stop() // nobody puts it again
		w.pass(20 * time.Minute)
		if got, _ := bob.got(); !slices.Contains(got, "are you angry?") {
			w.t.Errorf("unblocked, bob has %q", got)
		}
		w.settle(1)
	})
}

// TestBlockedMeanwhile blocks somebody whose mail is just being fetched.
func TestBlockedMeanwhile(t *testing.T) {
	inWorld(t, 6, 40, func(w *world) {
		w.acquaint()
		ann, bob := w.ends[0], w.ends[1]
		bob.stop()
		ann.write("too late")
		ann.awaitState(ann.wrote[1].ID, StateStored)
		bob.start()
		if err := bob.Block(w.t.Context(), ann.id); err != nil { // the first look takes longer
			w.t.Fatal(err)
		}
		w.pass(time.Hour)
		if got, _ := bob.got(); len(got) != 1 {
			w.t.Errorf("bob has %q", got)
		}
		for _, node := range w.mail.Nodes(dht.Wide) {
			if node.Stones() > 0 {
				w.t.Error("there is a trace of bob")
			}
		}
	})
}

// TestHugeByMail: the longest message goes by mail, a longer one is refused
// with the reason, and nothing of it is kept.
func TestHugeByMail(t *testing.T) {
	inWorld(t, 7, 40, func(w *world) {
		w.acquaint()
		ann, bob := w.ends[0], w.ends[1]
		bob.stop()
		if _, err := ann.Send(w.t.Context(), ann.chat(), strings.Repeat("x", MaxText+1)); !errors.Is(err, ErrTooLong) {
			w.t.Errorf("a message above the limit: %v", err)
		}
		ann.write(strings.Repeat("x", MaxText))
		if m := ann.awaitState(ann.wrote[1].ID, StateStored); m.Acked != 24 || m.Addressed != 24 {
			w.t.Errorf("stored %d/%d", m.Acked, m.Addressed)
		}
		ann.stop()
		bob.start()
		bob.awaitText(strings.Repeat("x", MaxText))
		w.settle(1)
	})
}

// TestMidnight has mail put just before the day changes, and looked for just
// after it, by clocks that are not right.
func TestMidnight(t *testing.T) {
	for _, skew := range []time.Duration{0, -23 * time.Hour, 23 * time.Hour} {
		inWorld(t, 8, 40, func(w *world) {
			w.acquaint()
			ann, bob := w.ends[0], w.ends[1]
			bob.stop()
			ann.stop()
			ann.ahead = skew
			ann.start()
			// Before midnight of the network.
			network := time.Now().Add(skew)
			w.pass(network.Truncate(24 * time.Hour).Add(24*time.Hour - 10*time.Second).Sub(network))
			ann.write("good night")
			ann.awaitState(ann.wrote[1].ID, StateStored)
			ann.stop()
			w.pass(time.Minute)
			bob.ahead = skew
			bob.start()
			bob.awaitText("good night")
			w.settle(2)
		})
	}
}

// TestExpired: what lay for too long for everybody is not lost while its
// writer comes back.
func TestExpired(t *testing.T) {
	inWorld(t, 9, 40, func(w *world) {
		w.acquaint()
		ann, bob := w.ends[0], w.ends[1]
		bob.stop()
		ann.write("in case you come back")
		ann.awaitState(ann.wrote[1].ID, StateStored)
		ann.stop()
		w.pass(20 * 24 * time.Hour)
		ann.start() // by now no node has it
		w.pass(time.Hour)
		ann.stop()
		w.pass(5 * 24 * time.Hour)
		bob.start()
		bob.readsWithin(24*time.Hour, "in case you come back") // most of those that held it have gone
		w.settle(1)
	})
}
