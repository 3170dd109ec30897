package mailbox_test

import (
	"testing"
	"testing/synctest"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/mailbox"
	"dione/net/mailbox/boxtest"
)

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
		if _, err := bob.Watch(t.Context(), owner, wishes, notice); err != nil {
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
		if _, err := bob.Watch(t.Context(), owner, []mailbox.Wish{wishes[0], {Chain: today(), Addresses: addresses(3)}}, notice); err != nil {
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
		if _, err := bob.Watch(t.Context(), [32]byte{1}, []mailbox.Wish{{Chain: today(), Addresses: addresses(1)}}, notice); err == nil {
			t.Error("nobody watches, and that is no error")
		}
		put(t, ann, today(), 1)
		if got := look(t, bob, today(), one(0), 1); len(got) != 1 {
			t.Error("it is not found by looking")
		}
	})
}
