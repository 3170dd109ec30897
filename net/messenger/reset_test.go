package messenger

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"dione/store"
)

// alone has one end be up, off all links, and do something.
func (w *world) alone(e *end, do func()) {
	w.t.Helper()
	e.other().stop()
	if e.engine == nil {
		e.start()
	}
	do()
	w.pass(time.Minute)
	e.stop()
}

// goesBack puts the profile of an end, which is not up, back to a copy.
func (e *end) goesBack(copied string) {
	e.world.t.Helper()
	e.dir = e.world.t.TempDir()
	if err := os.CopyFS(e.dir, os.DirFS(copied)); err != nil {
		e.world.t.Fatal(err)
	}
}

// has wants an end to have read just these messages, in any order.
func (e *end) has(want ...string) {
	e.world.t.Helper()
	got, _ := e.got()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		e.world.t.Errorf("%s has %q, want %q", e.name, got, want)
	}
}

// TestResetOutOfBackup restores one side out of a backup; the two are never
// online together after that.
func TestResetOutOfBackup(t *testing.T) {
	inWorld(t, 11, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		ann.stop()
		file := backUp(t, ann.dir)
		w.alone(bob, func() { bob.write("since"); bob.reaches(StateStored) })
		w.alone(ann, func() { ann.reads("since"); ann.write("since, too"); ann.reaches(StateStored) })
		w.alone(bob, func() { bob.reads("since, too") })
		w.pass(24 * time.Hour)

		ann.dir = restore(t, file)
		w.alone(ann, func() { ann.write("out of the backup"); ann.reaches(StateStored) })
		w.pass(24 * time.Hour)
		w.alone(bob, func() {
			bob.told("set up anew: their profile")
			bob.reads("out of the backup")
			bob.write("welcome back")
			bob.reaches(StateStored)
			if n := bob.heard("set up anew"); n != 1 {
				t.Errorf("bob was told %d times", n)
			}
		})
		w.alone(ann, func() {
			ann.reads("welcome back")
			ann.write("as before")
			ann.reaches(StateStored)
			for _, s := range ann.sessionsWith(bob.id) {
				if s.State == nil {
					t.Error("what was left of the former session is still there")
				}
			}
		})
		w.alone(bob, func() { bob.reads("as before"); bob.reaches(StateDelivered) })
		ann.start()
		bob.start()
		w.pass(time.Hour)
		if texts, _ := bob.got(); !slices.Equal(texts, []string{"hello from ann", "since, too", "out of the backup", "as before"}) {
			t.Errorf("bob has %q, in this order", texts)
		}
		ann.has("hello from bob", "welcome back")
		if a, b := ann.sessionsWith(bob.id)[0], bob.sessionsWith(ann.id)[0]; a.SID != b.SID {
			t.Error("they write in different sessions")
		}
		w.meet()
		ann.write("together")
		ann.reaches(StateDelivered)
	})
}

