package store

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// waiting returns everything that waits unsealed for a person, in order.
func waiting(tx *Tx, to identity.ID, after int64, n int) ([]Outgoing, error) {
	lines, err := tx.Lines(to, after, n)
	private, err2 := tx.Unsealed(to, after, n)
	all := append(lines, private...)
	slices.SortFunc(all, func(a, b Outgoing) int { return cmp.Compare(a.Row, b.Row) })
	return all[:min(len(all), n)], errors.Join(err, err2)
}

// sessionWith returns the session with a person, made if there is none.
func sessionWith(tx *Tx, id identity.ID) (Session, error) {
	all, err := tx.Sessions(id)
	if err != nil || len(all) > 0 {
		return append(all, Session{})[0], err
	}
	s := Session{Peer: id, SID: [16]byte(id[:16]), Gen: 1, Started: at, State: make([]byte, 4), Reset: []byte("reset")}
	return s, tx.PutSession(&s)
}

// sealOne puts a message into parts packages of the session with a person, and
// returns where they are.
func sealOne(tx *Tx, to identity.ID, message int64, parts int) (places []ParcelIndex, session int64, err error) {
	s, err := sessionWith(tx, to)
	if err != nil {
		return nil, 0, err
	}
	last, err := tx.Parcels(s.Row, ParcelIndex{}, 1<<20)
	if err != nil {
		return nil, 0, err
	}
	n := uint32(0)
	if len(last) > 0 {
		n = last[len(last)-1].N + 1
	}
	for i := range parts {
		p := Parcel{Session: s.Row, Epoch: 1, N: n + uint32(i), Message: message, Part: i, Parts: parts, Core: make([]byte, CoreSize)}
		p.Core[0], p.Seed[0], p.Address[0] = byte(n), 1, 2
		if err := tx.PutParcel(p); err != nil {
			return nil, 0, err
		}
		places = append(places, ParcelIndex{p.Epoch, p.N})
	}
	return places, s.Row, nil
}

// came has a person acknowledge messages: lines of the room as such, private
// ones by the package that they are put in here.
func came(tx *Tx, from identity.ID, ids []MessageID) (changed []Message, err error) {
	rows, err := tx.Unsealed(from, 0, 1<<20)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		i := slices.IndexFunc(rows, func(o Outgoing) bool { return o.Message.ID == id })
		var some []Message
		if i < 0 {
			if some, err = tx.Acknowledge(from, []MessageID{id}); err != nil {
				return nil, err
			}
			changed = append(changed, some...)
			continue
		}
		places, session, err := sealOne(tx, from, rows[i].Row, 1)
		if err != nil {
			return nil, err
		}
		if some, err = tx.AckParcels(session, places); err != nil {
			return nil, err
		}
		changed = append(changed, some...)
		rows = slices.Delete(rows, i, i+1)
	}
	return changed, nil
}

// A message of several packages is delivered with the last of them, and waits
// again when their session ends.
func TestParcels(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	m := enqueue(t, s, in, "long", bob)
	next := enqueue(t, s, in, "next", bob)
	var session int64
	update(t, s, func(tx *Tx) error {
		places, row, err := sealOne(tx, bob, m.Row, 3)
		if err != nil {
			return err
		}
		session = row
		if _, _, err := tx.Cancel(in, m.ID); !errors.Is(err, ErrSealed) {
			t.Errorf("cancelled what is under way: %v", err)
		}
		if left, err := tx.Unsealed(bob, 0, 10); len(left) != 1 || left[0].Row != next.Row {
			t.Errorf("%d messages wait unsealed, %v", len(left), err)
		}
		got, err := tx.AckParcels(row, places[:2])
		if len(got) != 0 || err != nil {
			t.Errorf("delivered after two of three: %v, %v", got, err)
		}
		rest, err := tx.Parcels(row, ParcelIndex{}, 10)
		if len(rest) != 1 || rest[0].N != 2 || rest[0].Message != m.Row || rest[0].Parts != 3 || rest[0].Address[0] != 2 || rest[0].Seed[0] != 1 {
			t.Errorf("packages left: %+v, %v", rest, err)
		}
		if again, err := tx.AckParcels(row, places[:2]); len(again) != 0 || err != nil {
			t.Errorf("acknowledged again: %v, %v", again, err)
		}
		return tx.DropSession(row)
	})
	update(t, s, func(tx *Tx) error {
		left, err := tx.Unsealed(bob, 0, 10)
		if len(left) != 2 || left[0].Row != m.Row || string(left[0].Payload) != "envelope of long" {
			t.Errorf("after the session %d messages wait: %v", len(left), err)
		}
		if _, err := tx.Parcels(session, ParcelIndex{}, 10); err != nil {
			t.Error(err)
		}
		places, row, err := sealOne(tx, bob, m.Row, 2)
		if err != nil {
			return err
		}
		got, err := tx.AckParcels(row, places)
		if len(got) != 1 || got[0].State != StateDelivered || got[0].ID != m.ID {
			t.Errorf("delivered: %+v", got)
		}
		failed, err2 := tx.GiveUp(bob, "blocked")
		if len(failed) != 1 || failed[0].ID != next.ID || failed[0].State != StateFailed || failed[0].Reason != "blocked" {
			t.Errorf("given up: %+v", failed)
		}
		return errors.Join(err, err2, tx.DropSession(row))
	})
	wantEmptyOutbox(t, s)
}

