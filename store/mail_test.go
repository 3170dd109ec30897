package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// enough is when a message counts as stored, as the engine has it.
func enough(held, places int) bool { return held > 0 && held >= min(3, places) }

// touchMail runs every statement of mail.go that runs for a visit or a message.
func touchMail(tx *Tx, session, message int64) error {
	_, err := tx.DueParcels(session, at, 10)
	_, err2 := tx.MailedParcels(session, 10)
	_, _, err3 := tx.NextMail(session)
	_, _, err4 := tx.MailHeld(message, enough)
	err5 := tx.PutMailed(session, ParcelIndex{1, 0}, Mailed{First: at})
	err6 := tx.AddBurial([][]byte{make([]byte, stoneSize)}, at)
	_, err7 := tx.DueBurials(at, 10)
	return errors.Join(err, err2, err3, err4, err5, err6, err7, tx.BuryLater(1, at), tx.Buried(1), tx.PutReset(session, []byte("x")))
}

// indices returns where packages are.
func indices(parcels []Parcel) (all []uint32) {
	for _, p := range parcels {
		all = append(all, p.N)
	}
	return all
}

// Packages are due when they should be, in their order, until somebody
// acknowledges them, and nothing is noted of them after that.
func TestMailed(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	m := enqueue(t, s, in, "long", bob)
	update(t, s, func(tx *Tx) error {
		places, session, err := sealOne(tx, bob, m.Row, 5)
		if err != nil {
			return err
		}
		due := func(now time.Time, n int, want ...uint32) {
			t.Helper()
			got, err := tx.DueParcels(session, now, n)
			if err != nil || !slices.Equal(indices(got), want) {
				t.Errorf("due at %v are %v, %v, want %v", now, indices(got), err, want)
			}
		}
		next := func(want time.Time) {
			t.Helper()
			if got, ok, err := tx.NextMail(session); err != nil || !ok || !got.Equal(want) {
				t.Errorf("the next is due at %v, %v, %v, want %v", got, ok, err, want)
			}
		}
		due(at, 3, 0, 1, 2)
		due(at, 10, 0, 1, 2, 3, 4)
		next(time.UnixMilli(0))
		if mailed, err := tx.MailedParcels(session, 10); len(mailed) != 0 || err != nil {
			t.Errorf("the network has %v, %v, and was given nothing", indices(mailed), err)
		}

		hour := func(n int) time.Time { return at.Add(time.Duration(n) * time.Hour) }
		for i, place := range places[:4] {
			put := Mailed{First: at, Next: hour(4 - i), Day: 20717, Held: 20 - i, Places: 24}
			if err := tx.PutMailed(session, place, put); err != nil {
				return err
			}
		}
		due(at, 10, 4)
		due(hour(2), 10, 2, 3, 4)
		due(hour(2), 2, 2, 3)
		mailed, err := tx.MailedParcels(session, 3)
		if err != nil || !slices.Equal(indices(mailed), []uint32{3, 2, 1}) {
			t.Errorf("the newest that the network has are %v, %v", indices(mailed), err)
		}
		want := Mailed{First: at, Next: hour(1), Day: 20717, Held: 17, Places: 24}
		if mailed[0].Mailed != want {
			t.Errorf("it has %+v, want %+v", mailed[0].Mailed, want)
		}
		if _, err := tx.AckParcels(session, places[4:]); err != nil {
			return err
		}
		next(hour(1))

		// Whatever comes of a put after the receipt is not noted.
		if _, err := tx.AckParcels(session, places[:2]); err != nil {
			return err
		}
		for _, place := range slices.Concat(places[:2], []ParcelIndex{{7, 7}}) {
			if err := tx.PutMailed(session, place, Mailed{First: at, Next: hour(9)}); err != nil {
				return err
			}
		}
		due(hour(99), 10, 2, 3)
		delivered, err := tx.AckParcels(session, places[2:4])
		if err != nil || len(delivered) != 1 || delivered[0].ID != m.ID {
			t.Errorf("with the last package %v are delivered, %v", delivered, err)
		}
		if _, changed, err := tx.MailHeld(m.Row, enough); changed || err != nil {
			t.Errorf("what is delivered is counted again: %v", err)
		}
		if _, ok, err := tx.NextMail(session); ok || err != nil {
			t.Errorf("something is still due: %v", err)
		}
		return nil
	})
	wantConsistent(t, s)
}

