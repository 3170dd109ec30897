package dht

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestDiversity(t *testing.T) {
	for _, tt := range []struct {
		name   string
		addr   func(i int) string
		bucket int // how many of them one bucket takes
		table  int // how many a table with many buckets takes
	}{
		{"one /24", func(i int) string { return fmt.Sprintf("9.8.7.%d", i%256) }, perOrigin, totalOrigin},
		{"one /16", func(i int) string { return fmt.Sprintf("9.8.%d.1", i%256) }, perRegion, 12 * perRegion},
		{"many /16", func(i int) string { return fmt.Sprintf("%d.%d.1.1", 11+i%80, i/80) }, 500, 500},
		{"one /48", func(i int) string { return fmt.Sprintf("2a01:4f8:1::%x", i+1) }, perOrigin, totalOrigin},
		{"one /32", func(i int) string { return fmt.Sprintf("2a01:4f8:%x::1", i+1) }, perRegion, 12 * perRegion},
	} {
		r := chance(7)
		one, many := NewTable(anyKey(r), TableConfig{Varied: true}), NewTable(anyKey(r), TableConfig{Varied: true})
		for i := range 500 {
			c := contactAt(one.placeIn(0, r), tt.addr(i))
			if got := one.Wants(c); got != (one.Len() < tt.bucket) {
				t.Fatalf("%s: Wants = %v with %d in the bucket", tt.name, got, one.Len())
			}
			one.Add(epoch, c)
			many.Add(epoch, contactAt(many.placeIn(i%12, r), tt.addr(i)))
		}
		if one.Len() != tt.bucket || many.Len() != tt.table {
			t.Errorf("%s: %d in a bucket, %d in a table, want %d and %d", tt.name, one.Len(), many.Len(), tt.bucket, tt.table)
		}
		mustBeSound(t, one)
		mustBeSound(t, many)
	}
	// In an office all are of one network.
	r := chance(8)
	office := NewTable(anyKey(r), TableConfig{})
	for i := range 300 {
		office.Add(epoch, contactAt(anyKey(r), fmt.Sprintf("192.168.%d.%d", i/250, 1+i%250)))
	}
	if office.Len() != 300 {
		t.Errorf("%d of an office of 300 are known", office.Len())
	}
}

// TestEclipse: whoever makes as many nodes as he likes, wherever he likes, in
// 64 networks, drives nobody out who was there before, and holds a part of the
// table that is bounded by the number of his networks.
func TestEclipse(t *testing.T) {
	for _, small := range []int{-1, 0} {
		r := chance(9)
		self := anyKey(r)
		tb := NewTable(self, TableConfig{Small: small, Varied: true})
		var before []*Contact
		for range 2000 {
			c := faraway(r, anyKey(r))
			if added, _ := tb.Add(epoch, c); added {
				before = append(before, c)
			}
		}
		now := epoch
		for i := range 50_000 {
			now = now.Add(time.Second)
			k := mix(self, r.IntN(40), r)
			c := contactAt(k, fmt.Sprintf("%d.7.7.%d", 128+i%64, i/64%256))
			if added, check := tb.Add(now, c); !added && check != nil {
				tb.Seen(now, check.Key) // those who were there still are
			}
		}
		mustBeSound(t, tb)
		for _, c := range before {
			if tb.Get(c.Key) == nil {
				t.Fatalf("small=%d: %v was driven out", small, c.Key)
			}
		}
		if his := tb.Len() - len(before); his > 64*totalOrigin {
			t.Errorf("small=%d: the attacker holds %d places", small, his)
		}
		for i, b := range tb.buckets {
			if len(b.entries) > 2*64 && i > 3 {
				t.Errorf("small=%d: bucket %d holds %d", small, i, len(b.entries))
			}
		}
	}
}

// TestEndlessContacts: no number of contacts makes a table large.
func TestEndlessContacts(t *testing.T) {
	for _, varied := range []bool{false, true} {
		r := chance(10)
		self := anyKey(r)
		tb := NewTable(self, TableConfig{Varied: varied})
		n := 300_000
		if varied {
			n = 5_000
		}
		for range n {
			// Keys at all depths, as many as hash power could never give.
			tb.Add(epoch, faraway(r, mix(self, r.IntN(257), r)))
		}
		mustBeSound(t, tb)
		if len(tb.buckets) > 256 {
			t.Errorf("%d buckets", len(tb.buckets))
		}
	}
}

// schedule drives a table by bytes, and checks it after each step.
func schedule(t *testing.T, steps []byte) {
	if len(steps) < 4 {
		return
	}
	r := chance(uint64(steps[0]))
	self := anyKey(r)
	tb := NewTable(self, TableConfig{K: 1 + int(steps[1]%8), Small: int(steps[2]%40) - 1, Varied: steps[3]&1 == 1})
	now := epoch
	var named []*Contact
	var pool [96]*Contact
	for i := range pool {
		pool[i] = contactAt(mix(self, i%9, r), fmt.Sprintf("%d.%d.%d.1", 11+i%5, i%7, i%3))
	}
	for i := 4; i+1 < len(steps); i += 2 {
		c := pool[int(steps[i+1])%len(pool)]
		now = now.Add(time.Duration(steps[i]>>3) * 10 * time.Second)
		before := tb.Len()
		switch steps[i] % 8 {
		case 0, 1, 2:
			added, check := tb.Add(now, c)
			if added && (check != nil || tb.Get(c.Key) == nil) || tb.Len() < before {
				t.Fatalf("step %d: added %v, check %v", i, added, check)
			}
		case 3:
			tb.Seen(now, c.Key)
		case 4, 5:
			there := tb.Get(c.Key) != nil
			if next := tb.Failed(now, c.Key); next != nil {
				named = append(named, next)
			}
			if gone := before - tb.Len(); gone > 1 || gone == 1 && (!there || tb.Get(c.Key) != nil) {
				t.Fatalf("step %d: the failure of one has cost %d", i, gone)
			}
		case 6:
			if len(named) > 0 { // the successor has answered
				tb.Add(now, named[0])
				named = named[1:]
			}
		case 7:
			tb.Idle(now, refreshAfter, r)
			tb.LookedUp(now, c.Key)
			tb.Doubtful(now, 3)
			tb.Stalest(now)
		}
		mustBeSound(t, tb)
		got := tb.Nearest(c.Key, tb.Len()+1, true)
		if len(got) != tb.Len() || len(tb.Contacts()) != tb.Len() {
			t.Fatalf("step %d: Nearest finds %d of %d", i, len(got), tb.Len())
		}
	}
}

func TestTableSchedules(t *testing.T) {
	for seed := range uint64(300) {
		r := chance(seed)
		steps := make([]byte, 400)
		for i := 0; i < len(steps); i += 8 {
			binary.LittleEndian.PutUint64(steps[i:], r.Uint64())
		}
		schedule(t, steps)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 0, 1, 0, 2, 4, 1, 3, 2, 4, 1, 6, 0, 7, 7})
	f.Add(slices.Repeat([]byte{0, 17, 8, 30, 4, 17}, 30))
	f.Fuzz(func(t *testing.T, steps []byte) { schedule(t, steps[:min(len(steps), 1000)]) })
}