// A state fits into its row only with its own number.
func TestSessions(t *testing.T) {
	s := testStore(t)
	one := Session{Peer: bob, SID: [16]byte{9}, Gen: 3, Started: at, State: []byte("first state"), Reset: []byte("kept")}
	two := Session{Peer: bob, SID: [16]byte{1}, Gen: 3, Started: at, State: []byte("other")}
	var old []byte
	update(t, s, func(tx *Tx) error {
		if err := errors.Join(tx.PutSession(&one), tx.PutSession(&two)); err != nil {
			return err
		}
		_, err := tx.one("SELECT state FROM session WHERE id = ?", func(row *sqlite3.Stmt) { old = row.ColumnBlob(0, nil) }, one.Row)
		one.State = []byte("second state")
		return errors.Join(err, tx.PutSession(&one))
	})
	view(t, s, func(tx *Tx) error {
		all, err := tx.Sessions(bob)
		if len(all) != 2 || all[0].SID != two.SID || string(all[1].State) != "second state" || string(all[1].Reset) != "kept" || all[1].Gen != 3 || !all[1].Started.Equal(at) {
			t.Errorf("sessions = %+v", all)
		}
		return err
	})
	err := s.Update(t.Context(), func(tx *Tx) error {
		if err := tx.exec("UPDATE session SET state = ? WHERE id = ?", old, one.Row); err != nil {
			return err
		}
		_, err := tx.Sessions(bob)
		return err
	})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("an old state was put back: %v", err)
	}
}

func TestPrekeysAndInvitations(t *testing.T) {
	s := testStore(t)
	update(t, s, func(tx *Tx) error {
		first := Prekey{Number: [8]byte{1}, Peer: bob, Made: at, Bundle: []byte("bundle"), Secret: []byte("secret")}
		second := Prekey{Number: [8]byte{2}, Peer: bob, Made: at, Bundle: []byte("bundle 2"), Secret: []byte("secret 2")}
		if err := errors.Join(tx.PutPrekey(first), tx.PutPrekey(second)); err != nil {
			return err
		}
		if _, ok, err := tx.Prekey(first.Number); ok || err != nil {
			t.Errorf("keys that others took the place of: %t, %v", ok, err)
		}
		got, ok, err := tx.PrekeyOf(bob)
		if !ok || got.Number != second.Number || string(got.Secret) != "secret 2" || string(got.Bundle) != "bundle 2" || got.Peer != bob {
			t.Errorf("PrekeyOf = %+v, %t, %v", got, ok, err)
		}
		if err := errors.Join(tx.ExpireKeys(at.Add(keyTime)), tx.DropPrekey([8]byte{7})); err != nil {
			return err
		}
		if _, ok, _ := tx.Prekey(second.Number); !ok {
			t.Error("keys were dropped too early")
		}
		if err := tx.ExpireKeys(at.Add(keyTime + time.Second)); err != nil {
			return err
		}
		if _, ok, _ := tx.Prekey(second.Number); ok {
			t.Error("keys are there after their time")
		}
		for i := range maxInvitations {
			inv := Invitation{V: [16]byte{byte(i)}, Made: at, Expires: at, Text: "dione:x", Secret: []byte{byte(i)}, Offer: [][]byte{{1}, {2}}}
			if err := tx.PutInvitation(inv); err != nil {
				return err
			}
		}
		if err := tx.PutInvitation(Invitation{V: [16]byte{0xff}}); !errors.Is(err, ErrTooMany) {
			t.Errorf("one invitation too many: %v", err)
		}
		if err := tx.PutInvitation(Invitation{V: [16]byte{3}, Expires: at.Add(time.Hour), Next: at}); err != nil {
			t.Errorf("prolonging an invitation: %v", err)
		}
		if err := tx.DropInvitation([16]byte{0}); err != nil {
			return err
		}
		open, err := tx.Invitations()
		if len(open) != maxInvitations-1 || open[2].V != [16]byte{3} || !open[2].Expires.Equal(at.Add(time.Hour)) || open[2].Text != "dione:x" {
			t.Errorf("%d invitations, %+v", len(open), open[2])
		}
		if inv := open[2]; !inv.Next.Equal(at) || inv.Secret[0] != 3 || len(inv.Offer) != 2 || !open[1].Next.IsZero() {
			t.Errorf("what is put into the network: %+v, %+v", inv, open[1])
		}
		return err
	})
}

