package messenger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"dione/crypto/cborx"
	"dione/crypto/pqxdh"
	"dione/crypto/ratchet"
	"dione/net/wire"
	"dione/store"
)

// This file holds the sessions with a person as the loop has them: read from
// the store when they are needed first, changed by one batch, written with it.

const (
	// maxSessions is how many sessions are kept with one person: the newest,
	// and older ones for what is still on its way in them.
	maxSessions = wire.MaxSessions

	// oldSession is how long a session that has a better one beside it is
	// kept.
	oldSession = 30 * 24 * time.Hour

	// maxState bounds an encoded session: a ratchet with all the holes that it
	// may have.
	maxState = 1 << 20
)

// session is one session with a person. Only the loop touches it.
type session struct {
	remains
	sid     [16]byte
	started time.Time
	ratchet *ratchet.Session
	number  pqxdh.Number // of the keys that intro is built on
	intro   []byte       // our introduction, until the other side has shown that it knows the session
	note    *note        // where that lies in the mail network; nil: nowhere
	over    bool         // the other side has lost it: it is read, and not written in
	odd     time.Time    // when something did not open that nobody else could put there; zero: never
	spared  time.Time    // when keys for its loss were given last; zero: not known
	dirty   bool         // the store has an older state
	emptied bool         // it has a better one beside it, and none of our messages is in it any more
}

// sessionState is what the store keeps of a session beside its names.
type sessionState struct {
	Ratchet []byte `cbor:"1,keyasint"`
	Number  []byte `cbor:"2,keyasint,omitempty"`
	Intro   []byte `cbor:"3,keyasint,omitempty"`
	Note    *note  `cbor:"4,keyasint,omitempty"`
	Over    bool   `cbor:"5,keyasint,omitempty"`
	Odd     int64  `cbor:"6,keyasint,omitempty"` // unix seconds
}

func (s *session) encode() ([]byte, error) {
	st := sessionState{Ratchet: s.ratchet.Encode(), Intro: s.intro, Note: s.note, Over: s.over}
	if s.intro != nil {
		st.Number = s.number[:]
	}
	if !s.odd.IsZero() {
		st.Odd = s.odd.Unix()
	}
	return cborx.Marshal(&st)
}

func decodeSession(kept store.Session) (*session, error) {
	var st sessionState
	if err := cborx.Unmarshal(kept.State, &st, maxState); err != nil {
		return nil, err
	}
	r, err := ratchet.Decode(st.Ratchet)
	if err != nil {
		return nil, err
	}
	s := &session{sid: kept.SID, started: kept.Started, ratchet: r, intro: st.Intro, note: st.Note, over: st.Over}
	if s.remains, err = decodeRemains(kept); err != nil {
		return nil, err
	}
	if st.Odd != 0 {
		s.odd = time.Unix(st.Odd, 0)
	}
	if st.Intro != nil && copy(s.number[:], st.Number) != len(s.number) {
		return nil, errors.New("an introduction without the number of its keys")
	}
	return s, nil
}

