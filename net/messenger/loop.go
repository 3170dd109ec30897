package messenger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dione/net/lan"
	"dione/net/swarm"
	"dione/net/wire"
	"dione/store"
)

// This file holds the loop. The rules are:
//   - only the loop changes the engine's state, so there is no mutex;
//   - a batch is one transaction, and what it does to the outside world, to
//     the engine's memory included, waits in batch.after for the commit;
//   - nothing slow runs in it but the commit itself.

const (
	// maxBatch is how many inputs share one transaction: enough that a commit
	// costs each little, few enough that none waits long for its own.
	maxBatch = 512

	// maxPending bounds the events that a slow screen has not taken yet.
	maxPending = 8192

	// retryDelay is how long frames wait that a full disk did not take.
	retryDelay = time.Second

	// sweepEvery is how often the room's outbox is looked through for lines
	// whose time is up.
	sweepEvery = 15 * time.Second
)

// input is one thing for the loop to do.
type input interface {
	// handle does it, within the transaction of b. An error is one of the
	// store and undoes the whole batch.
	handle(m *Messenger, b *batch) error
	// fail tells whoever waits for it that the batch was undone. It reports
	// whether the input must be kept and tried again.
	fail(err error) (keep bool)
}

// batch is what one turn of the loop does.
type batch struct {
	tx       *store.Tx
	now      time.Time
	after    []func()                     // what happens once everything is committed
	contacts map[*person]*store.Contact   // people of whom something else is known now
	sessions map[*person]struct{}         // people whose sessions were read or changed
	links    map[*link]privateLink        // links of which the same is true, as they were before
	fill     map[*person][]store.Outgoing // people whose link has room or whose outbox has grown, by what
	acks     map[*link][]MessageID        // what is durable here once this is committed
	receipts map[receiptKey][]uint32      // in which chains of which sessions the same; 0: in all
	told     []Event
}

func newBatch() *batch {
	return &batch{
		now:      time.Now(),
		contacts: make(map[*person]*store.Contact),
		sessions: make(map[*person]struct{}),
		links:    make(map[*link]privateLink),
		fill:     make(map[*person][]store.Outgoing),
		acks:     make(map[*link][]MessageID),
		receipts: make(map[receiptKey][]uint32),
	}
}

func (b *batch) tell(ev Event)             { b.told = append(b.told, ev) }
func (b *batch) then(f func())             { b.after = append(b.after, f) }
func (b *batch) ack(l *link, id MessageID) { b.acks[l] = append(b.acks[l], id) }

// day is the UTC day of the batch, counted from 1970.
func (b *batch) day() uint32 { return uint32(b.now.Unix() / (24 * 60 * 60)) }

// contact returns what is known of p, to be read and changed: it is written
// down with the batch, and screens are told of what they show differently.
func (b *batch) contact(p *person) *store.Contact {
	c := b.contacts[p]
	if c == nil {
		now := p.Contact
		c = &now
		b.contacts[p] = c
	}
	return c
}

// send looks after p's link at the end of the batch: it has room, or what was
// added to p's outbox has to leave.
func (b *batch) send(p *person, added ...store.Outgoing) { b.fill[p] = append(b.fill[p], added...) }

// loop runs until ctx ends. netCtx, which lives a little longer, is for what
// it starts on the network.
func (m *Messenger) loop(ctx, netCtx context.Context) {
	looked := time.Now()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	daily := time.NewTicker(keysEvery)
	defer daily.Stop()
	m.retry = time.NewTimer(retryDelay)
	defer m.retry.Stop()
	m.asked = time.NewTimer(answerTime)
	defer m.asked.Stop()
	m.dials.timer.Reset(0)
	defer m.dials.timer.Stop()
	m.meter.take(m.sample())
	m.mails.ctx = netCtx
	defer m.mails.timer.Stop()
	defer m.meetings.timer.Stop()
	m.sweeps.Reset(0)
	defer m.sweeps.Stop()
	m.turn(sweepOutbox{}, sweepKeys{})
	for {
		var out chan<- Event // nil, so never ready, unless something waits to be told
		var next Event
		if ev, ok := m.pending.peek(); ok {
			out, next = m.events, ev
		}
		frames := m.frames
		if len(m.held) > 0 {
			frames = nil // peers wait, and keep what they wrote, until the disk takes it
		}
		select {
		case out <- next:
			m.pending.pop()
			m.taken(next)
		case in := <-m.calls:
			m.turn(in)
		case in := <-frames:
			m.turn(in)
		case ev := <-m.swarm.Events():
			m.linkEvent(netCtx, ev)
		case p := <-m.hints:
			m.swarm.Hint(p.Instance, p.Addrs)
		case d := <-m.dials.ended:
			m.dialEnded(d)
		case <-m.dials.timer.C:
			m.dialDue(netCtx)
		case <-m.mails.timer.C:
			m.mailDue()
		case <-m.meetings.timer.C:
			m.meetingsDue()
		case <-m.sweeps.C:
			m.sweeps.Reset(forgetEvery)
			m.turn(forgetting{})
		case <-m.asked.C:
			m.tellPending()
		case st := <-m.lanState:
			m.lanChanged(st)
		case <-m.retry.C:
			if len(m.held) > 0 {
				held := m.held
				m.held = nil
				m.turn(held...)
			}
		case <-sweep.C:
			was := looked
			if looked = time.Now(); slept(was, looked, sweepEvery) {
				m.mailAgain()
			}
			m.meter.take(m.sample())
			m.turn(sweepOutbox{})
		case <-daily.C:
			m.turn(sweepKeys{})
		case <-ctx.Done():
			return
		}
	}
}