func TestFragments(t *testing.T) {
	s := testStore(t)
	add := func(message byte, part, parts int, data string, now time.Time) (string, bool) {
		var whole []byte
		var done bool
		update(t, s, func(tx *Tx) (err error) {
			whole, done, err = tx.AddFragment(bob, [16]byte{message}, part, parts, []byte(data), now)
			return err
		})
		return string(whole), done
	}
	for i, tt := range []struct {
		part int
		data string
		done bool
	}{{2, "c", false}, {0, "a", false}, {0, "x", false}, {1, "b", true}} {
		whole, done := add(1, tt.part, 3, tt.data, at)
		if done != tt.done || done && whole != "abc" {
			t.Errorf("part %d: %q, %t", i, whole, done)
		}
	}
	err := s.Update(t.Context(), func(tx *Tx) error {
		if _, _, err := tx.AddFragment(bob, [16]byte{2}, 0, 3, nil, at); err != nil {
			return err
		}
		_, _, err := tx.AddFragment(bob, [16]byte{2}, 1, 4, nil, at)
		return err
	})
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("a message of 3 and of 4 parts: %v", err)
	}
	// Whoever leaves too many unfinished loses the oldest.
	update(t, s, func(tx *Tx) error {
		for i := range maxFragments + 5 {
			if _, _, err := tx.AddFragment(bob, [16]byte{3, byte(i >> 5), byte(i >> 13)}, i%32, 64, []byte("x"), at.Add(time.Duration(i)*time.Millisecond)); err != nil {
				return err
			}
		}
		n, err := number(tx, "SELECT count(*) FROM fragment")
		if n > maxFragments {
			t.Errorf("%d parts are kept", n)
		}
		first, err2 := number(tx, "SELECT count(*) FROM fragment WHERE uid = x'03000000000000000000000000000000'")
		if first != 0 {
			t.Errorf("%d parts of the oldest message are kept", first)
		}
		return errors.Join(err, err2, tx.ExpireKeys(at.Add(2*keyTime)))
	})
	view(t, s, func(tx *Tx) error {
		n, err := number(tx, "SELECT count(*) FROM fragment")
		if n != 0 {
			t.Errorf("%d parts are there after their time", n)
		}
		return err
	})
}

func TestOldestRequests(t *testing.T) {
	s := testStore(t)
	update(t, s, func(tx *Tx) error {
		for i := range 12 {
			c := Contact{ID: person(10 + i), Standing: StandingRequest, Since: at.Add(-time.Duration(i) * time.Minute), Addrs: []string{"/a", "/b"}, Heard: []string{"/c"}, Gen: 1 << 40, Floor: 7, Invited: []byte{1}}
			if i >= 10 {
				c.Standing = StandingBlocked
			}
			if err := tx.PutContact(c); err != nil {
				return err
			}
		}
		ids, err := tx.OldestRequests(8)
		if len(ids) != 2 || ids[0] != person(19) || ids[1] != person(18) {
			t.Errorf("oldest: %v", ids)
		}
		got, _, err2 := tx.Contact(person(10))
		if got.Standing != StandingRequest || !got.Since.Equal(at) || !slices.Equal(got.Addrs, []string{"/a", "/b"}) || !slices.Equal(got.Heard, []string{"/c"}) || got.Gen != 1<<40 || got.Floor != 7 || string(got.Invited) != "\x01" {
			t.Errorf("contact = %+v", got)
		}
		if err := tx.ForgetContacts([]identity.ID{person(10), person(20)}); err != nil {
			return err
		}
		for _, id := range []identity.ID{person(10), person(20)} {
			if _, ok, err := tx.Contact(id); !ok || err != nil {
				t.Errorf("%s of whom something is to be decided was forgotten: %v", id.Short(), err)
			}
		}
		return errors.Join(err, err2)
	})
}

