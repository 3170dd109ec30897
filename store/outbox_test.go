package store

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dione/crypto/identity"
)

// enqueue stores an own message and puts it into the outbox.
func enqueue(t testing.TB, s *Store, in Chat, text string, to ...identity.ID) Message {
	t.Helper()
	m := mine(in, text)
	update(t, s, func(tx *Tx) error {
		if _, err := tx.AddMessage(&m); err != nil {
			return err
		}
		expires := time.Time{}
		if in.IsRoom() {
			expires = at.Add(10 * time.Minute)
		}
		return tx.Enqueue(m, to, []byte("envelope of "+text), expires)
	})
	return m
}

func outbox(t testing.TB, s *Store, to identity.ID, after int64, n int) []Outgoing {
	t.Helper()
	var all []Outgoing
	view(t, s, func(tx *Tx) (err error) {
		all, err = waiting(tx, to, after, n)
		return err
	})
	return all
}

func acknowledge(t testing.TB, s *Store, from identity.ID, ids ...MessageID) []Message {
	t.Helper()
	var changed []Message
	update(t, s, func(tx *Tx) (err error) {
		changed, err = came(tx, from, ids)
		return err
	})
	return changed
}

func TestOutboxIsInOrder(t *testing.T) {
	s := testStore(t)
	var want []string
	for i := range 10 {
		in, to := Chat{Peer: bob}, []identity.ID{bob}
		if i%3 == 0 {
			in, to = Room, []identity.ID{carol, bob}
		}
		want = append(want, enqueue(t, s, in, fmt.Sprint(i), to...).Text)
	}
	var got []string
	row := int64(0)
	for {
		page := outbox(t, s, bob, row, 3)
		if len(page) == 0 {
			break
		}
		for _, out := range page {
			got = append(got, out.Message.Text)
			if want := "envelope of " + out.Message.Text; string(out.Payload) != want || out.To != bob {
				t.Errorf("payload %q to %v, want %q", out.Payload, out.To, want)
			}
			if out.Message.Chat.IsRoom() == out.Expires.IsZero() {
				t.Errorf("%v expires %v", out.Message.Chat, out.Expires)
			}
			row = out.Row
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("outbox = %v, want %v", got, want)
	}
}

func TestAcknowledge(t *testing.T) {
	s := testStore(t)
	m := enqueue(t, s, Chat{Peer: bob}, "x", bob)
	line := enqueue(t, s, Room, "all", bob, carol)

	if got := acknowledge(t, s, carol, m.ID); len(got) != 0 {
		t.Errorf("carol acknowledged what is bob's: %+v", got)
	}
	if got := acknowledge(t, s, person(9), line.ID, newID()); len(got) != 0 {
		t.Errorf("a stranger acknowledged: %+v", got)
	}
	if got := acknowledge(t, s, bob, m.ID, m.ID, m.ID); len(got) != 1 || got[0].State != StateDelivered || got[0].Acked != 1 {
		t.Errorf("bob's acknowledgement: %+v", got)
	}
	for i, tt := range []struct {
		from  identity.ID
		n     int
		state State
		acked int
	}{{bob, 1, StateStored, 1}, {bob, 0, 0, 0}, {carol, 1, StateDelivered, 2}, {carol, 0, 0, 0}} {
		got := acknowledge(t, s, tt.from, line.ID)
		if len(got) != tt.n || tt.n == 1 && (got[0].State != tt.state || got[0].Acked != tt.acked || got[0].Addressed != 2) {
			t.Errorf("acknowledgement %d of the line: %+v, want %+v", i, got, tt)
		}
	}
	wantEmptyOutbox(t, s)
}

// wantEmptyOutbox looks for anything left behind.
func wantEmptyOutbox(t testing.TB, s *Store) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		for _, query := range []string{
			"SELECT count(*) FROM outbox", "SELECT count(*) FROM parcel WHERE message > 0", "SELECT count(*) FROM envelope", "SELECT sum(waiting) FROM chat",
		} {
			if n, err := number(tx, query); err != nil || n != 0 {
				t.Errorf("%s = %d, %v, want 0", query, n, err)
			}
		}
		return nil
	})
}

