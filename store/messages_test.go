package store

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAddMessage(t *testing.T) {
	s := testStore(t)
	private := Chat{Peer: bob}
	got := add(t, s, theirs(private, bob, 1, "hi"), mine(private, "hello"), mine(private, "again"), mine(Room, "all"))
	for i, want := range []struct {
		row int64
		seq uint64
		pos float64
	}{{1, 1, 1}, {2, 1, 2}, {3, 2, 3}, {4, 1, 1}} {
		if m := got[i]; m.Row != want.row || m.Seq != want.seq || m.Pos != want.pos {
			t.Errorf("message %d: row %d, seq %d, pos %v, want %+v", i, m.Row, m.Seq, m.Pos, want)
		}
	}
	if read := history(t, s, private); !reflect.DeepEqual(read, got[:3]) {
		t.Errorf("stored %+v, read %+v", got[:3], read)
	}
	view(t, s, func(tx *Tx) error {
		m, ok, err := tx.Message(private, bob, got[0].ID)
		if !ok || !reflect.DeepEqual(m, got[0]) {
			t.Errorf("Message = %+v, %t, want %+v", m, ok, got[0])
		}
		if _, ok, err := tx.Message(private, carol, got[0].ID); ok || err != nil {
			t.Errorf("Message of another author = %t, %v", ok, err)
		}
		if _, ok, err := tx.Message(Chat{Peer: carol}, carol, got[0].ID); ok || err != nil {
			t.Errorf("Message of another chat = %t, %v", ok, err)
		}
		return err
	})
}

// Times are kept to the millisecond, and the caller's copy says so too.
func TestTimesAreCut(t *testing.T) {
	s := testStore(t)
	m := mine(Room, "x")
	m.Sent = at.Add(1234 * time.Microsecond)
	m = add(t, s, m)[0]
	if want := at.Add(time.Millisecond); !m.Sent.Equal(want) || !reflect.DeepEqual(history(t, s, Room)[0], m) {
		t.Errorf("Sent = %v, want %v", m.Sent, want)
	}
}

func TestDuplicates(t *testing.T) {
	s := testStore(t)
	first := add(t, s, theirs(Chat{Peer: bob}, bob, 1, "hi"))[0]
	again := first
	again.Row, again.Text = 0, "hi, changed"
	elsewhere := theirs(Room, bob, 1, "same id in the room")
	elsewhere.ID = first.ID
	byCarol := theirs(Room, carol, 1, "same id by carol")
	byCarol.ID = first.ID
	ours := mine(Chat{Peer: bob}, "same id by us")
	ours.ID = first.ID
	for _, tt := range []struct {
		m    Message
		want bool
	}{{again, false}, {elsewhere, true}, {byCarol, true}, {ours, true}, {elsewhere, false}} {
		update(t, s, func(tx *Tx) error {
			added, err := tx.AddMessage(&tt.m)
			if added != tt.want {
				t.Errorf("%s: added = %t", tt.m.Text, added)
			}
			return err
		})
	}
	if got := history(t, s, Chat{Peer: bob}); len(got) != 2 || !reflect.DeepEqual(got[0], first) {
		t.Errorf("history = %+v, want %+v first", got, first)
	}
	view(t, s, func(tx *Tx) error {
		info, err := tx.ChatInfo(Chat{Peer: bob})
		if info.Unread != 1 {
			t.Errorf("%d unread, want 1: a duplicate is nothing new", info.Unread)
		}
		return err
	})
}

