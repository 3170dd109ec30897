package ratchet

import (
	"flag"
	"fmt"
	"slices"
	"testing"
)

// runWorld runs one random schedule, and reports whether all came in the end.
func runWorld(t *testing.T, seed uint64, live bool, watch func(*Session) []Watched) (complete bool) {
	t.Helper()
	w := newWorld(t, seed, live)
	defer func() {
		if r := recover(); r != nil {
			what, ok := r.(failure)
			if !ok {
				panic(r)
			}
			if watch != nil { // it was meant to fail
				complete = false
				return
			}
			t.Fatalf("seed %d, step %d: %s", seed, w.steps, what)
		}
	}()
	if watch != nil {
		w.watch = watch
	}
	steps := 20 + w.rng.IntN(80)
	if seed%200 <= 1 { // a long one, beyond all windows
		steps, w.burst = 400, 30
	}
	for range steps {
		w.step()
	}
	if !w.settle() {
		return false
	}
	for _, e := range w.ends {
		w.statement(e, true)
	}
	for _, e := range w.ends {
		w.demand(e.s.holes() == 0 && len(e.s.closed) == 0, "something is missed after all has come")
		w.demand(len(e.disk.outbox) == 0 && len(e.s.unacked) <= 1, "something is unacknowledged after all was")
		w.demand(len(e.s.Watch()) <= 2*Window, "too much is watched at rest")
		w.demand(len(e.s.Encode()) <= 2200, "a large state at rest")
	}
	return true
}

var (
	schedules = flag.Uint64("schedules", 800, "how many random schedules TestSchedules runs; 150 if -short")
	firstSeed = flag.Uint64("seed", 0, "the seed of the first of them")
)

// TestSchedules: whatever is lost, late, repeated or in another order, and
// whenever the two crash, each message comes once, and none is missed.
func TestSchedules(t *testing.T) {
	runs := *schedules
	if testing.Short() {
		runs = min(runs, 150)
	}
	for _, live := range []bool{true, false} {
		t.Run(fmt.Sprintf("links %v", live), func(t *testing.T) {
			t.Parallel()
			for seed := *firstSeed; seed < *firstSeed+runs; seed++ {
				if (seed%2 == 0) == live && !runWorld(t, seed, live, nil) {
					t.Fatalf("seed %d: something did not come", seed)
				}
			}
		})
	}
}

// TestWatchIsNeeded: with less than what Watch returns, messages are missed.
func TestWatchIsNeeded(t *testing.T) {
	for _, tt := range []struct {
		name string
		drop func(s *Session, at Watched) bool
	}{
		{"without the next chain", func(s *Session, at Watched) bool { return at.Epoch > s.in.epoch }},
		{"without the holes of closed chains", func(s *Session, at Watched) bool { return at.Epoch < s.in.epoch }},
		{"without the holes of the newest chain", func(s *Session, at Watched) bool { return at.Epoch == s.in.epoch && at.N < s.in.high }},
		{"without the window", func(s *Session, at Watched) bool { return at.Epoch == s.in.epoch && at.N >= s.in.high }},
	} {
		failed := 0
		const runs = 20
		for seed := range uint64(runs) {
			if !runWorld(t, seed, false, func(s *Session) []Watched {
				return slices.DeleteFunc(s.Watch(), func(at Watched) bool { return s.in.epoch > 0 && tt.drop(s, at) })
			}) {
				failed++
			}
		}
		if failed == 0 {
			t.Errorf("%s: all came in %d runs", tt.name, runs)
		}
	}
}
