package dht

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"
)

// This file holds the servers that a node knows in one scope. The rules are:
//   - only who was dialled and has answered enters, and the oldest stay;
//   - who does not answer is no longer named, and goes when it fails once more;
//     what fails while nobody answers counts once, for then it is our own
//     network that is down;
//   - no one network holds more than a small part of it.

const (
	bucketSize  = 20  // contacts in a bucket
	spareSize   = 10  // contacts that wait for a place in a bucket
	smallTable  = 500 // below so many contacts buckets have no limit
	maxTable    = 4096
	perOrigin   = 2  // contacts of one origin in a bucket
	perRegion   = 3  // contacts of one region in a bucket
	totalOrigin = 10 // contacts of one origin in a table

	refreshAfter = time.Hour   // an idle bucket is looked up
	checkEvery   = time.Minute // a bucket's oldest contact is asked for a newcomer's sake
	maxFailures  = 2
)

// TableConfig configures a Table. A zero field means its default.
type TableConfig struct {
	K      int  // contacts in a bucket; 20
	Small  int  // below so many contacts buckets have no limit; 500, none if negative
	Varied bool // no network may have more than a small part of the table
}

// Table is the servers that a node knows in one scope. It is not safe for
// concurrent use.
type Table struct {
	cfg     TableConfig
	self    Key
	buckets []bucket // by how many bits their contacts have in common with self
	size    int
	heard   int64 // when anybody has last answered
}

type bucket struct {
	entries []entry // longest known first
	spares  []*Contact
	lookup  int64 // when it was last looked up
	checked int64 // when its oldest contact was last asked for a newcomer's sake
}

// entry is a contact and what is known of it. Times are unix milliseconds.
type entry struct {
	*Contact
	seen   int64 // it has answered
	failed int64 // it has not answered
	fails  uint8 // how often since seen, those counted between which others answered

	several bool      // it has more addresses than one
	at      [2]uint64 // the first
}

func newEntry(now time.Time, c *Contact) entry {
	return entry{Contact: c, seen: now.UnixMilli(), several: len(c.Addrs) > 1, at: halvesOf(addrOf(c))}
}

// in reports whether one of its addresses is in those networks.
func (e *entry) in(ns *networks) bool {
	if e.several {
		return ns.meet(e.Contact)
	}
	return ns.hold(e.at)
}

// NewTable returns an empty table of the node at self.
func NewTable(self Key, cfg TableConfig) *Table {
	if cfg.K == 0 {
		cfg.K = bucketSize
	}
	if cfg.Small == 0 {
		cfg.Small = smallTable
	}
	return &Table{cfg: cfg, self: self}
}

// Len returns how many contacts are in the table.
func (t *Table) Len() int { return t.size }

// Sure returns how many contacts have answered when they were asked last.
func (t *Table) Sure() (n int) {
	for i := range t.buckets {
		for j := range t.buckets[i].entries {
			if t.buckets[i].entries[j].fails == 0 {
				n++
			}
		}
	}
	return n
}

// silentFor tells for how long nobody has answered.
func (t *Table) silentFor(now time.Time) time.Duration {
	return time.Duration(now.UnixMilli()-t.heard) * time.Millisecond
}

// Self returns where the table's node is.
func (t *Table) Self() Key { return t.self }

// bucketOf returns the bucket of k, if there is one already.
func (t *Table) bucketOf(k Key) *bucket {
	if n := t.self.Common(k); n < len(t.buckets) {
		return &t.buckets[n]
	}
	return nil
}

func (b *bucket) find(k Key) *entry {
	if b != nil {
		for i := range b.entries {
			if b.entries[i].Key == k {
				return &b.entries[i]
			}
		}
	}
	return nil
}

// Get returns the contact at k, nil if it is not in the table.
func (t *Table) Get(k Key) *Contact {
	if e := t.bucketOf(k).find(k); e != nil {
		return e.Contact
	}
	return nil
}

// Wants reports whether c would find a place, or would be the spare of one.
func (t *Table) Wants(c *Contact) bool {
	if c.Key == t.self || len(c.Addrs) == 0 {
		return false
	}
	b := t.bucketOf(c.Key)
	if e := b.find(c.Key); e != nil {
		return e.fails > 0
	}
	if b == nil {
		b = new(bucket)
	}
	waits := slices.ContainsFunc(b.spares, func(s *Contact) bool { return s.Key == c.Key })
	return (t.room(b) || len(b.spares) < spareSize && !waits) && t.size < maxTable && t.varied(b, c)
}

func (t *Table) room(b *bucket) bool {
	return len(b.entries) < t.cfg.K || t.size < t.cfg.Small
}

