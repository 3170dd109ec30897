package dht

import (
	"net/netip"
	"time"

	"dione/crypto/parcel"
)

// This file holds what stops a flood: writers are anonymous, but not their
// networks. The rules are:
//   - below 70 % of the space only rates hold;
//   - above it no network has more than its share, and packages live shorter;
//   - when all is full, the network that holds the most makes room;
//   - what others repair is counted apart, by neighbour.
//
// All of it is forgotten at a restart but the packages themselves.

const (
	connRate    = 20.0 // packages a second over one connection
	connBurst   = 128
	originRate  = 600.0 / 60 // packages a second from one network
	originBurst = 600
	dayBurst    = 2000 // packages a day from one network, where space is short
	dayRate     = dayBurst / (24 * 60 * 60.0)
	repairBurst = 64 << 20 / parcel.Size // packages a day from one neighbour
	repairRate  = repairBurst / (24 * 60 * 60.0)

	maxRates = 4096 // connections, and networks, whose rates are known

	evictChunk = 64 << 10 // bytes that are made free at a time
	// maxEvictions is how often that is done for one package: after space was
	// taken away it comes bit by bit.
	maxEvictions = 16
	shunTime     = 24 * time.Hour
	maxShunned   = 32 << 10 // in each of two sets
)

// budget is a budget that fills up again. The zero value is a full one.
type budget struct {
	spent float64
	at    int64 // unix milliseconds
}

// left returns what can be spent.
func (b *budget) left(now time.Time, rate float64, burst int) float64 {
	switch ms := now.UnixMilli() - b.at; {
	case ms > 0:
		b.spent = max(0, b.spent-rate*float64(ms)/1000)
		b.at = now.UnixMilli()
	case ms < -time.Minute.Milliseconds(): // the clock was set back
		b.at = now.UnixMilli()
	}
	return float64(burst) - b.spent
}

func (b *budget) take(now time.Time, rate float64, burst int) bool {
	if b.left(now, rate, burst) < 1 {
		return false
	}
	b.spent++
	return true
}

// purse is what one network may still put.
type purse struct {
	minute, day budget
	in, out     budget // packages repaired by it and to it
}

// rates is what connections and networks have put of late.
type rates struct {
	conns   map[uint64]*budget
	origins map[netip.Prefix]*purse
}

// conn returns the budget of a connection. If there are too many, some other
// one is forgotten: who has thousands gains nothing by that.
func (r *rates) conn(id uint64) *budget { return slotOf(&r.conns, id) }

// origin returns the purse of a network.
func (r *rates) origin(p netip.Prefix) *purse { return slotOf(&r.origins, p) }

func slotOf[K comparable, V any](m *map[K]*V, k K) *V {
	v := (*m)[k]
	if v != nil {
		return v
	}
	if *m == nil {
		*m = make(map[K]*V)
	}
	for other := range *m {
		if len(*m) < maxRates {
			break
		}
		delete(*m, other)
	}
	v = new(V)
	(*m)[k] = v
	return v
}

// sweep forgets the networks that may put as much as any other.
func (r *rates) sweep(now time.Time) {
	for k, p := range r.origins {
		if p.minute.left(now, originRate, 0) == 0 && p.day.left(now, dayRate, 0) == 0 &&
			p.in.left(now, repairRate, 0) == 0 && p.out.left(now, repairRate, 0) == 0 {
			delete(r.origins, k)
		}
	}
}

// admit reports whether the asker may put something now, and whether that is
// on the budget of a neighbour that repairs.
func (h *Holder) admit(now time.Time, from Asker, neighbour bool) (repair, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	purse := h.rates.origin(from.From)
	if neighbour && purse.in.take(now, repairRate, repairBurst) {
		return true, true
	}
	return false, h.rates.conn(from.Conn).take(now, connRate, connBurst) && purse.minute.take(now, originRate, originBurst)
}

// usage is how many bytes are held, in all and for whom.
type usage struct {
	total   int64
	origins map[netip.Prefix]int64
	regions map[netip.Prefix]int64 // the /32 of IPv6, of which one customer has many /48
}

func usageOf(total int64, origins map[netip.Prefix]int64) usage {
	u := usage{}
	for p, n := range origins {
		u.add(p, n)
	}
	u.total = total
	return u
}

func (u *usage) add(p netip.Prefix, n int64) {
	u.total += n
	tally(&u.origins, p, n)
	if wideSix(p) {
		tally(&u.regions, region(p.Addr()), n)
	}
}

func wideSix(p netip.Prefix) bool { return p.Bits() == 48 && p.Addr().Is6() }

func tally(m *map[netip.Prefix]int64, p netip.Prefix, n int64) {
	if *m == nil {
		*m = make(map[netip.Prefix]int64)
	}
	if n += (*m)[p]; n > 0 {
		(*m)[p] = n
	} else {
		delete(*m, p)
	}
}

