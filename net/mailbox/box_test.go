package mailbox_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/mailbox"
	"dione/net/mailbox/boxtest"
)

// seedOf is the seed of the address that a number stands for.
func seedOf(n uint64) (s parcel.Seed) {
	binary.BigEndian.PutUint64(s[:], n)
	return s
}

func coreOf(n uint64) *parcel.Core {
	c := new(parcel.Core)
	binary.BigEndian.PutUint64(c[:], n)
	return c
}

// letters makes letters whose addresses the numbers stand for.
func letters(numbers ...uint64) (all []mailbox.Letter) {
	for _, n := range numbers {
		all = append(all, mailbox.Letter{Core: coreOf(n), Key: seedOf(n).Key()})
	}
	return all
}

func addresses(numbers ...uint64) (all []parcel.Address) {
	for _, n := range numbers {
		all = append(all, seedOf(n).Address())
	}
	return all
}

// today is the chain of a conversation, from today on.
func today() mailbox.Chain {
	return mailbox.Chain{Key: [32]byte{1}, Day: mailbox.DayOf(time.Now())}
}

// all is a search of all places and holders.
var all = mailbox.Search{Places: mailbox.Places, Holders: dht.Replicas, Paths: 1}

// one is what a poll asks: one holder of one place.
func one(turn int) mailbox.Search {
	return mailbox.Search{Places: 1, Turn: turn, Holders: 1, Paths: 1}
}

func put(t *testing.T, b *mailbox.Box, chain mailbox.Chain, numbers ...uint64) []mailbox.Outcome {
	t.Helper()
	outcomes, err := b.Put(t.Context(), letters(numbers...), chain, time.Now())
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	return outcomes
}

func look(t *testing.T, b *mailbox.Box, chain mailbox.Chain, how mailbox.Search, numbers ...uint64) map[parcel.Address]mailbox.Found {
	t.Helper()
	found, err := b.Look(t.Context(), chain, addresses(numbers...), how)
	if err != nil && !errors.Is(err, mailbox.ErrSilent) && !errors.Is(err, mailbox.ErrInside) {
		t.Fatalf("Look: %v", err)
	}
	return found
}

// buried returns the tombstones of what a number stands for, as its receiver
// makes them.
func buried(chain mailbox.Chain, number, core uint64) (stones [][]byte) {
	expiry := uint32(time.Now().Add(14*24*time.Hour).Unix() / 3600)
	for _, place := range chain.Places() {
		stone := seedOf(number).Key().Bury(coreOf(core), place, expiry)
		stones = append(stones, stone[:])
	}
	return stones
}

func bury(t *testing.T, b *mailbox.Box, stones [][]byte) bool {
	t.Helper()
	done, err := b.Bury(t.Context(), stones)
	if err != nil {
		t.Fatalf("Bury: %v", err)
	}
	return done
}

// here is a network of so many nodes with two processes, in virtual time.
func here(t *testing.T, wide, near int, f func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := boxtest.New(1, wide, near)
		f(t, net, mailbox.New(net.Client()), mailbox.New(net.Client()))
	})
}

// TestPutAndLook: whatever poll it is, what was put is found, whole.
func TestPutAndLook(t *testing.T) {
	here(t, 60, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
		var numbers []uint64
		for n := range uint64(100) { // more than go to a place at a time
			numbers = append(numbers, n)
		}
		for i, out := range put(t, ann, today(), numbers...) {
			if out.Count != (mailbox.Count{Held: 24, Places: 24}) || out.Read || out.Clash {
				t.Errorf("letter %d: %+v", i, out)
			}
			if d := time.Until(out.Until); d < 14*24*time.Hour-2*time.Hour || d > 14*24*time.Hour {
				t.Errorf("letter %d is kept for %v", i, d)
			}
		}
		for turn := range 2 * mailbox.Places * dht.Replicas {
			for _, n := range []uint64{0, 77, 99} {
				f, ok := look(t, bob, today(), one(turn), n)[seedOf(n).Address()]
				if !ok || f.Kind != parcel.Data || *f.Core != *coreOf(n) {
					t.Fatalf("turn %d: letter %d is %v, %v", turn, n, ok, f.Kind)
				}
			}
		}
		if got := look(t, bob, today(), all, numbers[:64]...); len(got) != 64 {
			t.Errorf("%d of 64 are found", len(got))
		}
		if got := look(t, bob, today(), all, 1000, 1001); len(got) != 0 {
			t.Errorf("%d are found that nobody has put", len(got))
		}
		if got := look(t, bob, today(), all); len(got) != 0 {
			t.Errorf("%d are found that nobody looks for", len(got))
		}
	})
}