// A message is held as well as its worst package, and stored when that is
// enough; it does not cease to be.
func TestMailHeld(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	m := enqueue(t, s, in, "long", bob)
	other := enqueue(t, s, in, "other", bob)
	update(t, s, func(tx *Tx) error {
		places, session, err := sealOne(tx, bob, m.Row, 2)
		if err != nil {
			return err
		}
		for i, step := range []struct {
			held    [2]int
			state   State
			changed bool
		}{
			{[2]int{0, 0}, StateQueued, true}, // 0/24 instead of 0/1
			{[2]int{24, 2}, StateQueued, true},
			{[2]int{24, 2}, StateQueued, false},
			{[2]int{24, 3}, StateStored, true},
			{[2]int{20, 24}, StateStored, true},
			{[2]int{0, 1}, StateStored, true},
		} {
			for j, held := range step.held {
				if err := tx.PutMailed(session, places[j], Mailed{First: at, Held: held, Places: 24}); err != nil {
					return err
				}
			}
			got, changed, err := tx.MailHeld(m.Row, enough)
			if err != nil || changed != step.changed || changed && (got.State != step.state || got.Acked != min(step.held[0], step.held[1]) || got.Addressed != 24) {
				t.Errorf("step %d: %v %d/%d, %v, %v", i, got.State, got.Acked, got.Addressed, changed, err)
			}
		}
		if _, changed, err := tx.MailHeld(other.Row+100, enough); changed || err != nil {
			t.Errorf("no message is held, %v", err)
		}
		return nil
	})
	wantConsistent(t, s)
}

// What nobody has come for in time fails, once, and is not put again; a newer
// one is left alone.
func TestFailMail(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	old, young := enqueue(t, s, in, "old", bob), enqueue(t, s, in, "young", bob)
	update(t, s, func(tx *Tx) error {
		for i, m := range []Message{old, young} {
			places, session, err := sealOne(tx, bob, m.Row, 2)
			if err != nil {
				return err
			}
			first := at.AddDate(0, 0, i)
			for _, place := range places {
				if err := tx.PutMailed(session, place, Mailed{First: first, Next: at, Held: 8, Places: 8}); err != nil {
					return err
				}
			}
		}
		failed, err := tx.FailMail(at.Add(time.Hour), "too late")
		if err != nil || len(failed) != 1 || failed[0].ID != old.ID || failed[0].State != StateFailed || failed[0].Reason != "too late" {
			t.Errorf("failed %+v, %v", failed, err)
		}
		if again, err := tx.FailMail(at.Add(time.Hour), "too late"); len(again) != 0 || err != nil {
			t.Errorf("failed again: %v, %v", again, err)
		}
		ses, err := sessionWith(tx, bob)
		if err != nil {
			return err
		}
		due, err := tx.DueParcels(ses.Row, at.AddDate(50, 0, 0), 10)
		if err != nil || !slices.Equal(indices(due), []uint32{2, 3}) {
			t.Errorf("due is %v, %v", indices(due), err)
		}
		got, ok, err := tx.Message(in, self, young.ID)
		if err != nil || !ok || got.State != StateQueued {
			t.Errorf("the younger one is %v, %v", got.State, err)
		}
		return nil
	})
	wantConsistent(t, s)
}

// stoneOf is tombstones that a number stands for.
func stoneOf(n int) [][]byte {
	stone := make([]byte, stoneSize)
	binary.BigEndian.PutUint64(stone, uint64(n))
	return [][]byte{stone, stone, stone}
}

func stoneNumber(b Burial) int { return int(binary.BigEndian.Uint64(b.Stones[0])) }

