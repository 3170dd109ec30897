package sim

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"
	"time"

	"dione/crypto/identity"
	"dione/net/dht"
)

// StaticConfig configures a Static. A zero field means its default.
type StaticConfig struct {
	Nodes       int
	K           int     // contacts in a bucket, and of a lookup; 20
	Adversaries float64 // part of the nodes that work together against the others
	Silent      float64 // part of the others that do not answer
	Seed        uint64
}

// Static is a network in which nobody comes or goes. The tables are perfect: in
// every bucket are K nodes drawn from all that belong there, or all of them if
// they are fewer. Adversaries sit where chance has put them, know each other
// and name, whatever is looked for, the adversaries nearest to it.
type Static struct {
	Network *Network

	cfg       StaticConfig
	contacts  []*dht.Contact // in the order of their keys, as are the others
	tables    []*dht.Table   // nil for adversaries
	roles     []role
	colluders []*dht.Contact
	index     map[dht.Key]int
}

type role uint8

const (
	honest role = iota
	adversary
	silent
)

// NewStatic makes the nodes and their tables.
func NewStatic(cfg StaticConfig) *Static {
	if cfg.K == 0 {
		cfg.K = 20
	}
	s := &Static{
		Network:  NewNetwork(NetworkConfig{Seed: cfg.Seed}),
		cfg:      cfg,
		contacts: make([]*dht.Contact, cfg.Nodes),
		tables:   make([]*dht.Table, cfg.Nodes),
		roles:    make([]role, cfg.Nodes),
		index:    make(map[dht.Key]int, cfg.Nodes),
	}
	r := s.Network.Rand
	for i := range s.contacts {
		s.contacts[i] = randomContact(r)
	}
	slices.SortFunc(s.contacts, func(a, b *dht.Contact) int { return a.Key.Compare(b.Key) })
	for i, c := range s.contacts {
		s.index[c.Key] = i
		switch {
		case r.Float64() < cfg.Adversaries:
			s.roles[i] = adversary
			s.colluders = append(s.colluders, c)
		case r.Float64() < cfg.Silent:
			s.roles[i] = silent
		}
	}
	for i := range s.contacts {
		if s.roles[i] != adversary {
			s.tables[i] = s.perfect(i)
		}
	}
	return s
}

// randomContact returns a node somewhere on the internet.
func randomContact(r *rand.Rand) *dht.Contact {
	for {
		var addr [4]byte
		binary.BigEndian.PutUint32(addr[:], r.Uint32())
		if a := netip.AddrFrom4(addr); dht.ScopeOf(a) == dht.Wide {
			return dht.NewContact(identity.ID(randomKey(r)), netip.AddrPortFrom(a, 4737))
		}
	}
}

func randomKey(r *rand.Rand) (k dht.Key) {
	for i := 0; i < len(k); i += 8 {
		binary.BigEndian.PutUint64(k[i:], r.Uint64())
	}
	return k
}

// halves returns where those of sorted[lo:hi] begin whose bit b is 1. They have
// the bits before it in common.
func halves(sorted []*dht.Contact, lo, hi, b int) int {
	return lo + sort.Search(hi-lo, func(i int) bool { return bit(sorted[lo+i].Key, b) })
}

func bit(k dht.Key, b int) bool { return k[b/8]>>(7-b%8)&1 == 1 }

// perfect returns the table of node i.
func (s *Static) perfect(i int) *dht.Table {
	self, now, r := s.contacts[i].Key, s.Network.Now(), s.Network.Rand
	t := dht.NewTable(self, dht.TableConfig{K: s.cfg.K, Small: -1})
	lo, hi := 0, len(s.contacts)
	for b := 0; hi-lo > 1; b++ {
		from, to := lo, hi
		if mid := halves(s.contacts, lo, hi, b); bit(self, b) {
			lo, to = mid, mid
		} else {
			hi, from = mid, mid
		}
		for _, n := range sample(r, to-from, s.cfg.K) {
			t.Add(now, s.contacts[from+n])
		}
	}
	return t
}

// sample draws k of n numbers, in order of no meaning; all if they are fewer.
func sample(r *rand.Rand, n, k int) []int {
	if n <= k {
		return r.Perm(n)
	}
	drawn := make([]int, 0, k)
	for len(drawn) < k {
		if x := r.IntN(n); !slices.Contains(drawn, x) {
			drawn = append(drawn, x)
		}
	}
	return drawn
}

// nearest returns the n of sorted that are nearest to a place, or somewhat more.
func nearest(sorted []*dht.Contact, target dht.Key, n int) []*dht.Contact {
	lo, hi := 0, len(sorted)
	for b := 0; b < 8*len(target); b++ {
		from, to := lo, hi
		if mid := halves(sorted, lo, hi, b); bit(target, b) {
			from = mid
		} else {
			to = mid
		}
		if to-from < n {
			break
		}
		lo, hi = from, to
	}
	group := slices.Clone(sorted[lo:hi])
	slices.SortFunc(group, func(a, b *dht.Contact) int { return target.Nearer(a.Key, b.Key) })
	return group
}

