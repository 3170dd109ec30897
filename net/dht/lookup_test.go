package dht

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// crowdOf is nodes whose tables know as much as each has room for.
type crowdOf struct {
	r        *rand.Rand
	contacts []*Contact
	tables   map[Key]*Table
}

func newCrowd(seed uint64, n int) *crowdOf {
	w := &crowdOf{r: chance(seed), tables: make(map[Key]*Table)}
	for range n {
		w.contacts = append(w.contacts, faraway(w.r, anyKey(w.r)))
	}
	for _, c := range w.contacts {
		t := NewTable(c.Key, TableConfig{Small: -1})
		for _, i := range w.r.Perm(n) {
			t.Add(epoch, w.contacts[i])
		}
		w.tables[c.Key] = t
	}
	return w
}

// nearest returns the n contacts nearest to a place, without those to skip.
func (w *crowdOf) nearest(target Key, n int, skip func(*Contact) bool) []*Contact {
	all := slices.DeleteFunc(slices.Clone(w.contacts), skip)
	slices.SortFunc(all, func(a, b *Contact) int { return target.Nearer(a.Key, b.Key) })
	return all[:min(n, len(all))]
}

// begin returns a lookup of a random place from one of the crowd.
func (w *crowdOf) begin(cfg LookupConfig) (*Lookup, Key) {
	target, from := anyKey(w.r), w.contacts[w.r.IntN(len(w.contacts))]
	cfg.Self = from.Key
	return NewLookup(target, cfg, w.tables[from.Key].Nearest(target, bucketSize, true)), target
}

// honest is the true answer of a node.
func (w *crowdOf) honest(c *Contact, target Key) []*Contact {
	return w.tables[c.Key].Nearest(target, MaxContacts, false)
}

// drive runs a lookup to its end: answers come in any order, and answer tells
// what each is; nil for none. It fails if the lookup is not as it has to be.
func drive(t *testing.T, r *rand.Rand, l *Lookup, answer func(*Contact) []*Contact) {
	t.Helper()
	most := 0
	for _, p := range l.paths {
		most += p.left
	}
	where := make(map[Key]int) // by which path a node was asked
	var flight []*Contact
	for {
		for {
			c := l.Next(nil)
			if c == nil {
				break
			}
			if c.Key == l.cfg.Self {
				t.Fatal("asks itself")
			}
			if slices.ContainsFunc(flight, func(o *Contact) bool { return o.Key == c.Key }) {
				t.Fatalf("asks %v twice at a time", c.Key)
			}
			if p, again := where[c.Key]; again && p != l.nodes[c.Key].path && l.nodes[c.Key].state == answered {
				t.Fatalf("%v is on two paths", c.Key)
			}
			where[c.Key] = l.nodes[c.Key].path
			flight = append(flight, c)
		}
		if limit := max(l.cfg.Alpha, l.cfg.Paths); len(flight) > limit || l.flight != len(flight) {
			t.Fatalf("%d questions under way, counted as %d, limit %d", len(flight), l.flight, limit)
		}
		if l.Messages() > most {
			t.Fatalf("%d questions, want at most %d", l.Messages(), most)
		}
		if len(flight) == 0 {
			break
		}
		i := r.IntN(len(flight))
		c := flight[i]
		flight = slices.Delete(flight, i, i+1)
		if contacts := answer(c); contacts != nil {
			l.Answered(c.Key, contacts)
		} else {
			l.Failed(c.Key)
		}
	}
	if !l.Done() {
		t.Fatal("nobody is to be asked, but it is not done")
	}
	found := l.Nearest(1 << 10)
	if !l.cfg.Varied && !slices.IsSortedFunc(found, func(a, b *Contact) int { return l.target.Nearer(a.Key, b.Key) }) {
		t.Fatal("what is found is not in order")
	}
	keys := keysOf(found)
	slices.SortFunc(keys, Key.Compare)
	if len(slices.Compact(keys)) != len(found) {
		t.Fatal("a node is found twice")
	}
}

// TestLookupFindsNearest runs lookups on random networks: who has to be found
// is found, whatever the parameters.
func TestLookupFindsNearest(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 21, 100, 400} {
		w := newCrowd(uint64(n), n)
		for i := range 60 {
			cfg := LookupConfig{Alpha: 1 + i%6, Paths: []int{1, 4, 8, 3}[i%4]}
			l, target := w.begin(cfg)
			drive(t, w.r, l, func(c *Contact) []*Contact { return w.honest(c, target) })
			want := w.nearest(target, 4, func(c *Contact) bool { return c.Key == l.cfg.Self })
			if got := l.Nearest(len(want)); !slices.Equal(keysOf(got), keysOf(want)) {
				t.Errorf("%d nodes, %+v: found %v, want %v", n, cfg, keysOf(got), keysOf(want))
			}
			if n > 100 && (l.Hops() < 1 || l.Hops() > 4) {
				t.Errorf("%d nodes: %d hops", n, l.Hops())
			}
		}
	}
}

