package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"dione/crypto/identity"
)

// writeForever stores numbered messages, in batches, in the chat with bob, and
// says each number once its commit is confirmed.
func writeForever(dir string) error {
	_, s, err := openChild(dir)
	if err != nil {
		return err
	}
	in := Chat{Peer: bob}
	n := 0
	if err := s.View(context.Background(), func(tx *Tx) error {
		last, err := tx.History(in, Cursor{}, 1)
		if len(last) > 0 {
			n, err = strconv.Atoi(last[0].Text)
		}
		return err
	}); err != nil {
		return err
	}
	fmt.Println(n)
	for {
		batch := 1 + rand.IntN(20)
		if err := s.Update(context.Background(), func(tx *Tx) error {
			for i := range batch {
				m := mine(in, strconv.Itoa(n+i+1))
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
				if err := tx.Enqueue(m, []identity.ID{bob}, []byte(m.Text), time.Time{}); err != nil {
					return err
				}
			}
			if n%3 == 0 { // something is taken away, too
				out, err := tx.Unsealed(bob, 0, batch)
				if err != nil {
					return err
				}
				for _, o := range out {
					if _, err := came(tx, bob, []MessageID{o.Message.ID}); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			return err
		}
		n += batch
		fmt.Println(n)
		if n%500 < batch { // so that a kill also meets a checkpoint
			if err := s.db.checkpoint(); err != nil {
				return err
			}
		}
	}
}

// Killed at any instant, again and again, the program loses nothing that it
// has confirmed, and has nothing twice.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	confirmed := 0
	for round := range rounds(10, 200) {
		c := startChild(t, "write", dir)
		first := c.next()
		if got := atoi(t, first); got < confirmed {
			t.Fatalf("round %d: %d messages are left of %d that were confirmed", round, got, confirmed)
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		said := c.kill()
		if len(said) > 0 {
			confirmed = atoi(t, said[len(said)-1])
		}
	}
	p, s := testProfile(t, dir)
	got := history(t, s, Chat{Peer: bob})
	if len(got) < confirmed {
		t.Errorf("%d messages, %d were confirmed", len(got), confirmed)
	}
	for i, m := range got {
		if m.Text != strconv.Itoa(i+1) || m.Seq != uint64(i+1) {
			t.Fatalf("message %d is %q with number %d", i+1, m.Text, m.Seq)
		}
	}
	wantConsistent(t, s)
	closeAll(t, p, s)
	t.Logf("%d messages confirmed", confirmed)
}

// consistent are what must not be there.
var consistent = []string{
	`SELECT count(*) FROM outbox WHERE message NOT IN (SELECT message FROM envelope)`,
	`SELECT count(*) FROM envelope WHERE message NOT IN (SELECT message FROM outbox)`,
	`SELECT count(*) FROM message WHERE (state = 1 OR state = 2 AND chat <> 1) AND id NOT IN (SELECT message FROM outbox)`,
	`SELECT count(*) FROM chat WHERE waiting <> (SELECT count(*) FROM outbox WHERE dest = chat.peer AND expires = 0)`,
	`SELECT count(*) FROM outbox o WHERE parts <> (SELECT count(*) FROM parcel p WHERE p.message = o.message)`,
	`SELECT count(*) FROM chat c WHERE (SELECT count(*) FROM message WHERE chat = c.id AND kind = 0 AND deleted = 0) <> (SELECT count(*) FROM words WHERE words MATCH '"#' || c.id || '"')`,
	`SELECT count(*) FROM chat c WHERE mentions <> (SELECT count(*) FROM message WHERE chat = c.id AND kind = 0 AND state = 0 AND mentioned AND pos > c.read)`,
	`SELECT count(*) FROM message WHERE kind = 0 AND (edited > 0) <> (id IN (SELECT message FROM original))`,
	`SELECT count(*) FROM message WHERE deleted AND (text <> '' OR edited > 0 OR mentioned)`,
	`SELECT count(*) FROM message WHERE reacted <> (id IN (SELECT message FROM reaction))`,
	`SELECT count(*) FROM message m LEFT JOIN day d ON d.day = m.arrived / 86400000 WHERE d.day IS NULL OR m.id NOT BETWEEN d.first AND d.last`,
}

// wantConsistent checks the file, and that what is counted is what is there.
func wantConsistent(t testing.TB, s *Store) {
	t.Helper()
	if err := s.db.quickCheck(); err != nil {
		t.Error(err)
	}
	view(t, s, func(tx *Tx) error {
		for _, query := range consistent {
			if n, err := number(tx, query); err != nil || n != 0 {
				t.Errorf("%s = %d, %v, want 0", query, n, err)
			}
		}
		return nil
	})
}

// sector is what a disk writes whole.
const sector = 512

// tear makes a file as a power cut can leave it while its content goes from
// one to the other: each sector as it was, as it should become, or noise.
func tear(rnd *rand.Rand, from, to []byte) []byte {
	size := len(to)
	if len(from) < len(to) {
		size = len(from) + rnd.IntN(len(to)-len(from)+1)
	}
	torn := make([]byte, size)
	for at := 0; at < size; at += sector {
		end := min(at+sector, size)
		same := end <= len(from) && string(from[at:end]) == string(to[at:end])
		switch n := rnd.IntN(5); {
		case same || n < 3:
			copy(torn[at:end], to[at:end])
		case n == 3 && end <= len(from):
			copy(torn[at:end], from[at:end])
		default:
			for i := at; i < end; i++ {
				torn[i] = byte(rnd.Uint32())
			}
		}
	}
	return torn
}

// A power cut between two syncs may tear all that was written after the first.
// Whatever is torn, the file opens and has every message confirmed until then.
func TestPowerCut(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 3))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	in := Chat{Peer: bob}
	was, images := contents(t, dir), 0
	for n := range rounds(40, 1000) {
		if n%8 == 7 {
			// Into the database, but the WAL as it is: cut before it is emptied.
			before := contents(t, dir)
			if err := s.db.checkpoint(); err != nil {
				t.Fatal(err)
			}
			now := contents(t, dir)
			for range 5 {
				image := map[string][]byte{
					keyName:            now[keyName],
					dbName:             tear(rnd, before[dbName], now[dbName]),
					dbName + walSuffix: before[dbName+walSuffix],
				}
				wantMessages(t, image, in, n)
				images++
			}
			was = now
		}
		enqueue(t, s, in, strconv.Itoa(n+1), bob)
		now := contents(t, dir)
		for range 5 {
			image := map[string][]byte{
				keyName:            now[keyName],
				dbName:             now[dbName],
				dbName + walSuffix: tear(rnd, was[dbName+walSuffix], now[dbName+walSuffix]),
			}
			wantMessages(t, image, in, n)
			images++
		}
		was = now
	}
	closeAll(t, p, s)
	t.Logf("%d images opened", images)
}

// A WAL cut at any length opens: the cipher cannot read a part of a block.
func TestCutWAL(t *testing.T) {
	dir := t.TempDir()
	p, s := testProfile(t, dir)
	in := Chat{Peer: bob}
	var confirmed []int // length of the WAL after each message
	for n := range 6 {
		enqueue(t, s, in, strconv.Itoa(n+1), bob)
		confirmed = append(confirmed, len(contents(t, dir)[dbName+walSuffix]))
	}
	files := contents(t, dir)
	wal := files[dbName+walSuffix]
	for cut := 0; cut <= len(wal); cut += 1021 {
		n := 0
		for n < len(confirmed) && confirmed[n] <= cut {
			n++
		}
		files[dbName+walSuffix] = wal[:cut]
		wantMessages(t, files, in, n)
	}
	closeAll(t, p, s)
}

// wantMessages opens a profile of the given files and looks for the first n
// messages of a chat.
func wantMessages(t testing.TB, files map[string][]byte, in Chat, n int) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if name == lockName {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, s := testProfile(t, dir)
	got := history(t, s, in)
	if len(got) < n {
		t.Errorf("%d messages, %d were confirmed", len(got), n)
	}
	for i, m := range got {
		if m.Text != strconv.Itoa(i+1) {
			t.Errorf("message %d is %q", i+1, m.Text)
		}
	}
	wantConsistent(t, s)
	enqueue(t, s, in, strconv.Itoa(len(got)+1), bob) // and goes on
	closeAll(t, p, s)
}
