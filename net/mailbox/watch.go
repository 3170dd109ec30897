package mailbox

import (
	"context"
	"slices"
	"time"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/net/dht"
)

const (
	// watchPlaces is at how many of the places of a day mail is waited for.
	watchPlaces = 2

	// maxWatched is at how many nodes mail is waited for at most.
	maxWatched = 20
)

// watched is a node that tells of mail as soon as it comes.
type watched struct {
	node   *dht.Contact
	owners map[identity.ID][]parcel.Address // for whom, and where
	until  time.Time
}

// hints returns what the node is asked to watch: as much as it takes.
func (w *watched) hints() (hints []dht.Hint) {
	for _, addresses := range w.owners {
		for _, a := range addresses {
			if len(hints) < dht.MaxHints {
				hints = append(hints, a.Hint())
			}
		}
	}
	return hints
}

// Watch has holders of a chain's first day tell of packages of one person as
// soon as they come, in the place of those that were watched for that person
// before. That holds for some minutes. What comes is told to notice, whole and
// well signed; it must not block. An error says that some did not want to.
func (b *Box) Watch(ctx context.Context, owner identity.ID, chain Chain, addresses []parcel.Address, notice func(owner identity.ID, found Found)) error {
	places := chain.Places()
	chosen := make(map[dht.Key]*dht.Contact)
	err := b.each(places[:watchPlaces], func(s spot) error {
		holders, err := b.at(ctx, s, 1)
		if err == nil && len(holders) > 0 {
			b.mu.Lock()
			defer b.mu.Unlock()
			chosen[holders[0].Key] = holders[0]
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range b.choose(owner, chosen, addresses) {
		lease, err := b.net.Watch(ctx, w.node, b.wanted(w), func(packages [][]byte) { b.noticed(w, packages, notice) })
		b.mu.Lock()
		w.until = time.Now().Add(lease)
		if err != nil {
			delete(b.watches, w.node.Key)
		}
		b.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Box) wanted(w *watched) []dht.Hint {
	b.mu.Lock()
	defer b.mu.Unlock()
	return w.hints()
}

// choose notes who watches what for owner from now on, and returns those who
// have to be told.
func (b *Box) choose(owner identity.ID, chosen map[dht.Key]*dht.Contact, addresses []parcel.Address) (tell []*watched) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for k, w := range b.watches {
		if _, again := chosen[k]; !again {
			delete(w.owners, owner) // it may tell once more, which does no harm
		}
		if len(w.owners) == 0 || now.After(w.until) {
			delete(b.watches, k)
		}
	}
	for k, c := range chosen {
		w := b.watches[k]
		if w == nil {
			if len(b.watches) >= maxWatched {
				continue // it is found by looking
			}
			w = &watched{node: c, owners: make(map[identity.ID][]parcel.Address)}
			b.watches[k] = w
		}
		w.owners[owner] = slices.Clone(addresses)
		w.until = now.Add(time.Minute) // until it has answered
		tell = append(tell, w)
	}
	return tell
}

// noticed hands on what a node tells of.
func (b *Box) noticed(w *watched, packages [][]byte, notice func(identity.ID, Found)) {
	for _, raw := range packages {
		p, err := parcel.Check(raw)
		if err != nil {
			continue // a liar
		}
		b.mu.Lock()
		var owners []identity.ID
		for id, addresses := range w.owners {
			if i := slices.Index(addresses, p.Address); i >= 0 {
				owners = append(owners, id)
				w.owners[id] = slices.Delete(addresses, i, i+1) // who repeats it is not heard
			}
		}
		b.mu.Unlock()
		for _, id := range owners {
			notice(id, Found{p, raw})
		}
	}
}