// varied reports whether c leaves the table as varied as it has to be.
func (t *Table) varied(b *bucket, c *Contact) bool {
	if !t.cfg.Varied {
		return true
	}
	origin, around := networksOf(c, Origin), networksOf(c, region)
	origins, regions, total := 0, 0, 0
	for i := range t.buckets {
		in := b == &t.buckets[i]
		for j := range t.buckets[i].entries {
			e := &t.buckets[i].entries[j]
			if e.Key == c.Key {
				continue
			}
			if e.in(&origin) {
				total++
				if in {
					origins++
				}
			}
			if in && e.in(&around) {
				regions++
			}
		}
	}
	return origins < perOrigin && regions < perRegion && total < totalOrigin
}

// Add tells that c was dialled and has answered. If it finds no place because
// its bucket is full, it waits for one, and check is who has to be asked
// whether it is still there; nil if nobody has to be.
func (t *Table) Add(now time.Time, c *Contact) (added bool, check *Contact) {
	t.heard = max(t.heard, now.UnixMilli())
	if c.Key == t.self || len(c.Addrs) == 0 {
		return false, nil
	}
	n := t.self.Common(c.Key)
	if n >= len(t.buckets) {
		t.buckets = slices.Grow(t.buckets, n+1-len(t.buckets))[:n+1]
	}
	b := &t.buckets[n]
	if e := b.find(c.Key); e != nil {
		*e = newEntry(now, merge(e.Contact, c))
		return true, nil
	}
	if !t.varied(b, c) || t.size >= maxTable {
		return false, nil
	}
	if t.room(b) {
		t.insert(b, newEntry(now, c))
		return true, nil
	}
	b.wait(c)
	if now.UnixMilli()-b.checked < checkEvery.Milliseconds() {
		return false, nil
	}
	b.checked = now.UnixMilli()
	return false, slices.MinFunc(b.entries, func(x, y entry) int {
		return cmp.Or(cmp.Compare(y.fails, x.fails), cmp.Compare(x.seen, y.seen))
	}).Contact
}

func (t *Table) insert(b *bucket, e entry) {
	b.forget(e.Key)
	b.entries = append(b.entries, e)
	t.size++
}

func (t *Table) remove(b *bucket, i int) {
	b.entries = slices.Delete(b.entries, i, i+1)
	t.size--
}

// forget makes k no spare.
func (b *bucket) forget(k Key) {
	b.spares = slices.DeleteFunc(b.spares, func(s *Contact) bool { return s.Key == k })
}

// wait makes c the newest spare.
func (b *bucket) wait(c *Contact) {
	b.forget(c.Key)
	if len(b.spares) >= spareSize {
		b.spares = slices.Delete(b.spares, 0, 1)
	}
	b.spares = append(b.spares, c)
}