// An id is seen by others in a room: theirs under the same one must not take
// our acknowledgement, nor does a private message have any part in it.
func TestAcknowledgeSameID(t *testing.T) {
	s := testStore(t)
	private, line := mine(Chat{Peer: bob}, "private"), mine(Room, "line")
	line.ID = private.ID
	copied := theirs(Room, bob, 1, "copied id")
	copied.ID = private.ID
	add(t, s, copied)
	update(t, s, func(tx *Tx) error {
		for _, m := range []*Message{&private, &line} {
			if _, err := tx.AddMessage(m); err != nil {
				return err
			}
		}
		if err := tx.Enqueue(private, []identity.ID{bob}, nil, time.Time{}); err != nil {
			return err
		}
		if err := tx.Enqueue(line, []identity.ID{bob}, nil, at); err != nil {
			return err
		}
		got, err := tx.Acknowledge(bob, []MessageID{line.ID})
		if len(got) != 1 || !got[0].Chat.IsRoom() || got[0].State != StateDelivered {
			t.Errorf("acknowledged %+v, want the line", got)
		}
		return err
	})
	if got := acknowledge(t, s, bob, private.ID); len(got) != 1 || got[0].Chat.IsRoom() || got[0].State != StateDelivered {
		t.Errorf("acknowledged %+v, want the private message", got)
	}
	wantEmptyOutbox(t, s)
}

func TestFailAndCancel(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	m := enqueue(t, s, in, "x", bob)
	line := enqueue(t, s, Room, "all", bob, carol)
	update(t, s, func(tx *Tx) error {
		if _, ok, err := tx.Cancel(Room, line.ID); ok || err != nil {
			t.Errorf("cancelled a line of the room: %v", err)
		}
		if _, ok, err := tx.Cancel(Chat{Peer: carol}, m.ID); ok || err != nil {
			t.Errorf("cancelled in another chat: %v", err)
		}
		got, ok, err := tx.Cancel(in, m.ID)
		if !ok || got.State != StateFailed || got.Reason != "cancelled" {
			t.Errorf("Cancel = %+v, %t", got, ok)
		}
		if err != nil {
			return err
		}
		if _, ok, err := tx.Cancel(in, m.ID); ok || err != nil {
			t.Errorf("cancelled twice: %v", err)
		}
		failed, err := tx.Fail(line, "nobody near")
		if failed.State != StateFailed || failed.Reason != "nobody near" || failed.Addressed != 2 {
			t.Errorf("Fail = %+v", failed)
		}
		return err
	})
	wantEmptyOutbox(t, s)
	if got := acknowledge(t, s, bob, line.ID); len(got) != 0 {
		t.Errorf("a line given up was acknowledged: %+v", got)
	}
	if got := acknowledge(t, s, bob, m.ID); len(got) != 0 {
		t.Errorf("a cancelled message was acknowledged: %+v", got)
	}
}

func TestExpireOutbox(t *testing.T) {
	s := testStore(t)
	private := enqueue(t, s, Chat{Peer: bob}, "private", bob)
	none := enqueue(t, s, Room, "nobody", bob, carol)
	some := enqueue(t, s, Room, "some", bob, carol)
	acknowledge(t, s, bob, some.ID)
	expire := func(now time.Time) (failed []Message) {
		update(t, s, func(tx *Tx) (err error) {
			failed, err = tx.ExpireOutbox(now)
			return err
		})
		return failed
	}
	if got := expire(at.Add(10*time.Minute - time.Millisecond)); len(got) != 0 {
		t.Errorf("failed too early: %+v", got)
	}
	got := expire(at.Add(10 * time.Minute))
	if len(got) != 1 || got[0].ID != none.ID || got[0].State != StateFailed || got[0].Reason != "nobody confirmed it" {
		t.Errorf("failed: %+v, want %q alone", got, none.Text)
	}
	if got := expire(at.Add(time.Hour)); len(got) != 0 {
		t.Errorf("failed twice: %+v", got)
	}
	if got := outbox(t, s, carol, 0, 10); len(got) != 0 {
		t.Errorf("%d lines still wait for carol", len(got))
	}
	if got := outbox(t, s, bob, 0, 10); len(got) != 1 || got[0].Message.ID != private.ID {
		t.Errorf("bob's outbox = %+v, want the private message", got)
	}
	if m := history(t, s, Room)[1]; m.State != StateStored || m.Acked != 1 {
		t.Errorf("the line that one person has: %+v", m)
	}
}

