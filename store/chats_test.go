package store

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func TestChats(t *testing.T) {
	s := testStore(t)
	got := add(t, s, theirs(Chat{Peer: bob}, bob, 1, "b1"), theirs(Chat{Peer: carol}, carol, 1, "c1"), mine(Chat{Peer: bob}, "b2"))
	view(t, s, func(tx *Tx) error {
		all, err := tx.Chats()
		if err != nil {
			return err
		}
		for i, want := range []ChatInfo{
			{Chat: Room},
			{Chat: Chat{Peer: bob}, Unread: 1, Last: got[2]},
			{Chat: Chat{Peer: carol}, Unread: 1, Last: got[1]},
		} {
			if i >= len(all) || !reflect.DeepEqual(all[i], want) {
				t.Errorf("chat %d of %d, want %+v", i, len(all), want)
			}
		}
		return nil
	})
}

func TestMute(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	for _, tt := range []struct {
		until, want int64
		muted       bool // at 1000
	}{{1000, 1000, false}, {1001, 1001, true}, {Forever, Forever, true}, {-1, 0, false}, {5000, 5000, true}} {
		update(t, s, func(tx *Tx) error {
			info, err := tx.Mute(in, tt.until)
			if info.MutedUntil != tt.want || info.Muted(time.UnixMilli(1000)) != tt.muted {
				t.Errorf("muted until %d: %+v, want %d, %v", tt.until, info, tt.want, tt.muted)
			}
			return err
		})
	}
	add(t, s, theirs(in, bob, 1, "x"))
	view(t, s, func(tx *Tx) error {
		info, err := tx.ChatInfo(in)
		if info.MutedUntil != 5000 || info.Unread != 1 {
			t.Errorf("after a message: %+v", info)
		}
		if _, err := tx.Mute(in, 1); err == nil {
			t.Error("Mute wrote inside of View")
		}
		return err
	})
}

func TestMarkRead(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	for i := range 10 {
		add(t, s, theirs(in, bob, uint64(i+1), "x"), mine(in, "y")) // places 1 to 20
	}
	for _, tt := range []struct {
		pos    float64
		read   float64
		unread int
	}{
		{0, 0, 10}, {-3, 0, 10}, {math.NaN(), 0, 10}, {1, 1, 9}, {2, 2, 9}, {7, 7, 6}, {3, 7, 6},
		{math.Inf(-1), 7, 6}, {19, 19, 0}, {1000, 20, 0}, {math.Inf(1), 20, 0},
	} {
		update(t, s, func(tx *Tx) error {
			info, err := tx.MarkRead(in, tt.pos)
			if info.Read != tt.read || info.Unread != tt.unread {
				t.Errorf("MarkRead(%v) = read %v, %d unread, want %v, %d", tt.pos, info.Read, info.Unread, tt.read, tt.unread)
			}
			return err
		})
	}
	add(t, s, theirs(in, bob, 11, "new"))
	view(t, s, func(tx *Tx) error {
		info, err := tx.ChatInfo(in)
		if info.Unread != 1 {
			t.Errorf("%d unread behind the end, want 1", info.Unread)
		}
		if _, err := tx.MarkRead(in, 21); err == nil {
			t.Error("MarkRead wrote inside of View")
		}
		return err
	})
}

// However messages come and are read, and whatever is undone, the count is
// that of the messages.
func TestUnreadIsCounted(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	chats := []Chat{Room, {Peer: bob}, {Peer: carol}}
	for range 300 {
		in := chats[rnd.IntN(len(chats))]
		undo := rnd.IntN(4) == 0
		err := s.Update(t.Context(), func(tx *Tx) error {
			for range rnd.IntN(4) {
				from := in.Peer
				if in.IsRoom() {
					from = bob
				}
				m := theirs(in, from, 1+rnd.Uint64N(100), "x")
				if rnd.IntN(3) == 0 {
					m = mine(in, "y")
				}
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
			}
			if rnd.IntN(2) == 0 {
				if _, err := tx.MarkRead(in, float64(rnd.IntN(400))/2); err != nil {
					return err
				}
			}
			if undo {
				return errUndo
			}
			return nil
		})
		if undo != (err == errUndo) {
			t.Fatal(err)
		}
		if rnd.IntN(50) == 0 {
			closeAll(t, p, s)
			p, s = testProfile(t, dir)
		}
		info := ChatInfo{}
		view(t, s, func(tx *Tx) (err error) {
			info, err = tx.ChatInfo(in)
			return err
		})
		want := 0
		for _, m := range history(t, s, in) {
			if !m.Mine && m.Pos > info.Read {
				want++
			}
		}
		if info.Unread != want {
			t.Fatalf("seed %d: %v: %d unread, want %d", seed, in, info.Unread, want)
		}
	}
	closeAll(t, p, s)
}
