package messenger

import (
	"slices"
	"testing"
	"time"

	"dione/net/dht"
)

// untilHour is how long it is until an hour of the day.
func untilHour(hour int) time.Duration {
	now := time.Now().UTC()
	at := now.Truncate(24 * time.Hour).Add(time.Duration(hour) * time.Hour)
	if !at.After(now) {
		at = at.Add(24 * time.Hour)
	}
	return at.Sub(now)
}

// TestAbsence: mail of somebody who has written and is gone for good is found
// soon after we are back, however we were away: off the network with the
// program running, asleep over midnight, or up and down in between.
func TestAbsence(t *testing.T) {
	for name, away := range map[string]func(w *world, ann, bob *end){
		"without a network for days": func(w *world, ann, bob *end) {
			bob.setAway(true)
			time.Sleep(time.Hour)
			ann.write("are you there?")
			time.Sleep(time.Minute)
			ann.stop()
			time.Sleep(3 * 24 * time.Hour)
			bob.setAway(false)
		},
		"over midnight": func(w *world, ann, bob *end) {
			time.Sleep(untilHour(22))
			bob.setAway(true)
			time.Sleep(untilHour(23))
			ann.write("are you there?")
			time.Sleep(time.Minute)
			ann.stop()
			time.Sleep(untilHour(9))
			bob.setAway(false)
		},
		"started without a network": func(w *world, ann, bob *end) {
			bob.stop()
			time.Sleep(time.Hour)
			ann.write("are you there?")
			time.Sleep(time.Minute)
			ann.stop()
			time.Sleep(3 * 24 * time.Hour)
			bob.setAway(true)
			bob.start()
			time.Sleep(2 * time.Hour)
			bob.stop()
			bob.setAway(false)
			bob.start()
		},
		"a link that comes and goes": func(w *world, ann, bob *end) {
			bob.stop()
			time.Sleep(time.Hour)
			ann.write("are you there?")
			time.Sleep(time.Minute)
			ann.stop()
			time.Sleep(3 * 24 * time.Hour)
			bob.start()
			// A link to ann's other, older process that says nothing.
			if err := bob.do(w.t.Context(), func(b *batch) error {
				b.then(func() { bob.mailLost(bob.people[ann.id]) })
				return nil
			}); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, 1000, func(w *world) {
				ann, bob := w.ends[0], w.ends[1]
				w.acquaint()
				time.Sleep(26 * time.Hour)
				away(w, ann, bob)
				back := time.Now()
				for time.Since(back) < 2*activePause {
					if texts, _ := bob.got(); slices.Contains(texts, "are you there?") {
						t.Logf("found after %v", time.Since(back))
						return
					}
					time.Sleep(time.Second)
				}
				t.Error("not found soon")
			})
		})
	}
}

// TestQueuedOverRestart: what waited without a network when the program ended
// is put when it runs again.
func TestQueuedOverRestart(t *testing.T) {
	inWorld(t, 21, 20, func(w *world) {
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		bob.stop()
		ann.stop()
		ann.start() // a session without a package that would be put again
		w.pass(time.Hour)
		ann.setAway(true)
		ann.write("before the end")
		ann.stop()
		w.pass(time.Hour)
		ann.setAway(false)
		ann.start()
		w.pass(time.Minute)
		waiting, err := ann.Outbox(w.t.Context())
		if err != nil || len(waiting) != 1 || waiting[0].State != StateStored {
			w.t.Errorf("a minute after the start: %+v, %v", waiting, err)
		}
	})
}

// TestSlept: a clock that has gone on while timers have not tells of sleep.
func TestSlept(t *testing.T) {
	now := time.Now()
	if slept(now, now.Add(sweepEvery+time.Second), sweepEvery) {
		t.Error("a busy machine is taken for one that slept")
	}
	if !slept(now, now.Add(9*time.Hour), sweepEvery) {
		t.Error("nine hours of sleep are not noticed")
	}
	if slept(now, now.Add(-9*time.Hour), sweepEvery) {
		t.Error("a clock that was set back is taken for sleep")
	}
}

// TestMailWithoutSession: with somebody with whom there is no session any more a
// new one is begun by mail, and nothing goes round and round meanwhile.
func TestMailWithoutSession(t *testing.T) {
	inWorld(t, 1, 40, func(w *world) {
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		ann.stop()
		err := bob.do(w.t.Context(), func(b *batch) error {
			p := bob.people[ann.id]
			if _, err := bob.sessionsOf(b, p); err != nil {
				return err
			}
			return bob.startOver(b, p, theirsIsOld)
		})
		if err != nil {
			t.Fatal(err)
		}
		bob.write("are you there?")
		time.Sleep(24 * time.Hour) // does not end if the loop does not rest
		if state := bob.history(bob.chat())[len(bob.history(bob.chat()))-1].State; state != StateStored {
			t.Errorf("without a session the message is %v", state)
		}
	})
}

// TestClockLost: a clock that is wrong beyond all measure has nothing forgotten
// by which mail is found when it is right again, and the user is told.
func TestClockLost(t *testing.T) {
	inWorld(t, 1, 40, func(w *world) {
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		ann.stop()
		ahead := func(d time.Duration) (oldest uint32) {
			err := bob.do(w.t.Context(), func(b *batch) error {
				all, err := bob.sessionsOf(b, bob.people[ann.id])
				oldest = all[0].mail.theirs.Day
				b.then(func() { bob.client.Ahead = d })
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return oldest
		}
		first := ahead(-dht.MaxOffset)
		time.Sleep(40 * 24 * time.Hour)
		if day := ahead(0); day != first {
			t.Errorf("keys of %d days are forgotten by a clock that is wrong", day-first)
		}
		time.Sleep(4 * time.Hour)
		if day := ahead(0); day == first {
			t.Error("keys of former days are kept by a clock that is right")
		}
		notices := 0
		all, _ := bob.events()
		for _, ev := range all {
			if n, ok := ev.(Notice); ok && n.Failed && n.Hint == "set the date and the time" {
				notices++
			}
		}
		if notices != 1 {
			t.Errorf("told %d times", notices)
		}
	})
}