// TestLookupSilent: half of the nodes do not answer.
func TestLookupSilent(t *testing.T) {
	w := newCrowd(1, 300)
	silent := make(map[Key]bool)
	for _, c := range w.contacts {
		silent[c.Key] = w.r.IntN(2) == 0
	}
	for i := range 60 {
		l, target := w.begin(LookupConfig{Paths: []int{1, 4, 8}[i%3]})
		drive(t, w.r, l, func(c *Contact) []*Contact {
			if silent[c.Key] {
				return nil
			}
			return w.honest(c, target)
		})
		want := w.nearest(target, 3, func(c *Contact) bool { return c.Key == l.cfg.Self || silent[c.Key] })
		if got := l.Nearest(len(want)); !slices.Equal(keysOf(got), keysOf(want)) {
			t.Errorf("found %v, want %v", keysOf(got), keysOf(want))
		}
	}
}

func TestLookupAllSilent(t *testing.T) {
	w := newCrowd(2, 50)
	l, _ := w.begin(LookupConfig{})
	drive(t, w.r, l, func(*Contact) []*Contact { return nil })
	if l.Messages() != bucketSize || len(l.Nearest(8)) != 0 || l.Hops() != 0 {
		t.Errorf("%d questions, found %v", l.Messages(), l.Nearest(8))
	}
}

func TestLookupOfNobody(t *testing.T) {
	l := NewLookup(Key{1}, LookupConfig{Paths: 4, Self: Key{2}}, []*Contact{contactAt(Key{2}, "9.9.9.9")})
	if c := l.Next(nil); c != nil || !l.Done() || len(l.Nearest(8)) != 0 || l.Target() != (Key{1}) {
		t.Errorf("with nobody but itself: Next = %v, Done = %v", c, l.Done())
	}
}

// TestOtherAddress: a node that another path knows at a better address is not
// lost because one was told a wrong one.
func TestOtherAddress(t *testing.T) {
	k := Key{0x80}
	wrong, right := contactAt(k, "5.0.0.1"), contactAt(k, "9.0.0.1")
	// On one path: the addresses are tried one after the other.
	a, b := contactAt(Key{1}, "9.0.0.2"), contactAt(Key{2}, "9.0.0.3")
	l := NewLookup(k, LookupConfig{Alpha: 1}, []*Contact{wrong, a, b})
	if c := l.Next(nil); c != wrong {
		t.Fatalf("asks %v first", c)
	}
	l.learn(0, 1, right)
	l.Failed(k)
	if c := l.Next(nil); c != right {
		t.Fatalf("then asks %v, want the same node elsewhere", c)
	}
	l.Answered(k, nil)
	if got := l.Nearest(1); len(got) != 1 || got[0] != right {
		t.Errorf("found %v", got)
	}
	// On two paths.
	l = NewLookup(k, LookupConfig{Paths: 2}, []*Contact{wrong, right})
	if c := l.Next(nil); c != wrong {
		t.Fatalf("asks %v first", c)
	}
	if c := l.Next(nil); c != nil {
		t.Fatalf("asks %v at the same time on the other path", c)
	}
	l.Failed(k)
	if c := l.Next(nil); c != right {
		t.Fatalf("the other path asks %v", c)
	}
	l.Answered(k, nil)
	if got := l.Nearest(1); len(got) != 1 || got[0] != right || !l.Done() {
		t.Errorf("found %v, done %v", got, l.Done())
	}
}

// TestStrayAnswers: what was not asked, or comes twice or too late, changes
// nothing.
func TestStrayAnswers(t *testing.T) {
	r := chance(5)
	a, b, c := faraway(r, anyKey(r)), faraway(r, anyKey(r)), faraway(r, anyKey(r))
	l := NewLookup(anyKey(r), LookupConfig{}, []*Contact{a})
	l.Answered(a.Key, []*Contact{b}) // not asked yet
	l.Answered(c.Key, []*Contact{b}) // not known
	l.Failed(c.Key)
	l.Next(nil)
	if l.Done() {
		t.Fatal("done before an answer")
	}
	l.Failed(a.Key)
	l.Failed(a.Key)
	l.Answered(a.Key, []*Contact{b}) // too late
	if l.Next(nil) != nil || !l.Done() || l.flight != 0 || l.Messages() != 1 || len(l.Nearest(5)) != 0 {
		t.Errorf("after one failure: %d under way, %d questions, found %v", l.flight, l.Messages(), l.Nearest(5))
	}
}

// TestOpen: of those that are about as near, who is connected is asked first.
func TestOpen(t *testing.T) {
	target := Key{}
	far, mid1, mid2, mid3 := contactAt(Key{0x40}, "9.0.0.1"), contactAt(Key{0x11}, "9.0.0.2"), contactAt(Key{0x12}, "9.0.0.3"), contactAt(Key{0x1f}, "9.0.0.4")
	open := map[Key]bool{mid3.Key: true, far.Key: true}
	l := NewLookup(target, LookupConfig{Alpha: 4}, []*Contact{far, mid1, mid2, mid3})
	var got []Key
	for c := l.Next(func(k Key) bool { return open[k] }); c != nil; c = l.Next(func(k Key) bool { return open[k] }) {
		got = append(got, c.Key)
	}
	if want := keysOf([]*Contact{mid3, mid1, mid2, far}); !slices.Equal(got, want) {
		t.Errorf("asked %v, want %v", got, want)
	}
}