// turn handles the inputs, what else waits already, and what follows from
// them.
func (m *Messenger) turn(ins ...input) {
	for len(ins) > 0 {
		m.commit(m.gather(ins))
		ins, m.todo = m.todo, nil
	}
}

// commit handles the inputs in one transaction, and then does what was to be
// done after it.
func (m *Messenger) commit(ins []input) {
	b := newBatch()
	err := m.store.Update(context.Background(), func(tx *store.Tx) error {
		b.tx = tx
		for _, in := range ins {
			if err := in.handle(m, b); err != nil {
				return err
			}
		}
		for p, added := range b.fill {
			if err := m.fillWindow(b, p, added); err != nil {
				return err
			}
		}
		return m.write(b)
	})
	if err != nil {
		b.rollBack()
		m.undone(ins, err)
		return
	}
	if m.failing {
		m.failing = false
		m.pending.push(Notice{Text: "saving works again"})
	}
	for p, c := range b.contacts {
		m.setContact(p, *c)
	}
	for _, f := range b.after {
		f()
	}
	for l, ids := range b.acks {
		l.acknowledge(ids)
	}
	for k, epochs := range b.receipts {
		k.l.push(k.s.receipt(epochs))
	}
	m.pending.push(b.told...)
	m.changed.ring()
}

// write puts down what the inputs have changed of people and sessions, each
// once.
func (m *Messenger) write(b *batch) error {
	for p, c := range b.contacts {
		if err := b.tx.PutContact(*c); err != nil {
			return fmt.Errorf("keep contact %s: %w", p.ID.Short(), err)
		}
	}
	for p := range b.sessions {
		if err := p.writeSessions(b.tx); err != nil {
			return err
		}
	}
	return nil
}

// gather adds to ins what waits in the channels, up to maxBatch.
func (m *Messenger) gather(ins []input) []input {
	frames := m.frames
	if len(m.held) > 0 {
		frames = nil
	}
	for len(ins) < maxBatch {
		select {
		case in := <-m.calls:
			ins = append(ins, in)
		case in := <-frames:
			ins = append(ins, in)
		default:
			return ins
		}
	}
	return ins
}

// undone deals with a batch that was not committed: nothing of it happened.
// Callers get the error; frames stay, since only we can ask the disk again.
func (m *Messenger) undone(ins []input, err error) {
	m.log.Error("commit failed", slog.Int("inputs", len(ins)), slog.Any("error", err))
	for _, in := range ins {
		if in.fail(err) {
			m.held = append(m.held, in)
		}
	}
	if !errors.Is(err, store.ErrDisk) {
		// Trying the same again would fail the same way. Peers keep what they
		// wrote until we acknowledge it, so their frames can go.
		for _, in := range m.held {
			if f, ok := in.(frame); ok {
				f.link.conn.Close("could not be stored")
			}
		}
		m.held = nil
	}
	if len(m.held) > 0 {
		m.retry.Reset(retryDelay)
	}
	if !m.failing {
		m.failing = true
		m.pending.push(Notice{Failed: true, Text: "nothing can be saved now: " + err.Error(), Hint: hintOf(err)})
	}
}

// linkEvent keeps what the swarm says of the live links. That is a fact about
// the world, true whether or not it can be written down.
func (m *Messenger) linkEvent(ctx context.Context, ev swarm.Event) {
	switch ev := ev.(type) {
	case swarm.Up:
		m.linkUp(ctx, ev.Conn)
	case swarm.Down:
		m.linkDown(ev)
	case swarm.InUse:
		m.pending.push(m.inUse(ev))
	case swarm.Full:
		m.pending.push(Notice{
			Text: fmt.Sprintf("%d people of the LAN are connected: others are not until somebody leaves", ev.Limit),
		})
	}
}

