package dht

import (
	"math/rand/v2"
	"slices"
	"time"

	"dione/crypto/identity"
)

// RouterConfig configures a Router. A zero field means its default.
type RouterConfig struct {
	ID       identity.ID           // required: public key of the node
	Port     uint16                // at which it listens; 0: nowhere, so it stays a client
	Rand     *rand.Rand            // required
	Replicas int                   // holders of one place in a scope; 8
	Table    TableConfig           // of both scopes; Varied is set for the wide one
	Zeros    int                   // what joining costs: see [Key.Solves]
	Server   bool                  // a server from the start, without being dialled back
	Open     func(Scope, Key) bool // whether a connection is open already; nil: never
}

// Router is what a node knows of the network and wants of it, in both scopes:
// tables, lookups under way, the parts that a server and a client play. It
// does no I/O: it is told the time, questions and answers, and tells what it
// wants asked. It is not safe for concurrent use.
//
// Whoever drives it calls Next after each call and when the time that Next
// told has come, asks what Next returned, and tells each answer to Answered.
type Router struct {
	cfg     RouterConfig
	self    Key
	born    time.Time
	scopes  [Scopes]*scope
	asked   map[uint64]flight
	token   uint64
	due     []Query
	dials   dialRate
	clocks  clocks
	counted Counts
}

// flight is a question under way and what to do with its answer; nil stands
// for none.
type flight struct {
	query Query
	then  func(now time.Time, m Message)
}

// scope is what a node is and knows in one scope.
type scope struct {
	which    Scope
	table    *Table
	server   bool
	part     part
	heard    []*Contact   // told of by others, to be dialled; the newest last
	nearest  bool         // of those, the nearest was taken last, not the newest
	callers  []*Contact   // who have asked us, to be dialled before those
	trying   map[Key]bool // of both, the ones asked just now; true: heard of again meanwhile
	peers    []*Contact   // told of by those we trust, to begin with
	begin    time.Time    // when peers are tried again
	pause    time.Duration
	again    time.Time     // when the node looks itself up again
	settle   time.Duration // after that once more
	refresh  time.Time     // when the sweep goes on, or the next idle bucket is looked up
	doubt    time.Time     // when those who have not answered are asked again
	stale    time.Time     // when the one not heard of for longest is asked
	strange  time.Time     // when a server last entered the table, or had no place in it
	sweep    sweep
	left     []time.Time
	lost     []lost                 // gone from the table of late, the latest last
	hushed   map[doorstep]time.Time // who has not answered of late, and when
	regain   time.Time              // when one of them is asked again
	joined   bool                   // has looked itself up
	tokens   float64
	refilled time.Time
}

// Counts is what a Router has asked and what came of it, since it was made.
type Counts struct {
	Asked  uint64 // questions
	Silent uint64 // of those, without an answer
}

// NewRouter returns a node that knows nobody.
func NewRouter(cfg RouterConfig, now time.Time) *Router {
	if cfg.Replicas == 0 {
		cfg.Replicas = Replicas
	}
	r := &Router{cfg: cfg, self: KeyOf(cfg.ID), born: now, asked: make(map[uint64]flight)}
	for s := range Scopes {
		t := cfg.Table
		t.Varied = s == Wide
		r.scopes[s] = &scope{
			which:    s,
			table:    NewTable(r.self, t),
			server:   cfg.Server && cfg.Port != 0,
			trying:   make(map[Key]bool),
			hushed:   make(map[doorstep]time.Time),
			strange:  now,
			tokens:   verifyBurst,
			refilled: now,
		}
	}
	return r
}

// Self returns where the node is.
func (r *Router) Self() Key { return r.self }

// Serves reports whether the node is a server in a scope.
func (r *Router) Serves(s Scope) bool { return r.scopes[s].server }

// Servers tells how many servers are known in a scope.
func (r *Router) Servers(s Scope) int { return r.scopes[s].table.Len() }

// Sure is Servers without those that have not answered when last asked.
func (r *Router) Sure(s Scope) int { return r.scopes[s].table.Sure() }

// Nearest returns the up to n known servers of a scope that are nearest to a
// place, the node itself not among them.
func (r *Router) Nearest(s Scope, target Key, n int) []*Contact {
	all := r.scopes[s].table.Nearest(target, 3*n, true)
	if s == Wide {
		all = spread(all, n)
	}
	return all[:min(n, len(all))]
}

