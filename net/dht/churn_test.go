package dht

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestLeaves has a node hand on what it holds to whoever takes it, where those
// who are nearest are gone or full.
func TestLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		var all []*resident
		for i := range 5 {
			r := v.settle(i)
			if i > 0 {
				r.Hear([]*Contact{all[0].contact()})
			}
			all = append(all, r)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		place := somePlace(1)
		pkg, hint := somePackage(1, place)
		near := lockedTables{all[0].Node}.Nearest(Wide, place, len(all))
		for i, c := range near {
			r := all[slices.IndexFunc(all, func(r *resident) bool { return r.id == c.ID })]
			switch i {
			case 0:
				v.leaves(r)
			case 1:
				r.held.full = true
			}
		}
		for _, c := range near[:2] {
			all[0].held.last = append(all[0].held.last, Query{Scope: Wide, To: c, Ask: Store{Package: pkg}})
		}
		v.leaves(all[0])
		taker := all[slices.IndexFunc(all, func(r *resident) bool { return r.id == near[2].ID })]
		if taker.held.GetMany(time.Now(), Asker{}, GetMany{Hints: []Hint{hint}}).Packages == nil {
			t.Error("the third nearest was not given what the first two do not take")
		}
	})
}

// TestChurn replaces a network by another, node by node: those who stay know
// those who are there.
func TestChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		defer v.end()
		var all []*resident
		for i := range 30 {
			r := v.settle(i)
			if i > 0 {
				r.Hear([]*Contact{all[rand.N(len(all))].contact()})
			}
			all = append(all, r)
			time.Sleep(time.Second)
		}
		time.Sleep(30 * time.Minute)
		for i := range 29 {
			v.leaves(all[1+i])
			r := v.settle(100 + i)
			r.Hear([]*Contact{all[0].contact()})
			all = append(all, r)
			time.Sleep(2 * time.Minute)
		}
		time.Sleep(3 * time.Hour)
		alive := make(map[Key]bool)
		for _, r := range v.nodes {
			alive[r.router.Self()] = true
		}
		for _, r := range v.nodes {
			known := make(map[Key]bool)
			for _, c := range r.Contacts(Wide) {
				known[c.Key] = true
				if !alive[c.Key] {
					t.Errorf("%s still knows %s, which is gone", r.router.Self(), c.Key)
				}
			}
			if len(known) < len(alive)-1 {
				t.Errorf("%s knows %d of %d: %+v", r.router.Self(), len(known), len(alive)-1, r.Stats())
			}
		}
	})
}
