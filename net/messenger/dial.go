package messenger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"syscall"
	"time"

	"dione/crypto/identity"
	"dione/net/address"
	"dione/net/secure"
	"dione/store"
)

// This file looks for the contacts who can be dialled: those with an address
// and without a live link. Each has a back-off of its own; what the user does
// for one of them ends it.

const (
	// maxDialling is how many contacts are dialled at a time.
	maxDialling = 16

	// minPause and maxPause bound the pause after a dial that failed: 2, 4, 8
	// … 300 s, each less up to a half by chance.
	minPause, maxPause = 2 * time.Second, 5 * time.Minute

	// hurry is how often a contact is dialled at most because the user writes
	// to them.
	hurry = 10 * time.Second
)

// dialState is when a contact is dialled next.
type dialState struct {
	running  bool
	failures int
	last     time.Time // start of the last dial
	next     time.Time
}

// dials is the part of the engine that dials contacts.
type dials struct {
	timer   *time.Timer
	ended   chan dialled
	running int
}

// addrs returns where p may be reached, the user's word first.
func (p *person) addrs() []string { return mergeAddrs(p.Heard, p.Addrs) }

// dialable reports whether p is to be dialled at all.
func (p *person) dialable() bool {
	return p.Standing == store.StandingAccepted && len(p.Addrs)+len(p.Heard) > 0 && p.conn == nil && !p.dial.running
}

// dialSoon puts p next in line, whatever failed before.
func (m *Messenger) dialSoon(p *person) {
	p.dial.failures = 0
	p.dial.next = p.dial.last.Add(hurry)
	m.wakeDials()
}

// dialNow is dialSoon for what the user asks for by name.
func (m *Messenger) dialNow(p *person) {
	p.dial.failures, p.dial.next = 0, time.Time{}
	m.wakeDials()
}

// dialAll is dialSoon for everybody: the network has changed.
func (m *Messenger) dialAll() {
	for _, p := range m.people {
		if p.dialable() {
			m.dialSoon(p)
		}
	}
}

// wakeDials has the loop look who is due.
func (m *Messenger) wakeDials() { m.dials.timer.Reset(0) }

// dialDue dials those who are due, the longest due first, and sets the timer
// for the next.
func (m *Messenger) dialDue(ctx context.Context) {
	now := time.Now()
	var due []*person
	var next time.Time
	for _, p := range m.people {
		switch {
		case !p.dialable():
		case !p.dial.next.After(now):
			due = append(due, p)
		case next.IsZero() || p.dial.next.Before(next):
			next = p.dial.next
		}
	}
	slices.SortFunc(due, func(a, b *person) int { return cmp.Or(a.dial.next.Compare(b.dial.next), a.ID.Compare(b.ID)) })
	for _, p := range due[:min(len(due), maxDialling-m.dials.running)] {
		p.dial.running, p.dial.last = true, now
		m.dials.running++
		id, addrs := p.ID, p.addrs()
		m.chats.Go(func() {
			err := m.dialPerson(ctx, id, addrs)
			select {
			case m.dials.ended <- dialled{p, err}:
			case <-m.stopped:
			}
		})
	}
	if !next.IsZero() {
		m.dials.timer.Reset(time.Until(next))
	}
}

func (m *Messenger) dialPerson(ctx context.Context, id identity.ID, addrs []string) error {
	to, err := address.LookUp(ctx, addrs)
	if len(to) == 0 {
		return err
	}
	_, err = m.swarm.Dial(ctx, id, to)
	return err
}

// dialled is what came of a dial.
type dialled struct {
	p   *person
	err error
}

// dialEnded takes note of what came of a dial.
func (m *Messenger) dialEnded(d dialled) {
	p := d.p
	m.dials.running--
	p.dial.running = false
	if d.err != nil && p.conn == nil {
		pause := min(minPause<<min(p.dial.failures, 8), maxPause)
		p.dial.failures++
		p.dial.next = time.Now().Add(pause/2 + rand.N(pause/2))
		m.log.Info("contact not reached", slog.Any("peer", p.ID), slog.Any("error", d.err))
		m.setProblem(p, dialProblem(d.err))
	}
	m.wakeDials()
}

// reached forgets what was wrong: there is a link.
func (m *Messenger) reached(p *person) {
	p.dial.failures = 0
	m.setProblem(p, "")
}

func (m *Messenger) setProblem(p *person, problem string) {
	if p.problem != problem {
		p.problem = problem
		m.pending.push(PersonChanged{Person: m.shown(p)})
	}
}

// dialProblem says in a few words why a dial failed.
func dialProblem(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s is not known", dns.Name)
	case errors.Is(err, secure.ErrWrongPeer), errors.Is(err, secure.ErrNoAnswer):
		return "nobody answers there to this peer ID"
	case errors.Is(err, secure.ErrClock):
		return "the clocks differ: " + err.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no dione runs there now"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "no answer"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no way leads there from this network"
	}
	return err.Error()
}
