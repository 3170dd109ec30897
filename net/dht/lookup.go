package dht

import (
	"net/netip"
	"slices"
)

// LookupConfig configures a Lookup. A zero field means its default.
type LookupConfig struct {
	K      int  // how many of the nearest have to answer; 20
	Alpha  int  // questions under way; 5
	Paths  int  // disjoint paths; 1
	Varied bool // at most two of one network count, in answers and in the result
	Self   Key  // of the asker, who is never asked
}

// Lookup finds the nodes nearest to a place by asking those that are nearer
// and nearer. It is plain data: its owner asks whom Next names and tells what
// came of it.
//
// Several paths share K and have no node in common: who leads one astray does
// not touch the others. A path ends when the nearest of its nodes, K divided by
// the number of paths, have answered.
type Lookup struct {
	target Key
	cfg    LookupConfig
	paths  []path
	nodes  map[Key]*node // everybody that was asked, by whichever path
	asked  []*node
	turn   int
	flight int
}

// path is the nodes that one path knows, nearest first.
type path struct {
	width int
	list  []*node
}

type state uint8

const (
	heard state = iota // known by name
	asked              // a question is under way
	answered
	failed
)

type node struct {
	*Contact
	near  uint64
	path  int // by which it is known, asked or not
	hops  int // from ourselves, along the path
	state state
}

// NewLookup begins a lookup from those of the own table that are nearest.
func NewLookup(target Key, cfg LookupConfig, from []*Contact) *Lookup {
	if cfg.K == 0 {
		cfg.K = bucketSize
	}
	if cfg.Alpha == 0 {
		cfg.Alpha = 5
	}
	cfg.Paths = max(cfg.Paths, 1)
	l := &Lookup{target: target, cfg: cfg, nodes: make(map[Key]*node), paths: make([]path, cfg.Paths)}
	for i := range l.paths {
		l.paths[i].width = (cfg.K + cfg.Paths - 1) / cfg.Paths
	}
	for i, c := range from {
		l.learn(i%cfg.Paths, 1, c)
	}
	return l
}

// Target returns the place that is looked for.
func (l *Lookup) Target() Key { return l.target }

// learn adds c to what a path knows.
func (l *Lookup) learn(path, hops int, c *Contact) {
	if l.nodes[c.Key] != nil || c.Key == l.cfg.Self {
		return // some path has asked it already
	}
	p := &l.paths[path]
	n := &node{Contact: c, near: near(l.target, c.Key), path: path, hops: hops}
	at, there := slices.BinarySearchFunc(p.list, n, l.compare)
	if !there {
		p.list = slices.Insert(p.list, at, n)
	}
}

func (l *Lookup) compare(a, b *node) int {
	switch {
	case a.near < b.near:
		return -1
	case a.near > b.near:
		return 1
	}
	return l.target.Nearer(a.Key, b.Key)
}

// Next returns who is to be asked now, nil if nobody is until something comes
// of what is under way. Of nodes that are as near, those that open reports are
// preferred; open may be nil.
func (l *Lookup) Next(open func(Key) bool) *Contact {
	if l.flight >= max(l.cfg.Alpha, l.cfg.Paths) {
		return nil
	}
	for range l.paths {
		i := l.turn
		l.turn = (l.turn + 1) % len(l.paths)
		if n := l.pick(i, open); n != nil {
			n.state = asked
			l.nodes[n.Key] = n
			l.asked = append(l.asked, n)
			l.flight++
			return n.Contact
		}
	}
	return nil
}

// pick returns the nearest node of a path that was not asked and has to be.
func (l *Lookup) pick(i int, open func(Key) bool) (best *node) {
	p := &l.paths[i]
	l.prune(p, i)
	flight := 0
	for _, n := range p.list {
		if n.state == asked {
			flight++
		}
	}
	if flight >= max(1, (l.cfg.Alpha+len(l.paths)-1)/len(l.paths)) {
		return nil
	}
	left := p.width
	for _, n := range p.list {
		switch {
		case n.state == failed:
			continue
		case left == 0:
			return best
		case n.state != heard:
		case best == nil && (open == nil || open(n.Key)):
			return n
		case best == nil:
			best = n
		case l.target.Common(n.Key) < l.target.Common(best.Key):
			return best
		case open(n.Key):
			return n
		}
		left--
	}
	return best
}

// prune drops from a path what other paths have asked meanwhile.
func (l *Lookup) prune(p *path, i int) {
	if len(l.paths) > 1 {
		p.list = slices.DeleteFunc(p.list, func(n *node) bool {
			o := l.nodes[n.Key]
			return o != nil && o.path != i
		})
	}
}

// Answered tells whom the node at k has named.
func (l *Lookup) Answered(k Key, contacts []*Contact) {
	n := l.nodes[k]
	if n == nil || n.state != asked {
		return
	}
	n.state = answered
	l.flight--
	if l.cfg.Varied {
		contacts = vary(contacts)
	}
	for _, c := range contacts {
		l.learn(n.path, n.hops+1, c)
	}
}

// Failed tells that the node at k has not answered.
func (l *Lookup) Failed(k Key) {
	if n := l.nodes[k]; n != nil && n.state == asked {
		n.state = failed
		l.flight--
	}
}

// Done reports whether the lookup has come to its end: the nearest nodes of
// every path have answered.
func (l *Lookup) Done() bool {
	for i := range l.paths {
		p := &l.paths[i]
		l.prune(p, i)
		left := p.width
		for _, n := range p.list {
			if n.state == failed {
				continue
			}
			if left == 0 {
				break
			}
			if n.state != answered {
				return false
			}
			left--
		}
	}
	return true
}

// Nearest returns the up to n nearest nodes that have answered, of all paths.
func (l *Lookup) Nearest(n int) []*Contact {
	var all []*Contact
	for _, x := range l.sorted() {
		all = append(all, x.Contact)
	}
	if l.cfg.Varied {
		all = spread(all, n)
	}
	return all[:min(n, len(all))]
}

func (l *Lookup) sorted() []*node {
	var all []*node
	for _, x := range l.asked {
		if x.state == answered {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, l.compare)
	return all
}

// Messages returns how many questions were asked.
func (l *Lookup) Messages() int { return len(l.asked) }

// Hops returns how long the way to the nearest node was.
func (l *Lookup) Hops() int {
	if all := l.sorted(); len(all) > 0 {
		return all[0].hops
	}
	return 0
}

// vary leaves at most two contacts of one network.
func vary(contacts []*Contact) []*Contact {
	var out []*Contact
	for _, c := range contacts {
		same := 0
		for _, o := range out {
			if alike(o, c, Origin) {
				same++
			}
		}
		if same < perOrigin {
			out = append(out, c)
		}
	}
	return out
}

// spread puts at most one contact of each network first, nearest first, and
// then the others, if there are not n networks.
func spread(contacts []*Contact, n int) []*Contact {
	out := make([]*Contact, 0, len(contacts))
	var rest []*Contact
	for _, c := range contacts {
		if slices.ContainsFunc(out, func(o *Contact) bool { return alike(o, c, Origin) }) {
			rest = append(rest, c)
			continue
		}
		out = append(out, c)
	}
	if len(out) < n {
		out = append(out, rest...)
	}
	return out
}

// scoped returns those contacts that a scope has room for: with addresses in
// it, and only those.
func scoped(s Scope, contacts []*Contact) []*Contact {
	var out []*Contact
	for _, c := range contacts {
		if c = c.in(s); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// addrOf returns the first address of c.
func addrOf(c *Contact) netip.Addr { return c.Addrs[0].Addr() }
