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
	Varied bool // of one network at most two are read out of an answer, and one comes first, on each path and in the result
	Self   Key  // of the asker, who is never asked
}

// Lookup finds the nodes nearest to a place by asking those that are nearer
// and nearer. It is plain data: its owner asks whom Next names and tells what
// came of it.
//
// Several paths share K and have no node in common: who leads one astray does
// not touch the others. The width of a path is its part of K. It ends when so
// many of its nodes have answered, among them the nearest nine tenths of that:
// an answer names fewer than K, so that the farthest of K are known by chance,
// and to ask the last of them costs a tenth of all questions and finds nothing.
type Lookup struct {
	target Key
	cfg    LookupConfig
	paths  []path
	nodes  map[Key]*node // everybody that was asked, by the path that asked last
	turn   int
	order  []*node // of the last call of ranked, to be used again

	flight   int // questions under way
	messages int // questions in all
}

// path is the nodes that one path knows, nearest first.
type path struct {
	width int // nodes that have to answer
	sure  int // so many of the nearest have to be among them
	left  int // questions that it may still ask
	list  []*node
}

// A path asks at most pathBase and pathWidth times its width: who names ever
// nearer nodes leads it so far and no farther.
const (
	pathBase  = 16
	pathWidth = 4
)

type state uint8

const (
	heard state = iota // known by name
	asked              // a question is under way
	answered
	failed
)

type node struct {
	*Contact
	more  []*Contact // the same node with other addresses, to be tried after these
	near  uint64
	path  int // by which it is known, asked or not
	hops  int // from ourselves, by the shortest way on which it was named
	state state
	from  origins // of its addresses; set where they matter
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
		width := (cfg.K + cfg.Paths - 1) / cfg.Paths
		l.paths[i] = path{width: width, sure: (9*width + 9) / 10, left: pathBase + pathWidth*width}
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
	if c.Key == l.cfg.Self {
		return
	}
	p := &l.paths[path]
	n := &node{Contact: c, near: near(l.target, c.Key), path: path, hops: hops}
	l.locate(n)
	at, there := slices.BinarySearchFunc(p.list, n, l.compare)
	switch {
	case there:
		p.list[at].named(hops, c)
	case !l.taken(n):
		p.list = slices.Insert(p.list, at, n)
	}
}

// locate notes which networks a node is in.
func (l *Lookup) locate(n *node) {
	if l.cfg.Varied {
		n.from = originsOf(n.Contact)
	}
}

// named tells that a node which its path knows was named once more.
func (n *node) named(hops int, c *Contact) {
	n.hops = min(n.hops, hops)
	same := func(o *Contact) bool { return slices.Equal(o.Addrs, c.Addrs) }
	if n.state < answered && len(n.more) < MaxAddrs && !same(n.Contact) && !slices.ContainsFunc(n.more, same) {
		n.more = append(n.more, c)
	}
}

// taken reports whether another path has asked n. Who named a node with a
// wrong address has not taken it from those that know a better one.
func (l *Lookup) taken(n *node) bool {
	o := l.nodes[n.Key]
	return o != nil && o.path != n.path && (o.state == answered || slices.Equal(o.Addrs, n.Addrs))
}

// elsewhere reports whether another path is just asking n.
func (l *Lookup) elsewhere(n *node) bool {
	o := l.nodes[n.Key]
	return o != nil && o.path != n.path && o.state == asked
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
			l.paths[i].left--
			l.nodes[n.Key] = n
			l.flight++
			l.messages++
			return n.Contact
		}
	}
	return nil
}

// pick returns the nearest node of a path that was not asked and has to be.
func (l *Lookup) pick(i int, open func(Key) bool) (best *node) {
	p := &l.paths[i]
	l.prune(p)
	flight, replies := p.count()
	if p.left == 0 || flight >= max(1, (l.cfg.Alpha+len(l.paths)-1)/len(l.paths)) {
		return nil
	}
	for i, n := range l.ranked(p) {
		if i >= p.width || i >= p.sure && flight+replies >= p.width {
			return best
		}
		switch {
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
	}
	return best
}

// ranked returns the nodes of a path that may count, as many as it is wide,
// nearest first; where networks matter the first of each network before all
// others, so that who has many nodes in few networks does not fill a path.
func (l *Lookup) ranked(p *path) []*node {
	first := l.order[:0]
	var rest []*node
	for _, n := range p.list {
		if len(first) == p.width {
			break
		}
		switch {
		case n.state == failed || l.elsewhere(n):
		case l.cfg.Varied && n.alike(first):
			rest = append(rest, n)
		default:
			first = append(first, n)
		}
	}
	l.order = first
	return append(first, rest[:min(len(rest), p.width-len(first))]...)
}

// alike reports whether one of some nodes is in a network with n.
func (n *node) alike(nodes []*node) bool {
	for _, o := range nodes {
		if n.from.meet(&o.from) {
			return true
		}
	}
	return false
}

// count tells how many nodes of a path are asked, and how many have answered.
func (p *path) count() (flight, replies int) {
	for _, n := range p.list {
		switch n.state {
		case asked:
			flight++
		case answered:
			replies++
		}
	}
	return flight, replies
}

// prune drops from a path what other paths have asked meanwhile.
func (l *Lookup) prune(p *path) {
	if len(l.paths) > 1 {
		p.list = slices.DeleteFunc(p.list, l.taken)
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

// Failed tells that the node at k has not answered. If it was named with other
// addresses as well, it is asked there.
func (l *Lookup) Failed(k Key) {
	n := l.nodes[k]
	if n == nil || n.state != asked {
		return
	}
	l.flight--
	n.state = failed
	if len(n.more) > 0 {
		n.Contact, n.more, n.state = n.more[0], n.more[1:], heard
		l.locate(n)
	}
}

// Done reports whether the lookup has come to its end: every path has.
func (l *Lookup) Done() bool {
	for i := range l.paths {
		if !l.ended(&l.paths[i]) {
			return false
		}
	}
	return true
}

// ended reports whether nothing that a path could still ask would matter.
func (l *Lookup) ended(p *path) bool {
	l.prune(p)
	flight, replies := p.count()
	if p.left == 0 && flight == 0 {
		return true
	}
	for i, n := range l.ranked(p) {
		if i >= p.width || i >= p.sure && replies >= p.width {
			return true
		}
		if n.state != answered {
			return false
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
	for _, x := range l.nodes {
		if x.state == answered {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, l.compare)
	return all
}

// Messages returns how many questions were asked, those without answer too.
func (l *Lookup) Messages() int { return l.messages }

// Hops returns how long the way to the nearest node was: 1 for one of the own
// table, and one more than whoever has named it for any other.
func (l *Lookup) Hops() int {
	if all := l.sorted(); len(all) > 0 {
		return all[0].hops
	}
	return 0
}

// vary leaves at most two contacts of one network.
func vary(contacts []*Contact) []*Contact {
	out := make([]*Contact, 0, len(contacts))
	for _, c := range contacts {
		if alike(out, c) < perOrigin {
			out = append(out, c)
		}
	}
	return out
}

// alike tells how many of contacts are of one network with c.
func alike(contacts []*Contact, c *Contact) (n int) {
	in := networksOf(c, Origin)
	for _, o := range contacts {
		if in.meet(o) {
			n++
		}
	}
	return n
}

// spread returns the nearest contacts of n networks, one of each; where there
// are not so many, the others follow.
func spread(contacts []*Contact, n int) []*Contact {
	out := make([]*Contact, 0, len(contacts))
	var rest []*Contact
	for _, c := range contacts {
		if len(out) == n {
			return out
		}
		if alike(out, c) > 0 {
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
