package messenger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/multiformats/go-multiaddr"

	"dione/crypto/identity"
	"dione/crypto/pqxdh"
	"dione/crypto/rendezvous"
	"dione/net/address"
	"dione/net/wire"
	"dione/store"
)

// This file holds what a user decides about people: whom to add, invite,
// accept, block and believe.

// invitationTime is how long an invitation holds after its maker was last up.
const invitationTime = 14 * 24 * time.Hour

// Errors that a caller tells apart.
var (
	// ErrNoRequest says that nobody of that name asks for anything.
	ErrNoRequest = errors.New("there is no request to accept")
	// ErrOwnInvitation says that somebody wanted to use their own invitation.
	ErrOwnInvitation = errors.New("that is your own invitation: it is for somebody else")
	// ErrNoInvitation says that an invitation is not open, or not ours.
	ErrNoInvitation = errors.New("no such invitation is open")
)

// BlockedError says that somebody is blocked.
type BlockedError struct{ Person Person }

func (e *BlockedError) Error() string { return e.Person.String() + " is blocked" }

// Hint tells the next step.
func (e *BlockedError) Hint() string { return "/unblock " + e.Person.Name + "." + e.Person.Tag }

// Invitation is a one-time invitation.
type Invitation struct {
	Text    string    // "dione:…"
	QR      string    // what to show as a QR code: the same text in letters that make a small one
	Expires time.Time // unless this profile is in use again before
}

// SafetyNumber returns the 60 digits by which two people find out, over any
// way on which they know each other's voice or face, that nobody sits between
// them. It is the same for both.
func SafetyNumber(a, b identity.ID) string { return identity.SafetyNumber(a, b) }

// Add makes somebody a contact, who is then looked for in the background:
// by a multiaddr with their peer ID, by the peer ID of somebody met before, or
// by an invitation. A petname of "" leaves the name as it is.
func (m *Messenger) Add(ctx context.Context, where, petname string) (added Person, err error) {
	clean := wire.CleanName(petname)
	if clean == "" && petname != "" {
		return Person{}, fmt.Errorf("%q is no name: it needs a letter, a digit or another visible character", petname)
	}
	card, err := m.readAddress(strings.TrimSpace(where))
	if err != nil {
		return Person{}, err
	}
	if card.id == m.selfID {
		return Person{}, ErrSelf
	}
	var p *person
	err = m.do(ctx, func(b *batch) error {
		if p = m.people[card.id]; p == nil {
			if len(card.addrs) == 0 && card.v == nil {
				return refuse(&AddressError{
					Text: "nobody of this peer ID was met before, so an address is needed",
					Next: address.Form,
				})
			}
			p = m.addPerson(store.Contact{ID: card.id})
		}
		c := b.contact(p)
		if c.Standing == store.StandingBlocked {
			return refuse(&BlockedError{m.shown(p)})
		}
		m.admit(b, p)
		c.Addrs = mergeAddrs(c.Addrs, card.addrs)
		if card.v != nil {
			c.Invited, c.Since = card.v, b.now
			grace := answerGrace
			if len(card.addrs) == 0 {
				grace = 0
			}
			b.then(func() { m.wakeMeetings(grace) })
		}
		if clean != "" {
			c.Petname = clean
		}
		b.then(func() { m.dialNow(p) })
		return nil
	})
	if err != nil {
		return Person{}, err
	}
	return m.Person(ctx, p.ID)
}

// card is what an address or an invitation tells of somebody.
type card struct {
	id    identity.ID
	addrs []string
	v     []byte // the secret of an invitation
}

func (m *Messenger) readAddress(s string) (card, error) {
	if inv, err := pqxdh.ParseInvitation(s); !errors.Is(err, pqxdh.ErrNotInvitation) {
		return m.readInvitation(inv, err)
	}
	if !strings.HasPrefix(s, "/") {
		id, err := identity.Parse(s)
		if err != nil {
			return card{}, &AddressError{Text: fmt.Sprintf("%q is neither an address nor an invitation", s), Next: address.Form}
		}
		return card{id: id}, nil
	}
	addr, id, err := address.Parse(s)
	return card{id: id, addrs: []string{addr}}, err
}

