package messenger

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dione/crypto/cborx"
	"dione/crypto/parcel"
	"dione/crypto/pqxdh"
	"dione/crypto/rendezvous"
	"dione/net/mailbox"
	"dione/net/wire"
	"dione/store"
)

// This file sets a session up anew by mail, when one side has lost it: by a
// fall back to an older copy of itself, or since it was made out of a backup.
// The rules are:
//   - inside a session each side gives the other keys for that day;
//   - what is left of a session, which backups hold too, serves for one
//     introduction, and never for a second one;
//   - the other side watches for it as long as it has the session, and then
//     writes in no former one.

const (
	// spareLinked and spareMailed are after how long keys for the loss of a
	// session are made anew when something is written, over a link and by mail.
	spareLinked, spareMailed = 7 * 24 * time.Hour, 28 * 24 * time.Hour

	// maxSpare is how many of theirs are kept.
	maxSpare = 2

	// oddTime is for how long packages must fail to open until the session is
	// taken for broken.
	oddTime = 24 * time.Hour

	// forgotten is more messages than anybody has written and forgotten: what is
	// written after a reset by mail is numbered so far above the last one that
	// is remembered.
	forgotten = 1 << 20

	// maxReset bounds an encoded resetRecord.
	maxReset = 4096
)

// remains is what is left of a session that has lost its state: enough to begin
// another one by mail.
type remains struct {
	row       int64 // of the store; 0 before it is written first
	gen       uint64
	initiator bool
	rs        [32]byte
	mail      mailKeys // where its mail lies
	bundles   [][]byte // of theirs, for the loss of the session, the newest last
	used      bool     // an introduction was written on it
}

// resetRecord is remains as a backup keeps them.
type resetRecord struct {
	Reset     []byte   `cbor:"1,keyasint"`
	Ours      []byte   `cbor:"2,keyasint"` // location key of what we send, of Day
	Theirs    []byte   `cbor:"3,keyasint"` // location key of what they send, of Day
	Day       uint32   `cbor:"4,keyasint"`
	Initiator bool     `cbor:"5,keyasint,omitempty"`
	Bundles   [][]byte `cbor:"6,keyasint,omitempty"`
	Used      bool     `cbor:"7,keyasint,omitempty"`
}

// keep sets what is to be left of a session that was set up.
func (r *remains) keep(shared pqxdh.Shared, initiator bool, day uint32) {
	r.initiator, r.rs = initiator, shared.Reset()
	r.mail.ours = mailbox.Chain{Key: shared.Location(initiator), Day: day}
	r.mail.theirs = mailbox.Chain{Key: shared.Location(!initiator), Day: day}
}

func (r *remains) encode() ([]byte, error) {
	ours, theirs := r.mail.ours, r.mail.theirs
	return cborx.Marshal(resetRecord{
		Reset: r.rs[:], Ours: ours.Key[:], Theirs: theirs.Key[:], Day: ours.Day,
		Initiator: r.initiator, Bundles: r.bundles, Used: r.used,
	})
}

// decodeRemains reads what the store has. After an error only row and gen are
// set.
func decodeRemains(kept store.Session) (remains, error) {
	bare := remains{row: kept.Row, gen: kept.Gen}
	var rec resetRecord
	if err := cborx.Unmarshal(kept.Reset, &rec, maxReset); err != nil {
		return bare, err
	}
	if len(rec.Reset) != 32 || len(rec.Ours) != 32 || len(rec.Theirs) != 32 || len(rec.Bundles) > maxSpare {
		return bare, errors.New("what is left of a session: sizes")
	}
	r := bare
	r.initiator, r.rs, r.bundles, r.used = rec.Initiator, [32]byte(rec.Reset), rec.Bundles, rec.Used
	r.mail.ours = mailbox.Chain{Key: [32]byte(rec.Ours), Day: rec.Day}
	r.mail.theirs = mailbox.Chain{Key: [32]byte(rec.Theirs), Day: rec.Day}
	return r, nil
}

// byGen puts the newest last.
func byGen(a, b *remains) int { return cmp.Compare(a.gen, b.gen) }

func (r *remains) write(b *batch) error {
	record, err := r.encode()
	if err != nil {
		return err
	}
	return b.tx.PutReset(r.row, record)
}

