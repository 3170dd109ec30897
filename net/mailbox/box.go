package mailbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
)

const (
	// holdersTime is how long the holders of a place are believed to be the
	// same by who puts something, or by anybody where they are few, readTime by
	// who looks for something. maxHolders is how many places are remembered.
	holdersTime = time.Hour
	readTime    = 28 * time.Hour
	maxHolders  = 4096

	// inOrder is which searches that are to cost little keep to the order all
	// the same: each so manyth, so that nobody can hide things for long.
	inOrder = 12

	// maxLetters is how many packages go to a place at a time.
	maxLetters = 64
)

// Box puts and finds packages. It is safe for concurrent use.
type Box struct {
	net Network

	mu      sync.Mutex
	holders map[spot]known
	watches map[dht.Key]*watched
}

// spot is a place in a scope.
type spot struct {
	scope dht.Scope
	place Place
}

// known is the servers nearest to a spot, as they were found.
type known struct {
	nodes []*dht.Contact
	paths int // by how many paths
	found time.Time
}

// New returns a mailbox in a network.
func New(net Network) *Box {
	return &Box{net: net, holders: make(map[spot]known), watches: make(map[dht.Key]*watched)}
}

// Now returns the time as most nodes have it, by which days are counted.
func (b *Box) Now(own time.Time) time.Time { return own.Add(b.net.Offset()).UTC() }

// Lost reports whether our clock is so far from those of most nodes that
// nothing should be forgotten because of what it says.
func (b *Box) Lost() bool { return b.net.Offset().Abs() >= dht.MaxOffset }

// Open reports whether there is any node to put something at.
func (b *Box) Open() bool {
	for s := range dht.Scopes {
		if b.net.Servers(s) > 0 {
			return true
		}
	}
	return false
}

// at returns the servers nearest to a spot, found over so many paths at least;
// 0 stands for a writer.
func (b *Box) at(ctx context.Context, s spot, paths int) ([]*dht.Contact, error) {
	how := dht.ForReading(paths)
	if paths == 0 {
		how = dht.ForWriting()
	}
	b.mu.Lock()
	k, ok := b.holders[s]
	b.mu.Unlock()
	life := holdersTime
	if paths > 0 && len(k.nodes) >= dht.Replicas {
		life = readTime
	}
	if ok && time.Since(k.found) < life && k.paths >= how.Paths && !b.net.Whole(s.scope) {
		return k.nodes, nil
	}
	near, err := b.net.Lookup(ctx, s.scope, dht.Key(s.place), how)
	if err != nil {
		return nil, err
	}
	if len(near.Contacts) > 0 {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.holders) >= maxHolders {
			clear(b.holders) // they are found again
		}
		b.holders[s] = known{near.Contacts, how.Paths, time.Now()}
	}
	return near.Contacts, nil
}

// forget has the holders of a spot looked up again: they were not what they
// were.
func (b *Box) forget(s spot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.holders, s)
}

