package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestQueueOrder(t *testing.T) {
	q := NewQueue(start)
	r := rand.New(rand.NewPCG(1, 0))
	type planned struct {
		at time.Time
		n  int
	}
	var want, got []planned
	for n := range 2000 {
		p := planned{start.Add(time.Duration(r.IntN(50)) * time.Second), n}
		want = append(want, p)
		q.At(p.at, func() {
			if !q.Now().Equal(p.at) {
				t.Fatalf("event of %v happens at %v", p.at, q.Now())
			}
			got = append(got, p)
		})
	}
	slices.SortStableFunc(want, func(a, b planned) int { return a.at.Compare(b.at) })
	for q.Step() {
	}
	if !slices.Equal(got, want) {
		t.Error("events do not happen in the order of their times, and of planning")
	}
	if q.Step() || q.Len() != 0 {
		t.Error("something is left")
	}
}

func TestQueueRun(t *testing.T) {
	q := NewQueue(start)
	n := 0
	var tick func()
	tick = func() {
		n++
		q.After(time.Minute, tick)
	}
	tick()
	q.Run(start.Add(10 * time.Minute))
	if n != 11 || !q.Now().Equal(start.Add(10*time.Minute)) || q.Len() != 1 {
		t.Errorf("after ten minutes: %d ticks, now %v, %d planned", n, q.Now(), q.Len())
	}
	q.Run(start.Add(10*time.Minute + time.Second))
	q.At(start, func() { n = -1 }) // that has passed: it happens now
	q.Step()
	if n != -1 || !q.Now().Equal(start.Add(10*time.Minute+time.Second)) {
		t.Errorf("what was planned for the past: n = %d at %v", n, q.Now())
	}
	q.Run(start)
	if !q.Now().Equal(start.Add(10*time.Minute + time.Second)) {
		t.Errorf("time has gone back to %v", q.Now())
	}
}

func BenchmarkQueue(b *testing.B) {
	q := NewQueue(start)
	r := rand.New(rand.NewPCG(1, 0))
	for range 100_000 {
		q.After(time.Duration(r.Int64N(int64(time.Hour))), func() {})
	}
	b.ReportAllocs()
	for b.Loop() {
		q.After(time.Duration(r.Int64N(int64(time.Hour))), func() {})
		q.Step()
	}
}
