package dht

import (
	"fmt"
	"testing"
	"time"
)

// TestLost: who has left the table is asked again now and then, for a day;
// how many are remembered is bounded.
func TestLost(t *testing.T) {
	rand := chance(1)
	self := faraway(rand, anyKey(rand))
	r := NewRouter(RouterConfig{ID: self.ID, Rand: rand}, epoch)
	s := r.scopes[Wide]
	alive, gone := faraway(rand, anyKey(rand)), faraway(rand, anyKey(rand))
	s.table.Add(epoch, alive)
	s.table.Add(epoch, gone)
	now := epoch
	for range maxFailures {
		now = now.Add(time.Minute)
		r.failed(now, s, gone)
		s.table.Seen(now.Add(time.Second), alive.Key)
	}
	if len(s.lost) != 1 || s.lost[0].Contact != gone {
		t.Fatalf("lost: %v", s.lost)
	}
	asked := 0
	for end := now.Add(2 * regainTime); now.Before(end); now = now.Add(time.Minute) {
		due, _ := r.Next(now)
		for _, q := range due {
			if q.To.Key == gone.Key {
				asked++
				r.Answered(now, q, nil)
			} else {
				r.Answered(now, q, Found{})
			}
		}
	}
	if most := int(regainTime / regainPause); asked < most*9/10 || asked > most {
		t.Errorf("asked %d times in two days, want about %d", asked, most)
	}
	for i := range 1000 {
		s.lose(now, contactAt(anyKey(rand), fmt.Sprintf("9.%d.%d.1", i/200, i%200)))
		s.lose(now, s.lost[0].Contact)
	}
	if len(s.lost) != maxLost {
		t.Errorf("%d are remembered, want %d", len(s.lost), maxLost)
	}
	// Who comes back is in the table, and lost no more.
	back := s.lost[5].Contact
	s.regain = now
	r.found(now, s, back)
	r.seekLost(now, s)
	for _, l := range s.lost {
		if l.Key == back.Key {
			t.Error("who is back counts as lost")
		}
	}
}
