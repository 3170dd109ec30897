package store

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// add stores messages in one transaction and returns them as stored.
func add(t testing.TB, s *Store, msgs ...Message) []Message {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		for i := range msgs {
			if _, err := tx.AddMessage(&msgs[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return msgs
}

func texts(msgs []Message) []string {
	all := make([]string, len(msgs))
	for i, m := range msgs {
		all[i] = m.Text
	}
	return all
}

func history(t testing.TB, s *Store, in Chat) []Message {
	t.Helper()
	var all []Message
	view(t, s, func(tx *Tx) (err error) {
		all, err = tx.History(in, Cursor{}, 1<<20)
		return err
	})
	return all
}

func TestLate(t *testing.T) {
	type in struct {
		from int // who, by number
		seq  uint64
	}
	for _, tt := range []struct {
		name string
		come []in
		want []string // author.seq, in their places
	}{
		{"in order", []in{{1, 1}, {2, 1}, {1, 2}}, []string{"1.1", "2.1", "1.2"}},
		{"a gap is no reason to wait", []in{{1, 1}, {1, 5}, {2, 9}}, []string{"1.1", "1.5", "2.9"}},
		{"behind its predecessor", []in{{1, 1}, {2, 1}, {2, 2}, {1, 3}, {1, 2}}, []string{"1.1", "1.2", "2.1", "2.2", "1.3"}},
		{"two, in order", []in{{1, 1}, {2, 1}, {1, 4}, {1, 2}, {1, 3}}, []string{"1.1", "1.2", "1.3", "2.1", "1.4"}},
		{"two, the later first", []in{{1, 1}, {2, 1}, {1, 4}, {1, 3}, {1, 2}}, []string{"1.1", "1.2", "1.3", "2.1", "1.4"}},
		{"before all of its author", []in{{2, 1}, {1, 3}, {2, 2}, {1, 1}}, []string{"2.1", "1.1", "1.3", "2.2"}},
		{"before all, the later first", []in{{2, 1}, {1, 3}, {1, 2}, {1, 1}}, []string{"2.1", "1.1", "1.2", "1.3"}},
		{"two authors in one gap", []in{{2, 1}, {1, 3}, {2, 4}, {1, 2}, {2, 2}, {1, 1}, {2, 3}},
			[]string{"2.1", "2.2", "2.3", "1.1", "1.2", "1.3", "2.4"}},
	} {
		s := testStore(t)
		newest := make(map[int]uint64)
		for _, c := range tt.come {
			m := add(t, s, theirs(Room, person(c.from), c.seq, fmt.Sprintf("%d.%d", c.from, c.seq)))[0]
			if late := c.seq < newest[c.from]; m.Late != late {
				t.Errorf("%s: %s: Late = %t", tt.name, m.Text, m.Late)
			}
			newest[c.from] = max(newest[c.from], c.seq)
		}
		if got := texts(history(t, s, Room)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: history = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Whatever the order in which messages come, each author's stand in the
// author's order, those that came in order stand in the order of arrival, and
// no place changes afterwards.
func TestOrderOfAnySchedule(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	s := testStore(t)
	for round := range 20 {
		chat := Chat{Peer: person(100 + round)}
		authors := []int{100 + round}
		if round == 0 {
			chat, authors = Room, []int{1, 2, 3}
		}
		var come []Message
		for _, a := range authors {
			for seq := range 100 {
				come = append(come, theirs(chat, person(a), uint64(seq+1), fmt.Sprintf("%d.%d", a, seq+1)))
			}
		}
		rnd.Shuffle(len(come), func(i, j int) { come[i], come[j] = come[j], come[i] })
		come = add(t, s, come...)
		got := history(t, s, chat)
		if len(got) != len(come) {
			t.Fatalf("%d messages in the history, want %d", len(got), len(come))
		}
		seqs, lastRow := make(map[string]uint64), int64(0)
		for _, m := range got {
			if m.Seq <= seqs[m.From.String()] {
				t.Errorf("%s stands behind number %d", m.Text, seqs[m.From.String()])
			}
			seqs[m.From.String()] = m.Seq
			if !m.Late {
				if m.Row < lastRow {
					t.Errorf("%s came in order and stands before one that came earlier", m.Text)
				}
				lastRow = m.Row
			}
			if i := slices.IndexFunc(come, func(c Message) bool { return c.ID == m.ID }); !reflect.DeepEqual(come[i], m) {
				t.Errorf("stored as %+v, read as %+v", come[i], m)
			}
		}
	}
}

// A long run that comes backwards would exhaust the digits of a place that is
// halved each time.
func TestManyLate(t *testing.T) {
	s := testStore(t)
	const n = 5000
	come := []Message{theirs(Room, bob, 1, "first"), theirs(Room, carol, 1, "between"), theirs(Room, bob, n, "last")}
	for seq := uint64(n - 1); seq > 1; seq-- {
		come = append(come, theirs(Room, bob, seq, ""))
	}
	add(t, s, come...)
	got := history(t, s, Room)
	for i, m := range got[:n-1] {
		if m.Seq != uint64(i+1) {
			t.Fatalf("number %d at place %d", m.Seq, i)
		}
	}
	if got[n-1].Text != "between" || got[n].Text != "last" {
		t.Errorf("the end is %q, %q", got[n-1].Text, got[n].Text)
	}
}

// A peer may give any number. What is too far to be placed exactly still
// stands behind its predecessor and before everything else.
func TestHostileNumbers(t *testing.T) {
	s := testStore(t)
	const huge = 1<<63 - 1
	add(t, s, theirs(Room, bob, 1, "a"), theirs(Room, carol, 5, "c"), theirs(Room, bob, huge, "z"),
		theirs(Room, bob, huge-1, "y"), theirs(Room, bob, huge/2, "m"), theirs(Room, bob, 2, "b"))
	got := texts(history(t, s, Room))
	if want := []string{"a", "b", "y", "m", "c", "z"}; !slices.Equal(got, want) {
		t.Errorf("history = %v, want %v", got, want)
	}
}

// Places stay exact in chats far longer than any.
func TestPlacesAreExact(t *testing.T) {
	for _, base := range []float64{1, 1 << 20, 1<<31 - 1} {
		for _, d := range []uint64{1, 2, 1000, maxGap - 1} {
			for _, pair := range [][2]float64{
				{behind(base, d), behind(base, d+1)},
				{before(base+1, d+1), before(base+1, d)},
				{behind(base, d+1), before(base+1, d+1)},
			} {
				if !(base < pair[0] && pair[0] < pair[1] && pair[1] < base+1) {
					t.Errorf("places %v in the gap behind %v, %d apart", pair, base, d)
				}
			}
		}
	}
}
