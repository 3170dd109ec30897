package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func drafts(t testing.TB, s *Store) (all []Draft) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) {
		all, err = tx.Drafts()
		return err
	})
	return all
}

func setDraft(t testing.TB, s *Store, d Draft) {
	t.Helper()
	update(t, s, func(tx *Tx) error { return tx.SetDraft(d) })
}

// What was left in a chat is there after a restart, and gone when nothing is.
func TestDrafts(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	room := Draft{Chat: Room, Text: "half a thought\n", Top: Cursor{Pos: 3.5, Row: 7}}
	private := Draft{Chat: Chat{Peer: bob}, Text: "dear bob"}
	setDraft(t, s, Draft{Chat: Room, Text: "half"})
	setDraft(t, s, private)
	setDraft(t, s, room)
	setDraft(t, s, Draft{Chat: Chat{Peer: carol}}) // nothing, in a chat that is not there
	closeAll(t, p, s)
	p, s = testProfile(t, dir)
	defer closeAll(t, p, s)
	if got := drafts(t, s); !slices.Equal(got, []Draft{room, private}) {
		t.Errorf("drafts are %+v", got)
	}
	setDraft(t, s, Draft{Chat: Room})
	if got := drafts(t, s); !slices.Equal(got, []Draft{private}) {
		t.Errorf("drafts are %+v", got)
	}
	for _, text := range []string{strings.Repeat("x", MaxDraft+1), "\xff"} {
		if err := s.Update(t.Context(), func(tx *Tx) error { return tx.SetDraft(Draft{Text: text}) }); !errors.Is(err, ErrInvalid) {
			t.Errorf("a draft of %d bytes: %v", len(text), err)
		}
	}
}

// What was sent is no draft; another text stays.
func TestDraftSent(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	setDraft(t, s, Draft{Chat: in, Text: "hello \n", Top: Cursor{Pos: 1, Row: 1}})
	for _, tt := range []struct {
		sent string
		left int
	}{{"hello you", 1}, {"hello", 0}, {"hello", 0}} {
		update(t, s, func(tx *Tx) error { return tx.DraftSent(in, tt.sent) })
		if got := drafts(t, s); len(got) != tt.left {
			t.Errorf("after %q there are %+v", tt.sent, got)
		}
	}
}