// each runs f for every spot of some places, in scopes where there are
// servers, all at a time, and joins the errors.
func (b *Box) each(places []Place, f func(s spot) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for scope := range dht.Scopes {
		if b.net.Servers(scope) == 0 {
			continue
		}
		for _, p := range places {
			wg.Go(func() {
				if err := f(spot{scope, p}); err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// tally is what holders have said of letters.
type tally struct {
	mu     sync.Mutex
	counts [dht.Scopes][]Count
	until  [][]uint32 // the hours that were promised
	out    []Outcome
}

func newTally(n int) *tally {
	t := &tally{until: make([][]uint32, n), out: make([]Outcome, n)}
	for s := range t.counts {
		t.counts[s] = make([]Count, n)
	}
	return t
}

// outcomes sums up. What is held around does not count where the internet is.
func (t *tally) outcomes() []Outcome {
	for i := range t.out {
		t.out[i].Count = t.counts[dht.Wide][i]
		if t.out[i].Count.Places == 0 {
			t.out[i].Count = t.counts[dht.Near][i]
		}
		if all := t.until[i]; len(all) > 0 { // a few liars make nothing of it
			slices.Sort(all)
			t.out[i].Until = time.Unix(int64(all[len(all)/2])*3600, 0)
		}
	}
	return t.out
}

// Put puts letters at the places of a chain's first day. An error says that
// the network could not be asked; the outcomes are what is known all the same.
func (b *Box) Put(ctx context.Context, letters []Letter, chain Chain, now time.Time) ([]Outcome, error) {
	t := newTally(len(letters))
	expiry := uint32(now.Add(Life).Unix() / 3600)
	places := chain.Places()
	err := b.each(places[:], func(s spot) error {
		holders, err := b.at(ctx, s, 0)
		if err != nil {
			return err
		}
		for from := 0; from < len(letters); from += maxLetters {
			part := letters[from:min(from+maxLetters, len(letters))]
			packages := make([][]byte, len(part))
			for i, l := range part {
				whole := l.Key.Seal(l.Core, s.place, expiry)
				packages[i] = whole[:]
			}
			placed, err := b.net.PutAt(ctx, s.scope, holders, packages...)
			if err != nil {
				return err
			}
			b.count(t, s, letters, from, placed)
		}
		return nil
	})
	return t.outcomes(), err
}

// count takes the answers to letters from one index on.
func (b *Box) count(t *tally, s spot, letters []Letter, from int, placed dht.Placed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, held := range placed.Holders {
		c := &t.counts[s.scope][from+i]
		*c = c.Add(Count{held, placed.Servers})
	}
	if absent(placed) {
		b.forget(s)
	}
	for _, a := range placed.Answers {
		i := from + a.Package
		out := &t.out[i]
		switch a.Stored.Result {
		case dht.Kept:
			t.until[i] = append(t.until[i], a.Stored.Until)
		case dht.Gone, dht.Other:
			// Without a proof it is the word of a stranger.
			proof, err := parcel.Check(a.Stored.Proof)
			switch {
			case err != nil || proof.Address != letters[i].Key.Address():
			case proof.Sum != letters[i].Core.Sum():
				out.Clash = true
			case proof.Kind == parcel.Tombstone:
				out.Read = true
			}
		}
	}
}

// absent reports whether somebody who was asked was not there, or is not
// responsible any more.
func absent(placed dht.Placed) bool {
	return slices.ContainsFunc(placed.Answers, func(a dht.Answer) bool {
		return a.Stored.Result == 0 || a.Stored.Result == dht.Far
	})
}

// Bury puts tombstones at the places that they name. It reports whether each
// of those places has one: on the internet, where there are nodes of it, else
// in networks around.
func (b *Box) Bury(ctx context.Context, stones [][]byte) (bool, error) {
	var mu sync.Mutex
	var missing [dht.Scopes]int
	for scope := range missing {
		missing[scope] = len(stones)
	}
	matters := b.matters()
	err := b.eachStone(stones, func(s spot, stone []byte) error {
		holders, err := b.at(ctx, s, 1)
		if err != nil {
			return err
		}
		placed, err := b.net.PutAt(ctx, s.scope, holders, stone)
		if err != nil {
			return err
		}
		if absent(placed) {
			b.forget(s)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(placed.Holders) == 1 && Enough(placed.Holders[0], placed.Servers) {
			missing[s.scope]--
		}
		return nil
	})
	return missing[matters] <= 0, err
}

// matters is the scope that counts: the internet, if any node of it is there.
func (b *Box) matters() dht.Scope {
	if b.net.Servers(dht.Wide) > 0 {
		return dht.Wide
	}
	return dht.Near
}

func (b *Box) eachStone(stones [][]byte, f func(s spot, stone []byte) error) error {
	byPlace := make(map[Place][]byte)
	var places []Place
	for _, stone := range stones {
		p, err := parcel.Check(stone)
		if err != nil {
			return err
		}
		byPlace[p.Location] = stone
		places = append(places, p.Location)
	}
	return b.each(places, func(s spot) error { return f(s, byPlace[s.place]) })
}

// Search says how thoroughly packages are looked for.
type Search struct {
	Places  int  // at how many of the places, 1 to Places, from the one that Turn names on
	Turn    int  // which goes up with each search of the same, so that nobody can hide things for long
	Holders int  // how many holders of each are asked
	Sparing bool // one holder of one place is asked: one to which there is a connection, or else at the same place all day
	Paths   int  // by how many paths they are found: 1, 4 or 8
}

var (
	// ErrSilent says that nobody has answered who could hold what was looked for.
	ErrSilent = errors.New("no node that could hold it has answered")

	// ErrInside says that only nodes of networks around have answered. What is
	// held on the internet nobody knows.
	ErrInside = errors.New("no node of the internet that could hold it has answered")
)

// Look looks for packages at the places of a chain's first day. What is found
// is whole and well signed, once for each address. An error says that the
// network could not be asked: what is not found may be there.
func (b *Box) Look(ctx context.Context, chain Chain, addresses []parcel.Address, how Search) (map[parcel.Address]Found, error) {
	wanted := make(map[dht.Hint]parcel.Address, len(addresses))
	hints := make([]dht.Hint, 0, len(addresses))
	for _, a := range addresses {
		wanted[a.Hint()] = a
		hints = append(hints, a.Hint())
	}
	found := make(map[parcel.Address]Found)
	if len(hints) == 0 {
		return found, nil
	}
	all := chain.Places()
	var places []Place
	for i := range min(how.Places, Places) {
		places = append(places, all[(how.Turn+i)%Places])
	}
	var mu sync.Mutex
	var answered [dht.Scopes]bool
	if how.Sparing {
		places = places[:1]
	}
	err := b.each(places, func(s spot) error {
		s, holders, err := b.chosen(ctx, s, chain, how)
		if err != nil {
			return err
		}
		g, err := b.net.GetFrom(ctx, s.scope, holders, hints, how.Holders)
		if err != nil {
			return err
		}
		if g.Answered < g.Asked {
			b.forget(s)
		}
		mu.Lock()
		defer mu.Unlock()
		answered[s.scope] = answered[s.scope] || g.Answered > 0 || len(g.Packages) == len(hints)
		for _, raw := range g.Packages {
			p, err := parcel.Check(raw)
			if err != nil || wanted[p.Address.Hint()] != p.Address {
				continue // a liar, or chance
			}
			if was, ok := found[p.Address]; !ok || was.Kind == parcel.Data && p.Kind == parcel.Tombstone {
				found[p.Address] = Found{p, raw}
			}
		}
		return nil
	})
	switch {
	case err != nil || answered[dht.Wide]:
	case answered[dht.Near]:
		err = ErrInside
	default:
		err = ErrSilent
	}
	return found, err
}

// chosen returns where a search asks, the holders in their order.
func (b *Box) chosen(ctx context.Context, s spot, chain Chain, how Search) (spot, []*dht.Contact, error) {
	if !how.Sparing {
		holders, err := b.at(ctx, s, how.Paths)
		return s, inTurn(holders[:min(len(holders), dht.Replicas)], how.Turn/Places), err
	}
	all := chain.Places()
	places := all[:]
	if !b.net.Whole(s.scope) { // each place more would have to be looked up
		places = all[chain.Day%Places:][:1]
	}
	n := how.Turn % len(places)
	for i := range places {
		s := spot{s.scope, places[(n+i)%len(places)]}
		holders, err := b.at(ctx, s, how.Paths)
		holders = inTurn(holders[:min(len(holders), dht.Replicas)], how.Turn/len(places))
		if err != nil || how.Turn%inOrder == 0 {
			return s, holders, err
		}
		if j := slices.IndexFunc(holders, func(c *dht.Contact) bool { return b.net.Open(s.scope, c.Key) }); j >= 0 {
			return s, inTurn(holders, j), nil
		}
	}
	s.place = places[n]
	holders, err := b.at(ctx, s, how.Paths)
	return s, inTurn(holders[:min(len(holders), dht.Replicas)], how.Turn/len(places)), err
}

// inTurn returns the holders in another order each turn.
func inTurn(holders []*dht.Contact, turn int) []*dht.Contact {
	if len(holders) == 0 {
		return nil
	}
	n := turn % len(holders)
	return append(append([]*dht.Contact(nil), holders[n:]...), holders[:n]...)
}
