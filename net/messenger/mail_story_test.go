package messenger

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/rendezvous"
	"dione/net/dht"
	"dione/net/wire"
)

// This file holds what the stories of invitations and resets are told with.

// third adds somebody to a world.
func (w *world) third(name string) *end {
	w.t.Helper()
	e := &end{world: w, name: name, dir: w.t.TempDir(), host: netip.AddrFrom4([4]byte{80, 1, 9, 1})}
	e.start()
	return e
}

// until lets time pass until something is so.
func (w *world) until(what string, limit time.Duration, ok func() bool) {
	w.t.Helper()
	for from := time.Now(); !ok(); {
		if time.Since(from) > limit {
			w.t.Fatalf("%s: not within %v", what, limit)
		}
		w.pass(5 * time.Second)
	}
}

// told waits until the user is told something.
func (e *end) told(text string) {
	e.world.t.Helper()
	e.world.until(e.name+" is told: "+text, 2*time.Hour, func() bool { return e.heard(text) > 0 })
}

// heard counts how often the user was told something since the start.
func (e *end) heard(text string) int {
	return count(e.engine, func(ev Notice) bool { return strings.Contains(ev.Text, text) })
}

// reads waits until a message of somebody is there.
func (e *end) reads(text string) { e.world.t.Helper(); e.readsWithin(2*time.Hour, text) }

func (e *end) readsWithin(limit time.Duration, text string) {
	e.world.t.Helper()
	e.world.until(e.name+" reads "+text, limit, func() bool {
		return count(e.engine, func(ev MessageReceived) bool { return ev.Message.Text == text }) > 0
	})
}

// reaches waits until the last message that an end wrote has come so far.
func (e *end) reaches(state State) {
	e.world.t.Helper()
	id := e.wrote[len(e.wrote)-1].ID
	e.world.until(e.name+"'s last message is "+state.String(), 2*time.Hour, func() bool {
		return count(e.engine, func(ev StateChanged) bool { return ev.Message.ID == id && ev.Message.State == state }) > 0
	})
}

// invite has an end make an invitation, whose offer is in the network then.
func (e *end) invite() Invitation {
	e.world.t.Helper()
	inv, err := e.Invite(e.world.t.Context())
	if err != nil {
		e.world.t.Fatal(err)
	}
	e.world.pass(10 * time.Second)
	return inv
}

// use has an end add an invitation.
func (e *end) use(inv Invitation) {
	e.world.t.Helper()
	if _, err := e.Add(e.world.t.Context(), inv.Text, ""); err != nil {
		e.world.t.Fatal(err)
	}
}

// open returns how many invitations of an end are open.
func (e *end) open() int {
	e.world.t.Helper()
	open, err := e.Invitations(e.world.t.Context())
	if err != nil {
		e.world.t.Fatal(err)
	}
	return len(open)
}

// knows returns somebody as an end knows them.
func (e *end) knows(other *end) Person {
	e.world.t.Helper()
	p, err := e.Person(e.world.t.Context(), other.id)
	if err != nil {
		e.world.t.Fatal(err)
	}
	return p
}

// secretOf returns the secret of an invitation.
func secretOf(t *testing.T, inv Invitation) [16]byte {
	t.Helper()
	parsed, err := pqxdh.ParseInvitation(inv.Text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.V
}

// network is that of the engines of a world.
var network = wire.NetworkID("main")

// lies returns what nodes hold of a note: 0 where there is nothing.
func (w *world) lies(c rendezvous.Chain) (kinds []parcel.Kind) {
	w.t.Helper()
	at := place(c).Places()[0]
	for _, one := range c.Watch() {
		kind := parcel.Kind(0)
		for _, node := range w.mail.At(dht.Wide, at) {
			got := node.Holder.GetMany(time.Now(), dht.Asker{}, dht.GetMany{Hints: []dht.Hint{one.Address.Hint()}})
			for _, b := range got.Packages {
				if p, err := parcel.Check(b); err == nil {
					kind = max(kind, p.Kind)
				}
			}
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// buried wants tombstones in the place of all that belongs to an invitation.
func (w *world) buried(inv Invitation, host *end) {
	w.t.Helper()
	v := secretOf(w.t, inv)
	for name, c := range map[string]rendezvous.Chain{
		"offer": rendezvous.ForOffer(v, network, host.id), "answer": rendezvous.ForAnswer(v, network, host.id),
	} {
		if kinds := w.lies(c); slices.ContainsFunc(kinds, func(k parcel.Kind) bool { return k != parcel.Tombstone }) {
			w.t.Errorf("packages of the %s: %v, want tombstones", name, kinds)
		}
	}
}

// rand is a source of random bytes, always the same in a world.
func (w *world) rand() *worldRand { return &worldRand{w} }

type worldRand struct{ w *world }

func (r *worldRand) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.w.rng.Uint32())
	}
	return len(p), nil
}
