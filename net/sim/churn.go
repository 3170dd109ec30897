package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"dione/net/dht"
)

// ChurnConfig configures a Churn. A zero field means its default.
type ChurnConfig struct {
	Nodes     int
	Departure float64       // part of the nodes that leaves in a day, at any time alike
	Median    time.Duration // of the time that a node stays, if it is not 0: then Departure is not looked at
	Shape     Shape         // of the times around the median
	Silent    float64       // part of the nodes that say they keep packages, and do not
	Holders   int           // of a package at one place; 8
	Repair    time.Duration // between two rounds of repair; 1h
	Small     int           // see dht.TableConfig
	Network   NetworkConfig
}

// Shape is a family of session times.
type Shape uint8

// The shapes.
const (
	LogNormal Shape = iota // with a standard deviation of 1 in the logarithm
	Weibull                // of shape 0.5: many leave at once, some stay for long
)

// Churn is a network of whole nodes: dht.Router and dht.Holder over a Shelf,
// who join as the program's do, and leave without a word. Whoever leaves is
// replaced by a new node that knows three others and holds nothing.
type Churn struct {
	Network *Network
	Traffic Traffic

	cfg    ChurnConfig
	peers  map[dht.Key]*peer
	nodes  []*peer // those up, without clients
	number int
}

// Traffic is what was asked for the sake of packages.
type Traffic struct {
	Stores      uint64 // questions that put a package, by writers and for repair
	RepairBytes uint64 // of all questions and answers of repair, as framed
}

// peer is one node.
type peer struct {
	number  int
	contact *dht.Contact
	router  *dht.Router
	holder  *dht.Holder // nil if it keeps nothing
	liar    bool
	up      bool
	index   int // in nodes; -1 for a client
	wake    time.Time
}

const (
	arrivals  = 30 * time.Minute // within which those that are there at first join
	known     = 3                // nodes that a newcomer knows
	shapeLog  = 1.0
	shapeWeib = 0.5

	repairBatch    = 16 // questions of repair at a time, and the pauses between
	minRepairPause = time.Second
	maxRepairPause = 5 * time.Minute
)

// NewChurn returns a network whose nodes join within the first half hour.
func NewChurn(cfg ChurnConfig) *Churn {
	c := &Churn{Network: NewNetwork(cfg.Network), cfg: cfg, peers: make(map[dht.Key]*peer)}
	for i := range cfg.Nodes {
		at := time.Duration(float64(arrivals) * float64(i) / float64(cfg.Nodes))
		c.Network.After(at, func() { c.join(c.residual()) })
	}
	return c
}

// session returns how long a node stays.
func (c *Churn) session() time.Duration {
	r := c.Network.Rand
	switch {
	case c.cfg.Median > 0 && c.cfg.Shape == Weibull:
		scale := float64(c.cfg.Median) / math.Pow(math.Ln2, 1/shapeWeib)
		return time.Duration(scale * math.Pow(r.ExpFloat64(), 1/shapeWeib))
	case c.cfg.Median > 0:
		return time.Duration(float64(c.cfg.Median) * math.Exp(shapeLog*r.NormFloat64()))
	case c.cfg.Departure > 0:
		return time.Duration(r.ExpFloat64() / -math.Log1p(-c.cfg.Departure) * float64(24*time.Hour))
	}
	return math.MaxInt64 / 2
}

// residual returns how long a node still stays that was met at some time: of
// the sessions that follow each other at one place, it was met in a long one
// more likely than in a short one.
func (c *Churn) residual() time.Duration {
	const past = 30 * 24 * time.Hour
	for at := time.Duration(0); ; {
		if at += c.session(); at > past {
			return at - past
		}
	}
}

// join adds a node that stays so long.
func (c *Churn) join(stay time.Duration) {
	p := c.add(4737)
	p.index = len(c.nodes)
	p.liar = c.Network.Rand.Float64() < c.cfg.Silent
	if !p.liar {
		p.holder = dht.NewHolder(dht.HolderConfig{
			Shelf: new(Shelf), Replicas: c.cfg.Holders, Every: c.cfg.Repair, Rand: c.rand(),
		})
		p.holder.Join(p.router)
	}
	c.begin(p)
	c.nodes = append(c.nodes, p)
	c.repair(p)
	c.Network.After(stay, func() {
		c.leave(p)
		c.join(c.session())
	})
}

// rand returns a source of chance of its own.
func (c *Churn) rand() *rand.Rand {
	r := c.Network.Rand
	return rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
}

// add makes a node that listens at a port, or a client if that is 0.
func (c *Churn) add(port uint16) *peer {
	c.number++
	p := &peer{number: c.number, contact: randomContact(c.Network.Rand), up: true, index: -1}
	p.router = dht.NewRouter(dht.RouterConfig{
		ID: p.contact.ID, Port: port, Rand: c.rand(), Replicas: c.cfg.Holders,
		Table: dht.TableConfig{Small: c.cfg.Small},
	}, c.Network.Now())
	c.peers[p.contact.Key] = p
	return p
}

