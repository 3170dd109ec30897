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

	// renewTime is how long before its end a watch is renewed.
	renewTime = time.Minute
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
	asked  map[dht.Hint]struct{} // what it was told to watch
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
// the place of what was watched for that person before. It returns until when
// it need not be called again; the zero time if nobody watches for the first
// wish. An error says that some did not want to.
func (b *Box) Watch(ctx context.Context, owner identity.ID, wishes []Wish, notice Notice) (again time.Time, err error) {
	chosen := make(map[dht.Key]*dht.Contact)
	var first []dht.Key // those of the first wish
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
			if i == 0 {
				first = append(first, k)
			}
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
			return again, err
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
			return again, err
		}
	}
	return b.watchedUntil(chosen, first), nil
}

// watchedUntil returns when the first of some nodes has to be asked again to
// watch; the zero time if none of those that matter watches.
func (b *Box) watchedUntil(chosen map[dht.Key]*dht.Contact, matter []dht.Key) (again time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.ContainsFunc(matter, func(k dht.Key) bool { return b.watches[k] != nil }) {
		return time.Time{}
	}
	for k := range chosen {
		w := b.watches[k]
		if w == nil {
			continue // there are too many
		}
		if at := w.until.Add(-renewTime); again.IsZero() || at.Before(again) {
			again = at
		}
	}
	return again
}

// wanted returns what a node is to watch, and notes that it is told.
func (b *Box) wanted(w *watched) []dht.Hint {
	b.mu.Lock()
	defer b.mu.Unlock()
	hints := w.hints()
	w.asked = make(map[dht.Hint]struct{}, len(hints))
	for _, h := range hints {
		w.asked[h] = struct{}{}
	}
	return hints
}

// watches reports whether a node watches all of somebody's wishes already, and
// for a while yet.
func (w *watched) watches(o *watcher, now time.Time) bool {
	for a := range o.wishes {
		if _, ok := w.asked[a.Hint()]; !ok {
			return false
		}
	}
	return w.until.After(now.Add(renewTime))
}

// choose notes who watches what for owner from now on, and returns those who
// have to be told.
func (b *Box) choose(owner identity.ID, chosen map[dht.Key]*dht.Contact, wanted map[dht.Key]*watcher) (tell []*watched) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	told := make(map[dht.Key]map[parcel.Address]struct{})
	for k, w := range b.watches {
		if o := w.owners[owner]; o != nil {
			told[k] = o.told
		}
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
		if w.watches(wanted[k], now) {
			if told[k] != nil {
				wanted[k].told = told[k]
			}
			continue
		}
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
