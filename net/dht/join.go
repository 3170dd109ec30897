package dht

import (
	"net/netip"
	"slices"
	"time"
)

// This file holds how a node becomes known and gets to know others. The rules:
//   - nobody enters a table by being named: it is dialled, and has to answer;
//   - what strangers name is dialled at a bounded rate, and no network of
//     theirs more than a few times a minute, so that no node can be made to
//     knock at somebody's door on and on;
//   - a node is a server once others have dialled it back. Clients are in
//     nobody's table and answer no FIND.

const (
	maxHeard    = 128              // contacts that wait to be dialled
	maxCallers  = 32               // of those that have asked us
	maxPeers    = 32               // contacts to begin with
	maxTrying   = 4                // newcomers asked at a time
	verifyRate  = 1.0              // newcomers asked in a second
	verifyBurst = 8                // and at once
	verifyLoss  = 3                // for so many more one counts that does not answer
	originDials = 8                // dials a minute into one network, at addresses that only others name
	maxOrigins  = 8192             // networks that are counted at a time
	minBegin    = time.Second      // the pause between attempts to begin
	maxBegin    = 10 * time.Minute // and the longest

	wantedBacks = 3                // dial-backs that make a server
	crowd       = 20               // from so many servers on, one has to be up a while
	probation   = 20 * time.Minute // so long
	backAfter   = time.Hour        // a server is dialled back again
)

// part is what a node does to be a server.
type part struct {
	next    time.Time // when dial-backs are asked for
	pause   time.Duration
	waiting int // answers that are still to come
	reached int
	silent  int // answers that said no
}

// Hear tells of nodes to begin with: from a former run, from a contact's chat
// link, from the user. They need not be servers.
func (r *Router) Hear(now time.Time, s Scope, contacts []*Contact) {
	sc := r.scopes[s]
	for _, c := range scoped(s, contacts) {
		if c.Key == r.self || !c.Key.Solves(r.cfg.Zeros) {
			continue
		}
		sc.peers = slices.DeleteFunc(sc.peers, func(p *Contact) bool { return p.Key == c.Key })
		if len(sc.peers) >= maxPeers {
			sc.peers = slices.Delete(sc.peers, 0, 1)
		}
		sc.peers = append(sc.peers, c)
		sc.hear(c)
		sc.begin, sc.pause = now.Add(minBegin), minBegin
		if !sc.server {
			sc.part.next, sc.part.pause = now, 0
		}
	}
}

// hear has a newcomer dialled when there is time. It reports whether it will.
func (s *scope) hear(c *Contact) bool {
	if _, ok := s.trying[c.Key]; ok {
		s.trying[c.Key] = true // it may have become a server just now
		return true
	}
	if slices.ContainsFunc(s.callers, func(h *Contact) bool { return h.Key == c.Key }) {
		return true
	}
	n := len(s.heard)
	s.heard = slices.DeleteFunc(s.heard, func(h *Contact) bool { return h.Key == c.Key })
	if len(s.heard) == n && !s.table.Wants(c) {
		return false
	}
	if len(s.heard) >= maxHeard {
		s.heard = slices.Delete(s.heard, 0, 1)
	}
	s.heard = append(s.heard, c)
	return true
}

// called has who has asked us dialled before those who were only named, and
// without their bound: it has spent on us what we spend on it. If there are too
// many of them it is as if it had been named.
func (s *scope) called(c *Contact) {
	if !s.hear(c) || len(s.callers) >= maxCallers {
		return
	}
	if n := len(s.heard); n > 0 && s.heard[n-1] == c {
		s.heard, s.callers = s.heard[:n-1], append(s.callers, c)
	}
}

// named takes note of the contacts of an answer.
func (r *Router) named(now time.Time, s *scope, contacts []*Contact) {
	for _, c := range contacts {
		if c.Key == r.self || !c.Key.Solves(r.cfg.Zeros) || s.table.Get(c.Key) != nil {
			continue
		}
		if _, ok := s.trying[c.Key]; ok || s.silent(now, c) {
			continue // others may not know yet that it is gone
		}
		if !s.hear(c) {
			s.strange = now // the table has no place for it: it is not the whole network
		}
	}
}

