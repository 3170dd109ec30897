package messenger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"dione/crypto/parcel"
	"dione/crypto/ratchet"
	"dione/net/wire"
	"dione/store"
)

// This file holds private messages on their way: out of the outbox into
// packages of a session and over a link, and back. The rules are:
//   - a package is made once, in the transaction that moves the ratchet on,
//     and what leaves is read from there, however often;
//   - a message is delivered when every package of it is acknowledged;
//   - nothing leaves over a link before the other side has said what it has.

// maxParcels bounds how many packages one link carries unacknowledged, so that
// a peer that does not read makes us keep no more than that in memory.
const maxParcels = 1024

// privateLink is what the loop knows of the private messages on one link.
type privateLink struct {
	expect  int                         // full receipts of theirs that still have to come
	synced  bool                        // all of them came: parcels may leave
	gen     uint64                      // the highest generation that they know
	asked   bool                        // we have asked for keys
	asking  bool                        // they have asked for keys, and have none yet
	refused int                         // introductions of ours that they have refused
	sent    map[int64]store.ParcelIndex // the newest package on this link, by session
	flight  int                         // packages on this link that are not acknowledged
}

// synced reports whether private messages for p may leave over a link.
func (p *person) synced() bool { return p.link != nil && !p.link.ended && p.link.private.synced }

// receiptKey names a session whose packages are to be acknowledged over a link.
type receiptKey struct {
	l *link
	s *session
}

// receipt has the packages of s acknowledged once the batch is committed: in
// the chain epoch, or in all for 0.
func (b *batch) receipt(l *link, s *session, epoch uint32) {
	k := receiptKey{l, s}
	if !slices.Contains(b.receipts[k], epoch) {
		b.receipts[k] = append(b.receipts[k], epoch)
	}
}

// receipt says what has come in the given chains, or in all if 0 is one.
func (s *session) receipt(epochs []uint32) wire.Receipt {
	r := wire.Receipt{SID: s.sid, Full: slices.Contains(epochs, 0)}
	var chains []ratchet.Chain
	if r.Full {
		chains = s.ratchet.Received()
	} else {
		slices.Sort(epochs)
		for _, e := range epochs[:min(len(epochs), wire.MaxChains)] {
			if c, ok := s.ratchet.ReceivedIn(e); ok {
				chains = append(chains, c)
			}
		}
	}
	for _, c := range chains {
		r.Chains = append(r.Chains, wire.Chain(c))
	}
	return r
}

// fillPrivate seals what waits for p, as far as its session takes it, and puts
// in flight what its link has room for. The frames leave after the commit.
// Without a link it is mail; until that is put it can be cancelled.
func (m *Messenger) fillPrivate(b *batch, p *person, added []store.Outgoing) error {
	if !p.synced() {
		p.backlog = p.backlog || len(added) > 0
		if len(added) > 0 {
			b.then(func() { m.mailSoon(p) })
		}
		return nil
	}
	if _, err := m.sessionsOf(b, p); err != nil {
		return err
	}
	s := p.writable()
	if s == nil {
		p.backlog = p.backlog || len(added) > 0
		return m.wantKeys(b, p)
	}
	sealed, err := m.sealInto(b, p, s, added)
	if err != nil {
		return err
	}
	return m.launchParcels(b, p, s, sealed)
}

// sealInto puts all that waits for p into packages of s: what was added, and
// what lies in sessions that s is better than.
func (m *Messenger) sealInto(b *batch, p *person, s *session, added []store.Outgoing) (sealed []store.Parcel, err error) {
	for _, other := range p.sessions {
		if other == s || other.emptied || other.before(s) < 0 {
			continue
		}
		if err := b.tx.Unseal(other.row); err != nil {
			return nil, err
		}
		other.emptied, p.backlog = true, true
	}
	if sealed, err = m.sealWaiting(b, p, s, added); err != nil {
		return nil, err
	}
	spare, err := m.giveSpare(b, p, s, len(sealed) > 0)
	return append(sealed, spare...), err
}

// sealWaiting puts messages for p into packages of s, in the order in which
// they were written: added, or, if others wait before it, those first.
func (m *Messenger) sealWaiting(b *batch, p *person, s *session, added []store.Outgoing) (sealed []store.Parcel, err error) {
	if !p.backlog {
		for _, row := range added {
			parcels, ok, err := m.seal(b, s, row)
			if err != nil {
				return nil, err
			}
			if !ok {
				p.backlog = true
				return sealed, nil
			}
			sealed = append(sealed, parcels...)
		}
		return sealed, nil
	}
	for after := int64(0); ; {
		const page = 128
		rows, err := b.tx.Unsealed(p.ID, after, page)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			parcels, ok, err := m.seal(b, s, row)
			if err != nil || !ok {
				return sealed, err
			}
			sealed = append(sealed, parcels...)
			after = row.Row
		}
		if len(rows) < page {
			p.backlog = false
			return sealed, nil
		}
	}
}

