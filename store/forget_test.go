package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/identity"
)

// sweepAll deletes in steps of n until nothing is left that is to go.
func sweepAll(t testing.TB, s *Store, now time.Time, n int) (all []Swept) {
	t.Helper()
	for more := true; more; {
		update(t, s, func(tx *Tx) error {
			swept, again, err := tx.Sweep(now, n)
			all, more = append(all, swept...), again
			return err
		})
	}
	return all
}

func deleteChat(t testing.TB, s *Store, in Chat) {
	t.Helper()
	update(t, s, func(tx *Tx) error { return tx.DeleteChat(in) })
}

func rowsLeft(t testing.TB, s *Store) (n int64) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) {
		n, err = number(tx, "SELECT count(*) FROM message")
		return err
	})
	return n
}

// A deleted chat is gone from every table, in steps and over a restart, and
// others stay. What comes later is neither late, nor read, nor known.
func TestDeleteChat(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	in, other := Chat{Peer: bob}, Chat{Peer: carol}
	var theirs1 []Message
	for seq := range uint64(30) {
		theirs1 = append(theirs1, add(t, s, theirs(in, bob, seq+1, fmt.Sprintf("secret %d", seq+1)), mine(in, "mine"))...)
	}
	reaction := Message{Chat: in, ID: newID(), From: bob, Seq: 31, Sent: at, Arrived: at, Path: PathLAN, Kind: KindReaction, Text: "👍", Target: Ref{theirs1[1].ID, self}}
	update(t, s, func(tx *Tx) error { _, _, _, err := tx.AddChange(&reaction); return err })
	add(t, s, theirs(other, carol, 1, "secret of carol"))
	setDraft(t, s, Draft{Chat: in, Text: "draft"})
	newest := add(t, s, theirs(Room, carol, 1, "in the room"))[0].Row

	deleteChat(t, s, in)
	update(t, s, func(tx *Tx) error {
		swept, more, err := tx.Sweep(at, 7)
		if !more || len(swept) != 1 || swept[0].Whole || swept[0].N != 7 {
			t.Errorf("the first step: %+v, %t", swept, more)
		}
		return err
	})
	closeAll(t, p, s)
	p, s = testProfile(t, dir)
	defer func() { closeAll(t, p, s) }()
	swept := sweepAll(t, s, at, 7)
	if last := swept[len(swept)-1]; !last.Whole || last.Info.Chat != in || last.Info.Unread != 0 {
		t.Errorf("the last step: %+v", last)
	}
	if got := history(t, s, in); len(got) != 0 {
		t.Errorf("%d messages are left", len(got))
	}
	if found := hits(t, s, Wanted{Phrases: []Phrase{{Words: []string{"secret"}}}}); !slices.Equal(found, []string{"secret of carol"}) {
		t.Errorf("found: %q", found)
	}
	if n := rowsLeft(t, s); n != 2 || len(drafts(t, s)) != 0 {
		t.Errorf("%d messages and %d drafts are left", n, len(drafts(t, s)))
	}
	if swept := sweepAll(t, s, at, 7); len(swept) != 0 {
		t.Errorf("there is more to do: %+v", swept)
	}
	wantConsistent(t, s)

	// It comes once more, from a device that has not heard of the acknowledgement.
	again := theirs1[2]
	again.Row = 0
	update(t, s, func(tx *Tx) error {
		if added, err := tx.AddMessage(&again); added || err != nil {
			t.Errorf("what was deleted is here again: %v", err)
		}
		return nil
	})
	late := add(t, s, theirs(in, bob, 29, "late"), theirs(in, bob, 32, "new"), mine(in, "my next"))
	if !late[0].Late || late[1].Late || late[2].Seq != 31 || late[0].Row <= newest || late[0].Pos <= theirs1[59].Pos {
		t.Errorf("what came later: %+v", late)
	}
	if got := texts(history(t, s, in)); !slices.Equal(got, []string{"late", "new", "my next"}) {
		t.Errorf("the chat is %q", got)
	}
	view(t, s, func(tx *Tx) error {
		info, err := tx.ChatInfo(in)
		if info.Unread != 2 {
			t.Errorf("%d are unread", info.Unread)
		}
		return err
	})
	// After a long time it may be anything.
	sweepAll(t, s, at.Add(knownFor), 7)
	view(t, s, func(tx *Tx) error {
		n, err := number(tx, "SELECT count(*) FROM forgotten")
		if n != 0 {
			t.Errorf("%d are known", n)
		}
		return err
	})
}