// pick takes off the newcomer to be asked next: who has asked us, or else in
// turn the one nearest to us, so that neighbours find each other soon, and the
// latest heard of, so that who names nodes without end keeps nobody out.
func (s *scope) pick(self Key) (c *Contact, named bool) {
	if len(s.callers) > 0 {
		c = s.callers[0]
		s.callers = slices.Delete(s.callers, 0, 1)
		return c, false
	}
	i := len(s.heard) - 1
	if s.nearest = !s.nearest; s.nearest {
		for j, c := range s.heard {
			if self.Nearer(c.Key, s.heard[i].Key) < 0 {
				i = j
			}
		}
	}
	c = s.heard[i]
	s.heard = slices.Delete(s.heard, i, i+1)
	return c, true
}

// verify has newcomers asked.
func (r *Router) verify(now time.Time, s *scope) (again time.Time) {
	again = now.Add(time.Hour)
	if s.table.Len() == 0 && len(s.peers) > 0 {
		if !now.Before(s.begin) {
			for _, c := range s.peers {
				s.hear(c)
			}
			s.pause = min(max(2*s.pause, minBegin), maxBegin)
			s.begin = now.Add(s.pause)
		}
		again = s.begin
	}
	s.tokens = min(s.tokens+verifyRate*now.Sub(s.refilled).Seconds(), verifyBurst)
	s.refilled = now
	for len(s.callers)+len(s.heard) > 0 && len(s.trying) < maxTrying {
		if len(s.callers) == 0 && s.tokens < 1 {
			wait := time.Duration((1 - s.tokens) / verifyRate * float64(time.Second))
			return now.Add(wait + time.Millisecond)
		}
		c, named := s.pick(r.self)
		if !s.table.Wants(c) || !r.mayDial(now, s, c) {
			continue
		}
		if named {
			s.tokens--
		}
		s.trying[c.Key] = false
		r.ask(s.which, c, Find{Target: Blind(r.self, r.cfg.Rand), Port: r.port(s)}, func(now time.Time, m Message) {
			again := s.trying[c.Key]
			delete(s.trying, c.Key)
			if f, ok := m.(Found); ok {
				r.named(now, s, scoped(s.which, f.Contacts))
				return
			}
			if named {
				s.tokens -= verifyLoss // whoever names the dead, and a busy machine, get less of us
			}
			if again {
				s.hear(c)
			}
		})
	}
	return again
}

// dialRate counts the dials into networks, at addresses that only others name.
type dialRate struct {
	minute  time.Time
	origins map[netip.Prefix]int
}

// mayDial reports whether c, of whom others have told, may be dialled now, at
// all of its addresses.
func (r *Router) mayDial(now time.Time, s *scope, c *Contact) bool {
	unknown := c.Addrs
	if known := s.table.Get(c.Key); known != nil {
		unknown = slices.DeleteFunc(slices.Clone(c.Addrs), known.at)
	}
	if len(unknown) == 0 || r.cfg.Open != nil && r.cfg.Open(s.which, c.Key) {
		return true
	}
	d := &r.dials
	if now.Sub(d.minute).Abs() >= time.Minute {
		d.minute, d.origins = now, make(map[netip.Prefix]int)
	}
	for _, a := range unknown {
		origin := Origin(a.Addr())
		if d.origins[origin] >= originDials || len(d.origins) >= maxOrigins && d.origins[origin] == 0 {
			return false
		}
	}
	for _, a := range unknown {
		d.origins[Origin(a.Addr())]++
	}
	return true
}