// merge returns a contact with the addresses of fresh first.
func merge(old, fresh *Contact) *Contact {
	if slices.Equal(old.Addrs, fresh.Addrs) {
		return old
	}
	addrs := slices.Clone(fresh.Addrs)
	for _, a := range old.Addrs {
		if len(addrs) < MaxAddrs && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	if slices.Equal(old.Addrs, addrs) {
		return old
	}
	return &Contact{ID: old.ID, Key: old.Key, Addrs: addrs}
}

// Seen tells that the contact at k has answered.
func (t *Table) Seen(now time.Time, k Key) {
	t.heard = max(t.heard, now.UnixMilli())
	if e := t.bucketOf(k).find(k); e != nil {
		e.seen, e.fails = now.UnixMilli(), 0
	}
}

// Failed tells that the contact at k has not answered. If it goes and another
// waits for its place, that is returned: it takes the place once it answers.
func (t *Table) Failed(now time.Time, k Key) (next *Contact) {
	b := t.bucketOf(k)
	e := b.find(k)
	if e == nil {
		if b != nil {
			b.forget(k)
		}
		return nil
	}
	if e.fails == 0 || e.failed < t.heard {
		e.fails++
	}
	e.failed = now.UnixMilli()
	if e.fails < maxFailures {
		return nil
	}
	t.remove(b, slices.IndexFunc(b.entries, func(e entry) bool { return e.Key == k }))
	if n := len(b.spares); n > 0 {
		next = b.spares[n-1]
		b.spares = b.spares[:n-1]
	}
	return next
}

// Doubtful returns up to n contacts that have failed, the last time before
// that: they are asked once more. Those that matter most, the nearest, come
// first.
func (t *Table) Doubtful(before time.Time, n int) (doubtful []*Contact) {
	for i := range slices.Backward(t.buckets) {
		for _, e := range t.buckets[i].entries {
			if e.fails > 0 && e.failed < before.UnixMilli() && len(doubtful) < n {
				doubtful = append(doubtful, e.Contact)
			}
		}
	}
	return doubtful
}

// Stalest returns the contact that was not heard of for the longest time, nil
// if all were since then.
func (t *Table) Stalest(since time.Time) (stalest *Contact) {
	oldest := since.UnixMilli()
	for i := range t.buckets {
		for _, e := range t.buckets[i].entries {
			if e.fails == 0 && e.seen < oldest {
				stalest, oldest = e.Contact, e.seen
			}
		}
	}
	return stalest
}

// Nearest returns the up to n contacts nearest to a place, nearest first. Those
// that have not answered when last asked are among them only if doubtful is
// set, and behind all others.
func (t *Table) Nearest(target Key, n int, doubtful bool) []*Contact {
	if n <= 0 || t.size == 0 {
		return nil
	}
	found := make([]*Contact, 0, min(n, t.size))
	var scratch [64]ranked
	group := scratch[:0] // the nearest of some buckets, as many as are missing
	flush := func() {
		for _, r := range group {
			found = append(found, r.c)
		}
		group = group[:0]
	}
	take := func(b *bucket) {
		for i := range b.entries {
			if e := &b.entries[i]; e.fails == 0 {
				group = rank(target, group, n-len(found), e.Contact)
			}
		}
	}
	// The bucket that target would be in holds the nearest, then come all
	// deeper ones together, then the others, each farther than the one before.
	at := t.self.Common(target)
	if at < len(t.buckets) {
		take(&t.buckets[at])
		flush()
		for i := at + 1; i < len(t.buckets) && len(found) < n; i++ {
			take(&t.buckets[i])
		}
		flush()
	}
	for i := min(at, len(t.buckets)) - 1; i >= 0 && len(found) < n; i-- {
		take(&t.buckets[i])
		flush()
	}
	if doubtful && len(found) < n {
		for i := range t.buckets {
			for j := range t.buckets[i].entries {
				if e := &t.buckets[i].entries[j]; e.fails > 0 {
					group = rank(target, group, n-len(found), e.Contact)
				}
			}
		}
		flush()
	}
	return found
}

// ranked is a contact with the first bits of its distance.
type ranked struct {
	near uint64
	c    *Contact
}

func near(target, k Key) uint64 {
	return binary.BigEndian.Uint64(target[:]) ^ binary.BigEndian.Uint64(k[:])
}

// rank puts c in its place in a group that is kept in order and to n contacts.
func rank(target Key, group []ranked, n int, c *Contact) []ranked {
	r := ranked{near(target, c.Key), c}
	at := len(group)
	for at > 0 && (r.near < group[at-1].near || r.near == group[at-1].near && target.Nearer(c.Key, group[at-1].c.Key) < 0) {
		at--
	}
	switch {
	case at >= n:
		return group
	case len(group) < n:
		group = append(group, ranked{})
	}
	copy(group[at+1:], group[at:])
	group[at] = r
	return group
}

// Nearer counts the contacts that are nearer to a place than the table's node,
// up to most.
func (t *Table) Nearer(target Key, most int) (n int) {
	for _, c := range t.Nearest(target, most, false) {
		if target.Nearer(c.Key, t.self) < 0 {
			n++
		}
	}
	return n
}

// Idle returns a random place in a bucket that was not looked up for an hour,
// and takes it that it will be now. There is none in buckets deeper than any
// contact.
func (t *Table) Idle(now time.Time, after time.Duration, rand *rand.Rand) (Key, bool) {
	for i := range t.buckets {
		if b := &t.buckets[i]; now.UnixMilli()-b.lookup >= after.Milliseconds() {
			b.lookup = now.UnixMilli()
			return t.placeIn(i, rand), true
		}
	}
	return Key{}, false
}

// LookedUp tells that a place was looked up.
func (t *Table) LookedUp(now time.Time, target Key) {
	if b := t.bucketOf(target); b != nil {
		b.lookup = now.UnixMilli()
	}
}

// placeIn returns a random place that has exactly n bits in common with self.
func (t *Table) placeIn(n int, rand *rand.Rand) Key {
	k := mix(t.self, n+1, rand)
	k[n/8] = k[n/8]&^(0x80>>(n%8)) | ^t.self[n/8]&(0x80>>(n%8))
	return k
}

// mix returns k with all bits behind the first n random.
func mix(k Key, n int, rand *rand.Rand) Key {
	var out Key
	for i := 0; i < len(out); i += 8 {
		binary.BigEndian.PutUint64(out[i:], rand.Uint64())
	}
	copy(out[:n/8], k[:])
	if n%8 != 0 {
		mask := byte(0xff) << (8 - n%8)
		out[n/8] = k[n/8]&mask | out[n/8]&^mask
	}
	return out
}

// blindBits is how much of a target is told to those who are asked: enough to
// tell apart the nodes of the largest network there will be, too little to
// recognise a place.
const blindBits = 24

// Blind returns what is told of a target.
func Blind(target Key, rand *rand.Rand) Key { return mix(target, blindBits, rand) }

// Contacts returns all contacts, those that answered last first.
func (t *Table) Contacts() []*Contact {
	var all []entry
	for i := range t.buckets {
		all = append(all, t.buckets[i].entries...)
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(b.seen, a.seen) })
	contacts := make([]*Contact, len(all))
	for i, e := range all {
		contacts[i] = e.Contact
	}
	return contacts
}
