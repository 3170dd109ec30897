package swarm

import (
	"testing"
	"time"

	"dione/crypto/identity"
)

// The table of net/PROTOCOL.md, section 4. Each row is seen from both ends,
// which must come to the same verdict.
func TestDecide(t *testing.T) {
	ann, bob := identity.ID{1}, identity.ID{2} // ann is the smaller
	const lan, direct = PathLAN, PathDirect
	one, two := [32]byte{1}, [32]byte{2}
	run, restarted := [8]byte{1}, [8]byte{2}
	old := time.Minute
	for _, tt := range []struct {
		name       string
		old, fresh facts
		want       verdict
	}{
		{"both dial at once, smaller first", facts{ann, one, run, lan, 0, false}, facts{bob, one, run, lan, 0, false}, keepOld},
		{"both dial at once, smaller second", facts{bob, one, run, lan, 0, false}, facts{ann, one, run, lan, 0, false}, keepNew},
		{"the other one dials later", facts{ann, one, run, lan, old, false}, facts{bob, one, run, lan, 0, false}, keepNew},
		{"dialled again: moved, or half open", facts{bob, one, run, lan, 0, false}, facts{bob, one, run, lan, 0, false}, keepNew},
		{"dialled again, smaller", facts{ann, one, run, direct, old, false}, facts{ann, one, run, direct, 0, false}, keepNew},
		{"another process, or restarted", facts{ann, one, run, lan, old, false}, facts{bob, two, restarted, lan, 0, false}, askOld},
		{"another process, same dialler", facts{bob, one, run, lan, 0, false}, facts{bob, two, restarted, lan, 0, false}, askOld},
		{"another process, not over the LAN", facts{bob, one, [8]byte{}, direct, old, false}, facts{bob, two, [8]byte{}, direct, 0, false}, askOld},
		{"same process with a new transport key", facts{bob, one, run, lan, old, false}, facts{bob, two, run, lan, 0, false}, keepNew},
		{"renewed with a new transport key", facts{bob, one, [8]byte{}, direct, old, true}, facts{bob, two, [8]byte{}, direct, 0, false}, keepNew},
		{"the LAN is better", facts{ann, one, [8]byte{}, direct, 0, false}, facts{bob, one, run, lan, 0, false}, keepNew},
		{"nothing is better than the LAN", facts{bob, one, run, lan, old, false}, facts{ann, one, [8]byte{}, direct, 0, false}, keepOld},
	} {
		if got := decide(ann, bob, tt.old, tt.fresh); got != tt.want {
			t.Errorf("%s: decide by ann = %v, want %v", tt.name, got, tt.want)
		}
		if got := decide(bob, ann, tt.old, tt.fresh); got != tt.want {
			t.Errorf("%s: decide by bob = %v, want %v", tt.name, got, tt.want)
		}
	}
}