// Handle answers a question about the network: a Ping or Find. answer may be
// called later, from another method, and is called once.
func (r *Router) Handle(now time.Time, from Asker, m Message, answer func(Message)) {
	s := r.scopes[from.Scope]
	r.reached(now, s, from)
	switch m := m.(type) {
	case Find:
		r.met(now, s, from, m.Port)
		if !s.server {
			answer(Unsupported{})
			return
		}
		nearest := s.table.Nearest(m.Target, MaxContacts+1, false)
		nearest = slices.DeleteFunc(nearest, func(c *Contact) bool { return c.Key == from.Node })
		answer(Found{nearest[:min(len(nearest), MaxContacts)]})
	case Ping:
		pong := Pong{Seen: netip.AddrPortFrom(from.Addr, from.Port), Full: 255, Clock: now.UnixMilli()}
		c := r.met(now, s, from, m.Port)
		if !m.Dial || c == nil || !r.mayDial(now, s, c) {
			answer(pong)
			return
		}
		r.ask(s.which, c, Ping{}, func(_ time.Time, m Message) {
			_, pong.Reached = m.(Pong)
			answer(pong)
		})
	default:
		answer(Unsupported{})
	}
}

// reached makes a server of a node that knows none, and was just dialled by
// somebody: the first server of a network has nobody who could dial it back,
// where all others are clients.
func (r *Router) reached(now time.Time, s *scope, from Asker) {
	if s.server || r.cfg.Port == 0 || s.table.Len() > 0 || from.Node == r.self || ScopeOf(from.Addr) != s.which {
		return
	}
	s.serve(now)
	s.part.pause, s.part.next = 0, now.Add(backAfter)
}

// met takes note of who asks and says to listen at a port.
func (r *Router) met(now time.Time, s *scope, from Asker, port uint16) *Contact {
	if port < minPort || !from.Node.Solves(r.cfg.Zeros) || from.Node == r.self {
		return nil
	}
	c := NewContact(from.ID, netip.AddrPortFrom(from.Addr.WithZone("").Unmap(), port))
	if ScopeOf(from.Addr) != s.which {
		return nil
	}
	if known := s.table.Get(c.Key); known != nil && slices.Contains(known.Addrs, c.Addrs[0]) {
		s.table.Seen(now, c.Key)
	}
	if s.table.Len() == 0 && !slices.ContainsFunc(s.peers, func(p *Contact) bool { return p.Key == c.Key }) {
		r.Hear(now, s.which, []*Contact{c})
	} else {
		s.called(c)
	}
	return c
}

// seekPart has others dial us back, when it is time to.
func (r *Router) seekPart(now time.Time, s *scope) (again time.Time) {
	p := &s.part
	switch {
	case r.cfg.Port == 0 || r.cfg.Server:
		return now.Add(time.Hour)
	case p.waiting > 0:
		return now.Add(time.Hour) // each answer has us looked at again
	case now.Before(p.next):
		return p.next
	}
	p.pause = min(max(2*p.pause, minBegin), maxBegin)
	p.next = now.Add(p.pause)
	from := r.backers(s)
	if len(from) == 0 {
		return p.next
	}
	p.reached, p.silent, p.waiting = 0, 0, len(from)
	for _, c := range from {
		r.ask(s.which, c, Ping{Port: r.cfg.Port, Dial: true}, func(now time.Time, m Message) {
			p.waiting--
			if pong, ok := m.(Pong); ok && pong.Reached {
				p.reached++
			} else if ok {
				p.silent++
			}
			if p.waiting == 0 {
				r.judge(now, s)
			}
		})
	}
	return p.next
}

// backers returns whom to ask for a dial-back: servers, or, while none is
// known, those we have begun with.
func (r *Router) backers(s *scope) []*Contact {
	from := s.table.Nearest(mix(Key{}, 0, r.cfg.Rand), wantedBacks, false)
	if len(from) == 0 {
		from = s.peers[max(0, len(s.peers)-wantedBacks):]
	}
	return from
}

// judge decides whether the node is a server, when all dial-backs have come to
// an end.
func (r *Router) judge(now time.Time, s *scope) {
	p := &s.part
	was := s.server
	known := s.table.Len()
	switch {
	case p.reached >= min(wantedBacks, max(known, 1)):
		s.server = known < crowd || now.Sub(r.born) >= probation
	case p.reached == 0 && p.silent >= min(wantedBacks, max(known, 1)):
		s.server = false
	}
	if s.server {
		p.pause, p.next = 0, now.Add(backAfter)
		if !was {
			s.serve(now)
			// Those nearest to us are told, by being asked with our port.
			r.lookSelfUp(now, s)
			for _, c := range s.peers {
				s.hear(c)
			}
		}
	}
}