func (m *Messenger) readInvitation(inv pqxdh.Invitation, err error) (card, error) {
	if err != nil {
		return card{}, &AddressError{Text: err.Error(), Next: "copy the whole text, from dione: to its last letter"}
	}
	network := wire.NetworkID(m.cfg.Network)
	switch {
	case inv.ID == m.selfID:
		return card{}, ErrOwnInvitation
	case inv.Network != [4]byte(network[:4]):
		return card{}, &AddressError{
			Text: "the invitation is one of another network",
			Next: "start dione with --network and the name of that network",
		}
	}
	c := card{id: inv.ID, v: inv.V[:]}
	for _, packed := range inv.Addrs {
		a, err := multiaddr.NewMultiaddrBytes(packed)
		if err != nil {
			continue // a way that this version does not know
		}
		if _, err := address.Split(a); err == nil {
			c.addrs = append(c.addrs, a.String())
		}
	}
	if len(c.addrs) == 0 && m.cfg.Node == nil {
		return card{}, &AddressError{
			Text: "the invitation names no address that can be dialled",
			Next: "ask for one made while its maker was connected to the internet, or start dione without --dht=off",
		}
	}
	return c, nil
}

// admit makes p a contact.
func (m *Messenger) admit(b *batch, p *person) {
	c := b.contact(p)
	if c.Standing != store.StandingAccepted {
		c.Standing, c.Since = store.StandingAccepted, b.now
	}
	c.Kept = true
}

// Invite makes a one-time invitation: whoever uses it first becomes a contact
// without being asked about. It waits until Run listens: an invitation says
// where its maker is reached.
func (m *Messenger) Invite(ctx context.Context) (made Invitation, err error) {
	select {
	case <-m.listens:
	case <-m.stopped:
		return Invitation{}, ErrStopped
	case <-ctx.Done():
		return Invitation{}, ctx.Err()
	}
	network := wire.NetworkID(m.cfg.Network)
	inv := pqxdh.Invitation{Network: [4]byte(network[:4]), ID: m.selfID, Addrs: inviteAddrs(m.Self().Addrs)}
	_, _ = rand.Read(inv.V[:]) // never fails (crypto/rand)
	if len(inv.Addrs) == 0 && m.cfg.Node == nil {
		return Invitation{}, &AddressError{
			Text: "there is no address at which anybody could use an invitation",
			Next: "connect to a network first",
		}
	}
	kept, err := m.offer(inv)
	if err != nil {
		return Invitation{}, err
	}
	err = m.do(ctx, func(b *batch) error {
		kept.Made, kept.Expires = b.now, b.now.Add(invitationTime)
		if err := b.tx.PutInvitation(kept); err != nil {
			if errors.Is(err, store.ErrTooMany) {
				return refuse(&AddressError{Text: err.Error(), Next: "take one back with dione invite --revoke"})
			}
			return err
		}
		made = shownInvitation(kept)
		b.then(func() { m.wakeMeetings(0) })
		return nil
	})
	return made, err
}

// offer makes what whoever uses inv finds in the mail network while we are
// away: a bundle, and our name.
func (m *Messenger) offer(inv pqxdh.Invitation) (store.Invitation, error) {
	bundle, secrets, err := pqxdh.NewBundle(rand.Reader, m.keys, pqxdh.ForInvitation(inv.V))
	if err != nil {
		return store.Invitation{}, err
	}
	chain := rendezvous.ForOffer(inv.V, wire.NetworkID(m.cfg.Network), m.selfID)
	sealed, err := chain.Seal(rand.Reader, rendezvous.Offer{Bundle: bundle.Encode(), Name: m.Self().Name}.Encode())
	if err != nil {
		return store.Invitation{}, err
	}
	kept := store.Invitation{V: inv.V, Text: inv.String(), Secret: secrets.Encode()}
	for _, one := range sealed {
		kept.Offer = append(kept.Offer, one.Core[:])
	}
	return kept, nil
}

func shownInvitation(kept store.Invitation) Invitation {
	return Invitation{Text: kept.Text, QR: strings.ToUpper(kept.Text), Expires: kept.Expires}
}

// Invitations returns the open invitations, the oldest first.
func (m *Messenger) Invitations(ctx context.Context) (open []Invitation, err error) {
	err = m.store.View(ctx, func(tx *store.Tx) error {
		kept, err := tx.Invitations()
		for _, inv := range kept {
			open = append(open, shownInvitation(inv))
		}
		return err
	})
	return open, err
}