// scarce reports whether space has become short.
func (u *usage) scarce(capacity int64) bool { return 10*u.total > 7*capacity }

// shares reports whether n bytes more of a network are within its share.
func (u *usage) shares(capacity int64, p netip.Prefix, n int64) bool {
	if !u.scarce(capacity) {
		return true
	}
	seen := int64(len(u.origins))
	if u.origins[p] == 0 {
		seen++
	}
	return u.origins[p]+n <= max(capacity/50, capacity/seen) &&
		(!wideSix(p) || u.regions[region(p.Addr())]+n <= capacity/10)
}

// life is how long a package is kept that comes now: 14 days, less when more
// than 70 % of the space is taken, 3 days when all is.
func (u *usage) life(capacity int64) time.Duration {
	if !u.scarce(capacity) {
		return maxLife
	}
	free := max(0, 1-float64(u.total)/float64(capacity)) / 0.3
	return minLife + time.Duration(free*float64(maxLife-minLife)).Truncate(time.Second)
}

// until returns the hour until which a package is kept that comes now. What is
// repaired does not live longer than if it had come when it was written: ok is
// false if that is over.
func (h *Holder) until(now time.Time, expiry uint32, repair bool) (hour int64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	life := h.usage.life(h.cfg.Capacity)
	end := now.Add(life)
	if written := atHour(int64(expiry)).Add(life - maxLife); repair && written.Before(end) {
		end = written
	}
	hour = min(int64(expiry), hourOf(end))
	return hour, atHour(hour).After(now)
}

// charge counts bytes of a network.
func (h *Holder) charge(p netip.Prefix, n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usage.add(p, n)
}

// reserve takes the space for an item, or says why there is none.
func (h *Holder) reserve(now time.Time, item *Item, repair bool) Result {
	if !h.within(now, item, repair) {
		return Quota
	}
	if h.fits(item) || h.makeRoom(now, item) {
		return Kept
	}
	return Full
}

// within reports whether an item is within the share and the day of its network.
func (h *Holder) within(now time.Time, item *Item, repair bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	u, capacity := &h.usage, h.cfg.Capacity
	return u.shares(capacity, item.Origin, item.size()) &&
		(repair || !u.scarce(capacity) || h.rates.origin(item.Origin).day.take(now, dayRate, dayBurst))
}

// fits takes the space for an item if there is any.
func (h *Holder) fits(item *Item) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.usage.total+item.size() > h.cfg.Capacity {
		return false
	}
	h.usage.add(item.Origin, item.size())
	return true
}

// makeRoom takes the space for an item when all is taken. The network that
// holds the most pays for it: if that is the item's own, and the item is
// farther away than all of its others, there is no room.
func (h *Holder) makeRoom(now time.Time, item *Item) bool {
	h.evicting.Lock()
	defer h.evicting.Unlock()
	n, self := item.size(), h.near.Self()
	for range maxEvictions {
		if h.fits(item) {
			return true
		}
		victims, err := h.cfg.Shelf.Victims(self, max(n, min(evictChunk, h.cfg.Capacity/128)))
		if err != nil {
			h.failed(now, "look for room", err)
			return false
		}
		if len(victims) == 0 || victims[0].Origin == item.Origin && self.Nearer(victims[0].Location, item.Location) < 0 {
			h.shun(now, Hint(item.Address[:]))
			return false
		}
		drop := make([][32]byte, len(victims))
		for i := range victims {
			drop[i] = victims[i].Address
		}
		if !h.put(now, nil, drop) {
			return false
		}
		h.mu.Lock()
		for i := range victims {
			h.usage.add(victims[i].Origin, -victims[i].size())
			h.shunned.add(now, Hint(victims[i].Address[:]))
		}
		h.mu.Unlock()
	}
	return h.fits(item)
}

// shunned is what was dropped for lack of space. It is not taken back from
// neighbours for a day. There are two sets, of which the older one is dropped
// when the newer one is full.
type shunned struct {
	newer, older map[uint64]int64 // hint, unix seconds
}

func (s *shunned) add(now time.Time, hint Hint) {
	if s.newer == nil || len(s.newer) >= maxShunned {
		s.newer, s.older = make(map[uint64]int64), s.newer
	}
	s.newer[hintBits(hint)] = now.Unix()
}

func (s *shunned) has(now time.Time, hint Hint) bool {
	since := now.Add(-shunTime).Unix()
	at, ok := s.newer[hintBits(hint)]
	if !ok {
		at, ok = s.older[hintBits(hint)]
	}
	return ok && at > since
}

// sweep forgets what was dropped more than a day ago.
func (s *shunned) sweep(now time.Time) {
	since := now.Add(-shunTime).Unix()
	for _, m := range []map[uint64]int64{s.newer, s.older} {
		for k, at := range m {
			if at <= since {
				delete(m, k)
			}
		}
	}
}

func (h *Holder) shun(now time.Time, hint Hint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shunned.add(now, hint)
}
