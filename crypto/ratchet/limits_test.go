package ratchet

import (
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"dione/crypto/parcel"
)

// TestFull: a chain takes 512 unacknowledged messages, and more as they are
// acknowledged, but none that lies too far beyond a missing one.
func TestFull(t *testing.T) {
	a, b := pair(t)
	if a.Room() != MaxUnacked {
		t.Errorf("Room = %d at first", a.Room())
	}
	var all []Sealed
	for range MaxUnacked {
		all = append(all, seal(t, a, "x"))
	}
	state := string(a.Encode())
	if _, err := a.Seal(rand.Reader, bodyOf("x")); !errors.Is(err, ErrFull) || a.Room() != 0 || string(a.Encode()) != state {
		t.Errorf("message %d: %v, room %d", MaxUnacked, err, a.Room())
	}
	for _, p := range all[1:] { // index 0 is lost
		open(t, b, p, "x")
	}
	more := func() {
		t.Helper()
		if _, err := a.Acknowledged(b.Received(), true); err != nil {
			t.Fatal(err)
		}
	}
	more()
	if a.Room() != MaxUnacked-1 {
		t.Errorf("Room = %d with one missing", a.Room())
	}
	sealed := MaxUnacked
	for a.Room() > 0 {
		open(t, b, seal(t, a, "x"), "x")
		if sealed++; a.Room() == 0 {
			more()
		}
	}
	if sealed != MaxSkip {
		t.Errorf("%d were sealed beyond a missing one, want %d", sealed, MaxSkip)
	}
	if said := b.Received(); len(said) != 1 || said[0].Contiguous != 0 || len(said[0].Map) != MaxSkip/8 {
		t.Errorf("Received has %d chains, a map of %d bytes", len(said), len(said[0].Map))
	}
	open(t, b, all[0], "x")
	more()
	if a.Room() != MaxUnacked || len(b.Received()[0].Map) > 0 {
		t.Errorf("Room = %d with nothing missing", a.Room())
	}
}

// TestSkipLimit: an honest sender's farthest message is taken, and one beyond
// is not.
func TestSkipLimit(t *testing.T) {
	a, b := pair(t)
	var last Sealed
	for i := range MaxSkip + 2 {
		last = seal(t, a, "x")
		a.unacked[0].contiguous = a.unacked[0].n // as if acknowledged: beyond the rules
		if i == MaxSkip-1 {
			c, err := Decode(b.Encode())
			if err != nil {
				t.Fatal(err)
			}
			open(t, c, last, "x")
			if n := len(c.Watch()); n != MaxSkip-1+Window {
				t.Errorf("%d addresses are watched", n)
			}
		}
	}
	refuse(t, b, "one too far", last.Seed.Address().Hint(), &last.Core, ErrLimit)
}