// Tombstones wait until the network has them, those that are due longest
// first, over a restart and for so long as there is something to bury.
func TestBurials(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	due := func(now time.Time, n int, want ...int) (found []Burial) {
		t.Helper()
		var got []int
		view(t, s, func(tx *Tx) (err error) {
			found, err = tx.DueBurials(now, n)
			return err
		})
		for _, b := range found {
			got = append(got, stoneNumber(b))
			if len(b.Stones) != 3 || len(b.Stones[2]) != stoneSize {
				t.Errorf("burial %d has %d stones", stoneNumber(b), len(b.Stones))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("due at %v are %v, want %v", now, got, want)
		}
		return found
	}
	update(t, s, func(tx *Tx) error {
		if err := tx.AddBurial([][]byte{make([]byte, stoneSize-1)}, at); !errors.Is(err, ErrInvalid) {
			t.Errorf("a short tombstone: %v", err)
		}
		var err error
		for n := range 5 {
			err = errors.Join(err, tx.AddBurial(stoneOf(n), at.Add(time.Duration(n)*time.Second)))
		}
		return err
	})
	all := due(at.Add(time.Minute), 10, 0, 1, 2, 3, 4)
	due(at.Add(time.Minute), 2, 0, 1)
	due(at.Add(time.Second), 10, 0, 1)
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.Buried(all[1].Row), tx.BuryLater(all[0].Row, at.Add(time.Hour)), tx.Buried(99))
	})
	due(at.Add(time.Minute), 10, 2, 3, 4)
	closeAll(t, p, s)
	p, s = testProfile(t, dir)
	defer func() { closeAll(t, p, s) }()
	if later := due(at.Add(time.Hour), 10, 2, 3, 4, 0); len(later) == 4 && (later[3].Tries != 1 || !later[3].Made.Equal(at)) {
		t.Errorf("the one put off: %+v", later[3])
	}
	// In the end nobody holds what was to be buried.
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.BuryLater(all[2].Row, all[2].Made.Add(burialTime)), tx.BuryLater(all[3].Row, all[3].Made.Add(burialTime+time.Second)))
	})
	due(at.Add(2*burialTime), 10, 4, 0, 2)
	// There are never more than so many.
	update(t, s, func(tx *Tx) error {
		for n := range maxBurials + 10 {
			if err := tx.AddBurial(stoneOf(100+n), at.Add(3*burialTime)); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx *Tx) error {
		if n, err := number(tx, "SELECT count(*) FROM burial"); n != maxBurials || err != nil {
			t.Errorf("%d burials wait, %v", n, err)
		}
		return nil
	})
	if newest := due(at.Add(4*burialTime), maxBurials, numbers(110, maxBurials)...); len(newest) != maxBurials {
		t.Errorf("%d are due", len(newest))
	}
}

func numbers(from, n int) (all []int) {
	for i := range n {
		all = append(all, from+i)
	}
	return all
}

// A damaged row of tombstones is told, and not sent.
func TestBurialDamaged(t *testing.T) {
	s := testStore(t)
	update(t, s, func(tx *Tx) error {
		if err := tx.exec("INSERT INTO burial(made, next, tries, stones) VALUES(1, 1, 0, x'00')"); err != nil {
			return err
		}
		if _, err := tx.DueBurials(at, 10); !errors.Is(err, ErrDamaged) {
			t.Errorf("DueBurials = %v", err)
		}
		return nil
	})
}

// takeForever does what the engine does with mail: in one transaction a
// message is written down, the session goes on, and the tombstones that are to
// be sent wait. Only what is committed is put, and only what is put is done.
func takeForever(dir string) error {
	_, s, err := openChild(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	next := 0
	for {
		if err := s.Update(ctx, func(tx *Tx) error {
			ses, err := sessionWith(tx, bob)
			if err != nil {
				return err
			}
			next, _ = strconv.Atoi(string(ses.State)) // 0 in a new one
			for range 1 + rand.IntN(5) {
				next++
				m := theirs(Chat{Peer: bob}, bob, uint64(next), strconv.Itoa(next))
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
				if err := tx.AddBurial(stoneOf(next), at); err != nil {
					return err
				}
			}
			ses.State = []byte(strconv.Itoa(next))
			return tx.PutSession(&ses)
		}); err != nil {
			return err
		}
		fmt.Println(next) // from here on the tombstones leave
		if err := s.Update(ctx, func(tx *Tx) error {
			due, err := tx.DueBurials(at, 3)
			for _, b := range due {
				if err == nil {
					err = tx.Buried(b.Row)
				}
			}
			return err
		}); err != nil {
			return err
		}
	}
}

// Killed at any instant, no tombstone has left for a message that is not here,
// and none is missing for one that is: buried or waiting, all of them follow
// each other.
func TestKilledWhileTaking(t *testing.T) {
	dir := t.TempDir()
	confirmed := 0
	for range rounds(8, 200) {
		c := startChild(t, "take", dir)
		if got := atoi(t, c.next()); got <= confirmed {
			t.Fatalf("the state is number %d, %d was confirmed", got, confirmed)
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		if said := c.kill(); len(said) > 0 {
			confirmed = atoi(t, said[len(said)-1])
		}
		p, s := testProfile(t, dir)
		view(t, s, func(tx *Tx) error {
			ses, err := sessionWith(tx, bob)
			if err != nil {
				return err
			}
			state := atoi(t, string(ses.State))
			if n, err := number(tx, "SELECT count(*) FROM message"); int(n) != state || state < confirmed || err != nil {
				t.Errorf("%d messages, the state is number %d, %d was confirmed, %v", n, state, confirmed, err)
			}
			due, err := tx.DueBurials(at, maxBurials)
			for i, b := range due {
				if want := state - len(due) + i + 1; stoneNumber(b) != want {
					t.Errorf("tombstone %d waits where %d should", stoneNumber(b), want)
				}
			}
			return err
		})
		wantConsistent(t, s)
		closeAll(t, p, s)
	}
	t.Logf("%d messages confirmed", confirmed)
}