// TestSpares: of the keys for the loss of a session the newest two are kept,
// beside those for the next one, until the session is dropped.
func TestSpares(t *testing.T) {
	s := testStore(t)
	update(t, s, func(tx *Tx) error {
		one, other := Session{Peer: bob, SID: [16]byte{1}, State: []byte("s")}, Session{Peer: bob, SID: [16]byte{2}, State: []byte("s")}
		err := errors.Join(tx.PutSession(&one), tx.PutSession(&other),
			tx.PutPrekey(Prekey{Number: [8]byte{9}, Peer: bob, Made: at, Bundle: []byte("next")}))
		for i := range byte(4) {
			err = errors.Join(err, tx.PutPrekey(Prekey{Number: [8]byte{i}, Peer: bob, Session: one.Row, Made: at.Add(time.Duration(i) * time.Hour), Secret: []byte{i}}))
		}
		err = errors.Join(err, tx.PutPrekey(Prekey{Number: [8]byte{7}, Peer: bob, Session: other.Row, Made: at}), tx.ExpireKeys(at.Add(2*keyTime)))
		if err != nil {
			return err
		}
		for number, want := range map[byte]bool{0: false, 1: false, 2: true, 3: true, 7: true, 9: false} {
			k, ok, err := tx.Prekey([8]byte{number})
			if ok != want || err != nil || ok && number < 4 && (k.Session != one.Row || k.Peer != bob || k.Secret[0] != number) {
				t.Errorf("keys %d: %+v, %v, %v", number, k, ok, err)
			}
		}
		if made, ok, err := tx.SpareMade(one.Row); !ok || !made.Equal(at.Add(3*time.Hour)) || err != nil {
			t.Errorf("made at %v, %v, %v", made, ok, err)
		}
		if err := tx.DropSession(one.Row); err != nil {
			return err
		}
		if _, ok, err := tx.SpareMade(one.Row); ok || err != nil {
			t.Errorf("keys for a dropped session: %v, %v", ok, err)
		}
		if _, ok, _ := tx.Prekey([8]byte{7}); !ok {
			t.Error("another session lost its keys")
		}
		return nil
	})
}

// TestLoseSession: the state goes, messages wait again, and what a backup keeps
// stays.
func TestLoseSession(t *testing.T) {
	s := testStore(t)
	update(t, s, func(tx *Tx) error {
		one := Session{Peer: bob, SID: [16]byte{1}, Gen: 3, State: []byte("state"), Reset: []byte("reset")}
		m := mine(Chat{Peer: bob}, "waits")
		_, err := tx.AddMessage(&m)
		if err := errors.Join(err, tx.PutSession(&one), enqueueOnly(tx, m)); err != nil {
			return err
		}
		for epoch := range uint32(2) {
			p := Parcel{Session: one.Row, Epoch: epoch, Message: m.Row * int64(epoch), Parts: 1, Core: make([]byte, CoreSize)}
			if err := tx.PutParcel(p); err != nil {
				return err
			}
		}
		intro, err := tx.IntroParcels(one.Row)
		if len(intro) != 1 || intro[0].Epoch != 0 || err != nil {
			t.Errorf("the introduction: %d packages, %v", len(intro), err)
		}
		for what, list := range map[string]func() ([]Parcel, error){
			"for a link": func() ([]Parcel, error) { return tx.Parcels(one.Row, ParcelIndex{}, 9) },
			"due":        func() ([]Parcel, error) { return tx.DueParcels(one.Row, at, 9) },
		} {
			if all, err := list(); len(all) != 1 || all[0].Epoch != 1 || err != nil {
				t.Errorf("%s: %d packages, %v", what, len(all), err)
			}
		}
		if err := tx.DropIntro(one.Row); err != nil {
			return err
		}
		if intro, err := tx.IntroParcels(one.Row); len(intro) != 0 || err != nil {
			t.Errorf("after it was dropped: %d packages, %v", len(intro), err)
		}
		if err := tx.LoseSession(one.Row); err != nil {
			return err
		}
		kept, err := tx.Sessions(bob)
		if len(kept) != 1 || kept[0].State != nil || string(kept[0].Reset) != "reset" || kept[0].Gen != 3 || err != nil {
			t.Errorf("kept: %+v, %v", kept, err)
		}
		waits, err := tx.Unsealed(bob, 0, 9)
		if len(waits) != 1 || err != nil {
			t.Errorf("%d messages wait, %v", len(waits), err)
		}
		return err
	})
}