// TestHops: the way is the shortest on which a node was named.
func TestHops(t *testing.T) {
	target := Key{}
	at := func(first byte) *Contact { return contactAt(Key{first}, fmt.Sprintf("9.0.0.%d", first)) }
	l := NewLookup(target, LookupConfig{Alpha: 1}, []*Contact{at(0x80), at(0x90)})
	for _, step := range []struct {
		asked byte
		names []*Contact
	}{
		{0x80, []*Contact{at(0x40)}},
		{0x40, []*Contact{at(0x20)}},
		{0x20, []*Contact{at(0x01)}}, // four steps
		{0x01, nil},
		{0x90, []*Contact{at(0x01)}}, // two
	} {
		if c := l.Next(nil); c == nil || c.Key[0] != step.asked {
			t.Fatalf("asks %v, want %x", c, step.asked)
		}
		l.Answered(Key{step.asked}, step.names)
		if step.asked == 0x01 && l.Hops() != 4 {
			t.Errorf("Hops = %d, want 4", l.Hops())
		}
	}
	if l.Hops() != 2 {
		t.Errorf("Hops = %d, want 2", l.Hops())
	}
}

// TestVary: of one network two count in an answer, and one in a result where
// there are enough.
func TestVary(t *testing.T) {
	r := chance(6)
	var answer []*Contact
	for i := range 8 {
		answer = append(answer, contactAt(anyKey(r), fmt.Sprintf("9.9.9.%d", i)))
	}
	answer = append(answer, contactAt(anyKey(r), "9.9.8.1"), contactAt(anyKey(r), "2a01:4f8:1::1"))
	if got := vary(answer); !slices.Equal(got, []*Contact{answer[0], answer[1], answer[8], answer[9]}) {
		t.Errorf("vary leaves %v", keysOf(got))
	}
	if got := spread(answer, 3); !slices.Equal(got, []*Contact{answer[0], answer[8], answer[9]}) {
		t.Errorf("spread over 3 = %v", keysOf(got))
	}
	if got := spread(answer, 5)[:5]; !slices.Equal(got, []*Contact{answer[0], answer[8], answer[9], answer[1], answer[2]}) {
		t.Errorf("spread over 5 = %v", keysOf(got))
	}
	l := NewLookup(Key{}, LookupConfig{Varied: true}, answer[8:])
	drive(t, r, l, func(*Contact) []*Contact { return answer })
	if n := l.Messages(); n != 4 {
		t.Errorf("%d were asked, want two of the large network and two others", n)
	}
	nets := make(map[string]bool)
	for _, c := range l.Nearest(3) {
		nets[Origin(addrOf(c)).String()] = true
	}
	if len(nets) != 3 {
		t.Errorf("the nearest 3 are of %v", nets)
	}
}

// lookupSchedule drives a lookup by bytes: each says what comes of a question.
func lookupSchedule(t *testing.T, steps []byte) {
	if len(steps) < 4 {
		return
	}
	r := chance(uint64(steps[0]))
	cfg := LookupConfig{K: 1 + int(steps[1]%24), Alpha: 1 + int(steps[2]%8), Paths: 1 + int(steps[3]%8), Varied: steps[3]&16 != 0}
	target := anyKey(r)
	var all []*Contact
	for i := range 64 {
		all = append(all, contactAt(mix(target, i%20, r), fmt.Sprintf("%d.%d.1.1", 11+i%7, i%3)))
	}
	cfg.Self = all[0].Key
	l := NewLookup(target, cfg, all[:1+int(steps[0]%30)])
	rest := steps[4:]
	drive(t, r, l, func(*Contact) (named []*Contact) {
		if len(rest) < 2 {
			return nil
		}
		kind, n := rest[0]%8, int(rest[1]%MaxContacts)
		rest = rest[2:]
		for range n {
			c := all[r.IntN(len(all))]
			switch kind {
			case 0:
				return nil
			case 1: // nobody ever heard of them
				c = faraway(r, mix(target, 40, r))
			case 2: // somewhere else
				c = faraway(r, c.Key)
			}
			named = append(named, c)
		}
		return named
	})
}

func TestLookupSchedules(t *testing.T) {
	for seed := range uint64(500) {
		r := chance(seed)
		steps := make([]byte, 8*r.IntN(80))
		for i := 0; i < len(steps); i += 8 {
			binary.LittleEndian.PutUint64(steps[i:], r.Uint64())
		}
		lookupSchedule(t, steps)
	}
}

func FuzzLookup(f *testing.F) {
	f.Add([]byte{9, 19, 4, 3, 3, 11, 4, 9, 0, 0, 2, 5, 1, 11})
	f.Add(slices.Repeat([]byte{1, 11}, 120))
	f.Fuzz(func(t *testing.T, steps []byte) { lookupSchedule(t, steps[:min(len(steps), 500)]) })
}
