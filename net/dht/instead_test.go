package dht_test

import (
	"slices"
	"testing"

	"dione/net/dht"
)

// Who does not answer an offer is replaced within the round, and not again and
// again when nobody answers.
func TestRepairInstead(t *testing.T) {
	v := newVillage(t, 40)
	v.run(2 * hour)
	place, w := dht.Key{9, 9}, newWriter(1)
	v.put(w, place, 14)
	all := &town{}
	for _, h := range v.houses {
		all.contacts[dht.Wide] = append(all.contacts[dht.Wide], h.Contact)
	}
	nearest := all.Nearest(dht.Wide, place, 40)
	forget := func(k dht.Key) {
		for _, h := range v.houses {
			h.town.contacts[dht.Wide] = slices.DeleteFunc(h.town.contacts[dht.Wide], func(c *dht.Contact) bool { return c.Key == k })
		}
	}
	// Three of the eight are gone, and nobody knows it before he has asked them.
	asked := 0
	v.asks = func(_, to *house, _ dht.Query) {
		asked++
		if to.gone {
			forget(to.Key)
		}
	}
	for _, c := range nearest[:3] {
		v.house(c).gone = true
	}
	for asked == 0 {
		v.run(1)
	}
	if data, _ := v.count(w); data != dht.Replicas {
		t.Errorf("%d hold the package after one round, want %d", data, dht.Replicas)
	}
	// All are gone but one: it does not go through all others.
	for _, c := range nearest[4:] {
		v.house(c).gone = true
	}
	v.run(2 * hour)
	asked = 0
	last := v.house(nearest[3])
	v.meet()
	for _, c := range nearest {
		if c.Key != last.Key && !slices.Contains(last.town.contacts[dht.Wide], c) {
			last.town.contacts[dht.Wide] = append(last.town.contacts[dht.Wide], c)
		}
	}
	v.run(hour)
	if asked > 2*2*4*dht.Replicas {
		t.Errorf("%d questions in an hour, though nobody answers", asked)
	}
}