// hits are the texts that a search finds, the newest first.
func hits(t testing.TB, s *Store, want Wanted) (all []string) {
	t.Helper()
	found, err := s.Search(t.Context(), want, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range found.Hits {
		all = append(all, h.Message.Text)
	}
	return all
}

// Row numbers are not used again, whatever was deleted last.
func TestRowsAreNotReused(t *testing.T) {
	s := testStore(t)
	was := add(t, s, theirs(Room, bob, 1, "x"), theirs(Room, bob, 2, "y"))
	deleteChat(t, s, Room)
	sweepAll(t, s, at, 100)
	if now := add(t, s, theirs(Room, bob, 3, "z"))[0]; now.Row <= was[1].Row || now.Pos <= was[1].Pos || now.Late {
		t.Errorf("after row %d comes %d, after place %v %v", was[1].Row, now.Row, was[1].Pos, now.Pos)
	}
	if got := hits(t, s, Wanted{}); !slices.Equal(got, []string{"z"}) {
		t.Errorf("found: %q", got)
	}
}

// What waits is given up, but for a deletion; what is sealed is on its way.
func TestDeleteWaiting(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	first := enqueue(t, s, in, "first", bob)
	enqueue(t, s, in, "second", bob)
	line := enqueue(t, s, Room, "line", bob, carol)
	ses := Session{Peer: bob, SID: [16]byte{1}, Gen: 1, Started: at, State: noise(90), Reset: []byte("reset")}
	update(t, s, func(tx *Tx) error {
		err := tx.PutSession(&ses)
		return errors.Join(err, tx.PutParcel(Parcel{Session: ses.Row, Epoch: 1, N: 1, Message: first.Row, Part: 0, Parts: 1, Core: noise(CoreSize)}))
	})
	unsend := Message{Chat: in, ID: newID(), From: self, Mine: true, State: StateQueued, Sent: at, Arrived: at, Kind: KindDeletion, Target: Ref{first.ID, self}}
	update(t, s, func(tx *Tx) error {
		_, _, _, err := tx.AddChange(&unsend)
		return errors.Join(err, tx.Enqueue(unsend, []identity.ID{bob}, []byte("unsend"), time.Time{}))
	})
	deleteChat(t, s, in)
	deleteChat(t, s, Room)
	sweepAll(t, s, at, 100)
	if n := rowsLeft(t, s); n != 1 {
		t.Errorf("%d messages are left", n)
	}
	waiting := outbox(t, s, bob, 0, 10)
	if len(waiting) != 1 || waiting[0].Message.Kind != KindDeletion {
		t.Errorf("there waits %+v", waiting)
	}
	view(t, s, func(tx *Tx) error {
		sealed, err := tx.Parcels(ses.Row, ParcelIndex{}, 10)
		if len(sealed) != 1 || sealed[0].Message != 0 {
			t.Errorf("on their way are %+v", sealed)
		}
		queued, stored, err2 := tx.WaitingCount()
		if queued != 1 || stored != 0 {
			t.Errorf("%d and %d wait", queued, stored)
		}
		return errors.Join(err, err2)
	})
	update(t, s, func(tx *Tx) error { // an acknowledgement that comes late
		_, err := tx.AckParcels(ses.Row, []ParcelIndex{{1, 1}})
		_, err2 := tx.Acknowledge(bob, []MessageID{line.ID})
		_, err3 := tx.Fail(waiting[0].Message, "given up")
		return errors.Join(err, err2, err3)
	})
	sweepAll(t, s, at, 100)
	if n := rowsLeft(t, s); n != 0 {
		t.Errorf("%d messages are left", n)
	}
	wantConsistent(t, s)
}

// What is too old goes, but for what waits, and what came late is as old as
// its coming.
func TestRetain(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	old := at.Add(-31 * 24 * time.Hour)
	for i := range uint64(450) {
		m := theirs(in, bob, 2*i+1, "old")
		m.Sent, m.Arrived = old, old
		if i%2 == 1 {
			m = mine(in, "old, too")
			m.Sent, m.Arrived = old, old
		}
		add(t, s, m)
	}
	waits := mine(in, "waits")
	waits.Sent, waits.Arrived = old, old
	update(t, s, func(tx *Tx) error {
		_, err := tx.AddMessage(&waits)
		return errors.Join(err, tx.Enqueue(waits, []identity.ID{bob}, []byte("x"), time.Time{}))
	})
	add(t, s, theirs(in, bob, 2, "late"), theirs(in, bob, 1000, "new"), theirs(Room, bob, 1, "elsewhere"))
	if got := sweepAll(t, s, at, 100); len(got) != 0 {
		t.Errorf("before anything was said: %+v", got)
	}
	update(t, s, func(tx *Tx) error {
		info, err := tx.Retain(in, 30*24*time.Hour)
		if info.Keep != 30*24*time.Hour {
			t.Errorf("kept for %v", info.Keep)
		}
		_, err2 := tx.Retain(in, MaxKeep+time.Hour)
		if !errors.Is(err2, ErrInvalid) {
			t.Errorf("too long a time: %v", err2)
		}
		return err
	})
	swept := sweepAll(t, s, at, 100)
	n := 0
	for _, one := range swept {
		n += one.N
		if one.Whole || !one.Until.Equal(at.Add(-30*24*time.Hour)) {
			t.Errorf("swept: %+v", one)
		}
	}
	if got := texts(history(t, s, in)); n != 450 || !slices.Equal(got, []string{"late", "waits", "new"}) {
		t.Errorf("%d are gone, left is %q", n, got)
	}
	wantConsistent(t, s)
	view(t, s, func(tx *Tx) error {
		info, err := tx.ChatInfo(in)
		if info.Unread != 2 {
			t.Errorf("%d are unread", info.Unread)
		}
		return err
	})
	update(t, s, func(tx *Tx) error { _, err := tx.Retain(in, 0); return err })
	sweepAll(t, s, at.Add(1000*24*time.Hour), 100)
	if got := history(t, s, in); len(got) != 3 {
		t.Errorf("%d are left, though they are kept for good", len(got))
	}
}

// Nothing of a deleted chat lies in the pages or in the WAL: no text, former
// text, draft or word.
func TestDeletedChatIsErased(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, s := testProfile(t, dir)
		key := *p.key
		in := Chat{Peer: bob}
		fillStore(t, s, 300, []identity.ID{bob, carol})
		var erased []string
		secret := func() string {
			erased = append(erased, hex.EncodeToString(noise(16)))
			return erased[len(erased)-1]
		}
		for i := range uint64(60) {
			m := add(t, s, theirs(in, bob, 1000+2*i, secret()+strings.Repeat(" long", int(i)*20)))[0]
			if i%5 == 0 {
				fix := Message{Chat: in, ID: newID(), From: bob, Seq: m.Seq + 1, Sent: at, Arrived: at, Path: PathLAN, Kind: KindCorrection, Text: secret(), Target: Ref{m.ID, bob}}
				update(t, s, func(tx *Tx) error { _, _, _, err := tx.AddChange(&fix); return err })
			}
		}
		setDraft(t, s, Draft{Chat: in, Text: secret()})
		look := func() (n int) {
			all := pages(t, s, key)
			for _, s := range erased {
				if bytes.Contains(all, []byte(s)) {
					n++
				}
			}
			return n
		}
		if n := look(); n != len(erased) {
			t.Errorf("%d of %d secrets are found: the search is wrong", n, len(erased))
		}
		deleteChat(t, s, in)
		sweepAll(t, s, time.Now(), 50)
		<-after(idleBefore + 1)
		synctest.Wait()
		if n := look(); n > 0 {
			t.Errorf("%d of %d secrets are still there", n, len(erased))
		}
		if got := history(t, s, Chat{Peer: carol}); len(got) != 150 {
			t.Errorf("%d messages of carol", len(got))
		}
		closeAll(t, p, s)
	})
}
