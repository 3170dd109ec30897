package messenger

import (
	"context"
	"sync"
	"time"

	"dione/net/dht"
	"dione/net/mailbox"
	"dione/net/secure"
	"dione/net/swarm"
	"dione/net/wire"
)

// This file joins the engine and the node of the DHT beside it: they share a
// port, and people tell each other of nodes.

// DHT is what our node of the DHT knows, does and holds.
type DHT struct {
	Mode       string // "auto", "server" or "client"; "" while there is no node
	Servers    int    // that are known on the internet
	Near       int    // that are known in networks around
	Serves     bool   // it is a server of the internet itself
	ServesNear bool   // it is one of the networks around
	Held       int64  // bytes of packages for others
	Capacity   int64  // how many it would hold
	Problem    string // why it holds none now; "" if it can
	Seed       string // why a seed is not found; "" if all are, or others are known
	BytesIn    uint64 // since the start
	BytesOut   uint64
	Hour       Traffic // in the time of Net.Measured
}

// Open reports whether there is any node to leave mail at.
func (d DHT) Open() bool { return d.Servers+d.Near > 0 }

// dhtNow is the state of our node.
func (m *Messenger) dhtNow() DHT {
	if m.cfg.Node == nil {
		return DHT{}
	}
	st, _ := m.cfg.Node.State()
	d := DHT{
		Mode:       string(st.Mode),
		Servers:    st.Servers[dht.Wide],
		Near:       st.Servers[dht.Near],
		Serves:     st.Serves[dht.Wide],
		ServesNear: st.Serves[dht.Near],
		Held:       st.Held,
		Capacity:   st.Capacity,
		BytesIn:    st.BytesIn,
		BytesOut:   st.BytesOut,
	}
	if st.Err != nil {
		d.Problem = st.Err.Error()
	}
	if st.Unknown != nil {
		d.Seed = st.Unknown.Error()
	}
	return d
}

// besideChat is who answers nodes that dial our port.
func (m *Messenger) besideChat() *secure.Endpoint {
	if m.cfg.Node == nil {
		return nil
	}
	return m.cfg.Node.Endpoint()
}

// runNode takes part in the DHT until ctx ends. A node that fails does not end
// the engine: people near are reached without it.
func (m *Messenger) runNode(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		if d, err := m.cfg.Node.DHT(ctx); err == nil {
			m.post(ctx, nodeReady{d})
			m.watchNode(ctx)
		}
	})
	if err := m.cfg.Node.Run(ctx, m.swarm.Bound()); err != nil && ctx.Err() == nil {
		m.post(ctx, nodeFailed{err})
	}
	return nil
}

// nodeEvery is how often the node is asked how it is, countEvery how often it
// is told how many nodes it knows: what changes much is told at once.
const nodeEvery, countEvery = 2 * time.Second, time.Minute

// watchNode tells when packages for others cannot be kept, and when they can
// again; and how many nodes are known.
func (m *Messenger) watchNode(ctx context.Context) {
	tick := time.NewTicker(nodeEvery)
	defer tick.Stop()
	var said nodeState
	var seen DHT
	var counted time.Time
	for {
		if st, ok := m.cfg.Node.State(); ok {
			now := nodeState{problem: wordsOf(st.Err), lost: wordsOf(st.Lost)}
			if now != said {
				m.post(ctx, nodeChanged{said, now})
				said = now
			}
		}
		d := m.dhtNow()
		is := DHT{Servers: d.Servers, Near: d.Near, Serves: d.Serves, ServesNear: d.ServesNear}
		jump := is.Open() != seen.Open() || is.Serves != seen.Serves || is.ServesNear != seen.ServesNear ||
			far(is.Servers, seen.Servers) || far(is.Near, seen.Near)
		if is != seen && (jump || time.Since(counted) >= countEvery) {
			m.post(ctx, nodesCounted{})
			seen, counted = is, time.Now()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// far reports whether a number has changed by a quarter at least.
func far(now, was int) bool { return now != was && 4*max(now-was, was-now) >= was }

// nodesCounted says that other nodes are known than before.
type nodesCounted struct{}

func (nodesCounted) handle(m *Messenger, b *batch) error {
	b.then(func() { m.pending.push(NetChanged{Net: m.netNow()}) })
	return nil
}

func (nodesCounted) fail(error) bool { return false }

// nodeState is what is told of the node's disk; "" for what is well.
type nodeState struct{ problem, lost string }

func wordsOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// nodeChanged says that the disk of the node has failed, or works again.
type nodeChanged struct{ was, now nodeState }

func (c nodeChanged) handle(_ *Messenger, b *batch) error {
	if c.now.lost != c.was.lost {
		b.tell(Notice{Text: "packages held for others are lost: " + c.now.lost, Hint: "nothing needs to be done: others hold them too"})
	}
	switch {
	case c.now.problem == c.was.problem:
	case c.now.problem == "":
		b.tell(Notice{Text: "packages for others are held again"})
	default:
		b.tell(Notice{Failed: true, Text: "packages for others cannot be held: " + c.now.problem, Hint: "your own chats and mail work; dione doctor says more"})
	}
	return nil
}

func (nodeChanged) fail(error) bool { return false }

// post gives the loop something to do from beside it.
func (m *Messenger) post(ctx context.Context, in input) {
	select {
	case m.calls <- in:
	case <-m.stopped:
	case <-ctx.Done():
	}
}

// nodeFailed is the end of the node.
type nodeFailed struct{ err error }

func (f nodeFailed) handle(_ *Messenger, b *batch) error {
	b.tell(Notice{Failed: true, Text: "no part in the mail network: " + f.err.Error(), Hint: "chat with people who are connected works; dione doctor says more"})
	return nil
}

func (nodeFailed) fail(error) bool { return false }

// nodeReady begins with the mail, and tells everybody who is connected of our
// node.
type nodeReady struct{ dht *dht.Node }

func (r nodeReady) handle(m *Messenger, b *batch) error {
	b.then(func() { m.beginMail(mailbox.New(r.dht)) })
	for _, p := range m.people {
		if l := p.link; l != nil && !l.ended && accepted(&p.Contact, l) {
			b.then(func() { m.shareNodes(l) })
		}
	}
	return nil
}

func (nodeReady) fail(error) bool { return false }

// shareNodes tells over l of nodes, if there are any to tell of.
func (m *Messenger) shareNodes(l *link) {
	if m.cfg.Node == nil {
		return
	}
	with, ok := swarm.AddrPort(l.conn.RemoteAddr())
	if !ok {
		return
	}
	if nodes := m.cfg.Node.Share(with.Addr(), m.swarm.Reached()); len(nodes) > 0 {
		l.push(wire.Nodes{Nodes: nodes})
	}
}

// onNodes begins with the nodes that p has told of.
func (m *Messenger) onNodes(b *batch, p *person, l *link, msg wire.Nodes) {
	if m.cfg.Node == nil || !accepted(&p.Contact, l) || l.told >= maxTold {
		return
	}
	l.told++
	b.then(func() { m.cfg.Node.Told(msg.Nodes) })
}

// maxTold is how often one link tells of nodes.
const maxTold = 8