// TestRolledBackApart goes on from an old copy of one side, and the two
// are never online together.
func TestRolledBackApart(t *testing.T) {
	for _, tt := range []struct {
		name  string
		since func(w *world, ann, bob *end) // since the copy of ann
	}{
		{"ann had written", func(w *world, ann, bob *end) {
			w.alone(ann, func() { ann.write("forgotten by ann"); ann.reaches(StateStored) })
			w.alone(bob, func() { bob.reads("forgotten by ann") })
		}},
		{"ann had only read", func(w *world, ann, bob *end) {
			w.alone(bob, func() { bob.write("read and forgotten"); bob.reaches(StateStored) })
			w.alone(ann, func() { ann.reads("read and forgotten") })
			w.alone(bob, func() { bob.reaches(StateDelivered) })
		}},
		{"both had written", func(w *world, ann, bob *end) {
			for i := range 3 {
				w.alone(ann, func() { ann.write(fmt.Sprint("ann ", i)); ann.reaches(StateStored) })
				w.alone(bob, func() { bob.reads(fmt.Sprint("ann ", i)); bob.write(fmt.Sprint("bob ", i)); bob.reaches(StateStored) })
			}
			w.alone(ann, func() { ann.reads("bob 2") })
			w.alone(bob, func() { bob.reaches(StateDelivered) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 12, 20, func(w *world) {
				t := w.t
				ann, bob := w.ends[0], w.ends[1]
				w.acquaint()
				w.pass(time.Minute)
				ann.stop()
				copied := ann.copyProfile(nil)
				tt.since(w, ann, bob)
				ann.goesBack(copied)
				w.alone(ann, func() {
					ann.write("from the copy")
					ann.told("set up anew: this profile")
					ann.reaches(StateStored)
				})
				w.alone(bob, func() {
					bob.told("set up anew: their profile")
					bob.reads("from the copy")
					bob.write("I see")
					bob.reaches(StateStored)
				})
				w.alone(ann, func() {
					ann.reads("I see")
					ann.reaches(StateDelivered)
					if n := ann.heard("set up anew"); n != 0 {
						t.Errorf("ann was told again %d times", n)
					}
				})
				bob.start()
				w.pass(time.Hour)
				bob.reaches(StateDelivered)
				ann.start()
				w.pass(time.Hour)
				for _, e := range w.ends {
					if texts, ids := e.got(); len(texts) != len(ids) {
						t.Errorf("%s has %q", e.name, texts)
					}
					for _, msg := range e.history(e.chat()) {
						if msg.Mine && msg.State != StateDelivered {
							t.Errorf("%s: %q is %v", e.name, msg.Text, msg.State)
						}
					}
				}
			})
		})
	}
}

// TestBothLost has both sides fall back: each puts an introduction, and they
// agree on one session.
func TestBothLost(t *testing.T) {
	inWorld(t, 13, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		w.pass(time.Minute)
		for _, e := range w.ends {
			e.lose()
		}
		for i := range 3 {
			w.alone(ann, func() { ann.write(fmt.Sprint("ann ", i)); ann.reaches(StateStored) })
			w.alone(bob, func() { bob.write(fmt.Sprint("bob ", i)); bob.reaches(StateStored) })
		}
		w.settle(2)
		if a, b := ann.sessionsWith(bob.id)[0], bob.sessionsWith(ann.id)[0]; a.SID != b.SID {
			t.Error("they write in different sessions")
		}
	})
}

// lose has an end find out that its state is an older copy.
func (e *end) lose() {
	e.world.t.Helper()
	err := e.do(e.world.t.Context(), func(b *batch) error {
		p := e.people[e.other().id]
		if _, err := e.sessionsOf(b, p); err != nil {
			return err
		}
		return e.startOver(b, p, oursIsOld)
	})
	if err != nil {
		e.world.t.Fatal(err)
	}
}

// TestNoSecondIntroduction restores one backup twice: the second copy finds
// proof of the first, says so, and takes nothing over.
func TestNoSecondIntroduction(t *testing.T) {
	inWorld(t, 14, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		ann.stop()
		file := backUp(t, ann.dir)
		ann.dir = restore(t, file)
		w.alone(ann, func() { ann.write("the first copy"); ann.reaches(StateStored) })
		first := ann.dir
		ann.dir = restore(t, file)
		w.alone(ann, func() {
			ann.write("the second copy")
			ann.told("cannot be set up anew by mail: another copy of this profile has done so")
			w.pass(2 * time.Hour)
			if slices.ContainsFunc(ann.sessionsWith(bob.id), func(s store.Session) bool { return s.State != nil }) {
				t.Error("the second copy has a session")
			}
			if n := ann.heard("cannot be set up anew by mail"); n != 1 {
				t.Errorf("the second copy was told %d times", n)
			}
		})
		w.alone(bob, func() {
			bob.reads("the first copy")
			bob.write("which one are you?")
			bob.reaches(StateStored)
			w.pass(2 * time.Hour)
			bob.has("hello from ann", "the first copy")
		})
		ann.dir = first
		w.alone(ann, func() { ann.reads("which one are you?") })
	})
}

