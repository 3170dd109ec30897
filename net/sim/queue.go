// Package sim is a network in memory and in virtual time, on which the
// program's own net/dht code runs: up to 100,000 nodes in one process, months
// in minutes, and the same again from the same seed.
//
// It is for tests and experiments; nothing of the program imports it. All of it
// belongs to one goroutine.
package sim

import "time"

// Queue is what is going to happen, in virtual time: the earliest first, and
// of what happens at one time, what was planned first.
type Queue struct {
	start  time.Time
	now    time.Duration // since start
	next   uint64
	events []event // a binary heap
}

type event struct {
	at  time.Duration
	seq uint64
	do  func()
}

// NewQueue returns a queue at that time.
func NewQueue(start time.Time) *Queue { return &Queue{start: start} }

// Now returns the virtual time.
func (q *Queue) Now() time.Time { return q.start.Add(q.now) }

// Len returns how many events are planned.
func (q *Queue) Len() int { return len(q.events) }

// After plans do for a time from now.
func (q *Queue) After(d time.Duration, do func()) {
	q.next++
	q.events = append(q.events, event{q.now + max(d, 0), q.next, do})
	for i := len(q.events) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.before(i, parent) {
			break
		}
		q.swap(i, parent)
		i = parent
	}
}

// At plans do for a time, or for now if that has passed.
func (q *Queue) At(t time.Time, do func()) { q.After(t.Sub(q.Now()), do) }

// Step makes the next event happen, and reports whether there was one.
func (q *Queue) Step() bool {
	last := len(q.events) - 1
	if last < 0 {
		return false
	}
	e := q.events[0]
	q.swap(0, last)
	q.events[last] = event{} // what do refers to can go
	q.events = q.events[:last]
	for i := 0; ; {
		first := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && q.before(child, first) {
				first = child
			}
		}
		if first == i {
			break
		}
		q.swap(i, first)
		i = first
	}
	q.now = e.at
	e.do()
	return true
}

// Run makes everything happen that is planned until then, and lets that much
// time pass.
func (q *Queue) Run(until time.Time) {
	end := until.Sub(q.start)
	for len(q.events) > 0 && q.events[0].at <= end {
		q.Step()
	}
	q.now = max(q.now, end)
}

func (q *Queue) before(i, j int) bool {
	a, b := &q.events[i], &q.events[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (q *Queue) swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }
