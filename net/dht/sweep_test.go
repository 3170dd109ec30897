package dht

import (
	"math/big"
	"testing"
	"time"
)

// TestAdvance compares with whole numbers.
func TestAdvance(t *testing.T) {
	r := chance(1)
	end := new(big.Int).Lsh(big.NewInt(1), 256)
	for range 5000 {
		bits := 1 + r.IntN(256)
		k := mix(Key{}, r.IntN(257), r)
		if r.IntN(3) == 0 {
			k = xor(k, Key{0xff, 0xff, 0xff, 0xff})
		}
		step := new(big.Int).Lsh(big.NewInt(1), uint(256-bits))
		want := new(big.Int).SetBytes(k[:])
		want.Div(want, step).Add(want, big.NewInt(1)).Mul(want, step)
		got := k
		if on := got.advance(bits); on != (want.Cmp(end) < 0) {
			t.Fatalf("%x.advance(%d) = %v", k, bits, on)
		}
		want.Mod(want, end)
		if new(big.Int).SetBytes(got[:]).Cmp(want) != 0 {
			t.Fatalf("%x.advance(%d) gives %x, want %x", k, bits, got, want)
		}
	}
}

func TestEstimate(t *testing.T) {
	for _, n := range []int{3, 40, 400, 5000} {
		sum := 0
		for seed := range uint64(20) {
			r := chance(seed)
			tb := NewTable(anyKey(r), TableConfig{Small: -1})
			for range n {
				tb.Add(epoch, faraway(r, anyKey(r)))
			}
			sum += tb.Estimate()
		}
		if mean := sum / 20; mean < n*8/10 || mean > n*13/10 {
			t.Errorf("%d nodes are taken for %d", n, mean)
		}
	}
	if got := NewTable(Key{}, TableConfig{}).Estimate(); got != 0 {
		t.Errorf("nobody is taken for %d", got)
	}
}

// sweeper is a router whose questions a crowd answers, each at once.
type sweeper struct {
	*Router
	now    time.Time
	asked  int
	answer func(q Query) Message
}

func newSweeper(w *crowdOf, answer func(q Query) Message) *sweeper {
	s := &sweeper{now: epoch, answer: answer}
	s.Router = NewRouter(RouterConfig{ID: faraway(w.r, anyKey(w.r)).ID, Rand: w.r}, s.now)
	s.Hear(s.now, Wide, w.contacts[:1])
	return s
}

func (s *sweeper) run(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); {
		due, at := s.Next(s.now)
		for _, q := range due {
			s.asked++
			s.Answered(s.now, q, s.answer(q))
		}
		if len(due) == 0 {
			s.now = at
		}
	}
}

// TestSweep: a small network is known as a whole after some minutes, and taken
// for it; what that costs does not grow faster than the network.
func TestSweep(t *testing.T) {
	for _, n := range []int{1, 2, 11, 12, 13, 30, 200, 450} {
		w := newCrowd(uint64(n), n)
		truly := func(q Query) Message {
			if f, ok := q.Ask.(Find); ok {
				return Found{w.tables[q.To.Key].Nearest(f.Target, MaxContacts, false)}
			}
			return Pong{}
		}
		s := newSweeper(w, truly)
		s.run(30 * time.Minute)
		if got := s.Servers(Wide); got != n || !s.Whole(s.now, Wide) {
			t.Errorf("%d nodes: %d are known, taken for the whole network: %v", n, got, s.Whole(s.now, Wide))
		}
		s.asked = 0
		s.run(6 * time.Hour)
		if each := s.asked / 6; each > 40+n {
			t.Errorf("%d nodes: %d questions an hour", n, each)
		}
	}
}

// TestSweepLarge: a network that is larger than a table is not taken for one
// that is known.
func TestSweepLarge(t *testing.T) {
	w := newCrowd(7, 1500)
	s := newSweeper(w, func(q Query) Message {
		if f, ok := q.Ask.(Find); ok {
			return Found{w.tables[q.To.Key].Nearest(f.Target, MaxContacts, false)}
		}
		return Pong{}
	})
	for range 40 {
		s.run(3 * time.Minute)
		if s.Whole(s.now, Wide) {
			t.Fatalf("%d of 1500 nodes are taken for all of them", s.Servers(Wide))
		}
	}
}

// TestSweepLiars: who answers a sweep with the same again and again, with
// nobody, or with nodes that do not exist, does not keep it busy, and does not
// hide the others.
func TestSweepLiars(t *testing.T) {
	for name, lie := range map[string]func(w *crowdOf, q Query) Message{
		"nobody": func(*crowdOf, Query) Message { return Found{} },
		"silent": func(*crowdOf, Query) Message { return nil },
		"himself": func(_ *crowdOf, q Query) Message {
			var f Found
			for range MaxContacts {
				f.Contacts = append(f.Contacts, q.To)
			}
			return f
		},
		"nonsense": func(w *crowdOf, q Query) Message {
			var f Found
			for range MaxContacts {
				f.Contacts = append(f.Contacts, faraway(w.r, anyKey(w.r)))
			}
			return f
		},
		"near nonsense": func(w *crowdOf, q Query) Message {
			var f Found
			for range MaxContacts {
				f.Contacts = append(f.Contacts, faraway(w.r, mix(q.Ask.(Find).Target, 40, w.r)))
			}
			return f
		},
	} {
		w := newCrowd(5, 100)
		liars := make(map[Key]bool)
		for _, c := range w.contacts[1:21] {
			liars[c.Key] = true
		}
		s := newSweeper(w, func(q Query) Message {
			f, ok := q.Ask.(Find)
			switch {
			case w.tables[q.To.Key] == nil:
				return nil
			case ok && liars[q.To.Key]:
				return lie(w, q)
			case ok:
				return Found{w.tables[q.To.Key].Nearest(f.Target, MaxContacts, false)}
			}
			return Pong{}
		})
		s.run(4 * time.Hour)
		honest := 0
		for _, c := range w.contacts {
			if !liars[c.Key] && s.scopes[Wide].table.Get(c.Key) != nil {
				honest++
			}
		}
		if honest < 78 {
			t.Errorf("%s: %d of 80 honest nodes are known", name, honest)
		}
		if s.asked > 4*4000 {
			t.Errorf("%s: %d questions in four hours", name, s.asked)
		}
	}
}

// TestNotWhole: a holder that says it is far from a place shows that the table
// is not the whole network; the place is looked up then.
func TestNotWhole(t *testing.T) {
	w := newCrowd(6, 60)
	finds, stores := 0, 0
	s := newSweeper(w, func(q Query) Message {
		switch m := q.Ask.(type) {
		case Find:
			finds++
			return Found{w.tables[q.To.Key].Nearest(m.Target, MaxContacts, false)}
		case Store:
			if stores++; stores == 1 {
				return Stored{Result: Far}
			}
			return Stored{Result: Kept}
		}
		return Pong{}
	})
	s.run(time.Hour)
	var placed []Placed
	put := func(place Key) {
		finds = 0
		s.Put(s.now, Wide, place, [][]byte{make([]byte, 1024)}, func(_ time.Time, p Placed) { placed = append(placed, p) })
		s.run(time.Second)
	}
	for range 2 {
		put(anyKey(w.r))
		if len(placed) == 1 && finds < bucketSize {
			t.Errorf("%d questions after a holder was far", finds)
		}
	}
	if len(placed) != 2 || placed[0].Holders[0] != Replicas || placed[1].Holders[0] != Replicas || s.Whole(s.now, Wide) {
		t.Errorf("placed %+v, whole: %v", placed, s.Whole(s.now, Wide))
	}

	// It is the same where the holders are known already.
	s.run(2 * time.Hour)
	if !s.Whole(s.now, Wide) {
		t.Fatal("a sweep later it is not whole again")
	}
	place := anyKey(w.r)
	stores = 0
	s.PutAt(s.now, Wide, s.Nearest(Wide, place, bucketSize), [][]byte{make([]byte, 1024)}, func(_ time.Time, p Placed) { placed = append(placed, p) })
	s.run(time.Second)
	if put(place); finds < bucketSize || placed[2].Holders[0] != Replicas {
		t.Errorf("%d questions after a known holder was far, placed %+v", finds, placed[2])
	}
}