// TestCount: "stored n/r" counts what the network can give, of the internet
// where there is one.
func TestCount(t *testing.T) {
	for _, tt := range []struct {
		wide, near, silent int
		want               mailbox.Count
		enough             bool
	}{
		{1, 0, 0, mailbox.Count{Held: 3, Places: 3}, true},
		{2, 0, 0, mailbox.Count{Held: 6, Places: 6}, true},
		{5, 0, 0, mailbox.Count{Held: 15, Places: 15}, true},
		{8, 0, 0, mailbox.Count{Held: 24, Places: 24}, true},
		{100, 0, 0, mailbox.Count{Held: 24, Places: 24}, true},
		{100, 4, 0, mailbox.Count{Held: 24, Places: 24}, true},
		{0, 4, 0, mailbox.Count{Held: 12, Places: 12}, true},
		{1, 4, 0, mailbox.Count{Held: 3, Places: 3}, true},
		{5, 0, 2, mailbox.Count{Held: 9, Places: 15}, true},
		{5, 0, 5, mailbox.Count{Places: 15}, false},
		{1, 4, 1, mailbox.Count{Places: 3}, false},
	} {
		t.Run(fmt.Sprint(tt.wide, " wide ", tt.near, " near ", tt.silent, " silent"), func(t *testing.T) {
			here(t, tt.wide, tt.near, func(t *testing.T, net *boxtest.Network, ann, _ *mailbox.Box) {
				for _, node := range net.Nodes(dht.Wide)[:tt.silent] {
					node.SetLie(boxtest.Silent)
				}
				got := put(t, ann, today(), 7)[0]
				if got.Count != tt.want || mailbox.Enough(got.Count.Held, got.Count.Places) != tt.enough {
					t.Errorf("%+v, want %+v", got.Count, tt.want)
				}
				if got.Until.IsZero() != (tt.want.Held == 0 && tt.near == 0) {
					t.Errorf("kept until %v", got.Until)
				}
			})
		})
	}
}

func TestNobody(t *testing.T) {
	here(t, 0, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
		if ann.Open() {
			t.Error("a network of nobody is open")
		}
		if got := put(t, ann, today(), 1)[0]; got != (mailbox.Outcome{}) {
			t.Errorf("%+v", got)
		}
		if bury(t, ann, buried(today(), 1, 1)) {
			t.Error("nobody has a tombstone, and that is taken for done")
		}
		if got := look(t, bob, today(), all, 1); len(got) != 0 {
			t.Errorf("%d are found", len(got))
		}
	})
}

// TestTurns: polls in turn ask every holder of every place once.
func TestTurns(t *testing.T) {
	here(t, 400, 0, func(t *testing.T, net *boxtest.Network, _, bob *mailbox.Box) {
		for turn := range mailbox.Places * dht.Replicas {
			look(t, bob, today(), one(turn), 1)
		}
		for j, place := range today().Places() {
			for i, node := range net.At(dht.Wide, place) {
				if node.Asked() != 1 {
					t.Errorf("holder %d of place %d was asked %d times", i, j, node.Asked())
				}
			}
		}
	})
}

// TestBury: what its receiver has taken is gone everywhere, and its writer
// gets the proof, by a look and by the next put.
func TestBury(t *testing.T) {
	for _, tt := range []struct{ wide, near int }{{60, 0}, {0, 5}, {2, 0}, {60, 5}} {
		here(t, tt.wide, tt.near, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
			put(t, ann, today(), 1)
			if !bury(t, bob, buried(today(), 1, 1)) {
				t.Error("there are nodes enough, and it is not done")
			}
			for turn := range mailbox.Places * dht.Replicas {
				f := look(t, ann, today(), one(turn), 1)[addresses(1)[0]]
				if f.Kind != parcel.Tombstone || f.Sum != coreOf(1).Sum() {
					t.Fatalf("turn %d: a %v", turn, f.Kind)
				}
			}
			if out := put(t, ann, today(), 1)[0]; !out.Read || out.Clash || out.Count.Held > 0 {
				t.Errorf("put again: %+v", out)
			}
		})
	}
}