// seal makes the packages of one message, unless the session has no room for
// all of them now.
func (m *Messenger) seal(b *batch, s *session, row store.Outgoing) (sealed []store.Parcel, ok bool, err error) {
	parts, err := parcel.Split(row.Message.ID, row.Payload)
	if err != nil {
		return nil, false, fmt.Errorf("cut message %s: %w", row.Message.ID, err)
	}
	if s.ratchet.Room() < len(parts) {
		return nil, false, nil
	}
	parts[0].Ack = s.ack()
	for _, f := range parts {
		one, err := m.sealPart(b, s, f, row.Row)
		if err != nil {
			return nil, false, err
		}
		sealed = append(sealed, one)
	}
	return sealed, true, nil
}

// ack says what has come of the newest chain of the other side, as far as it
// fits into a body. nil if nothing has.
func (s *session) ack() *parcel.Ack {
	all := s.ratchet.Received()
	if len(all) == 0 {
		return nil
	}
	newest := all[len(all)-1]
	a := parcel.Ack{Epoch: newest.Epoch, Contiguous: newest.Contiguous}
	for i, bits := range newest.Map[:min(len(newest.Map), 8)] {
		a.Map |= uint64(bits) << (8 * i)
	}
	return &a
}

// sealPart makes one package and writes it down.
func (m *Messenger) sealPart(b *batch, s *session, f parcel.Fragment, message int64) (store.Parcel, error) {
	body, err := f.Encode()
	if err != nil {
		return store.Parcel{}, fmt.Errorf("encode a part: %w", err)
	}
	out, err := s.ratchet.Seal(rand.Reader, &body)
	if err != nil {
		return store.Parcel{}, fmt.Errorf("seal a part: %w", err)
	}
	s.dirty = true
	one := store.Parcel{
		Session: s.row,
		Epoch:   out.Epoch,
		N:       out.N,
		Message: message,
		Part:    int(f.Part),
		Parts:   int(f.Parts),
		Core:    out.Core[:],
		Seed:    out.Seed,
		Address: out.Seed.Address(),
	}
	return one, b.tx.PutParcel(one)
}

// launchParcels puts packages of s in flight: those just sealed, or, if others
// wait before them, what the store says.
func (m *Messenger) launchParcels(b *batch, p *person, s *session, sealed []store.Parcel) error {
	l := p.link
	free := maxParcels - l.private.flight
	if free <= 0 {
		return nil
	}
	last, begun := l.private.sent[s.row]
	out := sealed
	if !begun || len(sealed) == 0 || len(sealed) > free || !follows(last, sealed[0]) {
		var err error
		if out, err = b.tx.Parcels(s.row, last, free); err != nil {
			return err
		}
	}
	if len(out) == 0 {
		return nil
	}
	newest := out[len(out)-1]
	l.private.sent[s.row] = store.ParcelIndex{Epoch: newest.Epoch, N: newest.N}
	l.private.flight += len(out)
	frames := make([]wire.Message, len(out))
	for i, one := range out {
		frames[i] = wire.Parcel{Hint: [8]byte(one.Address[:8]), Core: [wire.CoreSize]byte(one.Core)}
	}
	b.then(func() { l.push(frames...) })
	return nil
}

// follows reports whether nothing of the session lies between the two.
func follows(last store.ParcelIndex, next store.Parcel) bool {
	return next.Epoch == last.Epoch && next.N == last.N+1 || next.Epoch == last.Epoch+2 && next.N == 0
}

// onParcel takes one package of a private message.
func (m *Messenger) onParcel(b *batch, p *person, l *link, msg wire.Parcel) error {
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	core := parcel.Core(msg.Core)
	for _, s := range all {
		opened, err := s.ratchet.Open(msg.Hint, &core, b.day())
		if errors.Is(err, ratchet.ErrUnknown) {
			continue
		}
		if err := m.answered(b, p, s); err != nil { // whoever writes in it knows it
			return err
		}
		if errors.Is(err, ratchet.ErrDuplicate) {
			b.receipt(l, s, 0)
			return nil
		}
		if err != nil {
			m.log.Info("package dropped", slog.Any("peer", p.ID), slog.Any("error", err))
			return nil
		}
		s.dirty = true
		b.receipt(l, s, opened.Epoch)
		return m.onBody(b, p, l.path, s, &opened.Body)
	}
	m.log.Info("package of no session dropped", slog.Any("peer", p.ID))
	return nil
}

