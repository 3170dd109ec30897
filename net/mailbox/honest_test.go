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
