package ratchet

import (
	"bytes"
	"errors"
	"testing"
)

// linkUp lets the two say what they know, as at the beginning of a link, and
// returns what one of them finds.
func (w *world) linkUp() error {
	precedes := w.ends[0].s.Precedes(w.ends[1].s.Sent()) || w.ends[1].s.Precedes(w.ends[0].s.Sent())
	if precedes && w.chance(50) { // one of the two is the first to see it
		return ErrBehind
	}
	var news [2][]Index
	for i, e := range w.ends {
		var err error
		if news[i], err = e.s.Acknowledged(e.other.s.Received(), true); err != nil {
			return err
		}
	}
	w.demand(!precedes, "only Precedes has seen it")
	for i, e := range w.ends {
		w.acked(e, news[i])
		for _, at := range w.waiting(e) {
			p := e.disk.outbox[at]
			w.flying = append(w.flying, func() { w.take(e.other, overLink, letter{p.Core, p.Index}) })
		}
	}
	return nil
}

// TestAttack10Rollback puts an older copy of everything back, at one of the
// two, in random schedules over links: either it is found out when a link
// comes up, before anything is sealed, or it does no harm.
func TestAttack10Rollback(t *testing.T) {
	runs := uint64(600)
	if testing.Short() {
		runs = 60
	}
	found := make(map[error]int)
	harmless := 0
	for seed := range runs {
		w := newWorld(t, seed, true)
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Fatalf("seed %d: %v", seed, r)
				}
			}()
			e := w.ends[w.rng.IntN(2)]
			at, until := w.rng.IntN(30), 31+w.rng.IntN(20)
			var old disk
			for i := range until {
				if i == at {
					old = e.disk.clone()
				}
				w.talk()
			}
			e.disk = old
			w.restart(e)
			w.flying = nil // no link outlives a restart
			if err := w.linkUp(); err != nil {
				for _, kind := range []error{ErrAhead, ErrBehind} {
					if errors.Is(err, kind) {
						found[kind]++
						return
					}
				}
				t.Fatalf("seed %d: %v", seed, err)
			}
			harmless++
			for range 30 {
				w.talk()
			}
			for range 10 { // they crash now and then
				for _, fly := range w.flying {
					fly()
				}
				w.flying = nil
				if err := w.linkUp(); err != nil {
					t.Fatalf("seed %d: found out after harm could be done: %v", seed, err)
				}
			}
			for _, e := range w.ends {
				for at, text := range e.disk.texts {
					if got, ok := e.other.disk.inbox[at]; !ok || got != text {
						t.Fatalf("seed %d: %v was sent as %d, came as %d", seed, at, text, got)
					}
				}
			}
		}()
	}
	if found[ErrAhead] == 0 || found[ErrBehind] == 0 || harmless == 0 {
		t.Errorf("of %d: own state old %d, other's state old %d, harmless %d", runs, found[ErrAhead], found[ErrBehind], harmless)
	}
}

// talk does one random thing over a link that may break.
func (w *world) talk() {
	e := w.ends[w.rng.IntN(2)]
	switch n := w.rng.IntN(10); {
	case n < 4:
		w.seal(e)
	case n < 8 && len(w.flying) > 0:
		fly := w.flying[0] // a link keeps the order
		w.flying = w.flying[1:]
		fly()
	case n == 8:
		w.flying = nil
		w.demand(w.linkUp() == nil, "a false alarm")
	default:
		w.statement(e, false)
	}
}

// seal writes a message and sends it by link, without crashes.
func (w *world) seal(e *simEnd) {
	if e.s.CanSeal() != nil {
		return
	}
	p, err := e.s.Seal(w, numbered(e.disk.next))
	w.demand(err == nil, "seal fails")
	e.disk.outbox[p.Index], e.disk.texts[p.Index] = posted{Sealed: p}, e.disk.next
	e.disk.next += 1 + uint64(w.rng.IntN(3)) // so that another past has other texts
	e.disk.state = e.s.Encode()
	w.flying = append(w.flying, func() { w.take(e.other, overLink, letter{p.Core, p.Index}) })
}

// TestRollbackLeaksNoText: a state that was put back seals another text under
// the same message key, but never under the same nonce.
func TestRollbackLeaksNoText(t *testing.T) {
	a, b := pair(t)
	open(t, b, seal(t, a, "first"), "first")
	old := a.Encode()
	one := seal(t, a, "one")
	back, err := Decode(old)
	if err != nil {
		t.Fatal(err)
	}
	two := seal(t, back, "two")
	if one.Index != two.Index || one.Seed != two.Seed {
		t.Fatalf("%v and %v are not the same place", one.Index, two.Index)
	}
	if bytes.Equal(one.Core[:24], two.Core[:24]) {
		t.Error("the same nonce")
	}
	xor := make([]byte, 700)
	for i := range xor {
		xor[i] = one.Core[88+i] ^ two.Core[88+i]
	}
	if bytes.Count(xor, []byte{0}) > 40 { // the texts differ in three bytes: the keystream would cancel
		t.Error("the same keystream")
	}
}