// TestResetThenMet has an introduction lie in the network when the two connect:
// the same one goes over the link.
func TestResetThenMet(t *testing.T) {
	inWorld(t, 15, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		ann.stop()
		file := backUp(t, ann.dir)
		bob.setAway(true)
		ann.dir = restore(t, file)
		ann.start()
		ann.write("while bob is away")
		ann.reaches(StateStored)
		own := ann.sessionsWith(bob.id)
		bob.setAway(false)
		w.meet()
		bob.reads("while bob is away")
		bob.write("over the link")
		ann.reads("over the link")
		w.pass(time.Hour)
		if now := bob.sessionsWith(ann.id)[0]; !slices.ContainsFunc(own, func(s store.Session) bool { return s.SID == now.SID }) {
			t.Error("another session was set up over the link")
		}
	})
}

// TestResetCrashes has both killed at any moment of a reset.
func TestResetCrashes(t *testing.T) {
	for seed := range uint64(4) {
		inWorld(t, 200+seed, 12, func(w *world) {
			ann, bob := w.ends[0], w.ends[1]
			w.acquaint()
			w.pass(time.Minute)
			crash := func(e *end, times int) {
				e.other().setAway(true)
				e.setAway(false)
				for range times {
					w.pass(time.Duration(w.rng.IntN(4000)) * time.Millisecond)
					e.crash()
					e.start()
				}
				w.pass(time.Hour)
			}
			bob.setAway(true)
			ann.lose()
			ann.write("ann")
			crash(ann, 5)
			crash(bob, 5)
			bob.write("bob")
			crash(bob, 3)
			crash(ann, 3)
			if texts, _ := bob.got(); !slices.Equal(texts, []string{"hello from ann", "ann"}) {
				w.t.Errorf("seed %d: bob has %q", seed, texts)
			}
			if texts, _ := ann.got(); !slices.Equal(texts, []string{"hello from bob", "bob"}) {
				w.t.Errorf("seed %d: ann has %q", seed, texts)
			}
			w.settle(2)
		})
	}
}

// TestBrokenSession has one side fall back to a copy from before something that
// went over a link: nothing in the network tells it, but the other side cannot
// open what it writes, and after a day sets the session up anew.
func TestBrokenSession(t *testing.T) {
	inWorld(t, 16, 20, func(w *world) {
		t := w.t
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		w.meet()
		ann.write("before") // what bob writes next begins a chain
		ann.reaches(StateDelivered)
		w.pass(time.Minute)
		w.part()
		bob.stop()
		copied := bob.copyProfile(nil)
		bob.start()
		w.meet()
		bob.write("over the link")
		bob.reaches(StateDelivered)
		w.pass(time.Minute)
		w.part()
		bob.stop()
		bob.goesBack(copied)
		w.alone(bob, func() {
			for i := range 3 {
				bob.write(fmt.Sprint("out of the copy ", i))
				bob.reaches(StateStored)
			}
		})
		w.alone(ann, func() {
			w.pass(time.Minute)
			if n := ann.heard("set up anew"); n != 0 {
				t.Error("ann gives the session up at once")
			}
		})
		w.pass(25 * time.Hour)
		w.alone(ann, func() {
			ann.told("set up anew: their profile")
			ann.write("something is wrong")
			ann.reaches(StateStored)
		})
		w.alone(bob, func() {
			bob.reads("something is wrong")
			w.pass(10 * time.Minute)
		})
		w.alone(ann, func() { ann.reads("out of the copy 2") })
		ann.start()
		ann.has("hello from bob", "over the link", "out of the copy 0", "out of the copy 1", "out of the copy 2")
	})
}
