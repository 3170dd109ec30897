package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"dione/crypto/identity"
)

// sealForever does what the engine does with each message: in one transaction
// the state of the session goes on and its package is written down. Now and
// then packages are acknowledged, with a state that knows of it. It says each
// number once its commit is confirmed.
func sealForever(dir string) error {
	_, s, err := openChild(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	var ses Session
	if err := s.Update(ctx, func(tx *Tx) (err error) {
		ses, err = sessionWith(tx, bob)
		if string(ses.State) == string(make([]byte, 4)) { // a new one
			ses.State = []byte("0 0")
			err = errors.Join(err, tx.PutSession(&ses))
		}
		return err
	}); err != nil {
		return err
	}
	var next, acked uint32 // what the state says
	if _, err := fmt.Sscan(string(ses.State), &next, &acked); err != nil {
		return err
	}
	fmt.Println(next)
	for {
		if err := s.Update(ctx, func(tx *Tx) error {
			for range 1 + rand.IntN(5) {
				m := mine(Chat{Peer: bob}, strconv.Itoa(int(next)))
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
				if err := tx.Enqueue(m, []identity.ID{bob}, []byte(m.Text), time.Time{}); err != nil {
					return err
				}
				if err := tx.PutParcel(Parcel{Session: ses.Row, Epoch: 1, N: next, Message: m.Row, Parts: 1, Core: make([]byte, CoreSize)}); err != nil {
					return err
				}
				next++
			}
			for rand.IntN(4) > 0 && acked < next {
				if _, err := tx.AckParcels(ses.Row, []ParcelIndex{{1, acked}}); err != nil {
					return err
				}
				acked++
			}
			ses.State = fmt.Appendf(nil, "%d %d", next, acked)
			return tx.PutSession(&ses)
		}); err != nil {
			return err
		}
		fmt.Println(next)
		if next%300 < 5 { // so that a kill also meets a checkpoint
			if err := s.db.checkpoint(); err != nil {
				return err
			}
		}
	}
}

// Killed at any instant, a session is never behind its packages nor ahead of
// them: no key is used twice, and no package that was made is missing.
func TestKilledWhileSealing(t *testing.T) {
	dir := t.TempDir()
	confirmed := 0
	for round := range rounds(12, 300) {
		c := startChild(t, "seal", dir)
		if got := atoi(t, c.next()); got < confirmed {
			t.Fatalf("round %d: the state is number %d, %d was confirmed", round, got, confirmed)
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		if said := c.kill(); len(said) > 0 {
			confirmed = atoi(t, said[len(said)-1])
		}
		p, s := testProfile(t, dir)
		view(t, s, func(tx *Tx) error {
			all, err := tx.Sessions(bob)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d sessions, %v", len(all), err)
			}
			var next, acked uint32
			if _, err := fmt.Sscan(string(all[0].State), &next, &acked); err != nil {
				return err
			}
			parcels, err := tx.Parcels(all[0].Row, ParcelIndex{}, 1<<30)
			if int(next) < confirmed || len(parcels) != int(next-acked) {
				t.Errorf("state %d (%d acknowledged) with %d packages, %d was confirmed", next, acked, len(parcels), confirmed)
			}
			for i, one := range parcels {
				if one.N != acked+uint32(i) {
					t.Errorf("package %d is number %d, want %d", i, one.N, acked+uint32(i))
				}
			}
			if n, err := number(tx, "SELECT count(*) FROM message"); n != int64(next) || err != nil {
				t.Errorf("%d messages, the state is number %d, %v", n, next, err)
			}
			return err
		})
		wantConsistent(t, s)
		closeAll(t, p, s)
	}
	t.Logf("%d messages confirmed", confirmed)
}