func (m *Messenger) lanChanged(st lan.Status) {
	m.net.LANOff = st.Off
	m.net.Interfaces = m.net.Interfaces[:0:0]
	for _, i := range st.Interfaces {
		shown := Interface{Name: i.Name, Problem: i.Problem}
		for _, a := range i.Addrs {
			shown.Addrs = append(shown.Addrs, a.String())
		}
		m.net.Interfaces = append(m.net.Interfaces, shown)
	}
	self := *m.self.Load()
	self.Addrs = m.swarm.Addrs()
	m.self.Store(&self)
	m.net.Addrs = self.Addrs
	m.dialAll()
	m.pending.push(NetChanged{Net: m.netNow()})
}

// call is a function that a screen wants run in the loop.
type call struct {
	do   func(b *batch) error
	done chan error
}

func (c call) handle(_ *Messenger, b *batch) error {
	err := c.do(b)
	var no refusal
	if errors.As(err, &no) {
		c.done <- no.error
		return nil
	}
	if err == nil {
		b.then(func() { c.done <- nil })
	}
	return err
}

func (c call) fail(err error) bool {
	c.done <- err
	return false
}

// refusal is an error of the caller, not of the store: it goes to the caller
// alone and leaves the rest of the batch in peace.
type refusal struct{ error }

func refuse(err error) error { return refusal{err} }

// do runs f in the loop and waits for its commit. Before Run there is no loop
// yet, and the caller's goroutine is it.
func (m *Messenger) do(ctx context.Context, f func(b *batch) error) error {
	c := call{do: f, done: make(chan error, 1)}
	m.idle.Lock()
	if !m.running {
		defer m.idle.Unlock()
		m.turn(c)
		return <-c.done
	}
	m.idle.Unlock()
	select {
	case m.calls <- c:
	case <-m.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-m.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// frame is a message of a peer's chat stream; a nil msg is the stream's end.
type frame struct {
	link *link
	msg  wire.Message
}

func (f frame) handle(m *Messenger, b *batch) error {
	if f.link.ended {
		return nil
	}
	p := m.people[f.link.peer]
	switch msg := f.msg.(type) {
	case nil:
		b.then(func() { m.linkEnded(f.link) })
		return nil
	case wire.Hello:
		return m.onHello(b, f.link, msg)
	case wire.Room:
		return m.onLine(b, p, f.link, msg.Payload)
	case wire.Ack:
		return m.onAck(b, p, f.link, msg)
	}
	if p == nil || b.contact(p).Standing == store.StandingBlocked {
		return nil // silence, which tells a blocked person nothing
	}
	if !f.link.greeted { // Hello is in this batch: we say what we know before we take what they do
		b.then(func() { m.todo = append(m.todo, f) })
		return nil
	}
	b.touchLink(f.link)
	switch msg := f.msg.(type) {
	case wire.Parcel:
		return m.onParcel(b, p, f.link, msg)
	case wire.Receipt:
		return m.onReceipt(b, p, f.link, msg)
	case wire.Sync:
		return m.onSync(b, p, f.link, msg)
	case wire.Ask:
		return m.onAsk(b, p, f.link, msg)
	case wire.Keys:
		return m.onKeys(b, p, f.link, msg)
	case wire.Intro:
		return m.onIntro(b, p, f.link, msg)
	case wire.Refused:
		return m.onRefused(b, p, f.link, msg)
	case wire.Typing:
		m.onTyping(b, p, f.link, msg)
	case wire.Nodes:
		m.onNodes(b, p, f.link, msg)
	}
	return nil
}

func (f frame) fail(error) bool { return true }

// sweepOutbox ends lines of the room that waited for their time.
type sweepOutbox struct{}

func (sweepOutbox) handle(_ *Messenger, b *batch) error {
	changed, err := b.tx.ExpireOutbox(b.now)
	for _, msg := range changed {
		err = errors.Join(err, b.further(msg))
	}
	return err
}

func (sweepOutbox) fail(error) bool { return false }

// queue holds the events that nobody has taken yet, at most maxPending.
type queue struct {
	events []Event
	head   int
}

// push adds events. When there are too many, Lagged takes the place of all
// that can be read in the store.
func (q *queue) push(evs ...Event) {
	q.events = append(q.events, evs...)
	if len(q.events)-q.head <= maxPending {
		return
	}
	kept := []Event{}
	for _, ev := range q.events[q.head:] {
		switch ev.(type) {
		case Ready, Notice:
			kept = append(kept, ev)
		}
	}
	kept = kept[max(0, len(kept)-maxPending/2):] // notices, too, are bounded
	q.events, q.head = append(kept, Lagged{}), 0
}

func (q *queue) peek() (Event, bool) {
	if q.head == len(q.events) {
		return nil, false
	}
	return q.events[q.head], true
}

func (q *queue) pop() {
	q.events[q.head] = nil
	if q.head++; q.head == len(q.events) {
		q.events, q.head = q.events[:0], 0
	}
}