// TestBuryNotDone: a tombstone that a place lacks is put again, whatever
// networks around have.
func TestBuryNotDone(t *testing.T) {
	for _, tt := range []struct {
		name       string
		wide, near int
		silent     func(net *boxtest.Network) []*boxtest.Node
		done       bool
	}{
		{"one place is silent", 400, 0, func(net *boxtest.Network) []*boxtest.Node {
			place := today().Places()[1]
			var silent []*boxtest.Node
			for _, node := range net.Nodes(dht.Wide) {
				if node.Contact.Key[0]^place[0] < 0x40 { // all that anybody knows of there
					silent = append(silent, node)
				}
			}
			return silent
		}, false},
		{"the internet is silent", 60, 4, func(net *boxtest.Network) []*boxtest.Node { return net.Nodes(dht.Wide) }, false},
		{"what is around is silent", 60, 4, func(net *boxtest.Network) []*boxtest.Node { return net.Nodes(dht.Near) }, true},
		{"all that is around is silent", 0, 4, func(net *boxtest.Network) []*boxtest.Node { return net.Nodes(dht.Near) }, false},
		{"two of those around are left", 0, 4, func(net *boxtest.Network) []*boxtest.Node { return net.Nodes(dht.Near)[:2] }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here(t, tt.wide, tt.near, func(t *testing.T, net *boxtest.Network, _, bob *mailbox.Box) {
				for _, node := range tt.silent(net) {
					node.SetLie(boxtest.Silent)
				}
				if done := bury(t, bob, buried(today(), 1, 1)); done != tt.done {
					t.Errorf("done %v, want %v", done, tt.done)
				}
				for _, node := range append(net.Nodes(dht.Wide), net.Nodes(dht.Near)...) {
					node.SetLie(nil)
				}
				if !bury(t, bob, buried(today(), 1, 1)) {
					t.Error("not done when all answer")
				}
			})
		})
	}
	here(t, 60, 0, func(t *testing.T, _ *boxtest.Network, _, bob *mailbox.Box) {
		if done, err := bob.Bury(t.Context(), [][]byte{make([]byte, parcel.TombstoneSize)}); done || err == nil {
			t.Errorf("noise is buried: %v, %v", done, err)
		}
	})
}

// TestDayChange: what was put before midnight is found after it at the places
// of the day before, and nowhere else.
func TestDayChange(t *testing.T) {
	here(t, 60, 0, func(t *testing.T, _ *boxtest.Network, ann, bob *mailbox.Box) {
		time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(24*time.Hour - time.Second)))
		first := today()
		put(t, ann, first, 1)
		time.Sleep(2 * time.Second)
		next, ok := first.At(first.Day + 1)
		if !ok || next.Day != mailbox.DayOf(time.Now()) {
			t.Fatalf("the next day is %d, %v", next.Day, ok)
		}
		for _, p := range next.Places() {
			if was := first.Places(); slices.Contains(was[:], p) {
				t.Error("two days have a place in common")
			}
		}
		if got := look(t, bob, first, one(0), 1); len(got) != 1 {
			t.Error("it is gone over night")
		}
		if _, ok := next.At(first.Day); ok {
			t.Error("a chain tells of a day that it has forgotten")
		}
		for _, tt := range []struct{ days, found int }{{13, 1}, {15, 0}} {
			time.Sleep(time.Until(time.Unix(int64(first.Day)*24*3600, 0).AddDate(0, 0, tt.days)))
			if got := look(t, bob, first, all, 1); len(got) != tt.found {
				t.Errorf("after %d days %d are found", tt.days, len(got))
			}
		}
	})
}