// begin tells a newcomer of some servers, or of anybody if there is none.
func (c *Churn) begin(p *peer) {
	var some []*dht.Contact
	for range 10 * known {
		if len(c.nodes) == 0 || len(some) == known {
			break
		}
		if o := c.nodes[c.Network.Rand.IntN(len(c.nodes))]; o.router.Serves(dht.Wide) || len(c.nodes) <= known {
			some = append(some, o.contact)
		}
	}
	p.router.Hear(c.Network.Now(), dht.Wide, some)
	c.pump(p)
}

// leave takes a node away.
func (c *Churn) leave(p *peer) {
	last := c.nodes[len(c.nodes)-1]
	c.nodes[p.index], last.index = last, p.index
	c.nodes = c.nodes[:len(c.nodes)-1]
	delete(c.peers, p.contact.Key)
	p.up, p.router, p.holder = false, nil, nil
}

// pump asks what a node wants asked, and comes back when it wants to be.
func (c *Churn) pump(p *peer) {
	if !p.up {
		return
	}
	due, at := p.router.Next(c.Network.Now())
	for _, q := range due {
		c.ask(p, q)
	}
	if now := c.Network.Now(); !p.wake.After(now) || at.Before(p.wake) {
		p.wake = at
		c.Network.At(at, func() {
			if p.wake.Equal(at) {
				c.pump(p)
			}
		})
	}
}

// ask carries a question of a node to another, and the answer back.
func (c *Churn) ask(p *peer, q dht.Query) {
	repair := false
	switch q.Ask.(type) {
	case dht.Store:
		c.Traffic.Stores++
		repair = p.index >= 0 // clients write, the others repair
	case dht.Offer, dht.Delete:
		repair = true
	}
	c.count(repair, q.Ask)
	number := -1
	to := c.peers[q.To.Key]
	if to != nil {
		number = to.number
	}
	c.Network.Ask(p.number, number, func(reply func(dht.Message)) {
		if to != nil && to.up {
			c.answer(to, p, q, reply)
		}
	}, func(m dht.Message) {
		if !p.up {
			return
		}
		c.count(repair, m)
		p.router.Answered(c.Network.Now(), q, m)
		c.pump(p)
	})
}

// count adds a message to the traffic of repair.
func (c *Churn) count(repair bool, m dht.Message) {
	if repair && m != nil {
		c.Traffic.RepairBytes += uint64(len(dht.AppendMessage(nil, 1, m)))
	}
}

// answer has a node answer, as the program's does.
func (c *Churn) answer(p, from *peer, q dht.Query, reply func(dht.Message)) {
	now, addr := c.Network.Now(), from.contact.Addrs[0]
	asker := dht.Asker{
		ID: from.contact.ID, Node: from.contact.Key, Addr: addr.Addr(), Port: addr.Port(),
		Scope: q.Scope, From: dht.Origin(addr.Addr()), Conn: uint64(from.number),
	}
	switch m := q.Ask.(type) {
	case dht.Find, dht.Ping:
		p.router.Handle(now, asker, m, reply)
		c.pump(p)
		return
	case dht.Store, dht.Offer, dht.GetMany, dht.Delete:
		if p.router.Serves(q.Scope) {
			reply(c.keep(p, now, asker, m))
			return
		}
	}
	reply(dht.Unsupported{})
}

// keep has a node do what holders do. Liars say so.
func (c *Churn) keep(p *peer, now time.Time, from dht.Asker, m dht.Message) dht.Message {
	switch m := m.(type) {
	case dht.Store:
		if p.liar {
			return dht.Stored{Result: dht.Kept, Until: uint32(now.Add(14*24*time.Hour).Unix() / 3600)}
		}
		return p.holder.Store(now, from, m)
	case dht.Offer:
		if p.liar {
			return dht.Wanted{}
		}
		return p.holder.Offer(now, from, m)
	case dht.GetMany:
		if p.liar {
			return dht.Got{}
		}
		return p.holder.GetMany(now, from, m)
	}
	return dht.Unsupported{}
}

// repair asks what a holder wants asked, and comes back for more.
func (c *Churn) repair(p *peer) {
	if !p.up || p.holder == nil {
		return
	}
	now := c.Network.Now()
	due, again := p.holder.Repair(now, repairBatch)
	for _, q := range due {
		p.router.Ask(q, func(now time.Time, m dht.Message) { p.holder.Repaired(now, q, m) })
	}
	if len(due) > 0 {
		c.pump(p)
	}
	pause := min(max(again.Sub(now), minRepairPause), maxRepairPause)
	c.Network.After(pause, func() { c.repair(p) })
}

// Up returns how many nodes are up, and how many of them are servers.
func (c *Churn) Up() (nodes, servers int) {
	for _, p := range c.nodes {
		if p.router.Serves(dht.Wide) {
			servers++
		}
	}
	return len(c.nodes), servers
}
