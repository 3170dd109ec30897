package store

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// No statement that runs for each message, page or chat looks through a table:
// with a million messages that is the difference between 0.1 ms and a second.
func TestNoScans(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	add(t, s, theirs(in, bob, 5, "x"), theirs(in, bob, 3, "late"), theirs(in, bob, 7, "y"))
	m := enqueue(t, s, in, "x", bob)
	line := enqueue(t, s, Room, "y", bob, carol)
	gone := enqueue(t, s, Room, "z", bob, carol)
	update(t, s, func(tx *Tx) error {
		s.cache = newCache()
		_, _, err := tx.Message(in, bob, m.ID)
		_, err2 := tx.History(in, Cursor{3, 3}, 10)
		_, err3 := tx.HistoryAfter(in, Cursor{1, 1}, 10)
		_, err4 := tx.After(1, 10)
		_, err5 := tx.MarkRead(in, 1)
		_, err6 := tx.Lines(bob, 0, 10)
		err = errors.Join(err, touchSessions(tx, in.Peer, m.Row))
		_, _, err7 := tx.Cancel(in, m.ID)
		_, err8 := tx.Acknowledge(bob, []MessageID{m.ID, line.ID})
		_, err9 := tx.Fail(gone, "x")
		_, err10 := tx.ExpireOutbox(at.Add(time.Hour))
		_, _, err11 := tx.Contact(bob)
		err12 := touchChanges(tx, in)
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12,
			tx.PutContact(Contact{ID: carol}), tx.ForgetContacts([]identity.ID{carol}), tx.SetMeta("a", "b"))
	})
	perMessage := maps.Clone(s.db.stmts)
	for query := range perMessage {
		if first := strings.Fields(query)[0]; !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT"}, first) {
			continue
		}
		for _, step := range plan(t, s, query) {
			if step == "SCAN contact USING COVERING INDEX contact_request" {
				continue // of requests, which are few
			}
			if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}

	// These are asked for by a screen, and look through the chats alone.
	view(t, s, func(tx *Tx) error {
		_, err := tx.Chats()
		_, err2 := tx.Waiting()
		_, _, err3 := tx.WaitingCount()
		return errors.Join(err, err2, err3)
	})
	find(t, s, Wanted{Phrases: []Phrase{{Words: []string{"x"}}}, In: &in, From: &bob, After: at.Add(-time.Hour), Before: at.Add(time.Hour)})
	find(t, s, Wanted{After: at.Add(-time.Hour)})
	for query := range maps.Clone(s.db.stmts) {
		if perMessage[query] != nil || strings.HasPrefix(query, "EXPLAIN") {
			continue
		}
		for _, step := range plan(t, s, query) {
			if strings.Contains(step, "TEMP B-TREE") ||
				strings.HasPrefix(step, "SCAN") && step != "SCAN c" && step != "SCAN chat" && !strings.HasPrefix(step, "SCAN w VIRTUAL TABLE INDEX") {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}
}

// touchChanges runs every statement of changes.go.
func touchChanges(tx *Tx, in Chat) error {
	said := theirs(in, bob, 20, "said")
	changes := []Message{
		does(KindReaction, theirs(in, bob, 21, ""), refOf(said), "x"), said,
		does(KindCorrection, theirs(in, bob, 22, ""), refOf(said), "once more"),
		does(KindReaction, theirs(in, bob, 23, ""), refOf(said), ""),
		does(KindDeletion, theirs(in, bob, 24, ""), refOf(said), ""),
	}
	for i, m := range changes {
		if err := keepOne(tx, m); err != nil {
			return err
		}
		if _, err := tx.Versions(in, bob, said.ID); err != nil {
			return err
		}
		if i == 2 {
			answer := theirs(in, bob, 25, "quoted")
			answer.Target = refOf(said)
			if err := keepOne(tx, answer); err != nil {
				return err
			}
		}
	}
	_, err := tx.Corrections(said)
	return errors.Join(err, tx.Resend(said, nil))
}

// touchSessions runs every statement of sessions.go, parcels.go and mail.go.
func touchSessions(tx *Tx, with identity.ID, message int64) error {
	places, row, err := sealOne(tx, with, message, 2)
	if err != nil {
		return err
	}
	_, err = tx.AckParcels(row, places[:1])
	_, err2 := tx.Unsealed(with, 0, 1)
	_, _, err3 := tx.PrekeyOf(with)
	_, _, err4 := tx.Prekey([8]byte{})
	_, _, err5 := tx.AddFragment(with, [16]byte{1}, 0, 2, []byte("x"), at)
	_, _, err6 := tx.AddFragment(with, [16]byte{1}, 1, 2, []byte("x"), at)
	_, err7 := tx.OldestRequests(10)
	_, err8 := tx.NewestSeq(Chat{Peer: with}, with)
	err9 := touchMail(tx, row, message)
	_, err10 := tx.IntroParcels(row)
	_, _, err11 := tx.SpareMade(row)
	return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, tx.DropIntro(row),
		tx.PutPrekey(Prekey{Peer: with, Session: row}), tx.DropPrekey([8]byte{}), tx.LoseSession(row), tx.DropSession(row),
		tx.PutPrekey(Prekey{Peer: with}), tx.DropPrekey([8]byte{}))
}

// plan returns the steps in which SQLite would run a query.
func plan(t *testing.T, s *Store, query string) (steps []string) {
	t.Helper()
	if err := s.db.query("EXPLAIN QUERY PLAN "+query, func(row *sqlite3.Stmt) error {
		steps = append(steps, row.ColumnText(3))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return steps
}
