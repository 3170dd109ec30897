package swarm

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// Two peers that dial each other at random moments, over a network with random
// delays, while connections break now and then, always end with one and the
// same connection, and nobody is told that the other one is gone while it is
// not.
func TestRandomDials(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range rounds {
		rnd := rand.New(rand.NewPCG(seed, uint64(round)))
		var mu sync.Mutex // rnd has several users
		random := func(limit time.Duration) time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(rnd.Int64N(int64(limit)))
		}
		bubble(t, func(t *testing.T) {
			n := newMemNet(t)
			worst := 1 + random(20*time.Millisecond)
			n.latency = func() time.Duration { return random(worst) }
			ann, bob := two(t, n)
			for range 5 {
				go func() {
					time.Sleep(random(60 * time.Millisecond))
					ann.hint(bob)
				}()
				go func() {
					time.Sleep(random(60 * time.Millisecond))
					bob.hint(ann)
				}()
			}
			time.Sleep(30 * time.Second)
			here, there := settled(t, ann), settled(t, bob)
			if here == nil || there == nil || here.Dialled() == there.Dialled() || here.sec.Binding() != there.sec.Binding() {
				t.Fatalf("round %d: not the same connection at both ends: %+v, %+v", round, here, there)
			}
			ping(t, here, "over the one that is left")
			if random(2) == 0 {
				n.reset(bob.at.Addr())
				time.Sleep(30 * time.Second)
				here, there = settled(t, ann), settled(t, bob)
				if here == nil || there == nil || here.sec.Binding() != there.sec.Binding() {
					t.Fatalf("round %d: not the same connection at both ends after a break: %+v, %+v", round, here, there)
				}
			}
		})
	}
}

// settled reads all events so far, which must be Ups, and returns the last.
func settled(t *testing.T, n *node) *Conn {
	t.Helper()
	var last *Conn
	for len(n.events) > 0 {
		switch ev := (<-n.events).(type) {
		case Up:
			last = ev.Conn
		default:
			t.Errorf("%T: %+v while both were there", ev, ev)
		}
	}
	return last
}