// Contacts returns the servers that are known in a scope, those that answered
// last first: what is kept for the next start.
func (r *Router) Contacts(s Scope) []*Contact { return r.scopes[s].table.Contacts() }

// Counts returns what was asked so far.
func (r *Router) Counts() Counts { return r.counted }

// Ask has one node asked. Its answer, or nil, is told to then.
func (r *Router) Ask(q Query, then func(now time.Time, m Message)) { r.ask(q.Scope, q.To, q.Ask, then) }

func (r *Router) ask(s Scope, to *Contact, m Message, then func(now time.Time, m Message)) {
	r.token++
	q := Query{Scope: s, To: to, Ask: m, Token: r.token}
	r.asked[r.token] = flight{q, then}
	r.due = append(r.due, q)
	r.counted.Asked++
}

// open is Open in one scope.
func (r *Router) open(s Scope) func(Key) bool {
	if r.cfg.Open == nil {
		return nil
	}
	return func(k Key) bool { return r.cfg.Open(s, k) }
}

// port is what a question tells of where we listen: servers say it, so that
// they are known.
func (r *Router) port(s *scope) uint16 {
	if s.server {
		return r.cfg.Port
	}
	return 0
}

// Next returns the questions to be asked now, and when to call it again even
// if nothing happens before.
func (r *Router) Next(now time.Time) (due []Query, at time.Time) {
	at = now.Add(time.Hour)
	soonest := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	for _, s := range r.scopes {
		soonest(r.seekPart(now, s))
		soonest(r.verify(now, s))
		soonest(r.keepUp(now, s))
	}
	soonest(r.compareClocks(now))
	due, r.due = r.due, nil
	if !at.After(now) {
		at = now.Add(time.Millisecond)
	}
	return due, at
}

// Answered tells what came of a question that Next has returned: nil if there
// was no answer in time. q.To may have been changed to the contact with only
// that address at which it was reached.
func (r *Router) Answered(now time.Time, q Query, m Message) {
	f, ok := r.asked[q.Token]
	if !ok {
		return
	}
	delete(r.asked, q.Token)
	s := r.scopes[q.Scope]
	if _, no := m.(Unsupported); no {
		m = nil // what we ask every server can answer
	}
	switch m.(type) {
	case nil:
		r.counted.Silent++
		r.failed(now, s, q.To)
	case Found:
		r.found(now, s, q.To)
	default:
		s.table.Seen(now, q.To.Key)
	}
	f.then(now, m)
}

// found takes note of a server: we have dialled it, and it has answered a FIND.
func (r *Router) found(now time.Time, s *scope, c *Contact) {
	same := func(h *Contact) bool { return h.Key == c.Key }
	s.heard, s.callers = slices.DeleteFunc(s.heard, same), slices.DeleteFunc(s.callers, same)
	for _, a := range c.Addrs {
		delete(s.hushed, doorstep{c.Key, a})
	}
	if !c.Key.Solves(r.cfg.Zeros) {
		return
	}
	known := s.table.Get(c.Key) != nil
	added, check := s.table.Add(now, c)
	if check != nil && s.server { // a client has no need of others than those it knows
		r.ask(s.which, check, Ping{Port: r.port(s)}, ignore)
	}
	if !known {
		s.strange = now
	}
	if added && !s.joined {
		s.joined = true
		r.lookSelfUp(now, s)
	}
}

// failed takes note of a server that has not answered. Where it was asked at
// addresses that only others have named, that says nothing.
func (r *Router) failed(now time.Time, s *scope, c *Contact) {
	k := c.Key
	was := s.table.Get(k)
	if was != nil && !slices.ContainsFunc(c.Addrs, was.at) {
		return
	}
	if next := s.table.Failed(now, k); next != nil {
		s.hear(next)
	}
	if s.table.Get(k) != nil {
		return
	}
	s.hush(now, c)
	if was == nil {
		return
	}
	s.lose(now, was)
	// Near is who would be a neighbour if it still answered.
	if rest := s.table.Nearest(r.self, neighbours, false); len(rest) < neighbours || r.self.Nearer(k, rest[neighbours-1].Key) < 0 {
		s.left = append(s.departures(now), now)
	}
}

// ignore takes an answer of which only that it came matters.
func ignore(time.Time, Message) {}
