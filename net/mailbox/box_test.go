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

// TestAttack11LyingHolder has holders answer a put with all that they can make
// up. None of it is taken for a receipt, or for a sign that we are an older
// copy of ourselves; what the two who have the key have signed is.
func TestAttack11LyingHolder(t *testing.T) {
	const mine, others = 1, 2
	place := [32]byte{9}
	stone := func(number, core uint64) []byte {
		b := seedOf(number).Key().Bury(coreOf(core), place, 400000)
		return b[:]
	}
	whole := func(number, core uint64) []byte {
		b := seedOf(number).Key().Seal(coreOf(core), place, 400000)
		return b[:]
	}
	broken := stone(mine, mine)
	broken[100] ^= 1
	for _, tt := range []struct {
		name        string
		say         dht.Stored
		read, clash bool
	}{
		{"gone, and no proof", dht.Stored{Result: dht.Gone}, false, false},
		{"gone, and noise for a proof", dht.Stored{Result: dht.Gone, Proof: make([]byte, parcel.TombstoneSize)}, false, false},
		{"gone, with a tombstone that was changed", dht.Stored{Result: dht.Gone, Proof: broken}, false, false},
		{"gone, with the tombstone of another package", dht.Stored{Result: dht.Gone, Proof: stone(others, others)}, false, false},
		{"gone, with our package for a tombstone of another", dht.Stored{Result: dht.Gone, Proof: stone(others, mine)}, false, false},
		{"gone, with the package itself", dht.Stored{Result: dht.Gone, Proof: whole(mine, mine)}, false, false},
		{"other, and no proof", dht.Stored{Result: dht.Other}, false, false},
		{"other, with the very same package", dht.Stored{Result: dht.Other, Proof: whole(mine, mine)}, false, false},
		{"other, with a package of another address", dht.Stored{Result: dht.Other, Proof: whole(others, others)}, false, false},
		{"full", dht.Stored{Result: dht.Full}, false, false},
		{"quota", dht.Stored{Result: dht.Quota}, false, false},
		{"far", dht.Stored{Result: dht.Far}, false, false},
		{"bad", dht.Stored{Result: dht.Bad}, false, false},
		{"nothing that there is", dht.Stored{Result: 99, Proof: stone(mine, mine)}, false, false},

		{"gone, with the proof", dht.Stored{Result: dht.Gone, Proof: stone(mine, mine)}, true, false},
		{"other, with the tombstone", dht.Stored{Result: dht.Other, Proof: stone(mine, mine)}, true, false},
		{"other, with another package of ours", dht.Stored{Result: dht.Other, Proof: whole(mine, others)}, false, true},
		{"gone, with the tombstone of another package of ours", dht.Stored{Result: dht.Gone, Proof: stone(mine, others)}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here(t, 30, 0, func(t *testing.T, net *boxtest.Network, ann, _ *mailbox.Box) {
				for _, node := range net.Nodes(dht.Wide)[:28] {
					node.SetLie(func(ask, answer dht.Message) dht.Message {
						if _, ok := ask.(dht.Store); ok {
							return tt.say
						}
						return answer
					})
				}
				got := put(t, ann, today(), mine)[0]
				if got.Read != tt.read || got.Clash != tt.clash {
					t.Errorf("read %v, clash %v", got.Read, got.Clash)
				}
				if got.Count.Held > 2*mailbox.Places {
					t.Errorf("held %d/%d, and two are honest", got.Count.Held, got.Count.Places)
				}
			})
		})
	}
}

// TestLiarsHideNothingForLong has seven of the eight holders of every place
// answer with all that they can make up: nothing of it is taken, and what the
// eighth has is found when it is its turn.
func TestLiarsHideNothingForLong(t *testing.T) {
	mine, other := addresses(1)[0], seedOf(2)
	for name, lie := range map[string]boxtest.Lie{
		"silent": boxtest.Silent,
		"hold nothing": func(ask, _ dht.Message) dht.Message {
			if _, ok := ask.(dht.GetMany); ok {
				return dht.Got{}
			}
			return dht.Stored{Result: dht.Kept, Until: 400000}
		},
		"another's package": func(dht.Message, dht.Message) dht.Message {
			b := other.Key().Seal(coreOf(2), [32]byte{}, 400000)
			return dht.Got{Held: dht.Bits{1}, Packages: [][]byte{b[:]}}
		},
		"another's tombstone": func(dht.Message, dht.Message) dht.Message {
			b := other.Key().Bury(coreOf(1), [32]byte{}, 400000)
			return dht.Got{Held: dht.Bits{1}, Packages: [][]byte{b[:]}}
		},
		"broken": func(ask, answer dht.Message) dht.Message {
			got, ok := answer.(dht.Got)
			for i, b := range got.Packages {
				got.Packages[i] = slices.Clone(b)
				got.Packages[i][500] ^= 1
			}
			if ok {
				return got
			}
			return answer
		},
		"an answer to something else": func(dht.Message, dht.Message) dht.Message { return dht.Wanted{} },
	} {
		t.Run(name, func(t *testing.T) {
			here(t, 60, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
				put(t, ann, today(), 1)
				for _, place := range today().Places() {
					for _, node := range net.At(dht.Wide, place)[:7] {
						node.SetLie(lie)
					}
				}
				found := -1
				for turn := range mailbox.Places * dht.Replicas {
					got := look(t, bob, today(), one(turn), 1)
					if f, ok := got[mine]; ok && f.Kind == parcel.Data && *f.Core == *coreOf(1) && found < 0 {
						found = turn
					} else if len(got) > 0 && found < 0 {
						t.Fatalf("turn %d: a lie was believed", turn)
					}
				}
				if found < 0 {
					t.Error("it is never found")
				}
			})
		})
	}
}

