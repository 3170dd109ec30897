package lan

import (
	"testing"
	"time"
)

func TestBurstThenSteady(t *testing.T) {
	var s schedule
	start := time.Now()
	now := start
	for n, want := range []struct{ at, listen time.Duration }{
		{0, briefTime},
		{250 * time.Millisecond, queryTime},
		{500 * time.Millisecond, queryTime},
		{1 * time.Second, patientTime},
		{2 * time.Second, patientTime},
		{4 * time.Second, patientTime},
		{8 * time.Second, patientTime},
	} {
		if at := now.Sub(start); at != want.at {
			t.Errorf("query %d comes at %v, want %v", n, at, want.at)
		}
		if listen := s.ask(now); listen != want.listen {
			t.Errorf("query %d listens for %v, want %v", n, listen, want.listen)
		}
		if n < len(queries) {
			now = s.due
		}
	}
	for range 100 {
		now = s.due
		s.ask(now)
		if pause := s.due.Sub(now); pause < 12*time.Second || pause > 18*time.Second {
			t.Fatalf("steady pause of %v, want 15s ± 20%%", pause)
		}
	}
	s.burst(now.Add(time.Second))
	if !s.due.Equal(now.Add(time.Second)) {
		t.Errorf("a burst begins after %v, want at once", s.due.Sub(now.Add(time.Second)))
	}
	if listen := s.ask(s.due); listen != briefTime {
		t.Errorf("a burst's first query listens for %v, want %v", listen, briefTime)
	}
}

// TestScheduleIsNotHurried lets everything that can hurry the schedule do so
// every millisecond for a minute.
func TestScheduleIsNotHurried(t *testing.T) {
	for name, hurry := range map[string]func(*schedule, time.Time){
		"burst": (*schedule).burst,
		"hint":  (*schedule).hint,
		"both":  func(s *schedule, now time.Time) { s.burst(now); s.hint(now) },
	} {
		var s schedule
		start := time.Now()
		asked := 0
		for now := start; now.Before(start.Add(time.Minute)); now = now.Add(time.Millisecond) {
			hurry(&s, now)
			if !now.Before(s.due) {
				s.ask(now)
				asked++
			}
		}
		// A burst that is begun again and again asks its first query and its
		// second, 250 ms later, at most.
		if asked < 60 || asked > 60*4+1 {
			t.Errorf("%s: asked %d times in a minute", name, asked)
		}
	}
}

func TestHintComesSoon(t *testing.T) {
	for range 1000 {
		now := time.Now()
		s := schedule{due: now.Add(steady), last: now.Add(-steady), asked: len(queries)}
		s.hint(now)
		if wait := s.due.Sub(now); wait < hintMin || wait > hintMax {
			t.Fatalf("a hint waits %v, want %v to %v", wait, hintMin, hintMax)
		}
		due := s.due
		s.hint(now.Add(hintMax))
		if s.due.After(due) {
			t.Fatal("a second hint put the query off")
		}
		if listen := s.ask(s.due); listen != queryTime {
			t.Fatalf("a hint's query listens for %v, want %v", listen, queryTime)
		}
		if listen := s.ask(s.due); listen != patientTime {
			t.Fatalf("the query after it listens for %v, want %v", listen, patientTime)
		}
	}
}

func TestSlept(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name  string
		later time.Time
		want  bool
	}{
		{"on time", now.Add(watchEvery), false},
		{"busy machine", now.Add(watchEvery + wakeAfter - time.Second), false},
		{"an hour's sleep", now.Add(time.Hour), true},
		{"clock set back", now.Add(-time.Hour), false},
	} {
		if got := slept(now, tt.later); got != tt.want {
			t.Errorf("%s: slept = %v, want %v", tt.name, got, tt.want)
		}
	}
}
