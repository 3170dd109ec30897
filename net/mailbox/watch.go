package mailbox

import (
	"context"
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

// Wish is what somebody wants to be told of: packages at the places of a
// chain's first day.
type Wish struct {
	Chain     Chain
	Addresses []parcel.Address
}

// Notice is told of a package and of a tombstone that came, whole and well
// signed, each once, and of which wish it fulfils. It must not block.
type Notice func(wish int, found Found)

// watched is a node that tells of mail as soon as it comes.
type watched struct {
	node   *dht.Contact
	owners map[identity.ID]*watcher
	until  time.Time
}

// watcher is for whom a node tells of what.
type watcher struct {
	wishes map[parcel.Address]int
	told   map[parcel.Address]struct{} // of which the package was told
	notice Notice
}

// hints returns what the node is asked to watch: as much as it takes.
func (w *watched) hints() (hints []dht.Hint) {
	for _, o := range w.owners {
		for a := range o.wishes {
			if len(hints) < dht.MaxHints {
				hints = append(hints, a.Hint())
			}
		}
	}
	return hints
}

// Watch has holders tell of packages of one person as soon as they come, in
// the place of what was watched for that person before. That holds for some
// minutes. An error says that some did not want to.
func (b *Box) Watch(ctx context.Context, owner identity.ID, wishes []Wish, notice Notice) error {
	chosen := make(map[dht.Key]*dht.Contact)
	wanted := make(map[dht.Key]*watcher)
	for i, wish := range wishes {
		places := wish.Chain.Places()
		err := b.each(places[:watchPlaces], func(s spot) error {
			holders, err := b.at(ctx, s, 1)
			if err != nil || len(holders) == 0 {
				return err
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			k := holders[0].Key
			chosen[k] = holders[0]
			if wanted[k] == nil {
				wanted[k] = &watcher{
					wishes: make(map[parcel.Address]int),
					told:   make(map[parcel.Address]struct{}),
					notice: notice,
				}
			}
			for _, a := range wish.Addresses {
				wanted[k].wishes[a] = i
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, w := range b.choose(owner, chosen, wanted) {
		lease, err := b.net.Watch(ctx, w.node, b.wanted(w), func(packages [][]byte) { b.noticed(w, packages) })
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
func (b *Box) choose(owner identity.ID, chosen map[dht.Key]*dht.Contact, wanted map[dht.Key]*watcher) (tell []*watched) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for k, w := range b.watches {
		delete(w.owners, owner) // a node that is not told may tell once more, which does no harm
		if len(w.owners) == 0 && chosen[k] == nil || now.After(w.until) {
			delete(b.watches, k)
		}
	}
	for k, c := range chosen {
		w := b.watches[k]
		if w == nil {
			if len(b.watches) >= maxWatched {
				continue // it is found by looking
			}
			w = &watched{node: c, owners: make(map[identity.ID]*watcher)}
			b.watches[k] = w
		}
		w.owners[owner] = wanted[k]
		w.until = now.Add(time.Minute) // until it has answered
		tell = append(tell, w)
	}
	return tell
}

// noticed hands on what a node tells of. Who repeats it is not heard.
func (b *Box) noticed(w *watched, packages [][]byte) {
	for _, raw := range packages {
		p, err := parcel.Check(raw)
		if err != nil {
			continue // a liar
		}
		b.mu.Lock()
		var tell []func()
		for _, o := range w.owners {
			wish, ok := o.wishes[p.Address]
			if _, again := o.told[p.Address]; !ok || again && p.Kind == parcel.Data {
				continue
			}
			if o.told[p.Address] = struct{}{}; p.Kind == parcel.Tombstone {
				delete(o.wishes, p.Address) // nothing comes after it
			}
			tell = append(tell, func() { o.notice(wish, Found{p, raw}) })
		}
		b.mu.Unlock()
		for _, f := range tell {
			f()
		}
	}
}