// Revoke takes an open invitation back.
func (m *Messenger) Revoke(ctx context.Context, text string) error {
	inv, err := pqxdh.ParseInvitation(text)
	if err != nil || inv.ID != m.selfID {
		return ErrNoInvitation
	}
	return m.do(ctx, func(b *batch) error {
		open, err := b.tx.Invitations()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(open, func(o store.Invitation) bool { return o.V == inv.V })
		if i < 0 {
			return refuse(ErrNoInvitation)
		}
		return m.endInvitation(b, open[i], nil)
	})
}

// prolongInvitations lets open invitations live on, since their maker is up,
// and drops those that have ended before.
func (m *Messenger) prolongInvitations(b *batch) error {
	open, err := b.tx.Invitations()
	if err != nil {
		return err
	}
	for _, inv := range open {
		if b.now.After(inv.Expires) {
			if err := b.tx.DropInvitation(inv.V); err != nil {
				return err
			}
			continue
		}
		inv.Expires = b.now.Add(invitationTime)
		if err := b.tx.PutInvitation(inv); err != nil {
			return err
		}
	}
	return nil
}

// inviteAddrs picks the two addresses that an invitation has room for: those
// that lead here from farthest away.
func inviteAddrs(own []string) [][]byte {
	rank := func(packed []byte) int {
		a, err := multiaddr.NewMultiaddrBytes(packed)
		if err != nil {
			return 3
		}
		e, err := address.Split(a)
		switch {
		case err != nil || e.IP.IsLoopback():
			return 3
		case e.IP.IsPrivate() || e.IP.IsLinkLocalUnicast() || isCarrier(e.IP):
			return 2
		case e.IP.Is6():
			return 1
		}
		return 0
	}
	all := packAddrs(own)
	slices.SortStableFunc(all, func(a, b []byte) int { return rank(a) - rank(b) })
	return all[:min(len(all), 2)]
}

// isCarrier reports whether ip is one that providers share among customers
// (RFC 6598).
func isCarrier(ip netip.Addr) bool { return netip.MustParsePrefix("100.64.0.0/10").Contains(ip) }

// Accept takes the request of a stranger: they become a contact.
func (m *Messenger) Accept(ctx context.Context, id identity.ID) error {
	return m.do(ctx, func(b *batch) error {
		p, err := m.known(id)
		if err != nil {
			return refuse(err)
		}
		c := b.contact(p)
		if c.Standing != store.StandingRequest {
			return refuse(ErrNoRequest)
		}
		m.admit(b, p)
		if l := p.link; l != nil && !l.ended {
			b.then(func() { m.todo = append(m.todo, greet{p, l}) }) // else they ask again when they come back
		}
		return nil
	})
}

// Block has nothing of somebody taken any more, without a word to them. What
// waits for them is given up.
func (m *Messenger) Block(ctx context.Context, id identity.ID) error {
	return m.do(ctx, func(b *batch) error {
		p, err := m.known(id)
		if err != nil {
			return refuse(err)
		}
		c := b.contact(p)
		if c.Standing == store.StandingBlocked {
			return nil
		}
		c.Standing, c.Since = store.StandingBlocked, b.now
		given, err := b.tx.GiveUp(id, "blocked")
		for _, msg := range given {
			err = errors.Join(err, b.further(msg))
		}
		return err
	})
}

// Unblock takes a block back.
func (m *Messenger) Unblock(ctx context.Context, id identity.ID) error {
	return m.do(ctx, func(b *batch) error {
		p, err := m.known(id)
		if err != nil {
			return refuse(err)
		}
		c := b.contact(p)
		if c.Standing != store.StandingBlocked {
			return nil
		}
		c.Standing, c.Since = store.StandingMet, b.now
		if c.Kept {
			c.Standing = store.StandingAccepted
		}
		b.then(func() {
			if p.conn != nil {
				// What they sent meanwhile comes again over a new link.
				p.conn.Close("begin anew")
			}
			m.dialNow(p)
		})
		return nil
	})
}

// Verify says whether the user has compared safety numbers with somebody.
func (m *Messenger) Verify(ctx context.Context, id identity.ID, verified bool) error {
	return m.do(ctx, func(b *batch) error {
		p, err := m.known(id)
		if err != nil {
			return refuse(err)
		}
		b.contact(p).Verified = verified
		return nil
	})
}
