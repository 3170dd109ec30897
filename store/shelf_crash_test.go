package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

func init() { children["held"] = putForever }

func openShelfChild(dir string) (*Parcels, error) {
	profile, err := OpenProfile(dir)
	if err != nil {
		return nil, err
	}
	key, err := profile.Unlock(nil)
	if err == nil {
		var p *Parcels
		if p, err = OpenParcels(context.Background(), profile, key, nil); err == nil {
			return p, nil
		}
	}
	return nil, errors.Join(err, profile.Close())
}

// heldWriters is how many put at a time in the tests of crashes.
const heldWriters = 8

// heldBy is package n of one writer.
func heldBy(writer, n int) Held { return numbered(writer<<32 | n) }

// dropsOf returns what a writer drops as it puts package n.
func dropsOf(writer, n int) [][32]byte {
	if n%5 != 4 {
		return nil
	}
	return [][32]byte{heldBy(writer, n-3).Address}
}

// written returns the last package of each writer. What is held must be what
// the Puts until then have left, each of them whole.
func written(p *Parcels) (last [heldWriters]int, err error) {
	held := make(map[[32]byte]bool)
	for after := ([32]byte{}); ; {
		all, err := p.Items(after, MaxPut)
		if err != nil {
			return last, err
		}
		for _, h := range all {
			w, n := binary.BigEndian.Uint32(h.Address[:]), int(binary.BigEndian.Uint32(h.Address[4:]))
			held[h.Address], last[w] = true, max(last[w], n)
		}
		if len(all) < MaxPut {
			break
		}
		after = all[len(all)-1].Address
	}
	for w, end := range last {
		for n := 1; n <= end; n++ {
			h := heldBy(w, n)
			if got, want := held[h.Address], n%5 != 1 || n+3 > end; got != want {
				return last, fmt.Errorf("package %d of %d of writer %d: held is %t, want %t", n, end, w, got, want)
			}
		}
		if end > 0 {
			h := heldBy(w, end)
			if got, err := p.Find([][8]byte{hintOf(h)}); err != nil || len(got) != 1 || string(got[0].Bytes) != string(h.Bytes) {
				return last, fmt.Errorf("package %d of writer %d: %v, %w", end, w, got, err)
			}
		}
	}
	return last, nil
}

// putForever puts packages, many at a time, and says each number when it is
// confirmed.
func putForever(dir string) error {
	p, err := openShelfChild(dir)
	if err != nil {
		return err
	}
	node, err := p.NodeKey(nil)
	if err != nil {
		return err
	}
	last, err := written(p)
	if err != nil {
		return err
	}
	fmt.Println(node.ID(), strings.Trim(fmt.Sprint(last), "[]"))
	var all sync.WaitGroup
	for w := range last {
		all.Go(func() {
			for n := last[w] + 1; ; n++ {
				if err := p.Put([]Held{heldBy(w, n)}, dropsOf(w, n)); err != nil {
					fmt.Println("error:", err)
					return
				}
				fmt.Println(w, n)
			}
		})
	}
	all.Wait()
	return nil
}

// Killed at any instant, again and again, the shelf has whatever it confirmed,
// counts it right, and is the same node.
func TestShelfKilled(t *testing.T) {
	dir := t.TempDir()
	var confirmed [heldWriters]int
	node := ""
	for round := range rounds(12, 200) {
		c := startChild(t, "held", dir)
		words := strings.Fields(c.next())
		if len(words) != 1+heldWriters || node != "" && words[0] != node {
			t.Fatalf("round %d: the child says %q, the node was %q", round, words, node)
		}
		node = words[0]
		for w, word := range words[1:] {
			if got := atoi(t, word); got < confirmed[w] {
				t.Fatalf("round %d: writer %d has %d, %d were confirmed", round, w, got, confirmed[w])
			}
		}
		time.Sleep(time.Duration(rand.IntN(80)) * time.Millisecond)
		for _, line := range c.kill() {
			var w, n int
			if _, err := fmt.Sscan(line, &w, &n); err != nil {
				t.Fatalf("round %d: the child says %q", round, line)
			}
			confirmed[w] = n
		}
	}
	profile, p := testParcels(t, dir)
	last, err := written(p)
	if err != nil {
		t.Error(err)
	}
	for w, n := range last {
		if n < confirmed[w] {
			t.Errorf("writer %d has %d, %d were confirmed", w, n, confirmed[w])
		}
	}
	wantLedger(t, p)
	closeShelf(t, profile, p)
	t.Logf("confirmed: %v", confirmed)
}

// A power cut between two syncs may tear all that was written after the first.
// Whatever is torn, the shelf opens and has every package confirmed until then.
func TestShelfPowerCut(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 3))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	files := func() (key, db, wal []byte) {
		all := contents(t, dir)
		return all[keyName], all[heldName], all[heldName+walSuffix]
	}
	images := 0
	try := func(key, db, wal []byte, confirmed int) {
		t.Helper()
		images++
		image := t.TempDir()
		writeFiles(t, image, map[string][]byte{keyName: key, heldName: db, heldName + walSuffix: wal})
		profile, p := testParcels(t, image)
		last, err := written(p)
		if err != nil || last[0] < confirmed {
			t.Errorf("image %d: %d packages, %v, %d were confirmed", images, last[0], err, confirmed)
		}
		wantLedger(t, p)
		n := last[0] + 1
		if err := p.Put([]Held{heldBy(0, n)}, dropsOf(0, n)); err != nil { // and goes on
			t.Errorf("image %d: Put = %v", images, err)
		}
		closeShelf(t, profile, p)
	}
	n, begun := 0, false
	for range rounds(28, 1000) {
		_, _, wasWAL := files()
		for i := range 1 + rnd.IntN(2)*rnd.IntN(20) {
			begun = begun && i == 0
			_, _, wasWAL = files()
			if err := p.Put([]Held{heldBy(0, n+1)}, dropsOf(0, n+1)); err != nil {
				t.Fatal(err)
			}
			n++
		}
		key, wasDB, wal := files()
		for range 3 {
			try(key, wasDB, tear(rnd, wasWAL, wal), n-1)
		}
		// What is written last may be on the disk first, in a WAL that is begun
		// again before all.
		for block := range 8 {
			if old := pageSize * block; begun && old <= min(len(wasWAL), len(wal)) {
				try(key, wasDB, append(bytes.Clone(wasWAL[:old]), wal[old:]...), n-1)
			}
		}
		begun = false
		if rnd.IntN(3) == 0 {
			p.writer <- struct{}{}
			p.tidyAt = 1
			p.tidyWAL()
			<-p.writer
			begun = true
			_, db, blotted := files()
			for range 3 {
				try(key, tear(rnd, wasDB, db), wal, n)
				try(key, db, tear(rnd, wal, blotted), n)
			}
		}
	}
	closeShelf(t, profile, p)
	t.Logf("%d images opened", images)
}