func TestEnqueueRefuses(t *testing.T) {
	s := testStore(t)
	private, line := add(t, s, mine(Chat{Peer: bob}, "x"))[0], add(t, s, mine(Room, "y"))[0]
	theirs := add(t, s, theirs(Room, bob, 1, "z"))[0]
	update(t, s, func(tx *Tx) error {
		for name, err := range map[string]error{
			"not stored":         tx.Enqueue(mine(Room, "x"), []identity.ID{bob}, nil, at),
			"not ours":           tx.Enqueue(theirs, []identity.ID{bob}, nil, at),
			"to somebody else":   tx.Enqueue(private, []identity.ID{carol}, nil, time.Time{}),
			"to two":             tx.Enqueue(private, []identity.ID{bob, carol}, nil, time.Time{}),
			"private that ends":  tx.Enqueue(private, []identity.ID{bob}, nil, at),
			"line that does not": tx.Enqueue(line, []identity.ID{bob}, nil, time.Time{}),
			"line for nobody":    tx.Enqueue(line, nil, nil, at),
		} {
			if err == nil {
				t.Errorf("%s: enqueued", name)
			}
		}
		return nil
	})
	wantEmptyOutbox(t, s)
}

// outboxModel is what the outbox should hold, kept in the plainest way.
type outboxModel struct {
	msgs  map[MessageID]*Message
	waits map[MessageID]map[identity.ID]bool
}