// TestClockSkew: somebody whose clock is a day off writes at the day that most
// have, and holders keep it as long as any.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-24 * time.Hour, 24 * time.Hour, -time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			net := boxtest.New(1, 60, 0)
			client := net.Client()
			client.Ahead = -skew // our clock is as much ahead of theirs
			ann, bob := mailbox.New(client), mailbox.New(net.Client())
			own := time.Now().Add(skew)
			if now := ann.Now(own); !now.Equal(time.Now()) {
				t.Errorf("a clock off by %v: it is %v", skew, now)
			}
			// Even a clock that nobody has set right does.
			outcomes, err := ann.Put(t.Context(), letters(1), today(), own)
			if err != nil || outcomes[0].Count.Held != 24 {
				t.Errorf("a clock off by %v: %+v, %v", skew, outcomes, err)
			}
			if got := look(t, bob, today(), one(0), 1); len(got) != 1 {
				t.Errorf("a clock off by %v: it is not found", skew)
			}
		})
	}
}

// TestHoldersChange: who is gone is not asked for ever.
func TestHoldersChange(t *testing.T) {
	here(t, 60, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
		put(t, ann, today(), 1)
		look(t, bob, today(), all, 1)
		for _, place := range today().Places() {
			for _, node := range net.At(dht.Wide, place) {
				net.Replace(node)
			}
		}
		for range 2 { // the first finds out that they are gone
			put(t, ann, today(), 1)
		}
		found := 0
		for turn := range 2 * mailbox.Places {
			found += len(look(t, bob, today(), one(turn), 1))
		}
		if found < mailbox.Places {
			t.Errorf("found %d times in %d polls", found, 2*mailbox.Places)
		}
	})
}

// TestHoldersAreCached: a place is looked up once by who reads, not at each
// poll, and once an hour by who writes.
func TestHoldersAreCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := boxtest.New(1, 60, 0)
		client := net.Client()
		b := mailbox.New(client)
		for turn := range 100 {
			look(t, b, today(), one(turn), 1)
		}
		if n := client.Lookups(); n != mailbox.Places {
			t.Errorf("%d lookups for %d places", n, mailbox.Places)
		}
		time.Sleep(2 * time.Hour)
		look(t, b, today(), one(0), 1)
		if n := client.Lookups(); n != mailbox.Places {
			t.Errorf("%d lookups two hours later, want no more", n)
		}
		for range 2 {
			put(t, b, today(), 1)
			put(t, b, today(), 2)
			time.Sleep(2 * time.Hour)
		}
		if n := client.Lookups(); n != 3*mailbox.Places {
			t.Errorf("%d lookups, want each place once more for each hour in which something is put", n)
		}
		time.Sleep(26 * time.Hour)
		look(t, b, today(), one(0), 1)
		if n := client.Lookups(); n != 3*mailbox.Places+1 {
			t.Errorf("%d lookups, want one more a day later", n)
		}
	})
}

// TestEnded: a call whose time is over ends, and says so.
func TestEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := boxtest.New(1, 60, 0)
		client := net.Client()
		client.Latency = time.Second
		b := mailbox.New(client)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		outcomes, err := b.Put(ctx, letters(1), today(), time.Now())
		if err == nil || len(outcomes) != 1 || outcomes[0].Read || outcomes[0].Clash {
			t.Errorf("%+v, %v", outcomes, err)
		}
		if _, err := b.Look(ctx, today(), addresses(1), all); err == nil {
			t.Error("a search of no time found an end")
		}
		if done, err := b.Bury(ctx, buried(today(), 1, 1)); done || err == nil {
			t.Errorf("buried %v, %v", done, err)
		}
	})
}

// TestAtOnce has many use one box.
func TestAtOnce(t *testing.T) {
	here(t, 60, 3, func(t *testing.T, _ *boxtest.Network, ann, bob *mailbox.Box) {
		var wg sync.WaitGroup
		for i := range uint64(20) {
			wg.Go(func() {
				chain := today()
				chain.Key[1] = byte(i)
				put(t, ann, chain, i)
				if got := look(t, bob, chain, one(int(i)), i); len(got) != 1 {
					t.Errorf("letter %d is not found", i)
				}
				if !bury(t, bob, buried(chain, i, i)) {
					t.Errorf("letter %d is not buried", i)
				}
			})
		}
		wg.Wait()
	})
}
