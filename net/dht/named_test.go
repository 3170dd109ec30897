package dht

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"dione/crypto/identity"
)

// hearsay is a router whose questions are answered by a function, as they are
// asked; nil stands for no answer.
type hearsay struct {
	*Router
	now    time.Time
	answer func(q Query) Message
	asked  []Query
}

func newHearsay(answer func(q Query) Message) *hearsay {
	h := &hearsay{now: time.Unix(1_800_000_000, 0), answer: answer}
	h.Router = NewRouter(RouterConfig{
		ID:    identity.ID{1},
		Port:  4001,
		Rand:  rand.New(rand.NewPCG(1, 2)),
		Table: TableConfig{Small: -1},
	}, h.now)
	return h
}

// run drives the router for some time. Of the questions under way one is
// answered at a time, by chance.
func (h *hearsay) run(d time.Duration) {
	var flight []Query
	for end := h.now.Add(d); h.now.Before(end); {
		due, at := h.Next(h.now)
		h.asked = append(h.asked, due...)
		if flight = append(flight, due...); len(flight) == 0 {
			h.now = minTime(at, end)
			continue
		}
		i := h.cfg.Rand.IntN(len(flight))
		q := flight[i]
		flight = slices.Delete(flight, i, i+1)
		h.now = h.now.Add(time.Millisecond)
		h.Answered(h.now, q, h.answer(q))
	}
}

func someContact(i int) *Contact {
	return NewContact(identity.ID{2, byte(i)}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{20 + byte(i), 1, 1, 1}), 4001))
}

// TestAttackFalseAddress: a liar names a server that we know at addresses where
// it is not. That it does not answer there is not held against it.
func TestAttackFalseAddress(t *testing.T) {
	known := []*Contact{someContact(0), someContact(1)}
	h := newHearsay(func(q Query) Message {
		if q.To.Addrs[0] != known[0].Addrs[0] && q.To.Addrs[0] != known[1].Addrs[0] {
			return nil
		}
		return Found{known}
	})
	h.Hear(h.now, Wide, known)
	h.run(time.Minute)
	for i := range 3 * maxFailures {
		false_ := NewContact(known[0].ID, netip.AddrPortFrom(netip.AddrFrom4([4]byte{90 + byte(i), 1, 1, 1}), 4001))
		for _, c := range []*Contact{false_, known[1]} {
			h.Ask(Query{Scope: Wide, To: c, Ask: Find{}}, ignore)
			h.run(time.Second)
		}
	}
	if left := h.scopes[Wide].table.Nearest(Key{}, 9, false); len(left) != len(known) {
		t.Errorf("%d of %d servers are in no doubt", len(left), len(known))
	}
	for range maxFailures {
		known[0] = known[1] // now the server is gone
		for _, c := range []*Contact{someContact(0), known[1]} {
			h.Ask(Query{Scope: Wide, To: c, Ask: Find{}}, ignore)
			h.run(time.Second)
		}
	}
	if n := h.Servers(Wide); n != 1 {
		t.Errorf("%d servers are known, one is gone", n)
	}
}

// TestAttackKnocking: whoever is named with the address of a victim, alone or
// behind one that is fresh each time, has us knock there a few times a minute
// only. That the one who is named is known makes no difference.
func TestAttackKnocking(t *testing.T) {
	victim := netip.MustParseAddrPort("99.1.1.1:4001")
	liar, friend := someContact(0), someContact(1)
	n := 0
	h := newHearsay(func(q Query) Message {
		at := q.To.Addrs[0]
		if at != liar.Addrs[0] && at != friend.Addrs[0] {
			return nil
		}
		if _, ok := q.Ask.(Find); !ok {
			return Pong{}
		}
		if q.To.Key != liar.Key {
			return Found{[]*Contact{liar}}
		}
		var f Found
		for range MaxContacts - 1 {
			n++
			fresh := netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, byte(n >> 8), byte(n), 1}), 4001)
			f.Contacts = append(f.Contacts, NewContact(identity.ID{4, byte(n >> 8), byte(n)}, fresh, victim))
		}
		return Found{append(f.Contacts, NewContact(friend.ID, victim))}
	})
	h.Hear(h.now, Wide, []*Contact{liar, friend})
	h.run(time.Minute)
	h.asked = nil
	for i := range 60 {
		h.Lookup(h.now, Wide, KeyOf(identity.ID{3, byte(i)}), ForWriting(), func(time.Time, Nearby) {})
		h.run(time.Second)
	}
	knocks := 0
	for _, q := range h.asked {
		if slices.Contains(q.To.Addrs, victim) {
			knocks++
		}
	}
	if knocks > 2*originDials {
		t.Errorf("%d knocks at the victim's door in a minute", knocks)
	}
}

// TestAttackHushed: who is named at an address where they are not, and does not
// answer there, is still believed to be at another one.
func TestAttackHushed(t *testing.T) {
	newcomer, false_ := someContact(2), NewContact(someContact(2).ID, netip.MustParseAddrPort("90.1.1.1:4001"))
	h := newHearsay(func(Query) Message { return nil })
	s := h.scopes[Wide]
	h.named(h.now, s, []*Contact{false_})
	h.run(time.Minute)
	h.named(h.now, s, []*Contact{false_})
	if len(s.heard) > 0 {
		t.Error("who has just not answered is asked once more")
	}
	h.named(h.now, s, []*Contact{newcomer})
	if len(s.heard) != 1 {
		t.Error("nobody asks where the newcomer is")
	}
}

// TestAttackDialBack: who asks to be dialled back, under as many names, at as
// many ports and as often as he likes, has us dial no other address than his
// own, and that a few times a minute.
func TestAttackDialBack(t *testing.T) {
	friend := someContact(0)
	h := newHearsay(func(q Query) Message {
		if q.To.Key == friend.Key {
			return Found{}
		}
		return nil
	})
	h.Hear(h.now, Wide, []*Contact{friend})
	h.run(time.Minute)
	h.asked = nil
	from := netip.MustParseAddr("99.1.1.1")
	const questions = 1000
	answers := 0
	for i := range questions {
		id := identity.ID{5, byte(i >> 8), byte(i)}
		asker := Asker{ID: id, Node: KeyOf(id), Addr: from, Port: 50000, Scope: Wide, From: Origin(from)}
		h.Handle(h.now, asker, Ping{Port: uint16(minPort + i), Dial: true}, func(m Message) {
			if answers++; m.(Pong).Reached {
				t.Error("it is said to be reached, and does not answer")
			}
		})
		h.run(50 * time.Millisecond)
	}
	dials := 0
	for _, q := range h.asked {
		if q.To.Key == friend.Key {
			continue
		}
		if dials++; len(q.To.Addrs) != 1 || q.To.Addrs[0].Addr() != from {
			t.Fatalf("%v is dialled", q.To.Addrs)
		}
	}
	if dials == 0 || dials > 2*originDials || answers != questions {
		t.Errorf("%d dials in a minute, %d answers to %d questions", dials, answers, questions)
	}
}