// TestSilentPlace: the eight holders of one place say nothing, and the next
// polls ask others.
func TestSilentPlace(t *testing.T) {
	here(t, 60, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
		put(t, ann, today(), 1)
		for _, node := range net.At(dht.Wide, today().Places()[0]) {
			node.SetLie(boxtest.Silent)
		}
		found := 0
		for turn := range mailbox.Places {
			found += len(look(t, bob, today(), one(turn), 1))
		}
		if found == 0 {
			t.Error("three polls found nothing")
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

// TestHoldersAreCached: a place is looked up once an hour, not at each poll.
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
		if n := client.Lookups(); n != mailbox.Places+1 {
			t.Errorf("%d lookups, want one more", n)
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

// TestFlood has somebody who knows a place fill its holders: the addresses
// are what is looked for, so nothing of the flood is even seen.
func TestFlood(t *testing.T) {
	here(t, 30, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
		flood := mailbox.New(net.Client())
		for i := range uint64(40) {
			var numbers []uint64
			for j := range uint64(50) {
				numbers = append(numbers, 1000+50*i+j)
			}
			if _, err := flood.Put(t.Context(), letters(numbers...), today(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if out := put(t, ann, today(), 1)[0]; out.Count.Held < 24 {
			t.Errorf("in a flood it is held %d/%d", out.Count.Held, out.Count.Places)
		}
		if got := look(t, bob, today(), one(0), 1); len(got) != 1 {
			t.Error("it is not found in a flood")
		}
	})
}

// TestWatch: what comes where it is watched for is told at once, the package
// and then the receipt; what is made up is not.
func TestWatch(t *testing.T) {
	here(t, 60, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
		told := make(chan mailbox.Found, 100)
		notice := func(wish int, f mailbox.Found) {
			if wish != 1 {
				t.Errorf("it fulfils wish %d", wish)
			}
			told <- f
		}
		other := today()
		other.Key[5]++
		wishes := []mailbox.Wish{{Chain: other, Addresses: addresses(50)}, {Chain: today(), Addresses: addresses(1, 2)}}
		owner := [32]byte{1}
		if err := bob.Watch(t.Context(), owner, wishes, notice); err != nil {
			t.Fatal(err)
		}
		put(t, ann, today(), 1)
		put(t, ann, today(), 9) // nobody waits for it
		put(t, ann, today(), 1)
		synctest.Wait()
		if f := <-told; f.Kind != parcel.Data || f.Address != addresses(1)[0] || *f.Core != *coreOf(1) {
			t.Errorf("told of %v at %x", f.Kind, f.Address)
		}
		bury(t, bob, buried(today(), 1, 1))
		synctest.Wait()
		kinds := make(map[parcel.Kind]int)
		for len(told) > 0 {
			f := <-told
			if kinds[f.Kind]++; f.Address != addresses(1)[0] {
				t.Errorf("told of %x", f.Address)
			}
		}
		if kinds[parcel.Tombstone] == 0 || kinds[parcel.Tombstone] > 2 || kinds[parcel.Data] > 1 { // each holder that is asked tells once
			t.Errorf("told of %v", kinds)
		}

		// In the place of those: another address. Nothing else is told.
		if err := bob.Watch(t.Context(), owner, []mailbox.Wish{wishes[0], {Chain: today(), Addresses: addresses(3)}}, notice); err != nil {
			t.Fatal(err)
		}
		put(t, ann, today(), 2)
		synctest.Wait()
		if len(told) > 0 {
			t.Error("told of what is not watched any more")
		}

		lie := seedOf(4).Key().Seal(coreOf(4), [32]byte{}, 400000)
		broken := seedOf(3).Key().Seal(coreOf(3), [32]byte{}, 400000)
		broken[600] ^= 1
		for _, node := range net.Nodes(dht.Wide) {
			node.SetLie(func(ask, answer dht.Message) dht.Message {
				if n, ok := answer.(dht.Notify); ok {
					n.Packages = [][]byte{lie[:], broken[:], nil}
					return n
				}
				return answer
			})
		}
		put(t, ann, today(), 3)
		synctest.Wait()
		if len(told) > 0 {
			t.Error("a lie is told")
		}
	})
}

// TestWatchRefused: holders that do not want to are an error, and no more.
func TestWatchRefused(t *testing.T) {
	here(t, 60, 0, func(t *testing.T, net *boxtest.Network, ann, bob *mailbox.Box) {
		for _, node := range net.Nodes(dht.Wide) {
			node.SetLie(func(ask, answer dht.Message) dht.Message {
				if _, ok := ask.(dht.Watch); ok {
					return dht.Watching{}
				}
				return answer
			})
		}
		notice := func(int, mailbox.Found) { t.Error("somebody told") }
		if err := bob.Watch(t.Context(), [32]byte{1}, []mailbox.Wish{{Chain: today(), Addresses: addresses(1)}}, notice); err == nil {
			t.Error("nobody watches, and that is no error")
		}
		put(t, ann, today(), 1)
		if got := look(t, bob, today(), one(0), 1); len(got) != 1 {
			t.Error("it is not found by looking")
		}
	})
}
