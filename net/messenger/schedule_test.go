package messenger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestAnySchedule has two people write, lose their link and start anew in any
// order: each gets what the other has written, all of it, once and in order.
func TestAnySchedule(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 3))
	t.Logf("seed %d", seed)
	steps := 60
	if testing.Short() {
		steps = 25
	}
	dirs := [2]string{t.TempDir(), t.TempDir()}
	names := [2]string{"ann", "bob"}
	var ends [2]*engine
	for i := range ends {
		ends[i] = startEngine(t, dirs[i], names[i])
	}
	meet(ends[0], ends[1])
	var wrote [2][]string
	for range steps {
		i := random.IntN(2)
		here, there := ends[i], ends[1-i]
		switch n := random.IntN(10); {
		case n < 6:
			for range 1 + random.IntN(6) {
				text := fmt.Sprintf("%s %d %s", names[i], len(wrote[i]), strings.Repeat("x", random.IntN(3*640)))
				wrote[i] = append(wrote[i], text)
				here.send(chatWith(there), text)
			}
		case n < 8:
			cut(t, here, there)
		default:
			here.stop()
			ends[i] = startEngine(t, dirs[i], names[i])
		}
		if random.IntN(2) == 0 {
			hint(ends[0], ends[1])
		}
	}
	// In the end both are up and near each other for long enough.
	keepMeeting(ends[0], ends[1])
	for i, e := range ends {
		e.send(chatWith(ends[1-i]), "the end")
		wrote[i] = append(wrote[i], "the end")
	}
	for i, e := range ends {
		e.awaitText("the end")
		var got []string
		for _, m := range e.history(chatWith(ends[1-i])) {
			if !m.Mine {
				got = append(got, m.Text)
			}
		}
		if !slices.Equal(got, wrote[1-i]) {
			t.Errorf("%s has %d messages of %d as they were written", names[i], len(got), len(wrote[1-i]))
		}
	}
}