// TestChains: 64 chains may have something unacknowledged, and as many may
// miss something; when that comes, they are forgotten.
func TestChains(t *testing.T) {
	a, b := pair(t)
	var lost []Sealed
	round := func() error {
		p, err := a.Seal(rand.Reader, bodyOf("lost"))
		if err != nil {
			return err
		}
		lost = append(lost, p)
		open(t, b, seal(t, a, "x"), "x")
		open(t, a, seal(t, b, "y"), "y")
		_, err = b.Acknowledged(a.Received(), true)
		return err
	}
	for i := range MaxChains {
		if err := round(); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
	if err := round(); !errors.Is(err, ErrFull) || a.Room() != 0 {
		t.Errorf("one more chain: %v", err)
	}
	if len(b.closed) != MaxChains-1 || len(b.Watch()) != MaxChains+2*Window || len(b.Received()) != MaxChains {
		t.Errorf("%d closed chains, %d addresses, %d chains received", len(b.closed), len(b.Watch()), len(b.Received()))
	}
	for _, s := range []*Session{a, b} {
		if _, err := Decode(s.Encode()); err != nil {
			t.Error(err)
		}
	}
	if n := len(b.Encode()); n > 12_000 {
		t.Errorf("a state of %d bytes", n)
	}
	for _, p := range lost {
		open(t, b, p, "lost")
	}
	if len(b.closed) != 0 || b.holes() != 0 {
		t.Errorf("%d closed chains are left", len(b.closed))
	}
	if news, err := a.Acknowledged(b.Received(), true); err != nil || len(news) != 2*MaxChains {
		t.Errorf("%d acknowledged, %v", len(news), err)
	}
	if err := round(); err != nil {
		t.Error(err)
	}
}

// TestMalice: a contact who leaves holes wherever it can is refused when it
// passes the limits, and can go on within them.
func TestMalice(t *testing.T) {
	a, b := pair(t)
	round := func(skip int) error { // a breaks the rules, b keeps them
		for range skip {
			seal(t, a, "lost")
			a.unacked = a.unacked[len(a.unacked)-1:]
			a.unacked[0].contiguous = a.unacked[0].n
		}
		p := seal(t, a, "x")
		if _, err := b.Open(p.Seed.Address().Hint(), &p.Core, 0); err != nil {
			return err
		}
		open(t, a, seal(t, b, "y"), "y")
		_, err := b.Acknowledged(a.Received(), true)
		return err
	}
	for range 2 {
		if err := round(MaxSkip - 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := round(2); err != nil || b.holes() != MaxHoles {
		t.Fatalf("%d holes, %v", b.holes(), err)
	}
	if _, err := Decode(b.Encode()); err != nil {
		t.Errorf("the largest state: %v", err)
	}
	if err := round(0); err != nil {
		t.Errorf("no more is missing, but: %v", err)
	}
	before := string(b.Encode())
	if err := round(1); !errors.Is(err, ErrLimit) || string(b.Encode()) != before {
		t.Errorf("one more missing: %v, want ErrLimit", err)
	}

	a, b = pair(t)
	for range MaxChains {
		if err := round(1); err != nil {
			t.Fatal(err)
		}
	}
	if err := round(1); err != nil || len(b.closed) != MaxChains {
		t.Fatalf("%d chains, %v", len(b.closed), err)
	}
	if err := round(0); !errors.Is(err, ErrLimit) {
		t.Errorf("one more chain with a hole: %v, want ErrLimit", err)
	}
	if lost := b.Expire(31); lost != MaxChains+1 {
		t.Errorf("%d are given up", lost)
	}
	p := seal(t, a, "on")
	open(t, b, p, "on")
}

// TestExpire: what is missing is waited for, 30 days after that was noticed,
// and then counted as lost.
func TestExpire(t *testing.T) {
	a, b := pair(t)
	lost := seal(t, a, "lost")
	p := seal(t, a, "x")
	if _, err := b.Open(p.Seed.Address().Hint(), &p.Core, 100); err != nil {
		t.Fatal(err)
	}
	for _, day := range []uint32{0, 100, 130} {
		if n := b.Expire(day); n != 0 {
			t.Errorf("day %d: %d are given up", day, n)
		}
	}
	if n := b.Expire(131); n != 1 || b.holes() != 0 || len(b.Watch()) != Window {
		t.Errorf("day 131: %d are given up, %d addresses are watched", n, len(b.Watch()))
	}
	refuse(t, b, "given up", lost.Seed.Address().Hint(), &lost.Core, ErrDuplicate)
	if n := b.Expire(1<<32 - 1); n != 0 {
		t.Errorf("%d are given up again", n)
	}
}

// TestEnds: the last index of a chain and the last epoch are not passed.
func TestEnds(t *testing.T) {
	a, b := pair(t)
	open(t, b, seal(t, a, "x"), "x")
	for _, c := range []*uint32{&a.out.n, &a.unacked[0].n, &a.unacked[0].contiguous, &b.in.high} {
		*c = maxIndex - 1
	}
	open(t, b, seal(t, a, "last"), "last")
	if err := a.CanSeal(); !errors.Is(err, ErrFull) {
		t.Errorf("behind the last index: %v", err)
	}
	core, hint := forge(a, header{dh: a.own.public, n: maxIndex}, parcel.Seed{}, 0)
	refuse(t, b, "behind the last index", hint, &core, ErrLimit)
	b.epoch = maxIndex
	if err := b.CanSeal(); !errors.Is(err, ErrFull) {
		t.Errorf("behind the last epoch: %v", err)
	}
}

// TestGallop: whoever has missed more than a window finds the rest.
func TestGallop(t *testing.T) {
	a, b := pair(t)
	if b.Gallop() != nil {
		t.Error("addresses before there is a chain")
	}
	open(t, b, seal(t, a, "x"), "x")
	mail := map[parcel.Address]Sealed{}
	for range 300 {
		p := seal(t, a, "x")
		mail[p.Seed.Address()] = p
	}
	at := b.Gallop()
	if len(at) != 6 || at[0].N != 17 || at[5].N != 513 {
		t.Errorf("gallop places %v", at)
	}
	p, ok := mail[at[4].Address]
	if !ok || p.Index != at[4].Index || p.Seed != at[4].Seed {
		t.Fatalf("%v lies at the place of %v", p.Index, at[4].Index)
	}
	open(t, b, p, "x")
	delete(mail, at[4].Address)
	for range 100 {
		for _, at := range b.Watch() {
			if p, ok := mail[at.Address]; ok {
				open(t, b, p, "x")
				delete(mail, at.Address)
			}
		}
	}
	if len(mail) > 0 {
		t.Errorf("%d were not found", len(mail))
	}
}

// TestNoRandomness: a source that fails changes nothing.
func TestNoRandomness(t *testing.T) {
	for _, n := range []int64{0, 10, 24, 40} {
		a, _ := pair(t)
		before := string(a.Encode())
		if _, err := a.Seal(io.LimitReader(rand.Reader, n), bodyOf("x")); err == nil || string(a.Encode()) != before {
			t.Errorf("sealed with %d bytes of randomness: %v", n, err)
		}
	}
}