// Whatever is sent, acknowledged (twice, by the wrong ones, in any order),
// given up, expired and undone, and however often the program starts anew:
// each message waits for exactly those who have not acknowledged it.
func TestOutboxOfAnySchedule(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 2))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	people := []identity.ID{person(1), person(2), person(3), person(4)}
	now := at
	model := outboxModel{make(map[MessageID]*Message), make(map[MessageID]map[identity.ID]bool)}
	var ids []MessageID

	// Each step changes a copy of the model and the store in one transaction.
	step := func(tx *Tx, next outboxModel) error {
		switch n := rnd.IntN(10); {
		case n < 4 || len(ids) == 0:
			m, to, expires := mine(Room, ""), slices.Clone(people[:1+rnd.IntN(len(people))]), now.Add(time.Minute)
			if rnd.IntN(2) == 0 {
				to = []identity.ID{people[rnd.IntN(len(people))]}
				m.Chat, expires = Chat{Peer: to[0]}, time.Time{}
			}
			if _, err := tx.AddMessage(&m); err != nil {
				return err
			}
			payload := bytes.Repeat([]byte{byte(len(ids))}, rnd.IntN(50))
			if err := tx.Enqueue(m, to, payload, expires); err != nil {
				return err
			}
			m.Addressed = len(to)
			m.Arrived = now // not stored so: when the model lets it expire
			ids = append(ids, m.ID)
			next.msgs[m.ID], next.waits[m.ID] = &m, make(map[identity.ID]bool)
			for _, id := range to {
				next.waits[m.ID][id] = true
			}
		case n < 8:
			from := people[rnd.IntN(len(people))]
			acks := make([]MessageID, rnd.IntN(6))
			for i := range acks {
				acks[i] = ids[rnd.IntN(len(ids))]
			}
			changed, err := came(tx, from, acks)
			if err != nil {
				return err
			}
			want := 0
			for _, id := range acks {
				m := next.msgs[id]
				if m == nil || !next.waits[id][from] {
					continue
				}
				want++
				delete(next.waits[id], from)
				m.Acked++
				m.Reason, m.State = "", StateStored
				if m.Acked == m.Addressed {
					m.State = StateDelivered
				}
			}
			if len(changed) != want {
				t.Errorf("%d messages came further, want %d", len(changed), want)
			}
		case n < 9:
			m := next.msgs[ids[rnd.IntN(len(ids))]]
			if m == nil {
				return nil
			}
			waits := len(next.waits[m.ID]) > 0 && !m.Chat.IsRoom()
			if _, ok, err := tx.Cancel(m.Chat, m.ID); err != nil || ok != waits {
				return fmt.Errorf("cancelled: %t, want %t: %w", ok, waits, err)
			}
			if waits {
				m.State, m.Reason = StateFailed, "cancelled"
				clear(next.waits[m.ID])
			}
		default:
			now = now.Add(20 * time.Second)
			if _, err := tx.ExpireOutbox(now); err != nil {
				return err
			}
			for id, m := range next.msgs {
				if m.Chat.IsRoom() && len(next.waits[id]) > 0 && !m.Arrived.Add(time.Minute).After(now) {
					clear(next.waits[id])
					if m.Acked == 0 {
						m.State, m.Reason = StateFailed, "nobody confirmed it"
					}
				}
			}
		}
		return nil
	}

	for range 600 {
		next := outboxModel{make(map[MessageID]*Message), make(map[MessageID]map[identity.ID]bool)}
		for id, m := range model.msgs {
			copied := *m
			next.msgs[id], next.waits[id] = &copied, maps.Clone(model.waits[id])
		}
		undo := rnd.IntN(8) == 0
		err := s.Update(t.Context(), func(tx *Tx) error {
			if err := step(tx, next); err != nil {
				return err
			}
			if undo {
				return errUndo
			}
			return nil
		})
		switch {
		case undo && err == errUndo:
		case err != nil:
			t.Fatal(err)
		default:
			model = next
		}
		if rnd.IntN(60) == 0 {
			closeAll(t, p, s)
			p, s = testProfile(t, dir)
		}
	}

	waiting := 0
	for _, id := range people {
		var want []int64
		for mid, m := range model.msgs {
			if model.waits[mid][id] {
				want = append(want, m.Row)
				if !m.Chat.IsRoom() {
					waiting++
				}
			}
		}
		slices.Sort(want)
		var got []int64
		for _, out := range outbox(t, s, id, 0, 1<<20) {
			got = append(got, out.Row)
		}
		if !slices.Equal(got, want) {
			t.Errorf("outbox of %v = %v, want %v", id.Short(), got, want)
		}
	}
	view(t, s, func(tx *Tx) error {
		n, stored, err := tx.WaitingCount()
		list, err2 := tx.Waiting()
		if n != waiting || stored != 0 || len(list) != waiting {
			t.Errorf("WaitingCount = %d and %d, %d listed, want %d", n, stored, len(list), waiting)
		}
		for _, m := range model.msgs {
			got, _, err := tx.Message(m.Chat, self, m.ID)
			if got.State != m.State || got.Acked != m.Acked || got.Addressed != m.Addressed || got.Reason != m.Reason {
				t.Errorf("message is %v %d/%d %q, want %v %d/%d %q", got.State, got.Acked, got.Addressed, got.Reason,
					m.State, m.Acked, m.Addressed, m.Reason)
			}
			if err != nil {
				return err
			}
		}
		orphans, err3 := number(tx, "SELECT count(*) FROM envelope WHERE message NOT IN (SELECT message FROM outbox)")
		if orphans != 0 {
			t.Errorf("%d envelopes that nobody waits for", orphans)
		}
		for _, err := range []error{err, err2, err3} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	closeAll(t, p, s)
}