// What cannot be stored is refused, and the rest of the batch is not touched.
func TestInvalid(t *testing.T) {
	s := testStore(t)
	update(t, s, func(tx *Tx) error {
		for name, change := range map[string]func(*Message){
			"too long":             func(m *Message) { m.Text = strings.Repeat("x", MaxText+1) },
			"not UTF-8":            func(m *Message) { m.Text = "\xff" },
			"no number":            func(m *Message) { m.Seq = 0 },
			"number too high":      func(m *Message) { m.Seq = 1 << 63 },
			"no author":            func(m *Message) { m.From = person(0); m.From = [32]byte{} },
			"queued, of another":   func(m *Message) { m.State = StateQueued },
			"received, mine":       func(m *Message) { m.Mine = true },
			"somebody in our chat": func(m *Message) { m.From = carol },
		} {
			m := theirs(Chat{Peer: bob}, bob, 1, "x")
			change(&m)
			if _, err := tx.AddMessage(&m); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: AddMessage = %v, want %v", name, err, ErrInvalid)
			}
		}
		m := theirs(Chat{Peer: bob}, bob, 1, strings.Repeat("x", MaxText))
		_, err := tx.AddMessage(&m)
		return err
	})
	if got := history(t, s, Chat{Peer: bob}); len(got) != 1 || len(got[0].Text) != MaxText {
		t.Errorf("%d messages, want the longest allowed", len(got))
	}
}

func TestPaging(t *testing.T) {
	s := testStore(t)
	var come []Message
	for i := range 1000 {
		// Every tenth comes late, so places are not all whole.
		seq := uint64(i + 1)
		if i%10 == 5 {
			seq++
		} else if i%10 == 6 {
			seq--
		}
		come = append(come, theirs(Room, bob, seq, fmt.Sprint(seq)), mine(Chat{Peer: carol}, "elsewhere"))
	}
	add(t, s, come...)
	whole := history(t, s, Room)
	if len(whole) != 1000 {
		t.Fatalf("%d messages, want 1000", len(whole))
	}
	for _, n := range []int{1, 7, 100, 999, 1000, 1001} {
		var up, down []Message
		view(t, s, func(tx *Tx) error {
			for at := (Cursor{}); ; {
				page, err := tx.History(Room, at, n)
				if err != nil || len(page) == 0 {
					return err
				}
				up = append(page, up...)
				at = Cursor{page[0].Pos, page[0].Row}
			}
		})
		view(t, s, func(tx *Tx) error {
			for at := (Cursor{}); ; {
				page, err := tx.HistoryAfter(Room, at, n)
				if err != nil || len(page) == 0 {
					return err
				}
				down = append(down, page...)
				at = Cursor{page[len(page)-1].Pos, page[len(page)-1].Row}
			}
		})
		if !reflect.DeepEqual(up, whole) || !reflect.DeepEqual(down, whole) {
			t.Errorf("pages of %d: not the history", n)
		}
	}
	var rows []int64
	view(t, s, func(tx *Tx) error {
		for at := int64(0); ; {
			page, err := tx.After(at, 300)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, m := range page {
				rows = append(rows, m.Row)
			}
			at = rows[len(rows)-1]
		}
	})
	if len(rows) != 2000 || !slices.IsSorted(rows) {
		t.Errorf("After: %d rows, sorted: %t", len(rows), slices.IsSorted(rows))
	}
}

func TestEmptyChats(t *testing.T) {
	s := testStore(t)
	update(t, s, func(tx *Tx) error { return tx.PutContact(Contact{ID: bob}) })
	update(t, s, func(tx *Tx) error {
		for _, in := range []Chat{Room, {Peer: bob}, {Peer: carol}} {
			page, err := tx.History(in, Cursor{}, 10)
			later, err2 := tx.HistoryAfter(in, Cursor{}, 10)
			info, err3 := tx.MarkRead(in, 7)
			if len(page)+len(later) != 0 || !reflect.DeepEqual(info, ChatInfo{Chat: in}) {
				t.Errorf("%v: %d messages, %+v", in, len(page)+len(later), info)
			}
			if err := errors.Join(err, err2, err3); err != nil {
				return err
			}
		}
		all, err := tx.Chats()
		if len(all) != 1 || !all[0].Chat.IsRoom() {
			t.Errorf("Chats = %+v, want the room", all)
		}
		return err
	})
}