// resetChain is where the other side puts an introduction when it has lost the
// session.
func (m *Messenger) resetChain(r *remains) rendezvous.Chain {
	return rendezvous.ForReset(r.rs, wire.NetworkID(m.cfg.Network), m.selfID, !r.initiator)
}

// loseSession forgets the state of a session with p. What is left of it is
// kept, unless the other side has never known it.
func (p *person) loseSession(b *batch, s *session) error {
	if s.intro != nil {
		return p.dropSession(b, s)
	}
	b.touch(p)
	p.sessions = slices.DeleteFunc(slices.Clone(p.sessions), func(other *session) bool { return other == s })
	p.backlog = true
	left := s.remains
	p.lost = append(slices.Clone(p.lost), &left)
	slices.SortStableFunc(p.lost, byGen)
	for len(p.lost) > maxSessions {
		if err := b.tx.DropSession(p.lost[0].row); err != nil {
			return err
		}
		p.lost = p.lost[1:]
	}
	return b.tx.LoseSession(s.row)
}

// giveSpare seals keys for the loss of s, if p has none, or has had the last
// ones for long and something else is written.
func (m *Messenger) giveSpare(b *batch, p *person, s *session, writing bool) (sealed []store.Parcel, err error) {
	if !p.Kept && p.Standing != store.StandingAccepted || s.over {
		return nil, nil
	}
	if s.spared.IsZero() {
		at, ok, err := b.tx.SpareMade(s.row)
		if err != nil {
			return nil, err
		}
		if ok {
			s.spared = at
		}
	}
	if !s.spared.IsZero() {
		old := spareMailed
		if p.synced() {
			old = spareLinked
		}
		if !writing || b.now.Sub(s.spared) < old {
			return nil, nil
		}
	}
	bundle, secrets, err := pqxdh.NewBundle(rand.Reader, m.keys, pqxdh.ForReset(p.ID))
	if err != nil {
		return nil, fmt.Errorf("make spare keys for %s: %w", p.ID.Short(), err)
	}
	spare := wire.Spare{Bundle: bundle.Encode()}
	_, _ = rand.Read(spare.ID[:]) // never fails (crypto/rand)
	parts, err := parcel.Split(spare.ID, spare.Encode())
	if err != nil {
		return nil, err
	}
	if s.ratchet.Room() < len(parts) {
		return nil, nil
	}
	if err := b.tx.PutPrekey(store.Prekey{Number: bundle.Number, Peer: p.ID, Session: s.row, Made: b.now, Secret: secrets.Encode()}); err != nil {
		return nil, err
	}
	s.spared = b.now
	for _, f := range parts {
		one, err := m.sealPart(b, s, f, 0)
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, one)
	}
	return sealed, nil
}

