package mailbox_test

import (
	"slices"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/mailbox"
	"dione/net/mailbox/boxtest"
)

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

// TestAttackShortLife: holders that claim to keep a package shortly, or no time
// at all, change nothing about when it is put again.
func TestAttackShortLife(t *testing.T) {
	for name, until := range map[string]time.Duration{"none": -time.Hour, "short": 7 * time.Hour, "for ever": 1000 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			here(t, 8, 0, func(t *testing.T, net *boxtest.Network, ann, _ *mailbox.Box) {
				for _, node := range net.Nodes(dht.Wide)[:3] {
					node.SetLie(func(ask, answer dht.Message) dht.Message {
						if _, ok := ask.(dht.Store); ok {
							return dht.Stored{Result: dht.Kept, Until: uint32(time.Now().Add(until).Unix() / 3600)}
						}
						return answer
					})
				}
				if left := time.Until(put(t, ann, today(), 1)[0].Until); left < 13*24*time.Hour || left > 15*24*time.Hour {
					t.Errorf("it is believed to be kept for %v", left)
				}
			})
		})
	}
}