// answer is what a node says to a Find, with n contacts; nil if it says nothing.
func (s *Static) answer(to int, target dht.Key, n int) dht.Message {
	switch s.roles[to] {
	case adversary:
		near := nearest(s.colluders, target, n)
		return dht.Found{Contacts: near[:min(n, len(near))]}
	case honest:
		return dht.Found{Contacts: s.tables[to].Nearest(target, n, false)}
	}
	return nil
}

// Search says how places are looked up. A zero field means its default.
type Search struct {
	Alpha   int // questions under way; dht's default
	Paths   int // disjoint paths; 1
	Answers int // contacts in an answer; dht.MaxContacts
}

// Outcome is what one lookup came to.
type Outcome struct {
	Hops     int           // length of the shortest way on which the nearest was named; 1: it was in the own table
	Messages int           // questions, those without answer too
	Took     time.Duration // virtual time
	Success  bool          // of the honest nodes that answer, the nearest is among the K nearest found
}

// Lookup looks up a random place from a random honest node, until the end.
func (s *Static) Lookup(how Search) Outcome {
	if how.Answers == 0 {
		how.Answers = dht.MaxContacts
	}
	r := s.Network.Rand
	from := r.IntN(len(s.contacts))
	for s.roles[from] != honest {
		from = (from + 1) % len(s.contacts)
	}
	target := randomKey(r)
	l := dht.NewLookup(target, dht.LookupConfig{
		K: s.cfg.K, Alpha: how.Alpha, Paths: how.Paths, Varied: true, Self: s.contacts[from].Key,
	}, s.tables[from].Nearest(target, s.cfg.K, true))

	began := s.Network.Now()
	ask := func() {}
	ask = func() {
		for !l.Done() {
			c := l.Next(nil)
			if c == nil {
				return
			}
			to, blind := s.index[c.Key], dht.Blind(target, r)
			s.Network.Ask(from, to, func(reply func(dht.Message)) { reply(s.answer(to, blind, how.Answers)) }, func(m dht.Message) {
				if found, ok := m.(dht.Found); ok {
					l.Answered(c.Key, found.Contacts)
				} else {
					l.Failed(c.Key)
				}
				ask()
			})
		}
		ask = func() {} // what still comes is too late
	}
	for ask(); !l.Done() && s.Network.Step(); {
	}
	return Outcome{
		Hops:     l.Hops(),
		Messages: l.Messages(),
		Took:     s.Network.Now().Sub(began),
		Success:  s.success(from, target, l.Nearest(s.cfg.K)),
	}
}

// success reports whether the nearest node that would keep what it is given is
// among those found.
func (s *Static) success(from int, target dht.Key, found []*dht.Contact) bool {
	for n := s.cfg.K; ; n *= 2 {
		for _, c := range nearest(s.contacts, target, n) {
			if i := s.index[c.Key]; s.roles[i] == honest && i != from {
				return slices.Contains(found, c)
			}
		}
		if n > len(s.contacts) {
			return false
		}
	}
}

// Summary is what many lookups came to.
type Summary struct {
	HopsMean, MessagesMean float64
	HopsP99, MessagesP99   int
	Success                float64 // in percent
}

// Lookups runs n lookups, one after the other.
func (s *Static) Lookups(n int, how Search) Summary {
	hops, messages, found := make([]int, n), make([]int, n), 0
	for i := range n {
		o := s.Lookup(how)
		hops[i], messages[i] = o.Hops, o.Messages
		if o.Success {
			found++
		}
	}
	sum := Summary{Success: 100 * float64(found) / float64(n)}
	sum.HopsMean, sum.HopsP99 = meanP99(hops)
	sum.MessagesMean, sum.MessagesP99 = meanP99(messages)
	return sum
}

// String returns the summary as the simulator prints it.
func (s Summary) String() string {
	return fmt.Sprintf("hops_mean=%.2f hops_p99=%d messages_mean=%.2f messages_p99=%d success=%.2f",
		s.HopsMean, s.HopsP99, s.MessagesMean, s.MessagesP99, s.Success)
}

func meanP99(v []int) (mean float64, p99 int) {
	slices.Sort(v)
	sum := 0
	for _, x := range v {
		sum += x
	}
	return float64(sum) / float64(len(v)), v[len(v)*99/100]
}

// Honest tells how many nodes answer, and truly.
func (s *Static) Honest() (n int) {
	for _, r := range s.roles {
		if r == honest {
			n++
		}
	}
	return n
}