// TestStatements: what is said at link-up, case by case.
func TestStatements(t *testing.T) {
	a, b := pair(t)
	var all []Sealed
	for range 5 {
		all = append(all, seal(t, a, "x"))
	}
	open(t, b, all[0], "x")
	open(t, b, all[3], "x")
	early := b.Received()
	if len(early) != 1 || early[0].Epoch != 1 || early[0].Contiguous != 1 || !bytes.Equal(early[0].Map, []byte{2}) {
		t.Errorf("Received = %v", early)
	}
	if news, err := a.Acknowledged(early, true); err != nil || len(news) != 2 {
		t.Errorf("acknowledged %v, %v", news, err)
	}
	if news, err := a.Acknowledged(early, true); err != nil || len(news) != 0 {
		t.Errorf("acknowledged again %v, %v", news, err)
	}
	state := a.Encode()
	for _, tt := range []struct {
		name   string
		chains []Chain
		full   bool
		want   error
	}{
		{"nothing any more", nil, true, ErrBehind},
		{"less", []Chain{{Epoch: 1, Contiguous: 1}}, true, ErrBehind},
		{"less below", []Chain{{Epoch: 1, Map: []byte{4}}}, true, ErrBehind},
		{"less, but no whole statement", []Chain{{Epoch: 1, Contiguous: 1}}, false, nil},
		{"more than was sent", []Chain{{Epoch: 1, Contiguous: 6}}, false, ErrAhead},
		{"more in the map", []Chain{{Epoch: 1, Contiguous: 1, Map: []byte{16}}}, false, ErrAhead},
		{"all there can be", []Chain{{Epoch: 1, Contiguous: 1<<32 - 1, Map: []byte{255}}}, false, ErrAhead},
		{"a chain that is not begun", []Chain{{Epoch: 3}}, false, ErrAhead},
		{"a chain of the other side", []Chain{{Epoch: 2}}, false, errAny},
		{"chain 0", []Chain{{Epoch: 0}}, false, errAny},
		{"one chain twice", []Chain{{Epoch: 1, Contiguous: 1}, {Epoch: 1, Contiguous: 2}}, false, errAny},
	} {
		news, err := a.Acknowledged(tt.chains, tt.full)
		if len(news) > 0 || !errors.Is(err, tt.want) && (tt.want != errAny || err == nil) {
			t.Errorf("%s: %v, %v, want %v", tt.name, news, err, tt.want)
		}
		if !bytes.Equal(a.Encode(), state) {
			t.Errorf("%s: the state has changed", tt.name)
		}
	}
	if !b.Precedes(Index{1, 3}) || !b.Precedes(Index{}) || b.Precedes(Index{1, 4}) || b.Precedes(Index{3, 0}) {
		t.Error("Precedes is wrong")
	}
	for _, tt := range []struct {
		at   Index
		news bool
		want error
	}{{Index{1, 1}, true, nil}, {Index{1, 1}, false, nil}, {Index{1, 4}, true, nil}, {Index{1, 5}, false, ErrAhead}, {Index{3, 0}, false, ErrAhead}} {
		if news, err := a.Receipt(tt.at); news != tt.news || !errors.Is(err, tt.want) {
			t.Errorf("Receipt(%v) = %v, %v", tt.at, news, err)
		}
	}
	open(t, b, all[1], "x")
	open(t, a, seal(t, b, "y"), "y")
	open(t, b, seal(t, a, "z"), "z") // chain 1 is closed, and misses 2 and 4
	said := b.Received()
	if len(said) != 2 || said[0].Epoch != 1 || said[0].Contiguous != 2 || said[1].Contiguous != 1 {
		t.Errorf("Received = %v", said)
	}
	if _, ok := b.ReceivedIn(2); ok {
		t.Error("a chain of our own is received")
	}
	for _, i := range []int{2, 4} {
		open(t, b, all[i], "x")
	}
	if _, ok := b.ReceivedIn(1); ok {
		t.Error("a complete chain is not forgotten")
	}
	if news, err := a.Acknowledged(b.Received(), true); err != nil || len(news) != 2 { // 1/2 and 3/0; 1/4 had its receipt
		t.Errorf("acknowledged %v, %v", news, err)
	}
	if len(a.unacked) != 1 {
		t.Errorf("%d own chains are remembered", len(a.unacked))
	}
	if news, err := a.Receipt(Index{1, 0}); news || err != nil {
		t.Errorf("Receipt of a forgotten chain: %v, %v", news, err)
	}
	if _, err := a.Acknowledged(said, true); !errors.Is(err, ErrBehind) {
		t.Errorf("holes in a forgotten chain: %v, want ErrBehind", err)
	}
}

var errAny = errors.New("any error")