// onSpare keeps keys of p for the day on which we have lost s.
func (m *Messenger) onSpare(b *batch, p *person, s *session, encoded []byte) error {
	bundle, err := pqxdh.DecodeBundle(encoded)
	if err == nil {
		err = bundle.Check(p.ID, pqxdh.ForReset(m.selfID))
	}
	if err != nil {
		m.log.Info("spare keys dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return nil
	}
	all := append(slices.Clone(s.bundles), encoded)
	s.bundles = all[max(0, len(all)-maxSpare):]
	return s.write(b)
}

// resetByMail begins a new session in the place of one that was lost, if there
// is none, by an introduction in the mail network.
func (m *Messenger) resetByMail(b *batch, p *person, day uint32) error {
	if p.current() {
		return nil
	}
	for _, left := range slices.Backward(p.lost) {
		if left.used {
			return nil // it has not helped, or another copy of us was faster
		}
		if len(left.bundles) == 0 {
			continue
		}
		bundle, err := pqxdh.DecodeBundle(left.bundles[len(left.bundles)-1])
		if err == nil {
			err = bundle.Check(p.ID, pqxdh.ForReset(m.selfID))
		}
		if err != nil {
			m.log.Info("spare keys cannot be used", slog.Any("peer", p.ID), slog.Any("error", err))
			continue
		}
		left.used = true
		if err := left.write(b); err != nil {
			return err
		}
		newest, err := b.tx.NewestSeq(Chat{Peer: p.ID}, m.selfID)
		if err != nil {
			return err
		}
		c := b.contact(p)
		c.Floor = max(c.Floor, newest) + forgotten
		if err := m.renumber(b, p); err != nil {
			return err
		}
		on := rendezvous.ForReset(left.rs, wire.NetworkID(m.cfg.Network), p.ID, left.initiator)
		ours, ok := left.mail.ours.At(day)
		if !ok {
			ours = left.mail.ours // the clock is behind the session
		}
		err = m.introduce(b, p, bundle, day, on, note{ours.Key, ours.Day}, "")
		if errors.Is(err, errKeys) {
			m.log.Info("spare keys cannot be used", slog.Any("peer", p.ID), slog.Any("error", err))
			continue
		}
		return err
	}
	return nil
}

// seekResets takes along what is to be looked for where a session has lost its
// state: the other side may have lost it too.
func (m *Messenger) seekResets(b *batch, p *person, e *errand) error {
	how := mailbox.Search{Places: 1, Turn: p.mail.turn, Holders: 2, Paths: 1}
	for _, left := range p.lost {
		_, ok, err := b.tx.SpareMade(left.row)
		if err != nil {
			return err
		}
		if !ok {
			continue // nothing could be answered
		}
		for d := range uint32(m.daysOf(p, e.now)) {
			if chain, ok := left.mail.theirs.At(e.day() - d); ok {
				e.looks = append(e.looks, look{session: left.row, chain: chain, resets: addressesOf(m.resetChain(left).Watch()), how: how})
			}
		}
	}
	return nil
}

// onReset takes an introduction by which p sets a session up anew.
func (m *Messenger) onReset(b *batch, p *person, l look, found map[parcel.Address]mailbox.Found) (bool, error) {
	cores, there := coresOf(l.resets, found)
	if !there {
		return false, nil
	}
	var left *remains
	for _, one := range p.lost {
		if one.row == l.session {
			left = one
		}
	}
	if s := byRow(p.sessions, l.session); s != nil {
		left = &s.remains
	}
	if left == nil {
		return false, nil
	}
	drop := func(err error) (bool, error) {
		m.log.Info("reset dropped", slog.Any("peer", p.ID), slog.Any("error", err))
		return false, nil
	}
	chain := m.resetChain(left)
	in, intro, err := readIntro(chain, cores)
	if err != nil {
		return drop(err)
	}
	kept, ok, err := b.tx.Prekey(intro.Number)
	switch {
	case err != nil:
		return false, err
	case !ok || kept.Session != left.row || kept.Peer != p.ID:
		return drop(errors.New("its keys are gone"))
	case intro.ID != p.ID:
		return drop(errors.New("it is somebody else's"))
	}
	s, err := m.begun(b, p, kept.Secret, intro, in.Core)
	if err != nil || s == nil {
		return false, err
	}
	if err := b.tx.DropPrekey(intro.Number); err != nil {
		return false, err
	}
	m.supersede(b, p, s)
	m.established(b, p)
	b.then(func() { m.mailNow(p) })
	return true, m.buryNote(b, chain, cores, l.chain)
}

// supersede writes in none of the sessions any more that p has lost: all that
// we had when p set s up on what was left of one of them.
func (m *Messenger) supersede(b *batch, p *person, s *session) {
	m.tellStartOver(b, p, theirsIsOld)
	for _, other := range p.sessions {
		if other != s && other.intro == nil && !other.over {
			other.over, other.dirty = true, true
		}
	}
	p.sessions = slices.Clone(p.sessions)
	slices.SortFunc(p.sessions, (*session).before)
}

// isOld reports whether a tombstone at an address of p that we wait for shows
// that we have taken the package before: our state is an older copy.
func (s *session) isOld(f mailbox.Found) bool {
	if f.Kind != parcel.Tombstone || s.over {
		return false
	}
	for _, w := range append(s.ratchet.Watch(), s.ratchet.Gallop()...) {
		if w.Address == f.Address {
			return true
		}
	}
	return false
}

// notOpened takes note that a package does not open that nobody but p can have
// put there. If that goes on for a day, the session is broken.
func (m *Messenger) notOpened(b *batch, p *person, s *session) error {
	switch {
	case s.over:
		return nil
	case s.odd.IsZero():
		s.odd, s.dirty = b.now, true
		return nil
	case b.now.Sub(s.odd) < oddTime:
		return nil
	}
	return m.startOver(b, p, theirsIsOld)
}