// before is the order in which sessions are written in: the highest
// generation, and of two set up at once the one with the smaller id. Those that
// the other side has lost come last.
func (s *session) before(other *session) int {
	if s.over != other.over {
		if s.over {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(other.gen, s.gen), bytes.Compare(s.sid[:], other.sid[:]))
}

// sessionsOf returns the sessions with p, best first.
func (m *Messenger) sessionsOf(b *batch, p *person) ([]*session, error) {
	b.touch(p)
	if p.loaded {
		return p.sessions, nil
	}
	kept, err := b.tx.Sessions(p.ID)
	if err != nil {
		return nil, err
	}
	p.sessions, p.lost = nil, nil
	for _, k := range kept {
		if k.State == nil {
			left, err := decodeRemains(k)
			if err != nil { // of a backup, made by who knows what
				m.log.Info("what is left of a session cannot be read", slog.Any("peer", p.ID), slog.Any("error", err))
			}
			p.lost = append(p.lost, &left)
			continue
		}
		s, err := decodeSession(k)
		if err != nil {
			return nil, fmt.Errorf("read the session with %s: %w (%w)", p.ID.Short(), store.ErrDamaged, err)
		}
		p.sessions = append(p.sessions, s)
	}
	slices.SortFunc(p.sessions, (*session).before)
	slices.SortStableFunc(p.lost, byGen)
	p.loaded = true
	return p.sessions, nil
}

// forgetSessions has them read again when they are needed next.
func (p *person) forgetSessions() { p.sessions, p.loaded, p.backlog = nil, false, true }

// touch notes that the batch works on the sessions of p and on what their link
// carries. Both go on at once, since what follows in the batch builds on it.
func (b *batch) touch(p *person) {
	b.sessions[p] = struct{}{}
	if p.link != nil {
		b.touchLink(p.link)
	}
}

func (b *batch) touchLink(l *link) {
	if _, ok := b.links[l]; !ok {
		was := l.private
		was.sent = maps.Clone(was.sent)
		b.links[l] = was
	}
}

// rollBack takes back what the batch did to sessions and links: the store has
// nothing of it.
func (b *batch) rollBack() {
	for p := range b.sessions {
		p.forgetSessions()
	}
	for l, was := range b.links {
		l.private = was
	}
}

// writeSessions writes what the batch has changed.
func (p *person) writeSessions(tx *store.Tx) error {
	for _, s := range p.sessions {
		if !s.dirty {
			continue
		}
		if err := p.writeSession(tx, s); err != nil {
			return err
		}
	}
	return nil
}

func (p *person) writeSession(tx *store.Tx, s *session) error {
	state, err := s.encode()
	if err != nil {
		return fmt.Errorf("encode the session with %s: %w", p.ID.Short(), err)
	}
	kept := store.Session{Row: s.row, Peer: p.ID, SID: s.sid, Gen: s.gen, Started: s.started, State: state}
	if s.row == 0 { // later it is written when it changes
		if kept.Reset, err = s.remains.encode(); err != nil {
			return err
		}
	}
	if err := tx.PutSession(&kept); err != nil {
		return fmt.Errorf("keep the session with %s: %w", p.ID.Short(), err)
	}
	s.row, s.dirty = kept.Row, false
	return nil
}

// addSession takes a new session. The store has it at once, since packages
// name its row.
func (m *Messenger) addSession(b *batch, p *person, s *session) error {
	s.dirty = true
	if err := p.writeSession(b.tx, s); err != nil {
		return err
	}
	p.sessions = append(p.sessions, s)
	slices.SortFunc(p.sessions, (*session).before)
	for len(p.sessions) > maxSessions {
		if err := p.dropSession(b, p.sessions[len(p.sessions)-1]); err != nil {
			return err
		}
	}
	c := b.contact(p)
	c.Gen = max(c.Gen, s.gen)
	return nil
}

// dropSession ends a session. Messages in it that nobody has acknowledged wait
// for another one.
func (p *person) dropSession(b *batch, s *session) error {
	b.touch(p)
	p.sessions = slices.DeleteFunc(slices.Clone(p.sessions), func(other *session) bool { return other == s })
	p.backlog = true
	return b.tx.DropSession(s.row)
}

// bySID returns the session of that id, nil if there is none.
func bySID(all []*session, sid [16]byte) *session {
	for _, s := range all {
		if s.sid == sid {
			return s
		}
	}
	return nil
}

// writable returns the session into which messages for p go, nil if there is
// none. A responder has to wait for the first package of a session; until then
// the next best one goes on.
func (p *person) writable() *session {
	for _, s := range p.sessions {
		if !s.over && s.gen >= p.newGen && !errors.Is(s.ratchet.CanSeal(), ratchet.ErrEarly) {
			return s
		}
	}
	return nil
}

// current reports whether there is a session that is not to be replaced.
func (p *person) current() bool {
	return slices.ContainsFunc(p.sessions, func(s *session) bool { return !s.over && s.gen >= p.newGen })
}

// gen returns the highest generation of a session with p that we know of.
func (p *person) gen(b *batch) uint64 {
	g := b.contact(p).Gen
	for _, s := range p.sessions {
		g = max(g, s.gen)
	}
	for _, left := range p.lost {
		g = max(g, left.gen)
	}
	return g
}

// sweepKeys drops what is too old to be of use: sessions that have a better
// one beside them, keys that nobody came for, parts of messages whose rest
// never came; and it lets open invitations live on, since we are up.
type sweepKeys struct{}

// keysEvery is how often.
const keysEvery = 12 * time.Hour

func (sweepKeys) handle(m *Messenger, b *batch) error {
	if err := b.tx.ExpireKeys(b.now); err != nil {
		return err
	}
	if err := m.prolongInvitations(b); err != nil {
		return err
	}
	if err := m.failMail(b); err != nil {
		return err
	}
	if err := m.sweepInvited(b); err != nil {
		return err
	}
	for _, p := range m.people {
		if p.conn == nil {
			continue // when they come up, greet does it
		}
		if err := m.sweepSessions(b, p); err != nil {
			return err
		}
	}
	return nil
}

func (sweepKeys) fail(error) bool { return false }

// sweepSessions drops the old sessions with p, and what never came in the
// others.
func (m *Messenger) sweepSessions(b *batch, p *person) error {
	all, err := m.sessionsOf(b, p)
	if err != nil {
		return err
	}
	if len(p.lost) > 0 && len(all) > 0 && all[0].intro == nil {
		for _, left := range p.lost { // both sides have a new one
			if err := b.tx.DropSession(left.row); err != nil {
				return err
			}
		}
		p.lost = nil
	}
	for i, s := range slices.Clone(all) {
		if i > 0 && b.now.Sub(all[i-1].started) > oldSession {
			if err := p.dropSession(b, s); err != nil {
				return err
			}
			continue
		}
		if lost := s.ratchet.Expire(b.day()); lost > 0 {
			s.dirty = true
			b.then(func() {
				m.pending.push(Notice{Failed: true, Text: fmt.Sprintf("%d parts of messages from %s are missing for good", lost, m.shown(p))})
			})
		}
	}
	return nil
}
