package mailbox_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dione/net/dht"
	"dione/net/mailbox"
	"dione/net/mailbox/boxtest"
)

// TestClockOfNoUse: a clock without a battery, or one that is ages ahead, takes
// no time and gives no place.
func TestClockOfNoUse(t *testing.T) {
	c := mailbox.Chain{Day: 20_777}
	for _, day := range []uint32{mailbox.DayOf(time.Unix(0, 0)) - mailbox.Days, mailbox.DayOf(time.Unix(-1, 0)), 1 << 31, 20_776} {
		if _, ok := c.At(day); ok {
			t.Errorf("day %d has places", day)
		}
	}
}

// TestLookOfTheDeaf: who is off the network has found nothing out, also where
// nodes are known that could be asked.
func TestLookOfTheDeaf(t *testing.T) {
	for _, near := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) { lookDeaf(t, near) })
	}
}

func lookDeaf(t *testing.T, near int) {
	net := boxtest.New(1, 30, near)
	client := net.Client()
	b := mailbox.New(client)
	look(t, b, today(), all, 1)
	for _, node := range net.Nodes(dht.Wide) {
		node.SetLie(boxtest.Silent)
	}
	want := mailbox.ErrSilent
	if near > 0 {
		want = mailbox.ErrInside
	}
	if _, err := b.Look(t.Context(), today(), addresses(1), all); !errors.Is(err, want) {
		t.Errorf("%d near: nobody of the internet has answered: %v", near, err)
	}
	client.Cut(true)
	if _, err := mailbox.New(client).Look(t.Context(), today(), addresses(1), all); !errors.Is(err, mailbox.ErrSilent) {
		t.Errorf("%d near: nobody was found: %v", near, err)
	}
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