// onBody takes what was in a package. The ratchet has gone on by it, so what
// cannot be used is dropped and acknowledged all the same.
func (m *Messenger) onBody(b *batch, p *person, path Path, s *session, body *[parcel.BodySize]byte) error {
	f, err := parcel.DecodeFragment(body)
	if err != nil {
		m.log.Info("part dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return nil
	}
	if f.Ack != nil {
		if err := m.acknowledged(b, p, s, []ratchet.Chain{chainOf(*f.Ack)}, false); err != nil {
			return err
		}
	}
	if f.Parts == 0 {
		b.send(p) // the first package of a session lets us write in it
		return nil
	}
	data := f.Data
	if f.Parts > 1 {
		whole, done, err := b.tx.AddFragment(p.ID, f.Message, int(f.Part), int(f.Parts), f.Data, b.now)
		if errors.Is(err, store.ErrInvalid) {
			m.log.Info("part dropped", slog.Any("peer", p.ID), slog.Any("error", err))
			return nil
		}
		if err != nil || !done {
			return err
		}
		data = whole
	}
	if spare, err := wire.DecodeSpare(data); err == nil && spare.ID == f.Message {
		return m.onSpare(b, p, s, spare.Bundle)
	}
	content, err := wire.DecodeContent(data)
	if err != nil || content.ID != f.Message {
		m.log.Info("message dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return nil
	}
	m.keep(b, p)
	_, err = m.receive(b, p, Chat{Peer: p.ID}, path, content)
	return err
}

// chainOf turns an acknowledgement in a body into one of a link.
func chainOf(a parcel.Ack) ratchet.Chain {
	c := ratchet.Chain{Epoch: a.Epoch, Contiguous: a.Contiguous}
	for ; a.Map != 0; a.Map >>= 8 {
		c.Map = append(c.Map, byte(a.Map))
	}
	return c
}

// onReceipt takes the peer's word that packages are durable there.
func (m *Messenger) onReceipt(b *batch, p *person, l *link, msg wire.Receipt) error {
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	if s := bySID(all, msg.SID); s != nil {
		chains := make([]ratchet.Chain, len(msg.Chains))
		for i, c := range msg.Chains {
			chains[i] = ratchet.Chain(c)
		}
		if err := m.answered(b, p, s); err != nil { // whoever acknowledges in it knows it
			return err
		}
		s.dirty = true
		if err := m.acknowledged(b, p, s, chains, msg.Full); err != nil {
			return err
		}
	}
	if msg.Full && l.private.expect > 0 {
		if l.private.expect--; l.private.expect == 0 {
			l.private.synced = true
			b.send(p)
		}
	}
	return nil
}

// acknowledged takes an acknowledgement of our packages in s.
func (m *Messenger) acknowledged(b *batch, p *person, s *session, chains []ratchet.Chain, full bool) error {
	news, err := s.ratchet.Acknowledged(chains, full)
	switch {
	case errors.Is(err, ratchet.ErrAhead):
		return m.startOver(b, p, oursIsOld)
	case errors.Is(err, ratchet.ErrBehind):
		return m.startOver(b, p, theirsIsOld)
	case err != nil:
		m.log.Info("receipt dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return nil
	case len(news) == 0:
		return nil
	}
	return m.arrived(b, p, s, news)
}

// arrived takes note that packages of ours are durable on the other side.
func (m *Messenger) arrived(b *batch, p *person, s *session, news []ratchet.Index) error {
	s.dirty = true
	indices := make([]store.ParcelIndex, len(news))
	for i, n := range news {
		indices[i] = store.ParcelIndex(n)
	}
	if l := p.link; l != nil {
		last := l.private.sent[s.row]
		for _, n := range news {
			if n.Epoch < last.Epoch || n.Epoch == last.Epoch && n.N <= last.N {
				l.private.flight--
			}
		}
	}
	delivered, err := b.tx.AckParcels(s.row, indices)
	if err != nil {
		return err
	}
	for _, msg := range delivered {
		if err := b.further(msg); err != nil {
			return err
		}
	}
	b.send(p) // there is room now
	b.then(func() { p.mail.more = true })
	return nil
}
